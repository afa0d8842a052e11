//! The embedded engine's work on disk: open, append a group, sync it, snapshot.
//!
//! Synchronous, owned by one thread. A group of transactions is one write and one sync, and the next group is written
//! only when the one before it is synced (durability rule R10): so a bad last group was never promised and is cut,
//! while a bad one before a valid one is damage, and the start is refused. [`Engine::store`] runs ahead of what is
//! durable by the group in hand only.

use super::format::{self, LOG_HEADER_LEN};
use super::stored::{self, MAX_FILE, OpenError, SNAPSHOT, Stored, base_of, log_name};
use crate::cluster::controls::{self, Control};
use crate::cluster::coord::{CoordError, MAX_WRITES, Revision, StorageFailed, Transaction, Write};
use crate::cluster::store::{Store, Undo};
use ottla_env::disk::{Disk, File, OpenMode, lacks_descriptors};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SNAPSHOT_TEMPORARY: &str = "snapshot.tmp";
/// Bytes of log behind which a snapshot is due, if the log also is larger than the last snapshot.
const SNAPSHOT_EVERY: u64 = 1 << 20;

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenReport {
    pub revision: Revision,
    /// Bytes of a last group that was never promised.
    pub cut_bytes: u64,
}

#[derive(Debug)]
pub struct Engine {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    store: Store,
    file: Arc<dyn File>,
    path: PathBuf,
    /// Where the next group begins; all before it is synced.
    end: u64,
    snapshot_len: u64,
    /// Log length at which a snapshot is tried.
    snapshot_at: u64,
    /// A snapshot covers the log: nothing more may come into it, and the next one is still to be begun.
    is_covered: bool,
    /// Only ever filled by a planted bug.
    held_back: Vec<u8>,
    /// What broke; nothing is written any more.
    failed: Option<StorageFailed>,
}

/// Makes the empty metadata of a new data directory, synced up to the parent. May be repeated until the data directory
/// has its format file.
pub fn create(disk: &dyn Disk, dir: &Path) -> Result<(), OpenError> {
    disk.create_dir_all(dir).map_err(OpenError::io("create", dir))?;
    let path = dir.join(log_name(0));
    for entry in disk.list(dir).map_err(OpenError::io("list", dir))? {
        if entry.name != log_name(0) || entry.len > LOG_HEADER_LEN as u64 {
            return Err(OpenError::Unexpected { dir: dir.to_owned() });
        }
    }
    create_log(disk, dir, &path, 0).map_err(OpenError::io("write", &path))?;
    let parent = dir.parent().unwrap_or(Path::new("."));
    disk.sync_dir(parent).map_err(OpenError::io("sync", parent))
}

fn create_log(disk: &dyn Disk, dir: &Path, path: &Path, base: Revision) -> io::Result<()> {
    let file = write_anew(disk, path, &format::log_header(base))?;
    file.sync_data()?;
    disk.sync_dir(dir)
}

