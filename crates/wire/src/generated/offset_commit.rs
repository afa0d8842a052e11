//! Generated from `schema/offset_commit.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitRequest {
    pub group_id: WireStr,
    pub generation_id_or_member_epoch: i32,
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
    pub retention_time_ms: i64,
    pub topics: Vec<OffsetCommitRequestTopic>,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            generation_id_or_member_epoch: -1,
            member_id: Default::default(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: Default::default(),
        }
    }
}

impl Codec for OffsetCommitRequest {
    const MIN_BYTES: usize = 7;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.generation_id_or_member_epoch = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        if v.number >= 7 {
            m.group_instance_id = Nullable::decode_nullable(d, v)?;
        }
        if v.number <= 4 {
            m.retention_time_ms = Codec::decode(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.generation_id_or_member_epoch.encode(e, v);
        self.member_id.encode(e, v);
        if v.number >= 7 {
            Nullable::encode_nullable(self.group_instance_id.as_ref(), e, v);
        }
        if v.number <= 4 {
            self.retention_time_ms.encode(e, v);
        }
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitRequestTopic {
    pub name: WireStr,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

impl Codec for OffsetCommitRequestTopic {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 9 {
            m.name = Codec::decode(d, v)?;
        }
        if v.number >= 10 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 9 {
            self.name.encode(e, v);
        }
        if v.number >= 10 {
            self.topic_id.encode(e, v);
        }
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub committed_metadata: Option<WireStr>,
}

impl Default for OffsetCommitRequestPartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            committed_metadata: Some(Default::default()),
        }
    }
}

impl Codec for OffsetCommitRequestPartition {
    const MIN_BYTES: usize = 13;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.committed_offset = Codec::decode(d, v)?;
        if v.number >= 6 {
            m.committed_leader_epoch = Codec::decode(d, v)?;
        }
        m.committed_metadata = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        self.committed_offset.encode(e, v);
        if v.number >= 6 {
            self.committed_leader_epoch.encode(e, v);
        }
        Nullable::encode_nullable(self.committed_metadata.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for OffsetCommitRequest {
    const NAME: &'static str = "OffsetCommitRequest";
    const KEY: i16 = 8;
    const VERSIONS: (i16, i16) = (2, 10);
    const FLEXIBLE_FROM: i16 = 8;
}

impl Request for OffsetCommitRequest {
    type Response = OffsetCommitResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetCommitResponseTopic>,
}

impl Codec for OffsetCommitResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 3 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 3 {
            self.throttle_time_ms.encode(e, v);
        }
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitResponseTopic {
    pub name: WireStr,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitResponsePartition>,
}

impl Codec for OffsetCommitResponseTopic {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 9 {
            m.name = Codec::decode(d, v)?;
        }
        if v.number >= 10 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 9 {
            self.name.encode(e, v);
        }
        if v.number >= 10 {
            self.topic_id.encode(e, v);
        }
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitResponsePartition {
    pub partition_index: i32,
    pub error_code: i16,
}

impl Codec for OffsetCommitResponsePartition {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        e.error_code(self.error_code);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for OffsetCommitResponse {
    const NAME: &'static str = "OffsetCommitResponse";
    const KEY: i16 = 8;
    const VERSIONS: (i16, i16) = (2, 10);
    const FLEXIBLE_FROM: i16 = 8;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
