//! The bounded reader over one frame.

use super::Version;
use bytes::Bytes;

/// Arrays are capped as in Kafka 4.4's own classes.
const ARRAY_MAX: usize = 1_000_000;
const TAGS_MAX: u32 = 10_000;
/// Of a string, whichever form its length has: as in Kafka's own classes, and what the old form has room for.
pub(super) const STRING_BYTES_MAX: usize = i16::MAX as usize;
/// Elements that are reserved before any of them was read.
const RESERVED_AHEAD: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{wanted} bytes wanted, {left} left")]
    Truncated { wanted: usize, left: usize },
    #[error("a null where none is allowed")]
    Null,
    #[error("an array of {claimed} elements in {left} bytes")]
    ArrayTooLong { claimed: usize, left: usize },
    #[error("a string of {0} bytes; at most {STRING_BYTES_MAX} are allowed")]
    StringTooLong(usize),
    #[error("more than {TAGS_MAX} tagged fields")]
    TooManyTags,
    #[error("a variable-length number that does not end")]
    Varint,
    #[error("the frame asks for more memory than {0} bytes")]
    OverBudget(usize),
    #[error("no version {0} of this message is known")]
    UnknownVersion(i16),
}

/// Memory that decoding one frame may reserve beyond the frame itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeBudget {
    limit: usize,
    left: usize,
}

impl DecodeBudget {
    /// 16 times the frame and 64 KiB, at most 64 MiB.
    pub fn for_frame(frame_len: usize) -> Self {
        let limit = frame_len.saturating_mul(16).saturating_add(64 << 10).min(64 << 20);
        Self::of(limit)
    }

    pub fn of(limit: usize) -> Self {
        Self { limit, left: limit }
    }

    pub fn limit(&self) -> usize {
        self.limit
    }
}

#[derive(Debug)]
pub struct Decoder {
    frame: Bytes,
    position: usize,
    /// End of what may be read now: of the frame, or of the tagged field being read.
    end: usize,
    budget: DecodeBudget,
}

impl Decoder {
    pub fn new(frame: Bytes) -> Self {
        let budget = DecodeBudget::for_frame(frame.len());
        Self::with_budget(frame, budget)
    }

    pub fn with_budget(frame: Bytes, budget: DecodeBudget) -> Self {
        let end = frame.len();
        Self { frame, position: 0, end, budget }
    }

    pub fn remaining(&self) -> usize {
        self.end - self.position
    }

    pub fn position(&self) -> usize {
        self.position
    }

    /// Goes back to where it was before, with another budget.
    pub fn restart(&mut self, position: usize, budget: DecodeBudget) {
        (self.position, self.end, self.budget) = (position, self.frame.len(), budget);
    }

    /// Memory that was reserved since the start and is not given back.
    pub fn reserved(&self) -> usize {
        self.budget.limit - self.budget.left
    }

    fn left(&self) -> &[u8] {
        &self.frame[self.position..self.end]
    }

    fn skip(&mut self, n: usize) -> Result<usize, DecodeError> {
        if n > self.remaining() {
            return Err(DecodeError::Truncated { wanted: n, left: self.remaining() });
        }
        let start = self.position;
        self.position += n;
        Ok(start)
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.left().first_chunk() {
            Some(chunk) => {
                let chunk = *chunk;
                self.position += N;
                Ok(chunk)
            }
            None => Err(DecodeError::Truncated { wanted: N, left: self.remaining() }),
        }
    }

    /// The next `n` bytes as a view into the frame.
    pub fn take(&mut self, n: usize) -> Result<Bytes, DecodeError> {
        let start = self.skip(n)?;
        Ok(self.frame.slice(start..start + n))
    }

    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0_u32;
        for (i, byte) in self.left().iter().take(5).enumerate() {
            let bits = u32::from(byte & 0x7f);
            if i == 4 && bits > 0xf {
                return Err(DecodeError::Varint);
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                self.position += i + 1;
                return Ok(value);
            }
        }
        if self.remaining() < 5 {
            return Err(DecodeError::Truncated { wanted: self.remaining() + 1, left: self.remaining() });
        }
        Err(DecodeError::Varint)
    }

    /// Length of a string: compact, or two bytes. Any negative one is null.
    pub(super) fn string_len(&mut self, v: Version) -> Result<Option<usize>, DecodeError> {
        if !v.flexible {
            return Ok(usize::try_from(i16::from_be_bytes(self.fixed()?)).ok());
        }
        match self.compact_len()? {
            Some(len) if len > STRING_BYTES_MAX => Err(DecodeError::StringTooLong(len)),
            len => Ok(len),
        }
    }

    /// Length of bytes or of an array: compact, or four bytes. Any negative one is null.
    pub(super) fn long_len(&mut self, v: Version) -> Result<Option<usize>, DecodeError> {
        if v.flexible {
            return self.compact_len();
        }
        Ok(usize::try_from(i32::from_be_bytes(self.fixed()?)).ok())
    }

    fn compact_len(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok((self.unsigned_varint()? as usize).checked_sub(1))
    }

    /// Takes memory out of the budget before it is reserved.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.budget.left.checked_sub(bytes) {
            Some(left) => {
                self.budget.left = left;
                Ok(())
            }
            None => Err(DecodeError::OverBudget(self.budget.limit)),
        }
    }

    /// `len` elements, each at least `min_bytes` long on the wire.
    pub(super) fn array<T>(
        &mut self,
        len: usize,
        min_bytes: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let left = self.remaining();
        if len > left / min_bytes.max(1) || len > ARRAY_MAX {
            return Err(DecodeError::ArrayTooLong { claimed: len, left });
        }
        let mut list = Vec::new();
        for i in 0..len {
            if i == list.capacity() {
                // Doubling by hand: all of the new memory is charged before it is taken, because the old is there until
                // its elements have moved, and is given back then.
                let step = (len - i).min(i.clamp(4, RESERVED_AHEAD));
                let size = size_of::<T>().max(1);
                self.charge((i + step) * size)?;
                list.reserve_exact(step);
                self.budget.left += i * size;
            }
            list.push(element(self)?);
        }
        Ok(list)
    }

    /// Reads the tagged fields; `known` reads one and returns true, or returns false to have it skipped.
    pub(crate) fn tags(
        &mut self,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.unsigned_varint()?;
        if count > TAGS_MAX {
            return Err(DecodeError::TooManyTags);
        }
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            let start = self.skip(size)?;
            let (after, end) = (self.position, self.end);
            self.position = start;
            self.end = after;
            let result = known(self, tag);
            self.position = after;
            self.end = end;
            result?;
        }
        Ok(())
    }

    pub(crate) fn skip_tags(&mut self) -> Result<(), DecodeError> {
        self.tags(|_, _| Ok(false))
    }
}
