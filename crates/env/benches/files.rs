//! What a log's file costs, whoever reads or writes it: ways of writing and reading one file in order, each in turn.
//!
//! `cargo bench -p ottla-env --bench files -- DIR [MIB [ROUNDS]]`. DIR is on the disk that is asked about. Prints MB/s and
//! CPU seconds of this process for each GB (10^9 bytes), the median with the lowest and the highest. Work that the kernel
//! does in threads of its own, such as writing out, is not in them. docs/benchmarks.md says what was found.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use ottla_env::process::{self, Usage};
use rustix::fs::{Advice, FallocateFlags, Mode, OFlags, fadvise, fallocate, fdatasync};
use rustix::io::ReadWriteFlags;
use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut};
use std::path::{Path, PathBuf};
use std::time::Instant;

const MIB: usize = 1 << 20;
const DEFAULT_MIB: usize = 1024;
const DEFAULT_ROUNDS: usize = 5;
/// Buffers for `O_DIRECT` begin at a multiple of this.
const ALIGNMENT: usize = 4096;
/// `RWF_DONTCACHE`, since Linux 6.14: pages go when they were written out.
const DONT_CACHE: u32 = 0x80;

#[derive(Debug, Clone, Copy)]
struct Write {
    name: &'static str,
    step: usize,
    /// The file stays as it is and is in the page cache.
    over: bool,
    reserved: bool,
    sync_every: Option<usize>,
    flags: u32,
    direct: bool,
}

const NEW: Write = Write {
    name: "a new file",
    step: MIB,
    over: false,
    reserved: false,
    sync_every: None,
    flags: 0,
    direct: false,
};

const WRITES: &[Write] = &[
    NEW,
    Write { name: "over a file that is in the page cache", over: true, ..NEW },
    Write { name: "a new file, blocks reserved before", reserved: true, ..NEW },
    Write { name: "a new file, fdatasync after every 4 MiB", sync_every: Some(4 * MIB), ..NEW },
    Write { name: "a new file, RWF_DONTCACHE", flags: DONT_CACHE, ..NEW },
    Write {
        name: "a new file, RWF_DONTCACHE, fdatasync after every 4 MiB",
        flags: DONT_CACHE,
        sync_every: Some(4 * MIB),
        ..NEW
    },
    Write { name: "a new file, O_DIRECT", direct: true, ..NEW },
];

#[derive(Debug, Clone, Copy)]
struct Read {
    name: &'static str,
    step: usize,
    /// Nothing of it is in the page cache.
    cold: bool,
    advice: Option<Advice>,
    /// What follows a step is asked for before the step is used.
    ahead: bool,
    direct: bool,
}

const COLD: Read =
    Read { name: "cold", step: 8 * MIB, cold: true, advice: None, ahead: false, direct: false };

const READS: &[Read] = &[
    Read { name: "from the page cache, steps of 1 MiB", step: MIB, cold: false, ..COLD },
    Read { name: "from the page cache, steps of 8 MiB", cold: false, ..COLD },
    Read { name: "cold, steps of 8 MiB", ..COLD },
    Read { name: "cold, steps of 1 MiB", step: MIB, ..COLD },
    Read { name: "cold, steps of 256 KiB", step: MIB / 4, ..COLD },
    Read { name: "cold, POSIX_FADV_SEQUENTIAL", advice: Some(Advice::Sequential), ..COLD },
    Read { name: "cold, POSIX_FADV_RANDOM", advice: Some(Advice::Random), ..COLD },
    Read { name: "cold, POSIX_FADV_WILLNEED of the next step", ahead: true, ..COLD },
    Read { name: "cold, O_DIRECT", direct: true, ..COLD },
];

/// Of one run.
#[derive(Debug, Clone, Copy)]
struct Cost {
    mb_per_second: f64,
    cpu_seconds_per_gb: f64,
}

fn main() -> io::Result<()> {
    // Cargo adds an option of its own.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let number =
        |at: usize, default| args.get(at).and_then(|arg: &String| arg.parse().ok()).unwrap_or(default);
    let Some(dir) = args.first() else {
        println!("usage: cargo bench -p ottla-env --bench files -- DIR [MIB [ROUNDS]]");
        return Ok(());
    };
    let (bytes, rounds) = (number(1, DEFAULT_MIB) * MIB / (8 * MIB) * (8 * MIB), number(2, DEFAULT_ROUNDS));
    let path = PathBuf::from(dir).join("ottla-bench-files");
    let measured = measure(&path, bytes, rounds);
    let _ = fs::remove_file(&path);
    measured
}

