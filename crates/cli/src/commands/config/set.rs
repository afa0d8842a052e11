//! `ottla config set`.

use super::change::{self, Change, Plan};
use super::resource::Resource;
use crate::args::Global;
use crate::cluster::connect;
use crate::exit::Exit;
use anyhow::Result;

pub const EXAMPLES: &str = "Examples:
  ottla config set topic/orders retention.ms=86400000 segment.bytes=1048576
  ottla config set topic/orders cleanup.policy+=compact   add to a list; -= takes out of it
  ottla config set broker/1 log.retention.ms=604800000    one broker
  ottla config set brokers message.max.bytes=2097152      all brokers
  ottla config set group/readers consumer.session.timeout.ms=50000
  ottla config set topic/orders retention.ms=5 --dry-run  check, and change nothing";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Whose settings: topic/NAME, broker/ID, brokers (all of them) or group/ID
    #[arg(value_name = "RESOURCE")]
    resource: Resource,

    /// Settings by Kafka's names; NAME+=ITEM adds to a list and NAME-=ITEM takes out of it
    #[arg(value_name = "NAME=VALUE", required = true)]
    changes: Vec<Change>,

    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let plan = Plan::new(&admin, args.resource.clone(), args.changes.clone()).await?;
    plan.send(&admin, args.dry_run).await?;
    if args.dry_run {
        change::say_dry_run(global);
    }
    change::show(global, &plan.rows)?;
    Ok(Exit::Done)
}
