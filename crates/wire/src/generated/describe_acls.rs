//! Generated from `schema/describe_acls.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeAclsRequest {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<WireStr>,
    pub pattern_type_filter: i8,
    pub principal_filter: Option<WireStr>,
    pub host_filter: Option<WireStr>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DescribeAclsRequest {
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

impl Codec for DescribeAclsRequest {
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

impl Message for DescribeAclsRequest {
    const NAME: &'static str = "DescribeAclsRequest";
    const KEY: i16 = 29;
    const VERSIONS: (i16, i16) = (1, 3);
    const FLEXIBLE_FROM: i16 = 2;
}

impl Request for DescribeAclsRequest {
    type Response = DescribeAclsResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeAclsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub resources: Vec<DescribeAclsResource>,
}

impl Default for DescribeAclsResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
            resources: Default::default(),
        }
    }
}

impl Codec for DescribeAclsResponse {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.resources = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.resources.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeAclsResource {
    pub resource_type: i8,
    pub resource_name: WireStr,
    pub pattern_type: i8,
    pub acls: Vec<AclDescription>,
}

impl Default for DescribeAclsResource {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            pattern_type: 3,
            acls: Default::default(),
        }
    }
}

impl Codec for DescribeAclsResource {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.resource_type = Codec::decode(d, v)?;
        m.resource_name = Codec::decode(d, v)?;
        m.pattern_type = Codec::decode(d, v)?;
        m.acls = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.resource_type.encode(e, v);
        self.resource_name.encode(e, v);
        self.pattern_type.encode(e, v);
        self.acls.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AclDescription {
    pub principal: WireStr,
    pub host: WireStr,
    pub operation: i8,
    pub permission_type: i8,
}

impl Codec for AclDescription {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
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
        self.principal.encode(e, v);
        self.host.encode(e, v);
        self.operation.encode(e, v);
        self.permission_type.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeAclsResponse {
    const NAME: &'static str = "DescribeAclsResponse";
    const KEY: i16 = 29;
    const VERSIONS: (i16, i16) = (1, 3);
    const FLEXIBLE_FROM: i16 = 2;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
