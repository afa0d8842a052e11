//! One partition's log under the crash suite: two idempotent producers and one that is not, syncs that overlap with
//! appends, rolls, checkpoints, restarts clean and unclean, writes that are short or fail.

use super::{Recovered, Workload};
use crate::disk::{OpKind, SimDisk};
use bytes::Bytes;
use ottla_env::disk::Disk;
use ottla_env::rng::{Rng, SeededRng};
use ottla_log::checkpoint::{Checkpoint, FILE_NAME, LogEntry, LogKey};
use ottla_log::{AppendError, Log, LogConfig, LogPlace, OpenFrom, ReadLimits, SyncJob};
use ottla_wire::batch::{BatchHeader, batches};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ROOT: &str = "/data";
const TOPICS: &str = "/data/topics";
const KEY: LogKey = ([1; 16], 0);
const STEPS: usize = 40;
const NO_SPACE: i32 = 28;

/// The workload; `fragile` leaves out what its planted bugs make too common to get far.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogWorkload;

/// What the script sent and what was answered.
#[derive(Debug, Default)]
pub struct Promise {
    sent: Vec<Bytes>,
    /// Moment, offset, batch number.
    acked: Vec<(usize, i64, u32)>,
    /// Why it could not go on, where that is a broken promise.
    stuck: Option<String>,
}

struct World {
    disk: SimDisk,
    rng: SeededRng,
    log: Log,
    /// Syncs under way, and whether the disk is done with them already.
    jobs: Vec<(SyncJob, bool)>,
    /// Offset to be covered, first offset, batch number.
    waiting: Vec<(i64, i64, u32)>,
    pending: Option<LogEntry>,
    sequences: BTreeMap<i64, i32>,
    promise: Promise,
}

/// The run ends here.
struct Ended;

fn place() -> LogPlace {
    LogPlace { dir: Path::new(TOPICS).join("t-0"), root: ROOT.into() }
}

fn checkpoint_path() -> PathBuf {
    Path::new(ROOT).join(FILE_NAME)
}

fn config() -> LogConfig {
    LogConfig { segment_bytes: 1_500, index_interval_bytes: 128, ..LogConfig::default() }
}

fn prepare(disk: &SimDisk) -> Result<(), String> {
    let prepared = (|| {
        disk.create_dir_all(Path::new(TOPICS))?;
        disk.sync_dir(Path::new(ROOT))?;
        disk.sync_dir(Path::new("/"))
    })();
    prepared.map_err(|error| error.to_string())
}

fn open(disk: &SimDisk, clean: bool) -> Result<Log, String> {
    let read = Checkpoint::read(disk, &checkpoint_path()).map_err(|error| error.to_string())?;
    let entry = read.and_then(|(mut checkpoint, _)| checkpoint.logs.remove(&KEY));
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
        let value = format!("{number}:{i}:{}", "x".repeat(padding));
        builder.push(i64::from(number), None, Some(value.as_bytes()), &[]);
    }
    let mut options = BuildOptions::default();
    if let Some((id, sequence)) = producer {
        (options.producer_id, options.producer_epoch, options.base_sequence) = (id, 0, sequence);
    }
    builder.build(options).expect("a small batch can be built")
}

fn header(batch: &Bytes) -> BatchHeader {
    BatchHeader::parse(batch).expect("our own batch has a header")
}

impl World {
    fn step(&mut self) -> Result<(), Ended> {
        match self.rng.below(14) {
            0..6 => self.append(),
            6..9 => self.request_syncs(),
            9..11 => self.finish_one(),
            11 => self.checkpoint(),
            12 => self.restart(false),
            _ => self.restart(true),
        }
    }

    fn plant_fault(&self) {
        match self.rng.below(16) {
            0 => self.disk.fail_next(OpKind::Write, NO_SPACE),
            1 => self.disk.shorten_next(33),
            2 => {
                self.disk.shorten_next(90);
                self.disk.fail_next(OpKind::Write, NO_SPACE);
            }
            _ => {}
        }
    }

    fn append(&mut self) -> Result<(), Ended> {
        self.plant_fault();
        let number = self.promise.sent.len() as u32;
        let (count, padding) = (1 + self.rng.below(3) as i32, self.rng.below(300) as usize);
        let producer = match self.rng.below(3) {
            0 => None,
            id => Some((id as i64, *self.sequences.entry(id as i64).or_insert(0))),
        };
        let batch = build(number, count, padding, producer);
        self.promise.sent.push(batch.clone());
        // A client tries a failed write again with the same sequence, or gives up.
        for _ in 0..1 + self.rng.below(3) {
            match self.log.append(&header(&batch), &batch, 0, 0) {
                Ok(appended) => {
                    if let Some((id, sequence)) = producer {
                        self.sequences.insert(id, sequence + count);
                    }
                    self.waiting.push((appended.last_offset + 1, appended.base_offset, number));
                    self.acknowledge();
                    return Ok(());
                }
                Err(AppendError::Offline(_)) => return Err(Ended),
                Err(AppendError::DiskFull | AppendError::Io(_)) => {}
                Err(refused) => {
                    self.promise.stuck = Some(format!("batch {number} was refused: {refused}"));
                    return Err(Ended);
                }
            }
        }
        Ok(())
    }

    /// Answers what the durable offset covers.
    fn acknowledge(&mut self) {
        let (durable, moment) = (self.log.durable_offset(), self.disk.moment());
        let acked = &mut self.promise.acked;
        self.waiting.retain(|(needs, base, number)| {
            if *needs <= durable {
                acked.push((moment, *base, *number));
            }
            *needs > durable
        });
    }

