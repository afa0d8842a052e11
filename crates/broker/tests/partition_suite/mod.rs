//! Partitions on a disk whose power is cut: real disk loops and sync threads, several producers, a reader.
//!
//! Each round starts on what the one before left, writes, and ends by a power cut at a random moment, by a failed sync,
//! or by a clean stop. Producers delete old records now and then. Then everything that was acknowledged, and everything a
//! reader saw, has to be where it was, and what was deleted stays deleted. Builds with planted bugs have to fail this.

#![allow(clippy::unwrap_used)]

mod by_hand;
pub mod forced;

use bytes::Bytes;
use ottla_broker::metrics::StorageMetrics;
use ottla_broker::partition::{
    DeleteBefore, Opening, Partition, Produced, ReadError, ReadLimits, Registry, RegistryStart, Slices,
    WaitSet,
};
use ottla_broker::settings::{Input, load};
use ottla_env::clock::ManualClock;
use ottla_env::disk::{Disk, Lost, MemoryDisk, OperationKind};
use ottla_env::rng::{Rng, SeededRng};
use ottla_env::task::{Threads, Workers};
use ottla_state::image::{Partition as PartitionState, StorageClass, Topic};
use ottla_state::{Change, Image, Uuid};
use ottla_wire::batch::{BatchHeader, batches};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

const PARTITIONS: i32 = 3;
const EIO: i32 = 5;

pub fn fresh() -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("data")).unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    disk
}

pub fn topic() -> Topic {
    let state = PartitionState {
        leader: 1,
        leader_epoch: 0,
        partition_epoch: 0,
        replicas: vec![1],
        isr: vec![1],
        restarts: 0,
    };
    Topic {
        id: Uuid([7; 16]),
        name: "t".into(),
        storage: StorageClass::Local,
        partitions: Arc::new(vec![state; PARTITIONS as usize]),
        configs: Arc::default(),
    }
}

pub fn image() -> Image {
    let topic = Arc::new(topic());
    let name = Change::TopicName { name: topic.name.clone(), id: Some(topic.id) };
    Image::from_state([name, Change::Topic(topic)])
}

pub fn start(disk: &MemoryDisk) -> Registry {
    start_with(disk, Arc::new(Threads), Arc::new(ManualClock::at(1_000)))
}

pub fn start_with(disk: &MemoryDisk, workers: Arc<dyn Workers>, clock: Arc<ManualClock>) -> Registry {
    let settings =
        load(&Input { flags: vec![("log.segment.bytes".into(), (1 << 20).to_string())], ..Input::default() });
    let settings = settings.unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    Registry::start(RegistryStart {
        opening: Opening::read(disk, Path::new("data")).unwrap(),
        disk: shared,
        workers,
        clock,
        root: "data".into(),
        topics_dir: "data/topics".into(),
        tail_cache_bytes: 64 << 10,
        metrics: StorageMetrics::default(),
        config_of: Arc::new(move |overrides| {
            let mut config = settings.topic(overrides);
            config.log.segment_bytes = 4_000;
            config
        }),
        on_removed: Arc::new(|_, _| {}),
        on_compacted: Arc::new(|_, _| {}),
    })
    .unwrap()
}

/// What was promised of one partition: offset -> batch number.
#[derive(Debug, Default)]
struct Promised {
    acked: BTreeMap<i64, i64>,
    seen: BTreeMap<i64, i64>,
    next_number: i64,
    next_sequence: i32,
    /// The log start that was answered last.
    started: i64,
}

fn build(number: i64, padding: usize, producer: i64, sequence: i32) -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(number, None, Some("x".repeat(padding).as_bytes()), &[]);
    let (producer_epoch, base_sequence) = (0, sequence);
    builder
        .build(BuildOptions {
            producer_id: producer,
            producer_epoch,
            base_sequence,
            ..BuildOptions::default()
        })
        .unwrap()
}

fn produced(batch: &Bytes) -> Produced {
    let header = BatchHeader::parse(batch).unwrap();
    Produced { header, batch: batch.clone(), leader_epoch: 0, frame_bytes: batch.len() }
}

fn numbers(slices: &Slices) -> Vec<(i64, i64)> {
    batches(Bytes::from(slices.list.concat())).map(|(h, _)| (h.base_offset, h.base_timestamp)).collect()
}

const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 16, first_max_bytes: usize::MAX };

