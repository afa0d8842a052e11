//! Generated from `schema/share_fetch.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ShareFetchRequest {
    pub group_id: Option<WireStr>,
    pub member_id: Option<WireStr>,
    pub share_session_epoch: i32,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub max_records: i32,
    pub batch_size: i32,
    pub share_acquire_mode: i8,
    pub is_renew_ack: bool,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
}

impl Default for ShareFetchRequest {
    fn default() -> Self {
        Self {
            group_id: None,
            member_id: Some(Default::default()),
            share_session_epoch: Default::default(),
            max_wait_ms: Default::default(),
            min_bytes: Default::default(),
            max_bytes: 2147483647,
            max_records: Default::default(),
            batch_size: Default::default(),
            share_acquire_mode: 0,
            is_renew_ack: false,
            topics: Default::default(),
            forgotten_topics_data: Default::default(),
        }
    }
}

impl Codec for ShareFetchRequest {
    const MIN_BYTES: usize = 28;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Nullable::decode_nullable(d, v)?;
        m.member_id = Nullable::decode_nullable(d, v)?;
        m.share_session_epoch = Codec::decode(d, v)?;
        m.max_wait_ms = Codec::decode(d, v)?;
        m.min_bytes = Codec::decode(d, v)?;
        m.max_bytes = Codec::decode(d, v)?;
        m.max_records = Codec::decode(d, v)?;
        m.batch_size = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.share_acquire_mode = Codec::decode(d, v)?;
        }
        if v.number >= 2 {
            m.is_renew_ack = Codec::decode(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        m.forgotten_topics_data = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        Nullable::encode_nullable(self.group_id.as_ref(), e, v);
        Nullable::encode_nullable(self.member_id.as_ref(), e, v);
        self.share_session_epoch.encode(e, v);
        self.max_wait_ms.encode(e, v);
        self.min_bytes.encode(e, v);
        self.max_bytes.encode(e, v);
        self.max_records.encode(e, v);
        self.batch_size.encode(e, v);
        if v.number >= 2 {
            self.share_acquire_mode.encode(e, v);
        }
        if v.number >= 2 {
            self.is_renew_ack.encode(e, v);
        }
        self.topics.encode(e, v);
        self.forgotten_topics_data.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

impl Codec for FetchTopic {
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
pub struct FetchPartition {
    pub partition_index: i32,
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

impl Codec for FetchPartition {
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

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForgottenTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Codec for ForgottenTopic {
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

impl Message for ShareFetchRequest {
    const NAME: &'static str = "ShareFetchRequest";
    const KEY: i16 = 78;
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_FROM: i16 = 1;
}

impl Request for ShareFetchRequest {
    type Response = ShareFetchResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ShareFetchResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub acquisition_lock_timeout_ms: i32,
    pub responses: Vec<ShareFetchableTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Default for ShareFetchResponse {
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

impl Codec for ShareFetchResponse {
    const MIN_BYTES: usize = 13;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.acquisition_lock_timeout_ms = Codec::decode(d, v)?;
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
        self.acquisition_lock_timeout_ms.encode(e, v);
        self.responses.encode(e, v);
        self.node_endpoints.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareFetchableTopicResponse {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

impl Codec for ShareFetchableTopicResponse {
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
    pub acknowledge_error_code: i16,
    pub acknowledge_error_message: Option<WireStr>,
    pub current_leader: LeaderIdAndEpoch,
    pub records: Records,
    pub acquired_records: Vec<AcquiredRecords>,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            error_message: None,
            acknowledge_error_code: Default::default(),
            acknowledge_error_message: None,
            current_leader: Default::default(),
            records: Default::default(),
            acquired_records: Default::default(),
        }
    }
}

impl Codec for PartitionData {
    const MIN_BYTES: usize = 13;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.acknowledge_error_code = Codec::decode(d, v)?;
        m.acknowledge_error_message = Nullable::decode_nullable(d, v)?;
        m.current_leader = Codec::decode(d, v)?;
        m.records = Codec::decode(d, v)?;
        m.acquired_records = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.acknowledge_error_code.encode(e, v);
        Nullable::encode_nullable(self.acknowledge_error_message.as_ref(), e, v);
        self.current_leader.encode(e, v);
        self.records.encode(e, v);
        self.acquired_records.encode(e, v);
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

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcquiredRecords {
    pub first_offset: i64,
    pub last_offset: i64,
    pub delivery_count: i16,
}

impl Codec for AcquiredRecords {
    const MIN_BYTES: usize = 18;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.first_offset = Codec::decode(d, v)?;
        m.last_offset = Codec::decode(d, v)?;
        m.delivery_count = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.first_offset.encode(e, v);
        self.last_offset.encode(e, v);
        self.delivery_count.encode(e, v);
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

impl Message for ShareFetchResponse {
    const NAME: &'static str = "ShareFetchResponse";
    const KEY: i16 = 78;
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_FROM: i16 = 1;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
