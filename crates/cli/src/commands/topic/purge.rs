//! `ottla topic purge`: shows which records would go, asks for the topic's name, and deletes them. The topic stays, and
//! so do its offsets: the next record gets the one it would have got.

use crate::args::Global;
use crate::cluster::{connect, exit_of_items, failure};
use crate::exit::{Exit, Failure};
use crate::render::{self, Row, column};
use anyhow::{Context, Result};
use ottla_client::{
    Admin, ClientError, DeleteBefore, ErrorCode, Isolation, OffsetSpec, PartitionKey, TopicMetadata,
};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

pub const EXAMPLES: &str = "Examples:
  ottla topic purge orders                 shows what would go, and asks for the topic's name
  ottla topic purge orders --yes           asks nothing; needed where there is no terminal
  ottla topic purge orders --dry-run       only shows
  ottla topic purge orders --before 0:500  of partition 0 what lies before 500, of others nothing

Only what is there when the plan is made goes; what is written meanwhile stays.";

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Name of a topic
    #[arg(value_name = "TOPIC")]
    topic: String,

    /// Only the records of a partition before an offset (may be repeated); without it, all there are
    #[arg(long, value_name = "PARTITION:OFFSET", value_parser = before)]
    before: Vec<(i32, i64)>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Show what would go, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

fn before(text: &str) -> Result<(i32, i64), String> {
    let parsed = text.split_once(':').and_then(|(partition, offset)| {
        let place = (partition.trim().parse().ok()?, offset.trim().parse().ok()?);
        (place.0 >= 0 && place.1 >= 0).then_some(place)
    });
    parsed.ok_or_else(|| "use PARTITION:OFFSET, both numbers from 0 on".to_owned())
}

/// What becomes of one partition.
#[derive(Debug, Clone)]
struct Planned {
    key: PartitionKey,
    earliest: i64,
    /// The first offset that stays.
    offset: i64,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !args.yes && !args.dry_run && !can_ask {
        let problem = "records are deleted only after a question, and there is no terminal to ask at";
        return Err(Failure::usage(problem)
            .next("the same with `--yes`, or with `--dry-run` to look")
            .into());
    }
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    let topic = admin.describe_topics(std::slice::from_ref(&args.topic)).await;
    let topic = topic.map_err(|error| failure(&error))?.remove(0).map_err(|error| failure(&error))?;
    let plan = plan(&admin, args, &topic).await?;
    if args.dry_run {
        if !global.quiet {
            eprintln!("nothing was deleted; without --dry-run:");
        }
        show(global, &plan)?;
        return Ok(Exit::Done);
    }
    if !args.yes && !is_confirmed(&args.topic, &plan)? {
        eprintln!("nothing was deleted");
        return Ok(Exit::Usage);
    }
    let wanted: Vec<_> =
        plan.iter().map(|planned| (planned.key.clone(), DeleteBefore::Offset(planned.offset))).collect();
    let answers = admin.delete_records(&wanted).await.map_err(|error| refused(&args.topic, &error))?;
    let mut errors = Vec::new();
    let mut done = Vec::new();
    for (planned, answer) in plan.iter().zip(answers) {
        match answer {
            Ok(log_start) => done.push(Planned { offset: log_start, ..planned.clone() }),
            Err(error) => errors.push(error),
        }
    }
    if !done.is_empty() {
        show(global, &done)?;
    }
    match errors.as_slice() {
        [error, ..] if errors.len() == plan.len() => Err(refused(&args.topic, error).into()),
        _ => exit_of_items(plan.len(), errors),
    }
}

fn refused(topic: &str, error: &ClientError) -> Failure {
    match error.code() {
        Some(ErrorCode::PolicyViolation) => failure(error).next(format!(
            "`ottla topic alter {topic} -c cleanup.policy+=delete`: records of a compacted topic cannot be deleted"
        )),
        Some(ErrorCode::OffsetOutOfRange) => {
            failure(error).next(format!("`ottla topic describe {topic}` to see its offsets"))
        }
        _ => failure(error),
    }
}

