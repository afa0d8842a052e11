//! Generated from `schema/produce.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ProduceRequest {
    pub transactional_id: Option<WireStr>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topic_data: Vec<TopicProduceData>,
}

impl Default for ProduceRequest {
    fn default() -> Self {
        Self {
            transactional_id: None,
            acks: Default::default(),
            timeout_ms: Default::default(),
            topic_data: Default::default(),
        }
    }
}

impl Codec for ProduceRequest {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.transactional_id = Nullable::decode_nullable(d, v)?;
        m.acks = Codec::decode(d, v)?;
        m.timeout_ms = Codec::decode(d, v)?;
        m.topic_data = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        Nullable::encode_nullable(self.transactional_id.as_ref(), e, v);
        self.acks.encode(e, v);
        self.timeout_ms.encode(e, v);
        self.topic_data.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicProduceData {
    pub name: WireStr,
    pub topic_id: Uuid,
    pub partition_data: Vec<PartitionProduceData>,
}

impl Codec for TopicProduceData {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 12 {
            m.name = Codec::decode(d, v)?;
        }
        if v.number >= 13 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.partition_data = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 12 {
            self.name.encode(e, v);
        }
        if v.number >= 13 {
            self.topic_id.encode(e, v);
        }
        self.partition_data.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionProduceData {
    pub index: i32,
    pub records: Option<Records>,
}

impl Default for PartitionProduceData {
    fn default() -> Self {
        Self { index: Default::default(), records: Some(Default::default()) }
    }
}

impl Codec for PartitionProduceData {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.index = Codec::decode(d, v)?;
        m.records = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.index.encode(e, v);
        Nullable::encode_nullable(self.records.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ProduceRequest {
    const NAME: &'static str = "ProduceRequest";
    const KEY: i16 = 0;
    const VERSIONS: (i16, i16) = (3, 13);
    const FLEXIBLE_FROM: i16 = 9;
}

impl Request for ProduceRequest {
    type Response = ProduceResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ProduceResponse {
    pub responses: Vec<TopicProduceResponse>,
    pub throttle_time_ms: i32,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Default for ProduceResponse {
    fn default() -> Self {
        Self { responses: Default::default(), throttle_time_ms: 0, node_endpoints: Default::default() }
    }
}

impl Codec for ProduceResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.responses = Codec::decode(d, v)?;
        m.throttle_time_ms = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 10 => m.node_endpoints = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.responses.encode(e, v);
        self.throttle_time_ms.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 10 && !self.node_endpoints.is_empty() {
                tags.add(0, |e| {
                    self.node_endpoints.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicProduceResponse {
    pub name: WireStr,
    pub topic_id: Uuid,
    pub partition_responses: Vec<PartitionProduceResponse>,
}

impl Codec for TopicProduceResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 12 {
            m.name = Codec::decode(d, v)?;
        }
        if v.number >= 13 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.partition_responses = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 12 {
            self.name.encode(e, v);
        }
        if v.number >= 13 {
            self.topic_id.encode(e, v);
        }
        self.partition_responses.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionProduceResponse {
    pub index: i32,
    pub error_code: i16,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    pub error_message: Option<WireStr>,
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse {
    fn default() -> Self {
        Self {
            index: Default::default(),
            error_code: Default::default(),
            base_offset: Default::default(),
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Default::default(),
            error_message: None,
            current_leader: Default::default(),
        }
    }
}

impl Codec for PartitionProduceResponse {
    const MIN_BYTES: usize = 22;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.index = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.base_offset = Codec::decode(d, v)?;
        m.log_append_time_ms = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.log_start_offset = Codec::decode(d, v)?;
        }
        if v.number >= 8 {
            m.record_errors = Codec::decode(d, v)?;
        }
        if v.number >= 8 {
            m.error_message = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 10 => m.current_leader = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.index.encode(e, v);
        e.error_code(self.error_code);
        self.base_offset.encode(e, v);
        self.log_append_time_ms.encode(e, v);
        if v.number >= 5 {
            self.log_start_offset.encode(e, v);
        }
        if v.number >= 8 {
            self.record_errors.encode(e, v);
        }
        if v.number >= 8 {
            Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        }
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 10 && self.current_leader != Default::default() {
                tags.add(0, |e| {
                    self.current_leader.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct BatchIndexAndErrorMessage {
    pub batch_index: i32,
    pub batch_index_error_message: Option<WireStr>,
}

impl Default for BatchIndexAndErrorMessage {
    fn default() -> Self {
        Self { batch_index: Default::default(), batch_index_error_message: None }
    }
}

impl Codec for BatchIndexAndErrorMessage {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.batch_index = Codec::decode(d, v)?;
        m.batch_index_error_message = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.batch_index.encode(e, v);
        Nullable::encode_nullable(self.batch_index_error_message.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl Codec for LeaderIdAndEpoch {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.leader_id = Codec::decode(d, v)?;
        m.leader_epoch = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.leader_id.encode(e, v);
        self.leader_epoch.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: WireStr,
    pub port: i32,
    pub rack: Option<WireStr>,
}

impl Default for NodeEndpoint {
    fn default() -> Self {
        Self { node_id: Default::default(), host: Default::default(), port: Default::default(), rack: None }
    }
}

impl Codec for NodeEndpoint {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.node_id = Codec::decode(d, v)?;
        m.host = Codec::decode(d, v)?;
        m.port = Codec::decode(d, v)?;
        m.rack = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.node_id.encode(e, v);
        self.host.encode(e, v);
        self.port.encode(e, v);
        Nullable::encode_nullable(self.rack.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ProduceResponse {
    const NAME: &'static str = "ProduceResponse";
    const KEY: i16 = 0;
    const VERSIONS: (i16, i16) = (3, 13);
    const FLEXIBLE_FROM: i16 = 9;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
