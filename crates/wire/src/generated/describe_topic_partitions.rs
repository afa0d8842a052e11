//! Generated from `schema/describe_topic_partitions.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsRequest {
    pub topics: Vec<TopicRequest>,
    pub response_partition_limit: i32,
    pub cursor: Option<CursorRequest>,
}

impl Default for DescribeTopicPartitionsRequest {
    fn default() -> Self {
        Self { topics: Default::default(), response_partition_limit: 2000, cursor: None }
    }
}

impl Codec for DescribeTopicPartitionsRequest {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topics = Codec::decode(d, v)?;
        m.response_partition_limit = Codec::decode(d, v)?;
        m.cursor = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topics.encode(e, v);
        self.response_partition_limit.encode(e, v);
        Nullable::encode_nullable(self.cursor.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicRequest {
    pub name: WireStr,
}

impl Codec for TopicRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CursorRequest {
    pub topic_name: WireStr,
    pub partition_index: i32,
}

impl Codec for CursorRequest {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_name = Codec::decode(d, v)?;
        m.partition_index = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_name.encode(e, v);
        self.partition_index.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

nullable_struct!(CursorRequest);

impl Message for DescribeTopicPartitionsRequest {
    const NAME: &'static str = "DescribeTopicPartitionsRequest";
    const KEY: i16 = 75;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

impl Request for DescribeTopicPartitionsRequest {
    type Response = DescribeTopicPartitionsResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DescribeTopicPartitionsResponseTopic>,
    pub next_cursor: Option<CursorResponse>,
}

impl Default for DescribeTopicPartitionsResponse {
    fn default() -> Self {
        Self { throttle_time_ms: Default::default(), topics: Default::default(), next_cursor: None }
    }
}

impl Codec for DescribeTopicPartitionsResponse {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.topics = Codec::decode(d, v)?;
        m.next_cursor = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        self.topics.encode(e, v);
        Nullable::encode_nullable(self.next_cursor.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsResponseTopic {
    pub error_code: i16,
    pub name: Option<WireStr>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for DescribeTopicPartitionsResponseTopic {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Some(Default::default()),
            topic_id: Default::default(),
            is_internal: false,
            partitions: Default::default(),
            topic_authorized_operations: -2147483648,
        }
    }
}

impl Codec for DescribeTopicPartitionsResponseTopic {
    const MIN_BYTES: usize = 25;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.name = Nullable::decode_nullable(d, v)?;
        m.topic_id = Codec::decode(d, v)?;
        m.is_internal = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        m.topic_authorized_operations = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.name.as_ref(), e, v);
        self.topic_id.encode(e, v);
        self.is_internal.encode(e, v);
        self.partitions.encode(e, v);
        self.topic_authorized_operations.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsResponsePartition {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
    pub offline_replicas: Vec<i32>,
}

impl Default for DescribeTopicPartitionsResponsePartition {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            eligible_leader_replicas: None,
            last_known_elr: None,
            offline_replicas: Default::default(),
        }
    }
}

impl Codec for DescribeTopicPartitionsResponsePartition {
    const MIN_BYTES: usize = 19;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.partition_index = Codec::decode(d, v)?;
        m.leader_id = Codec::decode(d, v)?;
        m.leader_epoch = Codec::decode(d, v)?;
        m.replica_nodes = Codec::decode(d, v)?;
        m.isr_nodes = Codec::decode(d, v)?;
        m.eligible_leader_replicas = Nullable::decode_nullable(d, v)?;
        m.last_known_elr = Nullable::decode_nullable(d, v)?;
        m.offline_replicas = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        self.partition_index.encode(e, v);
        self.leader_id.encode(e, v);
        self.leader_epoch.encode(e, v);
        self.replica_nodes.encode(e, v);
        self.isr_nodes.encode(e, v);
        Nullable::encode_nullable(self.eligible_leader_replicas.as_ref(), e, v);
        Nullable::encode_nullable(self.last_known_elr.as_ref(), e, v);
        self.offline_replicas.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CursorResponse {
    pub topic_name: WireStr,
    pub partition_index: i32,
}

impl Codec for CursorResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_name = Codec::decode(d, v)?;
        m.partition_index = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_name.encode(e, v);
        self.partition_index.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

nullable_struct!(CursorResponse);

impl Message for DescribeTopicPartitionsResponse {
    const NAME: &'static str = "DescribeTopicPartitionsResponse";
    const KEY: i16 = 75;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
