//! Generated from `schema/add_partitions_to_txn.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnRequest {
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    pub v3_and_below_transactional_id: WireStr,
    pub v3_and_below_producer_id: i64,
    pub v3_and_below_producer_epoch: i16,
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
}

impl Codec for AddPartitionsToTxnRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 4 {
            m.transactions = Codec::decode(d, v)?;
        }
        if v.number <= 3 {
            m.v3_and_below_transactional_id = Codec::decode(d, v)?;
        }
        if v.number <= 3 {
            m.v3_and_below_producer_id = Codec::decode(d, v)?;
        }
        if v.number <= 3 {
            m.v3_and_below_producer_epoch = Codec::decode(d, v)?;
        }
        if v.number <= 3 {
            m.v3_and_below_topics = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 4 {
            self.transactions.encode(e, v);
        }
        if v.number <= 3 {
            self.v3_and_below_transactional_id.encode(e, v);
        }
        if v.number <= 3 {
            self.v3_and_below_producer_id.encode(e, v);
        }
        if v.number <= 3 {
            self.v3_and_below_producer_epoch.encode(e, v);
        }
        if v.number <= 3 {
            self.v3_and_below_topics.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnTopic {
    pub name: WireStr,
    pub partitions: Vec<i32>,
}

impl Codec for AddPartitionsToTxnTopic {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct AddPartitionsToTxnTransaction {
    pub transactional_id: WireStr,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<AddPartitionsToTxnTopic>,
}

impl Default for AddPartitionsToTxnTransaction {
    fn default() -> Self {
        Self {
            transactional_id: Default::default(),
            producer_id: Default::default(),
            producer_epoch: Default::default(),
            verify_only: false,
            topics: Default::default(),
        }
    }
}

impl Codec for AddPartitionsToTxnTransaction {
    const MIN_BYTES: usize = 13;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.transactional_id = Codec::decode(d, v)?;
        m.producer_id = Codec::decode(d, v)?;
        m.producer_epoch = Codec::decode(d, v)?;
        m.verify_only = Codec::decode(d, v)?;
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.transactional_id.encode(e, v);
        self.producer_id.encode(e, v);
        self.producer_epoch.encode(e, v);
        self.verify_only.encode(e, v);
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for AddPartitionsToTxnRequest {
    const NAME: &'static str = "AddPartitionsToTxnRequest";
    const KEY: i16 = 24;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 3;
}

impl Request for AddPartitionsToTxnRequest {
    type Response = AddPartitionsToTxnResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub results_by_transaction: Vec<AddPartitionsToTxnResult>,
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
}

impl Codec for AddPartitionsToTxnResponse {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        if v.number >= 4 {
            m.error_code = Codec::decode(d, v)?;
        }
        if v.number >= 4 {
            m.results_by_transaction = Codec::decode(d, v)?;
        }
        if v.number <= 3 {
            m.results_by_topic_v3_and_below = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        if v.number >= 4 {
            e.error_code(self.error_code);
        }
        if v.number >= 4 {
            self.results_by_transaction.encode(e, v);
        }
        if v.number <= 3 {
            self.results_by_topic_v3_and_below.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnTopicResult {
    pub name: WireStr,
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
}

impl Codec for AddPartitionsToTxnTopicResult {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.results_by_partition = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.results_by_partition.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnPartitionResult {
    pub partition_index: i32,
    pub partition_error_code: i16,
}

impl Codec for AddPartitionsToTxnPartitionResult {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.partition_error_code = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        self.partition_error_code.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnResult {
    pub transactional_id: WireStr,
    pub topic_results: Vec<AddPartitionsToTxnTopicResult>,
}

impl Codec for AddPartitionsToTxnResult {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.transactional_id = Codec::decode(d, v)?;
        m.topic_results = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.transactional_id.encode(e, v);
        self.topic_results.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for AddPartitionsToTxnResponse {
    const NAME: &'static str = "AddPartitionsToTxnResponse";
    const KEY: i16 = 24;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 3;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
