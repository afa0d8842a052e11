//! `ottla group`: consumer groups, their members, their offsets.

mod delete_offsets;
mod describe;
mod ls;
mod places;
mod reset;
mod rm;

use crate::args::Global;
use crate::cluster;
use crate::exit::Exit;
use anyhow::Result;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  ottla group ls                        what there is
  ottla group describe readers          how far a group has read, and how much is left
  ottla group reset --help              the ways to move its offsets")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// List groups
    #[command(visible_alias = "list", after_help = ls::EXAMPLES)]
    Ls(ls::Args),

    /// Show how far groups have read, and who reads what
    #[command(after_help = describe::EXAMPLES)]
    Describe(describe::Args),

    /// Move the offsets of a group that has no members; a preview unless --execute is given
    #[command(visible_alias = "reset-offsets", after_help = reset::EXAMPLES)]
    Reset(Box<reset::Args>),

    /// Remove groups with their offsets
    #[command(visible_alias = "delete", after_help = rm::EXAMPLES)]
    Rm(rm::Args),

    /// Forget a group's offsets of some topics
    #[command(after_help = delete_offsets::EXAMPLES)]
    DeleteOffsets(delete_offsets::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    cluster::run(async {
        match &args.action {
            Action::Ls(args) => ls::run(args, global).await,
            Action::Describe(args) => describe::run(args, global).await,
            Action::Reset(args) => reset::run(args, global).await,
            Action::Rm(args) => rm::run(args, global).await,
            Action::DeleteOffsets(args) => delete_offsets::run(args, global).await,
        }
    })
}
