//! `ottla topic ls`.

use crate::args::Global;
use crate::cluster::{connect, failure};
use crate::exit::Exit;
use crate::render::{self, Row, column, wide};
use anyhow::Result;
use ottla_client::{Admin, ClientError, ConfigResource, ConfigSource, PartitionMetadata, TopicMetadata};
use serde_json::{Map, json};
use std::collections::BTreeMap;

pub const EXAMPLES: &str = "Examples:
  ottla topic ls                                 all of them
  ottla topic ls 'order*' --output wide          by name; * stands for anything
  ottla topic ls --under-replicated-partitions   those that lack a replica
  ottla topic ls --output json | jq '.[].name'";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only topics with such a name; * stands for anything
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Without the topics that brokers keep for themselves
    #[arg(long)]
    exclude_internal: bool,

    /// Only topics with a partition that lacks an in-sync replica
    #[arg(long)]
    under_replicated_partitions: bool,

    /// Only topics with a partition that has no leader
    #[arg(long)]
    unavailable_partitions: bool,

    /// Only topics with a partition that has just as many in-sync replicas as it needs
    #[arg(long)]
    at_min_isr_partitions: bool,

    /// Only topics with settings of their own
    #[arg(long)]
    topics_with_overrides: bool,
}

/// What a topic's settings say, as far as the list needs it.
#[derive(Debug, Default)]
struct Settings {
    overrides: Vec<String>,
    min_insync_replicas: usize,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let topics = admin.list_topics().await.map_err(|error| failure(&error))?;
    let mut shown: Vec<TopicMetadata> = topics.into_iter().filter(|topic| is_wanted(args, topic)).collect();
    if args.at_min_isr_partitions || args.topics_with_overrides {
        let settings = settings(&admin, &shown).await.map_err(|error| failure(&error))?;
        shown.retain(|topic| settings.get(&topic.name).is_some_and(|settings| has(args, topic, settings)));
    }
    let columns = [
        column("name"),
        column("partitions"),
        column("replicationFactor"),
        wide("underReplicated"),
        wide("unavailable"),
        wide("internal"),
        wide("id"),
    ];
    let rows: Vec<Row> = shown.iter().map(row).collect();
    render::rows(global.output, &columns, &rows)?;
    Ok(Exit::Done)
}

fn is_under_replicated(partition: &PartitionMetadata) -> bool {
    partition.isr.len() < partition.replicas.len()
}

fn is_wanted(args: &Args, topic: &TopicMetadata) -> bool {
    let partitions = &topic.partitions;
    (args.names.is_empty() || args.names.iter().any(|pattern| matches(pattern, &topic.name)))
        && !(args.exclude_internal && topic.is_internal)
        && (!args.under_replicated_partitions || partitions.iter().any(is_under_replicated))
        && (!args.unavailable_partitions || partitions.iter().any(|partition| partition.leader.is_none()))
}

fn has(args: &Args, topic: &TopicMetadata, settings: &Settings) -> bool {
    let at_min = |partition: &PartitionMetadata| partition.isr.len() == settings.min_insync_replicas;
    (!args.at_min_isr_partitions || topic.partitions.iter().any(at_min))
        && (!args.topics_with_overrides || !settings.overrides.is_empty())
}

/// Whether a name has the form of a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match name.find(piece) {
            Some(at) => name = &name[at + piece.len()..],
            None => return false,
        }
    }
    name.ends_with(last)
}

async fn settings(
    admin: &Admin,
    topics: &[TopicMetadata],
) -> Result<BTreeMap<String, Settings>, ClientError> {
    let resources: Vec<_> = topics.iter().map(|topic| ConfigResource::topic(topic.name.as_str())).collect();
    let answers = admin.describe_configs(&resources).await?;
    let mut settings = BTreeMap::new();
    for (topic, answer) in topics.iter().zip(answers) {
        let mut of_topic = Settings::default();
        for entry in answer? {
            if entry.name == "min.insync.replicas" {
                of_topic.min_insync_replicas = entry.value.and_then(|value| value.parse().ok()).unwrap_or(1);
            }
            if entry.source == ConfigSource::Topic {
                of_topic.overrides.push(entry.name);
            }
        }
        settings.insert(topic.name.clone(), of_topic);
    }
    Ok(settings)
}

fn row(topic: &TopicMetadata) -> Row {
    let count =
        |wanted: fn(&PartitionMetadata) -> bool| topic.partitions.iter().filter(|p| wanted(p)).count();
    let mut row = Map::new();
    row.insert("name".to_owned(), json!(topic.name));
    row.insert("partitions".to_owned(), json!(topic.partitions.len()));
    row.insert(
        "replicationFactor".to_owned(),
        json!(topic.partitions.iter().map(|p| p.replicas.len()).max()),
    );
    row.insert("underReplicated".to_owned(), json!(count(is_under_replicated)));
    row.insert("unavailable".to_owned(), json!(count(|partition| partition.leader.is_none())));
    row.insert("internal".to_owned(), json!(topic.is_internal));
    row.insert("id".to_owned(), json!(topic.id.to_string()));
    row
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in [
            ("orders", "orders", true),
            ("orders", "orders2", false),
            ("ord*", "orders", true),
            ("*ers", "orders", true),
            ("o*d*s", "orders", true),
            ("o*x*s", "orders", false),
            ("*", "anything", true),
            ("a*a", "a", false),
            ("*ab*b", "aab", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
