//! Generated from `schema/leave_group.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaveGroupRequest {
    pub group_id: WireStr,
    pub member_id: WireStr,
    pub members: Vec<MemberIdentity>,
}

impl Codec for LeaveGroupRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        if v.number <= 2 {
            m.member_id = Codec::decode(d, v)?;
        }
        if v.number >= 3 {
            m.members = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        if v.number <= 2 {
            self.member_id.encode(e, v);
        }
        if v.number >= 3 {
            self.members.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MemberIdentity {
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
    pub reason: Option<WireStr>,
}

impl Default for MemberIdentity {
    fn default() -> Self {
        Self { member_id: Default::default(), group_instance_id: None, reason: None }
    }
}

impl Codec for MemberIdentity {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_id = Codec::decode(d, v)?;
        m.group_instance_id = Nullable::decode_nullable(d, v)?;
        if v.number >= 5 {
            m.reason = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_id.encode(e, v);
        Nullable::encode_nullable(self.group_instance_id.as_ref(), e, v);
        if v.number >= 5 {
            Nullable::encode_nullable(self.reason.as_ref(), e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for LeaveGroupRequest {
    const NAME: &'static str = "LeaveGroupRequest";
    const KEY: i16 = 13;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 4;
}

impl Request for LeaveGroupRequest {
    type Response = LeaveGroupResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaveGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub members: Vec<MemberResponse>,
}

impl Codec for LeaveGroupResponse {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 1 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.error_code = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.members = Codec::decode(d, v)?;
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
        e.error_code(self.error_code);
        if v.number >= 3 {
            self.members.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MemberResponse {
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
    pub error_code: i16,
}

impl Default for MemberResponse {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            group_instance_id: Some(Default::default()),
            error_code: Default::default(),
        }
    }
}

impl Codec for MemberResponse {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_id = Codec::decode(d, v)?;
        m.group_instance_id = Nullable::decode_nullable(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_id.encode(e, v);
        Nullable::encode_nullable(self.group_instance_id.as_ref(), e, v);
        e.error_code(self.error_code);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for LeaveGroupResponse {
    const NAME: &'static str = "LeaveGroupResponse";
    const KEY: i16 = 13;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 4;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
