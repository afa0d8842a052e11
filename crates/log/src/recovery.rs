//! Opens a log after a stop: what the checkpoint promised is checked for being there, everything behind it is read, and
//! the first batch that is not whole ends the log (durability rules R2-R4, R6, R9).
//!
//! What can be done again is: a recovery that is cut short leaves nothing that the next one takes for something else.

use crate::checkpoint::LogEntry;
use crate::compaction;
use crate::controls::{self, Control};
use crate::error::{Damage, OpenError};
use crate::leader_epochs::LeaderEpochs;
use crate::log::{LogPlace, OpenFrom, OpenReport};
use crate::log_start;
use crate::producer_state::ProducerTable;
use crate::range_read::FileRange;
use crate::scan::{Scan, ScanError};
use crate::segment::{CompactedRange, Form, Segment, SegmentEntry, log_name, parse_name};
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
    /// By base offset: those that stand for something.
    pub segments: BTreeMap<i64, SegmentFile>,
    pub has_log_start: bool,
    /// Segments that compacted ones stand for, and compacted ones that were never finished.
    pub superseded: Vec<String>,
}

/// A file that may be a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentFile {
    pub size: u64,
    pub compacted: Option<CompactedRange>,
}

impl SegmentFile {
    pub fn is(&self, entry: &SegmentEntry) -> bool {
        self.compacted == entry.compacted
    }
}

pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> Result<Files, OpenError> {
    if disk.entry(dir).map_err(OpenError::io("look at", dir))?.is_none() {
        return Ok(Files::default());
    }
    let entries = disk.list(dir).map_err(OpenError::io("list", dir))?;
    let mut files = Files { has_dir: true, ..Files::default() };
    let mut found: Vec<(i64, SegmentFile)> = Vec::new();
    for entry in &entries {
        if let Some((base, compacted)) = parse_name(&entry.name) {
            found.push((base, SegmentFile { size: entry.len, compacted }));
        } else if entry.name == log_start::FILE_NAME {
            files.has_log_start = true;
        } else if entry.name.ends_with(&format!(".log.{}", compaction::UNFINISHED)) {
            files.superseded.push(entry.name.clone());
        }
    }
    let ranges: Vec<(i64, CompactedRange)> =
        found.iter().filter_map(|(base, file)| Some((*base, file.compacted?))).collect();
    for (base, file) in found {
        let end = file.compacted.map_or(base.saturating_add(1), |range| range.end_offset);
        let generation = file.compacted.map_or(0, |range| range.generation);
        let superseded = ranges
            .iter()
            .any(|(from, range)| *from <= base && end <= range.end_offset && generation < range.generation);
        if superseded {
            files.superseded.push(log_name(base, file.compacted));
        } else {
            files.segments.insert(base, file);
        }
    }
    Ok(files)
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
pub(crate) fn leave_out(log_start: i64, files: &mut Files, entry: &mut LogEntry) -> Vec<String> {
    entry.log_start = entry.log_start.max(log_start);
    let bases: Vec<i64> = files.segments.keys().copied().collect();
    let below: Vec<i64> = bases.windows(2).filter(|pair| pair[1] <= log_start).map(|pair| pair[0]).collect();
    let below: Vec<String> = below
        .into_iter()
        .filter_map(|base| Some(log_name(base, files.segments.remove(&base)?.compacted)))
        .collect();
    let ends: Vec<i64> =
        entry.segments.iter().skip(1).map(|segment| segment.base_offset).chain([entry.end_offset]).collect();
    let mut ends = ends.iter();
    entry.segments.retain(|segment| {
        let above = ends.next().is_none_or(|end| *end > log_start);
        above || files.segments.contains_key(&segment.base_offset)
    });
    below
}

/// Puts compacted segments that the entry does not know in the place of those that they stand for. Their files are whole,
/// but nothing else is known of them. True if there are any.
pub(crate) fn reconcile(files: &Files, entry: &mut LogEntry) -> bool {
    let mut unknown = false;
    for (base, file) in &files.segments {
        let Some(range) = file.compacted else { continue };
        if entry.segments.iter().any(|known| known.base_offset == *base && file.is(known)) {
            continue;
        }
        unknown = true;
        entry.segments.retain(|known| !(*base..range.end_offset).contains(&known.base_offset));
    }
    unknown
}

/// Producers and leader epochs never know more than the log holds (rule R9). An epoch that wrote nothing yet is known
/// where the log starts.
fn cut_back(entry: &mut LogEntry) {
    entry.producers.cut(entry.end_offset);
    entry.epochs.cut(entry.end_offset.max(entry.log_start.saturating_add(1)));
}

/// Whether the files are exactly those of the entry, so that nothing has to be read.
pub(crate) fn is_as_promised(files: &Files, entry: &LogEntry) -> bool {
    files.segments.len() == entry.segments.len()
        && entry
            .segments
            .iter()
            .all(|s| files.segments.get(&s.base_offset).is_some_and(|file| file.is(s) && file.size == s.size))
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
        leftovers.extend(std::mem::take(&mut files.superseded));
        let unknown = reconcile(&files, &mut entry);
        if unknown {
            // What they stand for goes away below, so their names have to stay.
            self.sync_names()?;
        }
        if log_start > checkpointed_start {
            // It may be in the page cache only.
            self.sync_names()?;
        }
        if entry.segments.is_empty()
            && let Some((first, _)) = files.segments.first_key_value()
            && (known.is_none() || *first <= log_start)
            && (known.is_none() || *first > entry.end_offset || !unknown)
        {
            if *first > entry.end_offset {
                // Who wrote what was removed is not known, so each of them may start anew (KIP-360).
                entry.producers = ProducerTable::default();
            }
            entry.end_offset = *first;
            entry.log_start = log_start.max(*first);
        }
        if controls::active(Control::CutBelowCheckpoint) {
            entry =
                LogEntry { end_offset: entry.log_start, log_start: entry.log_start, ..LogEntry::default() };
        }
        if !controls::active(Control::SnapshotAheadTrusted) {
            cut_back(&mut entry);
        }
        let promised = is_as_promised(&files, &entry);
        // Nothing is written into a compacted segment: what comes next needs the one behind it, which is in no entry while
        // it is empty.
        let ends_compacted = entry.segments.last().is_some_and(|last| last.compacted.is_some());
        let mut recovered = match from {
            // Files that nothing promised: read rather than taken for nothing.
            OpenFrom::Clean(None) if !promised => self.run(&files, &entry)?,
            // Compacted while the broker stopped.
            OpenFrom::Clean(_) if unknown || ends_compacted => self.run(&files, &entry)?,
            OpenFrom::Clean(_) => self.trust(&files, &entry),
            OpenFrom::Unclean { .. } if promised => self.trust(&files, &entry),
            OpenFrom::Unclean { .. } => self.run(&files, &entry)?,
        };
        if recovered.report.damage.is_some() {
            return Ok(recovered);
        }
        if recovered.end_offset < recovered.log_start {
            // An `os` log lost what was behind its start: it begins there, and empty (rule C3).
            leftovers.extend(recovered.segments.drain(..).map(|s| log_name(s.base_offset, s.compacted)));
            recovered.end_offset = recovered.log_start;
        }
        recovered.epochs.trim(recovered.log_start);
        for name in leftovers {
            // Where that fails they are left out again next time.
            let _ = log_start::remove_segment(self.disk, &self.place.dir.join(name));
        }
        Ok(recovered)
    }

    /// Believes the entry: it was written at a clean stop, or nothing was written since.
    fn trust(&self, files: &Files, entry: &LogEntry) -> Recovered {
        let mut recovered = from_entry(self.place, entry);
        recovered.report.damage = damages(&self.place.dir, files, entry).next();
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
        // Only compacted segments that nobody promised, the last promised segment, and what is behind it are looked at.
        let promised = std::mem::take(&mut recovered.segments);
        let last = promised.last().map(|segment| segment.base_offset);
        let mut ended = false;
        for (base, found) in &files.segments {
            let known = promised.iter().find(|segment| segment.base_offset == *base);
            if let Some(known) = known {
                recovered.segments.push(Arc::clone(known));
                if Some(*base) != last {
                    continue;
                }
            }
            let path = self.place.dir.join(log_name(*base, found.compacted));
            let file = self.disk.open(&path, OpenMode::Write).map_err(OpenError::io("open", &path))?;
            if known.is_none() && found.compacted.is_none() && last.is_some_and(|last| *base < last) {
                // Among what was promised, and not promised itself: an empty file that a failed write left, and that the log
                // went on without. It is no part of the log, and no end of it.
                self.put_away(&path, &file, found.size, &mut recovered)?;
                continue;
            }
            let due = known.is_some() || found.compacted.is_some() || *base == recovered.end_offset;
            if ended || !due {
                ended = true;
                self.put_away(&path, &file, found.size, &mut recovered)?;
                continue;
            }
            ended = match (known, found.compacted) {
                (None, Some(range)) => {
                    let entry = SegmentEntry { compacted: Some(range), ..SegmentEntry::empty(*base) };
                    let segment = Arc::new(Segment::known(&self.place.dir, entry));
                    if let Some(damage) =
                        self.scan_compacted(&segment, range, found.size, &file, &mut recovered)?
                    {
                        recovered.segments.push(segment);
                        recovered.report.damage = Some(damage);
                        return Ok(recovered);
                    }
                    recovered.segments.push(segment);
                    false
                }
                (Some(known), Some(_)) => {
                    recovered.end_offset = recovered.end_offset.max(end_of(known));
                    false
                }
                (_, None) => self.scan(*base, found.size, &path, &file, &mut recovered)?,
            };
        }
        self.sync_names()?;
        Ok(recovered)
    }

    /// Reads a compacted segment that is known by its name only. It was whole when it got that name, so what is wrong
    /// with it is damage.
    fn scan_compacted(
        &self,
        segment: &Segment,
        range: CompactedRange,
        size: u64,
        file: &Arc<dyn File>,
        recovered: &mut Recovered,
    ) -> Result<Option<Damage>, OpenError> {
        file.drop_cache().map_err(OpenError::io("drop the cache of", &segment.path))?;
        self.remove_index(&segment.path)?;
        let source = FileRange(Arc::clone(file));
        let mut scan = Scan::new(&source, 0, size);
        let mut due = segment.base_offset;
        loop {
            let position = scan.position();
            let damage =
                |what: String| Ok(Some(Damage { file: segment.path.clone(), position, offset: due, what }));
            let header = match scan.next_batch(segment.form()) {
                Ok(None) => break,
                Ok(Some((header, _))) => header,
                Err(ScanError::Io(error)) => return Err(OpenError::io("read", &segment.path)(error)),
                Err(ScanError::Batch(error)) => return damage(error.to_string()),
            };
            if header.base_offset < due || header.next_offset() > range.end_offset {
                return damage(format!("a batch of offset {}, {due} or later was due", header.base_offset));
            }
            due = header.next_offset();
            segment.note(&header, self.interval);
            recovered.report.scanned_bytes += header.size() as u64;
            // What lies below is known already.
            if header.base_offset >= recovered.end_offset {
                recovered.epochs.note(header.leader_epoch, header.base_offset);
                recovered.producers.note(&header, header.base_offset);
            }
        }
        recovered.end_offset = recovered.end_offset.max(range.end_offset);
        Ok(None)
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
            file.sync_data().map_err(OpenError::sync(path))?;
        }
        file.drop_cache().map_err(OpenError::io("drop the cache of", path))?;
        let segment = match recovered.segments.last() {
            Some(last) if last.base_offset == base => Arc::clone(last),
            _ => {
                let segment = Arc::new(Segment::known(&self.place.dir, SegmentEntry::empty(base)));
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
        Ok(scan.next_batch(Form::Plain)?.map(|(header, _)| header))
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
        // A batch that is whole and only out of order is kept too: its order may be what rotted.
        if holds_valid_batch(&source, position, size, recovered.end_offset)
            .map_err(OpenError::io("read", path))?
        {
            let kept = path.with_added_extension(format!("{position}.cut"));
            self.copy(file, path, &kept, position, size)?;
            recovered.report.kept.push(kept);
        }
        if !controls::active(Control::CutBytesStay) {
            file.set_len(position).map_err(OpenError::io("cut", path))?;
        }
        file.sync_data().map_err(OpenError::sync(path))
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
            file.sync_data().map_err(OpenError::sync(path))?;
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
        copy.sync_data().map_err(OpenError::sync(kept))?;
        self.disk.sync_dir(&self.place.dir).map_err(OpenError::sync(&self.place.dir))
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
            self.disk.sync_dir(&dir).map_err(OpenError::sync(&dir))?;
        }
        Ok(())
    }
}

/// What is missing of the promised files, and which of them have another size.
pub(crate) fn damages<'a>(
    dir: &'a Path,
    files: &'a Files,
    entry: &'a LogEntry,
) -> impl Iterator<Item = Damage> + 'a {
    let last = entry.segments.len().saturating_sub(1);
    entry.segments.iter().enumerate().filter_map(move |(i, segment)| {
        let found = files.segments.get(&segment.base_offset).filter(|file| file.is(segment));
        let found = found.map(|file| file.size);
        let what = match found {
            None => "the file is missing".to_owned(),
            Some(size) if size < segment.size => {
                format!("the file has {size} bytes, {} were promised", segment.size)
            }
            Some(size) if i < last && size > segment.size => {
                format!("the file has {size} bytes, it was sealed with {}", segment.size)
            }
            Some(_) => return None,
        };
        let file = dir.join(log_name(segment.base_offset, segment.compacted));
        let position = found.unwrap_or(0).min(segment.size);
        Some(Damage { file, position, offset: segment.base_offset, what })
    })
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

fn end_of(segment: &Segment) -> i64 {
    segment.compacted.map_or(segment.base_offset, |range| range.end_offset)
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
