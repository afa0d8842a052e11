//! `ottla bench conns`: many connections, their memory, and requests among them.

use super::own::with_topic;
use super::replay::parse_count;
use super::steps::Steps;
use super::watch::{Plan, broker_pid, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::Exit;
use crate::units::parse_duration;
use anyhow::Result;
use ottla_bench::crowd::Crowd;
use ottla_bench::usage::{self, Idle, Sample};
use ottla_bench::{Layout, Progress, own_topic};
use ottla_client::{Client, Surroundings};
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench conns --count 10000 --idle 60s

Each connection asks for the broker's versions and then says nothing for the idle time; after that each asks for the \
metadata of one topic, all within 10 s. Memory is that of the broker's process, without the kernel's for its sockets. The \
limit of open files has to allow the connections here and at the broker (ulimit -n).";

/// All connections ask once within this time.
const ASKING: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = parse_count)]
    count: usize,

    /// Time in which they say nothing
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10s")]
    idle: Duration,

    /// The broker's process, where it is not found by itself
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let _ = ottla_env::process::raise_open_file_limit();
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
    own_topic(client, topic, 1).await.map_err(failure)?;
    let layout = Layout::of(client, topic).await.map_err(failure)?;
    let pid = broker_pid(args.pid, &layout, surroundings).await?;
    let Some(broker) = layout.brokers.first() else { return Ok(Exit::Failed) };
    let mut steps = Steps::default();
    let progress = Arc::new(Progress::unlimited());
    let plan = |name| Plan { name, records: Some(args.count as u64), time: None };
    let before = Sample::take(pid);
    let mut signals = Signals::new()?;
    let opening = Crowd::open(&broker.address, args.count, surroundings, &progress);
    let (mut crowd, ended) = watch(opening, &progress, plan("open"), global, &mut signals).await?;
    if ended.exit() != Exit::Done {
        return Ok(ended.exit());
    }
    steps.add("connections", "", crowd.len() as f64);
    if !global.quiet {
        eprintln!("idle");
    }
    let idle = tokio::select! {
        idle = idle(pid, args.idle) => idle?,
        exit = signals.next() => return Ok(exit),
    };
    if let Some(idle) = idle {
        steps.mb("rss", idle.rss_bytes);
        if let Some(first) = before.broker {
            let grown = idle.rss_bytes.saturating_sub(first.rss_bytes);
            steps.add("rssPerConnection", "bytes", grown as f64 / crowd.len().max(1) as f64);
        }
        steps.add("idleCpu", "%", idle.cpu * 100.0);
    }
    let progress = Arc::new(Progress::unlimited());
    let asking = crowd.ask_once(topic, ASKING, surroundings, &progress);
    let (measured, ended) = watch(asking, &progress, plan("ask"), global, &mut signals).await?;
    steps.latencies(&measured.latencies);
    steps.print(global)?;
    Ok(ended.exit())
}

/// The time in which nothing is said, and what the broker's process took in it, where that is known.
async fn idle(pid: Option<u32>, time: Duration) -> Result<Option<Idle>> {
    match pid {
        Some(pid) => Ok(Some(usage::idle(pid, time).await?)),
        None => {
            tokio::time::sleep(time).await;
            Ok(None)
        }
    }
}
