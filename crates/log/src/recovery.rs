//! Opens a log after a stop: what the checkpoint promised is checked for being there, everything behind it is read, and
//! the first batch that is not whole ends the log (durability rules R2-R4, R6, R9).
//!
//! What can be done again is: a recovery that is cut short leaves nothing that the next one takes for something else.

use crate::checkpoint::LogEntry;
use crate::controls::{self, Control};
use crate::error::{Damage, OpenError};
use crate::leader_epochs::LeaderEpochs;
use crate::log::{LogPlace, OpenFrom, OpenReport};
use crate::log_start;
use crate::producer_state::ProducerTable;
use crate::range_read::FileRange;
use crate::scan::{Scan, ScanError};
use crate::segment::{Segment, SegmentEntry, file_name, parse_name};
use ottla_env::disk::{Disk, File, OpenMode};
use ottla_wire::batch::{BatchHeader, HEADER_LEN, validate};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes whose CRCs are computed at most, in the search for a valid batch behind a bad one.
const SEARCH_BUDGET: u64 = 256 << 20;

pub(crate) struct Recovered {
    pub segments: Vec<Arc<Segment>>,
    pub log_start: i64,
    pub end_offset: i64,
    pub epochs: LeaderEpochs,
    pub producers: ProducerTable,
    pub report: OpenReport,
}

/// What a log's directory holds.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub has_dir: bool,
    /// Base offset -> size.
    pub segments: BTreeMap<i64, u64>,
    pub has_log_start: bool,
}

pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> Result<Files, OpenError> {
    if disk.entry(dir).map_err(OpenError::io("look at", dir))?.is_none() {
        return Ok(Files::default());
    }
    let entries = disk.list(dir).map_err(OpenError::io("list", dir))?;
    Ok(Files {
        has_dir: true,
        segments: entries.iter().filter_map(|e| Some((parse_name(&e.name)?, e.len))).collect(),
        has_log_start: entries.iter().any(|e| e.name == log_start::FILE_NAME),
    })
}

/// The log start that was made durable last, as far as it is known.
pub(crate) fn stored_start(disk: &dyn Disk, dir: &Path, files: &Files) -> Result<Option<i64>, OpenError> {
    if !files.has_log_start {
        return Ok(None);
    }
    log_start::read(disk, dir).map_err(OpenError::io("read the log start in", dir))
}

/// Takes away what lies wholly below the log start: it is never read, and nothing of it is missed (rule C3). Returns
/// the files of it that are still there.
pub(crate) fn leave_out(log_start: i64, files: &mut Files, entry: &mut LogEntry) -> Vec<i64> {
    entry.log_start = entry.log_start.max(log_start);
    let bases: Vec<i64> = files.segments.keys().copied().collect();
    let below: Vec<i64> = bases.windows(2).filter(|pair| pair[1] <= log_start).map(|pair| pair[0]).collect();
    for base in &below {
        files.segments.remove(base);
    }
    let ends: Vec<i64> =
        entry.segments.iter().skip(1).map(|segment| segment.base_offset).chain([entry.end_offset]).collect();
    let mut ends = ends.iter();
    entry.segments.retain(|segment| {
        let above = ends.next().is_none_or(|end| *end > log_start);
        above || files.segments.contains_key(&segment.base_offset)
    });
    below
}

/// Whether the files are exactly those of the entry, so that nothing has to be read.
pub(crate) fn is_as_promised(files: &Files, entry: &LogEntry) -> bool {
    files.segments.len() == entry.segments.len()
        && entry.segments.iter().all(|s| files.segments.get(&s.base_offset) == Some(&s.size))
}

pub(crate) struct Recovery<'a> {
    pub disk: &'a dyn Disk,
    pub place: &'a LogPlace,
    pub interval: u32,
    /// The names and data of the whole file system were synced just now.
    pub synced: bool,
}

