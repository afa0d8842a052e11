//! Generated from `schema/list_partition_reassignments.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ListPartitionReassignmentsRequest {
    pub timeout_ms: i32,
    pub topics: Option<Vec<ListPartitionReassignmentsTopics>>,
}

impl Default for ListPartitionReassignmentsRequest {
    fn default() -> Self {
        Self { timeout_ms: 60000, topics: None }
    }
}

impl Codec for ListPartitionReassignmentsRequest {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.timeout_ms = Codec::decode(d, v)?;
        m.topics = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.timeout_ms.encode(e, v);
        Nullable::encode_nullable(self.topics.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListPartitionReassignmentsTopics {
    pub name: WireStr,
    pub partition_indexes: Vec<i32>,
}

impl Codec for ListPartitionReassignmentsTopics {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.partition_indexes = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.partition_indexes.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ListPartitionReassignmentsRequest {
    const NAME: &'static str = "ListPartitionReassignmentsRequest";
    const KEY: i16 = 46;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

impl Request for ListPartitionReassignmentsRequest {
    type Response = ListPartitionReassignmentsResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ListPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub topics: Vec<OngoingTopicReassignment>,
}

impl Default for ListPartitionReassignmentsResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
            topics: Default::default(),
        }
    }
}

impl Codec for ListPartitionReassignmentsResponse {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OngoingTopicReassignment {
    pub name: WireStr,
    pub partitions: Vec<OngoingPartitionReassignment>,
}

impl Codec for OngoingTopicReassignment {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OngoingPartitionReassignment {
    pub partition_index: i32,
    pub replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub removing_replicas: Vec<i32>,
}

impl Codec for OngoingPartitionReassignment {
    const MIN_BYTES: usize = 7;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.replicas = Codec::decode(d, v)?;
        m.adding_replicas = Codec::decode(d, v)?;
        m.removing_replicas = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        self.replicas.encode(e, v);
        self.adding_replicas.encode(e, v);
        self.removing_replicas.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ListPartitionReassignmentsResponse {
    const NAME: &'static str = "ListPartitionReassignmentsResponse";
    const KEY: i16 = 46;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
