//! Look-ups by timestamp: ListOffsets, and what retention asks.

use super::walk::{Order, Walk};
use super::{LogReader, TimestampedOffset};
use crate::error::ReadError;
use crate::index::Known;
use crate::range_read::RangeRead;
use crate::scan::Scan;
use crate::segment::{Form, Segment};
use ottla_wire::batch::{BatchHeader, TimestampType};
use ottla_wire::record;
use std::sync::Arc;

/// Bytes that one batch may have after decompression when a timestamp is looked up in it.
const DECOMPRESSED_MAX: usize = 128 << 20;

/// What the log was when a look-up began.
struct Looked {
    segments: Vec<Arc<Segment>>,
    log_start: i64,
    order: Order,
}

impl LogReader {
    /// The first record, in offset order and below `upto`, whose timestamp is at least this.
    pub fn offset_for_timestamp(
        &self,
        timestamp: i64,
        upto: i64,
    ) -> Result<Option<TimestampedOffset>, ReadError> {
        self.steadily(|Looked { segments, log_start, order }| {
            for segment in segments.iter().filter(|segment| segment.max_timestamp() >= timestamp) {
                let found = self.search(
                    segment,
                    order,
                    timestamp,
                    |header| header.max_timestamp >= timestamp && header.last_offset() >= *log_start,
                    |t| t.timestamp >= timestamp && t.offset >= *log_start,
                )?;
                if let Some(found) = found {
                    return Ok(Some(found).filter(|found| found.offset < upto));
                }
            }
            Ok(None)
        })
    }

    /// The record with the largest timestamp below `upto`; of several, the first.
    pub fn max_timestamp(&self, upto: i64) -> Result<Option<TimestampedOffset>, ReadError> {
        self.steadily(|Looked { segments, log_start, order }| {
            let mut largest: Vec<(&Arc<Segment>, i64)> = Vec::new();
            for segment in segments.iter().filter(|s| s.base_offset < upto && s.size() > 0) {
                let of_segment = if segment.base_offset < *log_start {
                    // Records below the start do not count.
                    self.largest_timestamp(segment, order, *log_start)?
                } else {
                    Some(segment.max_timestamp())
                };
                largest.extend(of_segment.map(|timestamp| (segment, timestamp)));
            }
            let Some(timestamp) = largest.iter().map(|(_, timestamp)| *timestamp).max() else {
                return Ok(None);
            };
            for (segment, _) in largest.iter().filter(|(_, largest)| *largest == timestamp) {
                let found = self.search(
                    segment,
                    order,
                    timestamp,
                    |header| header.max_timestamp >= timestamp && header.last_offset() >= *log_start,
                    |t| t.timestamp == timestamp && t.offset >= *log_start,
                )?;
                if let Some(found) = found {
                    return Ok(Some(found).filter(|found| found.offset < upto));
                }
            }
            Ok(None)
        })
    }

    /// Looks through the segments; again, if it failed because the log start moved meanwhile.
    fn steadily<T>(&self, look: impl Fn(&Looked) -> Result<T, ReadError>) -> Result<T, ReadError> {
        loop {
            let looked = {
                let view = self.0.view();
                Looked { segments: view.segments.clone(), log_start: view.log_start, order: view.order() }
            };
            match look(&looked) {
                Err(_) if self.start_offset() > looked.log_start => {}
                found => return self.noting(found),
            }
        }
    }

    /// The largest timestamp in a segment at or behind an offset.
    fn largest_timestamp(
        &self,
        segment: &Segment,
        order: &Order,
        offset: i64,
    ) -> Result<Option<i64>, ReadError> {
        let source = segment.open(self.0.disk.as_ref())?;
        let size = segment.size();
        let mut scan = Scan::new(&source, 0, size);
        let mut walk = Walk::new(segment, size, order, Known::default());
        let mut largest = None;
        loop {
            let next = scan.next_header().map_err(|error| walk.failed(error))?;
            let Some((position, header)) = next else { return Ok(largest) };
            walk.continues(&header)?;
            if header.record_count > 0 && header.base_offset >= offset {
                largest = largest.max(Some(header.max_timestamp));
            } else if header.record_count > 0 && header.last_offset() >= offset {
                let batch = source.read_range(position, header.size())?;
                walk.have(position, batch.clone());
                walk.check(&header)?;
                for record in record::iterate(&batch, DECOMPRESSED_MAX)? {
                    let record = record?;
                    if record.offset >= offset {
                        largest = largest.max(Some(record.timestamp));
                    }
                }
            }
            walk.pass(&header);
        }
    }

    fn search(
        &self,
        segment: &Segment,
        order: &Order,
        timestamp: i64,
        batch_matches: impl Fn(&BatchHeader) -> bool,
        record_matches: impl Fn(&TimestampedOffset) -> bool,
    ) -> Result<Option<TimestampedOffset>, ReadError> {
        let disk = self.0.disk.as_ref();
        let known = segment.with_index(disk, |index| index.before_timestamp(timestamp))?;
        let source = segment.open(disk)?;
        let size = segment.size();
        let mut scan = Scan::new(&source, known.position, size);
        let mut walk = Walk::new(segment, size, order, known);
        // The timestamps of headers are believed only with their CRC; the index leaves few of them to be looked at.
        loop {
            let next = scan.next_batch(segment.form()).map_err(|error| walk.failed(error))?;
            let Some((header, batch)) = next else { return Ok(None) };
            walk.continues(&header)?;
            walk.pass(&header);
            if !batch_matches(&header) {
                continue;
            }
            if header.timestamp_type() == TimestampType::LogAppendTime && segment.form() == Form::Plain {
                let first = TimestampedOffset { offset: header.base_offset, timestamp: header.max_timestamp };
                if record_matches(&first) {
                    return Ok(Some(first));
                }
                continue;
            }
            for record in record::iterate(&batch, DECOMPRESSED_MAX)? {
                let record = record?;
                let found = TimestampedOffset { offset: record.offset, timestamp: record.timestamp };
                if record_matches(&found) {
                    return Ok(Some(found));
                }
            }
        }
    }
}
