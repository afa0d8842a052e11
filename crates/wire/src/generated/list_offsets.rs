//! Generated from `schema/list_offsets.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsRequest {
    pub replica_id: i32,
    pub isolation_level: i8,
    pub topics: Vec<ListOffsetsTopic>,
    pub timeout_ms: i32,
}

impl Codec for ListOffsetsRequest {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.replica_id = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.isolation_level = Codec::decode(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        if v.number >= 10 {
            m.timeout_ms = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.replica_id.encode(e, v);
        if v.number >= 2 {
            self.isolation_level.encode(e, v);
        }
        self.topics.encode(e, v);
        if v.number >= 10 {
            self.timeout_ms.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsTopic {
    pub name: WireStr,
    pub partitions: Vec<ListOffsetsPartition>,
}

impl Codec for ListOffsetsTopic {
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

#[derive(Debug, Clone, PartialEq)]
pub struct ListOffsetsPartition {
    pub partition_index: i32,
    pub current_leader_epoch: i32,
    pub timestamp: i64,
    pub max_num_offsets: i32,
}

impl Default for ListOffsetsPartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            current_leader_epoch: -1,
            timestamp: Default::default(),
            max_num_offsets: 1,
        }
    }
}

impl Codec for ListOffsetsPartition {
    const MIN_BYTES: usize = 12;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        if v.number >= 4 {
            m.current_leader_epoch = Codec::decode(d, v)?;
        }
        m.timestamp = Codec::decode(d, v)?;
        if v.number <= 0 {
            m.max_num_offsets = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        if v.number >= 4 {
            self.current_leader_epoch.encode(e, v);
        }
        self.timestamp.encode(e, v);
        if v.number <= 0 {
            self.max_num_offsets.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ListOffsetsRequest {
    const NAME: &'static str = "ListOffsetsRequest";
    const KEY: i16 = 2;
    const VERSIONS: (i16, i16) = (0, 11);
    const FLEXIBLE_FROM: i16 = 6;
}

impl Request for ListOffsetsRequest {
    type Response = ListOffsetsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ListOffsetsTopicResponse>,
}

impl Codec for ListOffsetsResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 2 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 2 {
            self.throttle_time_ms.encode(e, v);
        }
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsTopicResponse {
    pub name: WireStr,
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

impl Codec for ListOffsetsTopicResponse {
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

#[derive(Debug, Clone, PartialEq)]
pub struct ListOffsetsPartitionResponse {
    pub partition_index: i32,
    pub error_code: i16,
    pub old_style_offsets: Vec<i64>,
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

impl Default for ListOffsetsPartitionResponse {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            old_style_offsets: Default::default(),
            timestamp: -1,
            offset: -1,
            leader_epoch: -1,
        }
    }
}

impl Codec for ListOffsetsPartitionResponse {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.number <= 0 {
            m.old_style_offsets = Codec::decode(d, v)?;
        }
        if v.number >= 1 {
            m.timestamp = Codec::decode(d, v)?;
        }
        if v.number >= 1 {
            m.offset = Codec::decode(d, v)?;
        }
        if v.number >= 4 {
            m.leader_epoch = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        e.error_code(self.error_code);
        if v.number <= 0 {
            self.old_style_offsets.encode(e, v);
        }
        if v.number >= 1 {
            self.timestamp.encode(e, v);
        }
        if v.number >= 1 {
            self.offset.encode(e, v);
        }
        if v.number >= 4 {
            self.leader_epoch.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ListOffsetsResponse {
    const NAME: &'static str = "ListOffsetsResponse";
    const KEY: i16 = 2;
    const VERSIONS: (i16, i16) = (0, 11);
    const FLEXIBLE_FROM: i16 = 6;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
