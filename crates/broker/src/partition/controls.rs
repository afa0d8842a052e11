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
}

#[cfg(feature = "controls")]
mod switch {
    use super::Control;
    use std::sync::atomic::{AtomicU32, Ordering};

    static ACTIVE: AtomicU32 = AtomicU32::new(0);

    /// Switches one bug on for the whole process, and the others off.
    pub fn activate(control: Control) {
        ACTIVE.store(control as u32, Ordering::SeqCst);
    }

    pub(crate) fn active(control: Control) -> bool {
        ACTIVE.load(Ordering::Relaxed) == control as u32
    }
}

#[cfg(not(feature = "controls"))]
mod switch {
    pub(crate) const fn active(_: super::Control) -> bool {
        false
    }
}

#[cfg(feature = "controls")]
pub use switch::activate;
pub(crate) use switch::active;
