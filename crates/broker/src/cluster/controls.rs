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

ottla_env::control_switch!();
