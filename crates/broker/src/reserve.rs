//! The reserve of a full disk (durability rule A8): a file that is given up when its room is needed, and made again.
//!
//! It is there for a start, a stop, the checkpoint, and what makes room: deletions of topics and of records. Nothing
//! that makes the disk fuller may have it. While it is lent nobody else takes it back or gives it up, so the lock is
//! held over disk work, and only threads that may wait for a disk come here. What is written is not its business.

use ottla_env::disk::{Disk, OpenMode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const FILE: &str = "reserve";
/// Length of a whole reserve.
pub const RESERVE_BYTES: u64 = 4 << 20;
/// What a reserve that is not whole leaves free: a start writes a few KiB behind it.
pub(crate) const LEFT_FREE: u64 = 64 << 10;
/// What is lent at first. Most need less, and whoever writes meanwhile may take all that is lent.
const PART: u64 = 256 << 10;

/// Clones share the reserve.
#[derive(Debug, Clone)]
pub(crate) struct Reserve {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    lent: Arc<Mutex<()>>,
}

impl Reserve {
    /// That of a data directory. Nothing is written.
    pub fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { disk, path: root.join(FILE), lent: Arc::default() }
    }

    /// Makes the reserve as whole as there is room for. It leaves half of what is free, or [`LEFT_FREE`], so that what
    /// comes next has room itself, and the next start on a disk that stays full has nearly as much of it.
    pub fn keep(&self) {
        let _lent = self.lock();
        self.take_back(LEFT_FREE);
    }

    /// Makes the room of the reserve, if there is one. Somebody has to keep it again.
    pub fn give_up(&self) -> io::Result<()> {
        let _lent = self.lock();
        self.remove()
    }

    /// Runs something with a part of the reserve, and once more with all of it if that lacked room. What is left is kept
    /// again behind it; so many bytes stay free for others, if that is not more than half of what is free.
    pub fn lend<T>(
        &self,
        left_free: u64,
        mut run: impl FnMut() -> T,
        lacked_room: impl Fn(&T) -> bool,
    ) -> io::Result<T> {
        let _lent = self.lock();
        let kept = self.kept()?;
        let mut done = None;
        if kept > PART {
            self.disk.open(&self.path, OpenMode::Write)?.set_len(kept - PART)?;
            done = Some(run()).filter(|done| !lacked_room(done));
        }
        let done = match done {
            Some(done) => done,
            None => {
                self.remove()?;
                run()
            }
        };
        self.take_back(left_free);
        Ok(done)
    }

    fn kept(&self) -> io::Result<u64> {
        Ok(self.disk.len(&self.path)?.unwrap_or(0))
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        // It guards nothing in memory.
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self) -> io::Result<()> {
        match self.disk.remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn take_back(&self, left_free: u64) {
        if let Err(error) = self.write(left_free) {
            tracing::warn!(error = %error, "no room for the reserve of {RESERVE_BYTES} bytes");
        }
    }

    fn write(&self, left_free: u64) -> io::Result<()> {
        let kept = self.kept()?;
        if kept == RESERVE_BYTES {
            return Ok(());
        }
        let free = self.disk.space(self.path.parent().unwrap_or(Path::new(".")))?.free;
        let most = kept.saturating_add(free - (free / 2).min(left_free)).min(RESERVE_BYTES);
        if most <= kept {
            return Ok(());
        }
        let bytes = usize::try_from(most - kept).map_err(io::Error::other)?;
        let file = self.disk.open(&self.path, OpenMode::Write)?;
        file.write_all_at(&vec![0; bytes], kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::disk::MemoryDisk;

    /// A disk that holds a whole reserve and has nothing free.
    fn full() -> (MemoryDisk, Reserve) {
        let disk = MemoryDisk::new();
        disk.create_dir(Path::new("data")).unwrap();
        let reserve = Reserve::new(Arc::new(disk.clone()), Path::new("data"));
        reserve.keep();
        disk.set_capacity(Some(RESERVE_BYTES));
        (disk, reserve)
    }

    #[test]
    fn what_is_lent_is_kept_again_but_for_what_was_written() {
        for left_free in [0, LEFT_FREE] {
            let (disk, reserve) = full();
            let file = disk.open(Path::new("data/file"), OpenMode::Write).unwrap();
            assert!(file.write_all_at(&[1; 100], 0).is_err());
            let write = || file.write_all_at(&[1; 100], 0);
            reserve.lend(left_free, write, Result::is_err).unwrap().unwrap();
            let kept = disk.len(&reserve.path).unwrap();
            assert_eq!(kept, Some(RESERVE_BYTES - 100 - left_free), "{left_free} bytes are left");
        }
    }

    #[test]
    fn what_needs_more_than_a_part_has_all_of_it() {
        let (disk, reserve) = full();
        let file = disk.open(Path::new("data/file"), OpenMode::Write).unwrap();
        let write = |bytes: u64| {
            let write = || file.write_all_at(&vec![1; bytes as usize], 0);
            reserve.lend(0, write, Result::is_err).unwrap()
        };
        write(PART + 1).unwrap();
        assert_eq!(disk.len(&reserve.path).unwrap(), Some(RESERVE_BYTES - PART - 1));
        assert!(write(RESERVE_BYTES + 1).is_err());
    }

    #[test]
    fn only_a_part_is_there_for_others_meanwhile() {
        let (disk, reserve) = full();
        let other = disk.open(Path::new("data/other"), OpenMode::Write).unwrap();
        let taken = || other.write_all_at(&vec![1; PART as usize + 1], 0);
        assert!(reserve.lend(0, taken, |_| false).unwrap().is_err());
        let taken = || other.write_all_at(&vec![1; PART as usize], 0);
        assert!(reserve.lend(0, taken, |_| false).unwrap().is_ok());
        assert_eq!(disk.len(&reserve.path).unwrap(), Some(RESERVE_BYTES - PART));
    }

    #[test]
    fn a_reserve_that_is_gone_is_no_error_and_comes_back_with_the_room() {
        let (disk, reserve) = full();
        reserve.give_up().unwrap();
        disk.set_capacity(Some(0));
        assert!(reserve.lend(0, || true, |_| false).unwrap());
        assert_eq!(disk.len(&reserve.path).unwrap(), None);
        disk.set_capacity(None);
        reserve.keep();
        assert_eq!(disk.len(&reserve.path).unwrap(), Some(RESERVE_BYTES));
    }
}
