//! The registry of partitions under the crash suite: disk loops and sync threads as in the product, three partitions,
//! checkpoints, the marker of a clean stop, recovery by a start.
//!
//! Threads decide in which order operations reach the disk, so two runs of a seed differ; but the disk takes one after
//! the other, and its journal is what is explored: every violation is one of an order that happened.

use super::{Recovered, Workload};
use crate::disk::SimDisk;
use bytes::Bytes;
use ottla_broker::metrics::StorageMetrics;
use ottla_broker::partition::{Opening, Partition, Produced, ReadLimits, Registry, RegistryStart};
use ottla_broker::settings::{Input, load};
use ottla_env::clock::ManualClock;
use ottla_env::disk::Disk;
use ottla_env::rng::{Rng, SeededRng};
use ottla_env::task::Threads;
use ottla_state::image::{Partition as PartitionState, StorageClass, Topic};
use ottla_state::{Change, Image, Uuid};
use ottla_wire::batch::{BatchHeader, batches};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const PARTITIONS: i32 = 3;
const STARTS: usize = 3;
const BATCHES: usize = 8;

#[derive(Debug, Clone, Copy, Default)]
pub struct PartitionsWorkload;

#[derive(Debug, Default)]
pub struct Promise {
    /// Moment, partition, offset, batch number.
    acked: Vec<(usize, i32, i64, i64)>,
    stuck: Option<String>,
}

/// Of each partition: offset -> batch number.
type Found = BTreeMap<(i32, i64), i64>;

fn topic() -> Topic {
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

fn image() -> Image {
    let topic = Arc::new(topic());
    let name = Change::TopicName { name: topic.name.clone(), id: Some(topic.id) };
    Image::from_state([name, Change::Topic(topic)])
}

fn start(disk: &SimDisk) -> Result<Registry, String> {
    let flags = vec![("log.segment.bytes".into(), (1 << 20).to_string())];
    let settings = load(&Input { flags, ..Input::default() }).map_err(|error| error.to_string())?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    disk.create_dir_all(Path::new("data"))
        .and_then(|()| disk.sync_dir(Path::new("")))
        .map_err(|error| error.to_string())?;
    Registry::start(RegistryStart {
        opening: Opening::read(disk, Path::new("data")).map_err(|error| error.to_string())?,
        disk: shared,
        workers: Arc::new(Threads),
        clock: Arc::new(ManualClock::at(1_000)),
        root: "data".into(),
        topics_dir: "data/topics".into(),
        tail_cache_bytes: 0,
        config_of: Arc::new(move |overrides| {
            let mut config = settings.topic(overrides);
            config.log.segment_bytes = 1_500;
            config
        }),
        on_removed: Arc::new(|_, _| {}),
        on_compacted: Arc::new(|_, _| {}),
        metrics: StorageMetrics::default(),
    })
    .map_err(|error| error.to_string())
}

fn batch(number: i64, padding: usize, producer: i32, sequence: i32) -> Produced {
    let mut builder = BatchBuilder::new();
    builder.push(number, None, Some("x".repeat(padding).as_bytes()), &[]);
    let options = BuildOptions {
        producer_id: i64::from(producer),
        producer_epoch: 0,
        base_sequence: sequence,
        ..BuildOptions::default()
    };
    let batch = builder.build(options).expect("a small batch can be built");
    let header = BatchHeader::parse(&batch).expect("our own batch has a header");
    Produced { header, frame_bytes: batch.len(), batch, leader_epoch: 0 }
}

async fn contents(partition: &Partition) -> Result<Found, String> {
    const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 16, first_max_bytes: usize::MAX };
    partition.log.ready().await.map_err(|error| error.to_string())?;
    let offsets = partition.log.offsets().map_err(|error| error.to_string())?;
    let (mut at, mut found) = (offsets.log_start, Found::new());
    while at < offsets.high_watermark {
        let slices = partition.log.read(at, LIMITS).await;
        let slices = slices.map_err(|error| format!("read at {at}: {error}"))?;
        let before = at;
        for (header, _) in batches(Bytes::from(slices.list.concat())) {
            found.insert((partition.index, header.base_offset), header.base_timestamp);
            at = header.next_offset();
        }
        if at == before {
            return Err(format!("nothing at {at}, the high watermark is {}", offsets.high_watermark));
        }
    }
    Ok(found)
}

