//! The end of offsets: their time is over, or their topic is gone.

use super::request::DeletedTopic;
use super::step::{Step, TooLarge};
use super::{Groups, Reply, key, records};
use crate::effects::{Effects, Now, Ticket};
use ottla_wire::WireStr;
use std::ops::Bound;

/// The round in which offsets are looked through, a few groups at a time.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// Monotonic; none before the partition was replayed.
    pub(super) due_ms: Option<i64>,
    /// The group that the round has come to.
    from: Option<WireStr>,
}

/// Groups whose offsets are looked through at once, so that requests do not wait for all.
const RETENTION_STEP: usize = 1_000;

impl Groups {
    pub(super) fn topics_deleted(
        &mut self,
        now: Now,
        ticket: Ticket,
        topics: &[DeletedTopic],
    ) -> Effects<Reply> {
        let mut effects = Effects::reply(ticket, Reply::TopicsDeleted);
        for (id, group) in &self.groups {
            let mut at = Step { now, config: &self.config, group_id: id, effects: &mut effects };
            let gone = group.offsets.of_deleted(topics);
            forget_offsets(&mut at, gone);
        }
        effects
    }

    /// Looks through the offsets of some groups. Groups that have nothing left and nobody in them go away.
    pub(super) fn expire_offsets(&mut self, now: Now, effects: &mut Effects<Reply>) {
        let from = match self.retention.from.take() {
            Some(from) => Bound::Included(from),
            None => Bound::Unbounded,
        };
        let mut groups = self.groups.range((from, Bound::Unbounded));
        for (id, group) in groups.by_ref().take(RETENTION_STEP) {
            if group.classic.is_deciding() {
                continue;
            }
            let mut at = Step { now, config: &self.config, group_id: id, effects };
            let (over, is_all) = group.offsets.expired(
                group.classic.offset_expiry(),
                now.wall_ms,
                self.config.offsets_retention_ms,
                |topic| group.classic.is_subscribed(topic),
            );
            forget_offsets(&mut at, over);
            if is_all && group.classic.is_empty() && group.classic.is_stored() {
                // A tombstone is shorter than the record it ends, which was written.
                let _ = records::group_gone(id).map_err(TooLarge::from).and_then(|gone| at.record(gone));
            }
        }
        self.retention.from = groups.next().map(|(id, _)| id.clone());
        let pause_ms = match self.retention.from {
            Some(_) => 0,
            None => self.config.offsets_retention_check_interval_ms.max(1),
        };
        self.retention.due_ms = Some(now.monotonic_ms.saturating_add(pause_ms));
    }
}

/// Every key here was written before, so that its tombstone can be.
pub(super) fn forget_offsets(at: &mut Step<'_>, places: Vec<(WireStr, i32)>) {
    for (topic, partition) in places {
        let gone = records::offset_gone(key(at.group_id, &topic, partition));
        let _ = gone.map_err(TooLarge::from).and_then(|gone| at.record(gone));
    }
}
