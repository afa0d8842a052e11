//! The files of a log, and those that tell a start of all logs.

use super::{compacted_files, put};
use crate::memory;
use bytes::Bytes;
use ottla_broker::partition::Opening;
use ottla_env::disk::{Disk, MemoryDisk};
use ottla_log::checkpoint::{Checkpoint, FILE_NAME, LogEntry, LogKey};
use ottla_log::checks::has_index;
use ottla_log::{Log, LogConfig, LogPlace, OpenFrom, OpenReport, ReadError, ReadLimits};
use ottla_wire::batch::{BatchHeader, batches, validate};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

const ROOT: &str = "/data";
pub(super) const DIR: &str = "/data/topics/t-0";
const KEY: LogKey = ([7; 16], 0);
const SEGMENT: &str = "00000000000000000000";
pub(super) const UNPROMISED: OpenFrom<'static> = OpenFrom::Unclean { entry: None, synced: false };
pub(super) const ALL: ReadLimits =
    ReadLimits { max_bytes: 1 << 20, first_max_bytes: usize::MAX, upto: i64::MAX };

/// A log as the product writes it.
struct Written {
    files: BTreeMap<PathBuf, Vec<u8>>,
    entry: LogEntry,
    /// By base offset, as stored.
    batches: BTreeMap<i64, Bytes>,
    checkpoint: Vec<u8>,
    marker: Vec<u8>,
    log_start: Vec<u8>,
}

static WRITTEN: LazyLock<Written> = LazyLock::new(write);

pub(super) fn config() -> LogConfig {
    LogConfig { segment_bytes: 1_500, index_interval_bytes: 200, ..LogConfig::default() }
}

pub(super) fn place() -> LogPlace {
    LogPlace { dir: DIR.into(), root: ROOT.into() }
}

pub(super) fn batch(number: i64) -> Bytes {
    let mut builder = BatchBuilder::new();
    for i in 0..=number % 3 {
        let value = format!("value {i} of {number}");
        builder.push(1_000 + number, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    let options = BuildOptions { producer_id: number % 2, producer_epoch: 0, ..BuildOptions::default() };
    let options = BuildOptions { base_sequence: if number < 2 { 0 } else { -1 }, ..options };
    let plain = BuildOptions { producer_id: -1, producer_epoch: -1, ..options };
    builder.build(if number < 2 { options } else { plain }).expect("a small batch can be built")
}

pub(super) fn append(log: &mut Log, batch: &Bytes, leader_epoch: i32) {
    let header = BatchHeader::parse(batch).expect("our own batch has a header");
    log.append(&header, batch, leader_epoch, 0).expect("a whole log takes a batch");
}

fn write() -> Written {
    let disk = disk(&BTreeMap::new());
    let (mut log, _) = open(&disk, UNPROMISED);
    for number in 0..24 {
        append(&mut log, &batch(number), i32::from(number > 10));
    }
    log.write_index();
    let entry = log.entry();
    let checkpoint = Checkpoint { metadata_revision: 3, logs: BTreeMap::from([(KEY, entry.clone())]) };
    let checkpoint = checkpoint.encode();
    let mut marker = b"OTTLACS1".to_vec();
    marker.extend(&checkpoint[checkpoint.len() - 4..]);
    marker.extend([0; 4]);
    super::repair_last_crc(&mut marker);
    let files = files(&disk);
    let stored = stored(&files).map(|(header, batch)| (header.base_offset, batch)).collect();
    log.start_job(5).expect("the log can start later").run().expect("the disk takes it");
    let log_start = disk.read(&Path::new(DIR).join("log-start"), 64).expect("the start is in a file");
    Written { files, entry, batches: stored, checkpoint, marker, log_start }
}

/// The files of the log.
pub(super) fn files(disk: &MemoryDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let found = disk.list(Path::new(DIR)).expect("the log has files");
    let paths = found.iter().map(|file| Path::new(DIR).join(&file.name));
    paths.map(|path| (path.clone(), disk.read(&path, 1 << 20).expect("a file of the log is read"))).collect()
}

pub(super) fn stored(files: &BTreeMap<PathBuf, Vec<u8>>) -> impl Iterator<Item = (BatchHeader, Bytes)> {
    let segments = files.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "log"));
    segments.flat_map(|(_, bytes)| batches(Bytes::copy_from_slice(bytes)))
}

pub(super) fn disk(files: &BTreeMap<PathBuf, Vec<u8>>) -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("/data/topics")).expect("a directory can be made");
    if !files.is_empty() {
        disk.create_dir_all(Path::new(DIR)).expect("a directory can be made");
    }
    for (path, bytes) in files {
        put(&disk, path, bytes);
    }
    disk
}

