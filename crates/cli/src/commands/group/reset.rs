//! `ottla group reset`: where a group goes on reading. Shows the plan; `--execute` carries it out.

mod file;
mod strategy;

use super::places::{self, Place};
use crate::args::Global;
use crate::cluster::{connect, exit_of_items, failure};
use crate::exit::{Exit, Failure};
use crate::render::{self, Row, column};
use anyhow::{Context, Result};
use ottla_client::{Admin, CommittedOffset, ErrorCode, OffsetSpec, PartitionKey};
use ottla_env::clock::{Clock, OsClock};
use serde_json::{Map, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use strategy::{Known, Strategy};

pub const EXAMPLES: &str = "Examples:
  ottla group reset readers --topic orders --to-earliest             what would change
  ottla group reset readers --topic orders --to-earliest --execute   change it
  ottla group reset readers --all-topics --to-datetime 2026-01-31T12:00:00Z
  ottla group reset readers --topic orders:0,1 --shift-by -100       the last hundred again
  ottla group reset readers --topic orders --by-duration 1h          the last hour again
  ottla group reset readers --all-topics --to-current --export > saved.csv
  ottla group reset readers --from-file saved.csv --execute          back to what was saved

Only a group without members can be reset: stop them first, or they would commit over it.";

#[derive(Debug, Clone, clap::Args)]
#[command(group(clap::ArgGroup::new("where").required(true)), group(clap::ArgGroup::new("scope").multiple(true)))]
pub struct Args {
    /// Id of the group; one that is not there comes into being
    #[arg(value_name = "GROUP")]
    group: String,

    /// Which offsets: of a topic, or of some of its partitions (TOPIC:0,1)
    #[arg(short = 't', long = "topic", value_name = "TOPIC", group = "scope")]
    topics: Vec<Place>,

    /// Of every topic that the group has committed offsets of
    #[arg(long, group = "scope", conflicts_with = "topics")]
    all_topics: bool,

    /// To the first record that is still there
    #[arg(long, group = "where", requires = "scope")]
    to_earliest: bool,

    /// To the end: only what is written from now on
    #[arg(long, group = "where", requires = "scope")]
    to_latest: bool,

    /// To where it is; the end where nothing is committed
    #[arg(long, group = "where", requires = "scope")]
    to_current: bool,

    /// To this offset, or the nearest one that is there
    #[arg(long, value_name = "OFFSET", group = "where", requires = "scope", allow_hyphen_values = true)]
    to_offset: Option<i64>,

    /// So many records on, or back with a minus
    #[arg(long, value_name = "NUMBER", group = "where", requires = "scope", allow_hyphen_values = true)]
    shift_by: Option<i64>,

    /// To the first record at this time or later: 2026-01-31T12:00:00Z (without a zone: UTC), or milliseconds
    #[arg(long, value_name = "TIME", group = "where", requires = "scope")]
    to_datetime: Option<String>,

    /// The same, so long ago: 1h, 7d, PT30M
    #[arg(long, value_name = "TIME", group = "where", requires = "scope")]
    by_duration: Option<String>,

    /// To what a file says, TOPIC,PARTITION,OFFSET on each line, as --export writes it; - is standard input
    #[arg(long, value_name = "FILE", group = "where", conflicts_with = "scope")]
    from_file: Option<PathBuf>,

    /// Carry it out
    #[arg(long)]
    execute: bool,

    /// Only show it, which is also what happens without --execute
    #[arg(long, conflicts_with = "execute")]
    dry_run: bool,

    /// Write the plan as lines for --from-file
    #[arg(long)]
    export: bool,
}

pub async fn run(args: &Args, global: &Global) -> Result<Exit> {
    let strategy = Strategy::parse(args, OsClock::new().now_ms())?;
    let (client, _) = connect(global).await?;
    let admin = client.admin();
    check_without_members(&admin, args).await?;
    let committed = admin.group_offsets(&args.group, None).await.map_err(|error| failure(&error))?;
    let committed: BTreeMap<_, _> = committed.into_iter().map(|(key, c)| (key, c.offset)).collect();
    let keys = keys(&admin, args, &strategy, &committed).await?;
    let plan = plan(&admin, &strategy, &keys, &committed).await?;
    let mut errors = Vec::new();
    if args.execute {
        let offsets = plan.iter().map(|(key, known)| (key.clone(), CommittedOffset::new(known.offset)));
        let answers = admin.alter_group_offsets(&args.group, &offsets.collect()).await;
        let answers = answers.map_err(|error| match error.code() {
            // A member has joined between the question and the answer.
            Some(ErrorCode::UnknownMemberId) => has_members(&args.group, &[]),
            _ => failure(&error),
        })?;
        errors.extend(answers.into_values().filter_map(Result::err));
    }
    show(args, global, &plan)?;
    if !args.execute && !global.quiet {
        eprintln!("nothing was changed; the same with --execute changes it");
    }
    exit_of_items(plan.len(), errors)
}

fn has_members(group: &str, members: &[String]) -> Failure {
    let who = if members.is_empty() { String::new() } else { format!(": {}", members.join(", ")) };
    let problem = format!("group {group} has members{who}; offsets are reset when it has none");
    Failure::usage(problem)
        .next(format!("stop them, then the same again; `ottla group describe {group} --members`"))
}

async fn check_without_members(admin: &Admin, args: &Args) -> Result<()> {
    let described = admin.describe_groups(std::slice::from_ref(&args.group)).await;
    match described.map_err(|error| failure(&error))?.remove(0) {
        Ok(group) if !group.members.is_empty() => {
            let names: Vec<_> = group
                .members
                .iter()
                .map(|member| format!("{} at {}", member.client_id, member.host.trim_start_matches('/')))
                .collect();
            Err(has_members(&args.group, &names).into())
        }
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => Ok(()),
        Err(error) => Err(failure(&error).into()),
    }
}

async fn keys(
    admin: &Admin,
    args: &Args,
    strategy: &Strategy,
    committed: &BTreeMap<PartitionKey, i64>,
) -> Result<BTreeSet<PartitionKey>> {
    if let Strategy::Given(offsets) = strategy {
        let mut topics = BTreeMap::<&String, BTreeSet<i32>>::new();
        for key in offsets.keys() {
            topics.entry(&key.topic).or_default().insert(key.partition);
        }
        let places = topics.into_iter().map(|(topic, partitions)| Place { topic: topic.clone(), partitions });
        return places::partitions(admin, &places.collect::<Vec<_>>()).await;
    }
    if args.all_topics {
        let topics: BTreeSet<&String> = committed.keys().map(|key| &key.topic).collect();
        if topics.is_empty() {
            let problem = format!("group {} has committed nothing yet", args.group);
            return Err(Failure::usage(problem).next("the same with `--topic TOPIC`").into());
        }
        let place = |topic: &String| Place { topic: topic.clone(), partitions: BTreeSet::new() };
        let places: Vec<Place> = topics.into_iter().map(place).collect();
        return places::partitions(admin, &places).await;
    }
    places::partitions(admin, &args.topics).await
}

/// What becomes of one partition.
#[derive(Debug, Clone, Copy)]
struct Planned {
    current: Option<i64>,
    offset: i64,
    latest: i64,
}

async fn plan(
    admin: &Admin,
    strategy: &Strategy,
    keys: &BTreeSet<PartitionKey>,
    committed: &BTreeMap<PartitionKey, i64>,
) -> Result<BTreeMap<PartitionKey, Planned>> {
    let earliest = places::offsets(admin, keys, OffsetSpec::Earliest).await?;
    let latest = places::offsets(admin, keys, OffsetSpec::Latest).await?;
    let at = match strategy {
        Strategy::At(ms) => places::offsets(admin, keys, OffsetSpec::AtOrAfter(*ms)).await?,
        _ => BTreeMap::new(),
    };
    let mut plan = BTreeMap::new();
    for key in keys {
        let (Some(earliest), Some(latest)) = (earliest.get(key), latest.get(key)) else {
            let problem = format!("{}/{} cannot be asked for its ends", key.topic, key.partition);
            return Err(Failure::new(Exit::Failed, problem).next("the same again").into());
        };
        let current = committed.get(key).copied();
        let known = Known { current, earliest: *earliest, latest: *latest, at: at.get(key).copied() };
        let offset = strategy.offset(key, known)?;
        plan.insert(key.clone(), Planned { current, offset, latest: *latest });
    }
    Ok(plan)
}

fn show(args: &Args, global: &Global, plan: &BTreeMap<PartitionKey, Planned>) -> Result<()> {
    if args.export {
        let mut stdout = std::io::stdout().lock();
        for (key, planned) in plan {
            writeln!(stdout, "{},{},{}", key.topic, key.partition, planned.offset)
                .context("write the plan")?;
        }
        return Ok(());
    }
    let row = |(key, planned): (&PartitionKey, &Planned)| {
        let mut row: Row = Map::new();
        row.insert("group".to_owned(), json!(args.group));
        row.insert("topic".to_owned(), json!(key.topic));
        row.insert("partition".to_owned(), json!(key.partition));
        row.insert("currentOffset".to_owned(), json!(planned.current));
        row.insert("newOffset".to_owned(), json!(planned.offset));
        row.insert("lag".to_owned(), json!(planned.latest.saturating_sub(planned.offset).max(0)));
        row
    };
    let rows: Vec<Row> = plan.iter().map(row).collect();
    let fields = ["group", "topic", "partition", "currentOffset", "newOffset", "lag"];
    render::rows(global.output, &fields.map(column), &rows)?;
    Ok(())
}
