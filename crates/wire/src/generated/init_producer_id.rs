//! Generated from `schema/init_producer_id.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct InitProducerIdRequest {
    pub transactional_id: Option<WireStr>,
    pub transaction_timeout_ms: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub enable2_pc: bool,
    pub keep_prepared_txn: bool,
}

impl Default for InitProducerIdRequest {
    fn default() -> Self {
        Self {
            transactional_id: Some(Default::default()),
            transaction_timeout_ms: Default::default(),
            producer_id: -1,
            producer_epoch: -1,
            enable2_pc: false,
            keep_prepared_txn: false,
        }
    }
}

impl Codec for InitProducerIdRequest {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.transactional_id = Nullable::decode_nullable(d, v)?;
        m.transaction_timeout_ms = Codec::decode(d, v)?;
        if v.number >= 3 {
            m.producer_id = Codec::decode(d, v)?;
        }
        if v.number >= 3 {
            m.producer_epoch = Codec::decode(d, v)?;
        }
        if v.number >= 6 {
            m.enable2_pc = Codec::decode(d, v)?;
        }
        if v.number >= 6 {
            m.keep_prepared_txn = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        Nullable::encode_nullable(self.transactional_id.as_ref(), e, v);
        self.transaction_timeout_ms.encode(e, v);
        if v.number >= 3 {
            self.producer_id.encode(e, v);
        }
        if v.number >= 3 {
            self.producer_epoch.encode(e, v);
        }
        if v.number >= 6 {
            self.enable2_pc.encode(e, v);
        }
        if v.number >= 6 {
            self.keep_prepared_txn.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for InitProducerIdRequest {
    const NAME: &'static str = "InitProducerIdRequest";
    const KEY: i16 = 22;
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_FROM: i16 = 2;
}

impl Request for InitProducerIdRequest {
    type Response = InitProducerIdResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct InitProducerIdResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub ongoing_txn_producer_id: i64,
    pub ongoing_txn_producer_epoch: i16,
}

impl Default for InitProducerIdResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            producer_id: -1,
            producer_epoch: Default::default(),
            ongoing_txn_producer_id: -1,
            ongoing_txn_producer_epoch: -1,
        }
    }
}

impl Codec for InitProducerIdResponse {
    const MIN_BYTES: usize = 16;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.producer_id = Codec::decode(d, v)?;
        m.producer_epoch = Codec::decode(d, v)?;
        if v.number >= 6 {
            m.ongoing_txn_producer_id = Codec::decode(d, v)?;
        }
        if v.number >= 6 {
            m.ongoing_txn_producer_epoch = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        self.producer_id.encode(e, v);
        self.producer_epoch.encode(e, v);
        if v.number >= 6 {
            self.ongoing_txn_producer_id.encode(e, v);
        }
        if v.number >= 6 {
            self.ongoing_txn_producer_epoch.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for InitProducerIdResponse {
    const NAME: &'static str = "InitProducerIdResponse";
    const KEY: i16 = 22;
    const VERSIONS: (i16, i16) = (0, 6);
    const FLEXIBLE_FROM: i16 = 2;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