pub(super) fn open(disk: &MemoryDisk, from: OpenFrom<'_>) -> (Log, OpenReport) {
    Log::open(Arc::new(disk.clone()), place(), config(), from).expect("the disk does all that is asked")
}

/// What is read from an offset on is whole, in order, and of what was written, or is an error.
fn read(log: &Log, truth: Option<&BTreeMap<i64, Bytes>>) -> Vec<u8> {
    walk(log, |header, batch| {
        let (at, valid) = (header.base_offset, validate(batch));
        assert!(valid.is_ok(), "damage is served at {at}: {valid:?}");
        if let Some(truth) = truth {
            assert_eq!(truth.get(&at), Some(batch), "another batch is served at {at}");
        }
    })
}

/// Shows everything that is read from the beginning on, and returns it.
pub(super) fn walk(log: &Log, see: impl Fn(&BatchHeader, &Bytes)) -> Vec<u8> {
    let reader = log.reader();
    let (mut at, mut all) = (reader.start_offset(), Vec::new());
    loop {
        let bytes = match reader.read(at, ALL) {
            Ok(bytes) if bytes.is_empty() => break,
            Ok(bytes) => bytes,
            // A checkpoint may say that the log ends before its last batch does, and name files that never were.
            Err(ReadError::Damaged(_) | ReadError::OutOfRange { .. }) => break,
            Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => panic!("a read at {at}: {error}"),
        };
        let before = at;
        for (header, batch) in batches(bytes.clone()) {
            see(&header, &batch);
            at = header.next_offset();
        }
        assert!(at > before, "a read at {before} brings nothing");
        all.extend_from_slice(&bytes);
    }
    let _ = (reader.size(), reader.offset_for_timestamp(1_005, i64::MAX), reader.max_timestamp(i64::MAX));
    let _ = (reader.end_of_epoch(0, at), reader.epoch_of(at), log.entry());
    all
}

/// A file of batches that nothing promised: a prefix of it is the log, again and again.
pub fn segment(input: &[u8]) -> bool {
    let path = Path::new(DIR).join(format!("{SEGMENT}.log"));
    let disk = disk(&BTreeMap::from([(path.clone(), input.to_vec())]));
    let (log, report) = open(&disk, UNPROMISED);
    assert_eq!(report.damage, None, "nothing was promised");
    let found = read(&log, None);
    assert!(input.starts_with(&found), "something else than the file is read");
    assert_eq!(
        found.len() as u64 + report.cut_bytes,
        input.len() as u64,
        "something is neither read nor cut"
    );
    let (mut again, report) = open(&disk, UNPROMISED);
    assert_eq!((again.end_offset(), report.cut_bytes), (log.end_offset(), 0), "a second recovery differs");
    let batch = batch(23);
    let header = BatchHeader::parse(&batch).expect("our own batch has a header");
    if again.append(&header, &batch, i32::MAX, 0).is_ok() {
        assert_eq!(read(&again, None).len(), found.len() + batch.len(), "an append behind it is not read");
    }
    !found.is_empty()
}

pub fn segment_corpus() -> Vec<Vec<u8>> {
    let logs = WRITTEN.files.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "log"));
    let mut all: Vec<Vec<u8>> = logs.map(|(_, bytes)| bytes.clone()).collect();
    all.extend(crate::corpus::batches().iter().map(|batch| batch.to_vec()));
    all
}

/// An index beside a segment: whatever it says, no other batch is read.
pub fn index(input: &[u8]) -> bool {
    let disk = disk(&WRITTEN.files);
    let path = Path::new(DIR).join(format!("{SEGMENT}.index"));
    put(&disk, &path, input);
    for offset in [0, 3, 7, 11] {
        let (log, _) = open(&disk, OpenFrom::Clean(Some(&WRITTEN.entry)));
        match log.reader().read(offset, ReadLimits { max_bytes: 1, ..ALL }) {
            Ok(bytes) => {
                let (header, batch) = batches(bytes).next().expect("a read brings a batch");
                assert_eq!(WRITTEN.batches.get(&header.base_offset), Some(&batch));
                assert!(
                    (header.base_offset..header.next_offset()).contains(&offset),
                    "another one at {offset}"
                );
            }
            Err(ReadError::Damaged(_)) => {}
            Err(error) => panic!("a read at {offset}: {error}"),
        }
        read(&log, Some(&WRITTEN.batches));
    }
    WRITTEN.entry.segments.first().is_some_and(|first| has_index(&disk, Path::new(DIR), first))
}

pub fn index_corpus() -> Vec<Vec<u8>> {
    let indexes = WRITTEN.files.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "index"));
    indexes.map(|(_, bytes)| bytes.clone()).collect()
}

