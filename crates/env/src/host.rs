//! Facts about the machine that somebody wants to know before data is trusted to it: what kind of file system a path is
//! on, who may touch it, how long a sync takes, how much memory there is.
//!
//! Nothing is changed, but by [`drop_caches`]. What is not known on this system is `None`; Linux reads `/proc` and
//! `/sys`.

mod caches;
mod memory;

pub use caches::{drop_caches, may_drop_caches};
pub use memory::{Memory, memory};

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// What becomes of data on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It is on a device of this machine.
    Device,
    /// It is gone when the machine stops.
    Memory,
    /// Another machine, or another program, keeps it.
    Elsewhere,
    /// It goes with the container that wrote it.
    Container,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSystem {
    pub name: &'static str,
    pub nature: Nature,
}

/// The kind of file system that `path` is on; `None` of one that is not in the table.
pub fn file_system(path: &Path) -> io::Result<Option<FileSystem>> {
    #[cfg(target_os = "linux")]
    {
        // The kernel's magic numbers have 32 bits, whatever the width of the field is.
        Ok(of_magic(rustix::fs::statfs(path)?.f_type as u32))
    }
    #[cfg(not(target_os = "linux"))]
    {
        fs::metadata(path)?;
        Ok(None)
    }
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn of_magic(magic: u32) -> Option<FileSystem> {
    use Nature::{Container, Device, Elsewhere, Memory};
    let (name, nature) = match magic {
        0x0000_ef53 => ("ext4", Device),
        0x5846_5342 => ("xfs", Device),
        0x9123_683e => ("btrfs", Device),
        0x2fc1_2fc1 => ("zfs", Device),
        0xf2f5_2010 => ("f2fs", Device),
        0xca45_1a4e => ("bcachefs", Device),
        0x7366_746e => ("ntfs3", Device),
        0x2011_bab0 => ("exfat", Device),
        0x0000_4d44 => ("fat", Device),
        0x0102_1994 => ("tmpfs", Memory),
        0x8584_58f6 => ("ramfs", Memory),
        0x0000_6969 => ("nfs", Elsewhere),
        0x0000_517b | 0xff53_4d42 | 0xfe53_4d42 => ("smb", Elsewhere),
        0x0102_1997 => ("9p", Elsewhere),
        0x6573_5546 => ("fuse", Elsewhere),
        0x00c3_6400 => ("ceph", Elsewhere),
        0x0bd0_0bd0 => ("lustre", Elsewhere),
        0x794c_7630 => ("overlay", Container),
        _ => return None,
    };
    Some(FileSystem { name, nature })
}

/// Who may do what with a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// The bits that `chmod` takes.
    pub mode: u32,
    /// The user it belongs to.
    pub owner: u32,
    /// This process may write it.
    pub is_writable: bool,
}

pub fn permissions(path: &Path) -> io::Result<Permissions> {
    let metadata = fs::metadata(path)?;
    let is_writable = rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    Ok(Permissions { mode: metadata.mode() & 0o7777, owner: metadata.uid(), is_writable })
}

/// The user that this process acts as.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// How long syncs of one small block each take in a directory, shortest first. The file has no name, so that nothing
/// is left behind; `None` where the file system has no such files.
pub fn sync_times(dir: &Path, count: usize) -> io::Result<Option<Vec<Duration>>> {
    const BLOCK: [u8; 4096] = [0; 4096];
    let mut file = match nameless_file(dir) {
        Err(error) if is_without_nameless_files(&error) => return Ok(None),
        file => file?,
    };
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        file.write_all(&BLOCK)?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(Some(times))
}

/// Whether the file system, not the disk or a right, is why a file without a name was not made: an old kernel takes the
/// flag for the opening of a directory, or does not know it.
fn is_without_nameless_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let of_file_system = [Errno::OPNOTSUPP, Errno::ISDIR, Errno::INVAL];
    error.kind() == io::ErrorKind::Unsupported
        || Errno::from_io_error(error).is_some_and(|errno| of_file_system.contains(&errno))
}

#[cfg(target_os = "linux")]
fn nameless_file(dir: &Path) -> io::Result<fs::File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    Ok(fs::File::from(rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR)?))
}

#[cfg(not(target_os = "linux"))]
fn nameless_file(_: &Path) -> io::Result<fs::File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, OsDisk};

    #[test]
    fn a_directory_tells_what_it_is_on_and_who_may_write_it() {
        let dir = tempfile::tempdir().unwrap();
        // Which kind it is depends on the machine; that there is an answer does not.
        file_system(dir.path()).unwrap();
        let made = dir.path().join("made");
        OsDisk.create_dir(&made).unwrap();
        let own = permissions(&made).unwrap();
        assert_eq!((own.owner, own.mode, own.is_writable), (user(), 0o700, true));
        let absent = dir.path().join("absent");
        assert!(file_system(&absent).is_err() && permissions(&absent).is_err());
        assert!(sync_times(&absent, 1).is_err());
    }

    #[test]
    fn a_kind_is_known_by_its_number() {
        assert_eq!(of_magic(0xef53), Some(FileSystem { name: "ext4", nature: Nature::Device }));
        assert_eq!(of_magic(0x0102_1994).map(|found| found.nature), Some(Nature::Memory));
        assert_eq!(of_magic(0x794c_7630).map(|found| found.nature), Some(Nature::Container));
        assert_eq!(of_magic(1), None);
    }

    #[test]
    fn measuring_a_sync_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        // Not every file system has files without a name.
        if let Some(times) = sync_times(dir.path(), 3).unwrap() {
            assert!(times.len() == 3 && times.is_sorted());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_bad_disk_is_not_taken_for_a_file_system_without_nameless_files() {
        use rustix::io::Errno;
        let of = |errno: Errno| is_without_nameless_files(&errno.into());
        assert!(of(Errno::OPNOTSUPP) && of(Errno::ISDIR) && of(Errno::INVAL));
        assert!(is_without_nameless_files(&io::ErrorKind::Unsupported.into()));
        for errno in [Errno::IO, Errno::NOENT, Errno::ACCESS, Errno::NOSPC, Errno::ROFS, Errno::MFILE] {
            assert!(!of(errno), "{errno:?}");
        }
    }
}
