//! Generated from `schema/alter_client_quotas.schema` by `cargo xtask codegen`; change that file instead.

#![allow(clippy::all)]

use crate::codec::*;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterClientQuotasRequest {
    pub entries: Vec<EntryDataRequest>,
    pub validate_only: bool,
}

impl Codec for AlterClientQuotasRequest {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.entries = Codec::decode(d, v)?;
        m.validate_only = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.entries.encode(e, v);
        self.validate_only.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct EntryDataRequest {
    pub entity: Vec<EntityDataRequest>,
    pub ops: Vec<OpData>,
}

impl Codec for EntryDataRequest {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.entity = Codec::decode(d, v)?;
        m.ops = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.entity.encode(e, v);
        self.ops.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct EntityDataRequest {
    pub entity_type: WireStr,
    pub entity_name: Option<WireStr>,
}

impl Default for EntityDataRequest {
    fn default() -> Self {
        Self { entity_type: Default::default(), entity_name: Some(Default::default()) }
    }
}

impl Codec for EntityDataRequest {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.entity_type = Codec::decode(d, v)?;
        m.entity_name = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.entity_type.encode(e, v);
        Nullable::encode_nullable(self.entity_name.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpData {
    pub key: WireStr,
    pub value: f64,
    pub remove: bool,
}

impl Codec for OpData {
    const MIN_BYTES: usize = 10;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.key = Codec::decode(d, v)?;
        m.value = Codec::decode(d, v)?;
        m.remove = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.key.encode(e, v);
        self.value.encode(e, v);
        self.remove.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for AlterClientQuotasRequest {
    const NAME: &'static str = "AlterClientQuotasRequest";
    const KEY: i16 = 49;
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_FROM: i16 = 1;
}

impl Request for AlterClientQuotasRequest {
    type Response = AlterClientQuotasResponse;
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub entries: Vec<EntryDataResponse>,
}

impl Codec for AlterClientQuotasResponse {
    const MIN_BYTES: usize = 5;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.throttle_time_ms = Codec::decode(d, v)?;
        m.entries = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.throttle_time_ms.encode(e, v);
        self.entries.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct EntryDataResponse {
    pub error_code: i16,
    pub error_message: Option<WireStr>,
    pub entity: Vec<EntityDataResponse>,
}

impl Default for EntryDataResponse {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Some(Default::default()),
            entity: Default::default(),
        }
    }
}

impl Codec for EntryDataResponse {
    const MIN_BYTES: usize = 4;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = Codec::decode(d, v)?;
        m.error_message = Nullable::decode_nullable(d, v)?;
        m.entity = Codec::decode(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        e.error_code(self.error_code);
        Nullable::encode_nullable(self.error_message.as_ref(), e, v);
        self.entity.encode(e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct EntityDataResponse {
    pub entity_type: WireStr,
    pub entity_name: Option<WireStr>,
}

impl Default for EntityDataResponse {
    fn default() -> Self {
        Self { entity_type: Default::default(), entity_name: Some(Default::default()) }
    }
}

impl Codec for EntityDataResponse {
    const MIN_BYTES: usize = 2;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.entity_type = Codec::decode(d, v)?;
        m.entity_name = Nullable::decode_nullable(d, v)?;
        if v.flexible {
            d.skip_tags()?;
        }
        Ok(m)
    }
    fn encode(&self, e: &mut Encoder, v: Version) {
        self.entity_type.encode(e, v);
        Nullable::encode_nullable(self.entity_name.as_ref(), e, v);
        if v.flexible {
            e.no_tags();
        }
    }
}

impl Message for AlterClientQuotasResponse {
    const NAME: &'static str = "AlterClientQuotasResponse";
    const KEY: i16 = 49;
    const VERSIONS: (i16, i16) = (0, 1);
    const FLEXIBLE_FROM: i16 = 1;
    fn set_throttle_time_ms(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }
}
