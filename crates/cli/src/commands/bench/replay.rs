//! `ottla bench replay`: produces batches that were encoded before the clock started.

use super::own::with_topic;
use super::watch::{Plan, broker_pid, print, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::{Exit, Failure};
use crate::units::{parse_duration, parse_size};
use anyhow::Result;
use ottla_bench::figures::Figures;
use ottla_bench::replay::{Replay, ReplayConfig};
use ottla_bench::usage::Sample;
use ottla_bench::{Layout, Progress, own_topic};
use ottla_client::{Acks, Client, Codec, Surroundings};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench replay                             1 GiB of 1,000-byte records to a topic of its own
  ottla bench replay orders --bytes 10GiB        to a topic that stays
  ottla bench replay --batch 16KiB --connections 8 --in-flight 5 --partitions 16
  ottla bench replay --time 30s --codec zstd --output json
  ottla bench replay -b other:9092 --warm-up 2GiB

A request holds one batch for one partition. Batches name no producer, so a broker has no sequence to check. \
MB and GB are 10^6 and 10^9 bytes of batches as they are on the wire; latencies are those of requests in a closed loop. \
The broker's CPU and memory are shown where its process is on this machine, or is named with --pid.";

const DEFAULT_BYTES: u64 = 1 << 30;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Created when it is not there; without it a new one is used and removed at the end
    topic: Option<String>,

    /// Partitions of a topic that is created
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,

    /// Bytes of a record's value
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "1000")]
    record: u64,

    /// Bytes of a batch before compression, at most
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "1000000")]
    batch: u64,

    /// none, gzip, snappy, lz4 or zstd
    #[arg(short = 'z', long, value_name = "CODEC", value_parser = parse_codec, default_value = "none")]
    codec: Codec,

    /// Who acknowledges: all, 1 (the leader) or 0 (nobody)
    #[arg(long, value_name = "ACKS", value_parser = parse_acks, default_value = "all",
        allow_hyphen_values = true)]
    acks: Acks,

    /// Connections to each broker
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_count)]
    connections: usize,

    /// Requests without an answer on each connection
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = parse_count)]
    in_flight: usize,

    /// How much to send, counted in values of records [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with = "records")]
    bytes: Option<u64>,

    /// How many records to send
    #[arg(short = 'c', long, value_name = "N")]
    records: Option<u64>,

    /// Stop after this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    time: Option<Duration>,

    /// Send this much before the clock starts
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "0")]
    warm_up: u64,

    /// The broker's process, where it is not found by itself
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

pub fn parse_codec(text: &str) -> Result<Codec, String> {
    Codec::from_name(text).ok_or_else(|| "the codecs are none, gzip, snappy, lz4 and zstd".to_owned())
}

pub fn parse_acks(text: &str) -> Result<Acks, String> {
    match text {
        "all" | "-1" => Ok(Acks::All),
        "1" => Ok(Acks::Leader),
        "0" => Ok(Acks::None),
        _ => Err("is all, 1 or 0".to_owned()),
    }
}

/// Of connections and the like: at least one, and no more than a machine can bear.
pub fn parse_count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(|| "is 1 to 100000".to_owned())
}

pub fn usize_of(bytes: u64, name: &str) -> Result<usize> {
    let fits = |n: &usize| i32::try_from(*n).is_ok();
    let size = usize::try_from(bytes).ok().filter(fits);
    Ok(size.ok_or_else(|| Failure::usage(format!("{name}: at most 2 GiB")))?)
}

impl Args {
    /// Asks for what makes sense for a run against one broker alone.
    pub fn names_one_broker(&self) -> bool {
        self.topic.is_some() || self.pid.is_some() || self.warm_up > 0
    }

    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    pub fn time(&self) -> Option<Duration> {
        self.time
    }

    pub fn config(&self) -> Result<ReplayConfig> {
        Ok(ReplayConfig {
            record_bytes: usize_of(self.record, "--record")?,
            batch_bytes: usize_of(self.batch, "--batch")?,
            codec: self.codec,
            acks: self.acks,
            connections: self.connections,
            in_flight: self.in_flight,
        })
    }

