//! The release binary on data that rotted, lost its indexes, or cannot be written: what was promised stays, damage is
//! named and never served (durability rules R6, R7, R9, R10).

use super::{Bench, FileSystem, STORAGE_ERROR, Small, TOPIC};
use crate::kill9::broker::wait;
use crate::process;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Records of 64 KiB in segments of 1 MiB.
const RECORDS: usize = 40;
const NOTICED_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// Where a bit is flipped in the first batch of the second segment: its base offset, its length, its leader epoch, its
/// CRC, a value.
const FLIPPED: [usize; 5] = [6, 9, 15, 18, 5_000];

pub fn run(binary: &Path, folder: &Path) -> Result<usize> {
    for byte in FLIPPED {
        flipped_bit(binary, &folder.join(format!("flipped-{byte}")), byte)?;
    }
    indexes(binary, &folder.join("indexes"))?;
    cut_metadata(binary, &folder.join("metadata"))?;
    read_only_start(binary, &folder.join("read-only"))?;
    for number in [12, 25] {
        read_only_later(binary, &folder.join(format!("read-only-{number}")), number)?;
    }
    Ok(FLIPPED.len() + 5)
}

/// A broker that wrote its records and was stopped.
fn stopped(binary: &Path, folder: &Path) -> Result<Bench> {
    let mut bench = Bench::new(binary, binary, folder)?;
    bench.broker.start()?;
    bench.broker.wait_ready()?;
    ensure!(bench.connect()?.create_topic(TOPIC, 1)?.is_ok(), "the topic was not created");
    ensure!(bench.write(RECORDS)?.is_none(), "a write was refused");
    bench.broker.stop()?;
    Ok(bench)
}

