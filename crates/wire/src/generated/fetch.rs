//! Generated from `schema/fetch.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct FetchRequest {
    pub cluster_id: Option<WireStr>,
    pub replica_id: i32,
    pub replica_state: ReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub isolation_level: i8,
    pub session_id: i32,
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    pub rack_id: WireStr,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            replica_state: Default::default(),
            max_wait_ms: Default::default(),
            min_bytes: Default::default(),
            max_bytes: 2147483647,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Default::default(),
            forgotten_topics_data: Default::default(),
            rack_id: Default::default(),
        }
    }
}

impl Codec for FetchRequest {
    const MIN_BYTES: usize = 14;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 14 {
            m.replica_id = Codec::decode(d, v)?;
        }
        m.max_wait_ms = Codec::decode(d, v)?;
        m.min_bytes = Codec::decode(d, v)?;
        m.max_bytes = Codec::decode(d, v)?;
        m.isolation_level = Codec::decode(d, v)?;
        if v.number >= 7 {
            m.session_id = Codec::decode(d, v)?;
        }
        if v.number >= 7 {
            m.session_epoch = Codec::decode(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        if v.number >= 7 {
            m.forgotten_topics_data = Codec::decode(d, v)?;
        }
        if v.number >= 11 {
            m.rack_id = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 12 => m.cluster_id = Nullable::decode_nullable(d, v)?,
                    1 if v.number >= 15 => m.replica_state = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 14 {
            self.replica_id.encode(e, v);
        }
        self.max_wait_ms.encode(e, v);
        self.min_bytes.encode(e, v);
        self.max_bytes.encode(e, v);
        self.isolation_level.encode(e, v);
        if v.number >= 7 {
            self.session_id.encode(e, v);
        }
        if v.number >= 7 {
            self.session_epoch.encode(e, v);
        }
        self.topics.encode(e, v);
        if v.number >= 7 {
            self.forgotten_topics_data.encode(e, v);
        }
        if v.number >= 11 {
            self.rack_id.encode(e, v);
        }
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 12 && self.cluster_id != None {
                tags.add(0, |e| {
                    Nullable::encode_nullable(self.cluster_id.as_ref(), e, v);
                });
            }
            if v.number >= 15 && self.replica_state != Default::default() {
                tags.add(1, |e| {
                    self.replica_state.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self { replica_id: -1, replica_epoch: -1 }
    }
}

impl Codec for ReplicaState {
    const MIN_BYTES: usize = 12;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.replica_id = Codec::decode(d, v)?;
        m.replica_epoch = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.replica_id.encode(e, v);
        self.replica_epoch.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchTopic {
    pub topic: WireStr,
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

impl Codec for FetchTopic {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 12 {
            m.topic = Codec::decode(d, v)?;
        }
        if v.number >= 13 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 12 {
            self.topic.encode(e, v);
        }
        if v.number >= 13 {
            self.topic_id.encode(e, v);
        }
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct FetchPartition {
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    pub replica_directory_id: Uuid,
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            current_leader_epoch: -1,
            fetch_offset: Default::default(),
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: Default::default(),
            replica_directory_id: Default::default(),
            high_watermark: 9223372036854775807,
        }
    }
}

impl Codec for FetchPartition {
    const MIN_BYTES: usize = 16;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition = Codec::decode(d, v)?;
        if v.number >= 9 {
            m.current_leader_epoch = Codec::decode(d, v)?;
        }
        m.fetch_offset = Codec::decode(d, v)?;
        if v.number >= 12 {
            m.last_fetched_epoch = Codec::decode(d, v)?;
        }
        if v.number >= 5 {
            m.log_start_offset = Codec::decode(d, v)?;
        }
        m.partition_max_bytes = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 17 => m.replica_directory_id = Codec::decode(d, v)?,
                    1 if v.number >= 18 => m.high_watermark = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition.encode(e, v);
        if v.number >= 9 {
            self.current_leader_epoch.encode(e, v);
        }
        self.fetch_offset.encode(e, v);
        if v.number >= 12 {
            self.last_fetched_epoch.encode(e, v);
        }
        if v.number >= 5 {
            self.log_start_offset.encode(e, v);
        }
        self.partition_max_bytes.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 17 && self.replica_directory_id != Default::default() {
                tags.add(0, |e| {
                    self.replica_directory_id.encode(e, v);
                });
            }
            if v.number >= 18 && self.high_watermark != 9223372036854775807 {
                tags.add(1, |e| {
                    self.high_watermark.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForgottenTopic {
    pub topic: WireStr,
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Codec for ForgottenTopic {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 12 {
            m.topic = Codec::decode(d, v)?;
        }
        if v.number >= 13 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 12 {
            self.topic.encode(e, v);
        }
        if v.number >= 13 {
            self.topic_id.encode(e, v);
        }
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for FetchRequest {
    const NAME: &'static str = "FetchRequest";
    const KEY: i16 = 1;
    const VERSIONS: (i16, i16) = (4, 18);
    const FLEXIBLE_FROM: i16 = 12;
}

impl Request for FetchRequest {
    type Response = FetchResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub session_id: i32,
    pub responses: Vec<FetchableTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Default for FetchResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            session_id: 0,
            responses: Default::default(),
            node_endpoints: Default::default(),
        }
    }
}

impl Codec for FetchResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        if v.number >= 7 {
            m.error_code = Codec::decode(d, v)?;
        }
        if v.number >= 7 {
            m.session_id = Codec::decode(d, v)?;
        }
        m.responses = Codec::decode(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 16 => m.node_endpoints = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        if v.number >= 7 {
            e.error_code(self.error_code);
        }
        if v.number >= 7 {
            self.session_id.encode(e, v);
        }
        self.responses.encode(e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 16 && !self.node_endpoints.is_empty() {
                tags.add(0, |e| {
                    self.node_endpoints.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchableTopicResponse {
    pub topic: WireStr,
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

impl Codec for FetchableTopicResponse {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number <= 12 {
            m.topic = Codec::decode(d, v)?;
        }
        if v.number >= 13 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.partitions = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number <= 12 {
            self.topic.encode(e, v);
        }
        if v.number >= 13 {
            self.topic_id.encode(e, v);
        }
        self.partitions.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: i16,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub diverging_epoch: EpochEndOffset,
    pub current_leader: LeaderIdAndEpoch,
    pub snapshot_id: SnapshotId,
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    pub preferred_read_replica: i32,
    pub records: Option<Records>,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            high_watermark: Default::default(),
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: Default::default(),
            current_leader: Default::default(),
            snapshot_id: Default::default(),
            aborted_transactions: Some(Default::default()),
            preferred_read_replica: -1,
            records: Some(Default::default()),
        }
    }
}

impl Codec for PartitionData {
    const MIN_BYTES: usize = 24;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.high_watermark = Codec::decode(d, v)?;
        m.last_stable_offset = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.log_start_offset = Codec::decode(d, v)?;
        }
        m.aborted_transactions = Nullable::decode_nullable(d, v)?;
        if v.number >= 11 {
            m.preferred_read_replica = Codec::decode(d, v)?;
        }
        m.records = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 12 => m.diverging_epoch = Codec::decode(d, v)?,
                    1 if v.number >= 12 => m.current_leader = Codec::decode(d, v)?,
                    2 if v.number >= 12 => m.snapshot_id = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.partition_index.encode(e, v);
        e.error_code(self.error_code);
        self.high_watermark.encode(e, v);
        self.last_stable_offset.encode(e, v);
        if v.number >= 5 {
            self.log_start_offset.encode(e, v);
        }
        Nullable::encode_nullable(self.aborted_transactions.as_ref(), e, v);
        if v.number >= 11 {
            self.preferred_read_replica.encode(e, v);
        }
        Nullable::encode_nullable(self.records.as_ref(), e, v);
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 12 && self.diverging_epoch != Default::default() {
                tags.add(0, |e| {
                    self.diverging_epoch.encode(e, v);
                });
            }
            if v.number >= 12 && self.current_leader != Default::default() {
                tags.add(1, |e| {
                    self.current_leader.encode(e, v);
                });
            }
            if v.number >= 12 && self.snapshot_id != Default::default() {
                tags.add(2, |e| {
                    self.snapshot_id.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self { epoch: -1, end_offset: -1 }
    }
}

impl Codec for EpochEndOffset {
    const MIN_BYTES: usize = 12;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.epoch = Codec::decode(d, v)?;
        m.end_offset = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.epoch.encode(e, v);
        self.end_offset.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl Codec for LeaderIdAndEpoch {
    const MIN_BYTES: usize = 8;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.leader_id = Codec::decode(d, v)?;
        m.leader_epoch = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.leader_id.encode(e, v);
        self.leader_epoch.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self { end_offset: -1, epoch: -1 }
    }
}

impl Codec for SnapshotId {
    const MIN_BYTES: usize = 12;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.end_offset = Codec::decode(d, v)?;
        m.epoch = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.end_offset.encode(e, v);
        self.epoch.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl Codec for AbortedTransaction {
    const MIN_BYTES: usize = 16;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.producer_id = Codec::decode(d, v)?;
        m.first_offset = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.producer_id.encode(e, v);
        self.first_offset.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: WireStr,
    pub port: i32,
    pub rack: Option<WireStr>,
}

impl Default for NodeEndpoint {
    fn default() -> Self {
        Self { node_id: Default::default(), host: Default::default(), port: Default::default(), rack: None }
    }
}

impl Codec for NodeEndpoint {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.node_id = Codec::decode(d, v)?;
        m.host = Codec::decode(d, v)?;
        m.port = Codec::decode(d, v)?;
        m.rack = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.node_id.encode(e, v);
        self.host.encode(e, v);
        self.port.encode(e, v);
        Nullable::encode_nullable(self.rack.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for FetchResponse {
    const NAME: &'static str = "FetchResponse";
    const KEY: i16 = 1;
    const VERSIONS: (i16, i16) = (4, 18);
    const FLEXIBLE_FROM: i16 = 12;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
