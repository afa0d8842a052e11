//! `ottla bench compare`: the same replay against two brokers, A B A B, and the ratio of each pair.
//!
//! What makes a ratio unfair is refused or done away with by default: a busy machine, brokers that promise different
//! things, and one that has only just been started. That one works beside the other is only done away with where somebody
//! asks for it: to stop a process is not for a benchmark to decide.

use super::durability::{self, Durability, Told, parse_durability};
use super::own::BenchTopic;
use super::replay::{self, parse_count};
use super::steps::Steps;
use super::watch::{Plan, broker_pid, prepare, watch};
use crate::args::Global;
use crate::cluster::{self, Signals};
use crate::exit::{Exit, Failure};
use anyhow::{Context, Result};
use ottla_bench::figures::Figures;
use ottla_bench::replay::{Replay, ReplayConfig};
use ottla_bench::usage::Sample;
use ottla_bench::{Layout, Progress};
use ottla_client::{Acks, Codec};
use ottla_env::host;
use ottla_env::process::{self, free_memory_bytes, load_average};
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench compare -b localhost:9092 --against localhost:29092
  ottla bench compare --against localhost:29092 --durability os
  ottla bench compare --against localhost:29092 --pairs 9 --batch 16KiB --bytes 512MiB --fresh

A is the broker of -b, B the one of --against. Every run has a topic of its own, which is removed behind it. A ratio is A \
over B within one pair, so that what changes on the machine from minute to minute falls out; the median of the pairs is \
what counts. Ottla's default is Kafka's flush.messages=1, so --durability asks both for the same; what they told of their \
topics stands in every row, and brokers that told different things are refused, unless --unequal is given. Each broker \
takes --warm-up-records first, because a JVM compiles what runs often; then the first pair warms up and does not count. \
Both brokers run all the time, but for --pause, which is what is fair to both where they are processes of this machine. \
A machine that is busy before the first run is refused, unless --anyway is given.";

/// Load of the last minute above which figures would be those of the neighbours.
const LOAD_MAX: f64 = 0.3;
/// After a broker goes on: its controller may have missed it meanwhile, and take it back with its next heartbeat.
const AWAKE: Duration = Duration::from_secs(5);
/// After the page cache was dropped: for freed memory to go where it goes.
const REST: Duration = Duration::from_secs(5);

/// Small requests: a JVM compiles what it does for each of them, not for each byte. `cargo xtask bars` does the same.
const WARM_UP: ReplayConfig = ReplayConfig {
    record_bytes: 100,
    batch_bytes: 4 << 10,
    codec: Codec::None,
    acks: Acks::All,
    connections: 4,
    in_flight: 5,
};
const WARM_UP_PARTITIONS: i32 = 4;

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

    /// Compare although they do not acknowledge the same
    #[arg(long)]
    unequal: bool,

    /// Stop the process of one broker (SIGSTOP) while the other is measured; both must run on this machine, and a terminal
    /// that one of them has in the foreground is given back to its shell
    #[arg(long)]
    pause: bool,

    /// Small records that each broker takes before the first pair
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    warm_up_records: u64,

    /// Drop the page cache of this machine before each run, which takes root
    #[arg(long)]
    fresh: bool,

    #[command(flatten)]
    load: replay::Args,
}

