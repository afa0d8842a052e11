//! The targets by name.

mod cluster_files;
mod connection;
mod groups;
mod log_files;
mod wire;

use ottla_env::disk::{Disk, MemoryDisk, OpenMode};
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
    let file = disk.open(path, OpenMode::Write).expect("a file can be made");
    file.set_len(0).expect("a file can be cut");
    file.write_all_at(bytes, 0).expect("a file can be written");
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
