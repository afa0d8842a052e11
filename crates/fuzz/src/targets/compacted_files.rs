//! Compacted segments: files with gaps, whose names say what they stand for.

use super::log_files::{ALL, DIR, UNPROMISED, append, batch, config, disk, files, open, place, stored, walk};
use super::{put, wire};
use bytes::Bytes;
use ottla_log::checkpoint::LogEntry;
use ottla_log::{CompactedRange, Log, LogConfig, OpenFrom, ReadLimits};
use ottla_wire::batch::{BatchHeader, HEADER_LEN, batches, validate_compacted};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// A log before its compaction and after it.
struct Compacted {
    before: State,
    after: State,
    /// Of both.
    batches: Vec<Bytes>,
}

struct State {
    files: BTreeMap<PathBuf, Vec<u8>>,
    entry: LogEntry,
}

static COMPACTED: LazyLock<Compacted> = LazyLock::new(compact);

/// A batch for a log that is compacted: of most keys there is a later record, and some records remove theirs.
fn keyed(number: i64) -> Bytes {
    let mut builder = BatchBuilder::new();
    for i in 0..=number % 3 {
        let value = format!("value {i} of {number}");
        let key = if number % 4 == 0 { format!("once {number} {i}") } else { format!("key {i}") };
        let value = (number % 5 > 0).then_some(value.as_bytes());
        builder.push(1_000 + number, Some(key.as_bytes()), value, &[]);
    }
    let plain = BuildOptions::default();
    // All that it wrote is superseded, so its last batch stays without a record.
    let producer = BuildOptions { producer_id: 5, producer_epoch: 0, base_sequence: 0, ..plain };
    builder.build(if number == 3 { producer } else { plain }).expect("a small batch can be built")
}

fn compact() -> Compacted {
    let disk = disk(&BTreeMap::new());
    let config = LogConfig { compact: true, min_cleanable_ppm: 0, ..config() };
    let opened = Log::open(Arc::new(disk.clone()), place(), config, UNPROMISED);
    let (mut log, _) = opened.expect("the disk does all that is asked");
    for number in 0..40 {
        append(&mut log, &keyed(number), i32::from(number > 20));
    }
    for job in log.take_sync_jobs() {
        job.run().expect("the disk does all that is asked");
        log.sync_done(&job.path);
    }
    let before = State { files: files(&disk), entry: log.entry() };
    let job = log.compaction_job(2_000).expect("most of it is superseded");
    let (done, result) = job.run(2_000, &|| false);
    result.expect("the disk takes it");
    log.compacted(&done).run().expect("the disk does all that is asked");
    let after = State { files: files(&disk), entry: log.entry() };
    let batches = [&before, &after].into_iter().flat_map(|state| stored(&state.files));
    let batches = batches.map(|(_, batch)| batch).collect();
    Compacted { before, after, batches }
}

/// What a checkpoint says of a log with compacted segments.
pub(super) fn entry() -> LogEntry {
    COMPACTED.after.entry.clone()
}

/// First offset, number of offsets, and a compacted file of those. It got its name when it was whole, so what is wrong in
/// it is damage, and nothing of it is cut.
pub fn compacted(input: &[u8]) -> bool {
    let Some((&[base, count], file)) = input.split_first_chunk::<2>() else { return false };
    let base = i64::from(base);
    let range = CompactedRange { end_offset: base + i64::from(count), generation: 1 };
    let whole = batches_within(file, base, range);
    alone(file, base, range, whole.as_deref());
    let own: Vec<Bytes> = batches(Bytes::copy_from_slice(file)).map(|(_, batch)| batch).collect();
    beside_old_ones(file, base, range, &own);
    promised(file, &own);
    whole.is_some_and(|batches| !batches.is_empty())
}

pub fn corpus() -> Vec<Vec<u8>> {
    let short = |offsets: i64| u8::try_from(offsets).expect("the log is a short one");
    let segments = COMPACTED.after.entry.segments.iter();
    let segments = segments.filter_map(|segment| Some((segment.base_offset, segment.compacted?)));
    let mut all: Vec<Vec<u8>> = segments
        .map(|(base, range)| {
            let head = [short(base), short(range.end_offset - base)];
            [&head[..], &COMPACTED.after.files[&path_of(base, range)]].concat()
        })
        .collect();
    // Nothing of it was left.
    all.push(vec![0, 20]);
    all
}

/// The checksums of all batches.
pub fn repair(bytes: &mut [u8]) {
    let Some((_, mut file)) = bytes.split_first_chunk_mut::<2>() else { return };
    while file.len() >= HEADER_LEN {
        wire::repair_batch(file);
        let length = u32::from_be_bytes([file[8], file[9], file[10], file[11]]) as usize;
        file = &mut file[12 + length..];
    }
}

fn path_of(base: i64, range: CompactedRange) -> PathBuf {
    let CompactedRange { end_offset, generation } = range;
    Path::new(DIR).join(format!("{base:020}-{end_offset:020}-{generation:010}.log"))
}

