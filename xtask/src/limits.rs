//! `cargo xtask limits`: clients that take and give nothing, and a good one beside them.
//!
//! The release broker gets dribblers that claim frames of 1 and of 100 MiB, readers that never read, connections that say
//! nothing, and ten thousand idle clients, a kind after the other. Each time a good client does a fixed piece of work: it
//! writes records and reads them back, which has to succeed, and the most memory that the broker had meanwhile is below a
//! bound. No times are judged; they are printed. Last, a broker that may have few files open begins new logs beside as many
//! connections as it takes.

use crate::interop::broker::{Broker, Kind};
use crate::kill9::protocol::Connection;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const TOPIC: &str = "limits";
/// Batches of about 1 MB, which nobody reads.
const BATCHES: &str = "batches";
const BATCH: usize = 1_000_000;
const DRIBBLERS: usize = 50;
const MEDIUM_DRIBBLERS: usize = 100;
const EARNING_DRIBBLERS: usize = 70;
const SILENT: usize = 5_000;
const ZERO_WINDOW: usize = 100;
const BATCH_READERS: usize = 2_100;
const IDLE: usize = 10_000;
/// Descriptors that this process needs beside its connections.
const DESCRIPTORS_BESIDE: u64 = 200;
const MIB: u64 = 1 << 20;
/// What the broker of the last scenario may have open, and how many logs it begins beside its connections.
const FEW_FILES: usize = 512;
const PARTITIONS_BESIDE: usize = 80;

/// What the good client writes in each scenario: small frames, and some that need shared memory.
const SMALL: (usize, usize) = (200, 1 << 10);
const LARGE: (usize, usize) = (40, 300 << 10);
/// Bytes that it asks for at a time when it reads them back.
const READ_BYTES: i32 = 1 << 20;
/// How long it waits for an answer: those that hold the memory for it have to be closed first.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a connection that says nothing may stay, and some more.
const SILENCE: Duration = Duration::from_secs(45);

struct Lab {
    broker: Broker,
    port: u16,
    /// Records written so far.
    written: i64,
}

pub fn run(root: &Path) -> Result<()> {
    raise_descriptor_limit(IDLE as u64 + DESCRIPTORS_BESIDE)?;
    // What the good client writes says that it is from 2023.
    let broker = Broker::start(root, Kind::Ottla, "limits", &["log.retention.ms=-1"])?;
    let mut lab = Lab::new(broker)?;
    let mut client = Connection::open(lab.port)?;
    for topic in [TOPIC, BATCHES] {
        ensure!(client.create_topic(topic, 1)?.is_ok(), "the topic {topic} could not be made");
    }
    for _ in 0..4 {
        ensure!(client.produce(BATCHES, &vec![b'x'; BATCH])?.is_ok(), "a large batch could not be written");
    }
    lab.work("nobody else", 0, 200 * MIB)?;
    let dribblers = many(DRIBBLERS, || lab.dribbler(100 << 20, 100 << 10))?;
    lab.work("50 dribblers of 100 MiB frames", dribblers.len(), 300 * MIB)?;
    drop(dribblers);
    let dribblers = many(MEDIUM_DRIBBLERS, || lab.dribbler(1 << 20, 100 << 10))?;
    lab.work("100 dribblers of 1 MiB frames", dribblers.len(), 300 * MIB)?;
    drop(dribblers);
    let dribblers = many(EARNING_DRIBBLERS, || lab.dribbler(100 << 20, 1_200 << 10))?;
    lab.work("70 dribblers that send 1.2 MiB of 100", dribblers.len(), 300 * MIB)?;
    drop(dribblers);
    let readers = many(ZERO_WINDOW, || lab.reader(TOPIC, 50 << 20, 8))?;
    lab.work("100 readers that never read, 8 fetches of 50 MiB each", readers.len(), 500 * MIB)?;
    drop(readers);
    let silent = many(SILENT, || lab.connect())?;
    lab.work("5,000 connections that say nothing", silent.len(), 300 * MIB)?;
    are_closed(silent)?;
    let idle = many(IDLE, || lab.idle())?;
    lab.work("10,000 idle clients", idle.len(), 500 * MIB)?;
    drop(idle);
    // The last ones: what was taken of the machine is not given back at once, and would count for others.
    let readers = many(BATCH_READERS, || lab.reader(BATCHES, READ_BYTES, 4))?;
    lab.work("2,100 readers that never read, 4 batches of 1 MB each", readers.len(), 800 * MIB)?;
    drop(readers);
    lab.broker.stop()?;
    few_files(root)
}