fn measure(path: &Path, bytes: usize, rounds: usize) -> io::Result<()> {
    let mut memory = vec![1_u8; 8 * MIB + ALIGNMENT];
    let from = memory.as_ptr().align_offset(ALIGNMENT);
    let buffer = &mut memory[from..from + 8 * MIB];
    let mut writes: Vec<Vec<_>> = WRITES.iter().map(|_| Vec::new()).collect();
    let mut reads: Vec<Vec<_>> = READS.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        // Each round begins with another one, so that none is always behind the same.
        for nth in 0..WRITES.len() {
            let which = (nth + round) % WRITES.len();
            writes[which].push(write(path, &WRITES[which], bytes, buffer));
            eprintln!("round {} of {rounds}: written, {}", round + 1, WRITES[which].name);
        }
        fill(path, bytes, buffer)?;
        for nth in 0..READS.len() {
            let which = (nth + round) % READS.len();
            reads[which].push(read(path, &READS[which], bytes, buffer));
            eprintln!("round {} of {rounds}: read, {}", round + 1, READS[which].name);
        }
    }
    println!("{} MiB, {rounds} rounds\n\n| way | MB/s | CPU, s/GB |\n|---|---|---|", bytes / MIB);
    for (way, runs) in WRITES.iter().zip(writes) {
        row(&format!("written: {}", way.name), runs);
    }
    for (way, runs) in READS.iter().zip(reads) {
        row(&format!("read: {}", way.name), runs);
    }
    Ok(())
}

/// A way that this kernel or file system does not know has no figures.
fn row(name: &str, runs: Vec<io::Result<Cost>>) {
    match runs.into_iter().collect::<io::Result<Vec<Cost>>>() {
        Ok(costs) => {
            let speed = spread(costs.iter().map(|cost| cost.mb_per_second), 0);
            let cpu = spread(costs.iter().map(|cost| cost.cpu_seconds_per_gb), 2);
            println!("| {name} | {speed} | {cpu} |");
        }
        Err(error) => println!("| {name} | {error} | |"),
    }
}

fn spread(values: impl Iterator<Item = f64>, decimals: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values[..] {
        [] => String::new(),
        [only] => format!("{only:.decimals$}"),
        [low, .., high] => {
            let median = values[values.len() / 2];
            format!("{median:.decimals$} ({low:.decimals$} to {high:.decimals$})")
        }
    }
}

fn open(path: &Path, direct: bool) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let direct = if direct { OFlags::DIRECT } else { OFlags::empty() };
    Ok(File::from(rustix::fs::open(path, flags | direct, Mode::RUSR | Mode::WUSR)?))
}

/// All of it is on the disk and in the page cache.
fn fill(path: &Path, bytes: usize, buffer: &[u8]) -> io::Result<()> {
    let file = open(path, false)?;
    for at in (0..bytes).step_by(buffer.len()) {
        put(&file, at, buffer, ReadWriteFlags::empty())?;
    }
    Ok(fdatasync(&file)?)
}

fn write(path: &Path, way: &Write, bytes: usize, buffer: &[u8]) -> io::Result<Cost> {
    if way.over {
        fill(path, bytes, buffer)?;
    } else {
        let _ = fs::remove_file(path);
    }
    let file = open(path, way.direct)?;
    if way.reserved {
        fallocate(&file, FallocateFlags::KEEP_SIZE, 0, bytes as u64)?;
    }
    let flags = ReadWriteFlags::from_bits_retain(way.flags);
    let cost = cost_of(bytes, || {
        for at in (0..bytes).step_by(way.step) {
            put(&file, at, &buffer[..way.step], flags)?;
            if way.sync_every.is_some_and(|every| (at + way.step).is_multiple_of(every)) {
                fdatasync(&file)?;
            }
        }
        Ok(())
    });
    fdatasync(&file)?;
    cost
}

fn put(file: &File, at: usize, bytes: &[u8], flags: ReadWriteFlags) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        done += rustix::io::pwritev2(file, &[IoSlice::new(&bytes[done..])], (at + done) as u64, flags)?;
    }
    Ok(())
}

fn read(path: &Path, way: &Read, bytes: usize, buffer: &mut [u8]) -> io::Result<Cost> {
    let file = open(path, way.direct)?;
    if way.cold {
        fadvise(&file, 0, None, Advice::DontNeed)?;
    } else {
        fill(path, bytes, buffer)?;
    }
    if let Some(advice) = way.advice {
        fadvise(&file, 0, None, advice)?;
    }
    cost_of(bytes, || {
        for at in (0..bytes).step_by(way.step) {
            let mut done = 0;
            while done < way.step {
                let mut slices = [IoSliceMut::new(&mut buffer[done..way.step])];
                let position = (at + done) as u64;
                match rustix::io::preadv2(&file, &mut slices, position, ReadWriteFlags::empty())? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => done += count,
                }
            }
            if way.ahead {
                let next = std::num::NonZeroU64::new(way.step as u64);
                fadvise(&file, (at + way.step) as u64, next, Advice::WillNeed)?;
            }
        }
        Ok(())
    })
}

fn cost_of(bytes: usize, work: impl FnOnce() -> io::Result<()>) -> io::Result<Cost> {
    let cpu = |usage: Usage| (usage.user + usage.system).as_secs_f64();
    let (before, begin) = (process::usage(process::id())?, Instant::now());
    work()?;
    let seconds = begin.elapsed().as_secs_f64();
    let spent = cpu(process::usage(process::id())?) - cpu(before);
    let bytes = bytes as f64;
    Ok(Cost { mb_per_second: bytes / 1e6 / seconds, cpu_seconds_per_gb: spent / (bytes / 1e9) })
}
