//! Generated from `schema/share_acknowledge.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ShareAcknowledgeRequest {
    pub group_id: Option<WireStr>,
    pub member_id: Option<WireStr>,
    pub share_session_epoch: i32,
    pub is_renew_ack: bool,
    pub topics: Vec<AcknowledgeTopic>,
}

impl Default for ShareAcknowledgeRequest {
    fn default() -> Self {
        Self {
            group_id: None,
            member_id: Some(Default::default()),
            share_session_epoch: Default::default(),
            is_renew_ack: false,
            topics: Default::default(),
        }
    }
}

impl Codec for ShareAcknowledgeRequest {
    const MIN_BYTES: usize = 7;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Nullable::decode_nullable(d, v)?;
        m.member_id = Nullable::decode_nullable(d, v)?;
        m.share_session_epoch = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.is_renew_ack = Codec::decode(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        Nullable::encode_nullable(self.group_id.as_ref(), e, v);
        Nullable::encode_nullable(self.member_id.as_ref(), e, v);
        self.share_session_epoch.encode(e, v);
        if v.number >= 2 {
            self.is_renew_ack.encode(e, v);
        }
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcknowledgeTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<AcknowledgePartition>,
}

impl Codec for AcknowledgeTopic {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcknowledgePartition {
    pub partition_index: i32,
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

impl Codec for AcknowledgePartition {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.acknowledgement_batches = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        self.acknowledgement_batches.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcknowledgementBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub acknowledge_types: Vec<i8>,
}

impl Codec for AcknowledgementBatch {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.first_offset = Codec::decode(d, v)?;
        m.last_offset = Codec::decode(d, v)?;
        m.acknowledge_types = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.first_offset.encode(e, v);
        self.last_offset.encode(e, v);
        self.acknowledge_types.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareAcknowledgeRequest {
    const NAME: &'static str = "ShareAcknowledgeRequest";
    const KEY: i16 = 79;
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_FROM: i16 = 1;
}

impl Request for ShareAcknowledgeRequest {
    type Response = ShareAcknowledgeResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ShareAcknowledgeResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub acquisition_lock_timeout_ms: i32,
    pub responses: Vec<ShareAcknowledgeTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Default for ShareAcknowledgeResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: None,
            acquisition_lock_timeout_ms: Default::default(),
            responses: Default::default(),
            node_endpoints: Default::default(),
        }
    }
}

impl Codec for ShareAcknowledgeResponse {
    const MIN_BYTES: usize = 9;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        if v.number >= 2 {
            m.acquisition_lock_timeout_ms = Codec::decode(d, v)?;
        }
        m.responses = Codec::decode(d, v)?;
        m.node_endpoints = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        if v.number >= 2 {
            self.acquisition_lock_timeout_ms.encode(e, v);
        }
        self.responses.encode(e, v);
        self.node_endpoints.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareAcknowledgeTopicResponse {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

impl Codec for ShareAcknowledgeTopicResponse {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_id.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            error_message: None,
            current_leader: Default::default(),
        }
    }
}

impl Codec for PartitionData {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.current_leader = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.current_leader.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
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

impl Message for ShareAcknowledgeResponse {
    const NAME: &'static str = "ShareAcknowledgeResponse";
    const KEY: i16 = 79;
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_FROM: i16 = 1;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