    /// Some are done with the disk at once, though the log hears of it later; appends come between.
    fn request_syncs(&mut self) -> Result<(), Ended> {
        for job in self.log.take_sync_jobs() {
            let ran = self.rng.below(2) == 0;
            if ran {
                job.run().map_err(|_| Ended)?;
            }
            self.jobs.push((job, ran));
        }
        Ok(())
    }

    fn finish_one(&mut self) -> Result<(), Ended> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let (job, ran) = self.jobs.remove(self.rng.below(self.jobs.len() as u64) as usize);
        if !ran {
            job.run().map_err(|_| Ended)?;
        }
        self.log.sync_done(&job.path);
        self.acknowledge();
        if let Some(entry) = self.pending.take_if(|entry| entry.end_offset <= self.log.durable_offset()) {
            self.write_checkpoint(entry)?;
        }
        Ok(())
    }

    fn finish_all(&mut self) -> Result<(), Ended> {
        while self.log.is_dirty() || !self.jobs.is_empty() {
            self.request_syncs()?;
            if self.jobs.is_empty() {
                return Ok(());
            }
            self.finish_one()?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), Ended> {
        let entry = self.log.entry();
        if entry.end_offset <= self.log.durable_offset() {
            return self.write_checkpoint(entry);
        }
        self.pending = Some(entry);
        Ok(())
    }

    fn write_checkpoint(&mut self, entry: LogEntry) -> Result<(), Ended> {
        let checkpoint = Checkpoint { metadata_revision: 0, logs: BTreeMap::from([(KEY, entry)]) };
        checkpoint.write(&self.disk, &checkpoint_path()).map(drop).map_err(|_| Ended)
    }

    fn restart(&mut self, clean: bool) -> Result<(), Ended> {
        if clean {
            self.finish_all()?;
            self.log.write_index();
            let entry = self.log.entry();
            if self.log.durable_offset() < entry.end_offset {
                return Err(Ended);
            }
            self.write_checkpoint(entry)?;
        }
        self.jobs.clear();
        self.pending = None;
        // Unanswered batches may be there or not; their clients are gone.
        self.waiting.clear();
        self.log = open(&self.disk, clean).map_err(|error| {
            // A read-only disk may refuse a start.
            self.promise.stuck = Some(error).filter(|_| !self.disk.is_read_only());
            Ended
        })?;
        self.sequences.clear();
        for (id, producer) in self.log.producers().iter() {
            let last = producer.batches.back().map_or(-1, |batch| batch.last_sequence);
            self.sequences.insert(id, last + 1);
        }
        Ok(())
    }
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
            if header.base_offset != at {
                return Err(format!("offset {} where {at} was due", header.base_offset));
            }
            let number = header.base_timestamp as u32;
            let sent = promise.sent.get(number as usize).ok_or("a batch that nobody sent")?;
            // Offset and epoch are the log's; everything else is the producer's.
            if batch[16..] != sent[16..] {
                return Err(format!("the batch at {at} has other bytes than were sent"));
            }
            found.insert(at, number);
            at = header.next_offset();
        }
    }
    if at != log.end_offset() {
        return Err(format!("batches end at {at}, the log at {}", log.end_offset()));
    }
    Ok(found)
}

/// A producer whose answer was lost sends its last batch again.
fn check_producers(log: &mut Log, promise: &Promise, until: usize) -> Result<(), String> {
    let mut last = BTreeMap::new();
    for (_, offset, number) in promise.acked.iter().filter(|(moment, ..)| *moment <= until) {
        let header = header(&promise.sent[*number as usize]);
        if header.has_producer() {
            last.insert(header.producer_id, (*offset, *number));
        }
    }
    for (offset, number) in last.into_values() {
        let batch = &promise.sent[number as usize];
        match log.append(&header(batch), batch, 0, 0) {
            Ok(appended) if appended.duplicate && appended.base_offset == offset => {}
            // Something that was never answered may stand behind it, and more than five of it.
            Err(AppendError::OutOfOrderSequence { .. }) if log.end_offset() > offset + 5 => {}
            other => return Err(format!("batch {number}, stored at {offset}, came again: {other:?}")),
        }
    }
    Ok(())
}

impl Workload for LogWorkload {
    type Promise = Promise;
    type Shown = Found;

    fn name(&self) -> &'static str {
        "log"
    }

    fn run(&self, disk: &SimDisk, seed: u64) -> Promise {
        let log = match prepare(disk).and_then(|()| open(disk, false)) {
            Ok(log) => log,
            Err(_) if disk.is_read_only() => return Promise::default(),
            Err(error) => return Promise { stuck: Some(error), ..Promise::default() },
        };
        let mut world = World {
            disk: disk.clone(),
            rng: SeededRng::new(seed),
            log,
            jobs: Vec::new(),
            waiting: Vec::new(),
            pending: None,
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

    fn recover(&self, disk: &SimDisk, promise: &Promise, until: usize) -> Result<Recovered<Found>, String> {
        if let Some(stuck) = &promise.stuck {
            return Err(stuck.clone());
        }
        prepare(disk)?;
        let mut log = open(disk, false)?;
        let found = contents(&log, promise)?;
        for (_, offset, number) in promise.acked.iter().filter(|(moment, ..)| *moment <= until) {
            if found.get(offset) != Some(number) {
                let there = found.get(offset);
                return Err(format!("batch {number} was acknowledged at {offset}; there is {there:?}"));
            }
        }
        let idempotent = |number: &u32| header(&promise.sent[*number as usize]).has_producer();
        let mut numbers: Vec<u32> = found.values().copied().filter(idempotent).collect();
        numbers.sort_unstable();
        if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("a batch of an idempotent producer is there twice".to_owned());
        }
        let moment = disk.moment();
        check_producers(&mut log, promise, until)?;
        Ok(Recovered { shown: found, moment })
    }
}
