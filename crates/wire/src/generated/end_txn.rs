//! Generated from `schema/end_txn.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct EndTxnRequest {
    pub transactional_id: WireStr,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub committed: bool,
}

impl Codec for EndTxnRequest {
    const MIN_BYTES: usize = 12;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.transactional_id = Codec::decode(d, v)?;
        m.producer_id = Codec::decode(d, v)?;
        m.producer_epoch = Codec::decode(d, v)?;
        m.committed = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.transactional_id.encode(e, v);
        self.producer_id.encode(e, v);
        self.producer_epoch.encode(e, v);
        self.committed.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for EndTxnRequest {
    const NAME: &'static str = "EndTxnRequest";
    const KEY: i16 = 26;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 3;
}

impl Request for EndTxnRequest {
    type Response = EndTxnResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct EndTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub producer_id: i64,
    pub producer_epoch: i16,
}

impl Default for EndTxnResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            producer_id: -1,
            producer_epoch: -1,
        }
    }
}

impl Codec for EndTxnResponse {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.producer_id = Codec::decode(d, v)?;
        }
        if v.number >= 5 {
            m.producer_epoch = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        if v.number >= 5 {
            self.producer_id.encode(e, v);
        }
        if v.number >= 5 {
            self.producer_epoch.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for EndTxnResponse {
    const NAME: &'static str = "EndTxnResponse";
    const KEY: i16 = 26;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 3;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
