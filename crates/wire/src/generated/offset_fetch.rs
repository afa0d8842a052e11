//! Generated from `schema/offset_fetch.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchRequest {
    pub group_id: WireStr,
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    pub groups: Vec<OffsetFetchRequestGroup>,
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            topics: Some(Default::default()),
            groups: Default::default(),
            require_stable: false,
        }
    }
}

impl Codec for OffsetFetchRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 7 {
            m.group_id = Codec::decode(d, v)?;
        }
        if v.number <= 7 {
            m.topics =
                if v.number >= 2 { Nullable::decode_nullable(d, v)? } else { Some(Codec::decode(d, v)?) };
        }
        if v.number >= 8 {
            m.groups = Codec::decode(d, v)?;
        }
        if v.number >= 7 {
            m.require_stable = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 7 {
            self.group_id.encode(e, v);
        }
        if v.number <= 7 {
            if v.number >= 2 {
                Nullable::encode_nullable(self.topics.as_ref(), e, v);
            } else {
                encode_or_default(self.topics.as_ref(), e, v);
            }
        }
        if v.number >= 8 {
            self.groups.encode(e, v);
        }
        if v.number >= 7 {
            self.require_stable.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchRequestTopic {
    pub name: WireStr,
    pub partition_indexes: Vec<i32>,
}

impl Codec for OffsetFetchRequestTopic {
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

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchRequestGroup {
    pub group_id: WireStr,
    pub member_id: Option<WireStr>,
    pub member_epoch: i32,
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: None,
            member_epoch: -1,
            topics: Some(Default::default()),
        }
    }
}

impl Codec for OffsetFetchRequestGroup {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        if v.number >= 9 {
            m.member_id = Nullable::decode_nullable(d, v)?;
        }
        if v.number >= 9 {
            m.member_epoch = Codec::decode(d, v)?;
        }
        m.topics = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        if v.number >= 9 {
            Nullable::encode_nullable(self.member_id.as_ref(), e, v);
        }
        if v.number >= 9 {
            self.member_epoch.encode(e, v);
        }
        Nullable::encode_nullable(self.topics.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchRequestTopics {
    pub name: WireStr,
    pub topic_id: Uuid,
    pub partition_indexes: Vec<i32>,
}

impl Codec for OffsetFetchRequestTopics {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 9 {
            m.name = Codec::decode(d, v)?;
        }
        if v.number >= 10 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.partition_indexes = Codec::decode(d, v)?;
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
        self.partition_indexes.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for OffsetFetchRequest {
    const NAME: &'static str = "OffsetFetchRequest";
    const KEY: i16 = 9;
    const VERSIONS: (i16, i16) = (1, 10);
    const FLEXIBLE_FROM: i16 = 6;
}

impl Request for OffsetFetchRequest {
    type Response = OffsetFetchResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetFetchResponseTopic>,
    pub error_code: i16,
    pub groups: Vec<OffsetFetchResponseGroup>,
}

impl Default for OffsetFetchResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            topics: Default::default(),
            error_code: 0,
            groups: Default::default(),
        }
    }
}

impl Codec for OffsetFetchResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 3 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        if v.number <= 7 {
            m.topics = Codec::decode(d, v)?;
        }
        if v.number >= 2 && v.number <= 7 {
            m.error_code = Codec::decode(d, v)?;
        }
        if v.number >= 8 {
            m.groups = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 3 {
            self.throttle_time_ms.encode(e, v);
        }
        if v.number <= 7 {
            self.topics.encode(e, v);
        }
        if v.number >= 2 && v.number <= 7 {
            e.error_code(self.error_code);
        }
        if v.number >= 8 {
            self.groups.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchResponseTopic {
    pub name: WireStr,
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

impl Codec for OffsetFetchResponseTopic {
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
pub struct OffsetFetchResponsePartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<WireStr>,
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Some(Default::default()),
            error_code: Default::default(),
        }
    }
}

impl Codec for OffsetFetchResponsePartition {
    const MIN_BYTES: usize = 15;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.committed_offset = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.committed_leader_epoch = Codec::decode(d, v)?;
        }
        m.metadata = Nullable::decode_nullable(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        self.committed_offset.encode(e, v);
        if v.number >= 5 {
            self.committed_leader_epoch.encode(e, v);
        }
        Nullable::encode_nullable(self.metadata.as_ref(), e, v);
        e.error_code(self.error_code);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchResponseGroup {
    pub group_id: WireStr,
    pub topics: Vec<OffsetFetchResponseTopics>,
    pub error_code: i16,
}

impl Default for OffsetFetchResponseGroup {
    fn default() -> Self {
        Self { group_id: Default::default(), topics: Default::default(), error_code: 0 }
    }
}

impl Codec for OffsetFetchResponseGroup {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.topics = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.topics.encode(e, v);
        e.error_code(self.error_code);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchResponseTopics {
    pub name: WireStr,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

impl Codec for OffsetFetchResponseTopics {
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
pub struct OffsetFetchResponsePartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<WireStr>,
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Some(Default::default()),
            error_code: Default::default(),
        }
    }
}

impl Codec for OffsetFetchResponsePartitions {
    const MIN_BYTES: usize = 19;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.committed_offset = Codec::decode(d, v)?;
        m.committed_leader_epoch = Codec::decode(d, v)?;
        m.metadata = Nullable::decode_nullable(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        self.committed_offset.encode(e, v);
        self.committed_leader_epoch.encode(e, v);
        Nullable::encode_nullable(self.metadata.as_ref(), e, v);
        e.error_code(self.error_code);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for OffsetFetchResponse {
    const NAME: &'static str = "OffsetFetchResponse";
    const KEY: i16 = 9;
    const VERSIONS: (i16, i16) = (1, 10);
    const FLEXIBLE_FROM: i16 = 6;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
