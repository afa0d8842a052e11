//! The crash suite of the log: a disk with a live and a durable image, and trouble at every operation of a scripted run.
//!
//! The script appends for two idempotent producers and one that is not, lets syncs overlap with appends, rolls,
//! checkpoints, moves the log start by request and by age, restarts clean and unclean, and tries failed appends again as a client would. For each operation the
//! power goes there (before it, or in the middle of a write), or the operation fails and the script goes on. Whatever was
//! unsynced is lost or kept as a whole. Then: every acknowledged batch is where it was acknowledged, once, byte for
//! byte, unless it lies below the log start; the start is one that was asked for and not before one that was durable;
//! the end offset is kept, even if the file of the log start rots; nothing is there that nobody sent; producers are known; what recovery showed survives the next power cut; and
//! the same holds when the power goes at any operation inside that recovery.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use ottla_env::disk::{Disk, Fault, Lost, MemoryDisk, OperationKind};
use ottla_env::rng::{Rng, SeededRng};
use ottla_log::checkpoint::{Checkpoint, LogEntry, LogKey};
use ottla_log::{
    AppendError, Log, LogConfig, LogPlace, OpenFrom, ReadLimits, Removal, StartFailed, StartJob, SyncJob,
};
use ottla_wire::batch::{BatchHeader, batches};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ROOT: &str = "/data";
const KEY: LogKey = ([1; 16], 0);
const STEPS: usize = 50;
const NO_SPACE: i32 = 28;

fn place() -> LogPlace {
    LogPlace { dir: "/data/topics/t-0".into(), root: ROOT.into() }
}

fn checkpoint_path() -> PathBuf {
    Path::new(ROOT).join("checkpoint")
}

fn config() -> LogConfig {
    // Time is the number of the batch.
    LogConfig { segment_bytes: 500, index_interval_bytes: 64, retention_ms: 12, ..LogConfig::default() }
}

pub fn fresh() -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("/data/topics")).unwrap();
    disk.sync_dir(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

/// What the script sent and what was answered.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    /// By offset: the number of the batch and how many records it has.
    acked: BTreeMap<i64, (u32, i32)>,
    sent: Vec<Bytes>,
    /// Of each idempotent producer: the acknowledged batch that it sent last.
    last: BTreeMap<i64, (u32, i64)>,
    /// Every acknowledged batch ends below.
    end_offset: i64,
    /// The log start that was made durable last, and the one that was asked for last.
    started: i64,
    start_asked: i64,
    /// Why it could not go on, where that is no power cut.
    stuck: Option<String>,
}

struct World {
    disk: MemoryDisk,
    rng: SeededRng,
    log: Log,
    /// Syncs under way, and whether the disk is done with them already.
    jobs: Vec<(SyncJob, bool)>,
    /// Offset to be covered, first offset, batch number.
    waiting: Vec<(i64, i64, u32)>,
    pending: Option<LogEntry>,
    /// The log start under way, and whether the disk is done with it.
    starting: Option<(StartJob, bool)>,
    removals: Vec<Removal>,
    sequences: BTreeMap<i64, i32>,
    promise: Promise,
}

type Stopped = ();

fn read_checkpoint(disk: &MemoryDisk) -> Option<LogEntry> {
    let (mut checkpoint, _) = Checkpoint::read(disk, &checkpoint_path()).ok()??;
    checkpoint.logs.remove(&KEY)
}

fn open(disk: &MemoryDisk, clean: bool) -> Result<Log, String> {
    let entry = read_checkpoint(disk);
    let from = if clean {
        OpenFrom::Clean(entry.as_ref())
    } else {
        OpenFrom::Unclean { entry: entry.as_ref(), synced: false }
    };
    let (log, report) =
        Log::open(Arc::new(disk.clone()), place(), config(), from).map_err(|error| error.to_string())?;
    match report.damage {
        Some(damage) => Err(format!("promised data is gone: {damage}")),
        None => Ok(log),
    }
}

fn build(number: u32, count: i32, padding: usize, producer: Option<(i64, i32)>) -> Bytes {
    let mut builder = BatchBuilder::new();
    for i in 0..count {
        builder.push(
            i64::from(number),
            None,
            Some(format!("{number}:{i}:{}", "x".repeat(padding)).as_bytes()),
            &[],
        );
    }
    let mut options = BuildOptions::default();
    if let Some((id, sequence)) = producer {
        options.producer_id = id;
        options.producer_epoch = 0;
        options.base_sequence = sequence;
    }
    builder.build(options).unwrap()
}

