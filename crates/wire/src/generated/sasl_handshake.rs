//! Generated from `schema/sasl_handshake.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SaslHandshakeRequest {
    pub mechanism: WireStr,
}

impl Codec for SaslHandshakeRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.mechanism = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.mechanism.encode(e, v);
    }
}

impl Message for SaslHandshakeRequest {
    const NAME: &'static str = "SaslHandshakeRequest";
    const KEY: i16 = 17;
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_FROM: i16 = 32767;
}

impl Request for SaslHandshakeRequest {
    type Response = SaslHandshakeResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SaslHandshakeResponse {
    pub error_code: i16,
    pub mechanisms: Vec<WireStr>,
}

impl Codec for SaslHandshakeResponse {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.mechanisms = Codec::decode(d, v)?;
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        self.mechanisms.encode(e, v);
    }
}

impl Message for SaslHandshakeResponse {
    const NAME: &'static str = "SaslHandshakeResponse";
    const KEY: i16 = 17;
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_FROM: i16 = 32767;
}
