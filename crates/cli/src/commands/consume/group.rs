//! `ottla consume -G GROUP`: as a member of a group, with commits of exactly what was written.
//!
//! A record counts as read when it has been written to standard output. What is written is committed every
//! `auto.commit.interval.ms`, before partitions are given back, and at the end, however that comes.

use super::output::Form;
use super::{Args, output, write_out};
use crate::args::Global;
use crate::cluster::{self, Signals, connect, failure};
use crate::exit::{Exit, Failure};
use anyhow::Result;
use ottla_client::{
    Admin, ClientError, CommittedOffset, FetchedBatch, GroupConsumer, GroupEvent, Isolation, OffsetReset,
    OffsetSpec, PartitionKey,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

pub fn run(args: &Args, global: &Global, form: &Form, group: &str) -> Result<Exit> {
    let reset = reset(args)?;
    cluster::block_on(consume(args, global, form, group, reset))
}

/// Where partitions start of which the group has committed nothing.
fn reset(args: &Args) -> Result<Option<OffsetReset>> {
    if !args.partition.is_empty() {
        let problem = "-p: the group decides who reads which partitions";
        return Err(Failure::usage(problem).next("the same without `-p`, or without `-G`").into());
    }
    if args.from_timestamp.is_some() || args.tail.is_some() {
        return Err(only_ends().into());
    }
    if args.from_beginning {
        return Ok(Some(OffsetReset::Earliest));
    }
    if args.from_end {
        return Ok(Some(OffsetReset::Latest));
    }
    match args.offset.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["stored"] => Ok(None),
        ["beginning" | "earliest" | "start"] => Ok(Some(OffsetReset::Earliest)),
        ["end" | "latest"] => Ok(Some(OffsetReset::Latest)),
        _ => Err(only_ends().into()),
    }
}

fn only_ends() -> Failure {
    let problem = "a group starts where it has committed; only where nothing is committed `-o` has a say, and is \
                   beginning or end";
    Failure::usage(problem).next("`ottla group reset GROUP` to move a group")
}

#[derive(Debug)]
struct Reading {
    consumer: GroupConsumer,
    commits: bool,
    interval: Duration,
    /// Of each partition the offset behind the last record that was written.
    written: BTreeMap<PartitionKey, i64>,
    /// Whether something was written since the last commit.
    is_dirty: bool,
    /// Where to stop, with `-e`.
    stop: Option<BTreeMap<PartitionKey, i64>>,
    left: u64,
    is_quiet: bool,
}

/// How the reading ended, if not by an error.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    Interrupted(Exit),
}

async fn consume(
    args: &Args,
    global: &Global,
    form: &Form,
    group: &str,
    reset: Option<OffsetReset>,
) -> Result<Exit> {
    let (client, mut settings) = connect(global).await?;
    settings.consumer.isolation = args.isolation_level.unwrap_or(settings.consumer.isolation);
    settings.consumer.offset_reset = reset.unwrap_or(settings.consumer.offset_reset);
    let isolation = settings.consumer.isolation;
    let mut member = settings.group;
    member.group_id = group.to_owned();
    let interval = member.auto_commit;
    // Batches are written whole or in part, which only this command knows: it commits by itself.
    member.auto_commit = None;
    let topics: BTreeSet<String> = args.topics.iter().chain(&args.topic_options).cloned().collect();
    let topics: Vec<String> = topics.into_iter().collect();
    if !member.creates_topics {
        // Kafka waits in silence for a topic that is not there; a typing error is more likely.
        for topic in client.admin().describe_topics(&topics).await.map_err(|error| failure(&error))? {
            topic.map_err(|error| failure(&error))?;
        }
    }
    let consumer =
        client.group_consumer(settings.consumer, member, &topics).map_err(|error| failure(&error))?;
    let mut reading = Reading {
        consumer,
        commits: interval.is_some(),
        interval: interval.unwrap_or(Duration::from_secs(5)),
        written: BTreeMap::new(),
        is_dirty: false,
        stop: args.exit.then(BTreeMap::new),
        left: args.count.unwrap_or(u64::MAX),
        is_quiet: global.quiet,
    };
    let admin = client.admin();
    let mut signals = Signals::new()?;
    let end = tokio::select! {
        end = reading.run(&admin, args, form, isolation) => end,
        exit = signals.next() => Ok(End::Interrupted(exit)),
    };
    let closed = tokio::select! {
        closed = reading.close() => closed,
        // A signal while it leaves waits for nothing; the group learns of it when the session ends.
        exit = signals.next() => return end.map(|_| exit),
    };
    let end = end?;
    closed.map_err(|error| failure(&error))?;
    Ok(match end {
        End::Done => Exit::Done,
        End::Interrupted(exit) => exit,
    })
}

