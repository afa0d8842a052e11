//! Planted bugs of coordinators, for proving that the runs with real kills would find them.
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
