//! Generated from `schema/create_topics.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self { topics: Default::default(), timeout_ms: 60000, validate_only: false }
    }
}

impl Codec for CreateTopicsRequest {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topics = Codec::decode(d, v)?;
        m.timeout_ms = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.validate_only = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topics.encode(e, v);
        self.timeout_ms.encode(e, v);
        if v.number >= 1 {
            self.validate_only.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatableTopic {
    pub name: WireStr,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<CreatableReplicaAssignment>,
    pub configs: Vec<CreatableTopicConfig>,
}

impl Codec for CreatableTopic {
    const MIN_BYTES: usize = 9;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.num_partitions = Codec::decode(d, v)?;
        m.replication_factor = Codec::decode(d, v)?;
        m.assignments = Codec::decode(d, v)?;
        m.configs = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.num_partitions.encode(e, v);
        self.replication_factor.encode(e, v);
        self.assignments.encode(e, v);
        self.configs.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatableReplicaAssignment {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
}

impl Codec for CreatableReplicaAssignment {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.broker_ids = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        self.broker_ids.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicConfig {
    pub name: WireStr,
    pub value: Option<WireStr>,
}

impl Default for CreatableTopicConfig {
    fn default() -> Self {
        Self { name: Default::default(), value: Some(Default::default()) }
    }
}

impl Codec for CreatableTopicConfig {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.value = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        Nullable::encode_nullable(self.value.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for CreateTopicsRequest {
    const NAME: &'static str = "CreateTopicsRequest";
    const KEY: i16 = 19;
    const VERSIONS: (i16, i16) = (0, 7);
    const FLEXIBLE_FROM: i16 = 5;
}

impl Request for CreateTopicsRequest {
    type Response = CreateTopicsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreateTopicsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<CreatableTopicResult>,
}

impl Codec for CreateTopicsResponse {
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

#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicResult {
    pub name: WireStr,
    pub topic_id: Uuid,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub topic_config_error_code: i16,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Default for CreatableTopicResult {
    fn default() -> Self {
        Self {
            name: Default::default(),
            topic_id: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
            topic_config_error_code: Default::default(),
            num_partitions: -1,
            replication_factor: -1,
            configs: Some(Default::default()),
        }
    }
}

impl Codec for CreatableTopicResult {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        if v.number >= 7 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.error_code = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.error_message = Nullable::decode_nullable(d, v)?;
        }
        if v.number >= 5 {
            m.num_partitions = Codec::decode(d, v)?;
        }
        if v.number >= 5 {
            m.replication_factor = Codec::decode(d, v)?;
        }
        if v.number >= 5 {
            m.configs = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 5 => m.topic_config_error_code = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        if v.number >= 7 {
            self.topic_id.encode(e, v);
        }
        e.error_code(self.error_code);
        if v.number >= 1 {
            Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        }
        if v.number >= 5 {
            self.num_partitions.encode(e, v);
        }
        if v.number >= 5 {
            self.replication_factor.encode(e, v);
        }
        if v.number >= 5 {
            Nullable::encode_nullable(self.configs.as_ref(), e, v);
        }
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 5 && self.topic_config_error_code != Default::default() {
                tags.add(0, |e| {
                    self.topic_config_error_code.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicConfigs {
    pub name: WireStr,
    pub value: Option<WireStr>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
}

impl Default for CreatableTopicConfigs {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Some(Default::default()),
            read_only: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
        }
    }
}

impl Codec for CreatableTopicConfigs {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.value = Nullable::decode_nullable(d, v)?;
        m.read_only = Codec::decode(d, v)?;
        m.config_source = Codec::decode(d, v)?;
        m.is_sensitive = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        Nullable::encode_nullable(self.value.as_ref(), e, v);
        self.read_only.encode(e, v);
        self.config_source.encode(e, v);
        self.is_sensitive.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for CreateTopicsResponse {
    const NAME: &'static str = "CreateTopicsResponse";
    const KEY: i16 = 19;
    const VERSIONS: (i16, i16) = (0, 7);
    const FLEXIBLE_FROM: i16 = 5;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