impl Recovery<'_> {
    /// Finds the log as it is now, and makes durable what somebody may be shown of it.
    pub fn open(&self, from: OpenFrom<'_>) -> Result<Recovered, OpenError> {
        let mut files = list(self.disk, &self.place.dir)?;
        let stored = stored_start(self.disk, &self.place.dir, &files)?;
        let (OpenFrom::Clean(known) | OpenFrom::Unclean { entry: known, .. }) = from;
        let mut entry = known.cloned().unwrap_or_default();
        let checkpointed_start = entry.log_start;
        let log_start = checkpointed_start.max(stored.unwrap_or(0));
        let mut leftovers = leave_out(log_start, &mut files, &mut entry);
        if log_start > checkpointed_start {
            // It may be in the page cache only.
            self.sync_names()?;
        }
        if entry.segments.is_empty()
            && let Some((first, _)) = files.segments.first_key_value()
            && (known.is_none() || *first <= log_start)
        {
            if *first > entry.end_offset {
                // Who wrote what was removed is not known, so each of them may start anew (KIP-360).
                entry.producers = ProducerTable::default();
            }
            entry.end_offset = *first;
            entry.log_start = log_start.max(*first);
        }
        let promised = is_as_promised(&files, &entry);
        let mut recovered = match from {
            // Files that nothing promised: read rather than taken for nothing.
            OpenFrom::Clean(None) if !promised => self.run(&files, &entry)?,
            OpenFrom::Clean(_) => self.trust(&files, &entry),
            OpenFrom::Unclean { .. } if promised => self.trust(&files, &entry),
            OpenFrom::Unclean { .. } => self.run(&files, &entry)?,
        };
        if recovered.report.damage.is_some() {
            return Ok(recovered);
        }
        if recovered.end_offset < recovered.log_start {
            // An `os` log lost what was behind its start: it begins there, and empty (rule C3).
            leftovers.extend(recovered.segments.drain(..).map(|segment| segment.base_offset));
            recovered.end_offset = recovered.log_start;
        }
        recovered.epochs.trim(recovered.log_start);
        for base in leftovers {
            // Where that fails they are left out again next time.
            let _ = log_start::remove_segment(self.disk, &self.place.dir.join(file_name(base, "log")));
        }
        Ok(recovered)
    }

    /// Believes the entry: it was written at a clean stop, or nothing was written since.
    fn trust(&self, files: &Files, entry: &LogEntry) -> Recovered {
        let mut recovered = from_entry(self.place, entry);
        recovered.report.damage = self.damage_of(files, entry);
        recovered
    }

    fn run(&self, files: &Files, entry: &LogEntry) -> Result<Recovered, OpenError> {
        let mut recovered = self.trust(files, entry);
        if recovered.report.damage.is_some() || !files.has_dir {
            return Ok(recovered);
        }
        if controls::active(Control::StopAtCheckpoint) {
            return Ok(recovered);
        }
        // From here on only the last promised segment and those behind it are looked at.
        let first = recovered.segments.last().map(|segment| segment.base_offset);
        let to_scan: Vec<(i64, u64)> = files
            .segments
            .iter()
            .filter(|(base, _)| first.is_none_or(|f| **base >= f))
            .map(|(b, s)| (*b, *s))
            .collect();
        let mut ended = false;
        for (base, size) in to_scan {
            let path = self.place.dir.join(file_name(base, "log"));
            let file = self.disk.open(&path, OpenMode::Write).map_err(OpenError::io("open", &path))?;
            if ended || (Some(base) != first && base != recovered.end_offset) {
                ended = true;
                self.put_away(&path, &file, size, &mut recovered)?;
                continue;
            }
            ended = self.scan(base, size, &path, &file, &mut recovered)?;
        }
        self.sync_names()?;
        Ok(recovered)
    }

    /// What is missing of the promised files, or their first damage.
    fn damage_of(&self, files: &Files, entry: &LogEntry) -> Option<Damage> {
        let last = entry.segments.len().checked_sub(1)?;
        for (i, segment) in entry.segments.iter().enumerate() {
            let found = files.segments.get(&segment.base_offset).copied();
            let what = match found {
                None => "the file is missing".to_owned(),
                Some(size) if size < segment.size => {
                    format!("the file has {size} bytes, {} were promised", segment.size)
                }
                Some(size) if i < last && size > segment.size => {
                    format!("the file has {size} bytes, it was sealed with {}", segment.size)
                }
                Some(_) => continue,
            };
            let file = self.place.dir.join(file_name(segment.base_offset, "log"));
            let position = found.unwrap_or(0).min(segment.size);
            return Some(Damage { file, position, offset: segment.base_offset, what });
        }
        None
    }

    /// Reads one file behind what is known of it. True when the log ends here.
    fn scan(
        &self,
        base: i64,
        size: u64,
        path: &Path,
        file: &Arc<dyn File>,
        recovered: &mut Recovered,
    ) -> Result<bool, OpenError> {
        if !self.synced && !controls::active(Control::NoSyncAtRecovery) {
            file.sync_data().map_err(OpenError::io("sync", path))?;
        }
        file.drop_cache().map_err(OpenError::io("drop the cache of", path))?;
        let segment = match recovered.segments.last() {
            Some(last) if last.base_offset == base => Arc::clone(last),
            _ => {
                let empty = SegmentEntry { base_offset: base, size: 0, max_timestamp: i64::MIN, crc: 0 };
                let segment = Arc::new(Segment::known(&self.place.dir, empty));
                recovered.segments.push(Arc::clone(&segment));
                segment
            }
        };
        let start = segment.size();
        if size > start && !controls::active(Control::StaleIndexTrusted) {
            self.remove_index(path)?;
        }
        let source = FileRange(Arc::clone(file));
        let mut scan = Scan::new(&source, start, size);
        let bad = loop {
            let position = scan.position();
            match self.next(&mut scan) {
                Ok(None) => break None,
                Ok(Some(header)) => {
                    if let Err(what) = check_order(&header, recovered) {
                        break Some((position, what));
                    }
                    segment.note(&header, self.interval);
                    recovered.epochs.note(header.leader_epoch, header.base_offset);
                    if !controls::active(Control::ProducersNotRebuilt) {
                        recovered.producers.note(&header, header.base_offset);
                    }
                    recovered.end_offset = header.next_offset();
                    recovered.report.scanned_bytes += header.size() as u64;
                }
                Err(ScanError::Io(error)) => return Err(OpenError::io("read", path)(error)),
                Err(ScanError::Batch(error)) => break Some((position, error.to_string())),
            }
        };
        let Some((position, what)) = bad else { return Ok(false) };
        #[cfg(feature = "controls")]
        if controls::active(Control::TornTailAccepted) {
            segment.accept_tail(size);
            return Ok(false);
        }
        self.cut(path, file, position, size, what, recovered)?;
        Ok(true)
    }

    fn next(&self, scan: &mut Scan<'_>) -> Result<Option<BatchHeader>, ScanError> {
        if controls::active(Control::NoCrcCheck) {
            return Ok(scan.next_header()?.map(|(_, header)| header));
        }
        Ok(scan.next_batch()?.map(|(header, _)| header))
    }

    fn cut(
        &self,
        path: &Path,
        file: &Arc<dyn File>,
        position: u64,
        size: u64,
        what: String,
        recovered: &mut Recovered,
    ) -> Result<(), OpenError> {
        recovered.report.cut_bytes += size - position;
        recovered.report.cut_because.get_or_insert(what);
        let source = FileRange(Arc::clone(file));
        if holds_valid_batch(&source, position + 1, size, recovered.end_offset)
            .map_err(OpenError::io("read", path))?
        {
            let kept = path.with_added_extension(format!("{position}.cut"));
            self.copy(file, path, &kept, position, size)?;
            recovered.report.kept.push(kept);
        }
        file.set_len(position).map_err(OpenError::io("cut", path))?;
        file.sync_data().map_err(OpenError::io("sync", path))
    }

    /// A segment behind the end of the log.
    fn put_away(
        &self,
        path: &Path,
        file: &Arc<dyn File>,
        size: u64,
        recovered: &mut Recovered,
    ) -> Result<(), OpenError> {
        recovered.report.cut_bytes += size;
        recovered.report.cut_because.get_or_insert_with(|| "a segment behind the end".to_owned());
        let source = FileRange(Arc::clone(file));
        let valid = holds_valid_batch(&source, 0, size, i64::MIN).map_err(OpenError::io("read", path))?;
        self.remove_index(path)?;
        if valid {
            file.sync_data().map_err(OpenError::io("sync", path))?;
            let kept = path.with_added_extension("0.cut");
            self.disk.rename(path, &kept).map_err(OpenError::io("rename", path))?;
            recovered.report.kept.push(kept);
            Ok(())
        } else {
            self.disk.remove_file(path).map_err(OpenError::io("remove", path))
        }
    }

    fn copy(
        &self,
        file: &Arc<dyn File>,
        path: &Path,
        kept: &Path,
        from: u64,
        to: u64,
    ) -> Result<(), OpenError> {
        let copy = self.disk.open(kept, OpenMode::Write).map_err(OpenError::io("create", kept))?;
        copy.set_len(0).map_err(OpenError::io("cut", kept))?;
        let mut buffer = vec![0; 1 << 20];
        let mut at = from;
        while at < to {
            let part = &mut buffer[..(to - at).min(1 << 20) as usize];
            file.read_exact_at(part, at).map_err(OpenError::io("read", path))?;
            copy.write_all_at(part, at - from).map_err(OpenError::io("write", kept))?;
            at += part.len() as u64;
        }
        copy.sync_data().map_err(OpenError::io("sync", kept))?;
        self.disk.sync_dir(&self.place.dir).map_err(OpenError::io("sync", &self.place.dir))
    }

    fn remove_index(&self, path: &Path) -> Result<(), OpenError> {
        let index = path.with_extension("index");
        match self.disk.remove_file(&index) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(OpenError::io("remove", &index)(error))
            }
            _ => Ok(()),
        }
    }

    fn sync_names(&self) -> Result<(), OpenError> {
        for dir in self.place.names() {
            self.disk.sync_dir(&dir).map_err(OpenError::io("sync", &dir))?;
        }
        Ok(())
    }
}

