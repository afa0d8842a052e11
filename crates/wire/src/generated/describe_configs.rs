//! Generated from `schema/describe_configs.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsRequest {
    pub resources: Vec<DescribeConfigsResource>,
    pub include_synonyms: bool,
    pub include_documentation: bool,
}

impl Default for DescribeConfigsRequest {
    fn default() -> Self {
        Self { resources: Default::default(), include_synonyms: false, include_documentation: false }
    }
}

impl Codec for DescribeConfigsRequest {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.resources = Codec::decode(d, v)?;
        m.include_synonyms = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.include_documentation = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.resources.encode(e, v);
        self.include_synonyms.encode(e, v);
        if v.number >= 3 {
            self.include_documentation.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsResource {
    pub resource_type: i8,
    pub resource_name: WireStr,
    pub configuration_keys: Option<Vec<WireStr>>,
}

impl Default for DescribeConfigsResource {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            configuration_keys: Some(Default::default()),
        }
    }
}

impl Codec for DescribeConfigsResource {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.resource_type = Codec::decode(d, v)?;
        m.resource_name = Codec::decode(d, v)?;
        m.configuration_keys = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.resource_type.encode(e, v);
        self.resource_name.encode(e, v);
        Nullable::encode_nullable(self.configuration_keys.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeConfigsRequest {
    const NAME: &'static str = "DescribeConfigsRequest";
    const KEY: i16 = 32;
    const VERSIONS: (i16, i16) = (1, 4);
    const FLEXIBLE_FROM: i16 = 4;
}

impl Request for DescribeConfigsRequest {
    type Response = DescribeConfigsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeConfigsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<DescribeConfigsResult>,
}

impl Codec for DescribeConfigsResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.results = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        self.results.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsResult {
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub resource_type: i8,
    pub resource_name: WireStr,
    pub configs: Vec<DescribeConfigsResourceResult>,
}

impl Default for DescribeConfigsResult {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(Default::default()),
            resource_type: Default::default(),
            resource_name: Default::default(),
            configs: Default::default(),
        }
    }
}

impl Codec for DescribeConfigsResult {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.resource_type = Codec::decode(d, v)?;
        m.resource_name = Codec::decode(d, v)?;
        m.configs = Codec::decode(d, v)?;
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
        self.configs.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsResourceResult {
    pub name: WireStr,
    pub value: Option<WireStr>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
    pub synonyms: Vec<DescribeConfigsSynonym>,
    pub config_type: i8,
    pub documentation: Option<WireStr>,
}

impl Default for DescribeConfigsResourceResult {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Some(Default::default()),
            read_only: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
            synonyms: Default::default(),
            config_type: 0,
            documentation: Some(Default::default()),
        }
    }
}

impl Codec for DescribeConfigsResourceResult {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.value = Nullable::decode_nullable(d, v)?;
        m.read_only = Codec::decode(d, v)?;
        m.config_source = Codec::decode(d, v)?;
        m.is_sensitive = Codec::decode(d, v)?;
        m.synonyms = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.config_type = Codec::decode(d, v)?;
        }
        if v.number >= 3 {
            m.documentation = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        Nullable::encode_nullable(self.value.as_ref(), e, v);
        self.read_only.encode(e, v);
        self.config_source.encode(e, v);
        self.is_sensitive.encode(e, v);
        self.synonyms.encode(e, v);
        if v.number >= 3 {
            self.config_type.encode(e, v);
        }
        if v.number >= 3 {
            Nullable::encode_nullable(self.documentation.as_ref(), e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsSynonym {
    pub name: WireStr,
    pub value: Option<WireStr>,
    pub source: i8,
}

impl Default for DescribeConfigsSynonym {
    fn default() -> Self {
        Self { name: Default::default(), value: Some(Default::default()), source: Default::default() }
    }
}

impl Codec for DescribeConfigsSynonym {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.value = Nullable::decode_nullable(d, v)?;
        m.source = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        Nullable::encode_nullable(self.value.as_ref(), e, v);
        self.source.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeConfigsResponse {
    const NAME: &'static str = "DescribeConfigsResponse";
    const KEY: i16 = 32;
    const VERSIONS: (i16, i16) = (1, 4);
    const FLEXIBLE_FROM: i16 = 4;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
