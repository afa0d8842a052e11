//! What a data directory says must be in it, read without changing anything: what `ottla log verify` holds it to.
//!
//! Identity, checkpoint and marker first, then the logs, which the caller looks through, the metadata last: a log that a
//! broker deletes meanwhile is forgotten there before its directory goes.

use super::{DataDirError, FORMAT, Format, MAX_FORMAT, METADATA, TOPICS, io_error};
use crate::cluster::embedded;
use crate::partition::{self, directory_name, parse_directory};
use ottla_env::disk::Disk;
use ottla_log::checkpoint::{Checkpoint, LogEntry};
use ottla_state::{Change, Image, Uuid};
use std::path::{Path, PathBuf};

#[derive(Debug, Default)]
pub struct Promises {
    root: PathBuf,
    checkpoint: Checkpoint,
    /// What is damaged, a line each.
    pub problems: Vec<String>,
    /// What a crash leaves and the next start mends.
    pub notes: Vec<String>,
}

impl Promises {
    pub fn read(disk: &dyn Disk, root: &Path) -> Self {
        let mut found = Self { root: root.to_owned(), ..Self::default() };
        if let Err(error) = read_format(disk, root) {
            found.problems.push(error.to_string());
        }
        match partition::look(disk, root) {
            Ok((checkpoint, problems)) => {
                found.checkpoint = checkpoint;
                found.problems.extend(problems);
            }
            Err(error) => found.problems.push(error.to_string()),
        }
        found
    }

    /// What the checkpoint says of the log in a directory.
    pub fn of_log(&self, dir: &Path) -> Option<&LogEntry> {
        let (topic, index) = parse_directory(dir.file_name()?.to_str()?)?;
        self.checkpoint.logs.get(&(topic.0, index))
    }

    /// Looks through the metadata. Returns the directories that are gone, of logs that the checkpoint promises and that
    /// the metadata knows.
    pub fn lost_logs(&mut self, disk: &dyn Disk) -> Vec<PathBuf> {
        let image = match self.metadata(disk) {
            Ok(image) => image,
            Err(problem) => {
                self.problems.push(problem);
                return Vec::new();
            }
        };
        let known = self.checkpoint.logs.keys().map(|(topic, index)| (Uuid(*topic), *index));
        let known = known.filter(|(topic, index)| {
            image.topic_by_id(*topic).is_some_and(|topic| topic.partition(*index).is_some())
        });
        let dirs =
            known.map(|(id, index)| self.root.join(TOPICS).join(directory_name(id, index.unsigned_abs())));
        dirs.filter(|dir| matches!(disk.entry(dir), Ok(None))).collect()
    }

    fn metadata(&mut self, disk: &dyn Disk) -> Result<Image, String> {
        let dir = self.root.join(METADATA);
        let looked = embedded::look(disk, &dir, self.checkpoint.metadata_revision)
            .map_err(|error| error.to_string())?;
        if looked.cut_bytes > 0 {
            let dir = dir.display();
            self.notes.push(format!("{dir}: {} bytes of an unfinished write at the end", looked.cut_bytes));
        }
        let entries = looked.listing.entries.iter();
        let changes: Result<Vec<_>, _> =
            entries.map(|entry| Change::from_entry(&entry.key, Some(&entry.value), entry.created)).collect();
        changes.map(Image::from_state).map_err(|error| format!("{}: {error}", dir.display()))
    }
}

fn read_format(disk: &dyn Disk, root: &Path) -> Result<Format, DataDirError> {
    let path = root.join(FORMAT);
    let bytes = disk.read(&path, MAX_FORMAT).map_err(io_error("read", &path))?;
    Format::decode(&bytes, root)
}
