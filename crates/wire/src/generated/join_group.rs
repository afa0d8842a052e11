//! Generated from `schema/join_group.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct JoinGroupRequest {
    pub group_id: WireStr,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
    pub protocol_type: WireStr,
    pub protocols: Vec<JoinGroupRequestProtocol>,
    pub reason: Option<WireStr>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            session_timeout_ms: Default::default(),
            rebalance_timeout_ms: -1,
            member_id: Default::default(),
            group_instance_id: None,
            protocol_type: Default::default(),
            protocols: Default::default(),
            reason: None,
        }
    }
}

impl Codec for JoinGroupRequest {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.session_timeout_ms = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.rebalance_timeout_ms = Codec::decode(d, v)?;
        }
        m.member_id = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.group_instance_id = Nullable::decode_nullable(d, v)?;
        }
        m.protocol_type = Codec::decode(d, v)?;
        m.protocols = Codec::decode(d, v)?;
        if v.number >= 8 {
            m.reason = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.session_timeout_ms.encode(e, v);
        if v.number >= 1 {
            self.rebalance_timeout_ms.encode(e, v);
        }
        self.member_id.encode(e, v);
        if v.number >= 5 {
            Nullable::encode_nullable(self.group_instance_id.as_ref(), e, v);
        }
        self.protocol_type.encode(e, v);
        self.protocols.encode(e, v);
        if v.number >= 8 {
            Nullable::encode_nullable(self.reason.as_ref(), e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct JoinGroupRequestProtocol {
    pub name: WireStr,
    pub metadata: Bytes,
}

impl Codec for JoinGroupRequestProtocol {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.metadata = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.metadata.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for JoinGroupRequest {
    const NAME: &'static str = "JoinGroupRequest";
    const KEY: i16 = 11;
    const VERSIONS: (i16, i16) = (0, 9);
    const FLEXIBLE_FROM: i16 = 6;
}

impl Request for JoinGroupRequest {
    type Response = JoinGroupResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct JoinGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub generation_id: i32,
    pub protocol_type: Option<WireStr>,
    pub protocol_name: Option<WireStr>,
    pub leader: WireStr,
    pub skip_assignment: bool,
    pub member_id: WireStr,
    pub members: Vec<JoinGroupResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            generation_id: -1,
            protocol_type: None,
            protocol_name: Some(Default::default()),
            leader: Default::default(),
            skip_assignment: false,
            member_id: Default::default(),
            members: Default::default(),
        }
    }
}

impl Codec for JoinGroupResponse {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 2 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.error_code = Codec::decode(d, v)?;
        m.generation_id = Codec::decode(d, v)?;
        if v.number >= 7 {
            m.protocol_type = Nullable::decode_nullable(d, v)?;
        }
        m.protocol_name =
            if v.number >= 7 { Nullable::decode_nullable(d, v)? } else { Some(Codec::decode(d, v)?) };
        m.leader = Codec::decode(d, v)?;
        if v.number >= 9 {
            m.skip_assignment = Codec::decode(d, v)?;
        }
        m.member_id = Codec::decode(d, v)?;
        m.members = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 2 {
            self.throttle_time_ms.encode(e, v);
        }
        e.error_code(self.error_code);
        self.generation_id.encode(e, v);
        if v.number >= 7 {
            Nullable::encode_nullable(self.protocol_type.as_ref(), e, v);
        }
        if v.number >= 7 {
            Nullable::encode_nullable(self.protocol_name.as_ref(), e, v);
        } else {
            encode_or_default(self.protocol_name.as_ref(), e, v);
        }
        self.leader.encode(e, v);
        if v.number >= 9 {
            self.skip_assignment.encode(e, v);
        }
        self.member_id.encode(e, v);
        self.members.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct JoinGroupResponseMember {
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
    pub metadata: Bytes,
}

impl Default for JoinGroupResponseMember {
    fn default() -> Self {
        Self { member_id: Default::default(), group_instance_id: None, metadata: Default::default() }
    }
}

impl Codec for JoinGroupResponseMember {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_id = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.group_instance_id = Nullable::decode_nullable(d, v)?;
        }
        m.metadata = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_id.encode(e, v);
        if v.number >= 5 {
            Nullable::encode_nullable(self.group_instance_id.as_ref(), e, v);
        }
        self.metadata.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for JoinGroupResponse {
    const NAME: &'static str = "JoinGroupResponse";
    const KEY: i16 = 11;
    const VERSIONS: (i16, i16) = (0, 9);
    const FLEXIBLE_FROM: i16 = 6;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
