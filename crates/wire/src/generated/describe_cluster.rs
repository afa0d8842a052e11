//! Generated from `schema/describe_cluster.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeClusterRequest {
    pub include_cluster_authorized_operations: bool,
    pub endpoint_type: i8,
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self {
            include_cluster_authorized_operations: Default::default(),
            endpoint_type: 1,
            include_fenced_brokers: Default::default(),
        }
    }
}

impl Codec for DescribeClusterRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.include_cluster_authorized_operations = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.endpoint_type = Codec::decode(d, v)?;
        }
        if v.number >= 2 {
            m.include_fenced_brokers = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.include_cluster_authorized_operations.encode(e, v);
        if v.number >= 1 {
            self.endpoint_type.encode(e, v);
        }
        if v.number >= 2 {
            self.include_fenced_brokers.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeClusterRequest {
    const NAME: &'static str = "DescribeClusterRequest";
    const KEY: i16 = 60;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 0;
}

impl Request for DescribeClusterRequest {
    type Response = DescribeClusterResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeClusterResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub endpoint_type: i8,
    pub cluster_id: WireStr,
    pub controller_id: i32,
    pub brokers: Vec<DescribeClusterBroker>,
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: None,
            endpoint_type: 1,
            cluster_id: Default::default(),
            controller_id: -1,
            brokers: Default::default(),
            cluster_authorized_operations: -2147483648,
        }
    }
}

impl Codec for DescribeClusterResponse {
    const MIN_BYTES: usize = 17;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        if v.number >= 1 {
            m.endpoint_type = Codec::decode(d, v)?;
        }
        m.cluster_id = Codec::decode(d, v)?;
        m.controller_id = Codec::decode(d, v)?;
        m.brokers = Codec::decode(d, v)?;
        m.cluster_authorized_operations = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        if v.number >= 1 {
            self.endpoint_type.encode(e, v);
        }
        self.cluster_id.encode(e, v);
        self.controller_id.encode(e, v);
        self.brokers.encode(e, v);
        self.cluster_authorized_operations.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeClusterBroker {
    pub broker_id: i32,
    pub host: WireStr,
    pub port: i32,
    pub rack: Option<WireStr>,
    pub is_fenced: bool,
}

impl Default for DescribeClusterBroker {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            host: Default::default(),
            port: Default::default(),
            rack: None,
            is_fenced: Default::default(),
        }
    }
}

impl Codec for DescribeClusterBroker {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.broker_id = Codec::decode(d, v)?;
        m.host = Codec::decode(d, v)?;
        m.port = Codec::decode(d, v)?;
        m.rack = Nullable::decode_nullable(d, v)?;
        if v.number >= 2 {
            m.is_fenced = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.broker_id.encode(e, v);
        self.host.encode(e, v);
        self.port.encode(e, v);
        Nullable::encode_nullable(self.rack.as_ref(), e, v);
        if v.number >= 2 {
            self.is_fenced.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for DescribeClusterResponse {
    const NAME: &'static str = "DescribeClusterResponse";
    const KEY: i16 = 60;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 0;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
