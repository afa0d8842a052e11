//! What the metadata log promises when power, disk or data fail. The suite itself is in `metadata_suite`.

#[allow(dead_code, clippy::unwrap_used)]
mod epoch_suite;
mod metadata_suite;

use metadata_suite::{DIR, Promise, commit, fresh, keys, open, run, suite};
use ottla_broker::cluster::coord::CoordError;
use ottla_broker::cluster::embedded::{Engine, create};
use ottla_env::disk::{Disk, Fault, Lost, MemoryDisk, OpenMode, OperationKind};
use std::path::Path;
use std::sync::Arc;

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;

#[test]
fn every_answered_commit_survives_a_cut_at_every_operation() {
    let cuts = suite(|_| {}).unwrap();
    assert!(cuts > 100, "only {cuts} cuts were tried");
    println!("{cuts} cuts");
}

#[test]
fn a_consumer_hears_of_what_a_cut_took_from_an_os_topic() {
    assert_eq!(epoch_suite::a_consumer_hears_of_a_cut(), Ok(1));
}

#[test]
fn disks_that_do_not_sync_are_caught() {
    assert!(suite(|disk| disk.skip_file_sync(true)).is_err());
    assert!(suite(|disk| disk.skip_dir_sync(true)).is_err());
}

#[test]
fn a_failed_write_is_cut_back_and_a_failed_sync_ends_everything() {
    let mut count = [0, 0];
    for number in 0..60 {
        let disk = fresh();
        create(&disk, Path::new(DIR)).unwrap();
        let mut engine = open(&disk).unwrap();
        let mut promise = Promise::default();
        // The numbers go on from what the creation took.
        let number = disk.operation_count() + number;
        disk.fail_at(number, Fault::Error(if number.is_multiple_of(2) { ENOSPC } else { EIO }));
        let mut step = 0;
        let trouble = loop {
            step += 1;
            if step == 30 {
                break None;
            }
            if let Err(error) = commit(&mut engine, &mut promise, step) {
                break Some(error);
            }
        };
        let kind = disk.operations().get(number).map(|operation| operation.kind);
        match trouble {
            None => continue,
            Some(CoordError::NotWritten(_)) => {
                count[0] += 1;
                assert_eq!(kind, Some(OperationKind::Write));
                assert_eq!(keys(&engine), promise.answered, "what was not written is not in the store");
                commit(&mut engine, &mut promise, 99).expect("there is room again");
            }
            Some(CoordError::Failed(_)) => {
                count[1] += 1;
                assert_eq!(kind, Some(OperationKind::SyncFile));
                assert!(matches!(commit(&mut engine, &mut promise.clone(), 99), Err(CoordError::Failed(_))));
            }
            Some(other) => panic!("{other}"),
        }
        for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
            promise.check(&keys(&open(&disk.crash(lost)).unwrap())).unwrap();
        }
    }
    assert!(count.iter().all(|n| *n > 0), "{count:?}");
}

/// A disk with one commit, its engine, and what was promised.
fn prepared() -> (MemoryDisk, Engine, Promise) {
    let disk = fresh();
    create(&disk, Path::new(DIR)).expect("nothing fails yet");
    let mut engine = open(&disk).expect("nothing fails yet");
    let mut promise = Promise::default();
    commit(&mut engine, &mut promise, 1).expect("nothing fails yet");
    (disk, engine, promise)
}

fn steps_of_a_snapshot() -> Vec<OperationKind> {
    let (disk, mut engine, _) = prepared();
    let begun = disk.operation_count();
    engine.snapshot().expect("nothing fails yet");
    disk.operations().split_off(begun).iter().map(|operation| operation.kind).collect()
}

#[test]
fn a_sync_that_fails_in_a_snapshot_ends_everything_whatever_its_error() {
    let mut failed = 0;
    for (number, kind) in steps_of_a_snapshot().into_iter().enumerate() {
        if !matches!(kind, OperationKind::SyncFile | OperationKind::SyncDir) {
            continue;
        }
        let (disk, mut engine, mut promise) = prepared();
        disk.fail_at(disk.operation_count() + number, Fault::Error(ENOSPC));
        assert!(engine.snapshot().is_err(), "{kind:?}");
        for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
            promise.check(&keys(&open(&disk.crash(lost)).unwrap())).unwrap();
        }
        assert!(matches!(commit(&mut engine, &mut promise, 2), Err(CoordError::Failed(_))), "{kind:?}");
        failed += 1;
    }
    assert_eq!(failed, 4, "of two files, and of their directory twice");
}

