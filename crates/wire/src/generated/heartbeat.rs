//! Generated from `schema/heartbeat.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct HeartbeatRequest {
    pub group_id: WireStr,
    pub generation_id: i32,
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
}

impl Default for HeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            generation_id: Default::default(),
            member_id: Default::default(),
            group_instance_id: None,
        }
    }
}

impl Codec for HeartbeatRequest {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.generation_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.group_instance_id = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.generation_id.encode(e, v);
        self.member_id.encode(e, v);
        if v.number >= 3 {
            Nullable::encode_nullable(self.group_instance_id.as_ref(), e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for HeartbeatRequest {
    const NAME: &'static str = "HeartbeatRequest";
    const KEY: i16 = 12;
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_FROM: i16 = 4;
}

impl Request for HeartbeatRequest {
    type Response = HeartbeatResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
}

impl Codec for HeartbeatResponse {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 1 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.error_code = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 1 {
            self.throttle_time_ms.encode(e, v);
        }
        e.error_code(self.error_code);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for HeartbeatResponse {
    const NAME: &'static str = "HeartbeatResponse";
    const KEY: i16 = 12;
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_FROM: i16 = 4;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
