//! The writer: small fields into one buffer, large ones by reference.

use super::Version;
use super::decode::STRING_BYTES_MAX;
use bytes::{BufMut, Bytes, BytesMut};

/// Byte fields from this size on are kept by reference instead of being copied.
const BY_REFERENCE: usize = 4 << 10;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("a string of {0} bytes; at most {STRING_BYTES_MAX} fit")]
    StringTooLong(usize),
    #[error("a field of {0} bytes or elements; at most 2^31-2 fit")]
    TooLong(usize),
}

/// What was written, in order, ready for one gathered write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunks {
    pub list: Vec<Bytes>,
    pub len: usize,
    /// Error codes of an answer and how often each stands in it, apart from 0.
    pub errors: Vec<(i16, u32)>,
}

impl Chunks {
    /// All of it in one piece.
    pub fn to_bytes(&self) -> Bytes {
        match &self.list[..] {
            [] => Bytes::new(),
            [one] => one.clone(),
            list => list.concat().into(),
        }
    }
}

#[derive(Debug, Default)]
pub struct Encoder {
    buffer: BytesMut,
    done: Vec<Bytes>,
    len: usize,
    error: Option<EncodeError>,
    error_codes: Vec<(i16, u32)>,
}

impl Encoder {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn len(&self) -> usize {
        self.len + self.buffer.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first field that could not be written makes the whole message an error.
    pub fn finish(mut self) -> Result<Chunks, EncodeError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let len = self.len + self.buffer.len();
        if !self.buffer.is_empty() {
            self.done.push(self.buffer.freeze());
        }
        Ok(Chunks { list: self.done, len, errors: self.error_codes })
    }

    /// An error code of an answer. There are few different ones in any.
    pub(crate) fn error_code(&mut self, code: i16) {
        if code != 0 {
            match self.error_codes.iter_mut().find(|(known, _)| *known == code) {
                Some((_, count)) => *count += 1,
                None => self.error_codes.push((code, 1)),
            }
        }
        self.buffer.put_i16(code);
    }

    pub fn put(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    pub(super) fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < BY_REFERENCE {
            self.put(bytes);
            return;
        }
        if !self.buffer.is_empty() {
            let before = self.buffer.split().freeze();
            self.len += before.len();
            self.done.push(before);
        }
        self.len += bytes.len();
        self.done.push(bytes.clone());
    }

    pub fn unsigned_varint(&mut self, mut value: u32) {
        while value > 0x7f {
            self.buffer.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value as u8);
    }

    fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }

    pub(super) fn string_len(&mut self, len: Option<usize>, v: Version) {
        match len {
            Some(len) if len > STRING_BYTES_MAX => self.fail(EncodeError::StringTooLong(len)),
            _ if v.flexible => self.compact_len(len),
            Some(len) => self.buffer.put_i16(len as i16),
            None => self.buffer.put_i16(-1),
        }
    }

    pub(super) fn long_len(&mut self, len: Option<usize>, v: Version) {
        match len {
            Some(len) if len >= i32::MAX as usize => self.fail(EncodeError::TooLong(len)),
            _ if v.flexible => self.compact_len(len),
            Some(len) => self.buffer.put_i32(len as i32),
            None => self.buffer.put_i32(-1),
        }
    }

    fn compact_len(&mut self, len: Option<usize>) {
        self.unsigned_varint(len.map_or(0, |len| len as u32 + 1));
    }

    pub(crate) fn no_tags(&mut self) {
        self.buffer.put_u8(0);
    }

    pub(crate) fn tags(&mut self, tags: Tags) {
        self.unsigned_varint(tags.list.len() as u32);
        for (tag, encoder) in tags.list {
            self.unsigned_varint(tag);
            match encoder.finish() {
                Ok(chunks) => {
                    self.unsigned_varint(chunks.len as u32);
                    chunks.list.iter().for_each(|chunk| self.put_shared(chunk));
                }
                Err(error) => self.fail(error),
            }
        }
    }
}

/// Tagged fields on their way out; the size of each stands before it, so each is written aside first.
#[derive(Debug, Default)]
pub struct Tags {
    list: Vec<(u32, Encoder)>,
}

impl Tags {
    /// In ascending order of tags.
    pub(crate) fn add(&mut self, tag: u32, write: impl FnOnce(&mut Encoder)) {
        let mut encoder = Encoder::new();
        write(&mut encoder);
        self.list.push((tag, encoder));
    }
}