impl World {
    fn step(&mut self) -> Result<(), Stopped> {
        match self.rng.below(18) {
            0..6 => self.append(),
            6..9 => self.request_syncs(),
            9..11 => self.finish_one(),
            11 => self.checkpoint(),
            12 => self.restart(false),
            13 => self.restart(true),
            14..16 => self.move_start(),
            _ => self.finish_start(),
        }
    }

    /// By request to some offset that is durable, or by age: of some, or of all.
    fn move_start(&mut self) -> Result<(), Stopped> {
        if self.starting.is_some() {
            return Ok(());
        }
        let durable = self.log.durable_offset();
        let wanted = match self.rng.below(4) {
            0 => self.rng.below(durable as u64 + 1) as i64,
            1 => durable,
            age => {
                let now = if age == 2 { self.promise.sent.len() as i64 } else { i64::MAX };
                match self.log.retain(durable, now) {
                    Ok(start) => start,
                    Err(AppendError::DiskFull) => return Ok(()),
                    Err(_) => return Err(()),
                }
            }
        };
        let Some(job) = self.log.start_job(wanted) else { return Ok(()) };
        self.promise.start_asked = self.promise.start_asked.max(job.log_start);
        self.starting = Some((job, false));
        if self.rng.below(2) == 0 { self.finish_start() } else { self.run_start() }
    }

    /// Makes the new start durable; the log hears of it later.
    fn run_start(&mut self) -> Result<(), Stopped> {
        let Some((job, false)) = &self.starting else { return Ok(()) };
        match job.run() {
            Ok(()) => {
                if let Some((_, ran)) = &mut self.starting {
                    *ran = true;
                }
                Ok(())
            }
            Err(StartFailed::Write { source, .. }) if source.raw_os_error() == Some(NO_SPACE) => {
                self.starting = None;
                Ok(())
            }
            // A failed sync ends the process (rule A7).
            Err(_) => Err(()),
        }
    }

    fn finish_start(&mut self) -> Result<(), Stopped> {
        self.run_start()?;
        if let Some((job, _)) = self.starting.take() {
            self.removals.push(self.log.start_durable(job.log_start));
            self.promise.started = self.promise.started.max(job.log_start);
        }
        if self.rng.below(2) == 0 {
            for removal in self.removals.drain(..) {
                removal.run().map_err(drop)?;
            }
        }
        Ok(())
    }

    fn append(&mut self) -> Result<(), Stopped> {
        let number = self.promise.sent.len() as u32;
        let (count, padding) = (1 + self.rng.below(3) as i32, self.rng.below(90) as usize);
        let producer = match self.rng.below(3) {
            0 => None,
            id => Some((id as i64, *self.sequences.entry(id as i64).or_insert(0))),
        };
        let batch = build(number, count, padding, producer);
        let header = BatchHeader::parse(&batch).unwrap();
        self.promise.sent.push(batch.clone());
        // A client tries a failed write again with the same sequence, or gives up.
        for _ in 0..1 + self.rng.below(3) {
            match self.log.append(&header, &batch, 0, 0) {
                Ok(appended) => {
                    if let Some((id, sequence)) = producer {
                        self.sequences.insert(id, sequence + count);
                    }
                    self.waiting.push((appended.last_offset + 1, appended.base_offset, number));
                    self.acknowledge();
                    return Ok(());
                }
                Err(AppendError::Offline(_)) => return Err(()),
                Err(AppendError::DiskFull | AppendError::Io(_)) => {}
                Err(refused) => {
                    self.promise.stuck = Some(format!("batch {number} was refused: {refused}"));
                    return Err(());
                }
            }
        }
        Ok(())
    }

    /// Answers what the durable offset covers.
    fn acknowledge(&mut self) {
        let durable = self.log.durable_offset();
        let promise = &mut self.promise;
        self.waiting.retain(|(needs, base, number)| {
            if *needs > durable {
                return true;
            }
            let header = BatchHeader::parse(&promise.sent[*number as usize]).unwrap();
            promise.acked.insert(*base, (*number, header.record_count));
            promise.end_offset = promise.end_offset.max(*needs);
            if header.has_producer() {
                promise.last.insert(header.producer_id, (*number, *base));
            }
            false
        });
    }

