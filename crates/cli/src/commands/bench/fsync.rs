//! `ottla bench fsync`: acknowledgements of what is on the disk, one batch in each request.

use super::durability::{self, Durability};
use super::own::with_topic;
use super::replay::{parse_count, usize_of, warm_up};
use super::steps::Steps;
use super::watch::{Plan, broker_pid, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::Exit;
use crate::units::parse_size;
use anyhow::Result;
use ottla_bench::replay::{Replay, ReplayConfig};
use ottla_bench::usage::{Sample, spent};
use ottla_bench::{Layout, Progress};
use ottla_client::{Acks, Client, Codec, Surroundings};
use ottla_env::process::device_flushes;
use std::sync::Arc;

pub const EXAMPLES: &str = "Examples:
  ottla bench fsync                           one connection, one partition, 1 KB
  ottla bench fsync --connections 256 --partitions 64 --acks 40000
  ottla bench fsync --batch 64KiB --output json

The topic is one of its own, with durability=fsync, or with flush.messages=1 where the broker is Kafka; it is removed at \
the end. Each connection waits for its answer before it sends again. deviceFlushes are those of all disks of this \
machine meanwhile, where it shows them.";

/// Of a record's value; a smaller batch holds one smaller record.
const RECORD_BYTES: u64 = 1_000;
/// What a batch of one record has around its value, with room to spare.
const AROUND_BYTES: u64 = 100;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Connections, with one request under way on each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_count)]
    connections: usize,

    /// Partitions of the topic
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,

    /// Bytes of a batch, at most
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "1100")]
    batch: u64,

    /// Batches that are acknowledged
    #[arg(short = 'c', long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    acks: u64,

    /// Batches before the clock starts
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    warm_up: u64,

    /// The broker's process, where it is not found by itself
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    with_topic(None, global, async |topic, client, surroundings| {
        measure(args, topic, client, surroundings, global).await
    })
    .await
}

async fn measure(
    args: &Args,
    topic: &str,
    client: &Client,
    surroundings: &Surroundings,
    global: &Global,
) -> Result<Exit> {
    let failure = |error| cluster::failure(&error);
    durability::create(client, topic, args.partitions, Some(Durability::Fsync)).await?;
    let layout = Layout::of(client, topic).await.map_err(failure)?;
    let pid = broker_pid(args.pid, &layout, surroundings).await?;
    let config = ReplayConfig {
        record_bytes: usize_of(RECORD_BYTES.min(args.batch.saturating_sub(AROUND_BYTES)), "--batch")?,
        batch_bytes: usize_of(args.batch, "--batch")?,
        codec: Codec::None,
        acks: Acks::All,
        connections: args.connections,
        in_flight: 1,
    };
    let mut replay = Replay::prepare(&layout, &config, surroundings).await.map_err(failure)?;
    let mut signals = Signals::new()?;
    let records = args.warm_up.saturating_mul(replay.records_per_batch());
    let warmed = warm_up(&mut replay, records, global, &mut signals).await?;
    if warmed != Exit::Done {
        return Ok(warmed);
    }
    let records = args.acks.saturating_mul(replay.records_per_batch());
    let progress = Arc::new(Progress::of_records(records));
    let plan = Plan { name: "fsync", records: Some(records), time: None };
    let (before, flushes) = (Sample::take(pid), device_flushes());
    let (measured, ended) = watch(replay.run(&progress), &progress, plan, global, &mut signals).await?;
    let (after, flushed) = (Sample::take(pid), device_flushes());
    let acks = measured.done.requests.max(1) as f64;
    let mut steps = Steps::default();
    steps.label("durability", durability::of_topic(client, topic).await?.setting);
    steps.add("acks", "acks/s", acks / measured.elapsed.as_secs_f64());
    steps.latencies(&measured.latencies);
    if let Some((before, after)) = flushes.zip(flushed) {
        let flushes = after.saturating_sub(before) as f64;
        steps.add("deviceFlushes", "", flushes);
        steps.add("flushesPerAck", "", flushes / acks);
    }
    if let Some(spent) = spent(before.broker, after.broker) {
        steps.add("brokerCpu", "us/ack", spent.as_secs_f64() * 1e6 / acks);
    }
    steps.print(global)?;
    Ok(ended.exit())
}
