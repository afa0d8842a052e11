//! The data directory: whose it is, whether it can be written, on what it is, and how long a sync takes there.

use super::report::Report;
use crate::units::show_size;
use ottla_broker::data_dir::{self, Format, Found, Wanted};
use ottla_broker::settings::BrokerConfig;
use ottla_env::disk::{Disk, Space};
use ottla_env::host::{self, FileSystem, Nature, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A disk with less than this is as good as full: the reserve of a start is 4 MiB.
const FREE_FAIL: u64 = 64 << 20;
const FREE_WARN: u64 = 1 << 30;
const FREE_WARN_PERCENT: u64 = 10;
/// Syncs that are measured.
const SYNCS: usize = 20;
const SLOW_SYNC: Duration = Duration::from_millis(20);

/// `None`: a start would refuse the directory.
pub fn check(report: &mut Report, disk: &dyn Disk, config: &BrokerConfig) -> Option<Found> {
    let dir = &config.data_dir;
    let wanted = Wanted { node_id: config.node_id, cluster_id: config.cluster_id.clone() };
    let found = match data_dir::look(disk, dir, &wanted) {
        Ok(found) => found,
        Err(error) => {
            let otherwise = "choose another place with --data-dir";
            report.fail_with("data", &error.to_string(), otherwise);
            return None;
        }
    };
    tell(report, dir, &found);
    // What is not there yet will be where the nearest directory above it is.
    let place = nearest(disk, dir);
    match host::permissions(&place) {
        Ok(found) => permissions(report, &place, found, place == *dir),
        Err(error) => report.fail("data", format!("{}: {error}", place.display()), "look at the path"),
    }
    match disk.space(&place) {
        Ok(found) => space(report, &place, found),
        Err(error) => report.skip("disk", format!("free space is not known: {error}")),
    }
    match host::file_system(&place) {
        Ok(found) => file_system(report, found),
        Err(error) => report.skip("disk", format!("the kind of file system is not known: {error}")),
    }
    syncs(report, &place, host::sync_times(&place, SYNCS));
    strays(report, disk, dir);
    Some(found)
}

fn tell(report: &mut Report, dir: &Path, found: &Found) {
    let whose = |format: &Format| {
        format!("{}: node {} of cluster {}", dir.display(), format.node_id, format.cluster_id)
    };
    report.ok(
        "data",
        match found {
            Found::Nothing => format!("{} is not there yet; the first start makes it", dir.display()),
            Found::Free(free) if free.is_clean => format!("{}, cleanly stopped", whose(&free.format)),
            Found::Free(free) => format!(
                "{}, not cleanly stopped: the next start reads what the last checkpoint does not vouch for",
                whose(&free.format)
            ),
            Found::InUse { format, pid: Some(pid) } => format!("{}, in use by pid {pid}", whose(format)),
            Found::InUse { format, pid: None } => format!("{}, in use by another process", whose(format)),
        },
    );
}

fn nearest(disk: &dyn Disk, dir: &Path) -> PathBuf {
    let there = |path: &&Path| disk.entry(path).is_ok_and(|entry| entry.is_some_and(|entry| entry.is_dir));
    let named = dir.ancestors().filter(|path| !path.as_os_str().is_empty());
    // A relative path is in the working directory.
    named.into_iter().find(there).unwrap_or(Path::new(".")).to_owned()
}

fn permissions(report: &mut Report, place: &Path, found: Permissions, is_data_dir: bool) {
    let place = place.display();
    if !found.is_writable {
        let what = format!("{place} cannot be written by this user (uid {})", host::user());
        report.fail(
            "data",
            what,
            format!("chown it to the user that runs Ottla (it is uid {}'s)", found.owner),
        );
    } else if is_data_dir && found.mode & 0o022 != 0 {
        let what = format!("other users of this machine can change {place} (mode {:04o})", found.mode);
        report.warn("data", what, format!("chmod 700 {place}"));
    } else if is_data_dir && found.mode & 0o055 != 0 {
        let what = format!("other users of this machine can read {place} (mode {:04o})", found.mode);
        report.warn("data", what, format!("chmod 700 {place}"));
    }
}

fn space(report: &mut Report, place: &Path, Space { total, free }: Space) {
    let what = format!("{} of {} free", show_size(free), show_size(total));
    let next = format!(
        "make room on the file system of {}, or keep less: `retention.bytes`, `retention.ms`",
        place.display()
    );
    if free < FREE_FAIL {
        report.fail("disk", format!("{what}: writes are refused soon, or are already"), next);
    } else if free < FREE_WARN || free < total / 100 * FREE_WARN_PERCENT {
        report.warn("disk", what, next);
    } else {
        report.ok("disk", what);
    }
}

fn file_system(report: &mut Report, found: Option<FileSystem>) {
    let Some(FileSystem { name, nature }) = found else {
        report.skip("disk", "the kind of file system is not known here; a sync has to mean one");
        return;
    };
    match nature {
        Nature::Device => report.ok("disk", name),
        Nature::Memory => report.warn(
            "disk",
            format!(
                "{name} is in memory: all data is gone when this machine stops, whatever was acknowledged"
            ),
            "use it for tests only; elsewhere name a directory on a disk with --data-dir",
        ),
        Nature::Elsewhere => report.warn(
            "disk",
            format!("{name} is kept by somebody else: what a sync and a lock mean there, Ottla cannot know"),
            "prefer a disk of this machine; make sure that no other machine uses the directory",
        ),
        Nature::Container => report.warn(
            "disk",
            format!("{name} is a container's own layer: all data goes with the container"),
            "mount a volume and name it with --data-dir",
        ),
    }
}

fn syncs(report: &mut Report, place: &Path, times: io::Result<Option<Vec<Duration>>>) {
    let times = match times {
        Ok(Some(times)) => times,
        Ok(None) => {
            return report.skip("sync", "not measured, as this file system has no files without a name");
        }
        Err(error) => {
            let what = format!("4 KiB cannot be written to {} and synced: {error}", place.display());
            let next = "look at the disk (`dmesg`), its room and who may write there, or choose another place with \
                        --data-dir: what cannot be synced is not acknowledged";
            return report.fail("sync", what, next);
        }
    };
    let (Some(median), Some(longest)) = (times.get(times.len() / 2), times.last()) else { return };
    let ms = |time: &Duration| format!("{:.2} ms", time.as_secs_f64() * 1_000.0);
    let what = format!("a sync of 4 KiB takes {}, {} at most", ms(median), ms(longest));
    if *median > SLOW_SYNC {
        let next = "every acknowledgement waits for one: use a faster disk, or `durability=os` for topics that may lose \
                    records in a power cut";
        report.warn("sync", what, next);
    } else {
        report.ok("sync", what);
    }
}

/// Directories that a start put aside, because the metadata does not know them.
fn strays(report: &mut Report, disk: &dyn Disk, dir: &Path) {
    let topics = dir.join("topics");
    let entries = disk.list(&topics).unwrap_or_default();
    let strays: Vec<_> = entries.iter().filter(|entry| entry.name.ends_with(".stray")).collect();
    if let Some(first) = strays.first() {
        let what = format!(
            "{} partitions that the metadata does not know were put aside, {} first",
            strays.len(),
            topics.join(&first.name).display()
        );
        report.warn("data", what, "look into them with `ottla log dump DIR`, then remove them");
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::{Level, levels};
    use super::*;
    use ottla_env::disk::{MemoryDisk, OpenMode, OsDisk};

    #[test]
    fn little_room_is_a_warning_and_none_a_failure() {
        let of =
            |total: u64, free: u64| levels(|report| space(report, Path::new("d"), Space { total, free }));
        assert_eq!(of(1 << 40, 1 << 39), [Level::Ok]);
        assert_eq!(of(1 << 40, 1 << 35), [Level::Warn]);
        assert_eq!(of(1 << 31, 1 << 29), [Level::Warn]);
        assert_eq!(of(1 << 40, 1 << 20), [Level::Fail]);
        assert_eq!(of(0, 0), [Level::Fail]);
    }

    #[test]
    fn a_place_that_keeps_nothing_is_said_to() {
        let of = |nature| levels(|report| file_system(report, Some(FileSystem { name: "x", nature })));
        assert_eq!(of(Nature::Device), [Level::Ok]);
        for nature in [Nature::Memory, Nature::Elsewhere, Nature::Container] {
            assert_eq!(of(nature), [Level::Warn]);
        }
        assert_eq!(levels(|report| file_system(report, None)), [Level::Skip]);
    }

    #[test]
    fn a_directory_is_for_its_owner_alone() {
        let of = |mode, is_writable, is_data_dir| {
            let found = Permissions { mode, owner: 7, is_writable };
            levels(|report| permissions(report, Path::new("d"), found, is_data_dir))
        };
        assert_eq!(of(0o700, true, true), []);
        assert_eq!(of(0o755, true, true), [Level::Warn]);
        assert_eq!(of(0o777, true, true), [Level::Warn]);
        assert_eq!(of(0o755, true, false), []);
        assert_eq!(of(0o700, false, false), [Level::Fail]);
    }

    #[test]
    fn a_slow_sync_is_worth_a_word() {
        let of = |ms: &[u64]| {
            let times: Vec<_> = ms.iter().copied().map(Duration::from_millis).collect();
            levels(|report| syncs(report, Path::new("d"), Ok(Some(times))))
        };
        assert_eq!(
            (of(&[1, 1, 900]), of(&[30, 31, 32]), of(&[])),
            (vec![Level::Ok], vec![Level::Warn], vec![])
        );
    }

    #[test]
    fn a_sync_that_fails_is_a_failure_and_one_that_cannot_be_measured_is_none() {
        let of = |times| levels(|report| syncs(report, Path::new("d"), times));
        // 5 is EIO.
        assert_eq!(of(Err(io::Error::from_raw_os_error(5))), [Level::Fail]);
        assert_eq!(of(Err(io::ErrorKind::PermissionDenied.into())), [Level::Fail]);
        assert_eq!(of(Ok(None)), [Level::Skip]);
    }

    #[test]
    fn what_is_not_there_is_judged_by_what_is_above_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(nearest(&OsDisk, &dir.path().join("a/b")), dir.path());
        assert_eq!(nearest(&OsDisk, Path::new("certainly-not-here")), Path::new("."));
    }

    #[test]
    fn strays_are_named() {
        let disk = MemoryDisk::new();
        let dir = Path::new("/d");
        assert_eq!(levels(|report| strays(report, &disk, dir)), []);
        disk.create_dir_all(&dir.join("topics/ID-0.stray")).unwrap();
        disk.create_dir_all(&dir.join("topics/ID-1")).unwrap();
        drop(disk.open(&dir.join("topics/ID-1/x"), OpenMode::Write).unwrap());
        let mut report = Report::for_test();
        strays(&mut report, &disk, dir);
        let seen = report.seen();
        assert!(seen.len() == 1 && seen[0].1.contains("/d/topics/ID-0.stray"), "{seen:?}");
    }
}