pub fn log_start(input: &[u8]) -> bool {
    let disk = disk(&WRITTEN.files);
    put(&disk, &Path::new(DIR).join("log-start"), input);
    let entry = Some(&WRITTEN.entry);
    let mut taken = false;
    for from in [OpenFrom::Clean(entry), OpenFrom::Unclean { entry, synced: false }] {
        let (log, _) = open(&disk, from);
        assert!(log.end_offset() >= log.log_start(), "{} behind {}", log.log_start(), log.end_offset());
        read(&log, Some(&WRITTEN.batches));
        // Without the file it starts at its first record.
        taken |= log.log_start() > 0;
    }
    taken
}

pub fn log_start_corpus() -> Vec<Vec<u8>> {
    let with = |start: i64| {
        let mut bytes = WRITTEN.log_start.clone();
        bytes[8..16].copy_from_slice(&start.to_be_bytes());
        super::repair_last_crc(&mut bytes);
        bytes
    };
    vec![WRITTEN.log_start.clone(), with(0), with(20), with(WRITTEN.entry.end_offset), with(i64::MAX)]
}

/// Whatever a checkpoint says of a log, opening it serves nothing that was not written.
pub fn checkpoint(input: &[u8]) -> bool {
    let bound = 16 * input.len() + (64 << 10);
    let Ok(found) = memory::within(bound, "a checkpoint", || Checkpoint::decode(input)) else { return false };
    assert_eq!(Checkpoint::decode(&found.encode()).as_ref(), Ok(&found), "written otherwise");
    for entry in found.logs.values().take(3).map(Some) {
        for from in [OpenFrom::Clean(entry), OpenFrom::Unclean { entry, synced: false }] {
            let (log, _) = open(&disk(&WRITTEN.files), from);
            read(&log, Some(&WRITTEN.batches));
        }
    }
    true
}

pub fn checkpoint_corpus() -> Vec<Vec<u8>> {
    let empty = Checkpoint { metadata_revision: 0, logs: BTreeMap::new() };
    let logs = BTreeMap::from([(KEY, compacted_files::entry())]);
    let compacted = Checkpoint { metadata_revision: 4, logs };
    let plain = WRITTEN.checkpoint.clone();
    vec![in_first_layout(&plain), plain, compacted.encode(), empty.encode()]
}

/// A checkpoint of one log without compacted segments as it was written before there were any: of each segment without
/// end and generation.
fn in_first_layout(checkpoint: &[u8]) -> Vec<u8> {
    // Magic, revision, number of logs; topic id, partition, log start, end.
    const HEAD: usize = 8 + 8 + 4 + 16 + 4 + 8 + 8;
    // Base, end, generation; size, maximum timestamp, CRC.
    const SEGMENT: usize = 8 + 8 + 4 + 8 + 8 + 4;
    let (head, rest) = checkpoint.split_at(HEAD);
    let (count, rest) = rest.split_first_chunk::<4>().expect("segments are counted");
    let (segments, rest) = rest.split_at(SEGMENT * u32::from_be_bytes(*count) as usize);
    let mut first = [&b"OTTLACP1"[..], &head[8..], &count[..]].concat();
    segments.chunks_exact(SEGMENT).for_each(|segment| first.extend([&segment[..8], &segment[20..]].concat()));
    first.extend(rest);
    super::repair_last_crc(&mut first);
    first
}

/// The marker of a clean stop: believed only beside its checkpoint, and gone afterwards.
pub fn clean_stop(input: &[u8]) -> bool {
    let disk = disk(&BTreeMap::new());
    put(&disk, &Path::new(ROOT).join(FILE_NAME), &WRITTEN.checkpoint);
    let path = Path::new(ROOT).join("clean-stop");
    put(&disk, &path, input);
    let opening = Opening::read(&disk, Path::new(ROOT)).expect("the disk does all that is asked");
    assert_eq!(opening.clean, input == WRITTEN.marker, "a marker of another checkpoint is believed");
    assert_eq!(
        disk.entry(&path).expect("the disk does all that is asked"),
        None,
        "the marker is still there"
    );
    opening.clean
}

pub fn clean_stop_corpus() -> Vec<Vec<u8>> {
    vec![WRITTEN.marker.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_of_the_first_layout_is_one_of_the_corpus_and_says_the_same() {
        let first = in_first_layout(&WRITTEN.checkpoint);
        assert!(first.len() < WRITTEN.checkpoint.len() && checkpoint_corpus().contains(&first));
        assert_eq!(Checkpoint::decode(&first), Checkpoint::decode(&WRITTEN.checkpoint));
        assert!(checkpoint(&first));
    }
}
