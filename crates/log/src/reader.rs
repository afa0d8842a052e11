//! Reads of one log, from any thread, beside the appends.
//!
//! Everything that comes from the disk is checked: CRC, that offsets continue and that epochs do not step back
//! (durability rule R7). What is wrong is an error, never data, and the log is offline from there on (rule R6).

mod timestamps;
mod walk;

use crate::error::{Damage, ReadError};
use crate::leader_epochs::{EpochEnd, LeaderEpochs};
use crate::range_read::RangeRead;
use crate::segment::{Form, Segment};
use bytes::Bytes;
use ottla_env::disk::Disk;
use ottla_wire::batch::{BatchHeader, HEADER_LEN};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use walk::{Order, Walk};

/// What owner and readers of a log both see.
#[derive(Debug)]
pub(crate) struct Shared {
    disk: Arc<dyn Disk>,
    view: RwLock<View>,
    /// The view has damage.
    is_damaged: AtomicBool,
}

#[derive(Debug)]
struct View {
    segments: Vec<Arc<Segment>>,
    log_start: i64,
    end_offset: i64,
    epochs: LeaderEpochs,
    /// The first that is known of: nothing from there on is read.
    damage: Option<Damage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    pub max_bytes: usize,
    /// The first batch is returned even if it alone is larger than `max_bytes`, as long as it is no larger than this.
    pub first_max_bytes: usize,
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
        let is_damaged = AtomicBool::new(damage.is_some());
        Self { disk, view: RwLock::new(View { segments, log_start, end_offset, epochs, damage }), is_damaged }
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

    /// A reader met damage. What lies below the log start does not count.
    fn met(&self, damage: &Damage) {
        let mut view = self.change();
        let is_first = view.damage.as_ref().is_none_or(|known| damage.offset < known.offset);
        if is_first && damage.offset >= view.log_start {
            view.damage = Some(damage.clone());
            self.is_damaged.store(true, Ordering::Release);
        }
    }

    /// The first damage that is known of.
    pub fn damage(&self) -> Option<Damage> {
        if self.is_damaged.load(Ordering::Acquire) { self.view().damage.clone() } else { None }
    }

