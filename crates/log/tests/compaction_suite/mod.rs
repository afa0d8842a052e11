//! A log with a model beside it: what each key's last value is, and what readers that are somewhere in the log know.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use ottla_env::disk::{Disk, Fault, Lost, MemoryDisk};
use ottla_env::rng::{Rng, SeededRng};
use ottla_log::checkpoint::LogEntry;
use ottla_log::{Log, LogConfig, LogPlace, OpenFrom, ReadLimits};
use ottla_wire::batch::{BatchHeader, batches};
use ottla_wire::compress::Codec;
use ottla_wire::record::{self, BatchBuilder, BuildOptions};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Key -> value.
type Values = BTreeMap<Vec<u8>, Vec<u8>>;

const HOUR: i64 = 3_600_000;
const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 20, first_max_bytes: usize::MAX, upto: i64::MAX };

fn place() -> LogPlace {
    LogPlace { dir: "/data/topics/t-0".into(), root: "/data".into() }
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 900,
        index_interval_bytes: 100,
        compact: true,
        delete: false,
        min_cleanable_ppm: 0,
        delete_retention_ms: HOUR,
        ..LogConfig::default()
    }
}

fn fresh() -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("/data/topics")).unwrap();
    disk.sync_dir(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

fn open(disk: &MemoryDisk, from: OpenFrom<'_>) -> Result<Log, String> {
    let opened = Log::open(Arc::new(disk.clone()), place(), config(), from);
    let (log, report) = opened.map_err(|error| error.to_string())?;
    match report.damage {
        Some(damage) => Err(format!("promised data is gone: {damage}")),
        None => Ok(log),
    }
}

fn unclean(entry: Option<&LogEntry>) -> OpenFrom<'_> {
    OpenFrom::Unclean { entry, synced: false }
}

/// One reader: how far it is, and what it knows.
#[derive(Debug, Clone, Default)]
struct Reader {
    at: i64,
    values: Values,
}

impl Reader {
    /// Reads one piece, as a consumer does. False at the end.
    fn step(&mut self, log: &Log) -> Result<bool, String> {
        let bytes =
            log.reader().read(self.at, LIMITS).map_err(|error| format!("read at {}: {error}", self.at))?;
        if bytes.is_empty() {
            let end = log.end_offset();
            // Behind the last batch of a compacted segment there may be nothing up to the end.
            return if self.at <= end { Ok(false) } else { Err(format!("{} is behind {end}", self.at)) };
        }
        for (header, batch) in batches(bytes) {
            if header.next_offset() <= self.at {
                return Err(format!("batch {} where {} was due", header.base_offset, self.at));
            }
            let mut last = header.base_offset - 1;
            for found in record::iterate(&batch, 1 << 20).map_err(|error| error.to_string())? {
                let found = found.map_err(|error| error.to_string())?;
                if found.offset <= last || found.offset > header.last_offset() {
                    return Err(format!("record {} in batch {}", found.offset, header.base_offset));
                }
                last = found.offset;
                if found.offset < self.at {
                    continue;
                }
                let key = found.key.unwrap().to_vec();
                match found.value {
                    Some(value) => drop(self.values.insert(key, value.to_vec())),
                    None => drop(self.values.remove(&key)),
                }
            }
            self.at = header.next_offset();
        }
        Ok(true)
    }

    fn finish(&mut self, log: &Log, model: &Values) -> Result<(), String> {
        while self.step(log)? {}
        if self.values == *model {
            Ok(())
        } else {
            Err(format!("a reader has {:?}, {:?} was written", self.values, model))
        }
    }
}

struct World {
    disk: MemoryDisk,
    rng: SeededRng,
    log: Log,
    model: Values,
    /// Of each producer: its next sequence, and the last batch.
    producers: BTreeMap<i64, (i32, Bytes, i64)>,
    now_ms: i64,
}

impl World {
    fn new(disk: &MemoryDisk, seed: u64) -> Self {
        let log = open(disk, unclean(None)).unwrap();
        let (model, producers) = (Values::new(), BTreeMap::new());
        Self { disk: disk.clone(), rng: SeededRng::new(seed), log, model, producers, now_ms: HOUR }
    }

