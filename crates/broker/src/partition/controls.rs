//! Planted bugs of acknowledging and stopping, for proving that the crash suites would find them.
//!
//! Only test builds (feature `controls`) have any.

/// One bug a rule of durability is tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Control {
    None,
    /// The high watermark moves when a batch is appended, not when it is synced (A1).
    HighWatermarkAtAppend,
    /// A batch is acknowledged before it is written (A1).
    AckedBeforeWrite,
    /// Something waits between dispatch and the queue of the disk loop, and the next batch comes first (A3).
    Overtaken,
    /// A duplicate is acknowledged although the original is not synced yet (P1).
    DuplicateAckedEarly,
    /// After a failed sync the broker goes on and syncs again (A7).
    RetryAfterFailedSync,
    /// There is no reserve to free when the disk is full (A8).
    NoReserve,
    /// The marker of a clean stop stays while the log is written (R1).
    MarkerLeft,
    /// A checkpoint names positions that are appended, not synced (R5).
    CheckpointOfAppended,
    /// Directories that the metadata does not know are deleted (R10).
    StraysDeleted,
    /// The data of a topic goes before the record that says that it is deleted (C2).
    UnlinkBeforeRecord,
}

ottla_env::control_switch!();
