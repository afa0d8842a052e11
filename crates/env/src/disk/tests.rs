//! One suite for both disks, then what only the disk in memory can do.

use super::*;
use std::path::PathBuf;

fn on_both_disks(check: impl Fn(&dyn Disk, PathBuf)) {
    let dir = tempfile::tempdir().unwrap();
    check(&OsDisk, dir.path().to_owned());
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    check(&disk, PathBuf::from("/data"));
}

fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> io::ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn files_are_written_read_cut_and_listed() {
    on_both_disks(|disk, root| {
        let path = root.join("a");
        assert_eq!(kind(disk.open(&path, OpenMode::Read)), io::ErrorKind::NotFound);
        let file = disk.open(&path, OpenMode::CreateNew).unwrap();
        assert_eq!(kind(disk.open(&path, OpenMode::CreateNew)), io::ErrorKind::AlreadyExists);
        assert_eq!(file.write_vectored_at(&[IoSlice::new(b"hel"), IoSlice::new(b"lo")], 0).unwrap(), 5);
        file.write_all_at(b"!", 7).unwrap();
        file.sync_data().unwrap();
        file.drop_cache().unwrap();
        assert_eq!(disk.read(&path, 100).unwrap(), b"hello\0\0!");
        assert_eq!(kind(disk.read(&path, 3)), io::ErrorKind::InvalidData);
        file.set_len(2).unwrap();
        assert_eq!((file.len().unwrap(), disk.len(&path).unwrap()), (2, Some(2)));
        assert_eq!(file.read_at(&mut [0; 4], 2).unwrap(), 0);
        assert_eq!(kind(file.read_exact_at(&mut [0; 4], 0)), io::ErrorKind::UnexpectedEof);
        assert_eq!(
            (file.read_vec_at(2, 0).unwrap(), file.read_vec_at(1, 1).unwrap()),
            (b"he".to_vec(), b"e".to_vec())
        );
        assert_eq!(kind(file.read_vec_at(2, 1)), io::ErrorKind::UnexpectedEof);
        let reader = disk.open(&path, OpenMode::Read).unwrap();
        assert!(reader.write_all_at(b"x", 0).is_err());
        disk.create_dir(&root.join("d")).unwrap();
        assert_eq!(kind(disk.create_dir(&root.join("d"))), io::ErrorKind::AlreadyExists);
        let names: Vec<_> =
            disk.list(&root).unwrap().into_iter().map(|e| (e.name, e.is_dir, e.len)).collect();
        assert_eq!(names, [("a".to_owned(), false, 2), ("d".to_owned(), true, 0)]);
    });
}

#[test]
fn names_move_and_go() {
    on_both_disks(|disk, root| {
        disk.create_dir_all(&root.join("x/y")).unwrap();
        disk.replace(&root.join("x/y/f"), b"one").unwrap();
        disk.replace(&root.join("x/y/f"), b"2").unwrap();
        assert_eq!(disk.read(&root.join("x/y/f"), 10).unwrap(), b"2");
        assert_eq!(disk.list(&root.join("x/y")).unwrap().len(), 1);
        disk.rename(&root.join("x/y"), &root.join("z")).unwrap();
        assert_eq!(disk.read(&root.join("z/f"), 10).unwrap(), b"2");
        assert!(disk.entry(&root.join("x/y")).unwrap().is_none());
        disk.sync_dir(&root).unwrap();
        disk.remove_file(&root.join("z/f")).unwrap();
        disk.remove_dir_all(&root.join("z")).unwrap();
        assert_eq!(kind(disk.list(&root.join("z"))), io::ErrorKind::NotFound);
        disk.sync_fs(&root).unwrap();
        let space = disk.space(&root).unwrap();
        assert!(0 < space.free && space.free <= space.total);
    });
}

