//! Which bytes of a log are durable: the pure part of durability rules A2 and A6.
//!
//! Files are listed oldest first. Each remembers up to which offset it was written and up to which it is synced; a sync
//! covers what had been written *before it was called*. The durable offset runs over the oldest files that are synced
//! to their end, into the first that is not, and enters no file whose name is not synced. It never goes back.

use crate::controls::{self, Control};
use ottla_env::disk::{Disk, File};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug)]
struct Entry {
    file: Arc<dyn File>,
    path: PathBuf,
    /// Directories whose entries must be synced before this file counts, nearest first.
    names: Vec<PathBuf>,
    appended: i64,
    synced: i64,
    /// The offset a running sync will have covered.
    in_flight: Option<i64>,
    /// What a failed append had written was cut off, and no sync was called since; or it was, and is running.
    cut_due: bool,
    cut_in_flight: bool,
}

impl Entry {
    /// The next file must not count: a power cut may leave this one shorter than what was written, or longer.
    fn is_open(&self) -> bool {
        self.is_due() || self.cut_in_flight
    }

    /// There is something that no sync was called behind, or none has covered.
    fn is_due(&self) -> bool {
        self.synced < self.appended || self.cut_due
    }
}

/// One sync to be run on a thread of its own; at most one per file is under way.
#[derive(Debug)]
pub struct SyncJob {
    disk: Arc<dyn Disk>,
    file: Arc<dyn File>,
    pub path: PathBuf,
    names: Vec<PathBuf>,
}

impl SyncJob {
    /// Waits for the disk. The file is synced through the descriptor it was written through.
    pub fn run(&self) -> io::Result<()> {
        self.file.sync_data()?;
        self.names.iter().try_for_each(|dir| self.disk.sync_dir(dir))
    }
}

#[derive(Debug)]
pub(crate) struct SyncLedger {
    disk: Arc<dyn Disk>,
    entries: VecDeque<Entry>,
    durable: i64,
}

impl SyncLedger {
    pub fn new(disk: Arc<dyn Disk>, durable: i64) -> Self {
        Self { disk, entries: VecDeque::new(), durable }
    }

    pub fn durable_offset(&self) -> i64 {
        self.durable
    }

    /// A file that is synced up to `synced`; `names` are the directories that still have to be.
    pub fn file_added(&mut self, file: Arc<dyn File>, path: PathBuf, names: Vec<PathBuf>, synced: i64) {
        let names = if controls::active(Control::NoNameSync) { Vec::new() } else { names };
        self.entries.push_back(Entry {
            file,
            path,
            names,
            appended: synced,
            synced,
            in_flight: None,
            cut_due: false,
            cut_in_flight: false,
        });
    }

    /// The newest file was written up to this offset.
    pub fn appended(&mut self, end_offset: i64) {
        if let Some(entry) = self.entries.back_mut() {
            entry.appended = end_offset;
        }
    }

    /// The newest file was longer, and was cut back to what counts.
    pub fn cut_back(&mut self) {
        if let Some(entry) = self.entries.back_mut() {
            entry.cut_due = true;
        }
    }