fn from_entry(place: &LogPlace, entry: &LogEntry) -> Recovered {
    let entry = entry.clone();
    let segments = entry.segments.iter().map(|s| Arc::new(Segment::known(&place.dir, *s))).collect();
    Recovered {
        segments,
        log_start: entry.log_start,
        end_offset: entry.end_offset,
        epochs: entry.epochs,
        producers: entry.producers,
        report: OpenReport::default(),
    }
}

fn check_order(header: &BatchHeader, recovered: &Recovered) -> Result<(), String> {
    if header.base_offset != recovered.end_offset {
        return Err(format!("a batch of offset {}, {} was due", header.base_offset, recovered.end_offset));
    }
    match recovered.epochs.latest() {
        Some(latest) if header.leader_epoch < latest => {
            Err(format!("leader epoch {} behind {latest}", header.leader_epoch))
        }
        _ => Ok(()),
    }
}

/// Whether some whole batch with a right CRC and an offset not below `offset_min` starts in this range. Looked for at
/// every byte, with a bound on the work.
fn holds_valid_batch(source: &FileRange, from: u64, to: u64, offset_min: i64) -> std::io::Result<bool> {
    use crate::range_read::RangeRead;
    const WINDOW: u64 = 4 << 20;
    let mut budget = SEARCH_BUDGET;
    let mut start = from;
    while start + HEADER_LEN as u64 <= to {
        let len = (to - start).min(WINDOW + HEADER_LEN as u64);
        let window = source.read_range(start, len as usize)?;
        for at in 0..=window.len() - HEADER_LEN {
            if window[at + 16] != 2 {
                continue;
            }
            let Ok(header) = BatchHeader::parse(&window[at..]) else { continue };
            let (position, size) = (start + at as u64, header.size() as u64);
            let plausible =
                header.base_offset >= offset_min && header.base_offset >= 0 && header.record_count > 0;
            if !plausible || size > to - position {
                continue;
            }
            if size > budget {
                return Ok(true);
            }
            budget -= size;
            let batch = source.read_range(position, size as usize)?;
            if validate(&batch).is_ok() {
                return Ok(true);
            }
        }
        start += len - (HEADER_LEN as u64 - 1);
    }
    Ok(false)
}

/// The files that a recovery kept beside a log.
pub(crate) fn kept_files(disk: &dyn Disk, dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = disk.list(dir)?;
    Ok(entries.iter().filter(|e| e.name.ends_with(".cut")).map(|e| dir.join(&e.name)).collect())
}
