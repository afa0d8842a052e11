//! `ottla group describe`: offsets and lag by default, members or the state of the group on demand.

use super::places;
use crate::args::Global;
use crate::cluster::{connect, exit_of_items, failure};
use crate::exit::Exit;
use crate::render::{self, Column, Row, column, wide};
use anyhow::Result;
use ottla_client::{Admin, ClientError, GroupDescription, GroupMember, OffsetSpec, PartitionKey};
use serde_json::{Map, json};
use std::collections::{BTreeMap, BTreeSet};

pub const EXAMPLES: &str = "Examples:
  ottla group describe readers              how far it has read, and how much is left
  ottla group describe readers --members    who is in it
  ottla group describe --all-groups --state
  ottla group describe readers --output json | jq '[.[].lag] | add'

LAG is LOG-END-OFFSET less CURRENT-OFFSET, the next offset to be read as it was last committed. A \
partition without a commit has no lag that could be told.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Ids of groups
    #[arg(value_name = "GROUP", required_unless_present = "all_groups")]
    groups: Vec<String>,

    /// Every group there is
    #[arg(long, conflicts_with = "groups")]
    all_groups: bool,

    /// Offsets and lag of each partition, which is also what is shown without any option
    #[arg(long)]
    offsets: bool,

    /// The members of each group
    #[arg(long, conflicts_with = "offsets")]
    members: bool,

    /// The state of each group
    #[arg(long, conflicts_with_all = ["offsets", "members"])]
    state: bool,

    /// With --members: the partitions of each
    #[arg(short, long, requires = "members")]
    verbose: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let groups = match args.all_groups {
        false => args.groups.clone(),
        true => {
            let listed = admin.list_groups().await.map_err(|error| failure(&error))?;
            listed.into_iter().map(|group| group.group_id).collect()
        }
    };
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for answer in admin.describe_groups(&groups).await.map_err(|error| failure(&error))? {
        let group = match answer {
            Ok(group) => group,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        if args.members {
            rows.extend(group.members.iter().map(|member| member_row(&group, member)));
        } else if args.state {
            rows.push(state_row(&group));
        } else {
            match offset_rows(&admin, &group).await {
                Ok(of_group) => rows.extend(of_group),
                Err(error) => match error.downcast::<ClientError>() {
                    Ok(error) => errors.push(error),
                    Err(error) => return Err(error),
                },
            }
        }
        if group.members.is_empty() && !args.state && !global.quiet {
            eprintln!("group {} has no members", group.group_id);
        }
    }
    render::rows(global.output, &columns(args), &rows)?;
    exit_of_items(groups.len(), errors)
}

fn columns(args: &Args) -> Vec<Column> {
    if args.members {
        let assignment = if args.verbose { column("assignment") } else { wide("assignment") };
        return vec![
            column("group"),
            column("consumerId"),
            wide("instanceId"),
            column("host"),
            column("clientId"),
            column("partitions"),
            assignment,
        ];
    }
    if args.state {
        let fields = ["group", "coordinator", "assignor", "state", "members"];
        return fields.into_iter().map(column).chain([wide("type")]).collect();
    }
    let fields = [
        "group",
        "topic",
        "partition",
        "currentOffset",
        "logEndOffset",
        "lag",
        "consumerId",
        "host",
        "clientId",
    ];
    fields.into_iter().map(column).collect()
}

/// `orders:0,1`, one for each topic.
fn shown(partitions: &BTreeSet<PartitionKey>) -> Vec<String> {
    let mut topics = BTreeMap::<&str, Vec<String>>::new();
    for key in partitions {
        topics.entry(&key.topic).or_default().push(key.partition.to_string());
    }
    topics.into_iter().map(|(topic, partitions)| format!("{topic}:{}", partitions.join(","))).collect()
}

fn member_row(group: &GroupDescription, member: &GroupMember) -> Row {
    let mut row = Map::new();
    row.insert("group".to_owned(), json!(group.group_id));
    row.insert("consumerId".to_owned(), json!(member.member_id));
    row.insert("instanceId".to_owned(), json!(member.instance_id));
    row.insert("host".to_owned(), json!(member.host));
    row.insert("clientId".to_owned(), json!(member.client_id));
    row.insert("partitions".to_owned(), json!(member.assignment.len()));
    row.insert("assignment".to_owned(), json!(shown(&member.assignment)));
    row
}

fn state_row(group: &GroupDescription) -> Row {
    let mut row = Map::new();
    row.insert("group".to_owned(), json!(group.group_id));
    row.insert("coordinator".to_owned(), json!(group.coordinator));
    row.insert("assignor".to_owned(), json!(group.assignor));
    row.insert("state".to_owned(), json!(group.state));
    row.insert("members".to_owned(), json!(group.members.len()));
    row.insert("type".to_owned(), json!(group.group_type));
    row
}

/// Everything that the group has committed or that a member reads.
async fn offset_rows(admin: &Admin, group: &GroupDescription) -> Result<Vec<Row>> {
    let committed = admin.group_offsets(&group.group_id, None).await?;
    let readers: BTreeMap<&PartitionKey, &GroupMember> = group
        .members
        .iter()
        .flat_map(|member| member.assignment.iter().map(move |key| (key, member)))
        .collect();
    let keys: BTreeSet<PartitionKey> = committed.keys().chain(readers.keys().copied()).cloned().collect();
    let ends = places::offsets(admin, &keys, OffsetSpec::Latest).await?;
    let row = |key: &PartitionKey| {
        let current = committed.get(key).map(|committed| committed.offset);
        let end = ends.get(key).copied();
        let reader = readers.get(key);
        let mut row = Map::new();
        row.insert("group".to_owned(), json!(group.group_id));
        row.insert("topic".to_owned(), json!(key.topic));
        row.insert("partition".to_owned(), json!(key.partition));
        row.insert("currentOffset".to_owned(), json!(current));
        row.insert("logEndOffset".to_owned(), json!(end));
        row.insert("lag".to_owned(), json!(lag(current, end)));
        row.insert("consumerId".to_owned(), json!(reader.map(|reader| &reader.member_id)));
        row.insert("host".to_owned(), json!(reader.map(|reader| &reader.host)));
        row.insert("clientId".to_owned(), json!(reader.map(|reader| &reader.client_id)));
        row
    };
    Ok(keys.iter().map(row).collect())
}

/// Never below zero: a commit may be ahead of an end that was asked for a moment earlier.
fn lag(current: Option<i64>, end: Option<i64>) -> Option<i64> {
    Some(end?.saturating_sub(current?).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_needs_both_offsets_and_is_never_negative() {
        assert_eq!(lag(Some(3), Some(10)), Some(7));
        assert_eq!(lag(Some(11), Some(10)), Some(0));
        assert_eq!((lag(None, Some(10)), lag(Some(3), None)), (None, None));
    }

    #[test]
    fn assignments_are_shown_by_topic() {
        let key = |topic: &str, partition| PartitionKey { topic: topic.to_owned(), partition };
        let keys = BTreeSet::from([key("u", 0), key("t", 1), key("t", 0)]);
        assert_eq!(shown(&keys), ["t:0,1", "u:0"]);
    }
}
