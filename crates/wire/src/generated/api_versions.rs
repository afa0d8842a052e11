//! Generated from `schema/api_versions.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct ApiVersionsRequest {
    pub client_software_name: WireStr,
    pub client_software_version: WireStr,
    pub cluster_id: Option<WireStr>,
    pub node_id: i32,
}

impl Default for ApiVersionsRequest {
    fn default() -> Self {
        Self {
            client_software_name: Default::default(),
            client_software_version: Default::default(),
            cluster_id: None,
            node_id: -1,
        }
    }
}

impl Codec for ApiVersionsRequest {
    const MIN_BYTES: usize = 1;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v.number >= 3 {
            m.client_software_name = Codec::decode(d, v)?;
        }
        if v.number >= 3 {
            m.client_software_version = Codec::decode(d, v)?;
        }
        if v.number >= 5 {
            m.cluster_id = Nullable::decode_nullable(d, v)?;
        }
        if v.number >= 5 {
            m.node_id = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        if v.number >= 3 {
            self.client_software_name.encode(e, v);
        }
        if v.number >= 3 {
            self.client_software_version.encode(e, v);
        }
        if v.number >= 5 {
            Nullable::encode_nullable(self.cluster_id.as_ref(), e, v);
        }
        if v.number >= 5 {
            self.node_id.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ApiVersionsRequest {
    const NAME: &'static str = "ApiVersionsRequest";
    const KEY: i16 = 18;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 3;
}

impl Request for ApiVersionsRequest {
    type Response = ApiVersionsResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ApiVersionsResponse {
    pub error_code: i16,
    pub api_keys: Vec<ApiVersion>,
    pub throttle_time_ms: i32,
    pub supported_features: Vec<SupportedFeatureKey>,
    pub finalized_features_epoch: i64,
    pub finalized_features: Vec<FinalizedFeatureKey>,
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            api_keys: Default::default(),
            throttle_time_ms: Default::default(),
            supported_features: Default::default(),
            finalized_features_epoch: -1,
            finalized_features: Default::default(),
            zk_migration_ready: false,
        }
    }
}

impl Codec for ApiVersionsResponse {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.api_keys = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.throttle_time_ms = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.tags(|d, tag| {
                match tag {
                    0 if v.number >= 3 => m.supported_features = Codec::decode(d, v)?,
                    1 if v.number >= 3 => m.finalized_features_epoch = Codec::decode(d, v)?,
                    2 if v.number >= 3 => m.finalized_features = Codec::decode(d, v)?,
                    3 if v.number >= 3 => m.zk_migration_ready = Codec::decode(d, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        self.api_keys.encode(e, v);
        if v.number >= 1 {
            self.throttle_time_ms.encode(e, v);
        }
        if v.flexible {
            let mut tags = Tags::default();
            if v.number >= 3 && !self.supported_features.is_empty() {
                tags.add(0, |e| {
                    self.supported_features.encode(e, v);
                });
            }
            if v.number >= 3 && self.finalized_features_epoch != -1 {
                tags.add(1, |e| {
                    self.finalized_features_epoch.encode(e, v);
                });
            }
            if v.number >= 3 && !self.finalized_features.is_empty() {
                tags.add(2, |e| {
                    self.finalized_features.encode(e, v);
                });
            }
            if v.number >= 3 && self.zk_migration_ready != false {
                tags.add(3, |e| {
                    self.zk_migration_ready.encode(e, v);
                });
            }
            e.tags(tags);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ApiVersion {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

impl Codec for ApiVersion {
    const MIN_BYTES: usize = 6;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.api_key = Codec::decode(d, v)?;
        m.min_version = Codec::decode(d, v)?;
        m.max_version = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.api_key.encode(e, v);
        self.min_version.encode(e, v);
        self.max_version.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SupportedFeatureKey {
    pub name: WireStr,
    pub min_version: i16,
    pub max_version: i16,
}

impl Codec for SupportedFeatureKey {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.min_version = Codec::decode(d, v)?;
        m.max_version = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.min_version.encode(e, v);
        self.max_version.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FinalizedFeatureKey {
    pub name: WireStr,
    pub max_version_level: i16,
    pub min_version_level: i16,
}

impl Codec for FinalizedFeatureKey {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = Codec::decode(d, v)?;
        m.max_version_level = Codec::decode(d, v)?;
        m.min_version_level = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.name.encode(e, v);
        self.max_version_level.encode(e, v);
        self.min_version_level.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for ApiVersionsResponse {
    const NAME: &'static str = "ApiVersionsResponse";
    const KEY: i16 = 18;
    const VERSIONS: (i16, i16) = (0, 5);
    const FLEXIBLE_FROM: i16 = 3;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
