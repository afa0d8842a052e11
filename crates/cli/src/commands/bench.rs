//! `ottla bench`: load for any broker, and figures of what it did and what that cost.
//!
//! Measuring is the `bench` crate's; here are the options, the broker as a child process, and the output. Figures go to
//! standard output, progress to standard error; Ctrl-C prints the result so far.

mod child;
mod commits;
mod compare;
mod conns;
mod drain;
mod durability;
mod e2e;
mod fsync;
mod groups;
mod openloop;
mod own;
mod partitions;
mod places;
mod replay;
mod restart;
mod steps;
mod watch;

use crate::args::Global;
use crate::exit::Exit;
use anyhow::{Context, Result};

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  ottla bench replay                    what a broker takes
  ottla bench drain                     what it gives
  ottla bench e2e --rate 1000           how long a record is on its way
  ottla bench replay --help             what is measured, and the options

docs/benchmarks.md says what was measured, and how to compare fairly.")]
pub struct Args {
    #[command(subcommand)]
    load: Load,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Load {
    /// Produce prepared batches as fast as the broker takes them
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::Args),

    /// Read a topic from its beginning as fast as the broker gives it
    #[command(after_help = drain::EXAMPLES)]
    Drain(drain::Args),

    /// Let members of a group come and go, until everything is divided again
    #[command(after_help = groups::EXAMPLES)]
    Groups(groups::Args),

    /// Commit offsets, kill -9 the broker, and start it again, before and after its log was compacted
    #[command(after_help = commits::EXAMPLES)]
    Commits(commits::Args),

    /// Produce at a fixed rate; latencies count from the instant a request was due
    #[command(after_help = openloop::EXAMPLES)]
    Openloop(openloop::Args),

    /// From producer to consumer, at a fixed rate
    #[command(after_help = e2e::EXAMPLES)]
    E2e(e2e::Args),

    /// Acknowledgements of what is on the disk: how many a second, and flushes of the device
    #[command(after_help = fsync::EXAMPLES)]
    Fsync(fsync::Args),

    /// Many connections: what each costs, and how requests fare among them
    #[command(after_help = conns::EXAMPLES)]
    Conns(conns::Args),

    /// Many partitions: until all are led, and until each took a record
    #[command(after_help = partitions::EXAMPLES)]
    Partitions(partitions::Args),

    /// Replay against two brokers in turn, and the ratio of each pair of runs
    #[command(after_help = compare::EXAMPLES)]
    Compare(compare::Args),

    /// Start a broker, let it idle, fill it, kill -9 it, and start it again
    #[command(after_help = restart::EXAMPLES)]
    Restart(restart::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        match &args.load {
            Load::Replay(args) => replay::run(args, global).await,
            Load::Drain(args) => drain::run(args, global).await,
            Load::Groups(args) => groups::run(args, global).await,
            Load::Commits(args) => commits::run(args, global).await,
            Load::Openloop(args) => openloop::run(args, global).await,
            Load::E2e(args) => e2e::run(args, global).await,
            Load::Fsync(args) => fsync::run(args, global).await,
            Load::Conns(args) => conns::run(args, global).await,
            Load::Partitions(args) => partitions::run(args, global).await,
            Load::Compare(args) => compare::run(args, global).await,
            Load::Restart(args) => restart::run(args, global).await,
        }
    })
}
