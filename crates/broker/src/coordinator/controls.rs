//! Planted bugs of coordinators, for proving that the runs with real kills and the simulation would
//! find them.
//!
//! Only test builds (feature `controls`) have any.

/// One bug a rule of coordinators is tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Control {
    None,
    /// Answers leave when they are decided, not when the high watermark covers their records (G1).
    AnsweredBeforeAppend,
    /// A replay believes that it is done after the first batch (G3).
    ReplayCutShort,
}

ottla_env::control_switch!();
