//! `cargo xtask interop`: real clients of other people write and read through a broker.
//!
//! Each client writes a topic in every codec it has, and every client reads every topic from the beginning without a
//! group; the bytes, offsets and order of each reader are compared with the records that were made for the topic. The
//! report counts the cells that passed, and fewer than planned is a failure. Then kafka-go's Writer writes first records
//! to thousands of topics that do not exist.

pub mod broker;
mod child;
mod client;
mod groups;
mod lines;
mod records;
mod tools;

use crate::clients::Clients;
use anyhow::{Context, Result, bail};
use broker::{Broker, Kind};
use client::{Client, IMPOSSIBLE, Run, UNREADABLE};
use lines::Dialect;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const USAGE: &str =
    "usage: cargo xtask interop [--broker ottla|kafka] [--records N] [--first-writes N] [--seed N]
                            [--writers NAME,...]
       cargo xtask interop groups [--broker ottla|kafka] [--clients NAME,...]
       cargo xtask interop tools [--broker ottla|kafka] [--record]

  --broker        the release build of Ottla (default), or Apache Kafka from Maven
  --records       records of an uncompressed topic, 100000; compressed ones get a tenth
  --first-writes  topics that get their first record by auto-creation, 10000
  --seed          of the records
  --writers       only the topics of these clients; all clients read them";
/// One topic per core and a little more, as clients also wait.
const TOPICS_AT_ONCE: usize = 3;
const FIRST_WRITERS: &str = "64";
const FIRST_WRITES_LIMIT: Duration = Duration::from_secs(900);

#[derive(Debug)]
struct Options {
    kind: Kind,
    records: usize,
    first_writes: usize,
    seed: u64,
    writers: Vec<Client>,
}

/// A topic of the plan: who writes it, how, and how much.
#[derive(Debug, Clone, Copy)]
struct Topic {
    writer: Client,
    codec: &'static str,
    records: usize,
}

impl Topic {
    /// The writer's, and one of each reader.
    fn cells(&self) -> usize {
        1 + Client::readers_of(self.writer, self.codec).count()
    }
}

/// One line of the report.
#[derive(Debug, Default)]
struct Row {
    passed: usize,
    failures: Vec<String>,
    seconds: f64,
}

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    match args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("tools", rest)) => return tools::run(root, rest),
        Some(("groups", rest)) => return groups::run(root, rest),
        _ => {}
    }
    let options = options(args)?;
    let clients = Clients::prepare(root)?;
    let broker = Broker::start(root, options.kind, "interop", &["num.partitions=1"])?;
    let folder = Folder::create(root)?;
    let run = Run { clients: &clients, bootstrap: &broker.bootstrap, folder: &folder.0 };
    let result = cells(&run, &options).and_then(|()| first_writes(&run, &options));
    match result {
        Ok(()) => broker.stop(),
        Err(error) => {
            println!("the end of the broker's log:\n{}", broker.log_tail());
            Err(error)
        }
    }
}

fn options(args: &[String]) -> Result<Options> {
    let mut options = Options {
        kind: Kind::Ottla,
        records: 100_000,
        first_writes: 10_000,
        seed: 20_261_124,
        writers: Client::ALL.to_vec(),
    };
    for pair in args.chunks(2) {
        let [name, value] = pair else { bail!("{USAGE}") };
        match name.as_str() {
            "--broker" => options.kind = Kind::parse(value)?,
            "--records" => options.records = value.parse().context("--records takes a number")?,
            "--first-writes" => {
                options.first_writes = value.parse().context("--first-writes takes a number")?
            }
            "--writers" => options.writers = value.split(',').map(Client::parse).collect::<Result<_>>()?,
            "--seed" => options.seed = value.parse().context("--seed takes a number")?,
            _ => bail!("{USAGE}"),
        }
    }
    Ok(options)
}

/// The largest topics first, so that no core is idle at the end.
fn plan(writers: &[Client], records: usize) -> Vec<Topic> {
    let topics = writers.iter().flat_map(|writer| {
        writer.codecs().iter().map(move |codec| {
            let records = if *codec == "none" { records } else { records / 10 };
            Topic { writer: *writer, codec, records }
        })
    });
    let mut topics: Vec<Topic> = topics.collect();
    topics.sort_by_key(|topic| std::cmp::Reverse(topic.records));
    topics
}

