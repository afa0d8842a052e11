//! Compaction: of every key the last record stays, and of the log its offsets (`cleanup.policy=compact`).
//!
//! A pass takes the oldest segments up to the first that must not be touched yet, notes where each key was written last in
//! those that were never compacted ([`offset_map`]), and writes groups of segments anew without what was superseded
//! ([`clean`]). It runs beside appends and reads, on a thread of its own, and touches no file that is there: a group is
//! written and synced under a temporary name, renamed, and the name synced. The name says which offsets the file stands
//! for and in which generation; every file that it covers is nothing from then on, whatever is cut short where, and is
//! unlinked later. The active segment, and what is not durable, is never touched.

mod clean;
mod offset_map;

use crate::config::LogConfig;
use crate::controls::{self, Control};
use crate::error::{CompactError, Damage, SyncFailed};
use crate::log::LogPlace;
use crate::scan::{Scan, ScanError};
use crate::segment::{CompactedRange, Segment, SegmentEntry};
use bytes::Bytes;
use clean::{LastOfProducer, Rules, clean};
pub use offset_map::KEYS_BYTES_MAX;
use offset_map::{KEYS_MAX, OffsetMap};
use ottla_env::disk::{Disk, File, OpenMode, lacks_descriptors};
use ottla_wire::batch::{BatchHeader, HEADER_LEN};
use ottla_wire::record;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file is called until it is whole.
pub(crate) const UNFINISHED: &str = "cleaned";
/// Bytes written at once.
const CHUNK: usize = 1 << 20;

/// What a log could gain by a compaction. Pure, from what is known without reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleanable {
    /// How many of the oldest segments may be touched.
    pub segments: usize,
    /// How many of them were compacted before; they stand in front.
    pub clean: usize,
    pub clean_bytes: u64,
    pub dirty_bytes: u64,
}

impl Cleanable {
    /// Whether the dirty part is large enough.
    pub fn is_due(&self, config: &LogConfig) -> bool {
        let all = self.clean_bytes + self.dirty_bytes;
        // Dirty bytes of a million of all bytes, so that no fraction is needed.
        let share = u128::from(self.dirty_bytes) * 1_000_000 / u128::from(all.max(1));
        self.dirty_bytes > 0 && share > u128::from(config.min_cleanable_ppm)
    }
}

/// `segments`: oldest first, with the active one.
pub fn cleanable(segments: &[SegmentEntry], durable: i64, config: &LogConfig, now_ms: i64) -> Cleanable {
    let mut found = Cleanable::default();
    for pair in segments.windows(2) {
        let (segment, end) = (&pair[0], pair[1].base_offset);
        let young = config.min_compaction_lag_ms > 0
            && segment.max_timestamp > now_ms.saturating_sub(config.min_compaction_lag_ms);
        if segment.compacted.is_none() && (young || end > durable) {
            break;
        }
        found.segments += 1;
        if segment.compacted.is_some() {
            found.clean += 1;
            found.clean_bytes += segment.size;
        } else {
            found.dirty_bytes += segment.size;
        }
    }
    found
}

/// One pass over one log; runs beside its owner.
#[derive(Debug)]
pub struct CompactionJob {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) place: LogPlace,
    /// Those that may be touched, oldest first; the first `clean` were compacted before.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) clean: usize,
    /// Where the segment behind them begins.
    pub(crate) end_offset: i64,
    pub(crate) log_start: i64,
    pub(crate) config: LogConfig,
    /// Of each producer: where its last batch ends.
    pub(crate) last_batches: HashMap<i64, i64>,
}

/// Segments that stand for what older ones held.
#[derive(Debug, Default)]
pub struct Compacted {
    pub(crate) segments: Vec<Arc<Segment>>,
    pub bytes_before: u64,
    pub bytes_after: u64,
}

