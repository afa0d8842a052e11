//! `ottla topic create`.

use crate::args::Global;
use crate::cluster::{connect, exit_of_items, failure};
use crate::exit::{Exit, Failure};
use crate::render::{self, Row, column, wide};
use anyhow::Result;
use ottla_client::{CreatedTopic, ErrorCode, NewTopic};
use serde_json::{Map, json};
use std::collections::BTreeMap;

pub const EXAMPLES: &str = "Examples:
  ottla topic create orders                             as the broker is set
  ottla topic create orders -p 8 -c retention.ms=86400000
  ottla topic create orders payments --if-not-exists
  ottla topic create orders -p 8 --dry-run              check, and create nothing";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Names: letters, digits, dot, dash and underscore, at most 249
    #[arg(value_name = "TOPIC", required = true)]
    topics: Vec<String>,

    /// Number of partitions [default: the broker's num.partitions]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// Number of copies [default: the broker's default.replication.factor]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// A setting of the topic by Kafka's name (may be repeated)
    #[arg(short, long, value_name = "NAME=VALUE")]
    config: Vec<String>,

    /// A topic that is there already is no error
    #[arg(long)]
    if_not_exists: bool,

    /// Nodes of each partition's replicas, the leader first: 1:2,2:3 are two partitions
    #[arg(long, value_name = "LIST", conflicts_with_all = ["partitions", "replication_factor"])]
    replica_assignment: Option<String>,

    /// Check everything and create nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let topics = new_topics(args)?;
    let (client, _) = connect(global).await?;
    let answers =
        client.admin().create_topics(&topics, args.dry_run).await.map_err(|error| failure(&error))?;
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for answer in answers {
        match answer {
            Ok(created) => rows.push(row(&created)),
            Err(error) if args.if_not_exists && error.code() == Some(ErrorCode::TopicAlreadyExists) => {
                if !global.quiet {
                    eprintln!("{error}: left as it is");
                }
            }
            Err(error) => errors.push(error),
        }
    }
    let columns = [column("name"), column("partitions"), column("replicationFactor"), wide("id")];
    if args.dry_run && !rows.is_empty() && !global.quiet {
        eprintln!("nothing was created; without --dry-run:");
    }
    if !rows.is_empty() {
        render::rows(global.output, &columns, &rows)?;
    }
    exit_of_items(topics.len(), errors)
}

fn new_topics(args: &Args) -> Result<Vec<NewTopic>> {
    let mut configs = BTreeMap::new();
    for config in &args.config {
        let (name, value) = config
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--config {config}: a setting is NAME=VALUE")))?;
        configs.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    let assignment = match &args.replica_assignment {
        None => Vec::new(),
        Some(text) => assignment(text)
            .ok_or_else(|| Failure::usage(format!("--replica-assignment {text}: a list is 1:2,2:3")))?,
    };
    let topic = |name: &String| NewTopic {
        name: name.clone(),
        partitions: args.partitions,
        replication_factor: args.replication_factor,
        assignment: assignment.clone(),
        configs: configs.clone(),
    };
    Ok(args.topics.iter().map(topic).collect())
}

fn assignment(text: &str) -> Option<Vec<Vec<i32>>> {
    text.split(',').map(|nodes| nodes.split(':').map(|node| node.trim().parse().ok()).collect()).collect()
}

fn row(created: &CreatedTopic) -> Row {
    let mut row = Map::new();
    row.insert("name".to_owned(), json!(created.name));
    row.insert("partitions".to_owned(), json!(created.partitions));
    row.insert("replicationFactor".to_owned(), json!(created.replication_factor));
    row.insert("id".to_owned(), json!(created.id.to_string()));
    row
}

#[cfg(test)]
mod tests {
    use super::assignment;

    #[test]
    fn an_assignment_is_a_list_of_lists_of_nodes() {
        assert_eq!(assignment("1:2,2:3"), Some(vec![vec![1, 2], vec![2, 3]]));
        assert_eq!(assignment("0"), Some(vec![vec![0]]));
        assert!(assignment("").is_none() && assignment("1,").is_none() && assignment("1:x").is_none());
    }
}
