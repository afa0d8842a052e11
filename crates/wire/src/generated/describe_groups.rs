//! Generated from `schema/describe_groups.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<WireStr>,
    pub include_authorized_operations: bool,
}

impl Codec for DescribeGroupsRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.groups = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.include_authorized_operations = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.groups.encode(e, v);
        if v.number >= 3 {
            self.include_authorized_operations.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeGroupsRequest {
    const NAME: &'static str = "DescribeGroupsRequest";
    const KEY: i16 = 15;
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_FROM: i16 = 5;
}

impl Request for DescribeGroupsRequest {
    type Response = DescribeGroupsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeGroupsResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Codec for DescribeGroupsResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 1 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.groups = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 1 {
            self.throttle_time_ms.encode(e, v);
        }
        self.groups.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub group_id: WireStr,
    pub group_state: WireStr,
    pub protocol_type: WireStr,
    pub protocol_data: WireStr,
    pub members: Vec<DescribedGroupMember>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: None,
            group_id: Default::default(),
            group_state: Default::default(),
            protocol_type: Default::default(),
            protocol_data: Default::default(),
            members: Default::default(),
            authorized_operations: -2147483648,
        }
    }
}

impl Codec for DescribedGroup {
    const MIN_BYTES: usize = 7;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        if v.number >= 6 {
            m.error_message = Nullable::decode_nullable(d, v)?;
        }
        m.group_id = Codec::decode(d, v)?;
        m.group_state = Codec::decode(d, v)?;
        m.protocol_type = Codec::decode(d, v)?;
        m.protocol_data = Codec::decode(d, v)?;
        m.members = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.authorized_operations = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        if v.number >= 6 {
            Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        }
        self.group_id.encode(e, v);
        self.group_state.encode(e, v);
        self.protocol_type.encode(e, v);
        self.protocol_data.encode(e, v);
        self.members.encode(e, v);
        if v.number >= 3 {
            self.authorized_operations.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroupMember {
    pub member_id: WireStr,
    pub group_instance_id: Option<WireStr>,
    pub client_id: WireStr,
    pub client_host: WireStr,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}

impl Default for DescribedGroupMember {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            group_instance_id: None,
            client_id: Default::default(),
            client_host: Default::default(),
            member_metadata: Default::default(),
            member_assignment: Default::default(),
        }
    }
}

impl Codec for DescribedGroupMember {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_id = Codec::decode(d, v)?;
        if v.number >= 4 {
            m.group_instance_id = Nullable::decode_nullable(d, v)?;
        }
        m.client_id = Codec::decode(d, v)?;
        m.client_host = Codec::decode(d, v)?;
        m.member_metadata = Codec::decode(d, v)?;
        m.member_assignment = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.member_id.encode(e, v);
        if v.number >= 4 {
            Nullable::encode_nullable(self.group_instance_id.as_ref(), e, v);
        }
        self.client_id.encode(e, v);
        self.client_host.encode(e, v);
        self.member_metadata.encode(e, v);
        self.member_assignment.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeGroupsResponse {
    const NAME: &'static str = "DescribeGroupsResponse";
    const KEY: i16 = 15;
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_FROM: i16 = 5;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
