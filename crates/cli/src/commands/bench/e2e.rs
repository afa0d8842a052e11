//! `ottla bench e2e`: from the instant a record is due to the instant a consumer has it.

use super::own::with_topic;
use super::replay::usize_of;
use super::watch::{Plan, broker_pid, print, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::Exit;
use crate::units::{parse_duration, parse_size};
use anyhow::Result;
use ottla_bench::e2e::{E2e, E2eConfig};
use ottla_bench::figures::Figures;
use ottla_bench::usage::Sample;
use ottla_bench::{Layout, Progress, own_topic};
use ottla_client::{Client, Surroundings};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench e2e --rate 100 --time 30s
  ottla bench e2e --rate 5000 --output json

One producer with acks=all, one consumer in a long poll, one partition. The topic is one of its own and is removed at the \
end. Latency counts from the instant a record was due.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Records a second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,

    /// Bytes of a record's value
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "1000")]
    record: u64,

    /// How long records are due
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10s")]
    time: Duration,

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
    let config =
        E2eConfig { record_bytes: usize_of(args.record, "--record")?, rate: args.rate, time: args.time };
    own_topic(client, topic, 1).await.map_err(failure)?;
    let layout = Layout::of(client, topic).await.map_err(failure)?;
    let pid = broker_pid(args.pid, &layout, surroundings).await?;
    let e2e = E2e::prepare(client, &layout, &config, surroundings).await.map_err(failure)?;
    let progress = Arc::new(Progress::unlimited());
    let plan = Plan { name: "e2e", records: Some(e2e.records()), time: None };
    let before = Sample::take(pid);
    let (measured, ended) = watch(e2e.run(&progress), &progress, plan, global, &mut Signals::new()?).await?;
    let after = Sample::take(pid);
    let figures = Figures::of(&measured, before, after);
    let spent = ottla_bench::usage::spent(before.broker, after.broker);
    let per_record = spent.map(|spent| spent.as_secs_f64() * 1e6 / measured.done.records.max(1) as f64);
    let asked = [
        ("run", Value::from("e2e")),
        ("brokerCpuUsPerRecord", Value::from(per_record.map(|us| ottla_bench::figures::rounded(us, 1)))),
        ("rate", Value::from(args.rate)),
        ("recordBytes", Value::from(args.record)),
        ("brokerPid", Value::from(pid)),
    ];
    print(&figures, &asked, global)?;
    Ok(ended.exit())
}
