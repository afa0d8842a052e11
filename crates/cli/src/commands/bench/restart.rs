//! `ottla bench restart`: what a broker needs to start, to do nothing, and to come back after kill -9.
//!
//! ```text
//! start -> first ack -> all partitions ack -> idle -> fill, and kill -9 while it goes on -> start -> first ack
//! -> all ack -> read everything
//! ```
//! Each run has an empty directory. At its end every record that was acknowledged must be there, in each partition up to
//! the offset that was told, without a gap and with the CRC of its batch: a broker that comes back quickly without them has
//! no figure.

use super::child::{BrokerChild, Program, Started};
use super::places::{TemporaryDir, free_ports};
use super::replay::records_of;
use super::steps::Steps;
use crate::args::Global;
use crate::cluster;
use crate::exit::{Exit, Failure};
use crate::units::{parse_duration, parse_size};
use anyhow::{Context, Result};
use ottla_bench::drain::{Check, Drain, DrainConfig};
use ottla_bench::figures::{Figures, Latencies, Measured};
use ottla_bench::probe::{Acknowledged, Creation, Probe, first_ack};
use ottla_bench::replay::{Replay, ReplayConfig};
use ottla_bench::usage::{Sample, cpu, idle};
use ottla_bench::{Address, Layout, Progress};
use ottla_client::{Acks, Client, ClientConfig, Codec, OffsetSpec, Surroundings};
use ottla_env::process;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench restart                            this executable's broker, once
  ottla bench restart --runs 5 --bytes 10GiB --partitions 16 --output json
  ottla bench restart -X num.io.threads=2        with a setting for the broker
  ottla bench restart --broker-command 'exec kafka.sh run \"$DIR\" PORT=$PORT' \\
    --prepare-command 'kafka.sh format \"$DIR\"'

Figures: start to the first acknowledged record (the topic's creation included) and to one in every partition; memory \
and CPU of the idle broker; the fill; kill -9 to the first acknowledged record, and to one in every partition. \
The kill comes while the load goes on. Then every partition is read to its end: an offset that was acknowledged and is \
not there, a gap or a wrong CRC fails the command. The broker is killed in the end and its data removed. Only processes that this command started are touched.";

const TOPIC: &str = "ottla-bench";
const RECORD_BYTES: u64 = 1_000;
const BATCH_BYTES: usize = 1_000_000;
/// How often it is looked whether enough is written.
const LOOK: Duration = Duration::from_millis(1);
const FETCH_BYTES: i32 = 16 << 20;
const PARTITION_BYTES: i32 = 1 << 20;
/// After a start, before a broker counts as idle.
const SETTLE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How often everything is measured; the median is shown
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,

    /// How much is written before the kill, counted in values of records
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "1GiB")]
    bytes: u64,

    /// Partitions of the topic
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,

    /// How long the broker is watched while it does nothing; 0 leaves that out
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10s")]
    idle: Duration,

    #[command(flatten)]
    broker: Started,

    /// Run before the clock of the first start begins, with the same variables: to format a directory
    #[arg(long, value_name = "LINE")]
    prepare_command: Option<String>,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let mut steps = Steps::default();
    let runs = async {
        for number in 1..=args.runs {
            Run { args, global, number, surroundings: Surroundings::default() }.measure(&mut steps).await?;
        }
        Ok(Exit::Done)
    };
    // Dropping the runs kills their broker and removes its data.
    let result = tokio::select! {
        result = runs => result,
        result = cluster::interrupted() => result,
    };
    steps.print(global)?;
    result
}

struct Run<'a> {
    args: &'a Args,
    global: &'a Global,
    number: u32,
    surroundings: Surroundings,
}

