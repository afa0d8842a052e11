//! One partition's log on disk: segments of record batches, their indexes, and what recovery needs.
//!
//! Synchronous by design: a log has one owner, which appends, and any number of [`LogReader`]s. It knows batches but no
//! topics, no requests and no error codes, and it decides nothing about acknowledgements: it says up to which offset
//! it is durable ([`Log::durable_offset`]), and its owner moves the high watermark.
//!
//! A partition's directory holds `<base offset>.log` (batches, one after another, nothing else) and, for sealed
//! segments, `<base offset>.index`; `log-start` once the log starts later than its first segment. What a start must know beyond that is in one checkpoint for all logs
//! ([`checkpoint`]); docs/format.md draws all of it.

pub mod checkpoint;
pub mod checks;
pub mod compaction;
mod config;
pub mod controls;
mod error;
mod index;
mod leader_epochs;
mod log;
mod log_start;
pub mod producer_state;
mod range_read;
mod reader;
mod recovery;
pub mod retention;
mod scan;
mod segment;
mod sync_ledger;

pub use config::{Durability, LogConfig};
pub use error::{AppendError, CompactError, Damage, OpenError, ReadError, StartFailed, SyncFailed};
pub use leader_epochs::{EpochEnd, LeaderEpochs};
pub use log::{Appended, Log, LogPlace, OpenFrom, OpenReport};
pub use log_start::{Removal, StartJob};
pub use range_read::RangeRead;
pub use reader::{LogReader, ReadLimits, TimestampedOffset};
pub use segment::{CompactedRange, SegmentEntry};
pub use sync_ledger::SyncJob;