/// Clients, and connections of HTTP, come until they are refused: logs have their files none the less.
fn few_files(root: &Path) -> Result<()> {
    let folder = root.join(format!("target/limits-few-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let script = folder.join("ottla-with-few-files");
    let binary = root.join("target/release/ottla");
    let text =
        format!("#!/bin/sh\nexec prlimit --nofile={FEW_FILES}:{FEW_FILES} {} \"$@\"\n", binary.display());
    fs::write(&script, text)?;
    crate::process::run(&folder, "chmod", &["+x", "ottla-with-few-files"])?;
    let broker = Broker::start_binary(root, &script, "limits-files", &[])?;
    let http = SocketAddr::from(([127, 0, 0, 1], broker.http.context("Ottla has a port for HTTP")?));
    let lab = Lab::new(broker)?;
    let mut good = Connection::open(lab.port)?;
    ensure!(good.create_topic("first", 1)?.is_ok(), "the topic could not be made");
    let web = many(FEW_FILES, || Ok(TcpStream::connect(http)?))?;
    let mut clients = Vec::new();
    while let Ok(client) = lab.idle() {
        clients.push(client);
        ensure!(clients.len() < FEW_FILES, "{FEW_FILES} clients have more sockets than there are files");
    }
    for number in 0..PARTITIONS_BESIDE {
        let topic = format!("few-{number}");
        ensure!(good.create_topic(&topic, 1)?.is_ok(), "{topic} could not be made");
        let written = good.produce(&topic, b"x").with_context(|| format!("write to {topic}"))?;
        ensure!(written == Ok(0), "a write to {topic} was answered {written:?}");
    }
    println!(
        "  {FEW_FILES} open files: {} clients, {} of HTTP that say nothing, and {PARTITIONS_BESIDE} new logs",
        clients.len(),
        web.len()
    );
    drop((clients, web));
    lab.broker.stop()?;
    Ok(fs::remove_dir_all(&folder)?)
}

fn many<T>(count: usize, mut make: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    (0..count).map(|n| make().with_context(|| format!("connection {n}"))).collect()
}

/// Returns when the broker has closed all of them.
fn are_closed(silent: Vec<TcpStream>) -> Result<()> {
    let begin = Instant::now();
    for mut socket in silent {
        socket
            .set_read_timeout(Some(SILENCE.saturating_sub(begin.elapsed()).max(Duration::from_millis(1))))?;
        let said = socket.read(&mut [0]).context("a connection that says nothing is still there")?;
        ensure!(said == 0, "a connection that said nothing was answered");
    }
    println!("  all of them were closed {:.1} s later", begin.elapsed().as_secs_f64());
    Ok(())
}

impl Lab {
    fn new(broker: Broker) -> Result<Self> {
        let port = broker.bootstrap.rsplit(':').next().and_then(|port| port.parse().ok());
        Ok(Self { broker, port: port.context("the broker's port")?, written: 0 })
    }

    fn connect(&self) -> Result<TcpStream> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let socket = TcpStream::connect_timeout(&address, Duration::from_secs(20))?;
        socket.set_nodelay(true)?;
        Ok(socket)
    }

    /// Claims a frame and sends a part of it, as far as the broker takes it at once.
    fn dribbler(&self, claimed: i32, bytes: usize) -> Result<TcpStream> {
        let mut socket = self.connect()?;
        socket.write_all(&claimed.to_be_bytes())?;
        socket.set_nonblocking(true)?;
        let zeroes = vec![0; bytes];
        let mut left: &[u8] = &zeroes;
        while let Ok(sent @ 1..) = socket.write(left) {
            left = &left[sent..];
        }
        Ok(socket)
    }

    /// Asks for much, several times, and reads nothing of it.
    fn reader(&self, topic: &str, max_bytes: i32, count: usize) -> Result<Connection> {
        let mut client = Connection::open(self.port)?;
        client.fetch_unread(topic, max_bytes, count)?;
        Ok(client)
    }

    /// Asks ApiVersions 0, takes the answer, and stays.
    fn idle(&self) -> Result<TcpStream> {
        let mut socket = self.connect()?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        socket.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff])?;
        let mut len = [0; 4];
        socket.read_exact(&mut len)?;
        let mut answer = vec![0; usize::try_from(i32::from_be_bytes(len))?.min(1 << 16)];
        socket.read_exact(&mut answer)?;
        Ok(socket)
    }

    /// The good client's work beside so many connections, and the most memory that the broker has since they are there.
    fn work(&mut self, beside: &str, others: usize, most_bytes: u64) -> Result<()> {
        let start = Instant::now();
        let mut client = Connection::open(self.port)?;
        client.wait_at_most(PATIENCE)?;
        let first = self.written;
        for (count, size) in [SMALL, LARGE] {
            let value = vec![b'x'; size];
            for _ in 0..count {
                let answer = client.produce(TOPIC, &value).with_context(|| format!("beside {beside}"))?;
                let offset = answer.map_err(|code| anyhow::anyhow!("error {code} beside {beside}"))?;
                ensure!(offset == self.written, "record {} came to offset {offset}", self.written);
                self.written += 1;
            }
        }
        let wrote = start.elapsed();
        let mut next = first;
        while next < self.written {
            let answer = client.fetch(TOPIC, next, READ_BYTES).with_context(|| format!("beside {beside}"))?;
            let records = answer.map_err(|code| anyhow::anyhow!("error {code} beside {beside}"))?;
            ensure!(!records.is_empty(), "record {next} is not there beside {beside}");
            next = behind(&records, next)?;
        }
        let took = start.elapsed();
        let peak = peak_rss_bytes(self.broker.pid())?;
        println!(
            "  {beside}: {others} connections, {} records written in {:.1} s and read in {:.1} s, broker's memory {} MiB at most",
            SMALL.0 + LARGE.0,
            wrote.as_secs_f64(),
            (took - wrote).as_secs_f64(),
            peak / MIB
        );
        if peak > most_bytes {
            bail!("the broker took {} MiB beside {beside}; {} are allowed", peak / MIB, most_bytes / MIB);
        }
        // From here on, the peak is that of the next ones.
        fs::write(format!("/proc/{}/clear_refs", self.broker.pid()), "5").context("reset the broker's peak")
    }
}

