//! The data of a stopped broker: every byte is read and checked, and what recoveries put aside is named.

use super::report::Report;
use crate::args::Global;
use crate::commands::log::verify::{Found, look, progress};
use crate::units::show_size;
use ottla_env::disk::Disk;
use std::path::Path;

const AREA: &str = "logs";
/// Damage and files that are told one by one; the rest is counted.
const TOLD: usize = 5;

pub fn check(report: &mut Report, disk: &dyn Disk, dir: &Path, global: &Global) {
    match look(disk, dir, &progress(global)) {
        Ok(found) => tell(report, &found),
        Err(error) => {
            report.fail(AREA, error.to_string(), "look at the disk, and at who may read the directory")
        }
    }
}

fn tell(report: &mut Report, found: &Found) {
    let next = "`ottla log verify DIR` says more; restore the file from a copy, or delete records up to behind the damage \
                with `ottla topic purge`";
    told(&found.damage, |what| report.fail(AREA, what, next));
    told(&found.unreadable, |what| {
        report.fail(AREA, what, "look at the disk, and at who may read the directory")
    });
    let kept: Vec<String> = found.kept.iter().map(|file| file.display().to_string()).collect();
    told(&kept, |what| {
        let next = "look into it; what was acknowledged is not in it unless the disk lied. Remove it when it is not needed";
        report.warn(AREA, format!("{what}: kept by a recovery, because whole batches stand in it"), next);
    });
    if found.is_whole() {
        let Found { partitions, segments, records, .. } = found;
        let size = show_size(found.bytes);
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
    use ottla_broker::data_dir::{DataDir, Wanted};
    use ottla_env::disk::{MemoryDisk, OpenMode};
    use ottla_env::rng::OsRng;
    use ottla_log::checks::record::{BatchBuilder, BuildOptions};
    use std::sync::Arc;

    fn levels(disk: &MemoryDisk) -> Vec<Level> {
        let mut report = Report::for_test();
        check(&mut report, disk, Path::new("/d"), &Global { quiet: true, ..Global::for_test() });
        report.levels()
    }

    #[test]
    fn damage_fails_and_what_was_kept_is_told() {
        let disk = MemoryDisk::new();
        assert_eq!(levels(&disk), [Level::Fail], "there is nothing");
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        drop(DataDir::open(&shared, Path::new("/d"), &Wanted::default(), &OsRng).unwrap());
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
