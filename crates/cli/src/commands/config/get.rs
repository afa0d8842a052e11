//! `ottla config get`.

use super::change::{entries, shown};
use super::resource::Resource;
use crate::args::Global;
use crate::cluster::connect;
use crate::exit::{Exit, Failure};
use crate::render::{self, Row, column, wide};
use anyhow::Result;
use ottla_client::{ConfigEntry, ConfigSource};
use serde_json::{Map, json};

pub const EXAMPLES: &str = "Examples:
  ottla config get topic/orders                  what the topic sets itself
  ottla config get topic/orders retention.ms     one setting, wherever it comes from
  ottla config get broker/1 --all --output json  every setting of a broker, with its source
  ottla config get brokers                       what was set for all brokers
  ottla config get group/readers --all";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Whose settings: topic/NAME, broker/ID, brokers (all of them) or group/ID
    #[arg(value_name = "RESOURCE")]
    resource: Resource,

    /// Names of settings; without them, those that somebody set
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Every setting, defaults too
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, _) = connect(global).await?;
    let entries = entries(&client.admin(), &args.resource).await?;
    let missing: Vec<&str> = args
        .names
        .iter()
        .map(String::as_str)
        .filter(|name| !entries.iter().any(|e| e.name == *name))
        .collect();
    if !missing.is_empty() {
        let problem = format!("{} has no setting {}", args.resource, missing.join(", "));
        let next = format!("`ottla config get {} --all` to see its settings", args.resource);
        return Err(Failure::new(Exit::Failed, problem).next(next).into());
    }
    let is_wanted = |entry: &&ConfigEntry| match args.names.is_empty() {
        true => args.all || args.resource.has_set(entry),
        false => args.names.contains(&entry.name),
    };
    let row = |entry: &ConfigEntry| {
        let mut row: Row = Map::new();
        row.insert("resource".to_owned(), json!(args.resource.to_string()));
        row.insert("name".to_owned(), json!(entry.name));
        row.insert("value".to_owned(), shown(entry));
        row.insert("source".to_owned(), json!(source(entry.source)));
        row.insert("readOnly".to_owned(), json!(entry.is_read_only));
        row.insert("sensitive".to_owned(), json!(entry.is_sensitive));
        row
    };
    let rows: Vec<Row> = entries.iter().filter(is_wanted).map(row).collect();
    let columns = [
        wide("resource"),
        column("name"),
        column("value"),
        column("source"),
        wide("readOnly"),
        wide("sensitive"),
    ];
    render::rows(global.output, &columns, &rows)?;
    Ok(Exit::Done)
}

fn source(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::Topic => "topic",
        ConfigSource::Group => "group",
        ConfigSource::DynamicBroker => "broker",
        ConfigSource::DynamicDefaultBroker => "all brokers",
        ConfigSource::StaticBroker => "broker at its start",
        ConfigSource::Default => "default",
        ConfigSource::Other | ConfigSource::Unknown => "unknown",
    }
}
