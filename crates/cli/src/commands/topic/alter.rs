//! `ottla topic alter`: more partitions, and other settings. Everything is checked before the first of it is done.

use crate::args::Global;
use crate::cluster::{connect, failure};
use crate::commands::config::change::{self, Change, Plan};
use crate::exit::{Exit, Failure};
use anyhow::Result;
use ottla_client::{Admin, ClientError, ErrorCode, NewPartitions};
use serde_json::json;

pub const EXAMPLES: &str = "Examples:
  ottla topic alter orders -p 8                        more partitions; they are never fewer
  ottla topic alter orders -c retention.ms=86400000 -c segment.bytes=1048576
  ottla topic alter orders --unset retention.ms        as the broker is set
  ottla topic alter orders -p 8 --dry-run              check, and change nothing";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Name of a topic
    #[arg(value_name = "TOPIC")]
    topic: String,

    /// Number of partitions it shall have, more than it has; keys may then go to other partitions than before
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..),
        required_unless_present_any = ["config", "unset"])]
    partitions: Option<i32>,

    /// A setting by Kafka's name (may be repeated); NAME+=ITEM adds to a list and NAME-=ITEM takes out of it
    #[arg(short, long, value_name = "NAME=VALUE")]
    config: Vec<Change>,

    /// A setting that is taken back (may be repeated)
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,

    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let topic = admin.describe_topics(std::slice::from_ref(&args.topic)).await;
    let topic = topic.map_err(|error| failure(&error))?.remove(0).map_err(|error| failure(&error))?;
    let unset = args.unset.iter().map(|name| Change::unset(name));
    let changes = args.config.iter().cloned().chain(unset).collect();
    let mut plan = Plan::new(&admin, change::of_topic(&args.topic), changes).await?;
    let mut rows = Vec::new();
    if let Some(count) = args.partitions {
        let before = json!(topic.partitions.len());
        let resource = change::of_topic(&args.topic).to_string();
        rows.push(change::row(&resource, "partitions", before, "set", json!(count)));
    }
    rows.append(&mut plan.rows);
    partitions(&admin, args, true).await?;
    plan.send(&admin, true).await?;
    if args.dry_run {
        change::say_dry_run(global);
    } else {
        plan.send(&admin, false).await?;
        partitions(&admin, args, false).await?;
        if args.partitions.is_some() && !global.quiet {
            eprintln!(
                "keys may go to other partitions than before: a key's older records stay where they are"
            );
        }
    }
    change::show(global, &rows)?;
    Ok(Exit::Done)
}

async fn partitions(admin: &Admin, args: &Args, validate_only: bool) -> Result<()> {
    let Some(count) = args.partitions else { return Ok(()) };
    let more = [NewPartitions { topic: args.topic.clone(), count }];
    let refused = |error: &ClientError| -> Failure {
        match error.code() {
            Some(ErrorCode::InvalidPartitions) => {
                failure(error).next("a larger number; partitions of a topic are never removed")
            }
            _ => failure(error),
        }
    };
    let mut answers = admin.create_partitions(&more, validate_only).await.map_err(|error| refused(&error))?;
    answers.remove(0).map_err(|error| refused(&error).into())
}
