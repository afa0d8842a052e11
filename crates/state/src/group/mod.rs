//! Consumer groups: who is in a group, who reads what, and how far it has read.
//!
//! [`Groups`] is the machine of one partition of `__consumer_offsets`. It answers the requests of that partition's
//! groups ([`Request`]) in Kafka's own messages and error codes ([`Reply`]), and its records are Kafka's. What it must
//! not know: topics of the cluster (whoever asks has checked that they exist), addresses, other partitions.

mod request;

pub use request::{
    Caller, Delete, DeletedTopic, Describe, Join, Leave, OffsetCommit, OffsetFetch, Reply, Request, Sync,
};

use crate::effects::{ApplyError, Effects, Machine, Now, StateRecord, Ticket};
use ottla_wire::ErrorCode;

/// Kafka's settings of groups, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `group.min.session.timeout.ms`
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`
    pub max_session_timeout_ms: i32,
    /// `group.initial.rebalance.delay.ms`
    pub initial_rebalance_delay_ms: i32,
    /// `group.max.size`
    pub max_size: i32,
    /// `offset.metadata.max.bytes`
    pub offset_metadata_max_bytes: i32,
    /// `offsets.retention.minutes`, in milliseconds
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`
    pub offsets_retention_check_interval_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_session_timeout_ms: 6_000,
            max_session_timeout_ms: 1_800_000,
            initial_rebalance_delay_ms: 3_000,
            max_size: i32::MAX,
            offset_metadata_max_bytes: 4_096,
            offsets_retention_ms: 7 * 24 * 60 * 60 * 1_000,
            offsets_retention_check_interval_ms: 600_000,
        }
    }
}

/// The groups of one partition.
#[derive(Debug)]
pub struct Groups {
    config: Config,
}

impl Groups {
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl Machine for Groups {
    type Request = Request;
    type Reply = Reply;

    fn decide(&mut self, _now: Now, ticket: Ticket, request: Request) -> Effects<Reply> {
        Effects::reply(ticket, request.refuse(ErrorCode::CoordinatorNotAvailable))
    }

    fn expire(&mut self, _now: Now) -> Effects<Reply> {
        Effects::default()
    }

    fn deadline_ms(&self) -> Option<i64> {
        None
    }

    fn apply(&mut self, _record: &StateRecord) -> Result<(), ApplyError> {
        Ok(())
    }

    fn loaded(&mut self, _now: Now) -> Effects<Reply> {
        Effects::default()
    }

    fn unload(&mut self, _error: ErrorCode) -> Vec<(Ticket, Reply)> {
        Vec::new()
    }
}

/// The partition of `__consumer_offsets` that a group lives in: Java's hash of the name, as every client and tool
/// computes it.
pub fn partition_of(group_id: &str, partitions: i32) -> i32 {
    let hash =
        group_id.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    (hash & i32::MAX) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::partition_of;

    #[test]
    fn a_group_lives_where_java_says() {
        // "polygenelubricants" hashes to i32::MIN in Java.
        for (group, partition) in [("", 0), ("g", 3), ("console-consumer-1", 24), ("polygenelubricants", 0)] {
            assert_eq!(partition_of(group, 50), partition, "{group}");
        }
    }
}
