//! The targets by name.

mod cluster_files;
mod compacted_files;
mod connection;
mod groups;
mod log_files;
mod wire;

use ottla_env::disk::{Disk, MemoryDisk, OpenMode};
use std::io;
use std::path::Path;

/// One reader, and what is thrown at it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// Real input to begin with.
    pub corpus: fn() -> Vec<Vec<u8>>,
    /// Makes the checksums of an input right.
    pub repair: fn(&mut [u8]),
    /// Panics when a promise is broken. Whether the input was read, and not refused.
    pub run: fn(&[u8]) -> bool,
}

fn leave(_: &mut [u8]) {}

/// A file with this content, whatever was there.
fn put(disk: &MemoryDisk, path: &Path, bytes: &[u8]) {
    write(disk, path, bytes).expect("this disk takes everything");
}

fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.open(path, OpenMode::Write)?;
    file.set_len(0)?;
    file.write_all_at(bytes, 0)
}

/// Puts the CRC-32C of everything before into the last four bytes, as most of our files have it.
fn repair_last_crc(bytes: &mut [u8]) {
    let Some((body, crc)) = bytes.split_last_chunk_mut::<4>() else { return };
    *crc = ottla_wire::batch::crc32c(body).to_be_bytes();
}

macro_rules! targets {
    ($($name:literal $module:ident $target:ident $corpus:ident $repair:path;)+) => {
        /// All of them.
        pub const TARGETS: &[Target] = &[$(Target {
            name: $name,
            corpus: $module::$corpus,
            repair: $repair,
            run: $module::$target,
        }),+];
    };
}

#[rustfmt::skip]
targets! {
    "heads" wire heads head_corpus leave;
    "messages" wire messages message_corpus leave;
    "batches" wire batches batch_corpus wire::repair_batch;
    "codecs" wire codecs codec_corpus leave;
    "names" wire names name_corpus leave;
    "segment" log_files segment segment_corpus wire::repair_batch;
    "compacted" compacted_files compacted corpus compacted_files::repair;
    "index" log_files index index_corpus repair_last_crc;
    "log-start" log_files log_start log_start_corpus repair_last_crc;
    "checkpoint" log_files checkpoint checkpoint_corpus repair_last_crc;
    "clean-stop" log_files clean_stop clean_stop_corpus repair_last_crc;
    "format" cluster_files format format_corpus repair_last_crc;
    "metadata-log" cluster_files metadata_log metadata_log_corpus cluster_files::repair_groups;
    "metadata-snapshot" cluster_files snapshot snapshot_corpus cluster_files::repair_snapshot;
    "changes" cluster_files changes change_corpus leave;
    "settings" cluster_files settings settings_corpus leave;
    "group-records" groups records record_corpus leave;
    "group-operations" groups operations operation_corpus leave;
    "connection" connection connection connection_corpus leave;
}

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The corpora as files, a folder for each target, as cargo-fuzz wants them. How many there are.
pub fn write_corpora(disk: &dyn Disk, folder: &Path) -> io::Result<usize> {
    let mut files = 0;
    for target in TARGETS {
        let folder = folder.join(target.name);
        disk.create_dir_all(&folder)?;
        for (number, input) in (target.corpus)().iter().enumerate() {
            write(disk, &folder.join(format!("{number:05}")), input)?;
            files += 1;
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_folder_of_what_it_begins_with() {
        let disk = MemoryDisk::new();
        let files = write_corpora(&disk, Path::new("/corpus")).unwrap();
        let of = |target: &Target| {
            let folder = Path::new("/corpus").join(target.name);
            let names = disk.list(&folder).unwrap().into_iter().map(|entry| folder.join(entry.name));
            names.map(|path| disk.read(&path, 1 << 20).unwrap()).collect::<Vec<_>>()
        };
        for target in TARGETS {
            let (mut written, mut corpus) = (of(target), (target.corpus)());
            written.sort_unstable();
            corpus.sort_unstable();
            assert!(written == corpus && !written.is_empty(), "{}", target.name);
        }
        assert_eq!(files, TARGETS.iter().map(|target| of(target).len()).sum::<usize>());
    }
}
