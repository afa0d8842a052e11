//! Generated from `schema/describe_quorum.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeQuorumRequest {
    pub topics: Vec<TopicDataRequest>,
}

impl Codec for DescribeQuorumRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicDataRequest {
    pub topic_name: WireStr,
    pub partitions: Vec<PartitionDataRequest>,
}

impl Codec for TopicDataRequest {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_name = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_name.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionDataRequest {
    pub partition_index: i32,
}

impl Codec for PartitionDataRequest {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeQuorumRequest {
    const NAME: &'static str = "DescribeQuorumRequest";
    const KEY: i16 = 55;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 0;
}

impl Request for DescribeQuorumRequest {
    type Response = DescribeQuorumResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeQuorumResponse {
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub topics: Vec<TopicDataResponse>,
    pub nodes: Vec<Node>,
}

impl Default for DescribeQuorumResponse {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(Default::default()),
            topics: Default::default(),
            nodes: Default::default(),
        }
    }
}

impl Codec for DescribeQuorumResponse {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.error_message = Nullable::decode_nullable(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.nodes = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        if v.number >= 2 {
            Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        }
        self.topics.encode(e, v);
        if v.number >= 2 {
            self.nodes.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    pub replica_directory_id: Uuid,
    pub log_end_offset: i64,
    pub last_fetch_timestamp: i64,
    pub last_caught_up_timestamp: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self {
            replica_id: Default::default(),
            replica_directory_id: Default::default(),
            log_end_offset: Default::default(),
            last_fetch_timestamp: -1,
            last_caught_up_timestamp: -1,
        }
    }
}

impl Codec for ReplicaState {
    const MIN_BYTES: usize = 12;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.replica_id = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.replica_directory_id = Codec::decode(d, v)?;
        }
        m.log_end_offset = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.last_fetch_timestamp = Codec::decode(d, v)?;
        }
        if v.number >= 1 {
            m.last_caught_up_timestamp = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.replica_id.encode(e, v);
        if v.number >= 2 {
            self.replica_directory_id.encode(e, v);
        }
        self.log_end_offset.encode(e, v);
        if v.number >= 1 {
            self.last_fetch_timestamp.encode(e, v);
        }
        if v.number >= 1 {
            self.last_caught_up_timestamp.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicDataResponse {
    pub topic_name: WireStr,
    pub partitions: Vec<PartitionDataResponse>,
}

impl Codec for TopicDataResponse {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_name = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_name.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionDataResponse {
    pub partition_index: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub high_watermark: i64,
    pub current_voters: Vec<ReplicaState>,
    pub observers: Vec<ReplicaState>,
}

impl Default for PartitionDataResponse {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
            leader_id: Default::default(),
            leader_epoch: Default::default(),
            high_watermark: Default::default(),
            current_voters: Default::default(),
            observers: Default::default(),
        }
    }
}

impl Codec for PartitionDataResponse {
    const MIN_BYTES: usize = 24;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.error_message = Nullable::decode_nullable(d, v)?;
        }
        m.leader_id = Codec::decode(d, v)?;
        m.leader_epoch = Codec::decode(d, v)?;
        m.high_watermark = Codec::decode(d, v)?;
        m.current_voters = Codec::decode(d, v)?;
        m.observers = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        e.error_code(self.error_code);
        if v.number >= 2 {
            Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        }
        self.leader_id.encode(e, v);
        self.leader_epoch.encode(e, v);
        self.high_watermark.encode(e, v);
        self.current_voters.encode(e, v);
        self.observers.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    pub node_id: i32,
    pub listeners: Vec<Listener>,
}

impl Codec for Node {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.node_id = Codec::decode(d, v)?;
        m.listeners = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.node_id.encode(e, v);
        self.listeners.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listener {
    pub name: WireStr,
    pub host: WireStr,
    pub port: u16,
}

impl Codec for Listener {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.host = Codec::decode(d, v)?;
        m.port = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.host.encode(e, v);
        self.port.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeQuorumResponse {
    const NAME: &'static str = "DescribeQuorumResponse";
    const KEY: i16 = 55;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 0;
}
