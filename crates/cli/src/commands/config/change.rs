//! Changes of settings as they are typed, shown and made: `NAME=VALUE`, `NAME+=ITEM` and `NAME-=ITEM`, or a bare `NAME`
//! that is taken back.

use super::resource::Resource;
use crate::args::Global;
use crate::cluster::failure;
use crate::exit::Failure;
use crate::render::{self, Row, column};
use anyhow::Result;
use ottla_client::{Admin, ClientError, ConfigChange, ConfigEntry, ConfigResource, ErrorCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::str::FromStr;

/// What becomes of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    pub change: ConfigChange,
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("a setting is NAME=VALUE")?;
        let value = value.trim().to_owned();
        let (name, change) = if let Some(name) = name.strip_suffix('+') {
            (name, ConfigChange::Append(value))
        } else if let Some(name) = name.strip_suffix('-') {
            (name, ConfigChange::Subtract(value))
        } else {
            (name, ConfigChange::Set(value))
        };
        match name.trim() {
            "" => Err("the name is missing; a setting is NAME=VALUE".to_owned()),
            name => Ok(Self { name: name.to_owned(), change }),
        }
    }
}

impl Change {
    pub fn unset(name: &str) -> Self {
        Self { name: name.trim().to_owned(), change: ConfigChange::Delete }
    }
}

/// Changes of one resource, and what is in force before them.
#[derive(Debug)]
pub struct Plan {
    resource: Resource,
    changes: Vec<Change>,
    pub rows: Vec<Row>,
}

impl Plan {
    /// Asks for the values in force. A resource or a setting that is not there ends the command before anything
    /// changes.
    pub async fn new(admin: &Admin, resource: Resource, changes: Vec<Change>) -> Result<Self> {
        let mut names = BTreeSet::new();
        if let Some(twice) = changes.iter().find(|change| !names.insert(change.name.as_str())) {
            let problem = format!("{} is changed twice", twice.name);
            return Err(Failure::usage(problem).next("the same with one change of each setting").into());
        }
        let entries = entries(admin, &resource).await?;
        let row = |change: &Change| {
            let before = entries.iter().find(|entry| entry.name == change.name);
            let (word, value) = match &change.change {
                ConfigChange::Set(value) => ("set", Some(value)),
                ConfigChange::Delete => ("unset", None),
                ConfigChange::Append(value) => ("append", Some(value)),
                ConfigChange::Subtract(value) => ("subtract", Some(value)),
            };
            let is_secret = before.is_some_and(|before| before.is_sensitive);
            let value = if is_secret && value.is_some() { json!("[hidden]") } else { json!(value) };
            row(&resource.to_string(), &change.name, before.map_or(Value::Null, shown), word, value)
        };
        let rows = changes.iter().map(row).collect();
        Ok(Self { resource, changes, rows })
    }

    /// With `validate_only` the cluster checks everything and changes nothing.
    pub async fn send(&self, admin: &Admin, validate_only: bool) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let changes = self.changes.iter().map(|change| (change.name.clone(), change.change.clone()));
        let resources = [(self.resource.0.clone(), changes.collect())];
        let answers = admin.incremental_alter_configs(&resources, validate_only).await;
        let mut answers = answers.map_err(|error| self.refused(&error))?;
        answers.remove(0).map_err(|error| self.refused(&error).into())
    }

    fn refused(&self, error: &ClientError) -> Failure {
        match error.code() {
            Some(ErrorCode::InvalidConfig | ErrorCode::InvalidRequest) => {
                failure(error).next(format!("`ottla config get {} --all` to see its settings", self.resource))
            }
            _ => refused(error),
        }
    }
}

/// All settings of a resource.
pub async fn entries(admin: &Admin, resource: &Resource) -> Result<Vec<ConfigEntry>> {
    let answers = admin.describe_configs(std::slice::from_ref(&resource.0)).await;
    let mut answers = answers.map_err(|error| refused(&error))?;
    answers.remove(0).map_err(|error| refused(&error).into())
}

fn refused(error: &ClientError) -> Failure {
    match error.code() {
        Some(ErrorCode::BrokerNotAvailable) => {
            failure(error).next("`ottla cluster info` to see the brokers there are")
        }
        _ => failure(error),
    }
}

/// A value as it is shown; a secret that is set is never told.
pub fn shown(entry: &ConfigEntry) -> Value {
    match &entry.value {
        None if entry.is_sensitive => json!("[hidden]"),
        value => json!(value),
    }
}

pub fn row(resource: &str, name: &str, before: Value, change: &str, value: Value) -> Row {
    let mut row = Map::new();
    row.insert("resource".to_owned(), json!(resource));
    row.insert("name".to_owned(), json!(name));
    row.insert("before".to_owned(), before);
    row.insert("change".to_owned(), json!(change));
    row.insert("value".to_owned(), value);
    row
}

/// The rows of what was changed, or would be.
pub fn show(global: &Global, rows: &[Row]) -> Result<()> {
    let columns = ["resource", "name", "before", "change", "value"].map(column);
    Ok(render::rows(global.output, &columns, rows)?)
}

pub fn say_dry_run(global: &Global) {
    if !global.quiet {
        eprintln!("nothing was changed; without --dry-run:");
    }
}

pub fn of_topic(name: &str) -> Resource {
    Resource(ConfigResource::topic(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_name_an_operation_and_a_value() {
        let change = |text: &str| text.parse::<Change>().map(|change| (change.name, change.change));
        let of = |name: &str, change| Ok((name.to_owned(), change));
        assert_eq!(change("retention.ms=5"), of("retention.ms", ConfigChange::Set("5".to_owned())));
        assert_eq!(change(" a = b=c "), of("a", ConfigChange::Set("b=c".to_owned())));
        assert_eq!(change("a="), of("a", ConfigChange::Set(String::new())));
        assert_eq!(change("a+=compact"), of("a", ConfigChange::Append("compact".to_owned())));
        assert_eq!(change("a-=compact"), of("a", ConfigChange::Subtract("compact".to_owned())));
        for bad in ["", "a", "=5", "+=5", " =5"] {
            assert!(change(bad).is_err(), "{bad}");
        }
    }
}
