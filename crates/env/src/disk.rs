//! Files behind a seam: what the log, the metadata log and the data directory know of a disk.
//!
//! Semantics are those of POSIX as durability needs them: a write is in memory until [`File::sync_data`] returned;
//! a new, renamed or removed name is in memory until [`Disk::sync_dir`] of its directory returned. Two
//! implementations: [`OsDisk`], and [`MemoryDisk`] whose power can be cut.

mod memory;
mod os;

pub use memory::{Fault, Lost, MemoryDisk, Operation, OperationKind};
pub use os::OsDisk;

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading only; the file must exist.
    Read,
    /// For reading and writing; the file is created if absent and never truncated.
    Write,
    /// For reading and writing; the file must not exist.
    CreateNew,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    pub name: String,
    pub is_dir: bool,
    /// Bytes; 0 for a directory.
    pub len: u64,
}

/// Bytes of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    /// What an unprivileged writer may still use.
    pub free: u64,
}

/// Whether no descriptor was free. A sync that says so was not tried, because its directory could not be opened; another
/// try is good.
pub fn lacks_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error
        .raw_os_error()
        .is_some_and(|code| [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error).contains(&code))
}

/// Whether there was no room, on the disk or in the quota of its user.
pub fn lacks_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Held as long as the lock is wanted; dropping it releases the lock.
pub trait DiskLock: Debug + Send + Sync {}

pub trait Disk: Debug + Send + Sync {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>>;
    /// One level; `AlreadyExists` when the name is taken.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Sorted by name. Names that are not UTF-8 come with replacement characters.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// Replaces a file at the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable (not the contents of its files).
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes everything on the file system of `path` durable.
    fn sync_fs(&self, path: &Path) -> io::Result<()>;
    /// `None` when there is nothing of that name.
    fn entry(&self, path: &Path) -> io::Result<Option<DirEntry>>;
    /// An exclusive lock of the file (created if absent), bound to this process. `None` when somebody holds it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;
    /// The room of the file system that `path` is on.
    fn space(&self, path: &Path) -> io::Result<Space>;

    /// Length in bytes of a file; `None` when it does not exist.
    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        Ok(self.entry(path)?.filter(|entry| !entry.is_dir).map(|entry| entry.len))
    }

    /// The whole file, refused with `InvalidData` when it is longer than `max_bytes`.
    fn read(&self, path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
        let file = self.open(path, OpenMode::Read)?;
        let len = file.len()?;
        if len > max_bytes {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is {len} bytes, at most {max_bytes} are expected", path.display()),
            ));
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Replaces a file as a whole, durably: a temporary file is written and synced, renamed, and the name synced.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_added_extension("tmp");
        let replaced = (|| {
            let file = self.open(&temporary, OpenMode::Write)?;
            file.set_len(0)?;
            file.write_all_at(bytes, 0)?;
            file.sync_data()?;
            self.rename(&temporary, path)
        })();
        if replaced.is_err() {
            // On a full disk its room is wanted. Whoever cannot remove it either has the first error to tell.
            let _ = self.remove_file(&temporary);
        }
        replaced?;
        self.sync_dir(path.parent().unwrap_or(Path::new(".")))
    }
}

pub trait File: Debug + Send + Sync {
    /// Reads up to `buf.len()` bytes; 0 at the end.
    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize>;
    /// One gathered write at a position; may write less than asked.
    fn write_vectored_at(&self, parts: &[IoSlice<'_>], position: u64) -> io::Result<usize>;
    /// Data and length durable (fdatasync). The error of a writeback is reported once per descriptor, so a file is
    /// synced through the descriptor it was written through.
    fn sync_data(&self) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Asks the kernel to forget its cached pages, so that the next read comes from the device. Only clean pages go.
    fn drop_cache(&self) -> io::Result<()>;

    fn read_exact_at(&self, buf: &mut [u8], position: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.read_at(&mut buf[filled..], position + filled as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// `len` bytes, or `UnexpectedEof`.
    fn read_vec_at(&self, len: usize, position: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.read_exact_at(&mut bytes, position)?;
        Ok(bytes)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            match self.write_vectored_at(&[IoSlice::new(&bytes[written..])], position + written as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