/// The offset behind batches of one record each, of which the first has to be this one.
fn behind(mut batches: &[u8], mut offset: i64) -> Result<i64> {
    while let Some((head, rest)) = batches.split_at_checked(12) {
        let base = i64::from_be_bytes(head[..8].try_into()?);
        let len = usize::try_from(i32::from_be_bytes(head[8..].try_into()?))?;
        ensure!(base == offset, "offset {base} where {offset} was due");
        batches = rest.get(len..).context("a batch that is cut")?;
        offset += 1;
    }
    Ok(offset)
}

/// The memory of a process that is in memory.
pub fn rss_bytes(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmRSS:")
}

/// The most that it had in memory since that was reset.
fn peak_rss_bytes(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("read the broker's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let line = line.with_context(|| format!("no {name}"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib << 10)
}

/// Lets this process, and the broker that it starts, open so many files.
fn raise_descriptor_limit(needed: u64) -> Result<()> {
    let pid = std::process::id().to_string();
    let limits = fs::read_to_string("/proc/self/limits").context("read the limits of this process")?;
    let line =
        limits.lines().find(|line| line.starts_with("Max open files")).context("no open-file limit")?;
    let hard = line.split_ascii_whitespace().nth(4).context("no hard limit")?;
    if hard.parse::<u64>().is_ok_and(|hard| hard < needed) {
        bail!("{needed} open files are needed, and the hard limit is {hard}; raise it (ulimit -Hn)");
    }
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={hard}:{hard}")]).status();
    ensure!(status.context("run prlimit (package util-linux)")?.success(), "prlimit failed");
    Ok(())
}