    /// The log starts later, perhaps behind its damage. Returns the segments that are left out from now on.
    pub fn started(&self, log_start: i64, last: Last) -> Vec<Arc<Segment>> {
        let mut view = self.change();
        view.log_start = log_start;
        view.epochs.trim(log_start);
        if view.damage.take_if(|damage| damage.offset < log_start).is_some() {
            self.is_damaged.store(false, Ordering::Release);
        }
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
    fn order(&self) -> Order {
        Order { epochs: self.epochs.clone(), end_offset: self.end_offset }
    }

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

    /// Damage was found, and nothing from there on is read.
    pub fn is_damaged(&self) -> bool {
        self.0.damage().is_some()
    }

    /// Bytes of all segments.
    pub fn size(&self) -> u64 {
        // What a checkpoint says of files that are not there may be anything.
        self.0.view().segments.iter().fold(0, |total: u64, segment| total.saturating_add(segment.size()))
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
        let found = self.noting(self.read_now(offset, limits));
        // A segment that went away meanwhile is no fault.
        match (self.start_offset(), self.end_offset()) {
            (start, end) if found.is_err() && offset < start => {
                Err(ReadError::OutOfRange { offset, start, end })
            }
            _ => found,
        }
    }

    /// Remembers damage, so that nothing from there on is served or written any more.
    fn noting<T>(&self, found: Result<T, ReadError>) -> Result<T, ReadError> {
        if let Err(ReadError::Damaged(damage)) = &found {
            self.0.met(damage);
        }
        found
    }

    fn read_now(&self, offset: i64, limits: ReadLimits) -> Result<Bytes, ReadError> {
        let (mut at, segments, order, damage) = {
            let view = self.0.view();
            if offset < view.log_start || offset > view.end_offset {
                return Err(ReadError::OutOfRange { offset, start: view.log_start, end: view.end_offset });
            }
            let behind = view.segments.partition_point(|segment| segment.base_offset <= offset);
            (behind.saturating_sub(1), view.segments.clone(), view.order(), view.damage.clone())
        };
        if offset >= limits.upto {
            return Ok(Bytes::new());
        }
        if let Some(damage) = damage.filter(|damage| offset >= damage.offset) {
            return Err(damage.into());
        }
        while let Some(segment) = segments.get(at) {
            let end_offset = segments.get(at + 1).map_or(order.end_offset, |next| next.base_offset);
            let found = self.read_segment(segment, &order, end_offset, offset, limits)?;
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
        order: &Order,
        end_offset: i64,
        offset: i64,
        limits: ReadLimits,
    ) -> Result<Option<Bytes>, ReadError> {
        let disk = self.0.disk.as_ref();
        // Compaction leaves gaps: what was asked for may lie below the segment.
        let relative = u32::try_from((offset - segment.base_offset).max(0)).unwrap_or(u32::MAX);
        let (known, behind) = segment.with_index(disk, |index| index.around_offset(relative))?;
        let (start, size) = (known.position, segment.size());
        let mut walk = Walk::new(segment, size, order, known);
        if start >= size {
            return walk.ends(end_offset).map(|()| None);
        }
        let source = segment.open(disk)?;
        let skip = behind.unwrap_or(size).min(size).saturating_sub(start);
        let wanted = (size - start).min(skip.saturating_add(limits.max_bytes.max(HEADER_LEN) as u64));
        walk.have(start, source.read_range(start, wanted as usize)?);
        let header = match seek(&mut walk, &source, offset, limits.max_bytes.max(HEADER_LEN)) {
            Ok(Some(header)) => header,
            Ok(None) => {
                let ended = walk.ends(end_offset);
                return ended.map(|()| None).map_err(|error| walk.cause(error, &source));
            }
            Err(error) => return Err(walk.cause(error, &source)),
        };
        if header.next_offset() > limits.upto {
            return Ok(Some(Bytes::new()));
        }
        // Before memory is asked for: a length may be rotten, and is not known to be until all of it was read. A gap that
        // compaction left may end at the very batch that the index knows.
        let at = walk.position();
        if behind.is_some_and(|behind| at < behind && at + header.size() as u64 > behind) {
            return Err(walk.damaged("a batch that reaches into the next one"));
        }
        if header.size() > limits.max_bytes.max(limits.first_max_bytes) {
            return Err(ReadError::OverLimit { batch_bytes: header.size() });
        }
        walk.load(&header, &source)?;
        let first = walk.position();
        walk.check(&header)?;
        walk.pass(&header);
        // Damage behind a good batch is met by the read that begins there.
        while let Ok(Some(header)) = walk.header() {
            let taken = walk.position() - first + header.size() as u64;
            let fits = walk.holds(&header) && taken <= limits.max_bytes as u64;
            if !fits || header.next_offset() > limits.upto || walk.check(&header).is_err() {
                break;
            }
            walk.pass(&header);
        }
        Ok(Some(walk.since(first)))
    }
}

/// Goes to the batch that holds an offset: by headers alone where offsets have no gaps that could hide one. `None`: every
/// batch of the segment ends below.
fn seek(
    walk: &mut Walk<'_>,
    source: &dyn RangeRead,
    offset: i64,
    chunk: usize,
) -> Result<Option<BatchHeader>, ReadError> {
    loop {
        let header = match walk.header()? {
            Some(header) => header,
            None if walk.left_in_segment() == 0 => return Ok(None),
            None => {
                // The buffer ends inside a header that the segment has.
                let (position, len) = (walk.position(), walk.left_in_segment().min(chunk as u64) as usize);
                walk.have(position, source.read_range(position, len)?);
                walk.header()?.ok_or_else(|| walk.damaged("a batch that does not end"))?
            }
        };
        if header.last_offset() >= offset {
            return Ok(Some(header));
        }
        if walk.form() == Form::Compacted {
            walk.load(&header, source)?;
            walk.check(&header)?;
        }
        walk.pass(&header);
    }
}
