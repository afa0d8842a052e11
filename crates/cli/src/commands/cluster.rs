//! `ottla cluster info`: who is in a cluster, who controls it, and what it can do. Works with any broker that speaks
//! Kafka's protocol.

use crate::args::Global;
use crate::cluster::{self, connect, failure};
use crate::exit::Exit;
use crate::render::{self, Output, Row, column};
use anyhow::Result;
use ottla_client::{ApiRange, ClientError, ClusterDescription, FeatureLevels, NodeVersions};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  ottla cluster info                    what is at localhost:9092
  ottla doctor -b kafka:9092            the way there, when it does not answer")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// Show the id of the cluster, its nodes, the controller and the features in force
    #[command(after_help = "Examples:
  ottla cluster info                          what is at localhost:9092
  ottla cluster info -b kafka:9092 --apis     with the versions that every node serves
  ottla cluster info --output json            everything, as one object

Each node is asked at its own advertised address. Exit code 3 when one of them does not answer there.")]
    Info(Info),
}

#[derive(Debug, Clone, clap::Args)]
struct Info {
    /// Show the versions of each API that every node serves
    #[arg(long)]
    apis: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    let Action::Info(info) = &args.action;
    cluster::run(async {
        let (client, _) = connect(global).await?;
        let admin = client.admin();
        let description = admin.describe_cluster().await.map_err(|error| failure(&error))?;
        let mut nodes = Vec::new();
        for broker in &description.brokers {
            nodes.push(admin.node_versions(broker.node_id).await);
        }
        let facts = Facts::of(&description, &nodes);
        show(info, global, &facts)?;
        for error in nodes.iter().filter_map(|node| node.as_ref().err()) {
            eprintln!("ottla: {error}");
        }
        Ok(if nodes.iter().all(Result::is_ok) { Exit::Done } else { Exit::Partly })
    })
}

#[derive(Debug)]
struct Facts<'a> {
    description: &'a ClusterDescription,
    /// Whether each node answered, in the order of the brokers.
    answered: Vec<bool>,
    features: Vec<FeatureLevels>,
    /// What every node that answered serves.
    apis: Vec<ApiRange>,
}

impl<'a> Facts<'a> {
    fn of(description: &'a ClusterDescription, nodes: &[Result<NodeVersions, ClientError>]) -> Self {
        let answers: Vec<&NodeVersions> = nodes.iter().flatten().collect();
        Self {
            description,
            answered: nodes.iter().map(Result::is_ok).collect(),
            features: answers.first().map(|node| node.features.clone()).unwrap_or_default(),
            apis: common(&answers),
        }
    }
}

/// The versions that all nodes serve.
fn common(nodes: &[&NodeVersions]) -> Vec<ApiRange> {
    let mut ranges: BTreeMap<i16, (usize, ApiRange)> = BTreeMap::new();
    for api in nodes.iter().flat_map(|node| &node.apis) {
        let (count, range) = ranges.entry(api.key).or_insert((0, api.clone()));
        *count += 1;
        range.min = range.min.max(api.min);
        range.max = range.max.min(api.max);
    }
    let everywhere = |(count, range): &(usize, ApiRange)| *count == nodes.len() && range.min <= range.max;
    ranges.into_values().filter(everywhere).map(|(_, range)| range).collect()
}

fn show(info: &Info, global: &Global, facts: &Facts<'_>) -> Result<()> {
    if global.output.is_some_and(Output::is_structured) {
        return Ok(render::rows(global.output, &[], &[whole(facts)])?);
    }
    let mut rows = rows(facts);
    if info.apis || global.output == Some(Output::Wide) {
        rows.extend(facts.apis.iter().map(|api| {
            let name = api.name.map_or_else(|| format!("key {}", api.key), str::to_owned);
            row("api", &name, format!("{}-{}", api.min, api.max))
        }));
    }
    Ok(render::rows(global.output, &[column("kind"), column("name"), column("value")], &rows)?)
}