impl CompactionJob {
    /// Waits for the disk, for as long as it takes. What was finished counts, also when something fails later. `now_ms`: of
    /// this call, because a pass may wait long for its turn, and tombstones are stamped with it.
    pub fn run(&self, now_ms: i64, stopping: &dyn Fn() -> bool) -> (Compacted, Result<(), CompactError>) {
        let mut done = Compacted::default();
        let result = self.compact(now_ms, stopping, &mut done);
        (done, result)
    }

    fn compact(
        &self,
        now_ms: i64,
        stopping: &dyn Fn() -> bool,
        done: &mut Compacted,
    ) -> Result<(), CompactError> {
        let mut map = OffsetMap::new(KEYS_MAX);
        let mapped = self.map(&mut map, stopping)?;
        let rules = Rules {
            map: &map,
            log_start: self.log_start,
            now_ms,
            delete_retention_ms: self.config.delete_retention_ms,
        };
        let mut first = 0;
        while first < mapped {
            let end = self.group(first, mapped);
            let old = &self.segments[first..end];
            let end_offset = self.segments.get(end).map_or(self.end_offset, |next| next.base_offset);
            let new = self.write(old, end_offset, &rules, stopping)?;
            done.bytes_before += old.iter().map(|segment| segment.size()).sum::<u64>();
            done.bytes_after += new.size();
            done.segments.push(new);
            first = end;
        }
        Ok(())
    }

    /// Notes the keys of the dirty segments. Returns how many segments may be written anew: one whose keys do not fit waits
    /// for the next pass, if it is not the first.
    fn map(&self, map: &mut OffsetMap, stopping: &dyn Fn() -> bool) -> Result<usize, CompactError> {
        for (i, segment) in self.segments.iter().enumerate().skip(self.clean) {
            let mut fits = true;
            self.each_batch(segment, stopping, &mut |header, batch| {
                if header.is_control() || header.is_transactional() {
                    return Ok(());
                }
                for found in record::iterate(batch, clean::DECOMPRESSED_MAX)? {
                    let found = found?;
                    if let Some(key) = &found.key {
                        fits &= map.note(key, found.offset);
                    }
                }
                Ok(())
            })?;
            if !fits {
                return Ok(i.max(self.clean + 1));
            }
        }
        Ok(self.segments.len())
    }

    /// Where the group of segments ends that become one file.
    fn group(&self, first: usize, mapped: usize) -> usize {
        let mut bytes = 0;
        let mut end = first;
        while end < mapped {
            bytes += self.segments[end].size();
            let next = self.segments.get(end + 1).map_or(self.end_offset, |next| next.base_offset);
            let far = next - self.segments[first].base_offset > i64::from(i32::MAX);
            if end > first && (bytes > u64::from(self.config.segment_bytes) || far) {
                break;
            }
            end += 1;
        }
        end
    }

    /// Writes one file for some segments; from its return on it stands for them.
    fn write(
        &self,
        old: &[Arc<Segment>],
        end_offset: i64,
        rules: &Rules<'_>,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Arc<Segment>, CompactError> {
        let base_offset = old[0].base_offset;
        let generation = old.iter().filter_map(|s| s.compacted).map(|range| range.generation).max();
        let generation = generation.unwrap_or(0).saturating_add(1);
        let entry = SegmentEntry {
            compacted: Some(CompactedRange { end_offset, generation }),
            ..SegmentEntry::empty(base_offset)
        };
        let new = Segment::known(&self.place.dir, entry);
        let unfinished = new.path.with_added_extension(UNFINISHED);
        let result = self.fill(old, &new, &unfinished, rules, stopping);
        if result.is_err() {
            // Where that fails the next opening of the log removes it.
            let _ = self.disk.remove_file(&unfinished);
        }
        result?;
        let io = CompactError::io("rename", &unfinished);
        self.disk.rename(&unfinished, &new.path).map_err(io)?;
        let dir = &self.place.dir;
        match self.disk.sync_dir(dir) {
            Err(error) if lacks_descriptors(&error) => {
                // The next pass may choose the same name for other segments, so nothing may have it now.
                self.disk.rename(&new.path, &unfinished).map_err(sync_failed(dir))?;
                let _ = self.disk.remove_file(&unfinished);
                return Err(CompactError::io("open", dir)(error));
            }
            result => result.map_err(sync_failed(dir))?,
        }
        // Only a saving, as always.
        let _ = new.seal(self.disk.as_ref());
        Ok(Arc::new(new))
    }

