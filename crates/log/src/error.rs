//! What can go wrong in a log, one enum per operation.

use ottla_env::disk::lacks_descriptors;
use ottla_wire::batch::BatchError;
use std::io;
use std::path::PathBuf;

/// Where promised data is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is damaged at byte {position}: {what} (look with: ottla log verify)", file.display())]
pub struct Damage {
    pub file: PathBuf,
    pub position: u64,
    /// The first offset that cannot be read.
    pub offset: i64,
    pub what: String,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another attempt is good.
    #[error("{action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Sync(#[from] SyncFailed),
}

impl OpenError {
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn sync(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| {
            if lacks_descriptors(&source) {
                Self::Io { action: "open", path, source }
            } else {
                SyncFailed { path, source }.into()
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("sequence {sequence} of producer {producer_id} does not follow {expected}")]
    OutOfOrderSequence { producer_id: i64, sequence: i32, expected: i32 },
    #[error("epoch {epoch} of producer {producer_id} is older than {current}")]
    StaleProducerEpoch { producer_id: i64, epoch: i16, current: i16 },
    #[error("the disk is full")]
    DiskFull,
    /// The append is undone; the log goes on.
    #[error("write: {0}")]
    Io(io::Error),
    /// The log takes no more appends: a failed append could not be undone, or promised data is damaged.
    #[error("the log is offline: {0}")]
    Offline(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("offset {offset} is outside of {start}..={end}")]
    OutOfRange { offset: i64, start: i64, end: i64 },
    /// Not even the first batch fits into what may be read.
    #[error("the first batch has {batch_bytes} bytes, more than may be read")]
    OverLimit { batch_bytes: usize },
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error("read: {0}")]
    Io(#[from] io::Error),
    #[error("a batch that cannot be decoded: {0}")]
    Batch(#[from] BatchError),
    #[error("a record that cannot be decoded: {0}")]
    Record(#[from] ottla_wire::record::RecordError),
}

/// Why a compaction ended early. The log is as good as before.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    #[error("{action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error("a record that cannot be decoded: {0}")]
    Record(#[from] ottla_wire::record::RecordError),
    #[error("a batch that cannot be written again: {0}")]
    Rebuild(#[from] ottla_wire::record::RecompressError),
    #[error(transparent)]
    Sync(#[from] SyncFailed),
    #[error("the broker stops")]
    Stopping,
}

impl CompactError {
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// Why a log start is not durable.
#[derive(Debug, thiserror::Error)]
pub enum StartFailed {
    /// The old start stays, and another attempt is good.
    #[error("write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Sync(#[from] SyncFailed),
}

/// Nothing that was written since the last sync can be trusted any more, so the process has to end.
#[derive(Debug, thiserror::Error)]
#[error("sync {}: {source}", path.display())]
pub struct SyncFailed {
    pub path: PathBuf,
    pub source: io::Error,
}