    fn append(&mut self) -> Result<(), String> {
        let mut builder = BatchBuilder::new();
        let mut written = Vec::new();
        for _ in 0..1 + self.rng.below(4) {
            let key = format!("key {}", self.rng.below(12)).into_bytes();
            let value = (self.rng.below(4) > 0).then(|| format!("{}", self.rng.next_u64()).into_bytes());
            builder.push(self.now_ms, Some(&key), value.as_deref(), &[]);
            written.push((key, value));
        }
        let mut options =
            BuildOptions { codec: Codec::ALL[self.rng.below(5) as usize], ..Default::default() };
        let producer = self.rng.below(4) as i64;
        if producer > 0 {
            let sequence = self.producers.get(&producer).map_or(0, |(next, ..)| *next);
            (options.producer_id, options.producer_epoch, options.base_sequence) = (producer, 0, sequence);
        }
        let batch = builder.build(options).unwrap();
        let header = BatchHeader::parse(&batch).unwrap();
        let appended = self.log.append(&header, &batch, 3, self.now_ms).map_err(|error| error.to_string())?;
        if producer > 0 {
            let next = options.base_sequence + header.record_count;
            self.producers.insert(producer, (next, batch, appended.base_offset));
        }
        for (key, value) in written {
            match value {
                Some(value) => drop(self.model.insert(key, value)),
                None => drop(self.model.remove(&key)),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), String> {
        for job in self.log.take_sync_jobs() {
            job.run().map_err(|error| error.to_string())?;
            self.log.sync_done(&job.path);
        }
        Ok(())
    }

    /// One pass, and the files of the last one unlinked.
    fn compact(&mut self) -> Result<(), String> {
        self.sync()?;
        let Some(job) = self.log.compaction_job(self.now_ms) else { return Ok(()) };
        let (compacted, result) = job.run(self.now_ms, &|| false);
        let removal = self.log.compacted(&compacted);
        result.map_err(|error| error.to_string())?;
        removal.run().map_err(|error| error.to_string())
    }

    fn check_producers(&mut self) -> Result<(), String> {
        for (_, batch, offset) in self.producers.values() {
            let header = BatchHeader::parse(batch).unwrap();
            match self.log.append(&header, batch, 3, self.now_ms) {
                Ok(again) if again.duplicate && again.base_offset == *offset => {}
                other => return Err(format!("the batch at {offset} came again: {other:?}")),
            }
        }
        Ok(())
    }
}

/// Appends, passes, restarts of all kinds and slow readers; time stands still until the end, so that no tombstone may go.
pub fn random_workload(seed: u64) -> Result<(), String> {
    let disk = fresh();
    let mut world = World::new(&disk, seed);
    let mut readers = vec![Reader::default()];
    for _ in 0..150 {
        match world.rng.below(12) {
            0..7 => world.append()?,
            7 => world.compact()?,
            8 => readers.push(Reader::default()),
            9 => {
                let entry = world.log.entry();
                world.sync()?;
                world.append()?;
                world.log = open(&world.disk, unclean(seed.is_multiple_of(2).then_some(&entry)))?;
            }
            10 => {
                world.sync()?;
                let entry = world.log.entry();
                world.log = open(&world.disk, OpenFrom::Clean(Some(&entry)))?;
            }
            _ => {
                let reader = world.rng.below(readers.len() as u64) as usize;
                readers[reader].step(&world.log)?;
            }
        }
    }
    let slow = readers.clone();
    for mut reader in slow {
        reader.finish(&world.log, &world.model)?;
    }
    // Once more, so that every tombstone was met; then their time is over.
    for _ in 0..3 {
        world.append()?;
        world.compact()?;
        for reader in &mut readers {
            reader.finish(&world.log, &world.model)?;
        }
        world.now_ms += 2 * HOUR;
    }
    Reader::default().finish(&world.log, &world.model)?;
    world.check_producers()?;
    for offset in 0..world.log.end_offset() {
        let found = world.log.reader().read(offset, LIMITS).map_err(|error| format!("{offset}: {error}"))?;
        if let Some((header, _)) = batches(found).next()
            && header.last_offset() < offset
        {
            return Err(format!("{} answers {offset}", header.base_offset));
        }
    }
    Ok(())
}

/// A pass that ends at each of its operations; then the log is opened, with and without what a checkpoint knew.
pub fn crash_at_every_step(seeds: std::ops::Range<u64>) -> Result<usize, String> {
    let mut cuts = 0;
    for seed in seeds {
        let prepare = |disk: &MemoryDisk| {
            let mut world = World::new(disk, seed);
            for _ in 0..30 {
                world.append().unwrap();
            }
            world.compact().unwrap();
            for _ in 0..30 {
                world.append().unwrap();
            }
            world.sync().unwrap();
            let entry = world.log.entry();
            (world, entry)
        };
        let disk = fresh();
        let (mut world, _) = prepare(&disk);
        let first = disk.operation_count();
        world.compact()?;
        let last = disk.operation_count();
        for operation in first..last {
            for fault in [Fault::Cut, Fault::TornCut(40), Fault::Error(28)] {
                let disk = fresh();
                let (mut world, entry) = prepare(&disk);
                disk.fail_at(operation, fault);
                let ended = world.compact();
                let (newer, model) = (world.log.entry(), world.model.clone());
                for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
                    let mut known = vec![None, Some(&entry)];
                    if ended.is_ok() {
                        known.push(Some(&newer));
                    }
                    for entry in known {
                        let place = format!("seed {seed}, {fault:?} at {operation}, {lost:?}");
                        let after = disk.crash(lost);
                        check(&after, entry, &world, &model).map_err(|error| format!("{place}: {error}"))?;
                        cuts += 1;
                    }
                }
            }
        }
    }
    Ok(cuts)
}

fn check(disk: &MemoryDisk, entry: Option<&LogEntry>, world: &World, model: &Values) -> Result<(), String> {
    let log = open(disk, unclean(entry))?;
    if log.end_offset() != world.log.end_offset() {
        return Err(format!("it ends at {}, not at {}", log.end_offset(), world.log.end_offset()));
    }
    Reader::default().finish(&log, model)?;
    let mut again = World {
        disk: disk.clone(),
        rng: SeededRng::new(1),
        log,
        model: model.clone(),
        producers: world.producers.clone(),
        now_ms: world.now_ms,
    };
    again.check_producers()?;
    // The next cut leaves the same, and the next pass goes through.
    let mut after = open(&disk.crash(Lost::AllUnsynced), unclean(entry))?;
    Reader::default().finish(&after, model)?;
    std::mem::swap(&mut again.log, &mut after);
    again.disk = disk.clone();
    again.append()?;
    again.compact()?;
    let model = again.model.clone();
    Reader::default().finish(&again.log, &model)
}

/// Many records of few keys, as a topic of committed offsets has them.
pub fn shape(records: i64, keys: i64) -> Result<(), String> {
    let disk = fresh();
    let config = LogConfig { segment_bytes: 100_000, ..config() };
    let (mut log, _) = Log::open(Arc::new(disk.clone()), place(), config.clone(), unclean(None)).unwrap();
    for first in (0..records).step_by(20) {
        let mut builder = BatchBuilder::new();
        for i in first..first + 20 {
            builder.push(i, Some(format!("key {}", i % keys).as_bytes()), Some(&[7; 40]), &[]);
        }
        let batch = builder.build(BuildOptions::default()).unwrap();
        log.append(&BatchHeader::parse(&batch).unwrap(), &batch, 0, 0).map_err(|error| error.to_string())?;
    }
    for job in log.take_sync_jobs() {
        job.run().map_err(|error| error.to_string())?;
        log.sync_done(&job.path);
    }
    let before = log.reader().size();
    let (compacted, result) = log.compaction_job(HOUR).ok_or("nothing to do")?.run(HOUR, &|| false);
    result.map_err(|error| error.to_string())?;
    log.compacted(&compacted).run().map_err(|error| error.to_string())?;
    let (again, report) =
        Log::open(Arc::new(disk), place(), config, unclean(None)).map_err(|error| error.to_string())?;
    // What is read by an opening without a checkpoint: the active segment, and a handful.
    if report.scanned_bytes > 120_000 || again.reader().size() > 120_000 || before < 1_000_000 {
        return Err(format!("{before} bytes became {}", again.reader().size()));
    }
    if again.end_offset() != records {
        return Err(format!("it ends at {}", again.end_offset()));
    }
    let mut reader = Reader::default();
    while reader.step(&again)? {}
    if reader.values.len() as i64 == keys { Ok(()) } else { Err(format!("{} keys", reader.values.len())) }
}