impl Run<'_> {
    async fn measure(&self, steps: &mut Steps) -> Result<()> {
        let dir = TemporaryDir::new(self.args.broker.data_dir.as_deref())?;
        let data = dir.path().join("data");
        let port = free_ports().await?;
        let program = self.args.broker.program(self.global);
        if let Some(line) = &self.args.prepare_command {
            self.say("prepare");
            let prepare = Program::Foreign { line: line.clone() };
            let status = prepare.command(&data, port)?.status().context("run --prepare-command")?;
            if !status.success() {
                return Err(Failure::new(Exit::Failed, format!("--prepare-command: {status}")).into());
            }
        }

        self.say("start");
        let (mut broker, first) = self.start(&program, &data, port, Creation::First, steps, &START).await?;
        self.idle(&broker, steps).await?;

        self.say("fill, and kill -9");
        let mut ends = first.ends;
        ends.extend(self.fill_and_kill(&mut broker, port, steps).await?);

        self.say("restart");
        let (mut broker, again) = self.start(&program, &data, port, Creation::Never, steps, &RESTART).await?;
        take_again(&mut ends, &again.ends)?;
        self.say("read");
        self.read(port, &ends).await?;
        broker.kill()
    }

    fn say(&self, step: &str) {
        if !self.global.quiet {
            eprintln!("run {} of {}: {step}", self.number, self.args.runs);
        }
    }

    async fn start(
        &self,
        program: &Program,
        data: &std::path::Path,
        port: u16,
        creation: Creation,
        steps: &mut Steps,
        names: &Names,
    ) -> Result<(BrokerChild, Acknowledged)> {
        let probe = Probe {
            address: Address { host: "127.0.0.1".to_owned(), port },
            topic: TOPIC.to_owned(),
            partitions: self.args.partitions,
            creation,
        };
        let began = self.surroundings.clock.monotonic();
        let mut broker = BrokerChild::start(program, data, port)?;
        let acknowledged = tokio::select! {
            acknowledged = first_ack(&probe, &self.surroundings, self.args.broker.patience) => {
                acknowledged.map_err(|error| cluster::failure(&error))?
            }
            ended = broker.ended() => return Err(ended),
        };
        steps.ms(names.first_ack, acknowledged.first.saturating_sub(began));
        steps.ms(names.all_ack, acknowledged.all.saturating_sub(began));
        if let Ok(usage) = process::usage(broker.pid()) {
            steps.add(names.cpu, "s", cpu(usage).as_secs_f64());
        }
        Ok((broker, acknowledged))
    }

    async fn idle(&self, broker: &BrokerChild, steps: &mut Steps) -> Result<()> {
        if self.args.idle.is_zero() {
            return Ok(());
        }
        self.say("idle");
        tokio::time::sleep(SETTLE).await;
        let idle = idle(broker.pid(), self.args.idle).await.context("watch the idle broker")?;
        steps.mb("idleRss", idle.rss_bytes);
        steps.add("idleCpu", "% of a core", idle.cpu * 100.0);
        steps.add("idleThreads", "", idle.threads as f64);
        Ok(())
    }

    async fn client(&self, port: u16) -> Result<(Client, Layout)> {
        let config = ClientConfig { bootstrap: vec![format!("127.0.0.1:{port}")], ..ClientConfig::default() };
        let failure = |error| cluster::failure(&error);
        let client = Client::connect(config).await.map_err(failure)?;
        let layout = Layout::of(&client, TOPIC).await.map_err(failure)?;
        Ok((client, layout))
    }

    /// Kills the broker as soon as enough is acknowledged, while more is under way. What was acknowledged, by partition.
    async fn fill_and_kill(
        &self,
        broker: &mut BrokerChild,
        port: u16,
        steps: &mut Steps,
    ) -> Result<BTreeMap<i32, i64>> {
        let (_client, layout) = self.client(port).await?;
        let config = ReplayConfig {
            record_bytes: RECORD_BYTES as usize,
            batch_bytes: BATCH_BYTES,
            codec: Codec::None,
            acks: Acks::All,
            connections: 1,
            in_flight: 5,
        };
        let failure = |error| cluster::failure(&error);
        let mut replay = Replay::prepare(&layout, &config, &self.surroundings).await.map_err(failure)?;
        let progress = Arc::new(Progress::unlimited());
        let pid = Some(broker.pid());
        let records = records_of(self.args.bytes, RECORD_BYTES);
        let filled = async {
            while progress.done().records < records {
                tokio::time::sleep(LOOK).await;
            }
        };
        let (before, began) = (Sample::take(pid), self.surroundings.clock.monotonic());
        let mut load = pin!(replay.run(&progress));
        tokio::select! {
            ended = &mut load => {
                ended.map_err(failure)?;
                anyhow::bail!("the load ended before the kill");
            }
            () = filled => {}
        }
        let elapsed = self.surroundings.clock.monotonic().saturating_sub(began);
        let measured = Measured { done: progress.done(), elapsed, latencies: Latencies::default() };
        let figures = Figures::of(&measured, before, Sample::take(pid));
        broker.kill()?;
        // It ends with a broken connection; acknowledgements that had arrived are noted until then.
        let _ = load.await;
        steps.add("fill", "MB/s", figures.mb_per_second);
        if let Some(seconds) = figures.broker_cpu_seconds_per_gb {
            steps.add("fillCpu", "s/GB", seconds);
        }
        if let Some(mb) = figures.broker_rss_mb {
            steps.add("filledRss", "MB", mb);
        }
        Ok(progress.ends())
    }

    /// Every partition from its first offset to its end, which must not be in front of what was acknowledged.
    async fn read(&self, port: u16, acknowledged: &BTreeMap<i32, i64>) -> Result<()> {
        let failure = |error| cluster::failure(&error);
        let (client, layout) = self.client(port).await?;
        let starts = layout.offsets(&client, OffsetSpec::Earliest).await.map_err(failure)?;
        let ends = layout.offsets(&client, OffsetSpec::Latest).await.map_err(failure)?;
        for (partition, end) in acknowledged {
            let of = |offsets: &BTreeMap<i32, i64>| offsets.get(partition).copied().unwrap_or(0);
            let (first, next) = (of(&starts), of(&ends));
            if first > 0 || next < *end {
                return Err(lost(*partition, *end, &format!("{first} to {next}")));
            }
        }
        let config = DrainConfig {
            connections: 1,
            fetch_bytes: FETCH_BYTES,
            partition_bytes: PARTITION_BYTES,
            check: Check::Whole,
        };
        let drain = Drain::prepare(&client, &layout, &config, &self.surroundings).await.map_err(failure)?;
        drain.run(&Arc::new(Progress::unlimited())).await.map_err(failure)?;
        Ok(())
    }
}