    fn fill(
        &self,
        old: &[Arc<Segment>],
        new: &Segment,
        path: &Path,
        rules: &Rules<'_>,
        stopping: &dyn Fn() -> bool,
    ) -> Result<(), CompactError> {
        let file = self.disk.open(path, OpenMode::Write).map_err(CompactError::io("create", path))?;
        file.set_len(0).map_err(CompactError::io("cut", path))?;
        let mut out = Output { file: file.as_ref(), path, position: 0, buffer: Vec::with_capacity(CHUNK) };
        for segment in old {
            self.each_batch(segment, stopping, &mut |header, batch| {
                let last = self.last_batches.get(&header.producer_id) == Some(&header.last_offset());
                let last =
                    if last && header.has_producer() { LastOfProducer::Yes } else { LastOfProducer::No };
                let Some(cleaned) = clean(header, batch, rules, last)? else { return Ok(()) };
                let header = BatchHeader::parse(&cleaned[..HEADER_LEN]).map_err(record::RecordError::from)?;
                new.note(&header, self.config.index_interval_bytes);
                out.write(&cleaned)
            })?;
        }
        out.flush()?;
        if controls::active(Control::SwapUnsynced) {
            return Ok(());
        }
        file.sync_data().map_err(sync_failed(path))
    }

    /// Shows every batch of a segment that is not wholly below the log start, checked.
    fn each_batch(
        &self,
        segment: &Segment,
        stopping: &dyn Fn() -> bool,
        see: &mut dyn FnMut(&BatchHeader, &Bytes) -> Result<(), CompactError>,
    ) -> Result<(), CompactError> {
        let source = segment.open(self.disk.as_ref()).map_err(CompactError::io("open", &segment.path))?;
        let mut scan = Scan::new(&source, 0, segment.size());
        let mut due = segment.base_offset;
        // No batch's CRC covers where it stands, and a gap may hide that it moved: the one of the whole file does.
        let seen = Segment::known(&self.place.dir, SegmentEntry::empty(segment.base_offset));
        loop {
            if stopping() {
                return Err(CompactError::Stopping);
            }
            let position = scan.position();
            let damaged = |what: String| {
                CompactError::from(Damage { file: segment.path.clone(), position, offset: due, what })
            };
            let (header, batch) = match scan.next_batch(segment.form()) {
                Ok(None) if seen.entry().crc == segment.entry().crc => return Ok(()),
                Ok(None) => return Err(damaged("its batches are not those that were written".to_owned())),
                Ok(Some(found)) => found,
                Err(ScanError::Io(error)) => return Err(CompactError::io("read", &segment.path)(error)),
                Err(ScanError::Batch(error)) => return Err(damaged(error.to_string())),
            };
            if !segment.form().continues(due, header.base_offset) {
                return Err(damaged(format!("offset {} does not continue at {due}", header.base_offset)));
            }
            due = header.next_offset();
            seen.note(&header, u32::MAX);
            if due > self.log_start {
                see(&header, &batch)?;
            }
        }
    }
}

impl Compacted {
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Nothing from here on was touched.
    pub fn end_offset(&self) -> i64 {
        let ranges = self.segments.iter().filter_map(|segment| segment.compacted);
        ranges.map(|range| range.end_offset).max().unwrap_or_default()
    }
}

struct Output<'a> {
    file: &'a dyn File,
    path: &'a Path,
    position: u64,
    buffer: Vec<u8>,
}

impl Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CompactError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), CompactError> {
        let written = self.file.write_all_at(&self.buffer, self.position);
        written.map_err(CompactError::io("write", self.path))?;
        self.position += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn sync_failed(path: &Path) -> impl FnOnce(std::io::Error) -> CompactError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| SyncFailed { path, source }.into()
}
