//! `ottla topic rm`: shows what will be lost, asks, and removes it.

use crate::args::Global;
use crate::cluster::{connect, exit_of_items, failure};
use crate::exit::{Exit, Failure};
use crate::render::{self, Row, column};
use anyhow::{Context, Result};
use ottla_client::{Admin, ClientError, ErrorCode, Isolation, OffsetSpec, PartitionKey, TopicMetadata};
use serde_json::{Map, json};
use std::io::{IsTerminal, Write};

pub const EXAMPLES: &str = "Examples:
  ottla topic rm orders                     shows what will be lost, and asks
  ottla topic rm orders --yes               asks nothing; needed where there is no terminal
  ottla topic rm orders payments --dry-run  only shows";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Names of topics
    #[arg(value_name = "TOPIC", required = true)]
    topics: Vec<String>,

    /// A topic that is not there is no error
    #[arg(long)]
    if_exists: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !args.yes && !args.dry_run && !can_ask {
        let problem = "topics are removed only after a question, and there is no terminal to ask at";
        return Err(Failure::usage(problem)
            .next("the same with `--yes`, or with `--dry-run` to look")
            .into());
    }
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let answers = admin.describe_topics(&args.topics).await.map_err(|error| failure(&error))?;
    let mut errors = Vec::new();
    let mut names = Vec::new();
    let mut plan = Vec::new();
    for answer in answers {
        match answer {
            Ok(topic) => {
                plan.push(row(&topic, records(&admin, &topic).await.ok()));
                names.push(topic.name);
            }
            Err(error) if args.if_exists && error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {}
            Err(error) => errors.push(error),
        }
    }
    if names.is_empty() {
        return exit_of_items(args.topics.len(), errors);
    }
    if args.dry_run {
        render::rows(global.output, &[column("name"), column("partitions"), column("records")], &plan)?;
        return exit_of_items(args.topics.len(), errors);
    }
    if !args.yes && !is_confirmed(&plan)? {
        eprintln!("nothing was removed");
        return Ok(Exit::Usage);
    }
    for (name, answer) in
        names.iter().zip(admin.delete_topics(&names).await.map_err(|error| failure(&error))?)
    {
        match answer {
            Ok(()) => writeln!(std::io::stdout(), "{name}")?,
            Err(error) => errors.push(error),
        }
    }
    exit_of_items(args.topics.len(), errors)
}

/// Offsets between the ends; compaction and transactions make it an upper bound.
async fn records(admin: &Admin, topic: &TopicMetadata) -> Result<i64, ClientError> {
    let ends = async |spec| {
        let key = |partition: i32| PartitionKey { topic: topic.name.clone(), partition };
        let wanted: Vec<_> = topic
            .partitions
            .iter()
            .filter(|partition| partition.leader.is_some())
            .map(|partition| (key(partition.partition), spec))
            .collect();
        let answers = admin.list_offsets(&wanted, Isolation::ReadUncommitted).await?;
        let mut sum = 0_i64;
        for answer in answers {
            sum = sum.saturating_add(answer?.offset.unwrap_or(0));
        }
        Ok::<_, ClientError>(sum)
    };
    Ok(ends(OffsetSpec::Latest).await?.saturating_sub(ends(OffsetSpec::Earliest).await?))
}

fn row(topic: &TopicMetadata, records: Option<i64>) -> Row {
    let mut row = Map::new();
    row.insert("name".to_owned(), json!(topic.name));
    row.insert("partitions".to_owned(), json!(topic.partitions.len()));
    row.insert("records".to_owned(), json!(records));
    row
}

fn is_confirmed(plan: &[Row]) -> Result<bool> {
    let mut stderr = std::io::stderr().lock();
    for row in plan {
        let text = |field: &str| row.get(field).map_or_else(String::new, ToString::to_string);
        let name = row.get("name").and_then(|name| name.as_str()).unwrap_or_default();
        writeln!(stderr, "  {name}: {} partitions, up to {} records", text("partitions"), text("records"))?;
    }
    write!(
        stderr,
        "Remove {} with everything in it? Type yes: ",
        if plan.len() == 1 { "it" } else { "them" }
    )?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("read the answer")?;
    Ok(matches!(answer.trim(), "yes" | "y"))
}
