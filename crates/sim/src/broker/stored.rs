//! What the disk holds of the clients' topics, read past the broker: which partition a directory is of, and its batches.

use super::payload;
use crate::checker::{Place, Written};
use crate::disk::SimDisk;
use bytes::Bytes;
use ottla_env::disk::Disk;
use ottla_log::checkpoint::Checkpoint;
use ottla_state::Uuid;
use ottla_wire::batch::{BatchHeader, batches, validate};
use ottla_wire::record::iterate;
use std::path::{Path, PathBuf};

const TOPICS: &str = "/data/topics";
const CHECKPOINT: &str = "/data/checkpoint";
/// Longer than any segment of a run.
const FILE_MAX: u64 = 64 << 20;

/// A directory, and the partition whose records are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub place: Place,
    pub dir: PathBuf,
}

/// Where a batch of a file begins.
#[derive(Debug, Clone, Copy)]
pub struct Positioned {
    pub position: u64,
    pub header: BatchHeader,
}

/// All partitions of the clients' topics that hold a record.
pub fn partitions(disk: &SimDisk) -> Vec<Stored> {
    let entries = disk.list(Path::new(TOPICS)).unwrap_or_default();
    let dirs = entries.iter().filter(|entry| entry.is_dir && !entry.name.contains('.'));
    let dirs = dirs.map(|entry| Path::new(TOPICS).join(&entry.name));
    dirs.filter_map(|dir| Some(Stored { place: place_of(disk, &dir)?, dir })).collect()
}

/// Of each partition, of any topic, the segments of which one stays open: the newest. Where that is empty it may be no part
/// of the log, which a start trusts its checkpoint about, and then it is the one before.
pub fn newest_segments(disk: &SimDisk) -> Vec<Vec<PathBuf>> {
    let entries = disk.list(Path::new(TOPICS)).unwrap_or_default();
    let dirs = entries.iter().map(|entry| Path::new(TOPICS).join(&entry.name));
    let is_empty = |path: &PathBuf| disk.len(path).is_ok_and(|len| len == Some(0));
    let newest = |dir: PathBuf| {
        let mut segments = segments(disk, &dir);
        let from = segments.iter().rposition(|path| !is_empty(path)).unwrap_or(0);
        segments.split_off(from)
    };
    dirs.map(newest).collect()
}

fn segments(disk: &SimDisk, dir: &Path) -> Vec<PathBuf> {
    let files = disk.list(dir).unwrap_or_default();
    let mut names: Vec<String> = files.into_iter().map(|file| file.name).collect();
    names.retain(|name| name.ends_with(".log"));
    names.sort_unstable();
    names.iter().map(|name| dir.join(name)).collect()
}

fn place_of(disk: &SimDisk, dir: &Path) -> Option<Place> {
    segments(disk, dir).iter().find_map(|path| {
        let bytes = Bytes::from(disk.read(path, FILE_MAX).ok()?);
        let values =
            batches(bytes).filter_map(|(_, batch)| iterate(&batch, 1 << 20).ok()?.next()?.ok()?.value);
        values.filter_map(|value| payload::place_of(&value)).next()
    })
}

/// The batches of one file, up to the first that is none.
pub fn batches_of(disk: &SimDisk, path: &Path) -> Vec<Positioned> {
    let Ok(bytes) = disk.read(path, FILE_MAX) else { return Vec::new() };
    let mut position = 0;
    let valid = batches(Bytes::from(bytes)).take_while(|(_, batch)| validate(batch).is_ok());
    valid
        .map(|(header, batch)| {
            let at = position;
            position += batch.len() as u64;
            Positioned { position: at, header }
        })
        .collect()
}

/// The batches of a partition, from the first to the end or to the first gap.
pub fn headers(disk: &SimDisk, dir: &Path) -> Vec<BatchHeader> {
    let mut found: Vec<BatchHeader> = Vec::new();
    for path in segments(disk, dir) {
        for Positioned { header, .. } in batches_of(disk, &path) {
            if found.last().is_some_and(|last| last.next_offset() != header.base_offset) {
                return found;
            }
            found.push(header);
        }
    }
    found
}

/// Sealed segments that the checkpoint has, of the clients' topics.
pub fn promised(disk: &SimDisk) -> Vec<(Place, PathBuf)> {
    let Ok(Some((checkpoint, _))) = Checkpoint::read(disk, Path::new(CHECKPOINT)) else { return Vec::new() };
    let mut found = Vec::new();
    for Stored { place, dir } in partitions(disk) {
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let entry = checkpoint.logs.iter().find(|((id, index), _)| format!("{}-{index}", Uuid(*id)) == name);
        let Some((_, entry)) = entry else { continue };
        let sealed = entry.segments.iter().rev().skip(1).filter(|segment| segment.compacted.is_none());
        let paths = sealed.map(|segment| dir.join(format!("{:020}.log", segment.base_offset)));
        found.extend(
            paths.filter(|path| disk.entry(path).is_ok_and(|file| file.is_some())).map(|path| (place, path)),
        );
    }
    found
}

/// What idempotent producers wrote into a partition.
pub fn written(headers: &[BatchHeader]) -> Vec<Written> {
    let of_producers = headers.iter().filter(|header| header.has_producer());
    of_producers
        .map(|header| Written {
            producer: header.producer_id,
            epoch: header.producer_epoch,
            sequences: (header.base_sequence, header.last_sequence()),
            offset: header.base_offset,
        })
        .collect()
}