fn partitions(registry: &Registry) -> Vec<Arc<Partition>> {
    let topic = topic();
    (0..PARTITIONS).filter_map(|index| registry.partition(&topic, index)).collect()
}

async fn recovered(registry: &Registry) -> Result<Found, String> {
    let report = registry.recover(&image()).await.map_err(|error| error.to_string())?;
    if report.offline > 0 {
        return Err(format!("a partition is offline after a start: {report:?}"));
    }
    let mut found = Found::new();
    for partition in partitions(registry) {
        found.extend(contents(&partition).await?);
    }
    Ok(found)
}

fn block_on<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(future)
}

/// One start, some appends of each producer in flight at once, a clean stop.
async fn write(disk: &SimDisk, rng: &SeededRng, promise: &mut Promise) -> Result<(), String> {
    let registry = start(disk)?;
    let found = recovered(&registry).await?;
    let mut sequences: BTreeMap<i32, i32> = BTreeMap::new();
    for (partition, _) in found.keys() {
        *sequences.entry(*partition).or_default() += 1;
    }
    let partitions = partitions(&registry);
    for _ in 0..BATCHES {
        let mut answers = Vec::new();
        for partition in &partitions {
            for _ in 0..=rng.below(2) {
                let sequence = sequences.entry(partition.index).or_default();
                let number = i64::from(*sequence);
                let append = || {
                    let padding = (number as usize * 37) % 600;
                    partition.log.append(batch(number, padding, partition.index, *sequence))
                };
                answers.push((partition.index, number, append()));
                if rng.below(3) == 0 {
                    answers.push((partition.index, number, append()));
                }
                *sequence += 1;
            }
        }
        for (partition, number, answer) in answers {
            match answer.await {
                Ok(Ok(written)) => {
                    promise.acked.push((disk.moment(), partition, written.base_offset, number));
                }
                other => return Err(format!("batch {number} was answered {other:?}")),
            }
        }
    }
    registry.stop().await.map_err(|error| error.to_string())
}

impl Workload for PartitionsWorkload {
    type Promise = Promise;
    type Shown = Found;

    fn name(&self) -> &'static str {
        "partitions"
    }

    fn run(&self, disk: &SimDisk, seed: u64) -> Promise {
        let rng = SeededRng::new(seed);
        let mut promise = Promise::default();
        for _ in 0..STARTS {
            if let Err(error) = block_on(write(disk, &rng, &mut promise)) {
                promise.stuck = Some(error);
                break;
            }
        }
        promise
    }

    fn recover(&self, disk: &SimDisk, promise: &Promise, until: usize) -> Result<Recovered<Found>, String> {
        if let Some(stuck) = &promise.stuck {
            return Err(stuck.clone());
        }
        let registry = start(disk)?;
        let shown = block_on(recovered(&registry));
        let moment = disk.moment();
        let stopped =
            block_on(async { registry.stop().await.map_err(|error| format!("no clean stop: {error}")) });
        let shown = shown?;
        stopped?;
        for (_, partition, offset, number) in promise.acked.iter().filter(|(at, ..)| *at <= until) {
            if shown.get(&(*partition, *offset)) != Some(number) {
                let there = shown.get(&(*partition, *offset));
                return Err(format!(
                    "batch {number} of partition {partition} was acknowledged at {offset}; there is {there:?}"
                ));
            }
        }
        // Each batch is one record, and a producer's number goes on behind what is there.
        if let Some((place, number)) = shown.iter().find(|((_, offset), number)| offset != *number) {
            return Err(format!("batch {number} at {place:?}: batches are doubled or out of order"));
        }
        Ok(Recovered { shown, moment })
    }
}
