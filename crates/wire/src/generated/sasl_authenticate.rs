//! Generated from `schema/sasl_authenticate.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SaslAuthenticateRequest {
    pub auth_bytes: Bytes,
}

impl Codec for SaslAuthenticateRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.auth_bytes = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.auth_bytes.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for SaslAuthenticateRequest {
    const NAME: &'static str = "SaslAuthenticateRequest";
    const KEY: i16 = 36;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 2;
}

impl Request for SaslAuthenticateRequest {
    type Response = SaslAuthenticateResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct SaslAuthenticateResponse {
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub auth_bytes: Bytes,
    pub session_lifetime_ms: i64,
}

impl Default for SaslAuthenticateResponse {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(Default::default()),
            auth_bytes: Default::default(),
            session_lifetime_ms: 0,
        }
    }
}

impl Codec for SaslAuthenticateResponse {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.auth_bytes = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.session_lifetime_ms = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.auth_bytes.encode(e, v);
        if v.number >= 1 {
            self.session_lifetime_ms.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for SaslAuthenticateResponse {
    const NAME: &'static str = "SaslAuthenticateResponse";
    const KEY: i16 = 36;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 2;
}
