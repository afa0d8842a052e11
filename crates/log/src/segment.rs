//! One segment: a file of batches, and what is known about it in memory.
//!
//! The owner of the log appends and seals; readers see a prefix of it that only grows. A segment that was opened without
//! a scan builds its index when somebody first looks into it.

use crate::controls::{self, Control};
use crate::index::{Index, IndexEntry, IndexFile};
use crate::range_read::FileRange;
use crate::scan::{Scan, ScanError};
use ottla_env::disk::{Disk, File, OpenMode};
use ottla_wire::batch::{BatchError, BatchHeader, crc32c};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a batch that its own CRC does not cover.
const BEFORE_CRC: usize = 21;
/// Bytes between the entries of a sealed segment's index that stay in memory: 16 KiB of them for a segment of 64 MiB.
const SEALED_BYTES_APART: u32 = 64 << 10;

/// What a compacted segment stands for: every offset from its base on and below this end, in place of everything of an
/// older generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactedRange {
    pub end_offset: i64,
    pub generation: u32,
}

/// What has to hold of the batches of a segment, one behind the other (durability rules R3, R7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    /// Records and whole batches may be missing.
    Compacted,
}

impl Form {
    /// Whether a batch may stand where this offset is due.
    pub fn continues(self, due: i64, base_offset: i64) -> bool {
        match self {
            Self::Plain => base_offset == due,
            Self::Compacted => base_offset >= due,
        }
    }

    pub fn validate(self, batch: &[u8]) -> Result<BatchHeader, BatchError> {
        match self {
            Self::Plain => ottla_wire::batch::validate(batch),
            Self::Compacted => ottla_wire::batch::validate_compacted(batch),
        }
    }
}

/// What a checkpoint remembers of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentEntry {
    pub base_offset: i64,
    /// `None`: it holds what was appended.
    pub compacted: Option<CompactedRange>,
    pub size: u64,
    /// Of all its records; `i64::MIN` when there are none.
    pub max_timestamp: i64,
    /// CRC-32C of the whole file.
    pub crc: u32,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub base_offset: i64,
    pub compacted: Option<CompactedRange>,
    pub path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    size: u64,
    max_timestamp: i64,
    crc: u32,
    /// `None` until somebody looks into a segment that was opened without a scan.
    index: Option<Index>,
    /// Where the next entry of the index is due.
    next_entry_at: u64,
    /// The active segment keeps its descriptor; others are opened for each read.
    file: Option<Arc<dyn File>>,
}

pub(crate) fn file_name(base_offset: i64, extension: &str) -> String {
    format!("{base_offset:020}.{extension}")
}

impl SegmentEntry {
    pub(crate) fn empty(base_offset: i64) -> Self {
        Self { base_offset, compacted: None, size: 0, max_timestamp: i64::MIN, crc: 0 }
    }
}

/// The name of a segment's file.
pub(crate) fn log_name(base_offset: i64, compacted: Option<CompactedRange>) -> String {
    match compacted {
        None => file_name(base_offset, "log"),
        Some(CompactedRange { end_offset, generation }) => {
            format!("{base_offset:020}-{end_offset:020}-{generation:010}.log")
        }
    }
}

/// What the name of a segment's file says.
pub(crate) fn parse_name(name: &str) -> Option<(i64, Option<CompactedRange>)> {
    let mut numbers = name.strip_suffix(".log")?.split('-');
    let mut number = || numbers.next().and_then(|digits| digits.parse::<i64>().ok());
    let base_offset = number()?;
    let compacted = match (number(), number()) {
        (Some(end_offset), Some(generation)) => {
            Some(CompactedRange { end_offset, generation: u32::try_from(generation).ok()? })
        }
        _ => None,
    };
    // Only names that this would be written with.
    (log_name(base_offset, compacted) == name).then_some((base_offset, compacted))
}

impl Segment {
    /// A new, empty segment.
    pub fn fresh(dir: &Path, base_offset: i64, file: Arc<dyn File>) -> Self {
        Self::new(dir, SegmentEntry::empty(base_offset), Some(Index::default()), Some(file))
    }

    /// One that is known from a checkpoint or is about to be scanned.
    pub fn known(dir: &Path, entry: SegmentEntry) -> Self {
        let index = (entry.size == 0).then(Index::default);
        Self::new(dir, entry, index, None)
    }

