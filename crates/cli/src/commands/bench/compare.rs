//! `ottla bench compare`: the same replay against two brokers, A B A B, and the ratio of each pair.

use super::durability::{self, Durability, parse_durability};
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
use ottla_bench::{Layout, Progress};
use ottla_env::process::{self, free_memory_bytes, load_average};
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench compare -b localhost:9092 --against localhost:29092
  ottla bench compare --against localhost:29092 --pairs 9 --batch 16KiB --bytes 512MiB

A is the broker of -b, B the one of --against. Every run has a topic of its own, which is removed behind it. A ratio is A \
over B within one pair, so that what changes on the machine from minute to minute falls out; the median of the pairs is \
what counts. Ottla's default is Kafka's flush.messages=1, so --durability asks both for the same; every row says what they told \
of their topics. The first pair warms up and does not count. Both brokers run all the time, but for --pause. A machine that \
is busy before the first run is refused, unless --anyway is given.";

/// Load of the last minute above which figures would be those of the neighbours.
const LOAD_MAX: f64 = 0.3;
/// After a broker goes on: its controller may have missed it meanwhile, and take it back with its next heartbeat.
const AWAKE: Duration = Duration::from_secs(5);

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

    /// What both acknowledge: os (in the page cache) or fsync (on the disk) [default: as each is set]
    #[arg(long, value_name = "DURABILITY", value_parser = parse_durability)]
    durability: Option<Durability>,

    /// Stop the process of one broker (SIGSTOP) while the other is measured; both must run on this machine
    #[arg(long)]
    pause: bool,

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
    let mut signals = Signals::new()?;
    let others = if args.pause {
        match [process_of(global, &mut signals).await?, process_of(&other, &mut signals).await?] {
            [Some(a), Some(b)] if a != b => [Some(b), Some(a)],
            _ => {
                let why = "--pause: the two brokers must be two processes of this machine that can be seen";
                return Err(Failure::usage(why).into());
            }
        }
    } else {
        if !global.quiet {
            eprintln!("both brokers run: one idles while the other is measured; --pause stops it");
        }
        [None, None]
    };
    let mut steps = Steps::default();
    for pair in 0..=args.pairs {
        let mut runs = Vec::new();
        for ((name, global), other) in [("A", global), ("B", &other)].into_iter().zip(others) {
            let paused = other.map(Paused::new).transpose().context("stop the other broker")?;
            let run = once(args, &config, name, global, &mut signals).await;
            let was_paused = paused.is_some();
            drop(paused);
            let (run, ended) = run.with_context(|| format!("run {name}"))?;
            if ended != Exit::Done {
                return Ok(ended);
            }
            if was_paused {
                tokio::select! {
                    () = tokio::time::sleep(AWAKE) => {}
                    exit = signals.next() => return Ok(exit),
                }
            }
            runs.push(run);
        }
        let [a, b] = runs.as_slice() else { unreachable!("a run of each was noted") };
        if pair == 0 {
            steps.label("durabilityA", a.durability.clone());
            steps.label("durabilityB", b.durability.clone());
        } else {
            note(&mut steps, &a.figures, &b.figures);
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

/// A run, and what its topic promised.
struct Run {
    figures: Figures,
    durability: String,
}

/// A process that stands still until this is dropped.
struct Paused(u32);

impl Paused {
    fn new(pid: u32) -> io::Result<Self> {
        process::pause(pid).map(|()| Self(pid))
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        if let Err(error) = process::resume(self.0) {
            eprintln!(
                "ottla: process {} is still stopped, `kill -CONT {}` lets it go on: {error}",
                self.0, self.0
            );
        }
    }
}

/// The broker's process, where it is on this machine.
async fn process_of(global: &Global, signals: &mut Signals) -> Result<Option<u32>> {
    let found = async {
        let (client, settings) = cluster::connect(global).await?;
        let layout = Layout::brokers_of(&client).await.map_err(|error| cluster::failure(&error))?;
        broker_pid(None, &layout, &settings.client.surroundings).await
    };
    prepare(found, signals).await
}

async fn once(
    args: &Args,
    config: &ottla_bench::replay::ReplayConfig,
    name: &'static str,
    global: &Global,
    signals: &mut Signals,
) -> Result<(Run, Exit)> {
    let failure = |error| cluster::failure(&error);
    let (client, settings) = prepare(cluster::connect(global), signals).await?;
    let surroundings = &settings.client.surroundings;
    let topic = BenchTopic::new(None);
    let measured = async {
        let preparing = async {
            durability::create(&client, &topic.name, args.load.partitions(), args.durability).await?;
            let durability = durability::of_topic(&client, &topic.name).await?;
            let layout = Layout::of(&client, &topic.name).await.map_err(failure)?;
            let pid = broker_pid(None, &layout, surroundings).await?;
            Ok((Replay::prepare(&layout, config, surroundings).await.map_err(failure)?, pid, durability))
        };
        let (mut replay, pid, durability) = prepare(preparing, signals).await?;
        let records = args.load.records_to_send();
        let progress = Arc::new(Progress::of_records(records.unwrap_or(u64::MAX)));
        let plan = Plan { name, records, time: args.load.time() };
        let before = Sample::take(pid);
        let (measured, ended) = watch(replay.run(&progress), &progress, plan, global, signals).await?;
        let figures = Figures::of(&measured, before, Sample::take(pid));
        Ok((Run { figures, durability }, ended.exit()))
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
    for (names, figures) in [(["freeMemoryA", "loadA"], a), (["freeMemoryB", "loadB"], b)] {
        if let (Some(mb), Some(load)) = (figures.free_memory_mb, figures.load_average) {
            steps.add(names[0], "MB", mb);
            steps.add(names[1], "", load);
        }
    }
}
