//! Consumer groups, from the side of a member.
//!
//! A [`GroupConsumer`] is what an application holds: records, and what the group gives and takes, come out of its one
//! method `next`. Behind it a task (`member`) joins, beats and rejoins, so that a slow application stays a member as
//! long as it comes back within `max_poll_interval`. The coordinator's answers are judged in one place (`verdict`), the
//! leader's decisions are pure (`assignor`). Nothing here is shared with a broker.

mod assignor;
mod commits;
mod config;
mod consumer;
mod coordinator;
mod heart;
mod join;
mod member;
pub(crate) mod offsets;
mod place;
pub(crate) mod protocol;
mod verdict;

#[cfg(test)]
mod tests;

pub use assignor::Assignor;
pub use config::GroupConfig;
pub use consumer::{GroupConsumer, GroupEvent};
pub(crate) use coordinator::Coordinator;
pub use offsets::CommittedOffset;

/// Who commits or beats; without a member id it is nobody of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub member_id: String,
    /// -1 before the first join, and for who is no member.
    pub generation: i32,
    pub instance_id: Option<String>,
}

impl Identity {
    pub fn nobody() -> Self {
        Self { member_id: String::new(), generation: -1, instance_id: None }
    }
}
