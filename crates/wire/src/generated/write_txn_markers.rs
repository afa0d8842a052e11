//! Generated from `schema/write_txn_markers.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteTxnMarkersRequest {
    pub markers: Vec<WritableTxnMarker>,
}

impl Codec for WriteTxnMarkersRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.markers = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.markers.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct WritableTxnMarker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub transaction_result: bool,
    pub topics: Vec<WritableTxnMarkerTopic>,
    pub coordinator_epoch: i32,
    pub transaction_version: i8,
}

impl Default for WritableTxnMarker {
    fn default() -> Self {
        Self {
            producer_id: Default::default(),
            producer_epoch: Default::default(),
            transaction_result: Default::default(),
            topics: Default::default(),
            coordinator_epoch: Default::default(),
            transaction_version: 0,
        }
    }
}

impl Codec for WritableTxnMarker {
    const MIN_BYTES: usize = 16;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.producer_id = Codec::decode(d, v)?;
        m.producer_epoch = Codec::decode(d, v)?;
        m.transaction_result = Codec::decode(d, v)?;
        m.topics = Codec::decode(d, v)?;
        m.coordinator_epoch = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.transaction_version = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.producer_id.encode(e, v);
        self.producer_epoch.encode(e, v);
        self.transaction_result.encode(e, v);
        self.topics.encode(e, v);
        self.coordinator_epoch.encode(e, v);
        if v.number >= 2 {
            self.transaction_version.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarkerTopic {
    pub name: WireStr,
    pub partition_indexes: Vec<i32>,
}

impl Codec for WritableTxnMarkerTopic {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.partition_indexes = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.partition_indexes.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for WriteTxnMarkersRequest {
    const NAME: &'static str = "WriteTxnMarkersRequest";
    const KEY: i16 = 27;
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_FROM: i16 = 1;
}

impl Request for WriteTxnMarkersRequest {
    type Response = WriteTxnMarkersResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteTxnMarkersResponse {
    pub markers: Vec<WritableTxnMarkerResult>,
}

impl Codec for WriteTxnMarkersResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.markers = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.markers.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarkerResult {
    pub producer_id: i64,
    pub topics: Vec<WritableTxnMarkerTopicResult>,
}

impl Codec for WritableTxnMarkerResult {
    const MIN_BYTES: usize = 9;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.producer_id = Codec::decode(d, v)?;
        m.topics = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.producer_id.encode(e, v);
        self.topics.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarkerTopicResult {
    pub name: WireStr,
    pub partitions: Vec<WritableTxnMarkerPartitionResult>,
}

impl Codec for WritableTxnMarkerTopicResult {
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

#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarkerPartitionResult {
    pub partition_index: i32,
    pub error_code: i16,
}

impl Codec for WritableTxnMarkerPartitionResult {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        e.error_code(self.error_code);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for WriteTxnMarkersResponse {
    const NAME: &'static str = "WriteTxnMarkersResponse";
    const KEY: i16 = 27;
    const VERSIONS: (i16, i16) = (1, 2);
    const FLEXIBLE_FROM: i16 = 1;
}
