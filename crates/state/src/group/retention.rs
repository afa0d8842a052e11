//! The end of offsets: their time is over, or their topic is gone. Both go step by step, so that requests do not wait
//! for the last of them.

use super::request::DeletedTopic;
use super::step::{Step, TooLarge};
use super::{Config, GROUPS_AT_ONCE, Groups, Reply, key, records};
use crate::effects::{Effects, Now, Ticket};
use ottla_wire::WireStr;
use std::collections::VecDeque;
use std::ops::Bound;

#[derive(Debug, Default)]
pub(super) struct Retention {
    /// When a round begins or goes on, monotonic; none before the partition was replayed.
    due_ms: Option<i64>,
    /// The group that the round has come to.
    from: Option<WireStr>,
    deletions: VecDeque<Deletion>,
}

/// Topics that are gone, and the group from which on their offsets may still be there.
#[derive(Debug)]
struct Deletion {
    ticket: Ticket,
    topics: Vec<DeletedTopic>,
    from: Option<WireStr>,
    due_ms: i64,
}

impl Retention {
    pub fn begin(&mut self, now: Now, config: &Config) {
        let interval_ms = config.offsets_retention_check_interval_ms.max(1);
        self.due_ms = Some(now.monotonic_ms.saturating_add(interval_ms));
    }

    pub fn deadline_ms(&self) -> Option<i64> {
        self.deletions.front().map(|deletion| deletion.due_ms).into_iter().chain(self.due_ms).min()
    }
}

impl Groups {
    /// The answer says that all is done, however many steps it takes.
    pub(super) fn topics_deleted(
        &mut self,
        now: Now,
        ticket: Ticket,
        topics: Vec<DeletedTopic>,
    ) -> Effects<Reply> {
        let mut effects = Effects::default();
        let deletion = Deletion { ticket, topics, from: None, due_ms: now.monotonic_ms };
        self.retention.deletions.push_back(deletion);
        self.forget_topics(now, &mut effects);
        effects
    }

    pub(super) fn forget_what_is_due(&mut self, now: Now, effects: &mut Effects<Reply>) {
        if !self.retention.deletions.is_empty() {
            self.forget_topics(now, effects);
        } else if self.retention.due_ms.is_some_and(|due_ms| due_ms <= now.monotonic_ms) {
            self.expire_offsets(now, effects);
        }
    }

    fn forget_topics(&mut self, now: Now, effects: &mut Effects<Reply>) {
        let Some(deletion) = self.retention.deletions.front_mut() else { return };
        let mut written = 0;
        let from = deletion.from.take().map_or(Bound::Unbounded, Bound::Included);
        for (id, group) in self.groups.range((from, Bound::Unbounded)) {
            let mut at = Step { now, config: &self.config, group_id: id, effects, written };
            if !forget_offsets(&mut at, group.offsets.of_deleted(&deletion.topics)) {
                deletion.from = Some(id.clone());
                return;
            }
            written = at.written;
        }
        effects.replies.push((deletion.ticket, Reply::TopicsDeleted));
        self.retention.deletions.pop_front();
    }

    /// Looks through the offsets of some groups. Groups that have nothing left and nobody in them go away.
    fn expire_offsets(&mut self, now: Now, effects: &mut Effects<Reply>) {
        let from = self.retention.from.take().map_or(Bound::Unbounded, Bound::Included);
        let mut written = 0;
        let mut groups = self.groups.range((from, Bound::Unbounded));
        for (id, group) in groups.by_ref().take(GROUPS_AT_ONCE) {
            if group.classic.is_deciding() {
                continue;
            }
            let mut at = Step { now, config: &self.config, group_id: id, effects, written };
            let (over, is_all) = group.offsets.expired(
                group.classic.offset_expiry(),
                now.wall_ms,
                self.config.offsets_retention_ms,
                |topic| group.classic.is_subscribed(topic),
            );
            if !forget_offsets(&mut at, over) {
                self.retention.from = Some(id.clone());
                break;
            }
            if is_all && group.classic.is_empty() && group.classic.is_stored() {
                // A tombstone is shorter than the record it ends, which was written.
                let _ = records::group_gone(id).map_err(TooLarge::from).and_then(|gone| at.record(gone));
            }
            written = at.written;
        }
        if self.retention.from.is_none() {
            self.retention.from = groups.next().map(|(id, _)| id.clone());
        }
        if self.retention.from.is_none() {
            self.retention.begin(now, &self.config);
        }
    }
}

/// Every key here was written before, so that its tombstone can be. False when some are left for the next decision.
pub(super) fn forget_offsets(at: &mut Step<'_>, places: impl IntoIterator<Item = (WireStr, i32)>) -> bool {
    for (topic, partition) in places {
        if at.is_full() {
            return false;
        }
        let gone = records::offset_gone(key(at.group_id, &topic, partition));
        let _ = gone.map_err(TooLarge::from).and_then(|gone| at.record(gone));
    }
    true
}
