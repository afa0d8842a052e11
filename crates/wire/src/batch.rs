//! The head of a record batch (magic 2), seen without decoding a record.
//!
//! ```text
//!  0 base offset i64 | 8 length i32 (of what follows) | 12 leader epoch i32 | 16 magic i8 | 17 CRC-32C u32
//! 21 attributes i16 | 23 last offset delta i32 | 27 base timestamp i64 | 35 max timestamp i64
//! 43 producer id i64 | 51 producer epoch i16 | 53 base sequence i32 | 57 record count i32 | 61 records
//! ```
//! The CRC covers everything from the attributes on, so a broker may set base offset and leader epoch without touching
//! it. Attributes: bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon.

use crate::compress::Codec;
pub use crate::crc32c::{crc32c, crc32c_combine};
use bytes::Bytes;

pub const HEADER_LEN: usize = 61;
/// Bytes before those that the length counts.
const LENGTH_END: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const CRC_FROM: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;
/// What Kafka asks of the length before it looks at anything else: the overhead of its oldest format.
const LENGTH_MIN_EVER: i32 = 14;

const TIMESTAMP_TYPE: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
pub(crate) const DELETE_HORIZON: i16 = 1 << 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// Bytes behind the length field itself.
    pub batch_length: i32,
    pub leader_epoch: i32,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("the bytes end inside a batch")]
    Incomplete,
    #[error("a batch length of {0}")]
    Length(i32),
    #[error("magic {0}; only 2 is kept")]
    Magic(i8),
    #[error("the CRC in the header is {claimed:08x}, the bytes have {actual:08x}")]
    Crc { claimed: u32, actual: u32 },
    #[error("{count} records do not fit a last offset delta of {last_offset_delta}")]
    Count { count: i32, last_offset_delta: i32 },
    #[error("unknown compression codec {0}")]
    Codec(u8),
    #[error("the records do not fill their batch")]
    Records,
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(array(bytes, at))
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(array(bytes, at))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("the caller checked for a whole header")
}

impl BatchHeader {
    /// Reads a header from the start of some bytes: length and magic are checked, whether the rest of the batch is
    /// there is not. The order of checks is Kafka's.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        if bytes.len() < CRC_AT {
            return Err(BatchError::Incomplete);
        }
        let batch_length = i32_at(bytes, 8);
        if batch_length < LENGTH_MIN_EVER {
            return Err(BatchError::Length(batch_length));
        }
        let magic = bytes[MAGIC_AT] as i8;
        if magic != 2 {
            return Err(BatchError::Magic(magic));
        }
        if (batch_length as usize) < HEADER_LEN - LENGTH_END {
            return Err(BatchError::Length(batch_length));
        }
        if bytes.len() < HEADER_LEN {
            return Err(BatchError::Incomplete);
        }
        Ok(Self {
            base_offset: i64_at(bytes, 0),
            batch_length,
            leader_epoch: i32_at(bytes, 12),
            crc: i32_at(bytes, CRC_AT) as u32,
            attributes: i16::from_be_bytes(array(bytes, 21)),
            last_offset_delta: i32_at(bytes, 23),
            base_timestamp: i64_at(bytes, 27),
            max_timestamp: i64_at(bytes, MAX_TIMESTAMP_AT),
            producer_id: i64_at(bytes, 43),
            producer_epoch: i16::from_be_bytes(array(bytes, 51)),
            base_sequence: i32_at(bytes, 53),
            record_count: i32_at(bytes, 57),
        })
    }

    /// The header's bytes, CRC as given.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&self.base_offset.to_be_bytes());
        put(&self.batch_length.to_be_bytes());
        put(&self.leader_epoch.to_be_bytes());
        put(&[2]);
        put(&self.crc.to_be_bytes());
        put(&self.attributes.to_be_bytes());
        put(&self.last_offset_delta.to_be_bytes());
        put(&self.base_timestamp.to_be_bytes());
        put(&self.max_timestamp.to_be_bytes());
        put(&self.producer_id.to_be_bytes());
        put(&self.producer_epoch.to_be_bytes());
        put(&self.base_sequence.to_be_bytes());
        put(&self.record_count.to_be_bytes());
        out
    }

    /// Bytes of the whole batch.
    pub fn size(&self) -> usize {
        self.batch_length as usize + LENGTH_END
    }

    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// The offset behind the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    pub fn codec(&self) -> Result<Codec, BatchError> {
        let id = (self.attributes & 7) as u8;
        Codec::from_id(id).ok_or(BatchError::Codec(id))
    }

    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & TIMESTAMP_TYPE == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Until when the tombstones of a compacted batch stay; its base timestamp is that time (KIP-534).
    pub fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    pub fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }

    /// The sequence of the last record; sequences wrap at `i32::MAX` to 0.
    pub fn last_sequence(&self) -> i32 {
        add_sequence(self.base_sequence, self.last_offset_delta)
    }
}

/// Sequence numbers count from 0 to `i32::MAX` and start again.
pub fn add_sequence(sequence: i32, delta: i32) -> i32 {
    ((i64::from(sequence) + i64::from(delta)) & i64::from(i32::MAX)) as i32
}

/// Checks one whole batch (shape, CRC, count, known codec) and returns its header. The bytes may go on behind it.
pub fn validate(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
    let header = validate_compacted(bytes)?;
    check_count(&header)?;
    Ok(header)
}

/// The same of a batch that may have lost records, even all of them.
pub fn validate_compacted(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
    let header = BatchHeader::parse(bytes)?;
    if bytes.len() < header.size() {
        return Err(BatchError::Incomplete);
    }
    check_crc(&header, &bytes[..header.size()])?;
    let BatchHeader { record_count: count, last_offset_delta, .. } = header;
    if count < 0 || i64::from(last_offset_delta) < i64::from(count) - 1 || last_offset_delta < 0 {
        return Err(BatchError::Count { count, last_offset_delta });
    }
    header.codec()?;
    Ok(header)
}