    pub fn is_dirty(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_open() || !entry.names.is_empty())
    }

    /// Whether a file that will not be written any more waits for a sync.
    pub fn is_sealed_dirty(&self) -> bool {
        let sealed = self.entries.len().saturating_sub(1);
        self.entries.iter().take(sealed).any(|entry| entry.in_flight.is_none() && entry.is_due())
    }

    /// A sync for each dirty file that has none under way.
    pub fn take_jobs(&mut self) -> Vec<SyncJob> {
        let mut jobs = Vec::new();
        for entry in &mut self.entries {
            let dirty = entry.is_due() || (!entry.names.is_empty() && entry.appended > self.durable);
            if dirty && (entry.in_flight.is_none() || controls::active(Control::TwoSyncsOfAFile)) {
                entry.in_flight = Some(entry.appended);
                entry.cut_in_flight = std::mem::take(&mut entry.cut_due);
                jobs.push(SyncJob {
                    disk: self.disk.clone(),
                    file: entry.file.clone(),
                    path: entry.path.clone(),
                    names: entry.names.clone(),
                });
            }
        }
        jobs
    }

    /// A sync of this file was not tried: it is as due as before.
    pub fn not_tried(&mut self, path: &Path) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.path == *path) {
            entry.in_flight = None;
            entry.cut_due |= std::mem::take(&mut entry.cut_in_flight);
        }
    }

    /// A sync of this file has ended well. Returns the durable offset.
    pub fn done(&mut self, path: &PathBuf) -> i64 {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.path == *path) {
            let covered = entry.in_flight.take().unwrap_or(entry.synced);
            entry.synced = if controls::active(Control::SyncCoversTheEnd) { entry.appended } else { covered };
            entry.cut_in_flight = false;
            entry.names.clear();
        }
        if controls::active(Control::NewestFileDecides) {
            let newest = self.entries.back().map_or(self.durable, |entry| entry.synced);
            self.durable = self.durable.max(newest);
        }
        for entry in &self.entries {
            if !entry.names.is_empty() {
                break;
            }
            self.durable = self.durable.max(entry.synced);
            if entry.is_open() {
                break;
            }
        }
        // The newest stays: it is the one that will be written.
        while self.entries.len() > 1 {
            let oldest = &self.entries[0];
            if oldest.is_open() || oldest.in_flight.is_some() || !oldest.names.is_empty() {
                break;
            }
            self.entries.pop_front();
        }
        self.durable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::disk::{MemoryDisk, OpenMode};
    use ottla_env::rng::{Rng, SeededRng};

    fn ledger() -> (SyncLedger, MemoryDisk) {
        let disk = MemoryDisk::new();
        (SyncLedger::new(Arc::new(disk.clone()), 0), disk)
    }

    fn add(ledger: &mut SyncLedger, disk: &MemoryDisk, name: &str, from: i64) {
        let path = Path::new("/").join(name);
        let file = disk.open(&path, OpenMode::Write).unwrap();
        ledger.file_added(file, path, vec![PathBuf::from("/")], from);
    }

    fn paths(jobs: &[SyncJob]) -> Vec<String> {
        jobs.iter().map(|job| job.path.display().to_string()).collect()
    }

    #[test]
    fn a_sync_covers_what_was_written_before_it_was_called() {
        let (mut ledger, disk) = ledger();
        add(&mut ledger, &disk, "a", 0);
        ledger.appended(10);
        assert_eq!(paths(&ledger.take_jobs()), ["/a"]);
        ledger.appended(20);
        assert!(ledger.take_jobs().is_empty(), "one sync of a file at a time");
        assert_eq!(ledger.done(&PathBuf::from("/a")), 10);
        assert_eq!(ledger.take_jobs().len(), 1);
        assert_eq!(ledger.done(&PathBuf::from("/a")), 20);
        assert!(!ledger.is_dirty() && ledger.take_jobs().is_empty());
    }

    #[test]
    fn a_cut_is_synced_before_the_next_file_counts() {
        let (mut ledger, disk) = ledger();
        add(&mut ledger, &disk, "a", 0);
        ledger.appended(10);
        ledger.take_jobs();
        ledger.cut_back();
        assert_eq!(ledger.done(&PathBuf::from("/a")), 10, "the sync was called before the cut");
        assert!(ledger.is_dirty());
        add(&mut ledger, &disk, "b", 10);
        ledger.appended(20);
        assert!(ledger.is_sealed_dirty());
        assert_eq!(paths(&ledger.take_jobs()), ["/a", "/b"]);
        assert_eq!(ledger.done(&PathBuf::from("/b")), 10);
        assert_eq!(ledger.done(&PathBuf::from("/a")), 20);
        assert!(!ledger.is_dirty() && ledger.entries.len() == 1);
    }

    #[test]
    fn a_sync_that_was_not_tried_is_due_again() {
        let (mut ledger, disk) = ledger();
        add(&mut ledger, &disk, "a", 0);
        ledger.appended(10);
        ledger.cut_back();
        for _ in 0..2 {
            assert_eq!(paths(&ledger.take_jobs()), ["/a"]);
            ledger.not_tried(Path::new("/a"));
            assert!(ledger.is_dirty() && ledger.durable_offset() == 0);
        }
        assert_eq!(ledger.take_jobs().len(), 1);
        assert_eq!(ledger.done(&PathBuf::from("/a")), 10);
        assert!(!ledger.is_dirty());
    }

    #[test]
    fn a_new_file_counts_only_behind_the_old_one_and_its_name() {
        let (mut ledger, disk) = ledger();
        add(&mut ledger, &disk, "a", 0);
        ledger.appended(10);
        add(&mut ledger, &disk, "b", 10);
        ledger.appended(30);
        let jobs = ledger.take_jobs();
        assert_eq!(paths(&jobs), ["/a", "/b"]);
        jobs[1].run().unwrap();
        assert_eq!(ledger.done(&PathBuf::from("/b")), 0, "the old file is not synced yet");
        assert_eq!(ledger.done(&PathBuf::from("/a")), 30);
        assert_eq!(ledger.entries.len(), 1);
    }

    #[test]
    fn the_durable_offset_is_never_ahead_of_a_synced_prefix() {
        for seed in 0..200 {
            let rng = SeededRng::new(seed);
            let (mut ledger, disk) = ledger();
            // The model: per file where it starts, and what its finished syncs had seen.
            let mut files: Vec<(i64, i64)> = Vec::new();
            let mut running: Vec<(usize, i64)> = Vec::new();
            let (mut end, mut last) = (0, 0);
            for _ in 0..200 {
                match rng.below(10) {
                    0 => {
                        add(&mut ledger, &disk, &files.len().to_string(), end);
                        files.push((end, end));
                    }
                    1..5 if !files.is_empty() => {
                        end += 1 + rng.below(5) as i64;
                        ledger.appended(end);
                    }
                    5..7 => {
                        for job in ledger.take_jobs() {
                            let file: usize = job.path.to_str().unwrap()[1..].parse().unwrap();
                            let until = files.get(file + 1).map_or(end, |next| next.0);
                            assert!(running.iter().all(|(other, _)| *other != file));
                            running.push((file, until));
                        }
                    }
                    _ if !running.is_empty() => {
                        let (file, until) = running.remove(rng.below(running.len() as u64) as usize);
                        files[file].1 = until;
                        let durable = ledger.done(&PathBuf::from(format!("/{file}")));
                        let mut allowed = 0;
                        for (i, (_, synced)) in files.iter().enumerate() {
                            allowed = allowed.max(*synced);
                            if *synced < files.get(i + 1).map_or(end, |next| next.0) {
                                break;
                            }
                        }
                        assert!(durable <= allowed && durable >= last, "seed {seed}: {durable} of {allowed}");
                        last = durable;
                    }
                    _ => {}
                }
            }
        }
    }
}
