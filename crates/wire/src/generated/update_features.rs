//! Generated from `schema/update_features.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq)]
pub struct UpdateFeaturesRequest {
    pub timeout_ms: i32,
    pub feature_updates: Vec<FeatureUpdateKey>,
    pub validate_only: bool,
}

impl Default for UpdateFeaturesRequest {
    fn default() -> Self {
        Self { timeout_ms: 60000, feature_updates: Default::default(), validate_only: false }
    }
}

impl Codec for UpdateFeaturesRequest {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.timeout_ms = Codec::decode(d, v)?;
        m.feature_updates = Codec::decode(d, v)?;
        if v.number >= 1 {
            m.validate_only = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.timeout_ms.encode(e, v);
        self.feature_updates.encode(e, v);
        if v.number >= 1 {
            self.validate_only.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct FeatureUpdateKey {
    pub feature: WireStr,
    pub max_version_level: i16,
    pub allow_downgrade: bool,
    pub upgrade_type: i8,
}

impl Default for FeatureUpdateKey {
    fn default() -> Self {
        Self {
            feature: Default::default(),
            max_version_level: Default::default(),
            allow_downgrade: Default::default(),
            upgrade_type: 1,
        }
    }
}

impl Codec for FeatureUpdateKey {
    const MIN_BYTES: usize = 3;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.feature = Codec::decode(d, v)?;
        m.max_version_level = Codec::decode(d, v)?;
        if v.number <= 0 {
            m.allow_downgrade = Codec::decode(d, v)?;
        }
        if v.number >= 1 {
            m.upgrade_type = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.feature.encode(e, v);
        self.max_version_level.encode(e, v);
        if v.number <= 0 {
            self.allow_downgrade.encode(e, v);
        }
        if v.number >= 1 {
            self.upgrade_type.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for UpdateFeaturesRequest {
    const NAME: &'static str = "UpdateFeaturesRequest";
    const KEY: i16 = 57;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 0;
}

impl Request for UpdateFeaturesRequest {
    type Response = UpdateFeaturesResponse;
}

#[derive(Debug, Clone, PartialEq)]
pub struct UpdateFeaturesResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub results: Vec<UpdatableFeatureResult>,
}

impl Default for UpdateFeaturesResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
            results: Default::default(),
        }
    }
}

impl Codec for UpdateFeaturesResponse {
    const MIN_BYTES: usize = 7;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        if v.number <= 1 {
            m.results = Codec::decode(d, v)?;
        }
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        if v.number <= 1 {
            self.results.encode(e, v);
        }
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct UpdatableFeatureResult {
    pub feature: WireStr,
    pub error_code: i16,
    pub error_message: Option<WireStr>,
}

impl Default for UpdatableFeatureResult {
    fn default() -> Self {
        Self {
            feature: Default::default(),
            error_code: Default::default(),
            error_message: Some(Default::default()),
        }
    }
}

impl Codec for UpdatableFeatureResult {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.feature = Codec::decode(d, v)?;
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.feature.encode(e, v);
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for UpdateFeaturesResponse {
    const NAME: &'static str = "UpdateFeaturesResponse";
    const KEY: i16 = 57;
    const VERSIONS: (i16, i16) = (0, 2);
    const FLEXIBLE_FROM: i16 = 0;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
