//! Records inside a batch: building, walking and reading them. Brokers do this only where they must.
//!
//! ```text
//! length varint | attributes i8 | timestamp delta varlong | offset delta varint
//! key length varint (-1 null) | key | value length varint (-1 null) | value | header count varint | headers
//! header: key length varint | key | value length varint (-1 null) | value
//! ```
//! Varints are zig-zag encoded. Every count is checked against the bytes left before anything is reserved.

use crate::batch::{BatchError, BatchHeader, DELETE_HORIZON, HEADER_LEN, TimestampType, crc32c};
use crate::compress::{self, Codec, CompressError, Compression, DecompressError};
use bytes::{BufMut, Bytes, BytesMut};

/// The base timestamp of a batch that has lost all its records.
const NO_TIMESTAMP: i64 = -1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    /// Milliseconds; the batch's own where the broker sets the time.
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// Names may repeat and keep their order; they are UTF-8 by convention only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the records end too early or do not fill their lengths")]
    Malformed,
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Decompress(#[from] DecompressError),
}

#[derive(Debug, thiserror::Error)]
pub enum RecompressError {
    #[error(transparent)]
    Read(#[from] RecordError),
    #[error(transparent)]
    Write(#[from] CompressError),
}

fn unsigned(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn zigzag(bytes: &[u8], at: &mut usize) -> Option<i64> {
    let value = unsigned(bytes, at)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

fn length(bytes: &[u8], at: &mut usize) -> Option<Option<usize>> {
    let length = zigzag(bytes, at)?;
    if length < 0 {
        return Some(None);
    }
    let length = usize::try_from(length).ok()?;
    (length <= bytes.len() - *at).then_some(Some(length))
}

/// Checks that `count` records, by their lengths alone, fill the bytes exactly.
pub fn walk(records: &[u8], count: i32) -> Result<(), RecordError> {
    let mut at = 0;
    for _ in 0..count {
        let length = length(records, &mut at).flatten().ok_or(RecordError::Malformed)?;
        // The smallest record: attributes, two deltas, two lengths and a header count.
        if length < 6 {
            return Err(RecordError::Malformed);
        }
        at += length;
    }
    if at == records.len() { Ok(()) } else { Err(RecordError::Malformed) }
}

/// The records of one batch, decompressed up to `limit` bytes.
#[derive(Debug, Clone)]
pub struct RecordIter {
    header: BatchHeader,
    records: Bytes,
    at: usize,
    left: i32,
}

/// `batch` is one whole batch, whose CRC the caller has checked.
pub fn iterate(batch: &Bytes, limit: usize) -> Result<RecordIter, RecordError> {
    let header = BatchHeader::parse(batch)?;
    if header.size() > batch.len() {
        return Err(BatchError::Incomplete.into());
    }
    let compressed = batch.slice(HEADER_LEN..header.size());
    let records = compress::decompress(header.codec()?, compressed, limit)?;
    Ok(RecordIter { header, records, at: 0, left: header.record_count })
}

impl RecordIter {
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// Bytes that no record has taken. At the end there are none, or the header does not count all records.
    pub fn bytes_left(&self) -> usize {
        self.records.len() - self.at
    }

    fn bytes(&mut self) -> Option<Option<Bytes>> {
        let Some(length) = length(&self.records, &mut self.at)? else { return Some(None) };
        let bytes = self.records.slice(self.at..self.at + length);
        self.at += length;
        Some(Some(bytes))
    }

    fn record(&mut self) -> Option<Record> {
        let size = length(&self.records, &mut self.at)??;
        let end = self.at + size;
        self.records.get(self.at)?;
        self.at += 1;
        let timestamp_delta = zigzag(&self.records, &mut self.at)?;
        let offset_delta = zigzag(&self.records, &mut self.at)?;
        let key = self.bytes()?;
        let value = self.bytes()?;
        let count = usize::try_from(zigzag(&self.records, &mut self.at)?).ok()?;
        // A header takes two bytes at least.
        if count > self.records.len().saturating_sub(self.at) / 2 {
            return None;
        }
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            headers.push(Header { key: self.bytes()??, value: self.bytes()? });
        }
        let timestamp = match self.header.timestamp_type() {
            TimestampType::CreateTime => self.header.base_timestamp.wrapping_add(timestamp_delta),
            TimestampType::LogAppendTime => self.header.max_timestamp,
        };
        let offset = self.header.base_offset.wrapping_add(offset_delta);
        (self.at == end).then_some(Record { offset, timestamp, key, value, headers })
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        let record = self.record().ok_or(RecordError::Malformed);
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

/// How a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildOptions {
    pub codec: Codec,
    pub timestamp_type: TimestampType,
    pub base_offset: i64,
    pub leader_epoch: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub transactional: bool,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            codec: Codec::None,
            timestamp_type: TimestampType::CreateTime,
            base_offset: 0,
            leader_epoch: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            transactional: false,
        }
    }
}

/// Collects records and makes a batch of them.
#[derive(Debug, Clone, Default)]
pub struct BatchBuilder {
    records: BytesMut,
    scratch: BytesMut,
    count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

fn put_zigzag(out: &mut BytesMut, value: i64) {
    let mut value = (value << 1 ^ value >> 63) as u64;
    while value > 0x7f {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn put_bytes(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put_zigzag(out, bytes.len() as i64);
            out.put_slice(bytes);
        }
        None => put_zigzag(out, -1),
    }
}

/// Timestamp and offset as deltas, key and value.
fn put_record(
    out: &mut BytesMut,
    scratch: &mut BytesMut,
    (timestamp_delta, offset_delta): (i64, i64),
    (key, value): (Option<&[u8]>, Option<&[u8]>),
    headers: &[Header],
) {
    scratch.clear();
    scratch.put_u8(0);
    put_zigzag(scratch, timestamp_delta);
    put_zigzag(scratch, offset_delta);
    put_bytes(scratch, key);
    put_bytes(scratch, value);
    put_zigzag(scratch, headers.len() as i64);
    for header in headers {
        put_bytes(scratch, Some(&header.key));
        put_bytes(scratch, header.value.as_deref());
    }
    put_zigzag(out, scratch.len() as i64);
    out.put_slice(scratch);
}

/// The same batch in another codec, its records as they are. They may take `limit` bytes without compression.
pub fn recompress(batch: &Bytes, how: Compression, limit: usize) -> Result<Bytes, RecompressError> {
    let RecordIter { header, records, .. } = iterate(batch, limit)?;
    walk(&records, header.record_count)?;
    let records = compress::compress(how, records)?;
    let batch_length = i32::try_from(HEADER_LEN - 12 + records.len()).map_err(|_| CompressError::TooLarge)?;
    let attributes = header.attributes & !7 | i16::from(how.codec.id());
    Ok(sealed(BatchHeader { batch_length, attributes, ..header }, &records))
}

/// Header and records in one piece, with their checksum.
fn sealed(mut header: BatchHeader, records: &[u8]) -> Bytes {
    let first = crc32c(&header.to_bytes()[21..]);
    header.crc = crate::batch::crc32c_combine(first, crc32c(records), records.len() as u64);
    let mut batch = BytesMut::with_capacity(HEADER_LEN + records.len());
    batch.put_slice(&header.to_bytes());
    batch.put_slice(records);
    batch.freeze()
}

/// What of a batch stays, before its records are written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    pub count: i32,
    pub first_timestamp: Option<i64>,
    pub max_timestamp: Option<i64>,
}

impl Kept {
    pub fn note(&mut self, record: &Record) {
        self.count += 1;
        self.first_timestamp.get_or_insert(record.timestamp);
        self.max_timestamp = self.max_timestamp.max(Some(record.timestamp));
    }
}

/// A batch that lost some of its records, or all: offsets, producer and codec stay. With a delete horizon the base
/// timestamp is that time (KIP-534); without any record there is none. `kept` was noted of the same records, which are
/// written one by one: a batch may hold more of them than memory should.
pub fn rebuild(
    header: &BatchHeader,
    kept: Kept,
    kept_records: impl Iterator<Item = Result<Record, RecordError>>,
    delete_horizon: Option<i64>,
) -> Result<Bytes, RecompressError> {
    let base_timestamp = delete_horizon.or(kept.first_timestamp).unwrap_or(NO_TIMESTAMP);
    let (mut records, mut scratch) = (BytesMut::new(), BytesMut::new());
    for record in kept_records {
        let record = record?;
        let timestamp = record.timestamp.wrapping_sub(base_timestamp);
        let deltas = (timestamp, record.offset.wrapping_sub(header.base_offset));
        let fields = (record.key.as_deref(), record.value.as_deref());
        put_record(&mut records, &mut scratch, deltas, fields, &record.headers);
    }
    // Nothing compressed is not nothing.
    let codec = if kept.count == 0 { Codec::None } else { header.codec().unwrap_or(Codec::None) };
    let records = compress::compress(codec, records.freeze())?;
    let flags = header.attributes & !(7 | DELETE_HORIZON);
    let horizon = if delete_horizon.is_some() { DELETE_HORIZON } else { 0 };
    let max_timestamp = match header.timestamp_type() {
        TimestampType::CreateTime => kept.max_timestamp,
        TimestampType::LogAppendTime => None,
    };
    let rebuilt = BatchHeader {
        batch_length: i32::try_from(HEADER_LEN - 12 + records.len()).map_err(|_| CompressError::TooLarge)?,
        attributes: flags | i16::from(codec.id()) | horizon,
        base_timestamp,
        max_timestamp: max_timestamp.unwrap_or(header.max_timestamp),
        record_count: kept.count,
        ..*header
    };
    Ok(sealed(rebuilt, &records))
}

/// Upper bound of the bytes that a record takes before compression.
pub fn record_size_max(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header]) -> usize {
    let field = |bytes: Option<&[u8]>| 5 + bytes.map_or(0, <[u8]>::len);
    let headers: usize = headers.iter().map(|h| field(Some(&h.key)) + field(h.value.as_deref())).sum();
    5 + 1 + 10 + 5 + field(key) + field(value) + 5 + headers
}

impl BatchBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header]) {
        if self.count == 0 {
            self.base_timestamp = timestamp;
            self.max_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let deltas = (timestamp.wrapping_sub(self.base_timestamp), i64::from(self.count));
        put_record(&mut self.records, &mut self.scratch, deltas, (key, value), headers);
        self.count += 1;
    }

    pub fn count(&self) -> i32 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the batch before compression.
    pub fn size(&self) -> usize {
        HEADER_LEN + self.records.len()
    }

    pub fn build(self, options: BuildOptions) -> Result<Bytes, compress::CompressError> {
        let records = compress::compress(options.codec, self.records.freeze())?;
        let mut attributes = i16::from(options.codec.id());
        attributes |= if options.timestamp_type == TimestampType::LogAppendTime { 1 << 3 } else { 0 };
        attributes |= if options.transactional { 1 << 4 } else { 0 };
        let header = BatchHeader {
            base_offset: options.base_offset,
            batch_length: i32::try_from(HEADER_LEN - 12 + records.len())
                .map_err(|_| compress::CompressError::TooLarge)?,
            leader_epoch: options.leader_epoch,
            crc: 0,
            attributes,
            last_offset_delta: self.count - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: options.producer_id,
            producer_epoch: options.producer_epoch,
            base_sequence: options.base_sequence,
            record_count: self.count,
        };
        let mut batch = BytesMut::with_capacity(HEADER_LEN + records.len());
        batch.put_slice(&header.to_bytes());
        batch.put_slice(&records);
        let crc = crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        Ok(batch.freeze())
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
