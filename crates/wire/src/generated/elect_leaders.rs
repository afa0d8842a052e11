//! Generated from `schema/elect_leaders.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ElectLeadersRequest {
    pub election_type: i8,
    pub topic_partitions: Option<Vec<TopicPartitions>>,
    pub timeout_ms: i32,
}

impl Default for ElectLeadersRequest {
    fn default() -> Self {
        Self {
            election_type: Default::default(),
            topic_partitions: Some(Default::default()),
            timeout_ms: 60000,
        }
    }
}

impl Codec for ElectLeadersRequest {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 1 {
            m.election_type = Codec::decode(d, v)?;
        }
        m.topic_partitions = Nullable::decode_nullable(d, v)?;
        m.timeout_ms = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 1 {
            self.election_type.encode(e, v);
        }
        Nullable::encode_nullable(self.topic_partitions.as_ref(), e, v);
        self.timeout_ms.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitions {
    pub topic: WireStr,
    pub partitions: Vec<i32>,
}

impl Codec for TopicPartitions {
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

impl Message for ElectLeadersRequest {
    const NAME: &'static str = "ElectLeadersRequest";
    const KEY: i16 = 43;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 2;
}

impl Request for ElectLeadersRequest {
    type Response = ElectLeadersResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ElectLeadersResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub replica_election_results: Vec<ReplicaElectionResult>,
}

impl Codec for ElectLeadersResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.error_code = Codec::decode(d, v)?;
        }
        m.replica_election_results = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        if v.number >= 1 {
            e.error_code(self.error_code);
        }
        self.replica_election_results.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplicaElectionResult {
    pub topic: WireStr,
    pub partition_result: Vec<PartitionResult>,
}

impl Codec for ReplicaElectionResult {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic = Codec::decode(d, v)?;
        m.partition_result = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.topic.encode(e, v);
        self.partition_result.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionResult {
    pub partition_id: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
}

impl Default for PartitionResult {
    fn default() -> Self {
        Self {
            partition_id: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
        }
    }
}

impl Codec for PartitionResult {
    const MIN_BYTES: usize = 7;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_id = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_id.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ElectLeadersResponse {
    const NAME: &'static str = "ElectLeadersResponse";
    const KEY: i16 = 43;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 2;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
