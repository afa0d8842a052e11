//! `cargo xtask disk`: the release binary on a disk that is full, on one whose syncs fail, and on damage.
//!
//! A tmpfs of 64 MiB is filled under load, and so is an ext4, where a sync is one: writes are refused by Kafka's error,
//! reads go on, topics are deleted, a killed broker starts on the full disk, and writes go on when there is room
//! (durability rule A8). Then strace fails the n-th sync, with one error or another: the process ends with code 1 and
//! names path and error, and the next start has everything that was acknowledged (rule A7). Last it fails some writes,
//! which are refused, while reads go on and writes do again behind them (rule A4). Needs root and loop devices (for the
//! mounts), mkfs.ext4 and strace; without them it fails and says so.

mod damage;

use crate::kill9::broker::{Broker, Program};
use crate::kill9::protocol::Connection;
use crate::process;
use crate::toolchains::{self, Tool};
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub const STRACE: Tool = Tool { program: "strace", probe: &["-V"], packages: &["strace"], pypi: None };
pub const MOUNT: Tool = Tool { program: "mount", probe: &["-V"], packages: &["mount"], pypi: None };
const EXT4: Tool = Tool { program: "mkfs.ext4", probe: &["-V"], packages: &["e2fsprogs"], pypi: None };

const TOPIC: &str = "t";
/// A topic with records, which goes on the full disk.
const LARGE: &str = "large";
const LARGE_RECORDS: usize = 16;
/// Topics without any: what their deletions write is more than a block of the metadata log has left.
const EMPTY: std::ops::Range<usize> = 0..60;
const STORAGE_ERROR: i16 = 56;
const VALUE: usize = 64 << 10;
/// More than fits on the disk.
const WRITES: usize = 2_000;
/// A refusal is an answer, not a time-out: far above what a busy machine needs, far below the client's patience.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);
const RESUMES_WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_secs(60);
const EIO: Error = Error("EIO", 5);
const ENOSPC: Error = Error("ENOSPC", 28);
const EDQUOT: Error = Error("EDQUOT", 122);
/// The sync that fails, counted for each thread: some hit the start, some the writes. A start on a full disk goes on with
/// the reserve, so these are of a device.
const FAILED_SYNCS: [(u32, Error); 8] =
    [(2, EIO), (5, EIO), (9, EIO), (14, EIO), (14, ENOSPC), (20, EIO), (20, EDQUOT), (31, ENOSPC)];
const FAILED_WRITES: [Error; 3] = [EIO, ENOSPC, EDQUOT];
/// The first and the last one that fail, counted for each thread: only that of the log comes so far.
const WRITES_THAT_FAIL: (usize, usize) = (100, 120);

