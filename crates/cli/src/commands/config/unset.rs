//! `ottla config unset`.

use super::change::{self, Change, Plan};
use super::resource::Resource;
use crate::args::Global;
use crate::cluster::connect;
use crate::exit::Exit;
use anyhow::Result;

pub const EXAMPLES: &str = "Examples:
  ottla config unset topic/orders retention.ms            as the broker is set
  ottla config unset broker/1 log.retention.ms            as it was started, or all are set
  ottla config unset brokers message.max.bytes --dry-run  check, and change nothing";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Whose settings: topic/NAME, broker/ID, brokers (all of them) or group/ID
    #[arg(value_name = "RESOURCE")]
    resource: Resource,

    /// Names of settings; one that is not set is no error
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let changes = args.names.iter().map(|name| Change::unset(name)).collect();
    let plan = Plan::new(&admin, args.resource.clone(), changes).await?;
    plan.send(&admin, args.dry_run).await?;
    if args.dry_run {
        change::say_dry_run(global);
    }
    change::show(global, &plan.rows)?;
    Ok(Exit::Done)
}
