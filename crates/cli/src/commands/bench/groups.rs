//! `ottla bench groups`: members of a group join, one leaves, one joins; how long until all is divided again.

use super::own;
use super::replay::parse_count;
use super::steps::Steps;
use super::watch::broker_pid;
use crate::args::Global;
use crate::cluster;
use crate::exit::Exit;
use crate::units::parse_duration;
use anyhow::Result;
use ottla_bench::groups::{Groups, GroupsConfig};
use ottla_bench::usage::{Sample, spent};
use ottla_bench::{Layout, own_topic};
use ottla_client::Assignor;
use ottla_env::rng::{OsRng, Rng};
use std::sync::Arc;
use std::time::Duration;

pub const EXAMPLES: &str = "Examples:
  ottla bench groups --members 100 --partitions 1000
  ottla bench groups --members 20 --assignor cooperative-sticky --runs 5

Figures are milliseconds until every partition has one reader again and all members are in one generation: after all \
have joined at once, after one has left, after one has joined. A broker waits for more members before the first \
assignment of a group: compare brokers with the same group.initial.rebalance.delay.ms. Members that are in learn of a \
rebalance by their next heartbeat, up to 3 s later. The CPU is the broker's, where its process is visible.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Members of the group, each with connections of its own
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_count)]
    members: usize,

    /// Partitions of the topic that they share
    #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i32).range(1..=100_000))]
    partitions: i32,

    /// How partitions are divided: range, roundrobin, sticky or cooperative-sticky
    #[arg(long, value_name = "NAME", default_value = "range", value_parser = parse_assignor)]
    assignor: Assignor,

    /// How often all of it is done
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,

    /// How long one step may take
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "120s")]
    patience: Duration,

    /// The broker's process, where it is not found by itself
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

fn parse_assignor(text: &str) -> Result<Assignor, String> {
    let names = Assignor::ALL.map(Assignor::name);
    Assignor::from_name(text).ok_or_else(|| format!("the assignors are {}", names.join(", ")))
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, settings) = cluster::connect(global).await?;
    let name = format!("ottla-bench-{:08x}", OsRng.next_u64() as u32);
    let mut steps = Steps::default();
    let measured = async {
        own_topic(&client, &name, args.partitions).await.map_err(|error| cluster::failure(&error))?;
        let layout = Layout::of(&client, &name).await.map_err(|error| cluster::failure(&error))?;
        let pid = broker_pid(args.pid, &layout, &settings.client.surroundings).await?;
        for run in 1..=args.runs {
            if !global.quiet {
                eprintln!("run {run} of {}", args.runs);
            }
            let config = GroupsConfig {
                group: format!("{name}-{run}"),
                topic: name.clone(),
                partitions: layout.partitions().count(),
                members: args.members,
                assignor: args.assignor,
                patience: args.patience,
            };
            let clock = Arc::clone(&settings.client.surroundings.clock);
            measure(Groups::new(client.clone(), config, clock), pid, &mut steps).await?;
        }
        Ok(Exit::Done)
    };
    let result = tokio::select! {
        result = measured => result,
        interrupted = cluster::interrupted() => interrupted,
    };
    // Groups too, which a run left without members.
    let groups: Vec<String> = (1..=args.runs).map(|run| format!("{name}-{run}")).collect();
    own::remove(&client, std::slice::from_ref(&name), &groups).await;
    steps.print(global)?;
    result
}

async fn measure(mut groups: Groups, pid: Option<u32>, steps: &mut Steps) -> Result<()> {
    let failure = |error| cluster::failure(&error);
    let mut before = Sample::take(pid);
    let mut cost = |steps: &mut Steps, name| {
        let after = Sample::take(pid);
        if let Some(cpu) = spent(before.broker, after.broker) {
            steps.ms(name, cpu);
        }
        before = after;
    };
    steps.ms("joinAll", groups.join_all().await.map_err(failure)?);
    cost(steps, "joinAllCpu");
    steps.ms("leaveOne", groups.leave_one().await.map_err(failure)?);
    cost(steps, "leaveOneCpu");
    steps.ms("joinOne", groups.join_one().await.map_err(failure)?);
    cost(steps, "joinOneCpu");
    groups.close().await.map_err(failure)?;
    Ok(())
}
