//! Generated from `schema/delete_acls.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteAclsRequest {
    pub filters: Vec<DeleteAclsFilter>,
}

impl Codec for DeleteAclsRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.filters = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.filters.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeleteAclsFilter {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<WireStr>,
    pub pattern_type_filter: i8,
    pub principal_filter: Option<WireStr>,
    pub host_filter: Option<WireStr>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DeleteAclsFilter {
    fn default() -> Self {
        Self {
            resource_type_filter: Default::default(),
            resource_name_filter: Some(Default::default()),
            pattern_type_filter: 3,
            principal_filter: Some(Default::default()),
            host_filter: Some(Default::default()),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl Codec for DeleteAclsFilter {
    const MIN_BYTES: usize = 7;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.resource_type_filter = Codec::decode(d, v)?;
        m.resource_name_filter = Nullable::decode_nullable(d, v)?;
        m.pattern_type_filter = Codec::decode(d, v)?;
        m.principal_filter = Nullable::decode_nullable(d, v)?;
        m.host_filter = Nullable::decode_nullable(d, v)?;
        m.operation = Codec::decode(d, v)?;
        m.permission_type = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.resource_type_filter.encode(e, v);
        Nullable::encode_nullable(self.resource_name_filter.as_ref(), e, v);
        self.pattern_type_filter.encode(e, v);
        Nullable::encode_nullable(self.principal_filter.as_ref(), e, v);
        Nullable::encode_nullable(self.host_filter.as_ref(), e, v);
        self.operation.encode(e, v);
        self.permission_type.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DeleteAclsRequest {
    const NAME: &'static str = "DeleteAclsRequest";
    const KEY: i16 = 31;
    const VERSIONS: (i16, i16) = (1, 3);
    const FLEXIBLE_FROM: i16 = 2;
}

impl Request for DeleteAclsRequest {
    type Response = DeleteAclsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteAclsResponse {
    pub throttle_time_ms: i32,
    pub filter_results: Vec<DeleteAclsFilterResult>,
}

impl Codec for DeleteAclsResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.filter_results = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        self.filter_results.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeleteAclsFilterResult {
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub matching_acls: Vec<DeleteAclsMatchingAcl>,
}

impl Default for DeleteAclsFilterResult {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(Default::default()),
            matching_acls: Default::default(),
        }
    }
}

impl Codec for DeleteAclsFilterResult {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.matching_acls = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.matching_acls.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeleteAclsMatchingAcl {
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub resource_type: i8,
    pub resource_name: WireStr,
    pub pattern_type: i8,
    pub principal: WireStr,
    pub host: WireStr,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DeleteAclsMatchingAcl {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(Default::default()),
            resource_type: Default::default(),
            resource_name: Default::default(),
            pattern_type: 3,
            principal: Default::default(),
            host: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl Codec for DeleteAclsMatchingAcl {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.resource_type = Codec::decode(d, v)?;
        m.resource_name = Codec::decode(d, v)?;
        m.pattern_type = Codec::decode(d, v)?;
        m.principal = Codec::decode(d, v)?;
        m.host = Codec::decode(d, v)?;
        m.operation = Codec::decode(d, v)?;
        m.permission_type = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.resource_type.encode(e, v);
        self.resource_name.encode(e, v);
        self.pattern_type.encode(e, v);
        self.principal.encode(e, v);
        self.host.encode(e, v);
        self.operation.encode(e, v);
        self.permission_type.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DeleteAclsResponse {
    const NAME: &'static str = "DeleteAclsResponse";
    const KEY: i16 = 31;
    const VERSIONS: (i16, i16) = (1, 3);
    const FLEXIBLE_FROM: i16 = 2;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
