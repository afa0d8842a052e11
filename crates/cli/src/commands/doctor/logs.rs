//! The logs of a stopped broker: every batch is read and checked, and what recoveries put aside is named.

use super::report::Report;
use crate::args::Global;
use crate::commands::log::partitions;
use crate::units::show_size;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ottla_env::disk::Disk;
use ottla_log::checks::{self, Verified};
use std::path::{Path, PathBuf};

const AREA: &str = "logs";
/// Damage and files that are told one by one; the rest is counted.
const TOLD: usize = 5;

#[derive(Debug, Default)]
struct Sum {
    partitions: usize,
    segments: usize,
    records: u64,
    bytes: u64,
    damage: Vec<String>,
    unreadable: Vec<String>,
    kept: Vec<PathBuf>,
}

impl Sum {
    fn add(&mut self, partition: &Path, found: std::io::Result<Verified>) {
        self.partitions += 1;
        let found = match found {
            Ok(found) => found,
            Err(error) => return self.unreadable.push(format!("{}: {error}", partition.display())),
        };
        self.segments += found.segments;
        self.records += found.records;
        self.bytes += found.bytes;
        self.kept.extend(found.kept);
        let shown = found.problems.into_iter().map(|damage| {
            format!("{} is damaged at byte {}: {}", damage.file.display(), damage.position, damage.what)
        });
        self.damage.extend(shown);
    }
}

pub fn check(report: &mut Report, disk: &dyn Disk, dir: &Path, global: &Global) {
    match read(disk, dir, &progress(global)) {
        Ok(sum) => tell(report, &sum),
        Err(error) => {
            report.fail(AREA, error.to_string(), "look at the disk, and at who may read the directory")
        }
    }
}

fn read(disk: &dyn Disk, dir: &Path, bar: &ProgressBar) -> Result<Sum> {
    let mut sum = Sum::default();
    let partitions = partitions(disk, dir)?;
    bar.set_length(partitions.len() as u64);
    for partition in partitions {
        let mut since = 0;
        let found = checks::verify(disk, &partition, &mut |_, _, _, batch| {
            since += batch.len() as u64;
            if since > 64 << 20 {
                // A large log moves the line too.
                bar.set_message(format!("{} of {}", show_size(since), partition.display()));
            }
        });
        sum.add(&partition, found);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(sum)
}

/// A line on standard error, where that is a terminal.
fn progress(global: &Global) -> ProgressBar {
    let target = if global.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) =
        ProgressStyle::with_template("reading logs: {pos} of {len} partitions, {elapsed}  {msg}")
    {
        bar.set_style(style);
    }
    bar
}

fn tell(report: &mut Report, sum: &Sum) {
    let next = "`ottla log verify DIR` says more; restore the file from a copy, or delete records up to behind the damage \
                with `ottla topic purge`";
    told(&sum.damage, |what| report.fail(AREA, what, next));
    told(&sum.unreadable, |what| {
        report.fail(AREA, what, "look at the disk, and at who may read the directory")
    });
    let kept: Vec<String> = sum.kept.iter().map(|file| file.display().to_string()).collect();
    told(&kept, |what| {
        let next = "look into it; what was acknowledged is not in it unless the disk lied. Remove it when it is not needed";
        report.warn(AREA, format!("{what}: kept by a recovery, because whole batches stand in it"), next);
    });
    if sum.damage.is_empty() && sum.unreadable.is_empty() {
        let Sum { partitions, segments, records, .. } = sum;
        let size = show_size(sum.bytes);
        report.ok(
            AREA,
            format!("{partitions} partitions, {segments} segments, {records} records, {size}: all whole"),
        );
    }
}

fn told(items: &[String], mut tell: impl FnMut(String)) {
    items.iter().take(TOLD).for_each(|item| tell(item.clone()));
    if items.len() > TOLD {
        tell(format!("{} more like these", items.len() - TOLD));
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Level;
    use super::*;
    use ottla_env::disk::{MemoryDisk, OpenMode};
    use ottla_log::checks::record::{BatchBuilder, BuildOptions};

    fn levels(disk: &MemoryDisk) -> Vec<Level> {
        let mut report = Report::for_test();
        check(&mut report, disk, Path::new("/d"), &Global { quiet: true, ..Global::for_test() });
        report.levels()
    }

    #[test]
    fn damage_fails_and_what_was_kept_is_told() {
        let disk = MemoryDisk::new();
        assert_eq!(levels(&disk), [Level::Fail], "there is nothing");
        let dir = Path::new("/d/topics/ID-0");
        disk.create_dir_all(dir).unwrap();
        assert_eq!(levels(&disk), [Level::Ok]);
        let mut builder = BatchBuilder::new();
        builder.push(1, None, Some(b"v"), &[]);
        let batch = builder.build(BuildOptions::default()).unwrap();
        let path = dir.join("00000000000000000000.log");
        disk.open(&path, OpenMode::Write).unwrap().write_all_at(&batch, 0).unwrap();
        assert_eq!(levels(&disk), [Level::Ok]);
        drop(disk.open(&dir.join("00000000000000000000.log.61.cut"), OpenMode::Write).unwrap());
        assert_eq!(levels(&disk), [Level::Warn, Level::Ok]);
        disk.corrupt(&path, 65, &[0xff]).unwrap();
        assert_eq!(levels(&disk), [Level::Fail, Level::Warn]);
    }

    #[test]
    fn a_hundred_like_these_are_not_a_hundred_lines() {
        let items: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let mut lines = Vec::new();
        told(&items, |line| lines.push(line));
        assert_eq!((lines.len(), lines[TOLD].as_str()), (TOLD + 1, "95 more like these"));
    }
}