    /// Some are done with the disk at once, though the log hears of it later; appends come between.
    fn request_syncs(&mut self) -> Result<(), Stopped> {
        for job in self.log.take_sync_jobs() {
            let ran = self.rng.below(2) == 0;
            if ran {
                // A failed sync ends the process (rule A7).
                job.run().map_err(drop)?;
            }
            self.jobs.push((job, ran));
        }
        Ok(())
    }

    fn finish_one(&mut self) -> Result<(), Stopped> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let (job, ran) = self.jobs.remove(self.rng.below(self.jobs.len() as u64) as usize);
        if !ran {
            job.run().map_err(drop)?;
        }
        self.log.sync_done(&job.path);
        self.acknowledge();
        if let Some(entry) = self.pending.take_if(|entry| entry.end_offset <= self.log.durable_offset()) {
            self.write_checkpoint(entry)?;
        }
        Ok(())
    }

    fn finish_all(&mut self) -> Result<(), Stopped> {
        while self.log.is_dirty() || !self.jobs.is_empty() {
            self.request_syncs()?;
            if self.jobs.is_empty() {
                return Ok(());
            }
            self.finish_one()?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), Stopped> {
        let entry = self.log.entry();
        if entry.end_offset <= self.log.durable_offset() {
            return self.write_checkpoint(entry);
        }
        self.pending = Some(entry);
        Ok(())
    }

    fn write_checkpoint(&mut self, entry: LogEntry) -> Result<(), Stopped> {
        let checkpoint = Checkpoint { metadata_revision: 0, logs: BTreeMap::from([(KEY, entry)]) };
        match checkpoint.write(&self.disk, &checkpoint_path()) {
            Ok(_) => Ok(()),
            // The old one stays, and the run goes on; but nothing goes on after a cut.
            Err(error) if error.raw_os_error() == Some(NO_SPACE) => Ok(()),
            Err(_) => Err(()),
        }
    }

    fn restart(&mut self, clean: bool) -> Result<(), Stopped> {
        if clean {
            self.finish_all()?;
            self.log.write_index();
            let entry = self.log.entry();
            let before = self.log.durable_offset();
            if before < entry.end_offset {
                return Err(());
            }
            let checkpoint = Checkpoint { metadata_revision: 0, logs: BTreeMap::from([(KEY, entry)]) };
            checkpoint.write(&self.disk, &checkpoint_path()).map_err(drop)?;
        }
        self.jobs.clear();
        self.pending = None;
        self.starting = None;
        self.removals.clear();
        // Unanswered batches may be there or not; their clients are gone.
        self.waiting.clear();
        self.log = open(&self.disk, clean).map_err(|error| {
            if error.starts_with("promised") {
                self.promise.stuck = Some(error);
            }
        })?;
        self.sequences.clear();
        for (id, producer) in self.log.producers().iter() {
            let last = producer.batches.back().map_or(-1, |batch| batch.last_sequence);
            self.sequences.insert(id, last + 1);
        }
        Ok(())
    }
}

/// The scripted run of a seed, until trouble ends it.
pub fn run(disk: &MemoryDisk, seed: u64) -> Promise {
    let Ok(log) = open(disk, false) else { return Promise::default() };
    let mut world = World {
        disk: disk.clone(),
        rng: SeededRng::new(seed),
        log,
        jobs: Vec::new(),
        waiting: Vec::new(),
        pending: None,
        starting: None,
        removals: Vec::new(),
        sequences: BTreeMap::new(),
        promise: Promise::default(),
    };
    for _ in 0..STEPS {
        if world.step().is_err() {
            break;
        }
    }
    world.promise
}

/// Everything in a log: offset -> batch number.
type Found = BTreeMap<i64, u32>;

