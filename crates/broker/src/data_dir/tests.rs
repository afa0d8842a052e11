//! What is accepted as a data directory, and with which words anything else is refused.

use super::*;
use crate::cluster::Embedded;
use ottla_env::disk::{Fault, Lost, MemoryDisk, OsDisk};
use ottla_env::rng::{OsRng, SeededRng};
use ottla_env::task::Threads;

const PATH: &str = "home/ottla-data";

fn memory() -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("home")).unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    disk
}

fn open(disk: &MemoryDisk, wanted: &Wanted) -> Result<DataDir, DataDirError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    DataDir::open(&disk, Path::new(PATH), wanted, &OsRng)
}

fn refused(disk: &MemoryDisk, wanted: &Wanted) -> String {
    open(disk, wanted).unwrap_err().to_string()
}

fn write(disk: &MemoryDisk, name: &str, bytes: &[u8]) {
    let file = disk.open(&Path::new(PATH).join(name), OpenMode::Write).unwrap();
    file.set_len(0).unwrap();
    file.write_all_at(bytes, 0).unwrap();
}

#[test]
fn a_directory_keeps_its_identity() {
    let disk = memory();
    let first = open(&disk, &Wanted::default()).unwrap();
    assert!(first.is_new() && first.format().node_id == 1 && first.format().cluster_id.len() == 22);
    let format = first.format().clone();
    drop(first);
    let second = open(&disk, &Wanted::default()).unwrap();
    assert!(!second.is_new());
    assert_eq!(second.format(), &format);
    drop(second);
    let ignore = disk.read(&Path::new(PATH).join(".gitignore"), 9).unwrap();
    assert_eq!(ignore, b"*\n");

    let asked = Wanted { node_id: Some(1), cluster_id: Some(format.cluster_id.clone()) };
    assert_eq!(open(&disk, &asked).unwrap().format(), &format);
    let error = refused(&disk, &Wanted { node_id: Some(7), ..Wanted::default() });
    assert!(error.contains("belongs to node 1, node.id is 7; set node.id=1"), "{error}");
    let error = refused(&disk, &Wanted { cluster_id: Some("x".into()), ..Wanted::default() });
    assert!(error.contains(&format.cluster_id) && error.contains("cluster id x"), "{error}");
}

#[test]
fn identity_may_be_chosen_at_the_first_start() {
    let wanted = Wanted { node_id: Some(5), cluster_id: Some("mine".into()) };
    let disk = memory();
    let dir = open(&disk, &wanted).unwrap();
    assert_eq!((dir.format().node_id, dir.format().cluster_id.as_str()), (5, "mine"));
}

#[test]
fn one_process_at_a_time() {
    let disk = memory();
    let holder = open(&disk, &Wanted::default()).unwrap();
    let error = refused(&disk, &Wanted::default());
    assert!(error.contains(&format!("in use by pid {}", process::id())), "{error}");
    drop(holder);
    assert!(open(&disk, &Wanted::default()).is_ok());
}

#[test]
fn what_is_not_ours_is_left_alone() {
    for (name, words) in [("meta.properties", "Apache Kafka"), ("photos.zip", "it holds \"photos.zip\"")] {
        let disk = memory();
        disk.create_dir_all(Path::new(PATH)).unwrap();
        write(&disk, name, b"x");
        let before = disk.operation_count();
        let error = refused(&disk, &Wanted::default());
        assert!(error.contains(words) && error.contains("--data-dir"), "{error}");
        assert_eq!(disk.operation_count(), before, "nothing was written");
    }
    let disk = memory();
    disk.open(Path::new(PATH), OpenMode::Write).unwrap();
    assert!(refused(&disk, &Wanted::default()).contains("is a file"));
}

#[test]
fn other_layouts_are_named_and_damage_is_refused() {
    let disk = memory();
    drop(open(&disk, &Wanted::default()).unwrap());
    let good = disk.read(&Path::new(PATH).join(FORMAT), MAX_FORMAT).unwrap();
    let mut newer = good.clone();
    newer[11] = 9;
    write(&disk, FORMAT, &newer);
    assert!(
        refused(&disk, &Wanted::default())
            .contains("layout 9, this Ottla knows 1: it was written by a newer")
    );
    newer[11] = 0;
    write(&disk, FORMAT, &newer);
    assert!(refused(&disk, &Wanted::default()).contains("older Ottla"));
    for bit in (0..good.len() * 8).filter(|bit| !(64..96).contains(bit)) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        write(&disk, FORMAT, &bad);
        assert!(matches!(open(&disk, &Wanted::default()), Err(DataDirError::Damaged { .. })), "bit {bit}");
    }
    for len in 0..good.len() {
        write(&disk, FORMAT, &good[..len]);
        assert!(open(&disk, &Wanted::default()).is_err());
    }
}

#[test]
fn a_first_start_may_be_cut_anywhere_and_repeated() {
    let whole = memory();
    let start = whole.operation_count();
    drop(open(&whole, &Wanted::default()).unwrap());
    for number in start..whole.operation_count() {
        for fault in [Fault::Cut, Fault::TornCut(3)] {
            for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
                let disk = memory();
                disk.fail_at(number, fault);
                assert!(open(&disk, &Wanted::default()).is_err(), "operation {number} was cut");
                let after = disk.crash(lost);
                let dir = open(&after, &Wanted::default()).unwrap();
                let format = dir.format().clone();
                let metadata: Arc<dyn Disk> = Arc::new(after.clone());
                drop(Embedded::open(metadata, &dir.metadata_dir(), 0, &Threads).unwrap());
                drop(dir);
                // What was opened once is durable.
                let again = after.crash(Lost::AllUnsynced);
                assert_eq!(open(&again, &Wanted::default()).unwrap().format(), &format);
            }
        }
    }
}

/// Durability rule A8: what is for people alone is written where there is room.
#[test]
fn a_full_disk_that_lost_the_pid_is_opened_and_locked() {
    let disk = memory();
    let format = open(&disk, &Wanted::default()).unwrap().format().clone();
    for name in [LOCK, GITIGNORE] {
        write(&disk, name, b"");
    }
    disk.remove_file(&Path::new(PATH).join(GITIGNORE)).unwrap();
    disk.set_capacity(Some(0));
    let held = open(&disk, &Wanted::default()).unwrap();
    assert!(!held.is_new());
    assert_eq!(held.format(), &format);
    let error = refused(&disk, &Wanted::default());
    assert!(error.contains("in use"), "{error}");
    assert!(matches!(open(&disk, &Wanted::default()), Err(DataDirError::InUseBySomebody { .. })));
}

#[test]
fn an_unwritable_place_is_named_with_the_way_out() {
    let disk = memory();
    disk.fail_at(disk.operation_count(), Fault::Error(13));
    let error = refused(&disk, &Wanted::default());
    assert!(error.contains("cannot be written") && error.contains("--data-dir"), "{error}");
}

#[test]
fn a_real_disk_locks_and_opens_too() {
    let place = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    let path = place.path().join("a/b");
    let rng = SeededRng::new(1);
    let first = DataDir::open(&disk, &path, &Wanted::default(), &rng).unwrap();
    let error = DataDir::open(&disk, &path, &Wanted::default(), &rng).unwrap_err().to_string();
    assert!(error.contains("in use by pid"), "{error}");
    let id = first.format().directory_id;
    drop(first);
    assert_eq!(DataDir::open(&disk, &path, &Wanted::default(), &rng).unwrap().format().directory_id, id);
}
