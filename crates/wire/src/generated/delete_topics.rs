//! Generated from `schema/delete_topics.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteTopicsRequest {
    pub topics: Vec<DeleteTopicState>,
    pub topic_names: Vec<WireStr>,
    pub timeout_ms: i32,
}

impl Codec for DeleteTopicsRequest {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 6 {
            m.topics = Codec::decode(d, v)?;
        }
        if v.number <= 5 {
            m.topic_names = Codec::decode(d, v)?;
        }
        m.timeout_ms = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 6 {
            self.topics.encode(e, v);
        }
        if v.number <= 5 {
            self.topic_names.encode(e, v);
        }
        self.timeout_ms.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeleteTopicState {
    pub name: Option<WireStr>,
    pub topic_id: Uuid,
}

impl Default for DeleteTopicState {
    fn default() -> Self {
        Self { name: None, topic_id: Default::default() }
    }
}

impl Codec for DeleteTopicState {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Nullable::decode_nullable(d, v)?;
        m.topic_id = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        Nullable::encode_nullable(self.name.as_ref(), e, v);
        self.topic_id.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DeleteTopicsRequest {
    const NAME: &'static str = "DeleteTopicsRequest";
    const KEY: i16 = 20;
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_FROM: i16 = 4;
}

impl Request for DeleteTopicsRequest {
    type Response = DeleteTopicsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteTopicsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<DeletableTopicResult>,
}

impl Codec for DeleteTopicsResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 1 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.responses = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 1 {
            self.throttle_time_ms.encode(e, v);
        }
        self.responses.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeletableTopicResult {
    pub name: Option<WireStr>,
    pub topic_id: Uuid,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
}

impl Default for DeletableTopicResult {
    fn default() -> Self {
        Self {
            name: Some(Default::default()),
            topic_id: Default::default(),
            error_code: Default::default(),
            error_message: None,
        }
    }
}

impl Codec for DeletableTopicResult {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = if v.number >= 6 { Nullable::decode_nullable(d, v)? } else { Some(Codec::decode(d, v)?) };
        if v.number >= 6 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.error_code = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.error_message = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 6 {
            Nullable::encode_nullable(self.name.as_ref(), e, v);
        } else {
            encode_or_default(self.name.as_ref(), e, v);
        }
        if v.number >= 6 {
            self.topic_id.encode(e, v);
        }
        e.error_code(self.error_code);
        if v.number >= 5 {
            Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DeleteTopicsResponse {
    const NAME: &'static str = "DeleteTopicsResponse";
    const KEY: i16 = 20;
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_FROM: i16 = 4;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
