//! `ottla bench openloop`: produces at a fixed rate, whatever the broker does.

use super::own::with_topic;
use super::replay::{parse_acks, parse_count, usize_of};
use super::watch::{Plan, broker_pid, print, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::Exit;
use crate::units::{parse_duration, parse_size};
use anyhow::Result;
use ottla_bench::figures::Figures;
use ottla_bench::openloop::{OpenLoop, OpenLoopConfig};
use ottla_bench::usage::Sample;
use ottla_bench::{Layout, Progress, own_topic};
use ottla_client::{Acks, Client, Surroundings};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench openloop --rate 20000 --time 60s     one record a request, to a topic of its own
  ottla bench openloop orders --rate 1000 --connections 50 --output json

A closed loop asks a slow broker less often and never sees what clients would wait. Here every request has its instant \
before the run begins, and latency counts from it, also for one that could not leave in time. Requests of one \
millisecond are due together.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Created when it is not there; without it a new one is used and removed at the end
    topic: Option<String>,

    /// Partitions of a topic that is created
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,

    /// Requests a second, over all connections
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,

    /// Bytes of a record's value; a request holds one record
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "1000")]
    record: u64,

    /// Who acknowledges: all or 1 (the leader)
    #[arg(long, value_name = "ACKS", value_parser = parse_acks, default_value = "all",
        allow_hyphen_values = true)]
    acks: Acks,

    /// Connections to each broker
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_count)]
    connections: usize,

    /// How long requests are due
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10s")]
    time: Duration,

    /// The broker's process, where it is not found by itself
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    if args.acks == Acks::None {
        return Err(
            crate::exit::Failure::usage("--acks 0 has no answer whose latency could be measured").into()
        );
    }
    with_topic(args.topic.as_deref(), global, async |topic, client, surroundings| {
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
    let config = OpenLoopConfig {
        record_bytes: usize_of(args.record, "--record")?,
        acks: args.acks,
        rate: args.rate,
        connections: args.connections,
        time: args.time,
    };
    own_topic(client, topic, args.partitions).await.map_err(failure)?;
    let layout = Layout::of(client, topic).await.map_err(failure)?;
    let pid = broker_pid(args.pid, &layout, surroundings).await?;
    let open_loop = OpenLoop::prepare(&layout, &config, surroundings).await.map_err(failure)?;
    let progress = Arc::new(Progress::unlimited());
    let plan = Plan { name: "openloop", records: Some(open_loop.requests()), time: None };
    let before = Sample::take(pid);
    let (measured, ended) =
        watch(open_loop.run(&progress), &progress, plan, global, &mut Signals::new()?).await?;
    let figures = Figures::of(&measured, before, Sample::take(pid));
    let asked = [
        ("run", Value::from("openloop")),
        ("topic", Value::from(topic)),
        ("partitions", Value::from(layout.partitions().count())),
        ("rate", Value::from(args.rate)),
        ("recordBytes", Value::from(args.record)),
        ("acks", Value::from(format!("{:?}", args.acks).to_lowercase())),
        ("connections", Value::from(args.connections)),
        ("brokerPid", Value::from(pid)),
    ];
    print(&figures, &asked, global)?;
    Ok(ended.exit())
}
