//! Generated from `schema/sync_group.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct SyncGroupRequest {
    pub group_id: WireStr,
    pub generation_id: i32,
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
    pub protocol_type: Option<WireStr>,
    pub protocol_name: Option<WireStr>,
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

impl Default for SyncGroupRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            generation_id: Default::default(),
            member_id: Default::default(),
            group_instance_id: None,
            protocol_type: None,
            protocol_name: None,
            assignments: Default::default(),
        }
    }
}

impl Codec for SyncGroupRequest {
    const MIN_BYTES: usize = 7;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.generation_id = Codec::decode(d, v)?;
        m.member_id = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.group_instance_id = Nullable::decode_nullable(d, v)?;
        }
        if v.number >= 5 {
            m.protocol_type = Nullable::decode_nullable(d, v)?;
        }
        if v.number >= 5 {
            m.protocol_name = Nullable::decode_nullable(d, v)?;
        }
        m.assignments = Codec::decode(d, v)?;
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
        if v.number >= 5 {
            Nullable::encode_nullable(self.protocol_type.as_ref(), e, v);
        }
        if v.number >= 5 {
            Nullable::encode_nullable(self.protocol_name.as_ref(), e, v);
        }
        self.assignments.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncGroupRequestAssignment {
    pub member_id: WireStr,
    pub assignment: Bytes,
}

impl Codec for SyncGroupRequestAssignment {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_id = Codec::decode(d, v)?;
        m.assignment = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_id.encode(e, v);
        self.assignment.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for SyncGroupRequest {
    const NAME: &'static str = "SyncGroupRequest";
    const KEY: i16 = 14;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 4;
}

impl Request for SyncGroupRequest {
    type Response = SyncGroupResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct SyncGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub protocol_type: Option<WireStr>,
    pub protocol_name: Option<WireStr>,
    pub assignment: Bytes,
}

impl Default for SyncGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            protocol_type: None,
            protocol_name: None,
            assignment: Default::default(),
        }
    }
}

impl Codec for SyncGroupResponse {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 1 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.error_code = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.protocol_type = Nullable::decode_nullable(d, v)?;
        }
        if v.number >= 5 {
            m.protocol_name = Nullable::decode_nullable(d, v)?;
        }
        m.assignment = Codec::decode(d, v)?;
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
        if v.number >= 5 {
            Nullable::encode_nullable(self.protocol_type.as_ref(), e, v);
        }
        if v.number >= 5 {
            Nullable::encode_nullable(self.protocol_name.as_ref(), e, v);
        }
        self.assignment.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for SyncGroupResponse {
    const NAME: &'static str = "SyncGroupResponse";
    const KEY: i16 = 14;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 4;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
