//! Reading and writing of primitives, arrays and tagged fields: what every generated message is made of.
//!
//! The decoder's promises: no panic, no allocation beyond its [`DecodeBudget`], no more than 1,024 elements reserved
//! ahead of the bytes that fill them. An array is refused when its claimed length cannot fit into the bytes left, or
//! exceeds 1,000,000 (Kafka's own cap). The encoder keeps large byte fields by reference, so that records are
//! never copied on their way out.

mod decode;
mod encode;
mod values;

pub use crate::text::WireStr;
pub use crate::uuid::Uuid;
pub use bytes::Bytes;
pub use decode::{DecodeBudget, DecodeError, Decoder};
pub(crate) use encode::Tags;
pub use encode::{Chunks, EncodeError, Encoder};
pub use values::Records;
pub(crate) use values::encode_or_default;
pub(crate) use values::nullable_struct;

/// The version that a message is read or written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub number: i16,
    /// Compact lengths and tagged fields (KIP-482).
    pub flexible: bool,
}

impl Version {
    /// The same version with the old form of lengths, for the one field that keeps it.
    #[must_use]
    pub fn rigid(self) -> Self {
        Self { flexible: false, ..self }
    }
}

/// A value with a form on the wire.
pub trait Codec: Sized {
    /// The fewest bytes a value can take, in any version.
    const MIN_BYTES: usize;
    fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError>;
    fn encode(&self, e: &mut Encoder, v: Version);
}

/// A value that may be null in some versions.
pub trait Nullable: Codec {
    fn decode_nullable(d: &mut Decoder, v: Version) -> Result<Option<Self>, DecodeError>;
    fn encode_nullable(value: Option<&Self>, e: &mut Encoder, v: Version);
}

/// A request, a response, a header or a record of an internal topic.
pub trait Message: Codec + Default + PartialEq + std::fmt::Debug {
    /// Kafka's name, `MetadataRequest`.
    const NAME: &'static str;
    /// API key, record type, or -1.
    const KEY: i16;
    /// First and last version, inclusive.
    const VERSIONS: (i16, i16);
    /// First flexible version; `i16::MAX` when there is none.
    const FLEXIBLE_FROM: i16;

    fn version(number: i16) -> Version {
        Version { number, flexible: number >= Self::FLEXIBLE_FROM }
    }

    /// Reads a body in a version within [`Message::VERSIONS`]. Bytes that follow it are left in the decoder.
    fn read(d: &mut Decoder, version: i16) -> Result<Self, DecodeError> {
        if version < Self::VERSIONS.0 || version > Self::VERSIONS.1 {
            return Err(DecodeError::UnknownVersion(version));
        }
        Self::decode(d, Self::version(version))
    }

    fn write(&self, e: &mut Encoder, version: i16) {
        self.encode(e, Self::version(version));
    }

    /// Tells a client how long to wait because of its quota, where the message has a place for that.
    fn set_throttle_time_ms(&mut self, _ms: i32) {}
}

pub trait Request: Message {
    type Response: Message;
}

#[cfg(test)]
mod tests;