/// One of the two brokers.
#[derive(Debug, Clone, Copy)]
struct Side<'a> {
    name: &'static str,
    global: &'a Global,
    /// The other one's process, which stands still while this one is measured.
    other: Option<u32>,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    if args.load.names_one_broker() {
        let why = "compare makes a topic for every run and finds the processes itself: leave TOPIC, --warm-up and --pid out";
        return Err(Failure::usage(why).into());
    }
    let config = args.load.config()?;
    let load = load_average().unwrap_or(0.0);
    if let Some(refusal) = busy(load).filter(|_| !args.anyway) {
        return Err(refusal.into());
    }
    if args.fresh && !host::may_drop_caches() {
        let why = "--fresh: only root may drop the page cache of a machine; use sudo, or leave it out";
        return Err(Failure::usage(why).into());
    }
    let mut other = global.clone();
    other.bootstrap_server = vec![args.against.clone()];
    let mut signals = Signals::new()?;
    let found = [process_of(global, &mut signals).await?, process_of(&other, &mut signals).await?];
    let [beside_a, beside_b] = to_pause(args, found)?;
    let sides =
        [Side { name: "A", global, other: beside_a }, Side { name: "B", global: &other, other: beside_b }];
    let [a, b] = [told_of(args, global, &mut signals).await?, told_of(args, &other, &mut signals).await?];
    if let Some(refusal) = unequal(&a, &b).filter(|_| !args.unequal) {
        return Err(refusal.into());
    }
    if beside_a.is_none() && !global.quiet {
        eprintln!("both brokers run: one idles while the other is measured; --pause stops it");
    }
    for side in sides {
        let warmed = warm_up(args.warm_up_records, side, &mut signals).await;
        let ended = warmed.with_context(|| format!("warm {} up", side.name))?;
        if ended != Exit::Done {
            return Ok(ended);
        }
    }
    let mut steps = Steps::default();
    steps.label("durabilityA", a.setting);
    steps.label("durabilityB", b.setting);
    for pair in 0..=args.pairs {
        let mut runs = Vec::new();
        for side in sides {
            let (figures, ended) = alone(args, &config, side, &mut signals).await?;
            if ended != Exit::Done {
                return Ok(ended);
            }
            runs.push(figures);
        }
        let [a, b] = runs.as_slice() else { unreachable!("a run of each was noted") };
        if pair > 0 {
            note(&mut steps, a, b);
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

/// Why not to measure at this load of the machine.
fn busy(load: f64) -> Option<Failure> {
    (load > LOAD_MAX).then(|| {
        let why = format!(
            "the load of this machine is {load}, and above {LOAD_MAX} a ratio says little; --anyway measures"
        );
        Failure::new(Exit::Failed, why)
    })
}

/// Why not to compare brokers that told this.
fn unequal(a: &Told, b: &Told) -> Option<Failure> {
    let is_same = a.durability.is_some() && a.durability == b.durability;
    (!is_same).then(|| {
        let (a, b) = (a.promise(), b.promise());
        Failure::usage(format!(
            "A acknowledges {a}, and B {b}: --durability os or --durability fsync asks both for the same, --unequal \
             compares them as they are"
        ))
    })
}

/// Which process stands still while A is measured, and which while B is.
fn to_pause(args: &Args, found: [Option<u32>; 2]) -> Result<[Option<u32>; 2], Failure> {
    match found {
        _ if !args.pause => Ok([None, None]),
        [Some(a), Some(b)] if a != b => Ok([Some(b), Some(a)]),
        _ => {
            let why = "--pause: the two brokers must be two processes of this machine that can be seen";
            Err(Failure::usage(why))
        }
    }
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

/// What the broker tells of a topic that is made as those of the runs are.
async fn told_of(args: &Args, global: &Global, signals: &mut Signals) -> Result<Told> {
    let (client, _) = prepare(cluster::connect(global), signals).await?;
    let topic = BenchTopic::new(None);
    let asking = async {
        durability::create(&client, &topic.name, args.load.partitions(), args.durability).await?;
        durability::of_topic(&client, &topic.name).await
    };
    let told = prepare(asking, signals).await;
    topic.remove(&client).await;
    told
}

/// Half of the records as they are and half in lz4, all into the page cache: a sync takes time and compiles nothing.
async fn warm_up(records: u64, side: Side<'_>, signals: &mut Signals) -> Result<Exit> {
    if records == 0 {
        return Ok(Exit::Done);
    }
    let failure = |error| cluster::failure(&error);
    let (client, settings) = prepare(cluster::connect(side.global), signals).await?;
    let surroundings = &settings.client.surroundings;
    let topic = BenchTopic::new(None);
    let warmed = async {
        let preparing = async {
            durability::create(&client, &topic.name, WARM_UP_PARTITIONS, Some(Durability::Os)).await?;
            Ok(Layout::of(&client, &topic.name).await.map_err(failure)?)
        };
        let layout = prepare(preparing, signals).await?;
        for codec in [Codec::None, Codec::Lz4] {
            let config = ReplayConfig { codec, ..WARM_UP };
            let preparing =
                async { Ok(Replay::prepare(&layout, &config, surroundings).await.map_err(failure)?) };
            let mut replay = prepare(preparing, signals).await?;
            let ended = replay::warm_up(&mut replay, records.div_ceil(2), side.global, signals).await?;
            if ended != Exit::Done {
                return Ok(ended);
            }
        }
        Ok(Exit::Done)
    }
    .await;
    topic.remove(&client).await;
    warmed
}

/// A run of one broker while the other stands still, where that is to be.
async fn alone(
    args: &Args,
    config: &ReplayConfig,
    side: Side<'_>,
    signals: &mut Signals,
) -> Result<(Figures, Exit)> {
    let paused = side.other.map(Paused::new).transpose().context("stop the other broker")?;
    if args.fresh {
        prepare(fresh(), signals).await?;
    }
    let run = once(args, config, side, signals).await;
    let was_paused = paused.is_some();
    drop(paused);
    let (figures, ended) = run.with_context(|| format!("run {}", side.name))?;
    if was_paused && ended == Exit::Done {
        tokio::select! {
            () = tokio::time::sleep(AWAKE) => {}
            exit = signals.next() => return Ok((figures, exit)),
        }
    }
    Ok((figures, ended))
}

/// Memory as if nothing had been measured before.
async fn fresh() -> Result<()> {
    // This blocks the thread, on which nothing else is to be done.
    host::drop_caches().context("drop the page cache")?;
    tokio::time::sleep(REST).await;
    Ok(())
}

async fn once(
    args: &Args,
    config: &ReplayConfig,
    side: Side<'_>,
    signals: &mut Signals,
) -> Result<(Figures, Exit)> {
    let failure = |error| cluster::failure(&error);
    let Side { name, global, .. } = side;
    let (client, settings) = prepare(cluster::connect(global), signals).await?;
    let surroundings = &settings.client.surroundings;
    let topic = BenchTopic::new(None);
    let measured = async {
        let preparing = async {
            durability::create(&client, &topic.name, args.load.partitions(), args.durability).await?;
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
    for (names, figures) in [(["freeMemoryA", "loadA"], a), (["freeMemoryB", "loadB"], b)] {
        if let (Some(mb), Some(load)) = (figures.free_memory_mb, figures.load_average) {
            steps.add(names[0], "MB", mb);
            steps.add(names[1], "", load);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    fn args(line: &[&str]) -> Args {
        parsed(&[&["compare", "--against", "localhost:1"], line].concat()).unwrap()
    }

    #[test]
    fn a_busy_machine_is_refused() {
        assert!(busy(0.0).is_none() && busy(0.29).is_none());
        let refusal = busy(0.31).unwrap();
        assert!(refusal.problem.contains("--anyway"), "{refusal}");
    }

    #[test]
    fn brokers_that_acknowledge_different_things_are_refused_and_the_way_out_is_named() {
        let own = Told::of("durability", "fsync");
        let refusal = unequal(&own, &Told::of("flush.messages", "9223372036854775807")).unwrap();
        assert_eq!(refusal.exit, Exit::Usage);
        for part in [
            "A acknowledges what is on the disk (durability=fsync)",
            "B what is in the page cache (flush.messages=9223372036854775807)",
            "--durability os or --durability fsync",
            "--unequal",
        ] {
            assert!(refusal.problem.contains(part), "{refusal}");
        }
        let unknown = Told { setting: "unknown".to_owned(), durability: None };
        assert!(unequal(&own, &unknown).is_some() && unequal(&unknown, &unknown).is_some());
        assert!(unequal(&own, &Told::of("flush.messages", "1")).is_none());
        assert!(unequal(&Told::of("durability", "os"), &Told::of("flush.messages", "1000")).is_none());
    }

    #[test]
    fn one_of_two_processes_stands_still_where_that_is_asked_for() {
        let of = |line: &[&str], found: [Option<u32>; 2]| to_pause(&args(line), found).ok();
        let two = [Some(7), Some(8)];
        assert_eq!(of(&[], two), Some([None, None]));
        assert_eq!(of(&["--pause"], two), Some([Some(8), Some(7)]));
        for found in [[Some(7), Some(7)], [Some(7), None], [None, None]] {
            assert_eq!(of(&[], found), Some([None, None]));
            assert_eq!(of(&["--pause"], found), None);
        }
    }
}
