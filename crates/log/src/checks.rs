//! Looks at logs on disk, read-only and from outside: what `ottla log verify` and `dump` show, and what tests assert.

use crate::checkpoint::LogEntry;
use crate::error::Damage;
use crate::index::IndexFile;
use crate::range_read::FileRange;
use crate::recovery::{self, SegmentFile};
use crate::scan::{Scan, ScanError};
use crate::segment::{Form, log_name};
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
}

/// Shows every batch of a log, in order, to `seen`: file, position, header and bytes. Everything is checked; the first
/// problem of a segment ends it.
pub fn verify(
    disk: &dyn Disk,
    dir: &Path,
    seen: &mut dyn FnMut(&Path, u64, &BatchHeader, &Bytes),
) -> io::Result<Verified> {
    let mut files = recovery::list(disk, dir).map_err(io::Error::other)?;
    let stored = recovery::stored_start(disk, dir, &files).map_err(io::Error::other)?.unwrap_or(0);
    // What lies below the start is on its way out.
    recovery::leave_out(stored, &mut files, &mut LogEntry::default());
    let files = files.segments;
    let mut found =
        Verified { segments: files.len(), kept: recovery::kept_files(disk, dir)?, ..Verified::default() };
    let mut expected = files.keys().next().copied().unwrap_or(stored);
    found.start_offset = expected.max(stored);
    let mut epoch = -1;
    for (base, SegmentFile { size, compacted }) in files {
        let file = dir.join(log_name(base, compacted));
        let form = if compacted.is_some() { Form::Compacted } else { Form::Plain };
        let problem =
            |position: u64, offset: i64, what: String| Damage { file: file.clone(), position, offset, what };
        if base != expected {
            found.problems.push(problem(
                0,
                expected,
                format!("the segment starts at {base}, {expected} was due"),
            ));
            expected = base;
        }
        let source = FileRange(disk.open(&file, OpenMode::Read)?);
        let mut scan = Scan::new(&source, 0, size);
        let mut crc = 0;
        loop {
            let position = scan.position();
            match scan.next_batch(form) {
                Ok(None) => break,
                Ok(Some((header, batch))) => {
                    if !form.continues(expected, header.base_offset) || header.leader_epoch < epoch {
                        let what = format!(
                            "offset {} of epoch {}, {expected} of epoch {epoch} or later was due",
                            header.base_offset, header.leader_epoch
                        );
                        found.problems.push(problem(position, expected, what));
                        break;
                    }
                    (expected, epoch) = (header.next_offset(), header.leader_epoch);
                    crc = crc32c_combine(crc, crc32c(&batch), batch.len() as u64);
                    found.batches += 1;
                    found.records += u64::from(header.record_count.unsigned_abs());
                    found.bytes += batch.len() as u64;
                    seen(&file, position, &header, &batch);
                }
                Err(ScanError::Io(error)) => return Err(error),
                Err(ScanError::Batch(error)) => {
                    found.problems.push(problem(position, expected, error.to_string()));
                    break;
                }
            }
        }
        // A compacted one stands for all offsets below its end.
        expected = compacted.map_or(expected, |range| range.end_offset.max(expected));
        // A sealed segment carries the CRC of its whole file.
        if let Some(index) = IndexFile::read(disk, &file.with_extension("index"))
            && index.covered == scan.position()
            && index.crc != crc
        {
            let what = format!("the whole file has CRC {crc:08x}, {:08x} was sealed", index.crc);
            found.problems.push(problem(0, base, what));
        }
    }
    found.end_offset = expected;
    Ok(found)
}
