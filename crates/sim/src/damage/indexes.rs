//! Index files that are gone, damaged, or of another segment or log: no read and no look-up by time notices (rule R9).

use super::written::{self, Written};
use crate::disk::SimDisk;
use ottla_env::disk::Disk;
use ottla_env::rng::{Rng, SeededRng};
use ottla_log::{LogConfig, OpenFrom};
use std::path::{Path, PathBuf};

pub fn suite(seed: u64) -> Result<usize, String> {
    let rng = SeededRng::new(seed);
    let config = LogConfig {
        segment_bytes: 800 + rng.below(2_000) as u32,
        index_interval_bytes: 32 << rng.below(4),
        ..LogConfig::default()
    };
    let disk = SimDisk::default();
    let other = written::write(&disk, written::place(1), config.clone(), &rng)?;
    let written = written::write(&disk, written::place(0), config, &rng)?;
    let (own, others) = (indexes(&disk, &written)?, indexes(&disk, &other)?);
    let mut cases = 0;
    for (path, bytes) in &own {
        let mut files: Vec<Option<Vec<u8>>> = vec![None, Some(Vec::new()), Some(vec![0; bytes.len()])];
        files.extend((0..8).map(|_| Some(bytes[..rng.below(bytes.len() as u64) as usize].to_vec())));
        files.extend((0..16).map(|_| {
            let mut flipped = bytes.clone();
            flipped[rng.below(bytes.len() as u64) as usize] ^= 1 << rng.below(8);
            Some(flipped)
        }));
        files.extend(own.iter().chain(&others).map(|(_, bytes)| Some(bytes.clone())));
        for file in files {
            let disk = SimDisk::of(written.image.clone());
            replace(&disk, path, file.as_deref())?;
            all_is_found(&written, &disk).map_err(|error| format!("{}: {error}", path.display()))?;
            cases += 1;
        }
    }
    // Each index of the one in place of that of the other.
    let disk = SimDisk::of(written.image.clone());
    for ((path, _), (_, bytes)) in own.iter().zip(&others) {
        replace(&disk, path, Some(bytes))?;
    }
    all_is_found(&written, &disk).map_err(|error| format!("all indexes swapped: {error}"))?;
    Ok(cases + 1)
}

fn indexes(disk: &SimDisk, written: &Written) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let read = |base: i64| {
        let path = written.place.dir.join(format!("{base:020}.index"));
        let bytes = disk.read(&path, 1 << 20).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((path, bytes))
    };
    written.entry.segments.iter().map(|segment| read(segment.base_offset)).collect()
}

fn replace(disk: &SimDisk, path: &Path, bytes: Option<&[u8]>) -> Result<(), String> {
    let replaced = match bytes {
        Some(bytes) => disk.replace(path, bytes),
        None => disk.remove_file(path),
    };
    replaced.map_err(|error| error.to_string())
}

fn all_is_found(written: &Written, disk: &SimDisk) -> Result<(), String> {
    let entry = Some(&written.entry);
    for from in [OpenFrom::Clean(entry), OpenFrom::Unclean { entry, synced: false }] {
        let (log, _) = written.open(disk, from)?;
        for offset in 0..written.end_offset() {
            if let Err(error) = written.read(&log, offset, 1)? {
                return Err(format!("a read at {offset}: {error}"));
            }
        }
        for (_, timestamp) in &written.times {
            if let Err(error) = written.look_up(&log, *timestamp)? {
                return Err(format!("a look-up of {timestamp}: {error}"));
            }
        }
    }
    Ok(())
}
