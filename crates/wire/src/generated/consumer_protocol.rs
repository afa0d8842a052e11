//! Generated from `schema/consumer_protocol.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerProtocolAssignment {
    pub assigned_partitions: Vec<TopicPartitionConsumerProtocolAssignment>,
    pub user_data: Option<Bytes>,
}

impl Default for ConsumerProtocolAssignment {
    fn default() -> Self {
        Self { assigned_partitions: Default::default(), user_data: None }
    }
}

impl Codec for ConsumerProtocolAssignment {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.assigned_partitions = Codec::decode(d, v)?;
        m.user_data = Nullable::decode_nullable(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.assigned_partitions.encode(e, v);
        Nullable::encode_nullable(self.user_data.as_ref(), e, v);
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitionConsumerProtocolAssignment {
    pub topic: WireStr,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitionConsumerProtocolAssignment {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic.encode(e, v);
        self.partitions.encode(e, v);
    }
}

impl Message for ConsumerProtocolAssignment {
    const NAME: &'static str = "ConsumerProtocolAssignment";
    const KEY: i16 = -1;
    const VERSIONS: (i16, i16) = (0, 3);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerProtocolSubscription {
    pub topics: Vec<WireStr>,
    pub user_data: Option<Bytes>,
    pub owned_partitions: Vec<TopicPartitionConsumerProtocolSubscription>,
    pub generation_id: i32,
    pub rack_id: Option<WireStr>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            user_data: None,
            owned_partitions: Default::default(),
            generation_id: -1,
            rack_id: None,
        }
    }
}

impl Codec for ConsumerProtocolSubscription {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topics = Codec::decode(d, v)?;
        m.user_data = Nullable::decode_nullable(d, v)?;
        if v.number >= 1 {
            m.owned_partitions = Codec::decode(d, v)?;
        }
        if v.number >= 2 {
            m.generation_id = Codec::decode(d, v)?;
        }
        if v.number >= 3 {
            m.rack_id = Nullable::decode_nullable(d, v)?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topics.encode(e, v);
        Nullable::encode_nullable(self.user_data.as_ref(), e, v);
        if v.number >= 1 {
            self.owned_partitions.encode(e, v);
        }
        if v.number >= 2 {
            self.generation_id.encode(e, v);
        }
        if v.number >= 3 {
            Nullable::encode_nullable(self.rack_id.as_ref(), e, v);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitionConsumerProtocolSubscription {
    pub topic: WireStr,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitionConsumerProtocolSubscription {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic.encode(e, v);
        self.partitions.encode(e, v);
    }
}

impl Message for ConsumerProtocolSubscription {
    const NAME: &'static str = "ConsumerProtocolSubscription";
    const KEY: i16 = -1;
    const VERSIONS: (i16, i16) = (0, 3);
    const FLEXIBLE_FROM: i16 = 32767;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DefaultPrincipalData {
    pub r#type: WireStr,
    pub name: WireStr,
    pub token_authenticated: bool,
}

impl Codec for DefaultPrincipalData {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.r#type = Codec::decode(d, v)?;
        m.name = Codec::decode(d, v)?;
        m.token_authenticated = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.r#type.encode(e, v);
        self.name.encode(e, v);
        self.token_authenticated.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DefaultPrincipalData {
    const NAME: &'static str = "DefaultPrincipalData";
    const KEY: i16 = -1;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}
