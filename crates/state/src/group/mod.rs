//! Consumer groups: who is in a group, who reads what, and how far it has read.
//!
//! [`Groups`] is the machine of one partition of `__consumer_offsets`. It answers the requests of that partition's
//! groups ([`Request`]) in Kafka's own messages and error codes ([`Reply`]), and its records are Kafka's. What it must
//! not know: topics of the cluster (whoever asks has checked that they exist), addresses, other partitions.

mod admin;
mod classic;
mod commit;
mod offsets;
mod records;
mod request;
mod retention;
mod step;

pub use request::{
    Caller, Delete, DeletedTopic, Describe, Join, Leave, OffsetCommit, OffsetFetch, Reply, Request, Sync,
};

use crate::effects::{ApplyError, Effects, Machine, Now, StateRecord, Ticket};
use bytes::Bytes;
use classic::ClassicGroup;
use offsets::Offsets;
use ottla_wire::codec::EncodeError;
use ottla_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_wire::messages::leave_group::LeaveGroupResponse;
use ottla_wire::messages::records::OffsetCommitKey;
use ottla_wire::messages::sync_group::SyncGroupResponse;
use ottla_wire::{ErrorCode, WireStr};
use records::Record;
use request::refused_join;
use retention::Retention;
use std::collections::{BTreeMap, BTreeSet};
use step::Step;

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
    /// Key and value of one record that the partition takes.
    pub max_record_bytes: usize,
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
            max_record_bytes: 1_000_000,
            offsets_retention_ms: 7 * 24 * 60 * 60 * 1_000,
            offsets_retention_check_interval_ms: 600_000,
        }
    }
}

/// The groups of one partition.
#[derive(Debug)]
pub struct Groups {
    config: Config,
    groups: BTreeMap<WireStr, Group>,
    /// When each group has something due, or before: monotonic.
    wakes: BTreeSet<(i64, WireStr)>,
    retention: Retention,
    /// Of all groups.
    members: usize,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub groups: usize,
    pub members: usize,
}

/// Groups that are seen to at once, so that requests do not wait for all.
const GROUPS_AT_ONCE: usize = 1_000;

#[derive(Debug, Default)]
struct Group {
    classic: ClassicGroup,
    offsets: Offsets,
    /// Where it stands among the wakes.
    wake_ms: Option<i64>,
    /// Members that are counted already.
    counted: usize,
}

impl Group {
    fn is_forgettable(&self) -> bool {
        self.classic.is_forgettable() && self.offsets.is_empty()
    }
}

impl Groups {
    pub fn new(config: Config) -> Self {
        Self {
            config,
            groups: BTreeMap::new(),
            wakes: BTreeSet::new(),
            retention: Retention::default(),
            members: 0,
        }
    }

