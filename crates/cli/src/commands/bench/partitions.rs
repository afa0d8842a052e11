//! `ottla bench partitions`: many partitions, of one topic or of several.

use super::own::{self, BenchTopic};
use super::steps::Steps;
use super::watch::{Plan, broker_pid, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::Exit;
use anyhow::Result;
use ottla_bench::usage::{Sample, spent};
use ottla_bench::{Layout, Progress, partitions};
use std::sync::Arc;

pub const EXAMPLES: &str = "Examples:
  ottla bench partitions --count 5000

Creates topics of its own, of 5,000 partitions at most each, waits until Metadata names a leader for every partition, \
writes one record to each, and removes them.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Partitions
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(i32).range(1..=100_000))]
    count: i32,

    /// The broker's process, where it is not found by itself
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, settings) = cluster::connect(global).await?;
    let surroundings = &settings.client.surroundings;
    let topics = partitions::topics(&BenchTopic::new(None).name, args.count);
    let pid = broker_pid(
        args.pid,
        &Layout::brokers_of(&client).await.map_err(|e| cluster::failure(&e))?,
        surroundings,
    )
    .await?;
    let progress = Arc::new(Progress::unlimited());
    let plan = Plan { name: "partitions", records: Some(u64::from(args.count.unsigned_abs())), time: None };
    let before = Sample::take(pid);
    let work = partitions::run(&client, &topics, surroundings, &progress);
    let result = watch(work, &progress, plan, global, &mut Signals::new()?).await;
    let after = Sample::take(pid);
    let names: Vec<String> = topics.into_iter().map(|(name, _)| name).collect();
    own::remove(&client, &names, &[]).await;
    let (measured, ended) = result?;
    let mut steps = Steps::default();
    steps.ms("created", measured.created);
    steps.ms("allLed", measured.led);
    steps.ms("metadataOfAll", measured.metadata);
    steps.ms("allWritten", measured.written);
    if let Some(spent) = spent(before.broker, after.broker) {
        steps.add("brokerCpu", "s", spent.as_secs_f64());
    }
    if let Some(usage) = after.broker {
        steps.mb("rss", usage.rss_bytes);
        steps.add("openFiles", "", usage.open_files as f64);
    }
    steps.print(global)?;
    Ok(ended.exit())
}
