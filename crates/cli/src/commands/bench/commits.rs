//! `ottla bench commits`: many commits of a few offsets, and how soon a broker that was killed knows them again, before
//! and after its log was compacted.
//!
//! ```text
//! start -> commit -> kill -9 -> start -> all offsets known -> wait for the cleaner -> kill -9 -> start -> all known
//! ```
//! Every offset is looked up after each start: a broker that comes back quickly with older ones has no figure.

use super::child::{BrokerChild, Program, Started};
use super::places::{TemporaryDir, free_ports};
use super::steps::Steps;
use super::watch::{Plan, draw};
use crate::args::Global;
use crate::cluster;
use crate::exit::{Exit, Failure};
use crate::units::parse_duration;
use anyhow::{Context, Result};
use ottla_bench::commits::{CommitsConfig, all_known, commit_all, log_bytes, prepare};
use ottla_bench::usage::{Sample, spent};
use ottla_bench::{Address, Progress};
use ottla_client::Surroundings;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench commits                            a million commits of one group
  ottla bench commits --groups 1000 --partitions 10 --settle 60s
  ottla bench commits -X offsets.topic.segment.bytes=10485760
  ottla bench commits --broker-command 'exec kafka.sh run \"$DIR\" PORT=$PORT'

Figures: commits in a second, the size of __consumer_offsets, and the time from the start of the killed broker until every
offset is told, before and after the time that its cleaner is given. Settings for the broker are taken with -X. The broker
is killed in the end and its data removed. Only processes that this command started are touched.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How many offsets are committed, one in each request
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    commits: u64,

    /// Groups that they are of
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    groups: u64,

    /// Partitions that each group commits
    #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    partitions: i32,

    /// Connections, each with one commit under way
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    connections: u64,

    /// How long the cleaner is given
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s")]
    settle: Duration,

    #[command(flatten)]
    broker: Started,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let _ = ottla_env::process::raise_open_file_limit();
    let dir = TemporaryDir::new(args.broker.data_dir.as_deref())?;
    let port = free_ports().await?;
    let program = args.broker.program(global);
    let config = CommitsConfig {
        address: Address { host: "127.0.0.1".to_owned(), port },
        groups: args.groups,
        partitions: args.partitions,
        commits: args.commits,
        connections: args.connections,
    };
    let surroundings = Surroundings::default();
    let run = Run { args, global, program, data: dir.path().join("data"), port, config, surroundings };
    let mut steps = Steps::default();
    // Dropping the run kills its broker; the directory goes behind it.
    let result = tokio::select! {
        result = run.measure(&mut steps) => result,
        result = cluster::interrupted() => result,
    };
    steps.print(global)?;
    result
}

struct Run<'a> {
    args: &'a Args,
    global: &'a Global,
    program: Program,
    data: PathBuf,
    port: u16,
    config: CommitsConfig,
    surroundings: Surroundings,
}

impl Run<'_> {
    async fn measure(&self, steps: &mut Steps) -> Result<Exit> {
        let failure = |error| cluster::failure(&error);
        let mut broker = BrokerChild::start(&self.program, &self.data, self.port)?;
        self.wait_prepared(&mut broker).await?;
        let pid = Some(broker.pid());
        let before = Sample::take(pid);
        let progress = Arc::new(Progress::of_records(self.args.commits));
        let plan = Plan { name: "commit", records: Some(self.args.commits), time: None };
        let committing = commit_all(&self.config, &self.surroundings, &progress);
        let time = draw(committing, &progress, plan, self.global).await?;
        steps.add("commits", "/s", self.args.commits as f64 / time.as_secs_f64().max(1e-9));
        if let Some(cpu) = spent(before.broker, Sample::take(pid).broker) {
            steps.add("commitCpu", "us", cpu.as_secs_f64() * 1e6 / self.args.commits as f64);
        }
        steps.mb("log", log_bytes(&self.config, &self.surroundings).await.map_err(failure)?);
        broker.kill()?;

        let mut broker = self.restart("startToAllOffsets", steps).await?;
        self.say("wait for the cleaner");
        tokio::time::sleep(self.args.settle).await;
        steps.mb("cleanedLog", log_bytes(&self.config, &self.surroundings).await.map_err(failure)?);
        broker.kill()?;
        self.restart("cleanedStartToAllOffsets", steps).await?.kill()?;
        Ok(Exit::Done)
    }

    /// The broker takes commits of all groups.
    async fn wait_prepared(&self, broker: &mut BrokerChild) -> Result<()> {
        self.say("start");
        let preparing = async {
            loop {
                match prepare(&self.config, &self.surroundings).await {
                    Err(error) if error.is_retriable() => tokio::time::sleep(Duration::from_millis(10)).await,
                    result => return result.map_err(|error| cluster::failure(&error)),
                }
            }
        };
        let patience = self.args.broker.patience;
        tokio::select! {
            prepared = tokio::time::timeout(patience, preparing) => {
                let late = || Failure::new(Exit::Unreachable, format!("not ready after {patience:?}"));
                Ok(prepared.map_err(|_| late()).context("start the broker")??)
            }
            ended = broker.ended() => Err(ended),
        }
    }

    async fn restart(&self, name: &'static str, steps: &mut Steps) -> Result<BrokerChild> {
        self.say("start again");
        let began = self.surroundings.clock.monotonic();
        let mut broker = BrokerChild::start(&self.program, &self.data, self.port)?;
        let known = tokio::select! {
            known = all_known(&self.config, &self.surroundings, self.args.broker.patience) => {
                known.map_err(|error| cluster::failure(&error))?
            }
            ended = broker.ended() => return Err(ended),
        };
        steps.ms(name, known.saturating_sub(began));
        Ok(broker)
    }

    fn say(&self, step: &str) {
        if !self.global.quiet {
            eprintln!("{step}");
        }
    }
}