fn row(kind: &str, name: &str, value: String) -> Row {
    let fields = [("kind", kind.to_owned()), ("name", name.to_owned()), ("value", value)];
    fields.into_iter().map(|(field, value)| (field.to_owned(), Value::from(value))).collect()
}

fn rows(facts: &Facts<'_>) -> Vec<Row> {
    let unknown = || "unknown".to_owned();
    let description = facts.description;
    let mut rows = vec![
        row("cluster", "id", description.cluster_id.clone().unwrap_or_else(unknown)),
        row("cluster", "controller", description.controller_id.map_or_else(unknown, |id| id.to_string())),
    ];
    for (broker, answered) in description.brokers.iter().zip(&facts.answered) {
        let mut value = format!("{}:{}", broker.host, broker.port);
        if let Some(rack) = &broker.rack {
            value += &format!(", rack {rack}");
        }
        if !answered {
            value += ", does not answer";
        }
        rows.push(row("node", &broker.node_id.to_string(), value));
    }
    for feature in &facts.features {
        let level = feature.level.map_or_else(|| "not in force".to_owned(), |level| level.to_string());
        let value = match feature.supported {
            Some((min, max)) => format!("{level}, {min} to {max} are supported"),
            None => level,
        };
        rows.push(row("feature", &feature.name, value));
    }
    rows
}

fn whole(facts: &Facts<'_>) -> Row {
    let nodes = facts.description.brokers.iter().zip(&facts.answered).map(|(broker, answered)| {
        json!({
            "id": broker.node_id, "host": broker.host, "port": broker.port, "rack": broker.rack,
            "answers": answered,
        })
    });
    let features = facts.features.iter().map(|feature| {
        json!({
            "name": feature.name, "level": feature.level,
            "min": feature.supported.map(|(min, _)| min), "max": feature.supported.map(|(_, max)| max),
        })
    });
    let apis = facts
        .apis
        .iter()
        .map(|api| json!({ "key": api.key, "name": api.name, "min": api.min, "max": api.max }));
    let fields = [
        ("id", json!(facts.description.cluster_id)),
        ("controller", json!(facts.description.controller_id)),
        ("nodes", nodes.collect()),
        ("features", features.collect()),
        ("apis", apis.collect()),
    ];
    fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_client::BrokerMetadata;

    fn api(key: i16, min: i16, max: i16) -> ApiRange {
        ApiRange { key, name: (key == 3).then_some("Metadata"), min, max }
    }

    #[test]
    fn only_what_all_nodes_serve_is_shown() {
        let node = |apis: &[ApiRange]| NodeVersions { apis: apis.to_vec(), features: Vec::new() };
        let one = node(&[api(3, 0, 13), api(4, 0, 1), api(5, 0, 1)]);
        let two = node(&[api(3, 1, 12), api(5, 2, 3)]);
        assert_eq!(common(&[&one, &two]), [api(3, 1, 12)]);
        assert_eq!(common(&[]), []);
    }

    #[test]
    fn a_node_that_does_not_answer_is_named() {
        let broker = |node_id| BrokerMetadata { node_id, host: "h".to_owned(), port: 9092, rack: None };
        let description = ClusterDescription {
            cluster_id: Some("c".to_owned()),
            controller_id: None,
            brokers: vec![broker(1), broker(2)],
        };
        let features = vec![FeatureLevels { name: "f".to_owned(), supported: Some((0, 2)), level: Some(1) }];
        let gone = ClientError::Unreachable { addresses: "h:9092".to_owned(), cause: "refused".to_owned() };
        let nodes = [Ok(NodeVersions { apis: vec![api(3, 0, 13)], features }), Err(gone)];
        let facts = Facts::of(&description, &nodes);
        let shown =
            rows(&facts).iter().map(|row| row["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let expected = ["c", "unknown", "h:9092", "h:9092, does not answer", "1, 0 to 2 are supported"];
        assert_eq!(shown, expected);
        let whole = whole(&facts);
        assert_eq!((&whole["nodes"][1]["answers"], &whole["apis"][0]["max"]), (&json!(false), &json!(13)));
    }
}
