//! From a fetched record set to records: batch by batch, CRC first.
//!
//! A record set may begin before the position (brokers send whole batches), may end inside a batch (cut off at the size
//! limit), and of a compacted topic has gaps; none of that is an error. A wrong CRC, an unknown codec, or records that
//! do not fill their batch are, and name the offset.

use super::aborted::Aborted;
use super::fetcher::Fetched;
use super::{ConsumerConfig, FetchedBatch, Isolation};
use crate::admin::PartitionKey;
use crate::errors::ClientError;
use bytes::Bytes;
use ottla_wire::batch::{BatchError, BatchHeader, check_crc};
use ottla_wire::record::{Record, iterate};

#[derive(Debug)]
pub(super) struct Undecoded {
    fetched: Fetched,
    /// Slices of the record set that are left.
    rest: Bytes,
    aborted: Aborted,
    position: i64,
}

impl Undecoded {
    pub fn new(mut fetched: Fetched) -> Self {
        let rest = std::mem::take(&mut fetched.records);
        let aborted = Aborted::new(std::mem::take(&mut fetched.aborted));
        let position = fetched.offset;
        Self { fetched, rest, aborted, position }
    }

    pub fn key(&self) -> &PartitionKey {
        &self.fetched.key
    }

    pub fn turn(&self) -> u64 {
        self.fetched.turn
    }

    /// The next batch that moves the position; `None` at the end.
    pub fn next(&mut self, config: &ConsumerConfig) -> Option<Result<FetchedBatch, ClientError>> {
        loop {
            let header = match BatchHeader::parse(&self.rest) {
                Ok(header) if header.size() <= self.rest.len() => header,
                Ok(_) | Err(BatchError::Incomplete) => return None,
                Err(error) => {
                    self.rest = Bytes::new();
                    return Some(Err(self.corrupt(self.position, error.to_string())));
                }
            };
            let bytes = self.rest.split_to(header.size());
            if header.next_offset() <= self.position {
                // Seen before, but a marker in it still counts.
                self.aborted.skips(&header, is_abort(&header, &bytes));
                continue;
            }
            let decoded = self.decode(&header, &bytes, config);
            if decoded.is_err() {
                self.rest = Bytes::new();
            }
            return Some(decoded);
        }
    }

    fn decode(
        &mut self,
        header: &BatchHeader,
        bytes: &Bytes,
        config: &ConsumerConfig,
    ) -> Result<FetchedBatch, ClientError> {
        if config.check_crcs {
            check_crc(header, bytes).map_err(|error| self.corrupt(header.base_offset, error.to_string()))?;
        }
        let skipped = self.aborted.skips(header, is_abort(header, bytes))
            && config.isolation == Isolation::ReadCommitted;
        let mut records = Vec::new();
        if !skipped && !header.is_control() {
            records = self.records(header, bytes, config)?;
        }
        self.position = header.next_offset();
        Ok(FetchedBatch {
            topic: self.fetched.key.topic.as_str().into(),
            partition: self.fetched.key.partition,
            broker: self.fetched.broker,
            timestamp_type: header.timestamp_type(),
            leader_epoch: header.leader_epoch,
            records,
            next_offset: self.position,
            high_watermark: self.fetched.high_watermark,
        })
    }

    fn records(
        &self,
        header: &BatchHeader,
        bytes: &Bytes,
        config: &ConsumerConfig,
    ) -> Result<Vec<Record>, ClientError> {
        let corrupt =
            |error: ottla_wire::record::RecordError| self.corrupt(header.base_offset, error.to_string());
        let mut records = Vec::new();
        for record in iterate(bytes, config.decompressed_bytes_max).map_err(corrupt)? {
            let record = record.map_err(corrupt)?;
            if record.offset >= self.position {
                records.push(record);
            }
        }
        Ok(records)
    }

    fn corrupt(&self, offset: i64, problem: String) -> ClientError {
        let key = &self.fetched.key;
        ClientError::CorruptBatch { topic: key.topic.clone(), partition: key.partition, offset, problem }
    }
}

/// A marker's key says what it marks: version i16, type i16; 0 is an abort.
fn is_abort(header: &BatchHeader, bytes: &Bytes) -> bool {
    const MARKER_BYTES_MAX: usize = 1 << 10;
    if !header.is_control() {
        return false;
    }
    let marker = iterate(bytes, MARKER_BYTES_MAX).ok().and_then(|mut records| records.next()?.ok());
    marker.and_then(|record| record.key).is_some_and(|key| key.get(2..4) == Some(&[0, 0]))
}
