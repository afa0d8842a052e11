//! Requests of every API and version that Kafka's own classes wrote, and mutations of them, thrown at a release broker.
//!
//! `ottla-fuzz frames` makes them; this file knows no protocol but that of its own client. Several frames go over one
//! connection until the broker closes it. Beside that a healthy client writes record after record and reads all of
//! them with the command line's consumer; its work has to succeed. The broker must not end, no thread of it may panic,
//! its memory stays below a bound, and it stops cleanly. No times are judged.

use crate::interop::broker::{Broker, Kind};
use crate::kill9::protocol::Connection;
use crate::limits::rss_bytes;
use crate::process::{self, cargo};
use anyhow::{Context, Result, bail, ensure};
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TOPIC: &str = "the-neighbour-s-own-topic";
const MIB: u64 = 1 << 20;
/// Topics that mutated requests create stay in memory.
const MEMORY_MOST: u64 = 700 * MIB;
/// Frames of one connection.
const FRAMES: usize = 16;
/// A broker that takes nothing and says nothing for so long gets another connection.
const PATIENCE: Duration = Duration::from_millis(500);
const LOOK_EVERY: u64 = 5_000;
const FRAME_MOST: usize = 1 << 22;

#[derive(Debug, Default)]
struct Thrown {
    frames: u64,
    connections: u64,
    closed: u64,
    answered: u64,
    memory: u64,
}

pub fn run(root: &Path, first: u64, count: u64, minutes: Option<u64>, binary: Option<&Path>) -> Result<()> {
    process::run(root, &cargo(), &["build", "--package", "ottla-fuzz", "--locked", "--quiet"])?;
    let start = Instant::now();
    let mut seed = first;
    loop {
        one(root, seed, count, binary)
            .with_context(|| format!("again: cargo xtask fuzz --live --count {count} --seed {seed}"))?;
        seed += 1;
        if minutes.is_none_or(|minutes| start.elapsed().as_secs() >= minutes * 60) {
            return Ok(());
        }
    }
}

fn one(root: &Path, seed: u64, count: u64, binary: Option<&Path>) -> Result<()> {
    let settings = ["offsets.topic.num.partitions=2", "group.initial.rebalance.delay.ms=0"];
    let broker = match binary {
        Some(binary) => Broker::start_binary(root, binary, "fuzz", &settings)?,
        None => Broker::start(root, Kind::Ottla, "fuzz", &settings)?,
    };
    let port: u16 = broker.bootstrap.rsplit(':').next().and_then(|p| p.parse().ok()).context("a port")?;
    ensure!(Connection::open(port)?.create_topic(TOPIC, 1)?.is_ok(), "the topic could not be made");
    let done = AtomicBool::new(false);
    let (thrown, written) = std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| neighbour(port, &done));
        let thrown = throw(root, &broker, port, seed, count);
        done.store(true, Ordering::SeqCst);
        let written = neighbour.join().map_err(|_| anyhow::anyhow!("the neighbour panicked"))?;
        Ok::<_, anyhow::Error>((thrown?, written.context("the neighbour's work")?))
    })
    .with_context(|| format!("the broker said:\n{}", broker.log_tail()))?;
    read(root, binary, port, written)?;
    let log = broker.log();
    if let Some(line) = log.lines().find(|line| line.contains("panicked at")) {
        bail!("a thread of the broker panicked: {line}");
    }
    // A group may be made too large for its topic, and Kafka has no better answer to that.
    broker.stop_whatever_it_answered()?;
    let Thrown { frames, connections, closed, answered, memory } = thrown;
    ensure!(
        frames >= count && answered > 0,
        "{frames} frames of {count} were thrown, {answered} bytes answered"
    );
    println!(
        "fuzz --live: {frames} frames over {connections} connections, {closed} closed by the broker, {} MiB answered, \
         {written} records of the neighbour written and read, memory at most {} MiB, seed {seed}",
        answered / MIB,
        memory / MIB
    );
    Ok(())
}

/// Writes a record behind the other; each has to be where it belongs. How many there are.
fn neighbour(port: u16, done: &AtomicBool) -> Result<i64> {
    let mut connection = Connection::open(port)?;
    let mut written = 0;
    while !done.load(Ordering::SeqCst) || written == 0 {
        let answer = connection.produce(TOPIC, format!("record {written}").as_bytes())?;
        ensure!(answer == Ok(written), "record {written} was answered {answer:?}");
        written += 1;
    }
    Ok(written)
}

