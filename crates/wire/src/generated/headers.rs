//! Generated from `schema/headers.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct RequestHeader {
    pub request_api_key: i16,
    pub request_api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<WireStr>,
}

impl Default for RequestHeader {
    fn default() -> Self {
        Self {
            request_api_key: Default::default(),
            request_api_version: Default::default(),
            correlation_id: Default::default(),
            client_id: Some(Default::default()),
        }
    }
}

impl Codec for RequestHeader {
    const MIN_BYTES: usize = 9;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.request_api_key = Codec::decode(d, v)?;
        m.request_api_version = Codec::decode(d, v)?;
        m.correlation_id = Codec::decode(d, v)?;
        m.client_id = Nullable::decode_nullable(d, v.rigid())?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.request_api_key.encode(e, v);
        self.request_api_version.encode(e, v);
        self.correlation_id.encode(e, v);
        Nullable::encode_nullable(self.client_id.as_ref(), e, v.rigid());
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for RequestHeader {
    const NAME: &'static str = "RequestHeader";
    const KEY: i16 = -1;
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_FROM: i16 = 2;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResponseHeader {
    pub correlation_id: i32,
}

impl Codec for ResponseHeader {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.correlation_id = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.correlation_id.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ResponseHeader {
    const NAME: &'static str = "ResponseHeader";
    const KEY: i16 = -1;
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_FROM: i16 = 1;
}