/// Everything readable, from the start.
async fn contents(partition: &Partition) -> Result<BTreeMap<i64, i64>, String> {
    partition.log.ready().await.map_err(|error| error.to_string())?;
    let offsets = partition.log.offsets().map_err(|error| error.to_string())?;
    let (mut at, mut found) = (offsets.log_start, BTreeMap::new());
    while at < offsets.high_watermark {
        let slices =
            partition.log.read(at, LIMITS).await.map_err(|error| format!("read at {at}: {error}"))?;
        let read = numbers(&slices);
        let Some((last, _)) = read.last() else {
            return Err(format!("nothing at {at}, the high watermark is {}", offsets.high_watermark));
        };
        at = last + 1;
        found.extend(read);
    }
    Ok(found)
}

/// Writes one batch after the other, some of them twice, until an error or the end.
async fn produce(
    partition: Arc<Partition>,
    promised: Arc<Mutex<Promised>>,
    seed: u64,
    count: usize,
    acks: Arc<Acks>,
) {
    let rng = SeededRng::new(seed);
    let producer = i64::from(partition.index);
    for _ in 0..count {
        let (number, sequence) = {
            let mut promised = promised.lock().unwrap();
            promised.next_number += 1;
            (promised.next_number, promised.next_sequence)
        };
        let batch = build(number, rng.below(400) as usize, producer, sequence);
        let first = partition.log.append(produced(&batch));
        // A client that lost its connection sends the batch again while the first one is still under way.
        let again = (rng.below(2) == 0).then(|| partition.log.append(produced(&batch)));
        let answer = match again {
            Some(again) => again.await,
            None => first.await,
        };
        let Ok(Ok(written)) = answer else { return };
        {
            let mut promised = promised.lock().unwrap();
            promised.acked.insert(written.base_offset, number);
            promised.next_sequence = sequence + 1;
        }
        acks.count.fetch_add(1, Ordering::SeqCst);
        acks.one_more.notify_one();
        if rng.below(8) == 0 {
            let before = DeleteBefore::Offset(rng.below(written.base_offset as u64 + 2) as i64);
            let Ok(Ok(started)) = partition.log.delete_records(before).await else { return };
            let mut promised = promised.lock().unwrap();
            promised.started = promised.started.max(started);
        }
    }
}

/// Reads along at the high watermark.
async fn consume(partition: Arc<Partition>, promised: Arc<Mutex<Promised>>) {
    if partition.log.ready().await.is_err() {
        return;
    }
    let mut moves = WaitSet::new();
    moves.add(partition.log.watchers());
    let mut at = 0;
    loop {
        let slices = match partition.log.read(at, LIMITS).await {
            Ok(slices) => slices,
            Err(ReadError::OutOfRange { start, .. }) if start > at => {
                at = start;
                continue;
            }
            Err(_) => return,
        };
        let read = numbers(&slices);
        let Some((last, _)) = read.last() else {
            moves.moved().await;
            continue;
        };
        at = last + 1;
        promised.lock().unwrap().seen.extend(read);
    }
}

/// Acknowledgements so far, of all producers.
#[derive(Debug, Default)]
struct Acks {
    count: AtomicUsize,
    one_more: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Cut(Lost),
    FailedSync,
    CleanStop,
}