#[test]
fn a_lock_has_one_holder() {
    on_both_disks(|disk, root| {
        let path = root.join("lock");
        let held = disk.try_lock(&path).unwrap();
        assert!(held.is_some());
        assert!(disk.try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(disk.try_lock(&path).unwrap().is_some());
    });
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_nothing_else() {
    let disk = MemoryDisk::new();
    let path = Path::new("/f");
    let file = disk.open(path, OpenMode::Write).unwrap();
    file.write_all_at(b"synced", 0).unwrap();
    file.sync_data().unwrap();
    assert!(disk.crash(Lost::AllUnsynced).entry(path).unwrap().is_none(), "the name was not synced");
    disk.sync_dir(Path::new("/")).unwrap();
    file.write_all_at(b" and not", 6).unwrap();
    assert_eq!(disk.crash(Lost::AllUnsynced).read(path, 99).unwrap(), b"synced");
    assert_eq!(disk.crash(Lost::NothingUnsynced).read(path, 99).unwrap(), b"synced and not");
    disk.remove_file(path).unwrap();
    assert_eq!(disk.crash(Lost::AllUnsynced).read(path, 99).unwrap(), b"synced");
}

#[test]
fn a_failed_sync_loses_the_pages_for_ever() {
    let disk = MemoryDisk::new();
    let path = Path::new("/f");
    let file = disk.open(path, OpenMode::Write).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    file.write_all_at(b"lost", 0).unwrap();
    disk.fail_kind(OperationKind::SyncFile, 1, 5);
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(5));
    file.write_all_at(b"kept", 4).unwrap();
    file.sync_data().unwrap();
    assert_eq!(disk.crash(Lost::AllUnsynced).read(path, 99).unwrap(), b"\0\0\0\0kept");
}

#[test]
fn faults_strike_at_their_number() {
    let disk = MemoryDisk::new();
    let file = disk.open(Path::new("/f"), OpenMode::Write).unwrap();
    disk.fail_at(1, Fault::ShortWrite(2));
    disk.fail_at(2, Fault::Error(28));
    disk.fail_at(3, Fault::TornCut(1));
    assert_eq!(file.write_vectored_at(&[IoSlice::new(b"abcd")], 0).unwrap(), 2);
    assert_eq!(file.write_all_at(b"cd", 2).unwrap_err().raw_os_error(), Some(28));
    assert!(file.write_all_at(b"cd", 2).is_err());
    assert!(file.sync_data().is_err() && disk.list(Path::new("/")).is_err());
    assert_eq!(disk.crash(Lost::NothingUnsynced).read(Path::new("/f"), 9).unwrap(), b"abc");
    assert_eq!(disk.operation_count(), 4);
}

#[test]
fn a_full_disk_takes_what_fits() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(4));
    let file = disk.open(Path::new("/f"), OpenMode::Write).unwrap();
    assert_eq!(file.write_vectored_at(&[IoSlice::new(b"123456")], 0).unwrap(), 4);
    assert_eq!(file.write_vectored_at(&[IoSlice::new(b"56")], 4).unwrap_err().raw_os_error(), Some(28));
    assert_eq!(disk.space(Path::new("/")).unwrap(), Space { total: 4, free: 0 });
    assert!(disk.replace(Path::new("/f"), b"x").is_err());
    assert_eq!(disk.list(Path::new("/")).unwrap().len(), 1, "what was begun is gone");
    disk.set_capacity(None);
    file.write_all_at(b"56", 4).unwrap();
}

#[test]
fn a_held_sync_ends_by_release_or_by_the_cut() {
    let disk = MemoryDisk::new();
    let file = disk.open(Path::new("/f.log"), OpenMode::Write).unwrap();
    let other = disk.open(Path::new("/f.index"), OpenMode::Write).unwrap();
    disk.hold_syncs(".log");
    other.sync_data().unwrap();
    let sync = |file: &Arc<dyn File>| {
        let file = Arc::clone(file);
        std::thread::spawn(move || file.sync_data())
    };
    let held = sync(&file);
    disk.wait_for_held_syncs(1);
    disk.release_syncs();
    held.join().unwrap().unwrap();
    disk.hold_syncs(".log");
    let held = sync(&file);
    disk.wait_for_held_syncs(1);
    disk.cut();
    assert!(held.join().unwrap().is_err());
}

#[test]
fn other_users_cannot_look_into_directories_that_are_made() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    OsDisk.create_dir_all(&dir.path().join("a/b")).unwrap();
    OsDisk.create_dir(&dir.path().join("c")).unwrap();
    for name in ["a", "a/b", "c"] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
}
