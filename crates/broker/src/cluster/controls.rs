//! Planted bugs of the metadata's durability, for proving that the crash suites would find them.
//!
//! Only test builds (feature `controls`) have any.

/// One bug a rule of durability is tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Control {
    None,
    /// A commit is answered before its group is synced (C1).
    AnswerBeforeSync,
    /// A commit is answered although its group is written only beside the next one (C1).
    AnswerBeforeRecord,
    /// An unclean start leaves the leader epochs as they were (R8).
    EpochsKept,
    /// A producer-id block is reserved in memory only (P4).
    ProducerIdsInMemory,
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