impl Reading {
    async fn run(&mut self, admin: &Admin, args: &Args, form: &Form, isolation: Isolation) -> Result<End> {
        let mut commit_at = Instant::now() + self.interval;
        let mut last = Instant::now();
        let mut out = Vec::new();
        while self.left > 0 && !self.is_at_stop() {
            let give_up_at = args.timeout_ms.map(|limit| last + limit);
            let event = tokio::select! {
                event = self.consumer.next() => event.map_err(|error| failure(&error))?,
                () = tokio::time::sleep_until(commit_at) => {
                    commit_at = Instant::now() + self.interval;
                    if self.commits && std::mem::take(&mut self.is_dirty) {
                        self.consumer.commit_later(committed(&self.written));
                    }
                    continue;
                }
                () = tokio::time::sleep_until(give_up_at.unwrap_or(commit_at)), if give_up_at.is_some() => break,
            };
            match event {
                GroupEvent::Batch(batch) => {
                    last = Instant::now();
                    out.clear();
                    let (key, next) = self.write(form, batch, &mut out);
                    write_out(&out)?;
                    self.written.insert(key, next);
                    self.is_dirty = true;
                }
                GroupEvent::Assigned(keys) => {
                    last = Instant::now();
                    self.tell("assigned", &keys);
                    self.find_stops(admin, &keys, isolation).await.map_err(|error| failure(&error))?;
                }
                GroupEvent::Revoked(keys) => self.give_back(&keys).await,
                GroupEvent::Lost(keys) => {
                    self.tell("lost", &keys);
                    self.forget(&keys);
                }
            }
        }
        Ok(End::Done)
    }

    fn tell(&self, what: &str, keys: &[PartitionKey]) {
        if !self.is_quiet && !keys.is_empty() {
            let keys: Vec<_> = keys.iter().map(|key| format!("{}/{}", key.topic, key.partition)).collect();
            eprintln!("{what}: {}", keys.join(" "));
        }
    }

    async fn find_stops(
        &mut self,
        admin: &Admin,
        keys: &[PartitionKey],
        isolation: Isolation,
    ) -> Result<(), ClientError> {
        let Some(stop) = &mut self.stop else { return Ok(()) };
        let wanted: Vec<_> = keys.iter().map(|key| (key.clone(), OffsetSpec::Latest)).collect();
        for (key, end) in keys.iter().zip(admin.list_offsets(&wanted, isolation).await?) {
            stop.insert(key.clone(), end?.offset.unwrap_or(0));
        }
        Ok(())
    }

    /// A member without partitions waits for some.
    fn is_at_stop(&self) -> bool {
        let Some(stop) = &self.stop else { return false };
        let at_stop = |(key, stop): (&PartitionKey, &i64)| {
            self.consumer.position(&key.topic, key.partition).is_none_or(|position| position >= *stop)
        };
        !stop.is_empty() && stop.iter().all(at_stop)
    }

    /// The partition, and the offset behind what was written of it.
    fn write(&mut self, form: &Form, batch: FetchedBatch, out: &mut Vec<u8>) -> (PartitionKey, i64) {
        let key = PartitionKey { topic: batch.topic.to_string(), partition: batch.partition };
        let stop = self.stop.as_ref().and_then(|stop| stop.get(&key).copied());
        let next = batch.next_offset;
        for record in output::records(batch) {
            if self.left == 0 || stop.is_some_and(|stop| record.offset >= stop) {
                return (key, record.offset);
            }
            self.left -= 1;
            form.write(&record, out);
        }
        (key, next)
    }

    async fn give_back(&mut self, keys: &[PartitionKey]) {
        self.tell("revoked", keys);
        if self.commits && self.is_dirty {
            self.commit(committed(&self.written)).await;
        }
        self.forget(keys);
    }

    fn forget(&mut self, keys: &[PartitionKey]) {
        self.written.retain(|key, _| !keys.contains(key));
        if let Some(stop) = &mut self.stop {
            stop.retain(|key, _| !keys.contains(key));
        }
    }

    /// A commit that fails costs a repetition, no record; so reading goes on.
    async fn commit(&mut self, offsets: BTreeMap<PartitionKey, CommittedOffset>) {
        if let Err(error) = self.consumer.commit_offsets(offsets).await {
            eprintln!("ottla: {error}; these records may be read again");
        }
    }

    async fn close(mut self) -> Result<(), ClientError> {
        if self.commits && !self.written.is_empty() {
            let offsets = committed(&self.written);
            self.commit(offsets).await;
        }
        self.consumer.close().await
    }
}

fn committed(offsets: &BTreeMap<PartitionKey, i64>) -> BTreeMap<PartitionKey, CommittedOffset> {
    offsets.iter().map(|(key, offset)| (key.clone(), CommittedOffset::new(*offset))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn a_group_decides_where_it_starts_and_what_it_reads() {
        let parse = |options: &[&str]| {
            let args = parsed(&[&["consume", "t", "-G", "g"], options].concat()).unwrap();
            reset(&args).ok()
        };
        for (options, expected) in [
            (&[][..], None),
            (&["-o", "stored"], None),
            (&["-o", "beginning"], Some(OffsetReset::Earliest)),
            (&["--from-end"], Some(OffsetReset::Latest)),
        ] {
            assert_eq!(parse(options), Some(expected), "{options:?}");
        }
        for options in [&["-o", "5"][..], &["-p", "0"], &["--tail", "3"], &["-o", "s@5"], &["-o", "e@5"]] {
            assert_eq!(parse(options), None, "{options:?}");
        }
    }
}
