//! Planted bugs of groups, for proving that the random driver and the simulation would find them. Only test builds
//! (feature `controls`) have any.

/// One bug a rule of groups is tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Control {
    None,
    /// A member of an earlier generation is believed (G4).
    OldGenerationAccepted,
    /// Offsets expire although the group rebalances (G2).
    ExpiredWhileRebalancing,
    /// Whoever syncs first assigns, not the leader alone (G5).
    AnyMemberAssigns,
    /// A static member that was displaced is still believed (Q17).
    DisplacedInstanceBelieved,
    /// A commit is acknowledged and no record of it is written (G1).
    CommitNotWritten,
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