/// The command line's consumer reads all that was written.
fn read(root: &Path, binary: Option<&Path>, port: u16, written: i64) -> Result<()> {
    let ottla = binary.map_or_else(|| root.join("target/release/ottla"), Path::to_path_buf);
    let server = format!("127.0.0.1:{port}");
    let args = ["consume", TOPIC, "-b", &server, "--from-beginning", "--exit", "--format", "%o %s\\n"];
    let output =
        Command::new(ottla).args(args).stdin(Stdio::null()).output().context("start the consumer")?;
    ensure!(output.status.success(), "consume: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let all = (0..written).map(|offset| format!("{offset} record {offset}"));
    ensure!(text.lines().eq(all), "{written} records were written, {} lines are read", text.lines().count());
    Ok(())
}

fn throw(root: &Path, broker: &Broker, port: u16, seed: u64, count: u64) -> Result<Thrown> {
    let mut maker = Command::new(root.join("target/debug/ottla-fuzz"))
        .args(["frames", &count.to_string(), &seed.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("start ottla-fuzz")?;
    let mut frames = BufReader::new(maker.stdout.take().context("what ottla-fuzz writes")?);
    let mut thrown = Thrown::default();
    let mut target: Option<(TcpStream, usize)> = None;
    while let Some(frame) = next(&mut frames)? {
        let (mut socket, used) = match target.take() {
            Some(open) => open,
            None => {
                thrown.connections += 1;
                (connect(port)?, 0)
            }
        };
        let open = send(&mut socket, &frame, &mut thrown);
        thrown.frames += 1;
        if open && used + 1 < FRAMES {
            target = Some((socket, used + 1));
        } else {
            thrown.closed += u64::from(!open);
            leave(&mut socket, &mut thrown);
        }
        if thrown.frames.is_multiple_of(LOOK_EVERY) {
            look(broker, &mut thrown)?;
        }
    }
    ensure!(maker.wait()?.success(), "ottla-fuzz failed");
    look(broker, &mut thrown)?;
    Ok(thrown)
}

/// The broker lives, and its memory is below the bound.
fn look(broker: &Broker, thrown: &mut Thrown) -> Result<()> {
    let rss = rss_bytes(broker.pid()).context("the broker has ended")?;
    thrown.memory = thrown.memory.max(rss);
    ensure!(rss <= MEMORY_MOST, "the broker took {} MiB; {} are allowed", rss / MIB, MEMORY_MOST / MIB);
    Ok(())
}

fn next(frames: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    match frames.read_exact(&mut len) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let len = u32::from_be_bytes(len) as usize;
    ensure!(len <= FRAME_MOST, "a frame of {len} bytes");
    let mut frame = vec![0; len];
    frames.read_exact(&mut frame)?;
    Ok(Some(frame))
}

fn connect(port: u16) -> Result<TcpStream> {
    let socket = TcpStream::connect(("127.0.0.1", port)).context("the broker takes no connection")?;
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Writes a frame and takes the answers that are there. False when the connection is over.
fn send(socket: &mut TcpStream, frame: &[u8], thrown: &mut Thrown) -> bool {
    let (mut sent, mut last) = (0, Instant::now());
    while sent < frame.len() {
        match socket.write(&frame[sent..]) {
            Ok(count) if count > 0 => {
                sent += count;
                last = Instant::now();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let Some(taken) = drain(socket, thrown) else { return false };
                if taken == 0 {
                    if last.elapsed() > PATIENCE {
                        return false;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            _ => return false,
        }
    }
    drain(socket, thrown).is_some()
}

/// Answers that are there. `None` at the end of the connection.
fn drain(socket: &mut TcpStream, thrown: &mut Thrown) -> Option<usize> {
    let mut buffer = [0; 64 << 10];
    let mut total = 0;
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return None,
            Ok(count) => {
                total += count;
                thrown.answered += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(total),
            Err(_) => return None,
        }
    }
}

/// Sends no more, and reads what is due; a long poll is not waited for.
fn leave(socket: &mut TcpStream, thrown: &mut Thrown) {
    let _ = socket.shutdown(Shutdown::Write);
    let mut last = Instant::now();
    while let Some(taken) = drain(socket, thrown) {
        if taken > 0 {
            last = Instant::now();
        } else if last.elapsed() > PATIENCE {
            return;
        } else {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