/// A file with this content and no other, not synced.
fn write_anew(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn File>> {
    let file = disk.open(path, OpenMode::Write)?;
    file.set_len(0)?;
    file.write_all_at(bytes, 0)?;
    Ok(file)
}

impl Engine {
    /// Reads what is durable. `at_least` is a revision that somebody else noted durably (0: none).
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        at_least: Revision,
    ) -> Result<(Self, OpenReport), OpenError> {
        // What kill -9 left in the page cache is not durable yet; only what is may be built upon.
        let stored = stored::read(disk.as_ref(), dir, at_least, &|path| read_synced(disk.as_ref(), path))?;
        let Stored { store, snapshot_len, path, is_covered, end, cut_bytes } = stored;
        let file = disk.open(&path, OpenMode::Write).map_err(OpenError::io("open", &path))?;
        if cut_bytes > 0 {
            file.set_len(end).map_err(OpenError::io("cut", &path))?;
            file.sync_data().map_err(OpenError::io("sync", &path))?;
        }
        let report = OpenReport { revision: store.revision(), cut_bytes };
        let mut engine = Self {
            file,
            path,
            end,
            snapshot_len,
            snapshot_at: SNAPSHOT_EVERY.max(snapshot_len),
            is_covered,
            held_back: Vec::new(),
            failed: None,
            dir: dir.to_owned(),
            disk,
            store,
        };
        // Where the crash came between a snapshot and its new log.
        let next = engine.dir.join(log_name(report.revision));
        engine.begin_log_if_due().map_err(|error| OpenError::io("write", &next)(io_error(error)))?;
        engine.remove_leftovers().map_err(OpenError::io("clear", dir))?;
        engine.end_old_sessions().map_err(|error| OpenError::io("write", &engine.path)(io_error(error)))?;
        Ok((engine, report))
    }

    /// Sessions of the last run ended with its process.
    fn end_old_sessions(&mut self) -> Result<(), CoordError> {
        let deletions = self.store.deletions(None);
        for writes in deletions.chunks(MAX_WRITES) {
            let transaction = Transaction { checks: Vec::new(), writes: writes.to_vec() };
            self.commit(&[transaction]).pop().expect("each transaction has an outcome")?;
        }
        Ok(())
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Commits transactions in their order, as one group: one write, one sync. Returns when they are durable.
    pub fn commit(&mut self, transactions: &[Transaction]) -> Vec<Result<Revision, CoordError>> {
        if self.failed.is_none()
            && let Err(error) = self.begin_log_if_due()
        {
            self.note(&error);
            return vec![Err(error); transactions.len()];
        }
        let first = self.store.revision() + 1;
        let mut written: Vec<&[Write]> = Vec::new();
        let mut undo = Undo::default();
        let mut outcomes = Vec::with_capacity(transactions.len());
        for transaction in transactions {
            let outcome = self.store.check(transaction).map(|()| {
                written.push(&transaction.writes);
                self.store.apply_noting(&transaction.writes, &mut undo)
            });
            outcomes.push(outcome);
        }
        if written.is_empty() {
            return outcomes;
        }
        let result = match &self.failed {
            None => self.append(&format::group(first, &written)),
            Some(failed) => Err(failed.clone().into()),
        };
        if let Err(error) = result {
            self.store.undo(undo, first - 1);
            self.note(&error);
            // A conflict may be with a transaction of this very group, which did not happen either.
            outcomes.iter_mut().for_each(|outcome| *outcome = Err(error.clone()));
        }
        outcomes
    }

    /// Nothing is written behind a failure.
    fn note(&mut self, error: &CoordError) {
        if let CoordError::Failed(failed) = error {
            self.failed = Some(failed.clone());
        }
    }

    fn append(&mut self, group: &[u8]) -> Result<(), CoordError> {
        let held;
        let group = if controls::active(Control::AnswerBeforeRecord) {
            held = std::mem::replace(&mut self.held_back, group.to_vec());
            held.as_slice()
        } else {
            group
        };
        if let Err(error) = self.file.write_all_at(group, self.end) {
            self.file.set_len(self.end).map_err(|error| self.failure("cut back", &self.path, error))?;
            return Err(CoordError::NotWritten(Arc::new(error)));
        }
        if !controls::active(Control::AnswerBeforeSync) {
            self.file.sync_data().map_err(|error| self.failure("sync", &self.path, error))?;
        }
        self.end += group.len() as u64;
        Ok(())
    }

    fn failure(&self, action: &'static str, path: &Path, source: io::Error) -> StorageFailed {
        StorageFailed { action, path: path.to_owned(), source: Arc::new(source) }
    }

    /// Writes a snapshot and begins a new log, when it is time. Want of room or of a descriptor puts it off.
    pub fn snapshot_if_due(&mut self) -> Result<(), StorageFailed> {
        if self.failed.is_some() || self.end < self.snapshot_at {
            return Ok(());
        }
        self.snapshot()
    }

    pub fn snapshot(&mut self) -> Result<(), StorageFailed> {
        self.try_snapshot().inspect_err(|failed| self.failed = Some(failed.clone()))
    }

    fn try_snapshot(&mut self) -> Result<(), StorageFailed> {
        let bytes = format::snapshot(self.store.revision(), self.store.entries());
        let temporary = self.dir.join(SNAPSHOT_TEMPORARY);
        let Ok(file) = write_anew(self.disk.as_ref(), &temporary, &bytes) else {
            // Nothing depends on it yet, and a part of it must not hold the room that is missing. The log goes on growing,
            // and so does the distance to the next try.
            let _ = self.disk.remove_file(&temporary);
            self.snapshot_at = self.end + SNAPSHOT_EVERY / 4;
            return Ok(());
        };
        file.sync_data().map_err(|error| self.failure("sync", &temporary, error))?;
        let target = self.dir.join(SNAPSHOT);
        self.disk.rename(&temporary, &target).map_err(|error| self.failure("rename", &temporary, error))?;
        self.snapshot_len = bytes.len() as u64;
        self.is_covered = true;
        match self.begin_log_if_due() {
            // The next commit tries it again.
            Err(CoordError::Failed(failed)) => return Err(failed),
            Err(error) => tracing::warn!(error = %error, "a metadata log cannot be begun yet"),
            // Leftovers cost room only; the next start clears them.
            Ok(()) => drop(self.remove_leftovers()),
        }
        Ok(())
    }

    /// Begins the log that follows the snapshot at the current revision, where one covers the log.
    ///
    /// May be repeated until it succeeds: a log without groups in front of a snapshot that is not durable yet is passed over
    /// by a start, and both are durable when this returns.
    fn begin_log_if_due(&mut self) -> Result<(), CoordError> {
        if !self.is_covered {
            return Ok(());
        }
        self.sync_dir()?;
        // All of the store is in the snapshot: nothing is applied to it while this is due.
        let base = self.store.revision();
        let path = self.dir.join(log_name(base));
        let file = write_anew(self.disk.as_ref(), &path, &format::log_header(base))
            .map_err(|error| CoordError::NotWritten(Arc::new(error)))?;
        file.sync_data().map_err(|error| self.failure("sync", &path, error))?;
        self.sync_dir()?;
        self.file = file;
        self.path = path;
        self.end = LOG_HEADER_LEN as u64;
        self.snapshot_at = SNAPSHOT_EVERY.max(self.snapshot_len);
        self.is_covered = false;
        Ok(())
    }

    /// A sync that failed is not tried again (durability rule A7), but for one that was not tried at all.
    fn sync_dir(&self) -> Result<(), CoordError> {
        match self.disk.sync_dir(&self.dir) {
            Err(error) if lacks_descriptors(&error) => Err(CoordError::NotWritten(Arc::new(error))),
            done => done.map_err(|error| self.failure("sync", &self.dir, error).into()),
        }
    }

    /// Removes logs below the current one, and what a crash left of a snapshot.
    fn remove_leftovers(&self) -> io::Result<()> {
        for entry in self.disk.list(&self.dir)? {
            let path = self.dir.join(&entry.name);
            if entry.name == SNAPSHOT_TEMPORARY || (base_of(&entry.name).is_some() && path != self.path) {
                self.disk.remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// The same as an error of the file, with its kind where nothing was written.
fn io_error(error: CoordError) -> io::Error {
    match error {
        CoordError::NotWritten(source) => io::Error::new(source.kind(), source.to_string()),
        other => io::Error::other(other),
    }
}

/// The content of a file after it was synced, read from the device.
fn read_synced(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, OpenError> {
    let file = disk.open(path, OpenMode::Write).map_err(OpenError::io("open", path))?;
    file.sync_data().map_err(OpenError::io("sync", path))?;
    file.drop_cache().map_err(OpenError::io("read", path))?;
    disk.read(path, MAX_FILE).map_err(OpenError::io("read", path))
}
