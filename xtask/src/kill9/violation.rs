//! A broken promise, and which one.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// An acknowledged record is gone.
    Lost,
    /// An offset holds another record than the one that was acknowledged or read there.
    Moved,
    /// A record's bytes or timestamp differ from what was written or read before.
    Bytes,
    /// An idempotent producer's record is there twice.
    Doubled,
    /// Records of one producer are out of order in a partition.
    Order,
    /// Offsets are missing below the end of a partition.
    Hole,
    /// A group was told an older offset than it committed, or none.
    Offset,
    /// A request that must succeed was refused.
    Refused,
    /// A topic whose creation was answered is not there.
    TopicGone,
    /// A topic whose deletion was answered is back.
    TopicBack,
    /// A producer id was given twice.
    IdTwice,
    /// A reader met what must not happen.
    Reader,
    /// Half a batch was not cut.
    TornTail,
    /// `ottla log verify` found damage.
    Verify,
    /// The broker ended by itself, or did not start.
    Ended,
    /// Nothing moved for too long.
    Stuck,
}

#[derive(Debug, Clone)]
pub struct Violation {
    pub promise: Promise,
    pub text: String,
}

impl Violation {
    pub fn new(promise: Promise, text: impl Into<String>) -> Self {
        Self { promise, text: text.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.text)
    }
}

impl std::error::Error for Violation {}
