//! Looks at every byte of a data directory: identity, checkpoint, metadata, and each log against what is promised of it.
//! `ottla log verify` prints what was found, `ottla doctor` counts it.

use super::{Place, partitions, place_of};
use crate::args::Global;
use crate::exit::Exit;
use crate::units::show_size;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ottla_broker::data_dir::Promises;
use ottla_env::disk::Disk;
use ottla_log::checks::{self, Verified};
use std::path::{Path, PathBuf};

/// A line of each thing that was found.
#[derive(Debug, Default)]
pub struct Found {
    pub partitions: usize,
    pub segments: usize,
    pub batches: u64,
    pub records: u64,
    pub bytes: u64,
    pub damage: Vec<String>,
    pub unreadable: Vec<String>,
    /// What costs nothing, and what the next start mends.
    pub notes: Vec<String>,
    /// What recoveries put aside.
    pub kept: Vec<PathBuf>,
}

impl Found {
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty() && self.unreadable.is_empty()
    }

    fn add(&mut self, partition: &Path, found: std::io::Result<Verified>) {
        self.partitions += 1;
        let found = match found {
            Ok(found) => found,
            Err(error) => return self.unreadable.push(format!("{}: {error}", partition.display())),
        };
        self.segments += found.segments;
        self.batches += found.batches;
        self.records += found.records;
        self.bytes += found.bytes;
        self.kept.extend(found.kept);
        let indexes = found.bad_indexes.iter();
        self.notes.extend(
            indexes.map(|index| format!("{}: damaged; it is made anew when needed", index.display())),
        );
        self.damage.extend(found.problems.iter().map(|problem| {
            let (file, position) = (problem.file.display(), problem.position);
            format!("{file}: byte {position}, offset {}: {}", problem.offset, problem.what)
        }));
    }
}

pub(super) fn run(disk: &dyn Disk, dir: &Path, global: &Global) -> Result<Exit> {
    let found = look(disk, dir, &progress(global))?;
    for problem in found.damage.iter().chain(&found.unreadable) {
        println!("{problem}");
    }
    if !global.quiet {
        for file in &found.kept {
            eprintln!("{}: kept by a recovery, because whole batches stand in it", file.display());
        }
        found.notes.iter().for_each(|note| eprintln!("{note}"));
    }
    let Found { partitions, segments, batches, records, bytes, .. } = found;
    let outcome = match found.damage.len() + found.unreadable.len() {
        0 => "clean".to_owned(),
        count => format!("{count} problems"),
    };
    eprintln!(
        "{partitions} partitions, {segments} segments, {batches} batches, {records} records, {bytes} bytes: {outcome}"
    );
    Ok(if found.is_whole() { Exit::Done } else { Exit::Failed })
}

/// Reads all there is, and changes nothing.
pub fn look(disk: &dyn Disk, dir: &Path, bar: &ProgressBar) -> Result<Found> {
    let mut found = Found::default();
    let place = place_of(disk, dir)?;
    let mut promises = match &place {
        Place::DataDir => Promises::read(disk, dir),
        Place::Partition { root: Some(root) } => Promises::read(disk, root),
        Place::Partition { root: None } => Promises::default(),
    };
    let partitions = partitions(disk, dir)?;
    bar.set_length(partitions.len() as u64);
    let mut verify = |partition: &Path, promises: &Promises| {
        let mut since = 0;
        let verified = checks::verify(disk, partition, promises.of_log(partition), &mut |_, _, _, batch| {
            since += batch.len() as u64;
            if since > 64 << 20 {
                // A large log moves the line too.
                bar.set_message(format!("{} of {}", show_size(since), partition.display()));
            }
        });
        found.add(partition, verified);
        bar.inc(1);
    };
    partitions.iter().for_each(|partition| verify(partition, &promises));
    if let Place::DataDir = place {
        let lost = promises.lost_logs(disk);
        lost.iter().for_each(|partition| verify(partition, &promises));
    }
    bar.finish_and_clear();
    promises.problems.append(&mut found.damage);
    promises.notes.append(&mut found.notes);
    (found.damage, found.notes) = (promises.problems, promises.notes);
    Ok(found)
}

/// A line on standard error, where that is a terminal.
pub fn progress(global: &Global) -> ProgressBar {
    let target = if global.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) =
        ProgressStyle::with_template("reading logs: {pos} of {len} partitions, {elapsed}  {msg}")
    {
        bar.set_style(style);
    }
    bar
}
