//! `cargo xtask interop groups`: the consumer group of each client, with joins, leaves, a kill and a restart.
//!
//! A kafka-go Writer, set as services set it, writes to a topic of six partitions in rounds; a round ends when members
//! of the group have shown all of its records, so nothing here waits by the clock. Members come one by one until three
//! share a round; one is killed and one leaves, and the rounds go on; the last one leaves and a new one starts, which
//! must see the new round and nothing before it. Every value is seen, offsets of a partition carry one value each, and
//! values of a partition rise with the offsets.

use super::broker::{Broker, Kind};
use super::child;
use super::client::{Client, Run};
use crate::clients::Clients;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: cargo xtask interop groups [--broker ottla|kafka] [--clients NAME,...]

  --broker   the release build of Ottla (default), or Apache Kafka from Maven
  --clients  only these";
/// Clients that consume in groups.
const MEMBERS: &[Client] = &[
    Client::Java,
    Client::Kcat,
    Client::Rdkafka,
    Client::KafkaGo,
    Client::FranzGo,
    Client::Sarama,
    Client::Confluent,
    Client::KafkaPython,
    Client::Aiokafka,
    Client::Kafkajs,
    Client::Platformatic,
];
const SETTINGS: &[&str] = &["num.partitions=6", "group.initial.rebalance.delay.ms=0"];
const PARTITIONS: usize = 6;
const ROUND: usize = 600;
/// Rounds until three members share one, for clients that join slowly; each takes as long as its records.
const ROUNDS_TO_SHARE: usize = 400;
/// Far above what a session's end and a rebalance take.
const LIMIT: Duration = Duration::from_secs(60);

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let (kind, members) = options(args)?;
    let clients = Clients::prepare(root)?;
    let broker = Broker::start(root, kind, "groups", SETTINGS)?;
    let run = Run { clients: &clients, bootstrap: &broker.bootstrap, folder: root };
    let mut failures = 0;
    for client in &members {
        let begin = Instant::now();
        match Group::new(&run, kind, *client).and_then(Group::live) {
            Ok(report) => {
                println!("  {:<15} {report}, {:.1} s", client.name(), begin.elapsed().as_secs_f64())
            }
            Err(error) => {
                failures += 1;
                println!("  {:<15} FAILED {error:#}", client.name());
            }
        }
    }
    println!("{}: {} of {} groups passed", kind.name(), members.len() - failures, members.len());
    if failures > 0 {
        println!("the end of the broker's log:\n{}", broker.log_tail());
        bail!("{failures} of {} groups failed", members.len());
    }
    broker.stop()
}

fn options(args: &[String]) -> Result<(Kind, Vec<Client>)> {
    let (mut kind, mut members) = (Kind::Ottla, MEMBERS.to_vec());
    for pair in args.chunks(2) {
        let [name, value] = pair else { bail!("{USAGE}") };
        match name.as_str() {
            "--broker" => kind = Kind::parse(value)?,
            "--clients" => members = value.split(',').map(Client::parse).collect::<Result<_>>()?,
            _ => bail!("{USAGE}"),
        }
    }
    Ok((kind, members))
}

/// What a program said: its number and the line.
type Said = (usize, String);

/// The writer has this number, members count on from it.
const WRITER: usize = 0;

struct Program {
    child: Child,
    /// Closed to ask for the end.
    input: Option<ChildStdin>,
    leaves: Leaves,
}

/// What a program takes as the wish that it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    AtEndOfInput,
    BySignal,
}

