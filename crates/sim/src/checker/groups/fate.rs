//! What became of a commit, and what it has done by that.

use ottla_wire::ErrorCode;

/// How long a commit whose answer was lost may still be on its way.
const LOST_MS: u64 = 30_000;
/// The same of the first try of one that was tried again and acknowledged.
const REPEATED_MS: u64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Acked,
    Refused(ErrorCode),
    Unknown,
}

/// How often a commit may come to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    Once,
    /// The client tries again by itself, over crashes too.
    Many,
}

/// Something of it may still come within `open_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Taken {
        open_ms: u64,
    },
    /// Refused because of who asks, or in which generation.
    Fenced,
    Nothing,
    /// Nobody knows.
    Maybe {
        open_ms: u64,
    },
}

impl Effect {
    /// `None`: a commit never comes to this.
    pub fn of(fate: Fate, tries: Tries) -> Option<Self> {
        use ErrorCode::{
            CoordinatorLoadInProgress, CoordinatorNotAvailable, FencedInstanceId, IllegalGeneration,
            NotCoordinator, RebalanceInProgress, UnknownMemberId,
        };
        match (fate, tries) {
            (Fate::Acked, Tries::Once) => Some(Self::Taken { open_ms: 0 }),
            (Fate::Acked, Tries::Many) => Some(Self::Taken { open_ms: REPEATED_MS }),
            (Fate::Unknown, _) => Some(Self::Maybe { open_ms: LOST_MS }),
            (Fate::Refused(IllegalGeneration | UnknownMemberId | FencedInstanceId), _) => Some(Self::Fenced),
            (Fate::Refused(RebalanceInProgress | CoordinatorLoadInProgress), _) => Some(Self::Nothing),
            // It may be durable, and is in order with what comes behind it.
            (Fate::Refused(NotCoordinator | CoordinatorNotAvailable), _) => Some(Self::Maybe { open_ms: 0 }),
            (Fate::Refused(_), _) => None,
        }
    }
}
