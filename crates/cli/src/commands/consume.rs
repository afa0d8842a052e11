//! `ottla consume`: records of topics to standard output, alone or as a member of a group.

mod group;
mod offsets;
mod output;

use crate::args::Global;
use crate::client_settings;
use crate::cluster::{self, connect, failure};
use crate::exit::{Exit, Failure};
use crate::render::Output;
use crate::units::parse_duration;
use anyhow::Result;
use offsets::Range;
use ottla_client::{
    Admin, Assignment, ClientError, Consumer, FetchedBatch, Isolation, OffsetSpec, PartitionKey,
};
use ottla_env::clock::{Clock, OsClock};
use output::Form;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

const EXAMPLES: &str = "Examples:
  ottla consume orders                      everything there is, then what comes
  ottla consume orders -e                   everything there is, then stop
  ottla consume orders -o end               only what comes from now on
  ottla consume orders -o -10 -e            the last ten of each partition
  ottla consume orders --from-timestamp -15m -e
  ottla consume orders -o s@2026-01-01T00:00:00Z -o e@2026-01-02T00:00:00Z
  ottla consume orders -f '%t/%p@%o %k = %s\\n' -c 5
  ottla consume orders -J -e | jq .payload
  ottla consume -G readers orders           as a member of a group, from where it has committed

-f letters: %t topic, %p partition, %o offset, %k key, %K its length, %s value, %S its length (-1 for null), \
%h headers, %T timestamp; %k{hex}, %s{base64}, %s{json}; \\n \\t \\0 \\xNN. Ctrl-C ends with 130, SIGTERM with 143, \
-e and -c with 0.

With -G what is written is committed: every 5 s, when partitions go to another reader, and at the end, by a signal \
too. See how far a group is with `ottla group describe GROUP`, move it with `ottla group reset GROUP`. \
-X group.instance.id=NAME, \
partition.assignment.strategy, session.timeout.ms, enable.auto.commit and their like are taken.";

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Topics to read
    #[arg(value_name = "TOPIC", required_unless_present = "topic_options")]
    topics: Vec<String>,

    /// The same as TOPIC, as kcat has it
    #[arg(short = 't', long = "topic", value_name = "TOPIC")]
    topic_options: Vec<String>,

    /// As a member of this group: partitions are shared, and what is read is committed
    #[arg(short = 'G', long, value_name = "GROUP")]
    group: Option<String>,

    /// Of lists only; its short form is kcat's for offsets here
    #[arg(long, value_name = "FORM", value_enum, hide = true)]
    output: Option<Output>,

    /// Where to start: beginning, end, N, -N (before the end), s@TIME; e@TIME is where to stop
    #[arg(short, long, value_name = "OFFSET", allow_hyphen_values = true)]
    offset: Vec<String>,

    /// Only these partitions
    #[arg(short, long, value_name = "NUMBER", value_delimiter = ',')]
    partition: Vec<i32>,

    /// Stop after so many records
    #[arg(short, long, visible_short_alias = 'n', visible_alias = "max-messages", value_name = "NUMBER")]
    count: Option<u64>,

    /// Stop at the end as it was at the start
    #[arg(short, long)]
    exit: bool,

    /// How each record is written; see the letters below
    #[arg(short, long, value_name = "TEXT", conflicts_with = "json")]
    format: Option<String>,

    /// Each record as one line of JSON, which `produce -J` reads
    #[arg(short = 'J', long)]
    json: bool,

    /// What is written behind each record: text with \n \t \0 \xNN
    #[arg(short = 'D', long, value_name = "TEXT", default_value = "\\n", hide_default_value = true,
        conflicts_with_all = ["format", "json"])]
    delimiter: String,

    /// Write the key too, with this between key and value
    #[arg(short = 'K', long, value_name = "TEXT", conflicts_with_all = ["format", "json"])]
    key_delimiter: Option<String>,

    /// Write NULL for a key or value that is null, instead of nothing
    #[arg(short = 'Z', long, conflicts_with = "json")]
    null: bool,

    /// The same as -o beginning
    #[arg(long, conflicts_with_all = ["offset", "from_end", "from_timestamp", "tail"])]
    from_beginning: bool,

    /// The same as -o end
    #[arg(long, conflicts_with_all = ["offset", "from_timestamp", "tail"])]
    from_end: bool,

    /// From this time on: 2026-01-31T12:00:00Z, milliseconds, or -15m
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with_all = ["offset", "tail"])]
    from_timestamp: Option<String>,

    /// The last so many of each partition, then what comes; the same as -o -NUMBER
    #[arg(long, value_name = "NUMBER", conflicts_with = "offset")]
    tail: Option<u64>,

    /// Stop when nothing came for so long; a bare number is milliseconds
    #[arg(long, value_name = "MS", value_parser = parse_ms)]
    timeout_ms: Option<Duration>,

    /// What of transactions is read: read_uncommitted or read_committed
    #[arg(long, value_name = "LEVEL", value_parser = client_settings::isolation)]
    isolation_level: Option<Isolation>,
}

