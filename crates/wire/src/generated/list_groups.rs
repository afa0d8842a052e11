//! Generated from `schema/list_groups.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListGroupsRequest {
    pub states_filter: Vec<WireStr>,
    pub types_filter: Vec<WireStr>,
}

impl Codec for ListGroupsRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 4 {
            m.states_filter = Codec::decode(d, v)?;
        }
        if v.number >= 5 {
            m.types_filter = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 4 {
            self.states_filter.encode(e, v);
        }
        if v.number >= 5 {
            self.types_filter.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ListGroupsRequest {
    const NAME: &'static str = "ListGroupsRequest";
    const KEY: i16 = 16;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 3;
}

impl Request for ListGroupsRequest {
    type Response = ListGroupsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListGroupsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub groups: Vec<ListedGroup>,
}

impl Codec for ListGroupsResponse {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 1 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.error_code = Codec::decode(d, v)?;
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
        e.error_code(self.error_code);
        self.groups.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListedGroup {
    pub group_id: WireStr,
    pub protocol_type: WireStr,
    pub group_state: WireStr,
    pub group_type: WireStr,
}

impl Codec for ListedGroup {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.group_id = Codec::decode(d, v)?;
        m.protocol_type = Codec::decode(d, v)?;
        if v.number >= 4 {
            m.group_state = Codec::decode(d, v)?;
        }
        if v.number >= 5 {
            m.group_type = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.group_id.encode(e, v);
        self.protocol_type.encode(e, v);
        if v.number >= 4 {
            self.group_state.encode(e, v);
        }
        if v.number >= 5 {
            self.group_type.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ListGroupsResponse {
    const NAME: &'static str = "ListGroupsResponse";
    const KEY: i16 = 16;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 3;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