    /// What is decided from now on is decided by these settings.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
    }

    pub fn counts(&self) -> Counts {
        Counts { groups: self.groups.len(), members: self.members }
    }

    /// Kafka's name of a group's state.
    pub fn state(&self, group_id: &str) -> Option<&'static str> {
        self.groups.get(group_id).map(|group| group.classic.state())
    }

    /// The records that say what is durable, by their keys: what a compacted log of this partition has. Of a group
    /// that is between two outcomes only the offsets are among them.
    pub fn durable(&self) -> Result<BTreeMap<Bytes, Bytes>, EncodeError> {
        let mut all = BTreeMap::new();
        for (id, group) in &self.groups {
            let outcome = group.classic.stored().map(|value| records::group(id, &value));
            let offsets = group
                .offsets
                .iter()
                .map(|(topic, partition, value)| records::offset(key(id, topic, partition), value));
            for record in outcome.into_iter().chain(offsets) {
                let record = record?;
                all.extend(record.value.map(|value| (record.key, value)));
            }
        }
        Ok(all)
    }

    /// Lets `decide` work on one group, and sees to its deadlines after.
    fn on_group<T>(
        &mut self,
        id: &WireStr,
        now: Now,
        effects: &mut Effects<Reply>,
        decide: impl FnOnce(&mut Group, &mut Step<'_>) -> T,
    ) -> Option<T> {
        let group = self.groups.get_mut(id)?;
        let done = decide(group, &mut Step { now, config: &self.config, group_id: id, effects, written: 0 });
        self.settle(id);
        Some(done)
    }

    /// After anything happened to a group: its members are counted, its next wake is set, or it ends.
    fn settle(&mut self, id: &WireStr) {
        let Some(group) = self.groups.get_mut(id) else { return };
        let before = std::mem::replace(&mut group.counted, group.classic.len());
        self.members = self.members - before + group.counted;
        let earliest_ms = Some(group.classic.earliest_ms()).filter(|ms| *ms < i64::MAX);
        // A wake that comes too early costs little; moving it at every heartbeat would not.
        let is_late = match (group.wake_ms, earliest_ms) {
            (Some(wake), Some(earliest)) => earliest < wake,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if is_late {
            self.wakes.extend(earliest_ms.map(|ms| (ms, id.detach())));
            let before = std::mem::replace(&mut group.wake_ms, earliest_ms);
            if let Some(before) = before {
                self.wakes.remove(&(before, id.clone()));
            }
        }
        if group.is_forgettable() {
            if let Some(wake) = group.wake_ms {
                self.wakes.remove(&(wake, id.clone()));
            }
            self.members -= group.counted;
            self.groups.remove(id);
        }
    }

    fn join(&mut self, now: Now, ticket: Ticket, join: &Join) -> Effects<Reply> {
        let request = &join.request;
        let id = &request.group_id;
        let refusal = if id.is_empty() {
            Some(ErrorCode::InvalidGroupId)
        } else if !join.is_writable(self.config.max_record_bytes) {
            Some(ErrorCode::InvalidRequest)
        } else if request.session_timeout_ms < self.config.min_session_timeout_ms
            || request.session_timeout_ms > self.config.max_session_timeout_ms
        {
            Some(ErrorCode::InvalidSessionTimeout)
        } else if self.groups.contains_key(id) {
            None
        } else if !request.member_id.is_empty() {
            Some(ErrorCode::UnknownMemberId)
        } else {
            self.groups.insert(id.detach(), Group::default());
            None
        };
        if let Some(error) = refusal {
            return Effects::reply(ticket, Reply::Join(refused_join(request.member_id.clone(), error)));
        }
        let mut effects = Effects::default();
        self.on_group(id, now, &mut effects, |group, at| group.classic.join(at, ticket, join));
        effects
    }

    fn sync(&mut self, now: Now, ticket: Ticket, sync: &Sync) -> Effects<Reply> {
        let id = &sync.request.group_id;
        let mut effects = Effects::default();
        let refusal = if id.is_empty() {
            Some(ErrorCode::InvalidGroupId)
        } else if !ClassicGroup::is_whole(sync) {
            Some(ErrorCode::InconsistentGroupProtocol)
        } else {
            let synced =
                self.on_group(id, now, &mut effects, |group, at| group.classic.sync(at, ticket, sync));
            synced.is_none().then_some(ErrorCode::UnknownMemberId)
        };
        if let Some(error) = refusal {
            let refused = SyncGroupResponse { error_code: error.code(), ..Default::default() };
            effects.replies.push((ticket, Reply::Sync(refused)));
        }
        effects
    }

    fn heartbeat(&mut self, now: Now, ticket: Ticket, request: &HeartbeatRequest) -> Effects<Reply> {
        let id = &request.group_id;
        let mut effects = Effects::default();
        let result = if id.is_empty() {
            Err(ErrorCode::InvalidGroupId)
        } else {
            self.on_group(id, now, &mut effects, |group, at| group.classic.heartbeat(at, request))
                .unwrap_or(Err(ErrorCode::UnknownMemberId))
        };
        let error_code = result.err().unwrap_or(ErrorCode::None).code();
        effects
            .replies
            .push((ticket, Reply::Heartbeat(HeartbeatResponse { error_code, ..Default::default() })));
        effects
    }

    fn leave(&mut self, now: Now, ticket: Ticket, leave: &Leave) -> Effects<Reply> {
        let id = &leave.request.group_id;
        let mut effects = Effects::default();
        let response = if id.is_empty() {
            LeaveGroupResponse { error_code: ErrorCode::InvalidGroupId.code(), ..Default::default() }
        } else {
            let members = leave.members();
            let left = self.on_group(id, now, &mut effects, |group, at| group.classic.leave(at, &members));
            leave.answer(left.unwrap_or_else(|| Leave::unknown(&members)))
        };
        effects.replies.push((ticket, Reply::Leave(response)));
        effects
    }
}

impl Machine for Groups {
    type Request = Request;
    type Reply = Reply;

    fn decide(&mut self, now: Now, ticket: Ticket, request: Request) -> Effects<Reply> {
        match &request {
            Request::Join(join) => self.join(now, ticket, join),
            Request::Sync(sync) => self.sync(now, ticket, sync),
            Request::Heartbeat(request) => self.heartbeat(now, ticket, request),
            Request::Leave(leave) => self.leave(now, ticket, leave),
            Request::OffsetCommit(commit) => self.commit(now, ticket, commit),
            Request::OffsetFetch(fetch) => Effects::reply(ticket, Reply::OffsetFetch(self.fetch(fetch))),
            Request::OffsetDelete(request) => self.delete_offsets(now, ticket, request),
            Request::Describe(describe) => Effects::reply(ticket, Reply::Describe(self.describe(describe))),
            Request::List(request) => Effects::reply(ticket, Reply::List(self.list(request))),
            Request::Delete(delete) => self.delete(now, ticket, delete),
            Request::TopicsDeleted(topics) => self.topics_deleted(now, ticket, topics.clone()),
        }
    }

    fn expire(&mut self, now: Now) -> Effects<Reply> {
        let mut effects = Effects::default();
        let is_due = |wake: &&(i64, WireStr)| wake.0 <= now.monotonic_ms;
        let due = self.wakes.iter().take_while(is_due).take(GROUPS_AT_ONCE);
        let due: Vec<WireStr> = due.map(|(_, id)| id.clone()).collect();
        for id in due {
            if let Some(group) = self.groups.get_mut(&id)
                && let Some(wake) = group.wake_ms.take()
            {
                self.wakes.remove(&(wake, id.clone()));
            }
            self.on_group(&id, now, &mut effects, |group, at| group.classic.expire(at));
        }
        self.forget_what_is_due(now, &mut effects);
        effects
    }

    fn deadline_ms(&self) -> Option<i64> {
        let wake = self.wakes.first().map(|(ms, _)| *ms);
        wake.into_iter().chain(self.retention.deadline_ms()).min()
    }

    fn apply(&mut self, record: &StateRecord) -> Result<(), ApplyError> {
        let id = match records::decode(record)? {
            Record::Offset { group, topic, partition, value } => {
                if value.is_some() && !self.groups.contains_key(&group) {
                    self.groups.insert(group.detach(), Group::default());
                }
                if let Some(known) = self.groups.get_mut(&group) {
                    known.offsets.apply(&topic, partition, value);
                }
                group
            }
            Record::Group { group, value } => {
                if value.is_some() && !self.groups.contains_key(&group) {
                    self.groups.insert(group.detach(), Group::default());
                }
                if let Some(known) = self.groups.get_mut(&group) {
                    known.classic.apply(value);
                }
                group
            }
            Record::Other { .. } => return Ok(()),
        };
        self.settle(&id);
        Ok(())
    }

    fn loaded(&mut self, now: Now) -> Effects<Reply> {
        let mut effects = Effects::default();
        let ids: Vec<WireStr> = self.groups.keys().cloned().collect();
        for id in ids {
            self.on_group(&id, now, &mut effects, |group, at| group.classic.loaded(at));
        }
        self.retention.begin(now, &self.config);
        effects
    }

    fn unload(&mut self, error: ErrorCode) -> Vec<(Ticket, Reply)> {
        self.groups.values_mut().flat_map(|group| group.classic.unload(error)).collect()
    }
}

fn key(group: &WireStr, topic: &WireStr, partition: i32) -> OffsetCommitKey {
    OffsetCommitKey { group: group.clone(), topic: topic.clone(), partition }
}

/// The partition of `__consumer_offsets` that a group lives in: Java's hash of the name, as every client and tool
/// computes it.
pub fn partition_of(group_id: &str, partitions: i32) -> i32 {
    let hash =
        group_id.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0) % partitions.max(1)
}

#[cfg(test)]
mod tests;