fn parse_ms(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(ms) => Ok(Duration::from_millis(ms)),
        Err(_) => parse_duration(text),
    }
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    if args.output.is_some() {
        return Err(Failure::usage("--output is for lists; how records are written -f, -J and -K say")
            .next("leave it out")
            .into());
    }
    let form = Form::new(args)?;
    if let Some(group) = &args.group {
        return group::run(args, global, &form, group);
    }
    let range = offsets::parse(args, OsClock::new().now_ms())?;
    cluster::run(consume(args, global, &form, range))
}

async fn consume(args: &Args, global: &Global, form: &Form, range: Range) -> Result<Exit> {
    let (client, mut settings) = connect(global).await?;
    settings.consumer.isolation = args.isolation_level.unwrap_or(settings.consumer.isolation);
    let isolation = settings.consumer.isolation;
    let admin = client.admin();
    let assignments = assignments(&admin, args, &range).await?;
    let mut consumer = client.consumer(settings.consumer);
    consumer.assign(&assignments).await.map_err(|error| failure(&error))?;
    let stop = stop(&admin, args, &range, &consumer, isolation).await.map_err(|error| failure(&error))?;
    if range.is_at_end && !global.quiet && std::io::stderr().is_terminal() && stop.is_none() {
        eprintln!("waiting for new records, Ctrl-C ends");
    }
    let mut reading = Reading { left: args.count.unwrap_or(u64::MAX), stop };
    let mut out = Vec::new();
    while reading.left > 0 && !reading.is_at_stop(&consumer) {
        let batch = match args.timeout_ms {
            None => consumer.next().await,
            Some(timeout) => match tokio::time::timeout(timeout, consumer.next()).await {
                Ok(batch) => batch,
                Err(_) => break,
            },
        };
        let batch = batch.map_err(|error| failure(&error))?;
        out.clear();
        reading.write(form, batch, &mut out);
        write_out(&out)?;
    }
    Ok(Exit::Done)
}

fn write_out(out: &[u8]) -> std::io::Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(out)?;
    stdout.flush()
}

/// Every wanted partition of every topic, each with its start.
async fn assignments(admin: &Admin, args: &Args, range: &Range) -> Result<Vec<Assignment>> {
    let mut topics: Vec<String> = args.topics.iter().chain(&args.topic_options).cloned().collect();
    topics.sort();
    topics.dedup();
    let mut assignments = Vec::new();
    for topic in admin.describe_topics(&topics).await.map_err(|error| failure(&error))? {
        let topic = topic.map_err(|error| failure(&error))?;
        for wanted in &args.partition {
            if topic.partition(*wanted).is_none() {
                let (topic, partition) = (topic.name, *wanted);
                return Err(failure(&ClientError::NoPartition { topic, partition }).into());
            }
        }
        let is_wanted = |partition: i32| args.partition.is_empty() || args.partition.contains(&partition);
        for partition in
            topic.partitions.iter().map(|partition| partition.partition).filter(|p| is_wanted(*p))
        {
            assignments.push(Assignment { topic: topic.name.clone(), partition, start: range.start });
        }
    }
    if assignments.is_empty() {
        return Err(Failure::usage("no topic was given").into());
    }
    Ok(assignments)
}

type Stop = BTreeMap<PartitionKey, i64>;

/// Where to stop, by partition; `None` for never.
async fn stop(
    admin: &Admin,
    args: &Args,
    range: &Range,
    consumer: &Consumer,
    isolation: Isolation,
) -> Result<Option<Stop>, ClientError> {
    if !args.exit && range.stop_at.is_none() {
        return Ok(None);
    }
    let keys: Vec<PartitionKey> = consumer.assignment().map(|(key, _)| key.clone()).collect();
    let ask = async |spec| {
        let wanted: Vec<_> = keys.iter().map(|key| (key.clone(), spec)).collect();
        admin.list_offsets(&wanted, isolation).await
    };
    let mut stop = Stop::new();
    for (key, end) in keys.iter().zip(ask(OffsetSpec::Latest).await?) {
        stop.insert(key.clone(), end?.offset.unwrap_or(0));
    }
    if let Some(ms) = range.stop_at {
        for (key, at) in keys.iter().zip(ask(OffsetSpec::AtOrAfter(ms)).await?) {
            if let Some(offset) = at?.offset {
                stop.insert(key.clone(), offset);
            }
        }
    }
    Ok(Some(stop))
}

struct Reading {
    left: u64,
    stop: Option<Stop>,
}

impl Reading {
    fn is_at_stop(&self, consumer: &Consumer) -> bool {
        let Some(stop) = &self.stop else { return false };
        consumer.assignment().all(|(key, position)| stop.get(key).is_none_or(|stop| position >= *stop))
    }

    fn write(&mut self, form: &Form, batch: FetchedBatch, out: &mut Vec<u8>) {
        let stop = self.stop.as_ref().and_then(|stop| {
            let key = PartitionKey { topic: batch.topic.to_string(), partition: batch.partition };
            stop.get(&key).copied()
        });
        for record in output::records(batch) {
            if self.left == 0 || stop.is_some_and(|stop| record.offset >= stop) {
                break;
            }
            self.left -= 1;
            form.write(&record, out);
        }
    }
}
