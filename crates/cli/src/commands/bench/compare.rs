//! `ottla bench compare`: the same replay against two brokers, A B A B, and the ratio of each pair.

use super::own::BenchTopic;
use super::replay::{self, parse_count};
use super::steps::Steps;
use super::watch::{Plan, broker_pid, prepare, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::{Exit, Failure};
use anyhow::{Context, Result};
use ottla_bench::figures::Figures;
use ottla_bench::replay::Replay;
use ottla_bench::usage::Sample;
use ottla_bench::{Layout, Progress, own_topic};
use ottla_env::process::{free_memory_bytes, load_average};
use std::sync::Arc;

pub const EXAMPLES: &str = "Examples:
  ottla bench compare -b localhost:9092 --against localhost:29092
  ottla bench compare --against localhost:29092 --pairs 9 --batch 16KiB --bytes 512MiB

A is the broker of -b, B the one of --against. Every run has a topic of its own, which is removed behind it. A ratio is A \
over B within one pair, so that what changes on the machine from minute to minute falls out; the median of the pairs is \
what counts. Give both the same durability: Ottla's default is Kafka's flush.messages=1. The first pair warms up and \
does not count. A machine that is busy before the first run is refused, unless --anyway is given.";

/// Load of the last minute above which figures would be those of the neighbours.
const LOAD_MAX: f64 = 0.3;

#[derive(Debug, Clone, clap::Args)]
#[group(id = "compare")]
pub struct Args {
    /// The other broker, HOST:PORT
    #[arg(long, value_name = "HOST:PORT")]
    against: String,

    /// Pairs that count
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = parse_count)]
    pairs: usize,

    /// Measure although the machine is busy
    #[arg(long)]
    anyway: bool,

    #[command(flatten)]
    load: replay::Args,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    if args.load.names_one_broker() {
        let why = "compare makes a topic for every run and finds the processes itself: leave TOPIC, --warm-up and --pid out";
        return Err(Failure::usage(why).into());
    }
    let config = args.load.config()?;
    let load = load_average().unwrap_or(0.0);
    if load > LOAD_MAX && !args.anyway {
        let why = format!(
            "the load of this machine is {load}, and above {LOAD_MAX} a ratio says little; --anyway measures"
        );
        return Err(Failure::new(Exit::Failed, why).into());
    }
    let mut other = global.clone();
    other.bootstrap_server = vec![args.against.clone()];
    let mut steps = Steps::default();
    let mut signals = Signals::new()?;
    for pair in 0..=args.pairs {
        let mut figures = Vec::new();
        for (name, global) in [("A", global), ("B", &other)] {
            let (of_run, ended) = once(args, &config, name, global, &mut signals)
                .await
                .with_context(|| format!("run {name}"))?;
            if ended != Exit::Done {
                return Ok(ended);
            }
            figures.push(of_run);
        }
        if pair > 0 {
            note(&mut steps, &figures[0], &figures[1]);
        }
    }
    eprintln!(
        "memory free now: {} MB; load before: {load:.2}, now: {:.2}",
        free_memory_bytes().unwrap_or(0) / 1_000_000,
        load_average().unwrap_or(0.0)
    );
    steps.print(global)?;
    Ok(Exit::Done)
}

async fn once(
    args: &Args,
    config: &ottla_bench::replay::ReplayConfig,
    name: &'static str,
    global: &Global,
    signals: &mut Signals,
) -> Result<(Figures, Exit)> {
    let failure = |error| cluster::failure(&error);
    let (client, settings) = prepare(cluster::connect(global), signals).await?;
    let surroundings = &settings.client.surroundings;
    let topic = BenchTopic::new(None);
    let measured = async {
        let preparing = async {
            own_topic(&client, &topic.name, args.load.partitions()).await.map_err(failure)?;
            let layout = Layout::of(&client, &topic.name).await.map_err(failure)?;
            let pid = broker_pid(None, &layout, surroundings).await?;
            Ok((Replay::prepare(&layout, config, surroundings).await.map_err(failure)?, pid))
        };
        let (mut replay, pid) = prepare(preparing, signals).await?;
        let records = args.load.records_to_send();
        let progress = Arc::new(Progress::of_records(records.unwrap_or(u64::MAX)));
        let plan = Plan { name, records, time: args.load.time() };
        let before = Sample::take(pid);
        let (measured, ended) = watch(replay.run(&progress), &progress, plan, global, signals).await?;
        Ok((Figures::of(&measured, before, Sample::take(pid)), ended.exit()))
    }
    .await;
    topic.remove(&client).await;
    measured
}

/// The figures of both, and how A stands to B: of rates more is better, of costs less.
fn note(steps: &mut Steps, a: &Figures, b: &Figures) {
    let mut add = |names: [&'static str; 3], unit, of_a: Option<f64>, of_b: Option<f64>| {
        if let (Some(of_a), Some(of_b)) = (of_a, of_b) {
            steps.add(names[0], unit, of_a);
            steps.add(names[1], unit, of_b);
            if of_b != 0.0 {
                steps.add(names[2], "A/B", of_a / of_b);
            }
        }
    };
    add(
        ["mbPerSecondA", "mbPerSecondB", "mbPerSecondRatio"],
        "MB/s",
        Some(a.mb_per_second),
        Some(b.mb_per_second),
    );
    add(["cpuA", "cpuB", "cpuRatio"], "s/GB", a.broker_cpu_seconds_per_gb, b.broker_cpu_seconds_per_gb);
    add(["p50A", "p50B", "p50Ratio"], "ms", a.p50_ms, b.p50_ms);
    add(["p99A", "p99B", "p99Ratio"], "ms", a.p99_ms, b.p99_ms);
    add(["rssA", "rssB", "rssRatio"], "MB", a.broker_rss_mb, b.broker_rss_mb);
}
