//! `ottla bench`: load for any broker, and figures of what it did and what that cost.
//!
//! Measuring is the `bench` crate's; here are the options, the broker as a child process, and the output. Figures go to
//! standard output, progress to standard error; Ctrl-C prints the result so far.

mod child;
mod drain;
mod groups;
mod places;
mod replay;
mod restart;
mod steps;
mod watch;

use crate::args::Global;
use crate::exit::Exit;
use anyhow::{Context, Result};

#[derive(Debug, Clone, clap::Args)]
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
            Load::Restart(args) => restart::run(args, global).await,
        }
    })
}
