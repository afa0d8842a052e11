//! Reads of one log, from any thread, beside the appends.
//!
//! Everything that comes from the disk is checked: CRC, that offsets continue and that epochs do not step back
//! (durability rule R7). What is wrong is an error, never data.

use crate::error::{Damage, ReadError};
use crate::leader_epochs::{EpochEnd, LeaderEpochs};
use crate::range_read::RangeRead;
use crate::scan::{Scan, ScanError};
use crate::segment::{Form, Segment};
use bytes::Bytes;
use ottla_env::disk::Disk;
use ottla_wire::batch::{BatchHeader, HEADER_LEN, TimestampType};
use ottla_wire::record;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Bytes that one batch may have after decompression when a timestamp is looked up in it.
const DECOMPRESSED_MAX: usize = 128 << 20;

/// What owner and readers of a log both see.
#[derive(Debug)]
pub(crate) struct Shared {
    disk: Arc<dyn Disk>,
    view: RwLock<View>,
}

#[derive(Debug)]
struct View {
    segments: Vec<Arc<Segment>>,
    log_start: i64,
    end_offset: i64,
    epochs: LeaderEpochs,
    damage: Option<Damage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    pub max_bytes: usize,
    /// One batch is returned even if it alone is larger than `max_bytes`.
    pub at_least_one: bool,
    /// Batches that reach this offset or go beyond are not returned.
    pub upto: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampedOffset {
    pub offset: i64,
    pub timestamp: i64,
}

#[derive(Debug, Clone)]
pub struct LogReader(Arc<Shared>);

impl Shared {
    pub fn new(
        disk: Arc<dyn Disk>,
        segments: Vec<Arc<Segment>>,
        log_start: i64,
        end_offset: i64,
        epochs: LeaderEpochs,
        damage: Option<Damage>,
    ) -> Self {
        Self { disk, view: RwLock::new(View { segments, log_start, end_offset, epochs, damage }) }
    }

    fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn appended(&self, end_offset: i64, leader_epoch: i32, base_offset: i64) {
        let mut view = self.change();
        view.end_offset = end_offset;
        view.epochs.note(leader_epoch, base_offset);
    }

    pub fn segment_added(&self, segment: Arc<Segment>) {
        self.change().segments.push(segment);
    }

    pub fn segments(&self) -> Vec<Arc<Segment>> {
        self.view().segments.clone()
    }

    /// Segments of which nothing is at or behind an offset, without the last one.
    pub fn segments_below(&self, offset: i64) -> Vec<Arc<Segment>> {
        let view = self.view();
        view.segments[..view.below(offset)].to_vec()
    }

    pub fn count_below(&self, offset: i64) -> usize {
        self.view().below(offset)
    }

    /// The log starts later. Returns the segments that are left out from now on.
    pub fn started(&self, log_start: i64, last: Last) -> Vec<Arc<Segment>> {
        let mut view = self.change();
        view.log_start = log_start;
        view.epochs.trim(log_start);
        let mut below = view.below(log_start);
        if last == Last::Goes {
            below = view.segments.len();
        }
        view.segments.drain(..below).collect()
    }
}

/// What becomes of the last segment when everything lies below the log start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Stays,
    /// A planted bug.
    Goes,
}

impl Shared {
    /// A compacted segment takes the place of those that it stands for. Returns what nobody finds any more: those, or it,
    /// if they are gone already.
    pub fn replaced(&self, new: &Arc<Segment>) -> Vec<Arc<Segment>> {
        let Some(range) = new.compacted else { return Vec::new() };
        let mut view = self.change();
        let covered =
            |segment: &Arc<Segment>| (new.base_offset..range.end_offset).contains(&segment.base_offset);
        let from = view.segments.partition_point(|segment| segment.base_offset < new.base_offset);
        let count = view.segments[from..].iter().take_while(|segment| covered(segment)).count();
        if count == 0 {
            return vec![Arc::clone(new)];
        }
        view.segments.splice(from..from + count, [Arc::clone(new)]).collect()
    }
}

impl View {
    fn below(&self, offset: i64) -> usize {
        self.segments.windows(2).take_while(|pair| pair[1].base_offset <= offset).count()
    }
}

