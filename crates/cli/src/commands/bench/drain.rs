//! `ottla bench drain`: fetches a topic from its beginning, headers only.

use super::replay::{parse_count, usize_of};
use super::watch::{Plan, broker_pid, print, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::Exit;
use crate::units::{parse_duration, parse_size};
use anyhow::Result;
use ottla_bench::drain::{Check, Drain, DrainConfig};
use ottla_bench::figures::Figures;
use ottla_bench::usage::Sample;
use ottla_bench::{Layout, Progress};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench replay orders --bytes 10GiB        fill a topic
  ottla bench drain orders                       read it back
  ottla bench drain orders --connections 4 --partition-bytes 1MiB --output json

It reads to the end that stood at its start. Of a batch only the header is looked at: lengths must fit and offsets must \
go on. The broker's CPU and memory are shown where its process is on this machine, or is named with --pid.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What is read
    topic: String,

    /// Connections to each broker, never more than it leads partitions
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_count)]
    connections: usize,

    /// Bytes of one answer, at most
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "16MiB")]
    fetch_bytes: u64,

    /// Bytes of one partition in an answer, at most
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "8MiB")]
    partition_bytes: u64,

    /// Check the CRC of every batch, and that no offset is missing
    #[arg(long)]
    check: bool,

    /// Stop after this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    time: Option<Duration>,

    /// The broker's process, where it is not found by itself
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let config = DrainConfig {
        connections: args.connections,
        fetch_bytes: usize_of(args.fetch_bytes, "--fetch-bytes")? as i32,
        partition_bytes: usize_of(args.partition_bytes, "--partition-bytes")? as i32,
        check: if args.check { Check::Whole } else { Check::Header },
    };
    let failure = |error| cluster::failure(&error);
    let (client, settings) = cluster::connect(global).await?;
    let surroundings = &settings.client.surroundings;
    let layout = Layout::of(&client, &args.topic).await.map_err(failure)?;
    let pid = broker_pid(args.pid, &layout, surroundings).await?;
    let drain = Drain::prepare(&client, &layout, &config, surroundings).await.map_err(failure)?;
    let progress = Arc::new(Progress::unlimited());
    let plan = Plan { name: "drain", records: Some(drain.offsets()), time: args.time };
    let before = Sample::take(pid);
    let (measured, ended) =
        watch(drain.run(&progress), &progress, plan, global, &mut Signals::new()?).await?;
    let figures = Figures::of(&measured, before, Sample::take(pid));
    let asked = [
        ("run", Value::from("drain")),
        ("topic", Value::from(args.topic.as_str())),
        ("partitions", Value::from(layout.partitions().count())),
        ("connections", Value::from(args.connections)),
        ("fetchBytes", Value::from(args.fetch_bytes)),
        ("partitionBytes", Value::from(args.partition_bytes)),
        ("checked", Value::from(args.check)),
        ("brokerPid", Value::from(pid)),
    ];
    print(&figures, &asked, global)?;
    Ok(ended.exit())
}