/// Adds the one record that each partition took after the restart. Its offset must not have been given before.
fn take_again(ends: &mut BTreeMap<i32, i64>, again: &BTreeMap<i32, i64>) -> Result<()> {
    for (partition, next) in again {
        let end = ends.entry(*partition).or_insert(0);
        if next - 1 < *end {
            return Err(lost(*partition, *end, &format!("0 to {}", next - 1)));
        }
        *end = *next;
    }
    Ok(())
}

/// Offsets are told from the first to the one behind the last.
fn lost(partition: i32, end: i64, there: &str) -> anyhow::Error {
    let problem = format!("partition {partition}: offsets 0 to {end} were acknowledged, {there} are there");
    Failure::new(Exit::Failed, problem).into()
}

/// What the figures of a start are called.
struct Names {
    first_ack: &'static str,
    all_ack: &'static str,
    cpu: &'static str,
}

const START: Names = Names { first_ack: "startToFirstAck", all_ack: "startToAllAcks", cpu: "startCpu" };
const RESTART: Names =
    Names { first_ack: "restartToFirstAck", all_ack: "restartToAllAcks", cpu: "restartCpu" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_is_given_twice_is_a_lost_record() {
        let mut ends = BTreeMap::from([(0, 10), (1, 3)]);
        take_again(&mut ends, &BTreeMap::from([(0, 13), (1, 4)])).unwrap();
        assert_eq!(ends, BTreeMap::from([(0, 13), (1, 4)]));
        let error = take_again(&mut ends, &BTreeMap::from([(0, 14), (1, 4)])).unwrap_err();
        let told = "partition 1: offsets 0 to 4 were acknowledged, 0 to 3 are there";
        assert_eq!(error.to_string(), told);
    }
}