fn cells(run: &Run<'_>, options: &Options) -> Result<()> {
    let begin = Instant::now();
    let topics = plan(&options.writers, options.records);
    let planned: usize = topics.iter().map(Topic::cells).sum();
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..TOPICS_AT_ONCE {
            scope.spawn(|| {
                while let Some(topic) = topics.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = write_and_read(run, options.seed, topic);
                    report_row(topic, &row);
                    if let Ok(mut rows) = rows.lock() {
                        rows.push(row);
                    }
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap_or_default();
    println!("not possible:");
    for (client, reason) in IMPOSSIBLE {
        println!("  {}: {reason}", client.name());
    }
    for (reader, writer, codec, reason) in UNREADABLE {
        println!("  {} reads {} of {}: {reason}", reader.name(), codec, writer.name());
    }
    let passed: usize = rows.iter().map(|row| row.passed).sum();
    let written: usize = topics.iter().map(|topic| topic.records).sum();
    println!(
        "{}: {passed} of {planned} cells passed; {} topics, {written} records written, each read by {} clients; {:.0} s",
        options.kind.name(),
        topics.len(),
        Client::readers().count(),
        begin.elapsed().as_secs_f64()
    );
    if passed != planned {
        bail!("{passed} of {planned} cells passed");
    }
    Ok(())
}

fn report_row(topic: &Topic, row: &Row) {
    println!(
        "  {:<15} {:<7} {:>7} records: {} of {} cells, {:.1} s",
        topic.writer.name(),
        topic.codec,
        topic.records,
        row.passed,
        topic.cells(),
        row.seconds
    );
    for failure in &row.failures {
        println!("    FAILED {failure}");
    }
}

/// A writer's cell and the cells of all readers. Without the records there is nothing to read.
fn write_and_read(run: &Run<'_>, seed: u64, topic: &Topic) -> Row {
    let begin = Instant::now();
    let mut row = Row::default();
    let name = format!("interop-{}-{}", topic.writer.name(), topic.codec);
    let records = records::records(topic.writer.shape(), seed, &name, topic.records);
    match topic.writer.write(run, &name, topic.codec, &records) {
        Ok(()) => row.passed += 1,
        Err(error) => row.failures.push(format!("{} writes: {error:#}", topic.writer.name())),
    }
    if row.failures.is_empty() {
        let mut expected: BTreeMap<Dialect, Vec<u8>> = BTreeMap::new();
        for reader in Client::readers_of(topic.writer, topic.codec) {
            let wanted = expected
                .entry(reader.dialect())
                .or_insert_with(|| lines::expected(reader.dialect(), &records));
            let failure = match reader.read(run, &name, records.len()) {
                Ok(seen) => lines::difference(wanted, &seen),
                Err(error) => Some(format!("{error:#}")),
            };
            match failure {
                None => row.passed += 1,
                Some(reason) => row.failures.push(format!("{} reads: {reason}", reader.name())),
            }
        }
    }
    row.seconds = begin.elapsed().as_secs_f64();
    row
}

/// First records to topics that do not exist. Ottla's auto-creation answers when the topic takes writes, so none fails;
/// Apache Kafka's number is printed beside it and not judged.
fn first_writes(run: &Run<'_>, options: &Options) -> Result<()> {
    let count = options.first_writes.to_string();
    let mut command =
        run.kafka_go(["first-writes", run.bootstrap, "interop-first", count.as_str(), FIRST_WRITERS]);
    let said = child::run_within(&mut command, Vec::new(), FIRST_WRITES_LIMIT).context("first writes")?;
    let said = String::from_utf8_lossy(&said).into_owned();
    for line in said.lines() {
        println!("{}: kafka-go, {FIRST_WRITERS} writers: {line}", options.kind.name());
    }
    if !said.contains(&format!("first writes {count}, failed ")) {
        bail!("first writes: no result in `{}`", said.trim());
    }
    if options.kind == Kind::Ottla && !said.contains(&format!("first writes {count}, failed 0,")) {
        bail!("first writes failed; Ottla answers an auto-creation when the topic takes writes");
    }
    Ok(())
}

/// A folder for input files, gone with the run.
struct Folder(PathBuf);

impl Folder {
    fn create(root: &Path) -> Result<Self> {
        let path = root.join(format!("target/interop-files-{}", std::process::id()));
        fs::create_dir_all(&path).context("create a folder for input files")?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Ten clients write five codecs, kafkajs three and platformatic four: 57 topics, each written once and read by ten, but
    /// for one that one of them cannot read.
    const CELLS: usize = 626;

    #[test]
    fn every_client_writes_every_codec_and_reads_every_topic() {
        let topics = plan(Client::ALL, 100_000);
        assert_eq!(topics.iter().map(Topic::cells).sum::<usize>(), CELLS);
        assert_eq!(topics.iter().filter(|topic| topic.records == 100_000).count(), Client::ALL.len());
        assert!(topics.iter().all(|topic| topic.records == 100_000 || topic.records == 10_000));
    }

    #[test]
    fn options_are_checked() {
        let parse = |text: &str| options(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse("--broker kafka --records 10").unwrap().kind, Kind::Kafka);
        assert_eq!(parse("").unwrap().first_writes, 10_000);
        assert!(parse("--broker redpanda").is_err() && parse("--records").is_err() && parse("-x 1").is_err());
        assert_eq!(parse("--writers kcat,franz-go").unwrap().writers, [Client::Kcat, Client::FranzGo]);
        assert!(parse("--writers kcat,nobody").is_err());
    }
}
