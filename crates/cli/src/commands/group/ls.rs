//! `ottla group ls`.

use crate::args::Global;
use crate::cluster::{connect, failure};
use crate::exit::Exit;
use crate::render::{self, Row, column, wide};
use anyhow::Result;
use ottla_client::ListedGroup;
use serde_json::{Map, json};

pub const EXAMPLES: &str = "Examples:
  ottla group ls                      all of them
  ottla group ls --state stable       those with members that read
  ottla group ls --output json | jq -r '.[].group'";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only groups in one of these states: Stable, Empty, PreparingRebalance, CompletingRebalance, ...
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<String>,

    /// Only groups of this kind: classic or consumer
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    group_type: Vec<String>,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, _) = connect(global).await?;
    let groups = client.admin().list_groups().await.map_err(|error| failure(&error))?;
    let columns = [column("group"), column("type"), column("state"), wide("protocol"), wide("coordinator")];
    let rows: Vec<Row> = groups.iter().filter(|group| is_wanted(args, group)).map(row).collect();
    render::rows(global.output, &columns, &rows)?;
    Ok(Exit::Done)
}

fn is_wanted(args: &Args, group: &ListedGroup) -> bool {
    let one_of = |wanted: &[String], value: &Option<String>| {
        let value = value.as_deref().unwrap_or_default();
        wanted.is_empty() || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    one_of(&args.state, &group.state) && one_of(&args.group_type, &group.group_type)
}

fn row(group: &ListedGroup) -> Row {
    let mut row = Map::new();
    row.insert("group".to_owned(), json!(group.group_id));
    row.insert("type".to_owned(), json!(group.group_type));
    row.insert("state".to_owned(), json!(group.state));
    row.insert("protocol".to_owned(), json!(group.protocol_type));
    row.insert("coordinator".to_owned(), json!(group.coordinator));
    row
}
