//! `ottla bench restart`: what a broker needs to start, to do nothing, and to come back after kill -9.
//!
//! ```text
//! start -> first ack -> all partitions ack -> idle -> fill -> kill -9 -> start -> first ack -> all ack -> count records
//! ```
//! Each run has an empty directory. At its end every record that was acknowledged must be there: a broker that comes
//! back quickly without them has no figure.

use super::child::{BrokerChild, Program, Started};
use super::places::{TemporaryDir, free_ports};
use super::replay::records_of;
use super::steps::Steps;
use crate::args::Global;
use crate::cluster;
use crate::exit::{Exit, Failure};
use crate::units::{parse_duration, parse_size};
use anyhow::{Context, Result};
use ottla_bench::figures::{Figures, Measured};
use ottla_bench::probe::{Acknowledged, Creation, Probe, first_ack};
use ottla_bench::replay::{Replay, ReplayConfig};
use ottla_bench::usage::{Sample, cpu, idle};
use ottla_bench::{Address, Layout, Progress};
use ottla_client::{Acks, Client, ClientConfig, Codec, OffsetSpec, Surroundings};
use ottla_env::process;
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
The broker is killed in the end and its data removed. Only processes that this command started are touched.";

const TOPIC: &str = "ottla-bench";
const RECORD_BYTES: u64 = 1_000;
const BATCH_BYTES: usize = 1_000_000;
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
        let (mut broker, acknowledged) =
            self.start(&program, &data, port, Creation::First, steps, &START).await?;
        let mut acknowledged = acknowledged.records;
        self.idle(&broker, steps).await?;

        self.say("fill");
        acknowledged += self.fill(&broker, port, steps).await?;
        broker.kill()?;

        self.say("restart");
        let (mut broker, again) = self.start(&program, &data, port, Creation::Never, steps, &RESTART).await?;
        acknowledged += again.records;
        let found = self.count(port).await?;
        if found < acknowledged {
            let problem = format!("{acknowledged} records were acknowledged, {found} are there");
            return Err(Failure::new(Exit::Failed, problem).into());
        }
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

    /// How many records were acknowledged.
    async fn fill(&self, broker: &BrokerChild, port: u16, steps: &mut Steps) -> Result<u64> {
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
        let progress = Arc::new(Progress::of_records(records_of(self.args.bytes, RECORD_BYTES)));
        let pid = Some(broker.pid());
        let before = Sample::take(pid);
        let measured: Measured = replay.run(&progress).await.map_err(failure)?;
        let figures = Figures::of(&measured, before, Sample::take(pid));
        steps.add("fill", "MB/s", figures.mb_per_second);
        if let Some(seconds) = figures.broker_cpu_seconds_per_gb {
            steps.add("fillCpu", "s/GB", seconds);
        }
        if let Some(mb) = figures.broker_rss_mb {
            steps.add("filledRss", "MB", mb);
        }
        Ok(measured.done.records)
    }

    async fn count(&self, port: u16) -> Result<u64> {
        let (client, layout) = self.client(port).await?;
        let ends = layout.offsets(&client, OffsetSpec::Latest).await;
        let ends = ends.map_err(|error| cluster::failure(&error))?;
        Ok(ends.values().map(|end| end.max(&0).unsigned_abs()).sum())
    }
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