/// The files of the only partition with this ending, in the order of their offsets.
fn files(bench: &Bench, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for dir in fs::read_dir(bench.broker.data.join("topics"))? {
        for file in fs::read_dir(dir?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn flip(path: &Path, byte: usize) -> Result<()> {
    let mut bytes = fs::read(path)?;
    *bytes.get_mut(byte).context("the file is too short")? ^= 4;
    Ok(fs::write(path, bytes)?)
}

/// Nothing from the damage on is read, everything in front of it is; the log takes no writes until its start lies
/// behind the damage.
fn flipped_bit(binary: &Path, folder: &Path, byte: usize) -> Result<()> {
    let mut bench = stopped(binary, folder)?;
    let segments = files(&bench, "log")?;
    let second = segments.get(1).context("there is one segment only")?;
    let bad: i64 = second.file_stem().and_then(|name| name.to_str()).context("a name")?.parse()?;
    flip(second, byte)?;
    bench.broker.start()?;
    bench.broker.wait_ready()?;
    let read = read_until_damage(&bench, usize::try_from(bad)?)?;
    ensure!(read.iter().copied().eq(0..bad), "damage begins at {bad}, and {read:?} are read");
    ensure!(bench.write(1)? == Some(STORAGE_ERROR), "a damaged log took a write");
    let file = second.display().to_string();
    let said = bench.broker.said();
    let named = said.lines().find(|line| line.contains(&file) && line.contains("is damaged at byte 0"));
    println!(
        "bit of byte {byte}: {}",
        named.with_context(|| format!("file and position are not named: {said}"))?
    );
    let server = format!("127.0.0.1:{}", bench.broker.port);
    let before = format!("0:{}", bad + 1);
    let purge = ["topic", "purge", TOPIC, "-b", &server, "--before", &before, "--yes"];
    let purged = Command::new(binary).args(purge).stdin(Stdio::null()).output()?;
    ensure!(purged.status.success(), "purge: {}", String::from_utf8_lossy(&purged.stderr));
    ensure!(bench.write(2)?.is_none(), "a log that starts behind its damage refuses writes");
    bench.broker.stop()
}

/// What a consumer prints until it has so many records and the broker has named the damage.
fn read_until_damage(bench: &Bench, records: usize) -> Result<Vec<i64>> {
    let output = bench.broker.data.with_extension("read");
    let server = format!("127.0.0.1:{}", bench.broker.port);
    let args = ["consume", TOPIC, "-b", &server, "--from-beginning", "--format", "%o\\n"];
    let mut consumer = Command::new(&bench.binary)
        .args(args)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&output)?)
        .stderr(Stdio::null())
        .spawn()?;
    let start = Instant::now();
    let met = loop {
        let printed = fs::read_to_string(&output)?.lines().count();
        if printed >= records && bench.broker.said().contains("is damaged at byte") {
            break Ok(());
        }
        if start.elapsed() > NOTICED_WITHIN {
            break Err(anyhow::anyhow!(
                "{printed} records are read, {records} are good; {}",
                bench.broker.said()
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let ended = consumer.try_wait()?.is_some();
    if !ended {
        process::run(Path::new("."), "kill", &["-INT", &consumer.id().to_string()])?;
    }
    if wait(&mut consumer, ENDS_WITHIN)?.is_none() {
        let _ = consumer.kill();
        bail!("the consumer does not end");
    }
    met?;
    let text = fs::read_to_string(&output)?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

/// Deleted, and each in place of the next: everything is read all the same.
fn indexes(binary: &Path, folder: &Path) -> Result<()> {
    let bench = stopped(binary, folder)?;
    let indexes = files(&bench, "index")?;
    ensure!(indexes.len() > 1, "{indexes:?} are too few");
    let bytes = indexes.iter().map(fs::read).collect::<std::io::Result<Vec<_>>>()?;
    for (path, other) in indexes.iter().zip(bytes.iter().cycle().skip(1)) {
        fs::write(path, other)?;
    }
    reads_all(&bench)?;
    for path in &indexes {
        fs::remove_file(path)?;
    }
    reads_all(&bench)?;
    println!("{} indexes swapped, then deleted: {} records are read", indexes.len(), bench.acked);
    Ok(())
}

fn reads_all(bench: &Bench) -> Result<()> {
    let folder = bench.broker.data.parent().context("the data is in a folder")?;
    let mut bench = Bench { acked: bench.acked, ..Bench::new(&bench.binary, &bench.binary, folder)? };
    bench.broker.start()?;
    bench.broker.wait_ready()?;
    bench.read()?;
    bench.broker.stop()
}

/// A start is refused, names the file, and leaves it as it is; with the bytes back everything is there.
fn cut_metadata(binary: &Path, folder: &Path) -> Result<()> {
    let mut bench = stopped(binary, folder)?;
    let log = fs::read_dir(bench.broker.data.join("metadata"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "log"))
        .context("there is no metadata log")?;
    let whole = fs::read(&log)?;
    let half = whole[..whole.len() / 2].to_vec();
    fs::write(&log, &half)?;
    // Starting again mends nothing here, which 2 says to whoever would.
    let said = refused(&mut bench, &log, &["exit status: 2"])?;
    println!("metadata cut in the middle: {said}");
    ensure!(fs::read(&log)? == half, "the refused start changed the metadata log");
    fs::write(&log, &whole)?;
    reads_all(&bench)
}

/// The line with which a start ends that names this path.
fn refused(bench: &mut Bench, path: &Path, ends: &[&str]) -> Result<String> {
    bench.broker.start()?;
    let start = Instant::now();
    let end = loop {
        if let Some(end) = bench.broker.victim.ended() {
            break end;
        }
        ensure!(start.elapsed() < ENDS_WITHIN, "the broker starts on it");
        std::thread::sleep(Duration::from_millis(5));
    };
    ensure!(ends.contains(&end.as_str()), "it ended with {end}");
    let (said, path) = (bench.broker.said(), path.display().to_string());
    let line = said.lines().find(|line| line.contains(&path)).map(|line| line.trim().to_owned());
    line.with_context(|| format!("{path} is not named: {said}"))
}

const GAVE_UP: &[&str] = &["exit status: 1", "exit status: 2"];

/// The end of a process that cannot go on and says so; a panic or a signal is none.
fn gave_up(end: &str) -> Result<()> {
    ensure!(GAVE_UP.contains(&end), "it ended with {end}");
    Ok(())
}

fn remount(small: &Small, how: &str) -> Result<()> {
    let path = small.path.to_str().context("the path is text")?;
    process::run(&small.path, "mount", &["-o", &format!("remount,{how}"), path])
}

/// A tmpfs that was remounted read-only while the broker was dead: a clear refusal, and nothing lost.
fn read_only_start(binary: &Path, folder: &Path) -> Result<()> {
    let small = Small::mount(&folder.join("data"), FileSystem::Tmpfs)?;
    let mut bench = stopped(binary, folder)?;
    bench.broker.start()?;
    bench.broker.wait_ready()?;
    ensure!(bench.write(3)?.is_none(), "a write was refused");
    bench.broker.wait_dead();
    remount(&small, "ro")?;
    let data = bench.broker.data.clone();
    println!("a read-only disk: {}", refused(&mut bench, &data, GAVE_UP)?);
    remount(&small, "rw")?;
    reads_all(&bench)
}

/// Every write-like call fails with EROFS from the n-th on, as when the kernel turns a file system read-only under a
/// running process: writes are refused or the process ends, and the next start has all that was acknowledged.
fn read_only_later(binary: &Path, folder: &Path, number: u32) -> Result<()> {
    fs::create_dir_all(folder)?;
    let script = folder.join("ottla-read-only");
    let calls = "pwrite64,pwritev,pwritev2,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,mkdir";
    // The tracer stands aside (-D), so that the process which is killed is the broker.
    let text = format!(
        "#!/bin/sh\nexec strace -D -f -qq -o {}/strace.log -e trace={calls} -e inject={calls}:error=EROFS:when={number}+ \
         {} \"$@\"\n",
        folder.display(),
        binary.display()
    );
    fs::write(&script, text)?;
    process::run(folder, "chmod", &["+x", "ottla-read-only"])?;
    let ready = stopped(binary, folder)?;
    let mut bench = Bench { acked: ready.acked, ..Bench::new(&script, binary, folder)? };
    drop(ready);
    bench.broker.start()?;
    let start = Instant::now();
    let mut refused = None;
    while bench.broker.victim.ended().is_none() && refused.is_none() {
        ensure!(start.elapsed() < NOTICED_WITHIN, "writes are taken on a read-only disk");
        if bench.broker.is_ready() {
            refused = bench.write(5).ok().flatten();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    ensure!(refused.is_none_or(|code| code == STORAGE_ERROR), "a read-only disk was answered {refused:?}");
    if let Some(end) = bench.broker.victim.ended() {
        gave_up(&end)
            .with_context(|| format!("read-only from write {number} on: {}", bench.broker.said()))?;
    }
    let acked = bench.acked;
    bench.broker.wait_dead();
    println!("read-only from write {number} on: {acked} acknowledged, then refused with {refused:?}");
    let mut again = Bench { acked, ..Bench::new(binary, binary, folder)? };
    again.broker.start()?;
    again.broker.wait_ready()?;
    again.read()?;
    ensure!(again.write(3)?.is_none(), "a write was refused after the restart");
    again.broker.stop()?;
    again.broker.verify()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_a_signal_are_no_end_that_was_chosen() {
        for (script, chosen) in [
            ("exit 1", true),
            ("exit 2", true),
            ("exit 0", false),
            ("exit 101", false),
            ("kill -ABRT $$", false),
        ] {
            let end = Command::new("sh").args(["-c", script]).status().unwrap().to_string();
            assert_eq!(gave_up(&end).is_ok(), chosen, "{script}: {end}");
        }
    }
}
