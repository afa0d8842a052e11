//! `ottla topic`: list, create, describe, alter, purge and remove topics.

mod alter;
mod create;
mod describe;
mod ls;
mod purge;
mod rm;

use crate::args::Global;
use crate::cluster;
use crate::exit::Exit;
use anyhow::Result;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  ottla topic ls                        what there is
  ottla topic create orders -p 4        a topic with four partitions
  ottla topic describe orders           where its partitions are, and how far they go
  ottla topic create --help             the options of one of them")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// List topics
    #[command(visible_alias = "list", after_help = ls::EXAMPLES)]
    Ls(ls::Args),

    /// Create topics
    #[command(after_help = create::EXAMPLES)]
    Create(create::Args),

    /// Show partitions, leaders, replicas and offsets of topics
    #[command(after_help = describe::EXAMPLES)]
    Describe(describe::Args),

    /// Give a topic more partitions or other settings
    #[command(after_help = alter::EXAMPLES)]
    Alter(alter::Args),

    /// Delete the records of a topic, and keep the topic
    #[command(after_help = purge::EXAMPLES)]
    Purge(purge::Args),

    /// Remove topics with everything in them
    #[command(visible_alias = "delete", after_help = rm::EXAMPLES)]
    Rm(rm::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    cluster::run(async {
        match &args.action {
            Action::Ls(args) => ls::run(args, global).await,
            Action::Create(args) => create::run(args, global).await,
            Action::Describe(args) => describe::run(args, global).await,
            Action::Alter(args) => alter::run(args, global).await,
            Action::Purge(args) => purge::run(args, global).await,
            Action::Rm(args) => rm::run(args, global).await,
        }
    })
}