    fn new(dir: &Path, entry: SegmentEntry, index: Option<Index>, file: Option<Arc<dyn File>>) -> Self {
        let SegmentEntry { base_offset, compacted, size, max_timestamp, crc } = entry;
        let state = State { size, max_timestamp, crc, index, next_entry_at: 0, file };
        let path = dir.join(log_name(base_offset, compacted));
        Self { base_offset, compacted, path, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before anything that may panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn form(&self) -> Form {
        if self.compacted.is_some() { Form::Compacted } else { Form::Plain }
    }

    pub fn size(&self) -> u64 {
        self.state().size
    }

    pub fn max_timestamp(&self) -> i64 {
        self.state().max_timestamp
    }

    pub fn index_len(&self) -> usize {
        self.state().index.as_ref().map_or(0, Index::len)
    }

    pub fn entry(&self) -> SegmentEntry {
        let state = self.state();
        SegmentEntry {
            base_offset: self.base_offset,
            compacted: self.compacted,
            size: state.size,
            max_timestamp: state.max_timestamp,
            crc: state.crc,
        }
    }

    /// Makes the segment the one that is written.
    pub fn keep_file(&self, file: Arc<dyn File>) {
        self.state().file = Some(file);
    }

    /// Notes a batch that is in the file behind everything noted before. `header` is as stored.
    pub fn note(&self, header: &BatchHeader, interval: u32) {
        let first = crc32c(&header.to_bytes()[..BEFORE_CRC]);
        let mut state = self.state();
        let State { size, max_timestamp, crc, index, next_entry_at, .. } = &mut *state;
        if let Some(index) = index
            && *size >= *next_entry_at
        {
            index.push(IndexEntry {
                relative_offset: (header.base_offset - self.base_offset) as u32,
                position: *size as u32,
                max_timestamp_before: *max_timestamp,
            });
            *next_entry_at = *size + u64::from(interval.max(1));
        }
        *crc = combine(*crc, first, BEFORE_CRC as u64);
        *crc = combine(*crc, header.crc, (header.size() - BEFORE_CRC) as u64);
        // The head of a batch that lost all its records has no time.
        if header.record_count > 0 {
            *max_timestamp = (*max_timestamp).max(header.max_timestamp);
        }
        *size += header.size() as u64;
    }

    /// Takes bytes that are no batch for a part of the segment: a planted bug.
    #[cfg(feature = "controls")]
    pub fn accept_tail(&self, size: u64) {
        self.state().size = size;
    }

    /// Nothing will be written any more: the index goes to its file, and most of it out of memory.
    pub fn seal(&self, disk: &dyn Disk) -> io::Result<()> {
        let written = self.write_index(disk);
        let mut state = self.state();
        state.file = None;
        state.index = state.index.take().map(|index| index.thinned(SEALED_BYTES_APART));
        written
    }

    pub fn write_index(&self, disk: &dyn Disk) -> io::Result<()> {
        let file = {
            let state = self.state();
            let Some(index) = state.index.clone() else { return Ok(()) };
            IndexFile { covered: state.size, crc: state.crc, max_timestamp: state.max_timestamp, index }
        };
        file.write(disk, &self.path.with_extension("index"))
    }

    pub fn open(&self, disk: &dyn Disk) -> io::Result<FileRange> {
        if let Some(file) = &self.state().file {
            return Ok(FileRange(Arc::clone(file)));
        }
        disk.open(&self.path, OpenMode::Read).map(FileRange)
    }

    /// Looks something up in the index, which is read or built if it is not there.
    pub fn with_index<T>(&self, disk: &dyn Disk, look: impl FnOnce(&Index) -> T) -> io::Result<T> {
        let (size, crc) = {
            let state = self.state();
            if let Some(index) = &state.index {
                return Ok(look(index));
            }
            (state.size, state.crc)
        };
        let stored = IndexFile::read(disk, &self.path.with_extension("index"));
        let fits = |file: &IndexFile| controls::active(Control::StaleIndexTrusted) || file.fits(size, crc);
        let index = match stored.filter(fits) {
            Some(file) => file.index,
            None => self.built(disk, size)?,
        };
        let mut state = self.state();
        if state.file.is_none() {
            let index = state.index.get_or_insert(index.thinned(SEALED_BYTES_APART));
            return Ok(look(index));
        }
        // Written meanwhile: the entries behind `size` come with the next appends.
        state.next_entry_at = state.size;
        Ok(look(state.index.get_or_insert(index)))
    }

    /// Up to the first thing that is no batch or does not continue: who looks for something behind it meets it there.
    fn built(&self, disk: &dyn Disk, size: u64) -> io::Result<Index> {
        let source = self.open(disk)?;
        let mut scan = Scan::new(&source, 0, size);
        let (mut index, mut due, mut max_timestamp) = (Index::default(), 0, i64::MIN);
        let mut next_offset = self.base_offset;
        loop {
            let (position, header) = match scan.next_header() {
                Ok(Some(next)) => next,
                Ok(None) | Err(ScanError::Batch(_)) => break,
                Err(ScanError::Io(error)) => return Err(error),
            };
            if !self.form().continues(next_offset, header.base_offset) {
                break;
            }
            next_offset = header.next_offset();
            if position >= due {
                index.push(IndexEntry {
                    relative_offset: (header.base_offset - self.base_offset) as u32,
                    position: position as u32,
                    max_timestamp_before: max_timestamp,
                });
                due = position + 4096;
            }
            if header.record_count > 0 {
                max_timestamp = max_timestamp.max(header.max_timestamp);
            }
        }
        Ok(index)
    }
}

/// The CRC-32C of two pieces, of which the second has `len` bytes.
pub(crate) fn combine(first: u32, second: u32, len: u64) -> u32 {
    ottla_wire::batch::crc32c_combine(first, second, len)
}