pub fn check_crc(header: &BatchHeader, batch: &[u8]) -> Result<(), BatchError> {
    let actual = crc32c(&batch[CRC_FROM..]);
    if actual == header.crc { Ok(()) } else { Err(BatchError::Crc { claimed: header.crc, actual }) }
}

fn check_count(header: &BatchHeader) -> Result<(), BatchError> {
    let &BatchHeader { record_count: count, last_offset_delta, .. } = header;
    if count > 0 && i64::from(last_offset_delta) == i64::from(count) - 1 {
        Ok(())
    } else {
        Err(BatchError::Count { count, last_offset_delta })
    }
}

/// Why a producer's record set is refused. Kafka's recorded answers decide which is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProduceRefused {
    #[error("a damaged batch: {0}")]
    Corrupt(BatchError),
    #[error("a batch that is not valid: {0}")]
    Invalid(BatchError),
    #[error("no whole batch in the record set")]
    Empty,
    #[error("more than one batch for a partition")]
    SeveralBatches,
    #[error("a base offset of {0}; producers send 0")]
    BaseOffset(i64),
    #[error("a batch of {size} bytes; at most {max} are taken")]
    TooLarge { size: usize, max: usize },
    #[error("a control batch, which only brokers write")]
    Control,
    #[error("a producer id without a sequence")]
    Sequence,
    #[error("zstd needs Produce version 7")]
    ZstdTooEarly,
}

/// What the checks of a produced record set depend on.
#[derive(Debug, Clone, Copy)]
pub struct ProduceRules {
    pub version: i16,
    pub max_bytes: usize,
}

/// Checks what a producer sent for one partition: exactly one batch that may be appended as it is. Trailing bytes
/// that are too short for a batch are ignored, as Kafka does. Returns the header and the batch alone.
pub fn check_produced(records: &Bytes, rules: ProduceRules) -> Result<(BatchHeader, Bytes), ProduceRefused> {
    let header = match BatchHeader::parse(records) {
        Ok(header) if header.size() <= records.len() => header,
        Ok(_) | Err(BatchError::Incomplete) => return Err(ProduceRefused::Empty),
        Err(error @ BatchError::Magic(0 | 1)) => return Err(ProduceRefused::Invalid(error)),
        Err(error) => return Err(ProduceRefused::Corrupt(error)),
    };
    let size = header.size();
    match BatchHeader::parse(&records[size..]) {
        Err(BatchError::Incomplete) => {}
        Ok(next) if next.size() > records.len() - size => {}
        Ok(_) | Err(BatchError::Magic(0 | 1)) => return Err(ProduceRefused::SeveralBatches),
        Err(error) => return Err(ProduceRefused::Corrupt(error)),
    }
    let codec = header.codec().map_err(ProduceRefused::Invalid)?;
    if codec == Codec::Zstd && rules.version < 7 {
        return Err(ProduceRefused::ZstdTooEarly);
    }
    if header.base_offset != 0 {
        return Err(ProduceRefused::BaseOffset(header.base_offset));
    }
    if size > rules.max_bytes {
        return Err(ProduceRefused::TooLarge { size, max: rules.max_bytes });
    }
    let batch = records.slice(..size);
    check_crc(&header, &batch).map_err(ProduceRefused::Corrupt)?;
    check_count(&header).map_err(ProduceRefused::Invalid)?;
    if header.is_control() {
        return Err(ProduceRefused::Control);
    }
    if header.has_producer() && header.base_sequence < 0 {
        return Err(ProduceRefused::Sequence);
    }
    if codec == Codec::None {
        crate::record::walk(&batch[HEADER_LEN..], header.record_count)
            .map_err(|_| ProduceRefused::Invalid(BatchError::Records))?;
    }
    Ok((header, batch))
}

/// The header as it is stored: at its place in the log, under the leader's epoch. The CRC does not cover either.
pub fn patched_header(header: &BatchHeader, base_offset: i64, leader_epoch: i32) -> [u8; HEADER_LEN] {
    BatchHeader { base_offset, leader_epoch, ..*header }.to_bytes()
}

/// A copy of the batch whose timestamps are the broker's; the CRC is made anew.
pub fn with_log_append_time(batch: &[u8], now_ms: i64) -> Bytes {
    rewritten(batch, |header| {
        header.attributes |= TIMESTAMP_TYPE;
        header.max_timestamp = now_ms;
    })
}

/// A copy of the batch that says its timestamps are the producer's; the CRC is made anew.
pub fn with_create_time(batch: &[u8]) -> Bytes {
    rewritten(batch, |header| header.attributes &= !TIMESTAMP_TYPE)
}

fn rewritten(batch: &[u8], change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let Ok(mut header) = BatchHeader::parse(batch) else { return Bytes::copy_from_slice(batch) };
    change(&mut header);
    let mut copy = batch.to_vec();
    copy[..HEADER_LEN].copy_from_slice(&header.to_bytes());
    let crc = crc32c(&copy[CRC_FROM..]);
    copy[CRC_AT..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(copy)
}

/// Splits stored or fetched bytes into whole batches. Ends at the first thing that is none; what is left over is in
/// [`Batches::rest`].
#[derive(Debug, Clone)]
pub struct Batches {
    pub rest: Bytes,
}

pub fn batches(records: Bytes) -> Batches {
    Batches { rest: records }
}

impl Iterator for Batches {
    type Item = (BatchHeader, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        let header = BatchHeader::parse(&self.rest).ok()?;
        if header.size() > self.rest.len() {
            return None;
        }
        Some((header, self.rest.split_to(header.size())))
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