async fn plan(admin: &Admin, args: &Args, topic: &TopicMetadata) -> Result<Vec<Planned>> {
    let given: BTreeMap<i32, i64> = args.before.iter().copied().collect();
    if given.len() < args.before.len() {
        return Err(Failure::usage("--before names a partition twice").next("each partition once").into());
    }
    let partitions: Vec<i32> = match given.is_empty() {
        true => topic.partitions.iter().map(|partition| partition.partition).collect(),
        false => given.keys().copied().collect(),
    };
    let keys: Vec<_> = partitions
        .iter()
        .map(|partition| PartitionKey { topic: topic.name.clone(), partition: *partition })
        .collect();
    let ends = async |spec| {
        let wanted: Vec<_> = keys.iter().map(|key| (key.clone(), spec)).collect();
        let answers = admin.list_offsets(&wanted, Isolation::ReadUncommitted).await;
        let mut offsets = Vec::with_capacity(keys.len());
        for answer in answers.map_err(|error| failure(&error))? {
            offsets.push(answer.map_err(|error| failure(&error))?.offset.unwrap_or(0));
        }
        Ok::<_, anyhow::Error>(offsets)
    };
    let (earliest, latest) = (ends(OffsetSpec::Earliest).await?, ends(OffsetSpec::Latest).await?);
    let mut plan = Vec::with_capacity(keys.len());
    for ((key, earliest), latest) in keys.iter().zip(earliest).zip(latest) {
        let offset = given.get(&key.partition).copied().unwrap_or(latest);
        if offset > latest {
            let problem = format!("{}/{} ends at {latest}, before {offset}", key.topic, key.partition);
            let next = format!("`ottla topic describe {}` to see its offsets", key.topic);
            return Err(Failure::usage(problem).next(next).into());
        }
        plan.push(Planned { key: key.clone(), earliest, offset: offset.max(earliest) });
    }
    Ok(plan)
}

/// Offsets between the ends; compaction and transactions make it an upper bound.
fn records(planned: &Planned) -> i64 {
    planned.offset.saturating_sub(planned.earliest).max(0)
}

fn show(global: &Global, plan: &[Planned]) -> Result<()> {
    let row = |planned: &Planned| {
        let mut row: Row = Map::new();
        row.insert("topic".to_owned(), json!(planned.key.topic));
        row.insert("partition".to_owned(), json!(planned.key.partition));
        row.insert("earliestOffset".to_owned(), json!(planned.earliest));
        row.insert("newEarliestOffset".to_owned(), json!(planned.offset));
        row.insert("records".to_owned(), json!(records(planned)));
        row
    };
    let rows: Vec<Row> = plan.iter().map(row).collect();
    let columns = ["topic", "partition", "earliestOffset", "newEarliestOffset", "records"].map(column);
    Ok(render::rows(global.output, &columns, &rows)?)
}

fn is_confirmed(topic: &str, plan: &[Planned]) -> Result<bool> {
    let mut stderr = std::io::stderr().lock();
    for planned in plan {
        let Planned { key, earliest, offset } = planned;
        let count = records(planned);
        writeln!(
            stderr,
            "  {topic}/{}: offsets {earliest} to {offset}, up to {count} records",
            key.partition
        )?;
    }
    write!(stderr, "Delete these records? Type the name of the topic: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("read the answer")?;
    Ok(answer.trim() == topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compacted_topic_is_refused_with_the_setting_to_change() {
        let error = ClientError::Refused {
            what: "delete records of t/0".to_owned(),
            code: ErrorCode::PolicyViolation,
            message: None,
        };
        let failure = refused("t", &error);
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.next.unwrap().contains("topic alter t -c cleanup.policy+=delete"));
    }

    #[test]
    fn a_place_is_a_partition_and_an_offset() {
        assert_eq!(before("0:500"), Ok((0, 500)));
        assert_eq!(before("3: 0"), Ok((3, 0)));
        for bad in ["", "500", "0:", ":5", "-1:5", "0:-1", "a:1", "0:1:2"] {
            assert!(before(bad).is_err(), "{bad}");
        }
    }
}