/// The batches of a compacted file; `None` if there is something else in it, or something else than its name says.
fn batches_within(file: &[u8], base: i64, range: CompactedRange) -> Option<Vec<(BatchHeader, Bytes)>> {
    let bytes = Bytes::copy_from_slice(file);
    let (mut found, mut at, mut due) = (Vec::new(), 0, base);
    while at < bytes.len() {
        let header = validate_compacted(&bytes[at..]).ok()?;
        if header.base_offset < due || header.next_offset() > range.end_offset {
            return None;
        }
        due = header.next_offset();
        found.push((header, bytes.slice(at..at + header.size())));
        at += header.size();
    }
    Some(found)
}

/// Nothing else is there, and nothing was promised: all of it is the log, or it is damaged.
fn alone(file: &[u8], base: i64, range: CompactedRange, whole: Option<&[(BatchHeader, Bytes)]>) {
    let disk = disk(&BTreeMap::from([(path_of(base, range), file.to_vec())]));
    let (log, report) = open(&disk, UNPROMISED);
    assert_eq!(report.damage.is_none(), whole.is_some(), "{:?}", report.damage);
    assert_eq!(report.cut_bytes, 0, "a compacted file was cut");
    let found = walk(&log, is_valid);
    assert!(file.starts_with(&found), "something else than the file is read");
    let (mut again, second) = open(&disk, UNPROMISED);
    let (first, second) = ((log.end_offset(), &report.damage), (again.end_offset(), &second.damage));
    assert_eq!(first, second, "a second recovery differs");
    let Some(whole) = whole else { return };
    assert_eq!(log.end_offset(), range.end_offset, "its name says where it ends");
    // No checksum covers the leader epochs; a read that meets one that steps back takes it for damage.
    if !whole.is_sorted_by_key(|(header, _)| header.leader_epoch) {
        return;
    }
    assert_eq!(found.len(), file.len(), "not all of it is read");
    for offset in base..range.end_offset {
        let due = whole.iter().find(|(header, _)| header.last_offset() >= offset).map(|(_, batch)| batch);
        let bytes = log.reader().read(offset, ReadLimits { max_bytes: 1, ..ALL });
        let bytes = bytes.unwrap_or_else(|error| panic!("a read at {offset}: {error}"));
        let first = batches(bytes).next().map(|(_, batch)| batch);
        assert_eq!(first.as_ref(), due, "another batch is read at {offset}");
    }
    let next = batch(23);
    append(&mut again, &next, i32::MAX);
    assert_eq!(walk(&again, is_valid).len(), file.len() + next.len(), "an append behind it is not read");
}

/// The process was killed when the file had its name, and those that it stands for were still there.
fn beside_old_ones(file: &[u8], base: i64, range: CompactedRange, own: &[Bytes]) {
    let State { files, entry } = &COMPACTED.before;
    let disk = disk(files);
    put(&disk, &path_of(base, range), file);
    let from = OpenFrom::Unclean { entry: Some(entry), synced: false };
    let (log, report) = open(&disk, from);
    assert!(log.end_offset() >= entry.end_offset, "promised offsets would be given again");
    walk(&log, |header, batch| is_known(header, batch, own));
    let (again, second) = open(&disk, from);
    let (first, second) = ((log.end_offset(), &report.damage), (again.end_offset(), &second.damage));
    assert_eq!(first, second, "a second recovery differs");
}

/// The checkpoint names the first compacted file of the log, and another one is there.
fn promised(file: &[u8], own: &[Bytes]) {
    let State { files, entry } = &COMPACTED.after;
    let first = entry.segments.iter().find_map(|segment| Some((segment.base_offset, segment.compacted?)));
    let (base, range) = first.expect("the log was compacted");
    for from in [OpenFrom::Clean(Some(entry)), OpenFrom::Unclean { entry: Some(entry), synced: false }] {
        let disk = disk(files);
        put(&disk, &path_of(base, range), file);
        let (log, _) = open(&disk, from);
        walk(&log, |header, batch| is_known(header, batch, own));
    }
}

fn is_valid(header: &BatchHeader, batch: &Bytes) {
    let valid = validate_compacted(batch);
    assert!(valid.is_ok(), "damage is served at {}: {valid:?}", header.base_offset);
}

/// Whole, and of this file or of what was written.
fn is_known(header: &BatchHeader, batch: &Bytes, own: &[Bytes]) {
    is_valid(header, batch);
    let known = own.contains(batch) || COMPACTED.batches.contains(batch);
    assert!(known, "another batch is served at {}", header.base_offset);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacted_files_have_all_that_a_compaction_leaves() {
        let entry = &COMPACTED.after.entry;
        let ranges = entry.segments.iter().filter_map(|s| Some((s.base_offset, s.compacted?)));
        let files = ranges.map(|(base, range)| {
            let file = &COMPACTED.after.files[&path_of(base, range)];
            batches_within(file, base, range).unwrap()
        });
        let files: Vec<_> = files.collect();
        assert!(files.len() > 1 && corpus().len() == files.len() + 1);
        let gap = |pair: &[(BatchHeader, Bytes)]| pair[0].0.next_offset() < pair[1].0.base_offset;
        assert!(files.iter().any(|batches| batches.windows(2).any(gap)));
        let any = |of: fn(&BatchHeader) -> bool| files.iter().flatten().any(|(header, _)| of(header));
        assert!(any(|header| header.record_count == 0), "a producer's last batch without records");
        assert!(any(|header| header.delete_horizon().is_some()), "a tombstone that was met");
        assert!(corpus().iter().take(files.len()).all(|input| compacted(input)));
    }
}
