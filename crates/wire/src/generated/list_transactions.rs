//! Generated from `schema/list_transactions.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ListTransactionsRequest {
    pub state_filters: Vec<WireStr>,
    pub producer_id_filters: Vec<i64>,
    pub duration_filter: i64,
    pub transactional_id_pattern: Option<WireStr>,
}

impl Default for ListTransactionsRequest {
    fn default() -> Self {
        Self {
            state_filters: Default::default(),
            producer_id_filters: Default::default(),
            duration_filter: -1,
            transactional_id_pattern: None,
        }
    }
}

impl Codec for ListTransactionsRequest {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.state_filters = Codec::decode(d, v)?;
        m.producer_id_filters = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.duration_filter = Codec::decode(d, v)?;
        }
        if v.number >= 2 {
            m.transactional_id_pattern = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.state_filters.encode(e, v);
        self.producer_id_filters.encode(e, v);
        if v.number >= 1 {
            self.duration_filter.encode(e, v);
        }
        if v.number >= 2 {
            Nullable::encode_nullable(self.transactional_id_pattern.as_ref(), e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ListTransactionsRequest {
    const NAME: &'static str = "ListTransactionsRequest";
    const KEY: i16 = 66;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 0;
}

impl Request for ListTransactionsRequest {
    type Response = ListTransactionsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListTransactionsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub unknown_state_filters: Vec<WireStr>,
    pub transaction_states: Vec<TransactionState>,
}

impl Codec for ListTransactionsResponse {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.unknown_state_filters = Codec::decode(d, v)?;
        m.transaction_states = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        self.unknown_state_filters.encode(e, v);
        self.transaction_states.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransactionState {
    pub transactional_id: WireStr,
    pub producer_id: i64,
    pub transaction_state: WireStr,
}

impl Codec for TransactionState {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.transactional_id = Codec::decode(d, v)?;
        m.producer_id = Codec::decode(d, v)?;
        m.transaction_state = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.transactional_id.encode(e, v);
        self.producer_id.encode(e, v);
        self.transaction_state.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ListTransactionsResponse {
    const NAME: &'static str = "ListTransactionsResponse";
    const KEY: i16 = 66;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 0;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
