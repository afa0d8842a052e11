//! The primitive types of Kafka's protocol, arrays, and record sets.

use super::decode::STRING_BYTES_MAX;
use super::{Codec, DecodeError, Decoder, Encoder, Nullable, Uuid, Version, WireStr};
use bytes::Bytes;

macro_rules! fixed_width {
    ($($type:ty),+) => {$(
        impl Codec for $type {
            const MIN_BYTES: usize = size_of::<$type>();
            fn decode(d: &mut Decoder, _: Version) -> Result<Self, DecodeError> {
                Ok(<$type>::from_be_bytes(d.fixed()?))
            }
            fn encode(&self, e: &mut Encoder, _: Version) {
                e.put(&self.to_be_bytes());
            }
        }
    )+};
}

fixed_width!(i8, i16, u16, i32, u32, i64, f64);

impl Codec for bool {
    const MIN_BYTES: usize = 1;

    fn decode(d: &mut Decoder, _: Version) -> Result<Self, DecodeError> {
        Ok(d.fixed::<1>()? != [0])
    }

    fn encode(&self, e: &mut Encoder, _: Version) {
        e.put(&[u8::from(*self)]);
    }
}

impl Codec for Uuid {
    const MIN_BYTES: usize = 16;

    fn decode(d: &mut Decoder, _: Version) -> Result<Self, DecodeError> {
        Ok(Uuid(d.fixed()?))
    }

    fn encode(&self, e: &mut Encoder, _: Version) {
        e.put(&self.0);
    }
}

/// What a nullable type says of null; the plain form follows from it.
macro_rules! from_nullable {
    ($type:ty $(, $generic:ident)?) => {
        impl$(<$generic: Codec>)? Codec for $type {
            const MIN_BYTES: usize = 1;
            fn decode(d: &mut Decoder, v: Version) -> Result<Self, DecodeError> {
                Self::decode_nullable(d, v)?.ok_or(DecodeError::Null)
            }
            fn encode(&self, e: &mut Encoder, v: Version) {
                Self::encode_nullable(Some(self), e, v);
            }
        }
    };
}

from_nullable!(WireStr);
from_nullable!(Bytes);
from_nullable!(Records);
from_nullable!(Vec<T>, T);

impl Nullable for WireStr {
    fn decode_nullable(d: &mut Decoder, v: Version) -> Result<Option<Self>, DecodeError> {
        let Some(len) = d.string_len(v)? else { return Ok(None) };
        let bytes = d.take(len)?;
        if std::str::from_utf8(&bytes).is_err() {
            // The mended copy may be three times as long: U+FFFD is three bytes.
            d.charge(len * 3)?;
        }
        let text = WireStr::from_wire(bytes);
        // What is let in can be written again, in a record or an answer.
        if text.len() > STRING_BYTES_MAX {
            return Err(DecodeError::StringTooLong(text.len()));
        }
        Ok(Some(text))
    }

    fn encode_nullable(value: Option<&Self>, e: &mut Encoder, v: Version) {
        e.string_len(value.map(|text| text.as_bytes().len()), v);
        if let Some(text) = value {
            e.put(text.as_bytes());
        }
    }
}

impl Nullable for Bytes {
    fn decode_nullable(d: &mut Decoder, v: Version) -> Result<Option<Self>, DecodeError> {
        d.long_len(v)?.map(|len| d.take(len)).transpose()
    }

    fn encode_nullable(value: Option<&Self>, e: &mut Encoder, v: Version) {
        e.long_len(value.map(Bytes::len), v);
        if let Some(bytes) = value {
            e.put_shared(bytes);
        }
    }
}

impl<T: Codec> Nullable for Vec<T> {
    fn decode_nullable(d: &mut Decoder, v: Version) -> Result<Option<Self>, DecodeError> {
        let Some(len) = d.long_len(v)? else { return Ok(None) };
        d.array(len, T::MIN_BYTES, |d| T::decode(d, v)).map(Some)
    }

    fn encode_nullable(value: Option<&Self>, e: &mut Encoder, v: Version) {
        e.long_len(value.map(Vec::len), v);
        value.into_iter().flatten().for_each(|element| element.encode(e, v));
    }
}

/// A record set: whole batches, one after another, in one or several slices that are sent as they are. A decoded
/// one is a single slice of its frame; a Fetch answer is made of the slices that the log or its cache holds.
#[derive(Debug, Clone, Default)]
pub struct Records {
    first: Bytes,
    rest: Vec<Bytes>,
}

impl Records {
    pub fn from_slices(slices: impl IntoIterator<Item = Bytes>) -> Self {
        let mut slices = slices.into_iter();
        Self { first: slices.next().unwrap_or_default(), rest: slices.collect() }
    }

    pub fn slices(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    pub fn len(&self) -> usize {
        self.slices().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One slice; copies only when there are several.
    pub fn to_bytes(&self) -> Bytes {
        if self.rest.is_empty() {
            return self.first.clone();
        }
        self.slices().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>().into()
    }
}

impl From<Bytes> for Records {
    fn from(first: Bytes) -> Self {
        Self { first, rest: Vec::new() }
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Nullable for Records {
    fn decode_nullable(d: &mut Decoder, v: Version) -> Result<Option<Self>, DecodeError> {
        Ok(Bytes::decode_nullable(d, v)?.map(Self::from))
    }

    fn encode_nullable(value: Option<&Self>, e: &mut Encoder, v: Version) {
        e.long_len(value.map(Self::len), v);
        value.into_iter().flat_map(Self::slices).for_each(|slice| e.put_shared(slice));
    }
}

/// A null in a version that has none is written as the type's default.
pub(crate) fn encode_or_default<T: Codec + Default>(value: Option<&T>, e: &mut Encoder, v: Version) {
    match value {
        Some(value) => value.encode(e, v),
        None => T::default().encode(e, v),
    }
}

/// A nullable struct has a byte before it: negative for null.
macro_rules! nullable_struct {
    ($type:ty) => {
        impl Nullable for $type {
            fn decode_nullable(d: &mut Decoder, v: Version) -> Result<Option<Self>, DecodeError> {
                if i8::decode(d, v)? < 0 { Ok(None) } else { Self::decode(d, v).map(Some) }
            }
            fn encode_nullable(value: Option<&Self>, e: &mut Encoder, v: Version) {
                match value {
                    Some(value) => {
                        1_i8.encode(e, v);
                        value.encode(e, v);
                    }
                    None => (-1_i8).encode(e, v),
                }
            }
        }
    };
}
pub(crate) use nullable_struct;