impl Program {
    fn start(mut command: Command, leaves: Leaves, number: usize, said: &Sender<Said>) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        let output = child.stdout.take().context("take a program's output")?;
        let input = child.stdin.take();
        let said = said.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if said.send((number, line)).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, leaves })
    }

    fn kill(&mut self) -> Result<()> {
        self.child.kill().context("kill a member")?;
        self.child.wait().context("wait for a member").map(drop)
    }

    /// Asks for the end and waits for it.
    fn leave(&mut self) -> Result<()> {
        self.input = None;
        if self.leaves == Leaves::BySignal {
            let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            ensure!(told.context("start kill")?.success(), "a program ended before it was told to");
        }
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            if let Some(status) = self.child.try_wait().context("wait for a program")? {
                ensure!(status.success(), "a program left with {status}");
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("a program did not leave within {} s", LIMIT.as_secs())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

struct Group<'a> {
    run: &'a Run<'a>,
    client: Client,
    writer: Program,
    members: BTreeMap<usize, Program>,
    started: usize,
    sender: Sender<Said>,
    said: Receiver<Said>,
    written: usize,
    records: Seen,
}

impl<'a> Group<'a> {
    fn new(run: &'a Run<'a>, kind: Kind, client: Client) -> Result<Self> {
        let (sender, said) = channel();
        let topic = topic(client);
        if kind == Kind::Kafka {
            // Its auto-creation answers too early for kafka-go's writer.
            let partitions = PARTITIONS.to_string();
            child::run(run.kafka_go(["create", run.bootstrap, &topic, &partitions]), Vec::new())?;
        }
        let produce = run.kafka_go(["produce", run.bootstrap, &topic]);
        let writer = Program::start(produce, Leaves::AtEndOfInput, WRITER, &sender)?;
        let (members, records) = (BTreeMap::new(), Seen::default());
        Ok(Self { run, client, writer, members, started: WRITER, sender, said, written: 0, records })
    }

    fn live(mut self) -> Result<String> {
        // On Ottla the topic comes by the first write, before anybody subscribes.
        self.write(ROUND).context("the first round is written")?;
        self.join()?;
        self.all_seen().context("one member reads")?;
        self.join()?;
        self.join()?;
        let rounds = self.share().context("three members share the partitions")?;
        let (killed, left) = self.two()?;
        self.members.get_mut(&killed).context("find a member")?.kill()?;
        self.members.remove(&killed);
        self.round().context("two members go on after a kill")?;
        self.members.get_mut(&left).context("find a member")?.leave()?;
        self.members.remove(&left);
        self.round().context("one member goes on after a leave")?;
        for (_, mut member) in std::mem::take(&mut self.members) {
            member.leave().context("the last member leaves")?;
        }
        let again = self.records.again;
        self.join()?;
        self.round().context("a new member goes on")?;
        ensure!(self.records.again == again, "a new member read what had been committed");
        for (_, mut member) in std::mem::take(&mut self.members) {
            member.leave()?;
        }
        self.writer.leave().context("the writer ends")?;
        self.records.check(self.written)?;
        Ok(format!("{} records seen, {again} again after rebalances, {rounds} rounds to share", self.written))
    }

    fn join(&mut self) -> Result<()> {
        self.started += 1;
        let topic = topic(self.client);
        let (command, leaves) = match self.client {
            Client::Kcat => (self.run.kcat_member(&topic, &topic), Leaves::BySignal),
            client => {
                let args = ["member", self.run.bootstrap, &topic, &topic];
                (self.run.program(client, args)?, Leaves::AtEndOfInput)
            }
        };
        self.members.insert(self.started, Program::start(command, leaves, self.started, &self.sender)?);
        Ok(())
    }

    /// Two members that are alive.
    fn two(&self) -> Result<(usize, usize)> {
        let mut numbers = self.members.keys().copied();
        numbers.next().zip(numbers.next()).context("two members are alive")
    }

    /// Rounds until every member has shown a record of one.
    fn share(&mut self) -> Result<usize> {
        for round in 1..=ROUNDS_TO_SHARE {
            let showed = self.round()?;
            if self.members.keys().all(|number| showed.contains(number)) {
                return Ok(round);
            }
        }
        bail!("not within {ROUNDS_TO_SHARE} rounds")
    }

    /// Writes a round and waits until its records are seen; returns who showed any.
    fn round(&mut self) -> Result<BTreeSet<usize>> {
        self.write(ROUND)?;
        self.all_seen()
    }

    fn write(&mut self, count: usize) -> Result<()> {
        let input = self.writer.input.as_mut().context("the writer takes rounds")?;
        writeln!(input, "{count}").context("tell the writer a round")?;
        self.written += count;
        let done = format!("written {count}");
        self.wait(|group, (number, line)| {
            group.take(number, &line)?;
            Ok(number == WRITER && line == done)
        })
    }

    fn all_seen(&mut self) -> Result<BTreeSet<usize>> {
        let (mut showed, last_round) = (BTreeSet::new(), self.written.saturating_sub(ROUND));
        if self.records.values.len() == self.written {
            return Ok(showed);
        }
        self.wait(|group, (number, line)| {
            if group.take(number, &line)?.is_some_and(|value| value >= last_round) {
                showed.insert(number);
            }
            Ok(group.records.values.len() == group.written)
        })?;
        Ok(showed)
    }

    fn take(&mut self, number: usize, line: &str) -> Result<Option<usize>> {
        if number == WRITER { Ok(None) } else { self.records.take(line).map(Some) }
    }

    /// Takes lines until one is the end of what is waited for.
    fn wait(&mut self, mut done: impl FnMut(&mut Self, Said) -> Result<bool>) -> Result<()> {
        let begin = Instant::now();
        loop {
            let left = LIMIT.saturating_sub(begin.elapsed());
            let Ok(said) = self.said.recv_timeout(left) else {
                let missing = self.written - self.records.values.len();
                bail!("{missing} of {} records not seen after {} s", self.written, LIMIT.as_secs())
            };
            if done(self, said)? {
                return Ok(());
            }
        }
    }
}

fn topic(client: Client) -> String {
    format!("group-{}", client.name())
}

/// What members showed.
#[derive(Debug, Default)]
struct Seen {
    by_offset: BTreeMap<(usize, u64), usize>,
    values: BTreeSet<usize>,
    again: usize,
}

impl Seen {
    /// A line `PARTITION OFFSET VALUE`; returns the value.
    fn take(&mut self, line: &str) -> Result<usize> {
        let mut parts = line.split(' ');
        let mut part = || parts.next().with_context(|| format!("`{line}` is no record"));
        let (partition, offset, value) = (part()?.parse()?, part()?.parse()?, part()?.parse()?);
        match self.by_offset.insert((partition, offset), value) {
            None => {}
            Some(before) if before == value => self.again += 1,
            Some(before) => bail!("{partition}:{offset} was {before} and is {value}"),
        }
        self.values.insert(value);
        Ok(value)
    }

    /// Nothing lost, nothing invented, nothing written twice, and the order of each partition.
    fn check(&self, written: usize) -> Result<()> {
        ensure!(self.values.len() == written, "{} of {written} values seen", self.values.len());
        ensure!(self.values.last() == written.checked_sub(1).as_ref(), "a value that was not written");
        ensure!(self.by_offset.len() == written, "{} records for {written} values", self.by_offset.len());
        let partitions: BTreeSet<usize> = self.by_offset.keys().map(|(partition, _)| *partition).collect();
        ensure!(partitions.len() == PARTITIONS, "records in {} of {PARTITIONS} partitions", partitions.len());
        let records: Vec<(&(usize, u64), &usize)> = self.by_offset.iter().collect();
        for pair in records.windows(2) {
            let [(a, first), (b, second)] = pair else { continue };
            ensure!(a.0 != b.0 || first < second, "{}:{} holds {second}, after {first}", b.0, b.1);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn seen(lines: &[String]) -> Result<Seen> {
        let mut seen = Seen::default();
        for line in lines {
            seen.take(line)?;
        }
        Ok(seen)
    }

    fn lines() -> Vec<String> {
        (0..12).map(|value| format!("{} {} {value}", value % PARTITIONS, value / PARTITIONS)).collect()
    }

    #[test]
    fn whole_records_pass_also_when_some_come_again() {
        let mut lines = lines();
        lines.push(lines[3].clone());
        let seen = seen(&lines).unwrap();
        assert_eq!(seen.again, 1);
        seen.check(12).unwrap();
    }

    #[test]
    fn loss_disorder_and_change_are_found() {
        let check = |lines: &[String]| seen(lines).and_then(|seen| seen.check(12));
        assert!(check(&lines()[..11]).is_err());
        let mut swapped = lines();
        swapped[0] = "0 1 0".to_owned();
        swapped[6] = "0 0 6".to_owned();
        assert!(check(&swapped).unwrap_err().to_string().contains("after"));
        let mut changed = lines();
        changed.push("0 0 6".to_owned());
        assert!(check(&changed).is_err());
        let mut twice = lines();
        twice.push("0 2 11".to_owned());
        assert!(check(&twice).is_err());
        assert!(check(&["a line".to_owned()]).is_err());
    }
}
