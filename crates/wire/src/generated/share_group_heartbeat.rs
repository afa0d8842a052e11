//! Generated from `schema/share_group_heartbeat.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ShareGroupHeartbeatRequest {
    pub group_id: WireStr,
    pub member_id: WireStr,
    pub member_epoch: i32,
    pub rack_id: Option<WireStr>,
    pub subscribed_topic_names: Option<Vec<WireStr>>,
}

impl Default for ShareGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: Default::default(),
            rack_id: None,
            subscribed_topic_names: None,
        }
    }
}

impl Codec for ShareGroupHeartbeatRequest {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        m.member_epoch = Codec::decode(d, v)?;
        m.rack_id = Nullable::decode_nullable(d, v)?;
        m.subscribed_topic_names = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.member_id.encode(e, v);
        self.member_epoch.encode(e, v);
        Nullable::encode_nullable(self.rack_id.as_ref(), e, v);
        Nullable::encode_nullable(self.subscribed_topic_names.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ShareGroupHeartbeatRequest {
    const NAME: &'static str = "ShareGroupHeartbeatRequest";
    const KEY: i16 = 76;
    const VERSIONS: (i16, i16) = (1, 1);
    const FLEXIBLE_FROM: i16 = 1;
}

impl Request for ShareGroupHeartbeatRequest {
    type Response = ShareGroupHeartbeatResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ShareGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub member_id: Option<WireStr>,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    pub assignment: Option<Assignment>,
}

impl Default for ShareGroupHeartbeatResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: None,
            member_id: None,
            member_epoch: Default::default(),
            heartbeat_interval_ms: Default::default(),
            assignment: None,
        }
    }
}

impl Codec for ShareGroupHeartbeatResponse {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.member_id = Nullable::decode_nullable(d, v)?;
        m.member_epoch = Codec::decode(d, v)?;
        m.heartbeat_interval_ms = Codec::decode(d, v)?;
        m.assignment = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        Nullable::encode_nullable(self.member_id.as_ref(), e, v);
        self.member_epoch.encode(e, v);
        self.heartbeat_interval_ms.encode(e, v);
        Nullable::encode_nullable(self.assignment.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitions {
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
pub struct Assignment {
    pub topic_partitions: Vec<TopicPartitions>,
}

impl Codec for Assignment {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic_partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

nullable_struct!(Assignment);

impl Message for ShareGroupHeartbeatResponse {
    const NAME: &'static str = "ShareGroupHeartbeatResponse";
    const KEY: i16 = 76;
    const VERSIONS: (i16, i16) = (1, 1);
    const FLEXIBLE_FROM: i16 = 1;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