fn contents(log: &Log, promise: &Promise) -> Result<Found, String> {
    let reader = log.reader();
    let limits = ReadLimits { max_bytes: 1 << 20, first_max_bytes: usize::MAX, upto: i64::MAX };
    let (mut at, mut found) = (reader.start_offset(), Found::new());
    loop {
        let bytes = reader.read(at, limits).map_err(|error| format!("read at {at}: {error}"))?;
        if bytes.is_empty() {
            break;
        }
        for (header, batch) in batches(bytes) {
            // The log may start inside of a batch.
            let first = found.is_empty() && header.base_offset < at && header.last_offset() >= at;
            if header.base_offset != at && !first {
                return Err(format!("offset {} where {at} was due", header.base_offset));
            }
            let number = header.base_timestamp as u32;
            let sent = promise.sent.get(number as usize).ok_or("a batch that nobody sent")?;
            // Offset and epoch are the log's; everything else is the producer's.
            if batch[16..] != sent[16..] {
                return Err(format!("the batch at {at} has other bytes than were sent"));
            }
            found.insert(header.base_offset, number);
            at = header.next_offset();
        }
    }
    if at != log.end_offset() {
        return Err(format!("batches end at {at}, the log at {}", log.end_offset()));
    }
    Ok(found)
}

fn check(disk: &MemoryDisk, promise: &Promise) -> Result<Found, String> {
    let log = open(disk, false)?;
    let found = contents(&log, promise)?;
    let (start, end) = (log.log_start(), log.end_offset());
    if start < promise.started || start > promise.start_asked {
        let (durable, asked) = (promise.started, promise.start_asked);
        return Err(format!("the log starts at {start}; {durable} was durable, {asked} asked for"));
    }
    if end < promise.end_offset {
        return Err(format!("the log ends at {end}; {} was acknowledged", promise.end_offset));
    }
    for (offset, (number, records)) in &promise.acked {
        if offset + i64::from(*records) > start && found.get(offset) != Some(number) {
            return Err(format!(
                "batch {number} was acknowledged at {offset}; there is {:?}",
                found.get(offset)
            ));
        }
    }
    let idempotent =
        |number: &u32| BatchHeader::parse(&promise.sent[*number as usize]).unwrap().has_producer();
    let mut numbers: Vec<u32> = found.values().copied().filter(idempotent).collect();
    numbers.sort_unstable();
    if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("a batch of an idempotent producer is there twice".to_owned());
    }
    Ok(found)
}

/// A producer whose answer was lost sends its last batch again.
fn check_producers(disk: &MemoryDisk, promise: &Promise) -> Result<(), String> {
    let mut log = open(disk, false)?;
    for (number, offset) in promise.last.values() {
        let batch = &promise.sent[*number as usize];
        let header = BatchHeader::parse(batch).unwrap();
        match log.append(&header, batch, 0, 0) {
            Ok(appended) if appended.duplicate && appended.base_offset == *offset => {}
            // Nothing is known of it any more, and nothing is there twice.
            Ok(_) if *offset < log.log_start() => {}
            // Something that was never answered may stand behind it, and more than five of it.
            Err(AppendError::OutOfOrderSequence { .. }) if log.end_offset() > offset + 5 => {}
            other => return Err(format!("batch {number}, stored at {offset}, came again: {other:?}")),
        }
    }
    Ok(())
}

/// The file of the log start rots and the checkpoint is lost: the log still ends where it ended.
fn check_without_start(after: &MemoryDisk, promise: &Promise) -> Result<(), String> {
    let rotten = after.crash(Lost::NothingUnsynced);
    let _ = rotten.corrupt(&place().dir.join("log-start"), 9, &[0xff]);
    let _ = rotten.remove_file(&checkpoint_path());
    let log = open(&rotten, false)?;
    if log.end_offset() < promise.end_offset {
        return Err(format!(
            "without the file of its start the log ends at {}; {} was acknowledged",
            log.end_offset(),
            promise.end_offset
        ));
    }
    contents(&log, promise).map(drop)
}

pub fn check_cut(disk: &MemoryDisk, promise: &Promise, lost: Lost, inside: bool) -> Result<(), String> {
    if let Some(stuck) = &promise.stuck {
        return Err(stuck.clone());
    }
    let after = disk.crash(lost);
    let probe = after.crash(Lost::NothingUnsynced);
    let first = probe.operation_count();
    let found = check(&probe, promise)?;
    let last = probe.operation_count();
    // What a consumer may have read by now must survive the next cut.
    let again = check(&probe.crash(Lost::AllUnsynced), promise)?;
    if again != found {
        return Err(format!("recovery showed {found:?}, the next cut left {again:?}"));
    }
    check_producers(&probe, promise)?;
    if inside {
        check_without_start(&after, promise)?;
        for operation in first..last {
            for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
                let again = after.crash(Lost::NothingUnsynced);
                again.fail_at(again.operation_count() + operation - first, Fault::Cut);
                let _ = open(&again, false);
                check(&again.crash(lost), promise)
                    .map_err(|error| format!("second cut at {}: {error}", operation - first))?;
            }
        }
    }
    Ok(())
}