#[test]
fn want_of_room_or_of_a_descriptor_in_a_snapshot_puts_it_off() {
    let steps = steps_of_a_snapshot();
    let mut refused = 0;
    for (number, kind) in steps.iter().copied().enumerate() {
        let lacks = match kind {
            OperationKind::Create => [ENOSPC, EMFILE].as_slice(),
            OperationKind::Write => &[ENOSPC],
            OperationKind::SyncDir => &[EMFILE],
            _ => &[],
        };
        for lacked in lacks {
            let (disk, mut engine, mut promise) = prepared();
            disk.fail_at(disk.operation_count() + number, Fault::Error(*lacked));
            engine.snapshot().expect("it is put off");
            let left = disk.list(Path::new(DIR)).unwrap();
            assert!(left.iter().all(|entry| entry.name != "snapshot.tmp"), "it holds no room meanwhile");
            // Where a snapshot stands without its log, the log is begun before anything else, and may fail again.
            disk.fail_kind(kind, 1, *lacked);
            match commit(&mut engine, &mut promise, 2) {
                Ok(()) => disk.fail_kind(kind, 0, *lacked),
                Err(CoordError::NotWritten(_)) => refused += 1,
                Err(other) => panic!("{kind:?}: {other}"),
            }
            for step in 3..5 {
                for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
                    promise.check(&keys(&open(&disk.crash(lost)).unwrap())).unwrap();
                }
                commit(&mut engine, &mut promise, step).expect("nothing is lacking any more");
            }
        }
    }
    assert!(refused >= 4, "{refused} of {}", steps.len());
}

#[test]
fn damage_below_the_end_is_refused_by_name_and_position() {
    let log_of = |disk: &MemoryDisk| {
        let entries = disk.list(Path::new(DIR)).unwrap();
        let log = entries.iter().find(|entry| entry.name.ends_with(".log")).unwrap();
        (Path::new(DIR).join(&log.name), log.len)
    };
    let disk = fresh();
    let promise = run(&disk);
    let (log, len) = log_of(&disk);
    // Rot in the last group looks like a torn one; anywhere before it, it does not.
    let mut refused = 0;
    for position in 0..len {
        let rotten = disk.crash(Lost::NothingUnsynced);
        let mut byte = [0];
        rotten.open(&log, OpenMode::Read).unwrap().read_exact_at(&mut byte, position).unwrap();
        rotten.corrupt(&log, position, &[byte[0] ^ 0x10]).unwrap();
        match open(&rotten) {
            Ok(engine) => assert_ne!(keys(&engine), promise.answered),
            Err(error) => {
                refused += 1;
                assert!(error.contains(&log.display().to_string()) && error.contains("damaged"), "{error}");
            }
        }
    }
    assert!(refused >= 24, "the header alone is as long");

    let rotten = disk.crash(Lost::NothingUnsynced);
    rotten.corrupt(&Path::new(DIR).join("snapshot"), 40, b"?").unwrap();
    assert!(open(&rotten).unwrap_err().contains("snapshot is damaged"));
    let without = disk.crash(Lost::NothingUnsynced);
    without.remove_file(&log).unwrap();
    assert!(open(&without).unwrap_err().contains("holds no log"));
    let behind = disk.crash(Lost::NothingUnsynced);
    let error = Engine::open(Arc::new(behind), Path::new(DIR), 1_000).unwrap_err().to_string();
    assert!(error.contains("ends at revision"), "{error}");
    assert!(create(&disk, Path::new(DIR)).is_err(), "existing metadata is not made anew");
}

#[test]
fn a_promised_group_that_rotted_refuses_the_start_and_stays_as_it_is() {
    let disk = fresh();
    create(&disk, Path::new(DIR)).unwrap();
    let mut engine = open(&disk).unwrap();
    commit(&mut engine, &mut Promise::default(), 1).unwrap();
    let revision = engine.store().revision();
    let log = Path::new(DIR).join(format!("{:020}.log", 0));
    let len = disk.len(&log).unwrap().unwrap();
    disk.corrupt(&log, len - 1, b"?").unwrap();
    // The checkpoint noted the revision: this is no group that was never finished.
    let refused = Engine::open(Arc::new(disk.clone()), Path::new(DIR), revision).unwrap_err().to_string();
    assert!(refused.contains("ends at revision"), "{refused}");
    assert_eq!(disk.len(&log).unwrap(), Some(len));
}

#[test]
fn an_old_log_that_came_back_is_not_taken_for_the_newest() {
    let disk = fresh();
    create(&disk, Path::new(DIR)).unwrap();
    let mut engine = open(&disk).unwrap();
    let mut promise = Promise::default();
    commit(&mut engine, &mut promise, 1).unwrap();
    let first = Path::new(DIR).join(format!("{:020}.log", 0));
    let old = disk.read(&first, 1 << 20).unwrap();
    engine.snapshot().unwrap();
    commit(&mut engine, &mut promise, 2).unwrap();
    engine.snapshot().unwrap();
    // A cut may leave out the removal of an older log and keep that of a newer one.
    disk.replace(&first, &old).unwrap();
    assert_eq!(keys(&open(&disk).unwrap()), promise.answered);
}
