//! Generated from `schema/find_coordinator.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct FindCoordinatorRequest {
    pub key: WireStr,
    pub key_type: i8,
    pub coordinator_keys: Vec<WireStr>,
}

impl Default for FindCoordinatorRequest {
    fn default() -> Self {
        Self { key: Default::default(), key_type: 0, coordinator_keys: Default::default() }
    }
}

impl Codec for FindCoordinatorRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 3 {
            m.key = Codec::decode(d, v)?;
        }
        if v.number >= 1 {
            m.key_type = Codec::decode(d, v)?;
        }
        if v.number >= 4 {
            m.coordinator_keys = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 3 {
            self.key.encode(e, v);
        }
        if v.number >= 1 {
            self.key_type.encode(e, v);
        }
        if v.number >= 4 {
            self.coordinator_keys.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for FindCoordinatorRequest {
    const NAME: &'static str = "FindCoordinatorRequest";
    const KEY: i16 = 10;
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_FROM: i16 = 3;
}

impl Request for FindCoordinatorRequest {
    type Response = FindCoordinatorResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct FindCoordinatorResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub node_id: i32,
    pub host: WireStr,
    pub port: i32,
    pub coordinators: Vec<Coordinator>,
}

impl Default for FindCoordinatorResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
            node_id: Default::default(),
            host: Default::default(),
            port: Default::default(),
            coordinators: Default::default(),
        }
    }
}

impl Codec for FindCoordinatorResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 1 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        if v.number <= 3 {
            m.error_code = Codec::decode(d, v)?;
        }
        if v.number >= 1 && v.number <= 3 {
            m.error_message = Nullable::decode_nullable(d, v)?;
        }
        if v.number <= 3 {
            m.node_id = Codec::decode(d, v)?;
        }
        if v.number <= 3 {
            m.host = Codec::decode(d, v)?;
        }
        if v.number <= 3 {
            m.port = Codec::decode(d, v)?;
        }
        if v.number >= 4 {
            m.coordinators = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 1 {
            self.throttle_time_ms.encode(e, v);
        }
        if v.number <= 3 {
            e.error_code(self.error_code);
        }
        if v.number >= 1 && v.number <= 3 {
            Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        }
        if v.number <= 3 {
            self.node_id.encode(e, v);
        }
        if v.number <= 3 {
            self.host.encode(e, v);
        }
        if v.number <= 3 {
            self.port.encode(e, v);
        }
        if v.number >= 4 {
            self.coordinators.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Coordinator {
    pub key: WireStr,
    pub node_id: i32,
    pub host: WireStr,
    pub port: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            key: Default::default(),
            node_id: Default::default(),
            host: Default::default(),
            port: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
        }
    }
}

impl Codec for Coordinator {
    const MIN_BYTES: usize = 13;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.key = Codec::decode(d, v)?;
        m.node_id = Codec::decode(d, v)?;
        m.host = Codec::decode(d, v)?;
        m.port = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.key.encode(e, v);
        self.node_id.encode(e, v);
        self.host.encode(e, v);
        self.port.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for FindCoordinatorResponse {
    const NAME: &'static str = "FindCoordinatorResponse";
    const KEY: i16 = 10;
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_FROM: i16 = 3;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
