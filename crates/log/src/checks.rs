//! Looks at logs on disk, read-only and from outside: what `ottla log verify` and `dump` show, and what tests assert.

use crate::checkpoint::LogEntry;
use crate::error::Damage;
use crate::index::IndexFile;
use crate::log_start;
use crate::range_read::FileRange;
use crate::recovery::{self, SegmentFile};
use crate::scan::{Scan, ScanError};
use crate::segment::{Form, SegmentEntry, log_name};
use bytes::Bytes;
use ottla_env::disk::{Disk, OpenMode};
pub use ottla_wire::batch::BatchHeader;
use ottla_wire::batch::{crc32c, crc32c_combine};
/// What is in a batch, for those who look into one.
pub use ottla_wire::record;
use std::io;
use std::path::{Path, PathBuf};

/// What a look through a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    pub segments: usize,
    pub batches: u64,
    pub records: u64,
    pub bytes: u64,
    pub start_offset: i64,
    pub end_offset: i64,
    pub problems: Vec<Damage>,
    /// What recoveries cut off and kept.
    pub kept: Vec<PathBuf>,
    /// Index files that nobody can believe. Nothing is lost with one: it is made anew from its segment.
    pub bad_indexes: Vec<PathBuf>,
}

/// Whether a read of a segment believes the index beside it.
pub fn has_index(disk: &dyn Disk, dir: &Path, segment: &SegmentEntry) -> bool {
    let path = dir.join(log_name(segment.base_offset, segment.compacted)).with_extension("index");
    IndexFile::read(disk, &path).is_some_and(|file| file.fits(segment.size, segment.crc))
}

/// Shows every batch of a log, in order, to `seen`: file, position, header and bytes. Everything is checked, and compared
/// with what the checkpoint promises of the log; the first problem of a segment ends it. What became of the log after
/// the checkpoint is no problem: appends, a later start, segments that were compacted.
pub fn verify(
    disk: &dyn Disk,
    dir: &Path,
    promised: Option<&LogEntry>,
    seen: &mut dyn FnMut(&Path, u64, &BatchHeader, &Bytes),
) -> io::Result<Verified> {
    let mut files = recovery::list(disk, dir).map_err(io::Error::other)?;
    let mut entry = promised.cloned().unwrap_or_default();
    let stored = recovery::stored_start(disk, dir, &files).map_err(io::Error::other)?;
    let start = entry.log_start.max(stored.unwrap_or(0));
    // What lies below the start is on its way out.
    recovery::leave_out(start, &mut files, &mut entry);
    recovery::reconcile(&files, &mut entry);
    let first = files.segments.keys().next().copied();
    let mut look = Look {
        disk,
        dir,
        seen,
        expected: first.unwrap_or(start),
        epoch: -1,
        found: Verified {
            segments: files.segments.len(),
            kept: if files.has_dir { recovery::kept_files(disk, dir)? } else { Vec::new() },
            problems: recovery::damages(dir, &files, &entry).collect(),
            ..Verified::default()
        },
    };
    look.found.start_offset = look.expected.max(start);
    if files.has_log_start && stored.is_none() {
        look.problem(&dir.join(log_start::FILE_NAME), 0, "it is not a log start".to_owned());
    } else if look.expected > start && look.found.problems.is_empty() {
        let file = dir.join(log_name(look.expected, None));
        look.problem(&file, 0, format!("the first segment starts at {}, the log at {start}", look.expected));
    }
    let last = entry.segments.last().map(|segment| segment.base_offset);
    for (base, file) in files.segments {
        let promise = entry.segments.iter().find(|known| known.base_offset == base && file.is(known));
        if promise.is_none() && file.compacted.is_none() && file.size == 0 && last > Some(base) {
            // What a failed write left, and the log went on without: a start puts it aside.
            continue;
        }
        look.segment(base, file, promise)?;
    }
    let Look { expected, mut found, .. } = look;
    if expected < entry.end_offset && found.problems.is_empty() {
        let what = format!("the log ends at {expected}, {} was promised", entry.end_offset);
        found.problems.push(Damage { file: dir.to_owned(), position: 0, offset: expected, what });
    }
    found.end_offset = expected;
    Ok(found)
}

struct Look<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    seen: &'a mut dyn FnMut(&Path, u64, &BatchHeader, &Bytes),
    /// The offset that is due.
    expected: i64,
    epoch: i32,
    found: Verified,
}

impl Look<'_> {
    fn problem(&mut self, file: &Path, position: u64, what: String) {
        let offset = self.expected;
        self.found.problems.push(Damage { file: file.to_owned(), position, offset, what });
    }

    fn segment(&mut self, base: i64, found: SegmentFile, promise: Option<&SegmentEntry>) -> io::Result<()> {
        let SegmentFile { size, compacted } = found;
        let file = self.dir.join(log_name(base, compacted));
        let form = if compacted.is_some() { Form::Compacted } else { Form::Plain };
        if base != self.expected {
            let what = format!("the segment starts at {base}, {} was due", self.expected);
            self.problem(&file, 0, what);
            self.expected = base;
        }
        let source = FileRange(self.disk.open(&file, OpenMode::Read)?);
        let mut scan = Scan::new(&source, 0, size);
        let mut crc = 0;
        // What the checkpoint says of a beginning of the file, until that was met.
        let mut promise = promise.filter(|promise| promise.size > 0 && promise.size <= size);
        loop {
            let position = scan.position();
            match scan.next_batch(form) {
                Ok(None) => break,
                Ok(Some((header, batch))) => {
                    if !form.continues(self.expected, header.base_offset) || header.leader_epoch < self.epoch
                    {
                        let what = format!(
                            "offset {} of epoch {}, {} of epoch {} or later was due",
                            header.base_offset, header.leader_epoch, self.expected, self.epoch
                        );
                        self.problem(&file, position, what);
                        promise = None;
                        break;
                    }
                    (self.expected, self.epoch) = (header.next_offset(), header.leader_epoch);
                    crc = crc32c_combine(crc, crc32c(&batch), batch.len() as u64);
                    self.found.batches += 1;
                    self.found.records += u64::from(header.record_count.unsigned_abs());
                    self.found.bytes += batch.len() as u64;
                    (self.seen)(&file, position, &header, &batch);
                }
                Err(ScanError::Io(error)) => return Err(error),
                Err(ScanError::Batch(error)) => {
                    self.problem(&file, position, error.to_string());
                    promise = None;
                    break;
                }
            }
            if let Some(met) = promise.take_if(|promise| promise.size == scan.position())
                && met.crc != crc
            {
                let what = format!("{} bytes have CRC {crc:08x}, {:08x} was promised", met.size, met.crc);
                self.problem(&file, 0, what);
            }
        }
        if let Some(unmet) = promise {
            self.problem(&file, unmet.size, "no batch ends here, and what was promised does".to_owned());
        }
        // A compacted one stands for all offsets below its end.
        self.expected = compacted.map_or(self.expected, |range| range.end_offset.max(self.expected));
        self.index(&file, scan.position(), crc)
    }

    /// A sealed segment carries the CRC of its whole file.
    fn index(&mut self, file: &Path, covered: u64, crc: u32) -> io::Result<()> {
        let path = file.with_extension("index");
        match IndexFile::read(self.disk, &path) {
            Some(index) if index.covered == covered && index.crc != crc => {
                let what = format!("the whole file has CRC {crc:08x}, {:08x} was sealed", index.crc);
                self.problem(file, 0, what);
            }
            Some(_) => {}
            None if self.disk.entry(&path)?.is_some() => self.found.bad_indexes.push(path),
            None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
