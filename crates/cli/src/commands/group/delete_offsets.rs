//! `ottla group delete-offsets`: shows what will be forgotten, asks, and forgets it.

use super::places::Place;
use super::rm::{ask, can_ask, cannot_ask};
use crate::args::Global;
use crate::cluster::{connect, exit_of_items, failure};
use crate::exit::{Exit, Failure};
use crate::render::{self, Row, column};
use anyhow::Result;
use ottla_client::PartitionKey;
use serde_json::{Map, json};

pub const EXAMPLES: &str = "Examples:
  ottla group delete-offsets readers --topic orders     shows what will be forgotten, and asks
  ottla group delete-offsets readers --topic orders:0 --yes
  ottla group delete-offsets readers --topic orders --dry-run

A member that reads the topic keeps its offsets: stop it first.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Id of the group
    #[arg(value_name = "GROUP")]
    group: String,

    /// Which offsets: of a topic, or of some of its partitions (TOPIC:0,1)
    #[arg(short = 't', long = "topic", value_name = "TOPIC", required = true)]
    topics: Vec<Place>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Show what would be forgotten, and forget nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    if !args.yes && !args.dry_run && !can_ask() {
        return Err(cannot_ask("offsets are forgotten").into());
    }
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    // Of what is committed, not of what is there: the topic itself may be gone.
    let committed = admin.group_offsets(&args.group, None).await.map_err(|error| failure(&error))?;
    let is_meant = |key: &PartitionKey| {
        args.topics.iter().any(|place| {
            place.topic == key.topic
                && (place.partitions.is_empty() || place.partitions.contains(&key.partition))
        })
    };
    let keys: Vec<PartitionKey> = committed.keys().filter(|key| is_meant(key)).cloned().collect();
    if keys.is_empty() {
        let problem = format!("group {} has committed nothing of these", args.group);
        let next = format!("`ottla group describe {}` to see what it has committed", args.group);
        return Err(Failure::new(Exit::Failed, problem).next(next).into());
    }
    let row = |key: &PartitionKey| {
        let mut row: Row = Map::new();
        row.insert("group".to_owned(), json!(args.group));
        row.insert("topic".to_owned(), json!(key.topic));
        row.insert("partition".to_owned(), json!(key.partition));
        row.insert("currentOffset".to_owned(), json!(committed.get(key).map(|committed| committed.offset)));
        row
    };
    let rows: Vec<Row> = keys.iter().map(row).collect();
    let columns = [column("group"), column("topic"), column("partition"), column("currentOffset")];
    if args.dry_run {
        render::rows(global.output, &columns, &rows)?;
        return Ok(Exit::Done);
    }
    if !args.yes {
        for row in &rows {
            let text = |field: &str| row.get(field).map_or_else(String::new, ToString::to_string);
            let topic = row.get("topic").and_then(|topic| topic.as_str()).unwrap_or_default();
            eprintln!("  {topic}/{}: offset {}", text("partition"), text("currentOffset"));
        }
        if !ask("Forget them?")? {
            eprintln!("nothing was forgotten");
            return Ok(Exit::Usage);
        }
    }
    let answers = admin.delete_group_offsets(&args.group, &keys).await.map_err(|error| failure(&error))?;
    let mut errors = Vec::new();
    let mut done = Vec::new();
    for (key, row) in keys.iter().zip(rows) {
        match answers.get(key) {
            Some(Err(error)) => errors.push(error.clone()),
            _ => done.push(row),
        }
    }
    render::rows(global.output, &columns, &done)?;
    exit_of_items(keys.len(), errors)
}