/// What is done to one operation.
const FAULTS: [(&str, &[Fault]); 6] = [
    ("cut", &[Fault::Cut]),
    ("torn after 1", &[Fault::TornCut(1)]),
    ("torn after 70", &[Fault::TornCut(70)]),
    ("short write", &[Fault::ShortWrite(33)]),
    ("disk full", &[Fault::Error(NO_SPACE)]),
    ("short write, then disk full", &[Fault::ShortWrite(90), Fault::Error(NO_SPACE)]),
];

/// The whole suite, on disks that a planted bug may have spoiled. The first broken promise is the error.
pub fn suite(seeds: std::ops::Range<u64>, spoil: impl Fn(&MemoryDisk)) -> Result<usize, String> {
    let mut cuts = 0;
    for seed in seeds {
        let disk = fresh();
        spoil(&disk);
        let start = disk.operation_count();
        run(&disk, seed);
        let operations = disk.operations();
        for (number, operation) in operations.iter().enumerate().skip(start) {
            for (name, faults) in FAULTS {
                if !matches!(faults, [Fault::Cut]) && operation.kind != OperationKind::Write {
                    continue;
                }
                let disk = fresh();
                spoil(&disk);
                for (i, fault) in faults.iter().enumerate() {
                    disk.fail_at(number + i, *fault);
                }
                let promise = run(&disk, seed);
                for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
                    check_cut(&disk, &promise, lost, number % 7 == 0).map_err(|error| {
                        format!(
                            "seed {seed}, {name} at operation {number} ({operation:?}), {lost:?}: {error}"
                        )
                    })?;
                    cuts += 1;
                }
            }
        }
    }
    Ok(cuts)
}

/// Reads every offset of a log beside whose first segment lies the index of another one (durability rule R9).
#[allow(dead_code)]
pub fn reads_beside_a_stale_index() -> Result<usize, String> {
    const BATCHES: u32 = 200;
    // The other segment is so long that some entries of its index stay in memory.
    let config =
        |segment_bytes| LogConfig { segment_bytes, index_interval_bytes: 64, ..LogConfig::default() };
    let write = |padding: usize, segment_bytes: u32| {
        let disk = fresh();
        let from = OpenFrom::Unclean { entry: None, synced: false };
        let shared = Arc::new(disk.clone());
        let (mut log, _) = Log::open(shared, place(), config(segment_bytes), from).unwrap();
        let mut promise = Promise::default();
        for number in 0..BATCHES {
            let batch = build(number, 1, padding, None);
            log.append(&BatchHeader::parse(&batch).unwrap(), &batch, 0, 0).unwrap();
            promise.sent.push(batch);
        }
        (disk, log.entry(), promise)
    };
    let (old, ..) = write(6_000, 400_000);
    let (disk, entry, promise) = write(1_000, 100_000);
    let index = place().dir.join("00000000000000000000.index");
    disk.replace(&index, &old.read(&index, 1 << 20).unwrap()).unwrap();
    let from = OpenFrom::Clean(Some(&entry));
    let (log, _) = Log::open(Arc::new(disk), place(), config(100_000), from).unwrap();
    let limits = ReadLimits { max_bytes: 1, first_max_bytes: usize::MAX, upto: i64::MAX };
    for offset in 0..i64::from(BATCHES) {
        let bytes =
            log.reader().read(offset, limits).map_err(|error| format!("read at {offset}: {error}"))?;
        let (header, _) = batches(bytes).next().ok_or_else(|| format!("nothing at {offset}"))?;
        if header.base_offset != offset {
            return Err(format!("offset {} where {offset} was asked for", header.base_offset));
        }
    }
    contents(&log, &promise).map(|found| found.len())
}