impl LogReader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub fn start_offset(&self) -> i64 {
        self.0.view().log_start
    }

    pub fn end_offset(&self) -> i64 {
        self.0.view().end_offset
    }

    /// Bytes of all segments.
    pub fn size(&self) -> u64 {
        self.0.view().segments.iter().map(|segment| segment.size()).sum()
    }

    pub fn segment_count(&self) -> usize {
        self.0.view().segments.len()
    }

    pub fn end_of_epoch(&self, epoch: i32, end_offset: i64) -> EpochEnd {
        self.0.view().epochs.end_of(epoch, end_offset)
    }

    pub fn epoch_of(&self, offset: i64) -> Option<i32> {
        self.0.view().epochs.epoch_of(offset)
    }

    /// Whole batches from the one that holds `offset` on, all of one segment. Empty at the end of the log.
    pub fn read(&self, offset: i64, limits: ReadLimits) -> Result<Bytes, ReadError> {
        let found = self.read_now(offset, limits);
        // A segment that went away meanwhile is no fault.
        match (self.start_offset(), self.end_offset()) {
            (start, end) if found.is_err() && offset < start => {
                Err(ReadError::OutOfRange { offset, start, end })
            }
            _ => found,
        }
    }

    fn read_now(&self, offset: i64, limits: ReadLimits) -> Result<Bytes, ReadError> {
        let (mut at, segments, damage) = {
            let view = self.0.view();
            if offset < view.log_start || offset > view.end_offset {
                return Err(ReadError::OutOfRange { offset, start: view.log_start, end: view.end_offset });
            }
            let behind = view.segments.partition_point(|segment| segment.base_offset <= offset);
            (behind.saturating_sub(1), view.segments.clone(), view.damage.clone())
        };
        if offset >= limits.upto {
            return Ok(Bytes::new());
        }
        while let Some(segment) = segments.get(at) {
            if let Some(damage) = damage.as_ref().filter(|damage| segment.base_offset >= damage.offset) {
                return Err(damage.clone().into());
            }
            let found = self.read_segment(segment, offset, limits)?;
            if let Some(bytes) = found {
                return Ok(bytes);
            }
            // Every batch of it ends below the offset: the next segment has it.
            at += 1;
        }
        Ok(Bytes::new())
    }

    fn read_segment(
        &self,
        segment: &Segment,
        offset: i64,
        limits: ReadLimits,
    ) -> Result<Option<Bytes>, ReadError> {
        let disk = self.0.disk.as_ref();
        // Compaction leaves gaps: what was asked for may lie below the segment.
        let relative = u32::try_from((offset - segment.base_offset).max(0)).unwrap_or(u32::MAX);
        let (start, behind) = segment
            .with_index(disk, |index| index.around_offset(relative))
            .map_err(|error| read_error(error, segment, 0, offset))?;
        let size = segment.size();
        if start >= size {
            return Ok(None);
        }
        let source = segment.open(disk)?;
        let skip = behind.unwrap_or(size).min(size) - start;
        let wanted = (size - start).min(skip.saturating_add(limits.max_bytes.max(HEADER_LEN) as u64));
        let buffer = source.read_range(start, wanted as usize)?;
        let mut walk = Walk { segment, start, buffer, at: 0, last: None };
        // Up to the batch that holds the offset, by headers alone.
        let header = loop {
            let Some(header) = walk.header(offset)? else {
                let position = walk.start + walk.at as u64;
                if position >= size {
                    return Ok(None);
                }
                // The buffer ends inside a header that the segment has.
                let len = (size - position).min((limits.max_bytes.max(HEADER_LEN)) as u64) as usize;
                let buffer = source.read_range(position, len)?;
                walk = Walk { segment, start: position, buffer, at: 0, last: walk.last };
                match walk.header(offset)? {
                    Some(header) => break header,
                    None => return Err(walk.damaged(offset, "a batch that does not end")),
                }
            };
            if header.last_offset() >= offset {
                break header;
            }
            walk.pass(&header);
        };
        if header.next_offset() > limits.upto || (header.size() > limits.max_bytes && !limits.at_least_one) {
            return Ok(Some(Bytes::new()));
        }
        if walk.at + header.size() > walk.buffer.len() {
            let position = walk.start + walk.at as u64;
            if position + header.size() as u64 > size {
                return Err(walk.damaged(offset, "a batch that does not end"));
            }
            let buffer = source.read_range(position, header.size())?;
            walk = Walk { segment, start: position, buffer, at: 0, last: walk.last };
        }
        let first = walk.at;
        let mut next = Some(header);
        while let Some(header) = next {
            let end = walk.at + header.size();
            let taken = end - first;
            let fits = end <= walk.buffer.len() && (taken <= limits.max_bytes || walk.at == first);
            if !fits || header.next_offset() > limits.upto {
                break;
            }
            walk.check(&header)?;
            walk.pass(&header);
            next = walk.header(header.next_offset())?;
        }
        Ok(Some(walk.buffer.slice(first..walk.at)))
    }

    /// The first record, in offset order and below `upto`, whose timestamp is at least this.
    pub fn offset_for_timestamp(
        &self,
        timestamp: i64,
        upto: i64,
    ) -> Result<Option<TimestampedOffset>, ReadError> {
        self.steadily(|segments, log_start| {
            for segment in segments.iter().filter(|segment| segment.max_timestamp() >= timestamp) {
                let found = self.search(
                    segment,
                    timestamp,
                    |header| header.max_timestamp >= timestamp && header.last_offset() >= log_start,
                    |t| t.timestamp >= timestamp && t.offset >= log_start,
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
        self.steadily(|segments, log_start| {
            let mut largest: Vec<(&Arc<Segment>, i64)> = Vec::new();
            for segment in segments.iter().filter(|s| s.base_offset < upto && s.size() > 0) {
                let of_segment = if segment.base_offset < log_start {
                    // Records below the start do not count.
                    self.largest_timestamp(segment, log_start)?
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
                    timestamp,
                    |header| header.max_timestamp >= timestamp && header.last_offset() >= log_start,
                    |t| t.timestamp == timestamp && t.offset >= log_start,
                )?;
                if let Some(found) = found {
                    return Ok(Some(found).filter(|found| found.offset < upto));
                }
            }
            Ok(None)
        })
    }

    /// Looks through the segments; again, if it failed because the log start moved meanwhile.
    fn steadily<T>(
        &self,
        look: impl Fn(&[Arc<Segment>], i64) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        loop {
            let (segments, log_start) = {
                let view = self.0.view();
                (view.segments.clone(), view.log_start)
            };
            match look(&segments, log_start) {
                Err(_) if self.start_offset() > log_start => {}
                found => return found,
            }
        }
    }

    /// The largest timestamp in a segment at or behind an offset.
    fn largest_timestamp(&self, segment: &Segment, offset: i64) -> Result<Option<i64>, ReadError> {
        let source = segment.open(self.0.disk.as_ref())?;
        let mut scan = Scan::new(&source, 0, segment.size());
        let mut largest = None;
        loop {
            let position = scan.position();
            let next = scan.next_header().map_err(|error| read_error(error, segment, position, offset))?;
            let Some((position, header)) = next else { return Ok(largest) };
            if header.record_count == 0 {
                continue;
            }
            if header.base_offset >= offset {
                largest = largest.max(Some(header.max_timestamp));
            } else if header.last_offset() >= offset {
                let batch = source.read_range(position, header.size())?;
                segment.form().validate(&batch)?;
                for record in record::iterate(&batch, DECOMPRESSED_MAX)? {
                    let record = record?;
                    if record.offset >= offset {
                        largest = largest.max(Some(record.timestamp));
                    }
                }
            }
        }
    }

    fn search(
        &self,
        segment: &Segment,
        timestamp: i64,
        batch_matches: impl Fn(&BatchHeader) -> bool,
        record_matches: impl Fn(&TimestampedOffset) -> bool,
    ) -> Result<Option<TimestampedOffset>, ReadError> {
        let disk = self.0.disk.as_ref();
        let base = segment.base_offset;
        let start = segment
            .with_index(disk, |index| index.before_timestamp(timestamp))
            .map_err(|error| read_error(error, segment, 0, base))?;
        let source = segment.open(disk)?;
        let mut scan = Scan::new(&source, start, segment.size());
        loop {
            let position = scan.position();
            let next = scan.next_header().map_err(|error| read_error(error, segment, position, base))?;
            let Some((position, header)) = next else { return Ok(None) };
            if !batch_matches(&header) {
                continue;
            }
            let batch = source.read_range(position, header.size())?;
            segment.form().validate(&batch)?;
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

/// Batches in a piece of a segment.
struct Walk<'a> {
    segment: &'a Segment,
    start: u64,
    buffer: Bytes,
    at: usize,
    /// The header before, which the next one has to continue.
    last: Option<BatchHeader>,
}

impl Walk<'_> {
    /// The next header; `None` when the buffer does not hold all of it.
    fn header(&self, offset: i64) -> Result<Option<BatchHeader>, ReadError> {
        if self.buffer.len().saturating_sub(self.at) < HEADER_LEN {
            return Ok(None);
        }
        let header = BatchHeader::parse(&self.buffer[self.at..])
            .map_err(|error| self.damaged(offset, &error.to_string()))?;
        let continues = match &self.last {
            Some(last) => {
                self.segment.form().continues(last.next_offset(), header.base_offset)
                    && header.leader_epoch >= last.leader_epoch
            }
            None => header.base_offset >= self.segment.base_offset,
        };
        if continues {
            Ok(Some(header))
        } else {
            Err(self.damaged(offset, &format!("offset {} does not continue", header.base_offset)))
        }
    }

    fn pass(&mut self, header: &BatchHeader) {
        self.at = self.at.saturating_add(header.size());
        self.last = Some(*header);
    }

    fn check(&self, header: &BatchHeader) -> Result<(), ReadError> {
        let batch = &self.buffer[self.at..self.at + header.size()];
        match self.segment.form().validate(batch) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.damaged(header.base_offset, &error.to_string())),
        }
    }

    fn damaged(&self, offset: i64, what: &str) -> ReadError {
        let position = self.start + self.at as u64;
        Damage { file: self.segment.path.clone(), position, offset, what: what.to_owned() }.into()
    }
}

fn read_error(error: ScanError, segment: &Segment, position: u64, offset: i64) -> ReadError {
    match error {
        ScanError::Io(error) => error.into(),
        ScanError::Batch(error) => {
            Damage { file: segment.path.clone(), position, offset, what: error.to_string() }.into()
        }
    }
}
