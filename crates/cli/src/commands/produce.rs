//! `ottla produce`: standard input, or a file, as records.
//!
//! A thread reads and cuts the input (`input`), `line` makes a record of each piece, and the client's producer batches.
//! Everything that was taken is acknowledged or counted before the command ends; Ctrl-C stops the reading, flushes, and
//! ends with 130. SIGTERM does the same, with 143.

mod input;
mod line;

use crate::args::Global;
use crate::client_settings;
use crate::cluster::{Signals, block_on, connect, failure};
use crate::exit::{Exit, Failure};
use crate::render::Output;
use anyhow::Result;
use clap::ValueEnum;
use input::{Input, Source};
use line::Layout;
use ottla_client::partitioner::RoundRobin;
use ottla_client::{Acks, ClientError, Codec, Delivery, Producer};
use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

const EXAMPLES: &str = "Examples:
  echo hello | ottla produce greetings           one record per line
  ottla produce greetings                        type lines, Ctrl-D ends
  ottla produce orders -K: -z zstd -l orders.txt   lines are KEY:VALUE, compressed
  ottla produce orders -k 42 -H source=shell < one.txt
  ottla consume orders -J -e | ottla produce copy -J   keys, headers, times and nulls kept

Exit codes: 0 all written, 3 some were not, 4 no broker answered in time.";

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The topic; with -J each record may name its own
    #[arg(value_name = "TOPIC")]
    topic: Option<String>,

    /// The same as TOPIC, as kcat has it
    #[arg(short = 't', long = "topic", value_name = "TOPIC", conflicts_with = "topic")]
    topic_option: Option<String>,

    /// Of lists only; its short form is kcat's for offsets here
    #[arg(long, value_name = "FORM", value_enum, hide = true)]
    output: Option<Output>,

    /// The partition [default: by the partitioner]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,

    /// The key of every record
    #[arg(short, long, value_name = "KEY", conflicts_with_all = ["key_delimiter", "json"])]
    key: Option<String>,

    /// What separates key and value in each record
    #[arg(short = 'K', long, value_name = "TEXT", conflicts_with = "json")]
    key_delimiter: Option<String>,

    /// What separates records: text with \n \t \0 \xNN
    #[arg(short = 'D', long, value_name = "TEXT", default_value = "\\n", hide_default_value = true)]
    delimiter: String,

    /// A header of every record (may be repeated); without = its value is null
    #[arg(short = 'H', long, value_name = "NAME=VALUE")]
    header: Vec<String>,

    /// An empty key or value is null
    #[arg(short = 'Z', long)]
    null: bool,

    /// Compress batches: none, gzip, snappy, lz4 or zstd
    #[arg(short = 'z', long, value_name = "CODEC", value_parser = client_settings::codec)]
    compression: Option<Codec>,

    /// Read this file instead of standard input
    #[arg(short = 'l', long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Each line is a record as `consume -J` writes it
    #[arg(short = 'J', long)]
    json: bool,

    /// Stop after so many records
    #[arg(short, long, value_name = "NUMBER")]
    count: Option<u64>,

    /// Who must have a record: all, 1 (the leader) or 0 (nobody)
    #[arg(long, value_name = "ACKS", value_parser = client_settings::acks)]
    acks: Option<Acks>,

    /// Who chooses the partition
    #[arg(long, value_name = "NAME", value_enum, default_value = "default")]
    partitioner: PartitionerName,

    /// Print the records that are sent
    #[arg(short = 'T', long)]
    tee: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PartitionerName {
    /// By the key, as the Java client does; without a key one batch after another
    Default,
    /// Each record to the next partition
    Roundrobin,
}

pub fn run(args: &Args, global: &Global) -> Result<Exit> {
    if args.output.is_some() {
        return Err(Failure::usage("--output is for lists, and nothing is listed here")
            .next("leave it out")
            .into());
    }
    let layout = Layout::new(args)?;
    block_on(produce(args, global, layout))
}