/// An error of the system, by the name strace knows and the number that is told.
#[derive(Debug, Clone, Copy)]
struct Error(&'static str, i32);

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let binary = match args {
        [] => root.join("target/release/ottla"),
        [binary] => fs::canonicalize(binary).context("find the binary")?,
        _ => bail!("usage: cargo xtask disk [BINARY]"),
    };
    toolchains::ensure(root, &[STRACE, MOUNT, EXT4])?;
    ensure!(binary.exists(), "{} is missing: cargo build --release", binary.display());
    let folder = root.join(format!("target/disk-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let full = [FileSystem::Tmpfs, FileSystem::Ext4];
    for kind in full {
        full_disk(&binary, &folder.join(format!("full-{kind:?}")), kind)?;
    }
    for (failed, error) in FAILED_SYNCS {
        failed_sync(&binary, &folder.join(format!("sync-{failed}-{}", error.0)), failed, error)?;
    }
    for error in FAILED_WRITES {
        failed_writes(&binary, &folder.join(format!("write-{}", error.0)), error)?;
    }
    let damaged = damage::run(&binary, &folder)?;
    fs::remove_dir_all(&folder)?;
    println!(
        "disk: {} full disks, {} failed syncs, {} kinds of failed writes and {damaged} kinds of damage, nothing \
         acknowledged is lost",
        full.len(),
        FAILED_SYNCS.len(),
        FAILED_WRITES.len()
    );
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileSystem {
    Tmpfs,
    Ext4,
}

/// A file with a file system in it, removed when dropped.
struct Image(PathBuf);

impl Image {
    /// Nothing of it is set aside for root, whose broker is to find it full.
    fn ext4(path: PathBuf) -> Result<Self> {
        let image = Self(path);
        File::create(&image.0)?.set_len(64 << 20)?;
        let folder = image.0.parent().context("the image is in a folder")?;
        process::run(folder, "mkfs.ext4", &["-q", "-F", "-m", "0", image.text()?])?;
        Ok(image)
    }

    fn text(&self) -> Result<&str> {
        self.0.to_str().context("the path is text")
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A file system of 64 MiB, unmounted when dropped.
struct Small {
    path: PathBuf,
    /// What is mounted, which goes behind the mount.
    _image: Option<Image>,
}

impl Small {
    fn mount(path: &Path, kind: FileSystem) -> Result<Self> {
        fs::create_dir_all(path)?;
        let text = path.to_str().context("the path is text")?;
        let image = match kind {
            FileSystem::Tmpfs => {
                process::run(path, "mount", &["-t", "tmpfs", "-o", "size=64m", "ottla-test", text])
                    .context("mount a tmpfs (this needs root)")?;
                None
            }
            FileSystem::Ext4 => {
                let image = Image::ext4(path.with_added_extension("ext4"))?;
                process::run(path, "mount", &["-t", "ext4", "-o", "loop", image.text()?, text])
                    .context("mount an ext4 (this needs root and a loop device)")?;
                Some(image)
            }
        };
        Ok(Self { path: path.to_owned(), _image: image })
    }

    /// Takes so many bytes, or all that is left.
    fn fill(&self, name: &str, bytes: usize) -> Result<()> {
        let mut file = File::create(self.path.join(name))?;
        let block = [0; 4096];
        for _ in 0..bytes / block.len() {
            if file.write_all(&block).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn free(&self, name: &str) -> Result<()> {
        Ok(fs::remove_file(self.path.join(name))?)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.path).status();
    }
}

/// A broker, and how many records it has acknowledged; the n-th stands at offset n.
struct Bench {
    broker: Broker,
    binary: PathBuf,
    acked: i64,
}

impl Bench {
    fn new(program: &Path, binary: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let broker = Broker::new(Program::Ottla { binary: program.to_owned(), control: None }, folder)?;
        Ok(Self { broker, binary: binary.to_owned(), acked: 0 })
    }

    fn connect(&self) -> Result<Connection> {
        Connection::open(self.broker.port)
    }

    /// Writes until the broker refuses, and returns the code; `None` when it took all.
    fn write(&mut self, records: usize) -> Result<Option<i16>> {
        let mut connection = self.connect()?;
        for _ in 0..records {
            let start = Instant::now();
            match connection.produce(TOPIC, &vec![b'x'; VALUE])? {
                Ok(offset) => {
                    ensure!(offset >= self.acked, "offset {offset} was given twice");
                    self.acked = offset + 1;
                }
                Err(code) => {
                    let waited = start.elapsed();
                    ensure!(waited < REFUSED_WITHIN, "the refusal took {waited:?}");
                    println!(
                        "  refused with {code} after {} ms, {} acknowledged",
                        waited.as_millis(),
                        self.acked
                    );
                    return Ok(Some(code));
                }
            }
        }
        Ok(None)
    }

    /// Some more fit into the last block of the metadata.
    fn creation_is_refused(&self) -> Result<()> {
        let mut connection = self.connect()?;
        for number in 0..500 {
            match connection.create_topic(&format!("late-{number}"), 1)? {
                Ok(()) => {}
                Err(STORAGE_ERROR) => return Ok(()),
                Err(code) => bail!("a topic on a full disk was answered {code}"),
            }
        }
        bail!("500 topics were created on a full disk")
    }

    fn create(&self, topic: &str) -> Result<()> {
        let created = self.connect()?.create_topic(topic, 1)?;
        ensure!(created.is_ok(), "{topic} was not created: {created:?}");
        Ok(())
    }

    /// Topics without records give no room, so that their deletions have to find it.
    fn deletions_are_taken(&self) -> Result<()> {
        let mut connection = self.connect()?;
        for topic in EMPTY.map(empty).chain([LARGE.to_owned()]) {
            let deleted = connection.delete_topic(&topic)?;
            ensure!(deleted.is_ok(), "{topic} was not deleted on a full disk: {deleted:?}");
        }
        Ok(())
    }

    fn write_resumes(&mut self) -> Result<()> {
        let start = Instant::now();
        while self.write(1)?.is_some() {
            ensure!(start.elapsed() < RESUMES_WITHIN, "writes are still refused after {RESUMES_WITHIN:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Every acknowledged record is read by the command line's consumer.
    fn read(&self) -> Result<()> {
        let server = format!("127.0.0.1:{}", self.broker.port);
        let args = ["consume", TOPIC, "-b", &server, "--from-beginning", "--exit", "--format", "%o\\n"];
        let output = Command::new(&self.binary).args(args).stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "consume: {}", String::from_utf8_lossy(&output.stderr));
        let read: Vec<i64> =
            String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect();
        let all = read.iter().copied().take(usize::try_from(self.acked)?).eq(0..self.acked);
        ensure!(all, "{} were acknowledged, {} are read", self.acked, read.len());
        Ok(())
    }
}

fn empty(number: usize) -> String {
    format!("empty-{number}")
}

fn full_disk(binary: &Path, folder: &Path, kind: FileSystem) -> Result<()> {
    println!("a full disk, {kind:?}:");
    let small = Small::mount(&folder.join("data"), kind)?;
    let mut bench = Bench::new(binary, binary, folder)?;
    bench.broker.start()?;
    bench.broker.wait_ready()?;
    for topic in EMPTY.map(empty).chain([TOPIC.to_owned(), LARGE.to_owned()]) {
        bench.create(&topic)?;
    }
    for _ in 0..LARGE_RECORDS {
        let written = bench.connect()?.produce(LARGE, &vec![b'x'; VALUE])?;
        ensure!(written.is_ok(), "there is room, and a write was refused: {written:?}");
    }
    small.fill("filler-1", 40 << 20)?;
    let refused = bench.write(WRITES)?;
    ensure!(refused == Some(STORAGE_ERROR), "a full disk was answered {refused:?}");
    small.fill("filler-2", 64 << 20)?;
    bench.creation_is_refused()?;
    ensure!(bench.write(1)? == Some(STORAGE_ERROR), "the disk is full, and a write was taken");
    bench.read()?;
    bench.deletions_are_taken()?;
    // It has the room of what was deleted.
    bench.write_resumes()?;
    small.free("filler-2")?;
    small.free("filler-1")?;
    bench.write_resumes()?;
    ensure!(bench.write(10)?.is_none(), "there is room, and a write was refused");

    println!("a start on a full disk, {kind:?}:");
    small.fill("filler-3", 64 << 20)?;
    bench.broker.wait_dead();
    bench.broker.start()?;
    bench.broker.wait_ready()?;
    bench.read()?;
    let refused = bench.write(WRITES)?;
    ensure!(refused == Some(STORAGE_ERROR), "a full disk was answered {refused:?}");
    bench.broker.stop().context("stop on a full disk")?;
    bench.broker.start()?;
    bench.broker.wait_ready()?;
    small.free("filler-3")?;
    bench.write_resumes()?;
    bench.read()?;
    bench.broker.stop()?;
    bench.broker.verify()
}

/// A program that runs the broker with some calls failing; strace stays beside it, so that signals and exit codes are its
/// own.
fn with_errors(binary: &Path, folder: &Path, calls: &str, error: Error, when: &str) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let script = folder.join("ottla-with-errors");
    let text = format!(
        "#!/bin/sh\nexec strace -D -f -qq -o {}/strace.log -e trace={calls} \
         -e inject={calls}:error={}:when={when} {} \"$@\"\n",
        folder.display(),
        error.0,
        binary.display()
    );
    fs::write(&script, text)?;
    process::run(folder, "chmod", &["+x", "ottla-with-errors"])?;
    Ok(script)
}

fn failed_writes(binary: &Path, folder: &Path, error: Error) -> Result<()> {
    println!("writes that fail with {}:", error.0);
    let (first, last) = WRITES_THAT_FAIL;
    let when = format!("{first}..{last}");
    let script = with_errors(binary, folder, "pwrite64,pwritev,pwritev2", error, &when)?;
    let mut bench = Bench::new(&script, binary, folder)?;
    bench.broker.start()?;
    bench.broker.wait_ready()?;
    bench.create(TOPIC)?;
    let refused = bench.write(2 * last)?;
    ensure!(refused == Some(STORAGE_ERROR), "a write that failed was answered {refused:?}");
    ensure!(bench.acked > 0, "no write was taken before");
    bench.read()?;
    bench.write_resumes()?;
    ensure!(bench.write(10)?.is_none(), "the disk works again, and a write was refused");
    bench.read()?;
    bench.broker.stop()?;
    bench.broker.verify()
}

fn failed_sync(binary: &Path, folder: &Path, number: u32, error: Error) -> Result<()> {
    let script = with_errors(binary, folder, "fsync,fdatasync", error, &number.to_string())?;
    let mut bench = Bench::new(&script, binary, folder)?;
    bench.broker.start()?;
    let mut ready = false;
    let start = Instant::now();
    let end = loop {
        if let Some(end) = bench.broker.victim.ended() {
            break end;
        }
        ensure!(start.elapsed() < ENDS_WITHIN, "the process lives on after sync {number} failed");
        ready |= bench.broker.is_ready();
        // Whatever happens to the connection, the process has to end; what was answered before counts.
        if ready && let Ok(mut connection) = bench.connect() {
            let _ = connection.create_topic(TOPIC, 1);
            let _ = bench.write(5);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = bench.broker.said();
    // A start that never was is told like any other that cannot be.
    let codes = if ready { &["exit status: 1"][..] } else { &["exit status: 1", "exit status: 2"] };
    ensure!(codes.contains(&end.as_str()), "sync {number} failed and the process ended with {end}: {said}");
    let number_of_error = format!("os error {}", error.1);
    let named = said.lines().find(|line| line.contains(&number_of_error) && line.contains("/data"));
    let named = named.with_context(|| format!("path and error are not named: {said}"))?;
    println!("sync {number}: {} acknowledged, then: {}", bench.acked, named.trim());
    let acked = bench.acked;
    let mut again = Bench { acked, ..Bench::new(binary, binary, folder)? };
    again.broker.start()?;
    again.broker.wait_ready()?;
    let _ = again.connect()?.create_topic(TOPIC, 1)?;
    ensure!(again.write(3)?.is_none(), "a write was refused after the restart");
    again.read()?;
    again.broker.stop()?;
    again.broker.verify()
}