async fn round(
    disk: &MemoryDisk,
    promised: &[Arc<Mutex<Promised>>],
    rng: &SeededRng,
) -> Result<MemoryDisk, String> {
    let registry = start(disk);
    let report = registry.recover(&image()).await.map_err(|error| error.to_string())?;
    if report.offline > 0 {
        return Err(format!("a partition is offline after a start: {report:?}"));
    }
    let partitions: Vec<_> = (0..PARTITIONS).map(|i| registry.partition(&topic(), i).unwrap()).collect();
    for (partition, promised) in partitions.iter().zip(promised) {
        let found = contents(partition).await?;
        let offsets = partition.log.offsets().map_err(|error| error.to_string())?;
        let start = offsets.log_start;
        let mut promised = promised.lock().unwrap();
        if start < promised.started {
            return Err(format!("the log starts at {start} again; {} was answered", promised.started));
        }
        promised.started = start;
        for (offset, number) in promised.acked.iter().chain(&promised.seen).filter(|(o, _)| **o >= start) {
            if found.get(offset) != Some(number) {
                return Err(format!(
                    "partition {}: batch {number} at {offset} is not there, but {:?}",
                    partition.index,
                    found.get(offset)
                ));
            }
        }
        let mut stored: Vec<i64> = found.values().copied().collect();
        stored.sort_unstable();
        if stored.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(format!("partition {}: a batch is there twice", partition.index));
        }
        // What was not answered may be there; its producer goes on behind it. Every record is one of its own.
        promised.next_sequence = offsets.high_watermark as i32;
        promised.acked = found.clone();
        promised.seen = found;
    }
    let end = match rng.below(6) {
        0 => End::CleanStop,
        1 => End::FailedSync,
        2 => End::Cut(Lost::NothingUnsynced),
        _ => End::Cut(Lost::AllUnsynced),
    };
    let acks = Arc::new(Acks::default());
    let mut tasks = Vec::new();
    for (partition, promised) in partitions.iter().zip(promised) {
        let count = 20 + rng.below(40) as usize;
        let (partition, promised) = (Arc::clone(partition), Arc::clone(promised));
        tasks.push(tokio::spawn(consume(Arc::clone(&partition), Arc::clone(&promised))));
        tasks.push(tokio::spawn(produce(partition, promised, rng.next_u64(), count, Arc::clone(&acks))));
    }
    let enough = 5 + rng.below(30) as usize;
    while acks.count.load(Ordering::SeqCst) < enough {
        acks.one_more.notified().await;
    }
    let after = match end {
        End::Cut(lost) => {
            disk.cut();
            lost
        }
        End::FailedSync => {
            disk.fail_kind(OperationKind::SyncFile, 1, EIO);
            // The process would end here (rule A7); what is answered meanwhile counts.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            disk.cut();
            Lost::AllUnsynced
        }
        End::CleanStop => Lost::AllUnsynced,
    };
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    for task in tasks {
        let _ = task.await;
    }
    let stopped = registry.stop().await;
    match (end, stopped) {
        (End::CleanStop, Err(error)) => Err(format!("a clean stop failed: {error}")),
        (End::Cut(_) | End::FailedSync, Ok(())) => Err("a stop without a disk was a clean one".to_owned()),
        _ => Ok(disk.crash(after)),
    }
}

/// Rounds on one data directory after another. The first broken promise is the error.
pub fn suite(seeds: std::ops::Range<u64>) -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut rounds = 0;
    for seed in seeds {
        let rng = SeededRng::new(seed);
        let mut disk = fresh();
        let promised: Vec<Arc<Mutex<Promised>>> = (0..PARTITIONS).map(|_| Arc::default()).collect();
        for number in 0..6 {
            disk = runtime
                .block_on(round(&disk, &promised, &rng))
                .map_err(|error| format!("seed {seed}, round {number}: {error}"))?;
            rounds += 1;
        }
    }
    Ok(rounds)
}

/// A directory that the metadata does not know is put aside, never removed (rule R10).
pub fn a_stray_is_kept() -> Result<usize, String> {
    let disk = fresh();
    let stray = Path::new("data/topics").join(format!("{}-0", Uuid([9; 16])));
    disk.create_dir_all(&stray).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let registry = start(&disk);
    let report = runtime.block_on(registry.recover(&image())).map_err(|error| error.to_string())?;
    runtime.block_on(registry.stop()).map_err(|error| error.to_string())?;
    match &report.strays[..] {
        [aside] if disk.entry(aside).unwrap().is_some_and(|entry| entry.is_dir) => Ok(1),
        other => Err(format!("the stray is gone; put aside: {other:?}")),
    }
}

/// A full disk still allows a clean stop (rule A8).
pub fn a_full_disk_can_be_left_cleanly() -> Result<usize, String> {
    let disk = fresh();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let registry = start(&disk);
    let partition = registry.partition(&topic(), 0).unwrap();
    let mut refused = None;
    for number in 0..1_000 {
        if number == 5 {
            // Room for the frames of a few more batches, and then none.
            disk.set_capacity(Some(disk_use(&disk) + 2_000));
        }
        let batch = build(number, 300, 1, number as i32);
        match runtime.block_on(partition.log.append(produced(&batch))) {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                refused = Some(error);
                break;
            }
            Err(_) => return Err("the log is gone".to_owned()),
        }
    }
    if refused != Some(ottla_broker::partition::AppendError::DiskFull) {
        return Err(format!("a full disk answered {refused:?}"));
    }
    let found = runtime.block_on(contents(&partition))?;
    disk.set_capacity(Some(disk_use(&disk)));
    runtime.block_on(registry.stop()).map_err(|error| format!("no clean stop on a full disk: {error}"))?;
    Ok(found.len())
}

fn disk_use(disk: &MemoryDisk) -> u64 {
    fn of(disk: &MemoryDisk, dir: &Path) -> u64 {
        let entries = disk.list(dir).unwrap();
        entries.iter().map(|e| if e.is_dir { of(disk, &dir.join(&e.name)) } else { e.len }).sum()
    }
    of(disk, Path::new("data"))
}
