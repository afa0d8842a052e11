//! What can go wrong with a partition, one enum per operation. Kafka's codes for these facts are chosen elsewhere.

use std::io;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("this broker does not lead the partition")]
    NotLeader,
    #[error("the topic was deleted")]
    Deleted,
    #[error("sequence {sequence} of producer {producer_id} does not follow {expected}")]
    OutOfOrderSequence { producer_id: i64, sequence: i32, expected: i32 },
    #[error("epoch {epoch} of producer {producer_id} is older than {current}")]
    StaleProducerEpoch { producer_id: i64, epoch: i16, current: i16 },
    /// Nothing was appended; writes are taken again when there is room.
    #[error("the disk is full")]
    DiskFull,
    /// Nothing was appended, or it is not known to be durable.
    #[error("storage: {0}")]
    Storage(String),
    #[error("the broker stops")]
    Stopping,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("this broker does not lead the partition")]
    NotLeader,
    #[error("the topic was deleted")]
    Deleted,
    #[error("offset {offset} is outside of {start}..={end}")]
    OutOfRange { offset: i64, start: i64, end: i64 },
    #[error("storage: {0}")]
    Storage(String),
    #[error("the broker stops")]
    Stopping,
}

/// Why records are still there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeleteError {
    #[error("the topic was deleted")]
    Deleted,
    #[error("offset {offset} is outside of 0..={high_watermark}")]
    OutOfRange { offset: i64, high_watermark: i64 },
    #[error("storage: {0}")]
    Storage(String),
    #[error("the broker stops")]
    Stopping,
}

/// What was written cannot be trusted any more (durability rule A7): the process has to end with exit code 1, and the
/// next start verifies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} {}: {cause}", path.display())]
pub struct StorageFailed {
    pub action: &'static str,
    pub path: PathBuf,
    pub cause: String,
}

/// Why the partitions of a data directory cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("start a thread: {0}")]
    Thread(io::Error),
}

/// Why a stop was not a clean one: the next start recovers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopError {
    #[error(transparent)]
    Failed(#[from] StorageFailed),
    #[error("a log is not synced to its end: {0}")]
    NotSynced(String),
    #[error("{action} {}: {cause}", path.display())]
    Io { action: &'static str, path: PathBuf, cause: String },
}