/// A batch that was never promised lost some bytes on its way to the disk: it ends the log (durability rule R3).
#[allow(dead_code)]
pub fn recovery_meets_rot() -> Result<usize, String> {
    let disk = fresh();
    let mut log = open(&disk, false).unwrap();
    let mut promise = Promise::default();
    let mut last = 0;
    for number in 0..3 {
        let batch = build(number, 1, 20, None);
        last = disk.len(&place().dir.join("00000000000000000000.log")).unwrap_or_default().unwrap_or(0);
        log.append(&BatchHeader::parse(&batch).unwrap(), &batch, 0, 0).unwrap();
        promise.sent.push(batch);
    }
    disk.corrupt(&place().dir.join("00000000000000000000.log"), last + 70, &[0, 0, 0]).unwrap();
    let found = check(&disk, &promise)?;
    if found.len() == 2 { Ok(2) } else { Err(format!("{found:?} is left of two good batches and a bad one")) }
}

/// The disk lost one batch and kept the one behind it. What recovery cut there does not come back behind the batch that
/// is written in its place (durability rule A5).
#[allow(dead_code)]
pub fn cut_bytes_do_not_come_back() -> Result<usize, String> {
    let disk = fresh();
    let mut log = open(&disk, false).unwrap();
    let mut promise = Promise::default();
    let path = place().dir.join("00000000000000000000.log");
    let mut ends = Vec::new();
    for number in 0..3 {
        let batch = build(number, 1, 20, None);
        log.append(&BatchHeader::parse(&batch).unwrap(), &batch, 0, 0).unwrap();
        promise.sent.push(batch);
        ends.push(disk.len(&path).unwrap().unwrap());
    }
    disk.corrupt(&path, ends[0], &vec![0; (ends[1] - ends[0]) as usize]).unwrap();
    let mut log = open(&disk, false)?;
    let shown = contents(&log, &promise)?;
    let batch = build(3, 1, 20, None);
    log.append(&BatchHeader::parse(&batch).unwrap(), &batch, 0, 0).unwrap();
    promise.sent.push(batch);
    let found = contents(&open(&disk, false)?, &promise)?;
    match (shown.into_iter().collect::<Vec<_>>(), found.into_iter().collect::<Vec<_>>()) {
        (shown, found) if shown == [(0, 0)] && found == [(0, 0), (1, 3)] => Ok(2),
        (shown, found) => Err(format!("{shown:?} was left, then batch 3 was written: {found:?}")),
    }
}

/// A cut took what a log did not promise, as that of an `os` topic, and the checkpoint knows producers and leader epochs
/// of it: they are forgotten (durability rule R9).
#[allow(dead_code)]
pub fn a_snapshot_ahead_of_the_end_is_cut() -> Result<usize, String> {
    let disk = fresh();
    let mut log = open(&disk, false)?;
    let write = |log: &mut Log, number: u32, epoch| {
        let batch = build(number, 1, 20, Some((7, number as i32)));
        log.append(&BatchHeader::parse(&batch).unwrap(), &batch, epoch, 0).map_err(|error| error.to_string())
    };
    write(&mut log, 0, 0)?;
    for job in log.take_sync_jobs() {
        job.run().unwrap();
        log.sync_done(&job.path);
    }
    let promised = log.entry();
    for number in 1..3 {
        write(&mut log, number, 5)?;
    }
    let ahead = log.entry();
    let entry = LogEntry { producers: ahead.producers, epochs: ahead.epochs, ..promised };
    let checkpoint = Checkpoint { metadata_revision: 0, logs: BTreeMap::from([(KEY, entry)]) };
    checkpoint.write(&disk, &checkpoint_path()).map_err(|error| error.to_string())?;
    let mut log = open(&disk.crash(Lost::AllUnsynced), false)?;
    for number in 1..3 {
        let again = write(&mut log, number, 3)?;
        if again.duplicate || again.base_offset != i64::from(number) {
            return Err(format!("batch {number} is lost and came again: {again:?}"));
        }
    }
    let found: Vec<_> =
        [0, 3, 5].map(|epoch| log.reader().end_of_epoch(epoch, log.end_offset()).end_offset).to_vec();
    if found == [1, 3, 3] { Ok(2) } else { Err(format!("epochs 0, 3 and 5 end at {found:?}")) }
}