    /// `None`: until the time is over.
    pub fn records_to_send(&self) -> Option<u64> {
        match (self.records, self.bytes, self.time) {
            (Some(records), ..) => Some(records),
            (None, None, Some(_)) => None,
            (None, bytes, _) => Some(records_of(bytes.unwrap_or(DEFAULT_BYTES), self.record)),
        }
    }
}

pub fn records_of(bytes: u64, record: u64) -> u64 {
    bytes.div_ceil(record.max(1))
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let config = args.config()?;
    with_topic(args.topic.as_deref(), global, async |topic, client, surroundings| {
        measure(args, &config, topic, client, surroundings, global).await
    })
    .await
}

/// Sends so many records that do not count.
pub async fn warm_up(
    replay: &mut Replay,
    records: u64,
    global: &Global,
    signals: &mut Signals,
) -> Result<Exit> {
    if records == 0 {
        return Ok(Exit::Done);
    }
    let progress = Arc::new(Progress::of_records(records));
    let plan = Plan { name: "warm-up", records: Some(records), time: None };
    let (_, ended) = watch(replay.run(&progress), &progress, plan, global, signals).await?;
    Ok(ended.exit())
}

async fn measure(
    args: &Args,
    config: &ReplayConfig,
    topic: &str,
    client: &Client,
    surroundings: &Surroundings,
    global: &Global,
) -> Result<Exit> {
    let failure = |error| cluster::failure(&error);
    own_topic(client, topic, args.partitions).await.map_err(failure)?;
    let layout = Layout::of(client, topic).await.map_err(failure)?;
    let pid = broker_pid(args.pid, &layout, surroundings).await?;
    let mut replay = Replay::prepare(&layout, config, surroundings).await.map_err(failure)?;
    let mut signals = Signals::new()?;
    let warmed = warm_up(&mut replay, records_of(args.warm_up, args.record), global, &mut signals).await?;
    if warmed != Exit::Done {
        return Ok(warmed);
    }
    let records = args.records_to_send();
    let progress = Arc::new(Progress::of_records(records.unwrap_or(u64::MAX)));
    let plan = Plan { name: "replay", records, time: args.time };
    let before = Sample::take(pid);
    let (measured, ended) = watch(replay.run(&progress), &progress, plan, global, &mut signals).await?;
    let figures = Figures::of(&measured, before, Sample::take(pid));
    let asked = [
        ("run", Value::from("replay")),
        ("topic", Value::from(topic)),
        ("partitions", Value::from(layout.partitions().count())),
        ("recordBytes", Value::from(args.record)),
        ("recordsPerBatch", Value::from(replay.records_per_batch())),
        ("codec", Value::from(args.codec.name())),
        ("acks", Value::from(format!("{:?}", args.acks).to_lowercase())),
        ("connections", Value::from(args.connections)),
        ("inFlight", Value::from(args.in_flight)),
        ("brokerPid", Value::from(pid)),
    ];
    print(&figures, &asked, global)?;
    Ok(ended.exit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    fn args(line: &[&str]) -> Args {
        parsed(&[&["replay"], line].concat()).unwrap()
    }

    #[test]
    fn what_is_sent_is_said_in_records_bytes_or_time() {
        assert_eq!(args(&[]).records_to_send(), Some(1_073_742));
        assert_eq!(args(&["--bytes", "10kB", "--record", "3000"]).records_to_send(), Some(4));
        assert_eq!(args(&["-c", "7", "--time", "3s"]).records_to_send(), Some(7));
        assert_eq!(args(&["--time", "3s"]).records_to_send(), None);
        assert_eq!(args(&["--time", "3s", "--bytes", "1MB"]).records_to_send(), Some(1_000));
    }

    #[test]
    fn wrong_options_are_refused() {
        for line in [["--acks", "2"], ["--codec", "rar"], ["--connections", "0"], ["--partitions", "0"]] {
            assert!(parsed::<Args>(&[&["replay"], &line[..]].concat()).is_err(), "{line:?}");
        }
        assert!(args(&["--batch", "3GiB"]).config().is_err());
        assert_eq!(args(&["--acks", "-1", "-z", "lz4"]).config().unwrap().codec, Codec::Lz4);
    }
}