async fn produce(args: &Args, global: &Global, layout: Layout) -> Result<Exit> {
    let mut signals = Signals::new()?;
    let (client, mut settings) = tokio::select! {
        connected = connect(global) => connected?,
        exit = signals.next() => return Ok(exit),
    };
    if let Some(acks) = args.acks {
        settings.set_acks(acks);
    }
    settings.producer.codec = args.compression.unwrap_or(settings.producer.codec);
    if args.partitioner == PartitionerName::Roundrobin {
        settings.producer.partitioner = Some(Arc::new(RoundRobin::default()));
    }
    let record_bytes_max = settings.producer.max_request_size;
    let producer = client.producer(settings.producer).map_err(|error| failure(&error))?;
    let source = match &args.file {
        Some(path) => Source::File(path.clone()),
        None => Source::Stdin,
    };
    if args.file.is_none() && std::io::stdin().is_terminal() && !global.quiet {
        eprintln!("type lines, Ctrl-D ends");
    }
    let mut input = input::start(source, layout.delimiter.clone(), record_bytes_max)?;
    let mut run =
        Run { producer, layout, under_way: VecDeque::new(), acked: 0, failed: Vec::new(), errors: 0 };
    let mut fed = tokio::select! {
        fed = run.feed(&mut input, args) => fed.map(|()| Exit::Done),
        exit = signals.next() => Ok(exit),
    };
    // A second Ctrl-C does not wait for the acknowledgements.
    tokio::select! {
        () = run.settle() => {}
        exit = signals.next() => fed = Ok(exit),
    }
    let exit = fed?;
    if !global.quiet && std::io::stderr().is_terminal() {
        let unit = if run.acked == 1 { "record" } else { "records" };
        eprintln!("{} {unit} written", run.acked);
    }
    run.end(exit)
}

/// Records that wait for their acknowledgement; the producer's memory bounds their bytes.
const UNDER_WAY_MAX: usize = 100_000;
/// Errors that are told one by one.
const ERRORS_TOLD: usize = 10;

struct Run {
    producer: Producer,
    layout: Layout,
    under_way: VecDeque<Delivery>,
    acked: u64,
    /// The first errors.
    failed: Vec<ClientError>,
    errors: u64,
}

impl Run {
    async fn feed(&mut self, input: &mut Input, args: &Args) -> Result<()> {
        let mut left = args.count.unwrap_or(u64::MAX);
        let mut number = 0;
        while left > 0 && !self.is_hopeless() {
            // Both arms are cancel-safe: an outcome may be asked for again, the channel keeps its pieces.
            let pieces = tokio::select! {
                biased;
                outcome = first(&mut self.under_way), if !self.under_way.is_empty() => {
                    self.take(outcome);
                    continue;
                }
                pieces = input.recv(), if self.under_way.len() < UNDER_WAY_MAX => pieces,
            };
            let Some(pieces) = pieces else { break };
            for piece in pieces? {
                if left == 0 {
                    break;
                }
                number += 1;
                let record = self
                    .layout
                    .record(&piece)
                    .map_err(|problem| Failure::usage(format!("record {number}: {problem}")))?;
                let Some(record) = record else { continue };
                left -= 1;
                if args.tee {
                    let mut stdout = std::io::stdout().lock();
                    stdout.write_all(&piece)?;
                    stdout.write_all(&self.layout.delimiter)?;
                    stdout.flush()?;
                }
                match self.producer.send(record).await {
                    Ok(delivery) => self.under_way.push_back(delivery),
                    Err(error @ ClientError::RecordTooLarge { .. }) => self.failed(error),
                    Err(error) => return Err(failure(&error).into()),
                }
            }
        }
        Ok(())
    }

    /// Nobody answers: what comes next would only wait as long again.
    fn is_hopeless(&self) -> bool {
        self.failed.iter().any(|error| error.is_unreachable() || error.is_unauthorised())
    }

    fn failed(&mut self, error: ClientError) {
        self.errors += 1;
        if self.failed.len() < ERRORS_TOLD {
            self.failed.push(error);
        }
    }

    fn take(&mut self, outcome: Result<(), ClientError>) {
        match outcome {
            Ok(()) => self.acked += 1,
            Err(error) => self.failed(error),
        }
    }

    async fn settle(&mut self) {
        self.producer.close().await;
        while !self.under_way.is_empty() {
            let outcome = first(&mut self.under_way).await;
            self.take(outcome);
        }
    }

    fn end(self, exit: Exit) -> Result<Exit> {
        let Some(first) = self.failed.first() else { return Ok(exit) };
        if self.acked == 0 && self.errors == 1 {
            return Err(failure(first).into());
        }
        self.failed.iter().for_each(|error| eprintln!("ottla: {error}"));
        let told = match self.acked {
            0 => failure(first).exit,
            _ => Exit::Partly,
        };
        let problem = format!("{} records were written, {} were not", self.acked, self.errors);
        Err(Failure::new(if exit == Exit::Done { told } else { exit }, problem).into())
    }
}

/// The outcome of the oldest record, which then leaves the queue.
async fn first(under_way: &mut VecDeque<Delivery>) -> Result<(), ClientError> {
    let Some(delivery) = under_way.front_mut() else { return std::future::pending().await };
    let outcome = delivery.outcome().await;
    under_way.pop_front();
    outcome.map(drop).map_err(ClientError::from)
}
