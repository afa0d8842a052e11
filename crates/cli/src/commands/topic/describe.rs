//! `ottla topic describe`.

use crate::args::Global;
use crate::cluster::{connect, exit_of_items, failure};
use crate::exit::Exit;
use crate::render::{self, Output, Row, column, wide};
use anyhow::Result;
use ottla_client::{
    Admin, ClientError, ConfigResource, ConfigSource, Isolation, OffsetSpec, PartitionKey, TopicMetadata,
};
use serde_json::{Map, Value, json};
use std::io::{IsTerminal, Write};

pub const EXAMPLES: &str = "Examples:
  ottla topic describe orders                  partitions, leaders, replicas, offsets
  ottla topic describe orders --output json    with the topic's own settings";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Names of topics
    #[arg(value_name = "TOPIC", required = true)]
    topics: Vec<String>,

    /// A topic that is not there is no error
    #[arg(long)]
    if_exists: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let answers = admin.describe_topics(&args.topics).await.map_err(|error| failure(&error))?;
    let mut errors = Vec::new();
    let mut described = Vec::new();
    for answer in answers {
        let result = match answer {
            Ok(topic) => describe(&admin, topic).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(topic) => described.push(topic),
            Err(error) if args.if_exists && is_missing(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    show(global, &described)?;
    exit_of_items(args.topics.len(), errors)
}

fn is_missing(error: &ClientError) -> bool {
    error.code() == Some(ottla_client::ErrorCode::UnknownTopicOrPartition)
}

#[derive(Debug)]
struct Described {
    topic: TopicMetadata,
    /// The topic's own settings.
    configs: Map<String, Value>,
    partitions: Vec<Row>,
}

async fn describe(admin: &Admin, topic: TopicMetadata) -> Result<Described, ClientError> {
    let mut configs = Map::new();
    for entry in admin
        .describe_configs(&[ConfigResource::topic(topic.name.as_str())])
        .await?
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.source == ConfigSource::Topic {
            configs.insert(entry.name, json!(entry.value));
        }
    }
    // Offsets of partitions without a leader would have to be waited for.
    let wanted = |spec| {
        let led = topic.partitions.iter().filter(|partition| partition.leader.is_some());
        led.map(|p| (PartitionKey { topic: topic.name.clone(), partition: p.partition }, spec))
            .collect::<Vec<_>>()
    };
    let offsets = async |spec| {
        let wanted = wanted(spec);
        let answers = admin.list_offsets(&wanted, Isolation::ReadUncommitted).await?;
        let offset = |answer: Result<ottla_client::ListedOffset, ClientError>| answer.ok()?.offset;
        let list = wanted.iter().zip(answers).map(|((key, _), answer)| (key.partition, offset(answer)));
        Ok::<_, ClientError>(list.collect::<std::collections::BTreeMap<_, _>>())
    };
    let earliest = offsets(OffsetSpec::Earliest).await?;
    let latest = offsets(OffsetSpec::Latest).await?;
    let row = |partition: &ottla_client::PartitionMetadata| {
        let at = |offsets: &std::collections::BTreeMap<i32, Option<i64>>| {
            offsets.get(&partition.partition).copied().flatten()
        };
        let mut row = Map::new();
        row.insert("topic".to_owned(), json!(topic.name));
        row.insert("partition".to_owned(), json!(partition.partition));
        row.insert("leader".to_owned(), json!(partition.leader));
        row.insert("leaderEpoch".to_owned(), json!(partition.leader_epoch));
        row.insert("replicas".to_owned(), json!(partition.replicas));
        row.insert("isr".to_owned(), json!(partition.isr));
        row.insert("offline".to_owned(), json!(partition.offline));
        row.insert("earliestOffset".to_owned(), json!(at(&earliest)));
        row.insert("latestOffset".to_owned(), json!(at(&latest)));
        row
    };
    let partitions = topic.partitions.iter().map(row).collect();
    Ok(Described { topic, configs, partitions })
}

fn show(global: &Global, described: &[Described]) -> Result<()> {
    let columns = [
        column("topic"),
        column("partition"),
        column("leader"),
        column("replicas"),
        column("isr"),
        column("earliestOffset"),
        column("latestOffset"),
        wide("leaderEpoch"),
        wide("offline"),
    ];
    if global.output.is_some_and(Output::is_structured) {
        let rows: Vec<Row> = described.iter().map(whole).collect();
        return Ok(render::rows(global.output, &[], &rows)?);
    }
    let is_terminal = std::io::stdout().is_terminal();
    for (index, topic) in described.iter().enumerate() {
        if is_terminal {
            let gap = if index > 0 { "\n" } else { "" };
            writeln!(std::io::stdout(), "{gap}{}", title(topic))?;
        }
        render::rows(global.output, &columns, &topic.partitions)?;
    }
    Ok(())
}

/// `orders (id), 4 partitions, replication factor 1, retention.ms=1000`
fn title(described: &Described) -> String {
    let Described { topic, configs, .. } = described;
    let replicas = topic.partitions.iter().map(|partition| partition.replicas.len()).max().unwrap_or(0);
    let count = topic.partitions.len();
    let mut title = format!(
        "{} ({}), {count} partition{}, replication factor {replicas}",
        topic.name,
        topic.id,
        if count == 1 { "" } else { "s" }
    );
    for (name, value) in configs {
        title += &format!(", {name}={}", value.as_str().unwrap_or("(hidden)"));
    }
    title
}

fn whole(described: &Described) -> Row {
    let mut row = Map::new();
    row.insert("name".to_owned(), json!(described.topic.name));
    row.insert("id".to_owned(), json!(described.topic.id.to_string()));
    row.insert("internal".to_owned(), json!(described.topic.is_internal));
    row.insert("configs".to_owned(), Value::Object(described.configs.clone()));
    row.insert("partitions".to_owned(), json!(described.partitions));
    row
}
