//! Generated from `schema/metadata.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataRequest {
    pub topics: Option<Vec<MetadataRequestTopic>>,
    pub allow_auto_topic_creation: bool,
    pub include_cluster_authorized_operations: bool,
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Some(Default::default()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: Default::default(),
            include_topic_authorized_operations: Default::default(),
        }
    }
}

impl Codec for MetadataRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topics = if v.number >= 1 { Nullable::decode_nullable(d, v)? } else { Some(Codec::decode(d, v)?) };
        if v.number >= 4 {
            m.allow_auto_topic_creation = Codec::decode(d, v)?;
        }
        if v.number >= 8 && v.number <= 10 {
            m.include_cluster_authorized_operations = Codec::decode(d, v)?;
        }
        if v.number >= 8 {
            m.include_topic_authorized_operations = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 1 {
            Nullable::encode_nullable(self.topics.as_ref(), e, v);
        } else {
            encode_or_default(self.topics.as_ref(), e, v);
        }
        if v.number >= 4 {
            self.allow_auto_topic_creation.encode(e, v);
        }
        if v.number >= 8 && v.number <= 10 {
            self.include_cluster_authorized_operations.encode(e, v);
        }
        if v.number >= 8 {
            self.include_topic_authorized_operations.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataRequestTopic {
    pub topic_id: Uuid,
    pub name: Option<WireStr>,
}

impl Default for MetadataRequestTopic {
    fn default() -> Self {
        Self { topic_id: Default::default(), name: Some(Default::default()) }
    }
}

impl Codec for MetadataRequestTopic {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 10 {
            m.topic_id = Codec::decode(d, v)?;
        }
        m.name = if v.number >= 10 { Nullable::decode_nullable(d, v)? } else { Some(Codec::decode(d, v)?) };
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 10 {
            self.topic_id.encode(e, v);
        }
        if v.number >= 10 {
            Nullable::encode_nullable(self.name.as_ref(), e, v);
        } else {
            encode_or_default(self.name.as_ref(), e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for MetadataRequest {
    const NAME: &'static str = "MetadataRequest";
    const KEY: i16 = 3;
    const VERSIONS: (i16, i16) = (0, 13);
    const FLEXIBLE_FROM: i16 = 9;
}

impl Request for MetadataRequest {
    type Response = MetadataResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponse {
    pub throttle_time_ms: i32,
    pub brokers: Vec<MetadataResponseBroker>,
    pub cluster_id: Option<WireStr>,
    pub controller_id: i32,
    pub topics: Vec<MetadataResponseTopic>,
    pub cluster_authorized_operations: i32,
    pub error_code: i16,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            brokers: Default::default(),
            cluster_id: None,
            controller_id: -1,
            topics: Default::default(),
            cluster_authorized_operations: -2147483648,
            error_code: Default::default(),
        }
    }
}

impl Codec for MetadataResponse {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 3 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        m.brokers = Codec::decode(d, v)?;
        if v.number >= 2 {
            m.cluster_id = Nullable::decode_nullable(d, v)?;
        }
        if v.number >= 1 {
            m.controller_id = Codec::decode(d, v)?;
        }
        m.topics = Codec::decode(d, v)?;
        if v.number >= 8 && v.number <= 10 {
            m.cluster_authorized_operations = Codec::decode(d, v)?;
        }
        if v.number >= 13 {
            m.error_code = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 3 {
            self.throttle_time_ms.encode(e, v);
        }
        self.brokers.encode(e, v);
        if v.number >= 2 {
            Nullable::encode_nullable(self.cluster_id.as_ref(), e, v);
        }
        if v.number >= 1 {
            self.controller_id.encode(e, v);
        }
        self.topics.encode(e, v);
        if v.number >= 8 && v.number <= 10 {
            self.cluster_authorized_operations.encode(e, v);
        }
        if v.number >= 13 {
            e.error_code(self.error_code);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponseBroker {
    pub node_id: i32,
    pub host: WireStr,
    pub port: i32,
    pub rack: Option<WireStr>,
}

impl Default for MetadataResponseBroker {
    fn default() -> Self {
        Self { node_id: Default::default(), host: Default::default(), port: Default::default(), rack: None }
    }
}

impl Codec for MetadataResponseBroker {
    const MIN_BYTES: usize = 9;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.node_id = Codec::decode(d, v)?;
        m.host = Codec::decode(d, v)?;
        m.port = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.rack = Nullable::decode_nullable(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.node_id.encode(e, v);
        self.host.encode(e, v);
        self.port.encode(e, v);
        if v.number >= 1 {
            Nullable::encode_nullable(self.rack.as_ref(), e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponseTopic {
    pub error_code: i16,
    pub name: Option<WireStr>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<MetadataResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Some(Default::default()),
            topic_id: Default::default(),
            is_internal: false,
            partitions: Default::default(),
            topic_authorized_operations: -2147483648,
        }
    }
}

impl Codec for MetadataResponseTopic {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.name = if v.number >= 12 { Nullable::decode_nullable(d, v)? } else { Some(Codec::decode(d, v)?) };
        if v.number >= 10 {
            m.topic_id = Codec::decode(d, v)?;
        }
        if v.number >= 1 {
            m.is_internal = Codec::decode(d, v)?;
        }
        m.partitions = Codec::decode(d, v)?;
        if v.number >= 8 {
            m.topic_authorized_operations = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        if v.number >= 12 {
            Nullable::encode_nullable(self.name.as_ref(), e, v);
        } else {
            encode_or_default(self.name.as_ref(), e, v);
        }
        if v.number >= 10 {
            self.topic_id.encode(e, v);
        }
        if v.number >= 1 {
            self.is_internal.encode(e, v);
        }
        self.partitions.encode(e, v);
        if v.number >= 8 {
            self.topic_authorized_operations.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponsePartition {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            offline_replicas: Default::default(),
        }
    }
}

impl Codec for MetadataResponsePartition {
    const MIN_BYTES: usize = 12;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.partition_index = Codec::decode(d, v)?;
        m.leader_id = Codec::decode(d, v)?;
        if v.number >= 7 {
            m.leader_epoch = Codec::decode(d, v)?;
        }
        m.replica_nodes = Codec::decode(d, v)?;
        m.isr_nodes = Codec::decode(d, v)?;
        if v.number >= 5 {
            m.offline_replicas = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        self.partition_index.encode(e, v);
        self.leader_id.encode(e, v);
        if v.number >= 7 {
            self.leader_epoch.encode(e, v);
        }
        self.replica_nodes.encode(e, v);
        self.isr_nodes.encode(e, v);
        if v.number >= 5 {
            self.offline_replicas.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for MetadataResponse {
    const NAME: &'static str = "MetadataResponse";
    const KEY: i16 = 3;
    const VERSIONS: (i16, i16) = (0, 13);
    const FLEXIBLE_FROM: i16 = 9;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
