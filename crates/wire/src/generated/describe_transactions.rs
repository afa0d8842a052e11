//! Generated from `schema/describe_transactions.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeTransactionsRequest {
    pub transactional_ids: Vec<WireStr>,
}

impl Codec for DescribeTransactionsRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.transactional_ids = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.transactional_ids.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeTransactionsRequest {
    const NAME: &'static str = "DescribeTransactionsRequest";
    const KEY: i16 = 65;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
}

impl Request for DescribeTransactionsRequest {
    type Response = DescribeTransactionsResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeTransactionsResponse {
    pub throttle_time_ms: i32,
    pub transaction_states: Vec<TransactionState>,
}

impl Codec for DescribeTransactionsResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.transaction_states = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        self.transaction_states.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransactionState {
    pub error_code: i16,
    pub transactional_id: WireStr,
    pub transaction_state: WireStr,
    pub transaction_timeout_ms: i32,
    pub transaction_start_time_ms: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub topics: Vec<TopicData>,
}

impl Codec for TransactionState {
    const MIN_BYTES: usize = 27;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.transactional_id = Codec::decode(d, v)?;
        m.transaction_state = Codec::decode(d, v)?;
        m.transaction_timeout_ms = Codec::decode(d, v)?;
        m.transaction_start_time_ms = Codec::decode(d, v)?;
        m.producer_id = Codec::decode(d, v)?;
        m.producer_epoch = Codec::decode(d, v)?;
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        self.transactional_id.encode(e, v);
        self.transaction_state.encode(e, v);
        self.transaction_timeout_ms.encode(e, v);
        self.transaction_start_time_ms.encode(e, v);
        self.producer_id.encode(e, v);
        self.producer_epoch.encode(e, v);
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicData {
    pub topic: WireStr,
    pub partitions: Vec<i32>,
}

impl Codec for TopicData {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeTransactionsResponse {
    const NAME: &'static str = "DescribeTransactionsResponse";
    const KEY: i16 = 65;
    const VERSIONS: (i16, i16) = (0, 0);
    const FLEXIBLE_FROM: i16 = 0;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
