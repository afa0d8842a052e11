//! Partitions: what stands between handlers and logs.
//!
//! A [`Partition`] is asked by any task; its log is owned by one disk loop ([`writer`]), which appends in the order of
//! arrival and moves the high watermark when the disk has synced. Reads are served from the newest batches in memory
//! ([`tail_cache`]) or by a read thread. [`Registry`] knows the partitions, opens, recovers, deletes and checkpoints
//! them. Nothing here knows of requests, and nothing chooses an error code.

pub mod controls;
mod deletion;
mod error;
mod local;
mod memory;
mod partition_log;
mod pool;
mod purgatory;
mod registry;
mod start;
mod tail_cache;
mod writer;

pub use crate::reserve::RESERVE_BYTES;
pub use error::{AppendError, DeleteError, ReadError, StartError, StopError, StorageFailed};
pub use memory::MemoryLog;
pub use partition_log::{
    ActiveProducer, DeleteBefore, EpochEnd, Offsets, PartitionLog, Produced, ReadLimits, Slices,
    TimestampedOffset, Written,
};
pub use purgatory::{WaitSet, Watchers};
pub use registry::{Forget, Partition, Registry, RegistryStart, Storage, Usage};
pub(crate) use registry::{directory_name, parse_directory};
pub(crate) use start::look;
pub use start::{MARKER as CLEAN_STOP, Opening, StartReport};
pub use writer::{Chore, OnCompacted, OnRemoved};
