//! `cargo xtask limits`: clients that take and give nothing, and a good one beside them.
//!
//! The release broker gets dribblers that claim frames of 100 MiB, connections that say nothing, readers that never
//! read, and ten thousand idle clients, a kind after the other. Each time a good client does a fixed piece of work,
//! which has to succeed, and the broker's memory stays below a bound. No times are judged; they are printed.

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
const DRIBBLERS: usize = 50;
const SILENT: usize = 5_000;
const ZERO_WINDOW: usize = 100;
const IDLE: usize = 10_000;
/// Descriptors that this process needs beside its connections.
const DESCRIPTORS_BESIDE: u64 = 200;
const CLAIM: i32 = 100 << 20;
const MIB: u64 = 1 << 20;

/// What the good client writes in each scenario: small frames, and some that need shared memory.
const SMALL: (usize, usize) = (200, 1 << 10);
const LARGE: (usize, usize) = (40, 300 << 10);

struct Lab {
    broker: Broker,
    port: u16,
    /// Records written so far.
    written: i64,
}

pub fn run(root: &Path) -> Result<()> {
    raise_descriptor_limit(IDLE as u64 + DESCRIPTORS_BESIDE)?;
    let broker = Broker::start(root, Kind::Ottla, "limits", &[])?;
    let port = broker.bootstrap.rsplit(':').next().and_then(|port| port.parse().ok());
    let mut lab = Lab { broker, port: port.context("the broker's port")?, written: 0 };
    ensure!(Connection::open(lab.port)?.create_topic(TOPIC, 1)?.is_ok(), "the topic could not be made");
    lab.work("nobody else", &[], 200 * MIB)?;
    let dribblers = many(DRIBBLERS, || lab.dribbler())?;
    lab.work("50 dribblers of 100 MiB frames", &dribblers, 300 * MIB)?;
    drop(dribblers);
    let silent = many(SILENT, || lab.connect())?;
    lab.work("5,000 connections that say nothing", &silent, 300 * MIB)?;
    drop(silent);
    let readers = many(ZERO_WINDOW, || lab.reader())?;
    lab.work("100 readers that never read, 8 fetches of 50 MiB each", &readers, 500 * MIB)?;
    drop(readers);
    let idle = many(IDLE, || lab.idle())?;
    lab.work("10,000 idle clients", &idle, 500 * MIB)?;
    drop(idle);
    lab.broker.stop()
}

fn many(count: usize, mut make: impl FnMut() -> Result<TcpStream>) -> Result<Vec<TcpStream>> {
    (0..count).map(|n| make().with_context(|| format!("connection {n}"))).collect()
}

impl Lab {
    fn connect(&self) -> Result<TcpStream> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let socket = TcpStream::connect_timeout(&address, Duration::from_secs(20))?;
        socket.set_nodelay(true)?;
        Ok(socket)
    }

    /// Claims a large frame and sends a little more than every connection has for itself.
    fn dribbler(&self) -> Result<TcpStream> {
        let mut socket = self.connect()?;
        socket.write_all(&CLAIM.to_be_bytes())?;
        socket.write_all(&vec![0; 100 << 10])?;
        Ok(socket)
    }

    /// Asks for everything, eight times, and reads nothing of it.
    fn reader(&self) -> Result<TcpStream> {
        let mut socket = self.connect()?;
        for correlation in 0..8_i32 {
            socket.write_all(&fetch(correlation))?;
        }
        Ok(socket)
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

    /// The good client's work beside these connections, and the memory that the broker has behind it.
    fn work(&mut self, beside: &str, others: &[TcpStream], most_bytes: u64) -> Result<()> {
        let start = Instant::now();
        let mut client = Connection::open(self.port)?;
        for (count, size) in [SMALL, LARGE] {
            let value = vec![b'x'; size];
            for _ in 0..count {
                let answer = client.produce(TOPIC, &value).with_context(|| format!("beside {beside}"))?;
                let offset = answer.map_err(|code| anyhow::anyhow!("error {code} beside {beside}"))?;
                ensure!(offset == self.written, "record {} came to offset {offset}", self.written);
                self.written += 1;
            }
        }
        let took = start.elapsed();
        let rss = rss_bytes(self.broker.pid())?;
        println!(
            "  {beside}: {} connections, {} records in {:.1} s, broker's memory {} MiB",
            others.len(),
            SMALL.0 + LARGE.0,
            took.as_secs_f64(),
            rss / MIB
        );
        if rss > most_bytes {
            bail!("the broker took {} MiB beside {beside}; {} are allowed", rss / MIB, most_bytes / MIB);
        }
        Ok(())
    }
}

/// Fetch 4 of partition 0 from offset 0 with room for 50 MiB.
fn fetch(correlation: i32) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&[0, 1, 0, 4]);
    body.extend_from_slice(&correlation.to_be_bytes());
    body.extend_from_slice(&[0xff, 0xff]);
    for number in [-1_i32, 500, 1, 50 << 20] {
        body.extend_from_slice(&number.to_be_bytes());
    }
    body.push(0);
    body.extend_from_slice(&1_i32.to_be_bytes());
    body.extend_from_slice(&(TOPIC.len() as i16).to_be_bytes());
    body.extend_from_slice(TOPIC.as_bytes());
    body.extend_from_slice(&1_i32.to_be_bytes());
    body.extend_from_slice(&0_i32.to_be_bytes());
    body.extend_from_slice(&0_i64.to_be_bytes());
    body.extend_from_slice(&(50_i32 << 20).to_be_bytes());
    let mut frame = (body.len() as i32).to_be_bytes().to_vec();
    frame.extend_from_slice(&body);
    frame
}

/// The memory of a process that is in memory.
pub fn rss_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("read the broker's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
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
