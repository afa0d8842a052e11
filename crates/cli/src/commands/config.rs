//! `ottla config`: the settings of this process, and those that a cluster keeps of topics, brokers and groups.

pub(super) mod change;
mod get;
mod resource;
mod set;
mod show;
mod unset;

use crate::args::Global;
use crate::cluster;
use crate::exit::Exit;
use anyhow::Result;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  ottla config show --origin            what a broker of this process would run with
  ottla config get topic/orders         what a topic of a cluster sets itself
  ottla config set topic/orders retention.ms=86400000
  ottla config unset topic/orders retention.ms")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// Print the settings in force here: flags over environment over file over defaults
    #[command(after_help = show::EXAMPLES)]
    Show(show::Args),

    /// Print settings of a topic, a broker, all brokers or a group
    #[command(after_help = get::EXAMPLES)]
    Get(get::Args),

    /// Change settings of a topic, a broker, all brokers or a group while they run
    #[command(after_help = set::EXAMPLES)]
    Set(set::Args),

    /// Take settings back: what is in force without them applies again
    #[command(after_help = unset::EXAMPLES)]
    Unset(unset::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    match &args.action {
        Action::Show(args) => show::run(args, global),
        Action::Get(args) => cluster::run(get::run(args, global)),
        Action::Set(args) => cluster::run(set::run(args, global)),
        Action::Unset(args) => cluster::run(unset::run(args, global)),
    }
}
