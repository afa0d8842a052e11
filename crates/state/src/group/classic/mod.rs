//! A classic group: the members agree on a protocol, one of them assigns, the group carries the assignments.
//!
//! ```text
//! Empty -> PreparingRebalance -> CompletingRebalance -> Stable -> PreparingRebalance ...
//!          everybody joins       the leader assigns     a member comes, goes or changes
//! ```
//!
//! What is stored is the outcome of a rebalance: a generation with its members and assignments, or an empty one. It
//! changes by [`ClassicGroup::apply`] alone. Between two outcomes everything is in memory, as in Kafka: after a crash
//! the last outcome holds again, and a member of an unfinished rebalance is told so by its generation. Nobody was given
//! an assignment of that generation, so it may be used again.

mod join;
mod members;
mod outcome;
mod sync;

use super::offsets::Expiry;
use super::request::{Reply, refused_join};
use super::step::Step;
use crate::controls::{Control, active};
use crate::effects::Ticket;
use members::{Abandoned, Member, Members, Protocol};
use ottla_wire::messages::describe_groups::{DescribedGroup, DescribedGroupMember};
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use ottla_wire::messages::leave_group::{MemberIdentity, MemberResponse};
use ottla_wire::messages::list_groups::ListedGroup;
use ottla_wire::messages::offset_commit::OffsetCommitRequest;
use ottla_wire::{ErrorCode, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use sync::refused_sync;

/// Clients that read partitions; what they say of themselves names the topics they want.
const CONSUMER: &str = "consumer";
pub const TYPE: &str = "classic";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Empty,
    PreparingRebalance {
        deadline_ms: i64,
        /// The group was empty: others are given time to come.
        initial: Option<Initial>,
    },
    CompletingRebalance,
    Stable,
}

/// The first rebalance of a group waits, and again for each delay in which somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Initial {
    delay_ms: i64,
    remaining_ms: i64,
    has_new_member: bool,
}

#[derive(Debug)]
pub struct ClassicGroup {
    phase: Phase,
    generation: i32,
    protocol_type: Option<WireStr>,
    protocol: Option<WireStr>,
    leader: Option<WireStr>,
    /// Wall clock of the last stored outcome.
    outcome_ms: Option<i64>,
    members: Members,
    /// Ids that were given and not come back with, and until when they may (KIP-394).
    pending: BTreeMap<WireStr, i64>,
    /// Who has not asked for the assignment of this generation yet, and until when they may.
    unsynced: BTreeSet<WireStr>,
    sync_deadline_ms: Option<i64>,
    /// Topics that members want; unknown where what they say is not understood.
    subscribed: Option<BTreeSet<WireStr>>,
    is_stored: bool,
    /// An outcome was decided and not applied yet.
    is_deciding: bool,
    /// Nothing of the group is due before.
    earliest_ms: i64,
}

impl Default for ClassicGroup {
    fn default() -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            outcome_ms: None,
            members: Members::default(),
            pending: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            sync_deadline_ms: None,
            subscribed: None,
            is_stored: false,
            is_deciding: false,
            earliest_ms: i64::MAX,
        }
    }
}

/// What was asked, by whom it says it is.
#[derive(Debug, Clone, Copy)]
struct Claim<'a> {
    member_id: &'a str,
    instance_id: Option<&'a str>,
}

impl ClassicGroup {
    pub fn is_stored(&self) -> bool {
        self.is_stored
    }

    pub fn is_empty(&self) -> bool {
        self.phase == Phase::Empty
    }

    /// Nothing of it is stored or goes on.
    pub fn is_forgettable(&self) -> bool {
        !self.is_stored && self.is_empty() && self.members.is_empty() && self.pending.is_empty()
    }

    /// Between an outcome that was decided and its record.
    pub fn is_deciding(&self) -> bool {
        self.is_deciding
    }

    /// Members, as Kafka describes them.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn earliest_ms(&self) -> i64 {
        self.earliest_ms
    }

    pub fn state(&self) -> &'static str {
        match self.phase {
            Phase::Empty => "Empty",
            Phase::PreparingRebalance { .. } => "PreparingRebalance",
            Phase::CompletingRebalance => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }

    fn is_consumer(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    /// Whether members read this topic. Where that cannot be known, members of a consumer group are taken to.
    pub fn is_subscribed(&self, topic: &str) -> bool {
        match &self.subscribed {
            Some(topics) => topics.contains(topic),
            None => self.is_consumer(),
        }
    }

    pub fn offset_expiry(&self) -> Expiry {
        match self.phase {
            _ if self.protocol_type.is_none() => Expiry::SinceCommit,
            Phase::Empty => self.outcome_ms.map_or(Expiry::SinceCommit, Expiry::Since),
            Phase::Stable if self.is_consumer() && self.subscribed.is_some() => Expiry::SinceCommit,
            _ if active(Control::ExpiredWhileRebalancing) => Expiry::SinceCommit,
            _ => Expiry::Never,
        }
    }

    pub fn check_deletion(&self) -> Result<(), ErrorCode> {
        if self.is_empty() { Ok(()) } else { Err(ErrorCode::NonEmptyGroup) }
    }

    pub fn check_offset_deletion(&self) -> Result<(), ErrorCode> {
        if self.is_empty() || self.is_consumer() { Ok(()) } else { Err(ErrorCode::NonEmptyGroup) }
    }

    /// Whether this member may commit now; it is then alive.
    pub fn commit(&mut self, at: &Step<'_>, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        let generation = request.generation_id_or_member_epoch;
        if generation < 0 && self.is_empty() {
            // An administrator, or a consumer that assigns partitions to itself.
            return Ok(());
        }
        let claim =
            Claim { member_id: &request.member_id, instance_id: request.group_instance_id.as_deref() };
        if generation < 0 && claim.member_id.is_empty() && claim.instance_id.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_member(claim)?;
        self.check_generation(generation)?;
        match self.phase {
            Phase::CompletingRebalance => Err(ErrorCode::RebalanceInProgress),
            Phase::PreparingRebalance { .. } | Phase::Stable => {
                self.keep_alive(at, &request.member_id);
                Ok(())
            }
            Phase::Empty => Ok(()),
        }
    }

    pub fn heartbeat(&mut self, at: &Step<'_>, request: &HeartbeatRequest) -> Result<(), ErrorCode> {
        self.check_member(Claim {
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_deref(),
        })?;
        self.check_generation(request.generation_id)?;
        match self.phase {
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::PreparingRebalance { .. } => {
                self.keep_alive(at, &request.member_id);
                Err(ErrorCode::RebalanceInProgress)
            }
            Phase::CompletingRebalance | Phase::Stable => {
                self.keep_alive(at, &request.member_id);
                Ok(())
            }
        }
    }

    pub fn leave(&mut self, at: &mut Step<'_>, members: &[MemberIdentity]) -> Vec<MemberResponse> {
        let mut has_left = false;
        let mut responses = Vec::with_capacity(members.len());
        for member in members {
            let result = self.leave_one(at, member);
            has_left |= result.is_ok();
            responses.push(MemberResponse {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                error_code: result.err().unwrap_or(ErrorCode::None).code(),
            });
        }
        if has_left && !self.is_empty() {
            self.rebalance(at);
        }
        responses
    }

    fn leave_one(&mut self, at: &mut Step<'_>, member: &MemberIdentity) -> Result<(), ErrorCode> {
        let instance_id = member.group_instance_id.as_deref();
        if member.member_id.is_empty() {
            // An administrator removes a static member by the name it keeps.
            let id = instance_id.and_then(|instance| self.members.of_instance(instance)).cloned();
            self.remove(at, &id.ok_or(ErrorCode::UnknownMemberId)?);
            return Ok(());
        }
        if self.pending.remove(&*member.member_id).is_some() {
            return Ok(());
        }
        self.check_member(Claim { member_id: &member.member_id, instance_id })?;
        self.remove(at, &member.member_id);
        Ok(())
    }

    fn check_member(&self, claim: Claim<'_>) -> Result<(), ErrorCode> {
        if let Some(instance) = claim.instance_id {
            match self.members.of_instance(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(id) if *id != *claim.member_id => {
                    if active(Control::DisplacedInstanceBelieved) {
                        return Ok(());
                    }
                    return Err(ErrorCode::FencedInstanceId);
                }
                Some(_) => {}
            }
        }
        if self.members.contains(claim.member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    fn check_generation(&self, generation: i32) -> Result<(), ErrorCode> {
        let is_old = generation < self.generation && active(Control::OldGenerationAccepted);
        if generation == self.generation || is_old { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    fn keep_alive(&mut self, at: &Step<'_>, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.session_deadline_ms = at.after(i64::from(member.session_timeout_ms));
            self.earliest_ms = self.earliest_ms.min(member.session_deadline_ms);
        }
    }

    /// Takes a member out and answers what it waited for. What becomes of the group is the caller's.
    fn remove(&mut self, at: &mut Step<'_>, member_id: &str) {
        if let Some((_, abandoned)) = self.members.remove(member_id) {
            at.answer_abandoned(abandoned, &WireStr::default(), ErrorCode::UnknownMemberId);
        }
        self.pending.remove(member_id);
        self.unsynced.remove(member_id);
        if self.leader.as_deref() == Some(member_id) {
            self.leader = self.members.iter().next().map(|(id, _)| id.clone());
        }
    }

    /// Does what is due, up to the first outcome.
    pub fn expire(&mut self, at: &mut Step<'_>) {
        let now_ms = at.now.monotonic_ms;
        if let Phase::PreparingRebalance { deadline_ms, .. } = self.phase
            && deadline_ms <= now_ms
        {
            self.expire_join(at);
        }
        if self.sync_deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms) && !self.is_deciding {
            self.expire_sync(at);
        }
        let given_up: Vec<WireStr> = self
            .pending
            .iter()
            .filter(|(_, deadline)| **deadline <= now_ms)
            .map(|(id, _)| id.clone())
            .collect();
        for id in given_up {
            self.pending.remove(&id);
            if matches!(self.phase, Phase::PreparingRebalance { .. }) && self.has_everybody_joined() {
                self.complete_join(at);
            }
        }
        let silent = self.members.iter().filter(|(_, member)| member.session_deadline_ms <= now_ms);
        let silent: Vec<WireStr> = silent.map(|(id, _)| id.clone()).collect();
        for id in silent {
            if self.is_deciding {
                break;
            }
            self.expire_session(at, &id);
        }
        self.find_earliest();
    }

    fn expire_session(&mut self, at: &mut Step<'_>, id: &WireStr) {
        let Some(member) = self.members.get_mut(id) else { return };
        if member.session_deadline_ms > at.now.monotonic_ms {
            return;
        }
        if !member.is_new && (member.is_joining() || member.is_syncing()) {
            // It waits for us; its session goes on when it is answered.
            member.session_deadline_ms = i64::MAX;
            return;
        }
        self.remove(at, id);
        match self.phase {
            Phase::Empty => {}
            Phase::PreparingRebalance { .. } if self.has_everybody_joined() => self.complete_join(at),
            Phase::PreparingRebalance { .. } => {}
            Phase::CompletingRebalance | Phase::Stable => self.prepare_rebalance(at),
        }
    }

    fn find_earliest(&mut self) {
        let join = match self.phase {
            Phase::PreparingRebalance { deadline_ms, .. } => Some(deadline_ms),
            _ => None,
        };
        let sessions = self.members.iter().map(|(_, member)| member.session_deadline_ms);
        let others = self.pending.values().copied().chain(join).chain(self.sync_deadline_ms);
        self.earliest_ms = sessions.chain(others).min().unwrap_or(i64::MAX);
    }

    /// After replay: every member has its session from now on, and a group that is too large is made smaller.
    pub fn loaded(&mut self, at: &mut Step<'_>) {
        for (_, member) in self.members.iter_mut() {
            member.session_deadline_ms = at.after(i64::from(member.session_timeout_ms));
        }
        if self.members.len() > at.max_size() {
            self.prepare_rebalance(at);
        }
        self.find_earliest();
    }

    /// Every ticket that waits, with its answer.
    pub fn unload(&mut self, error: ErrorCode) -> Vec<(Ticket, Reply)> {
        let mut replies = Vec::new();
        for id in self.members.ids() {
            if let Some(ticket) = self.members.take_join(&id) {
                replies.push((ticket, Reply::Join(refused_join(id.clone(), error))));
            }
            if let Some(ticket) = self.members.take_sync(&id) {
                replies.push((ticket, Reply::Sync(refused_sync(error))));
            }
        }
        replies
    }

    pub fn listed(&self, group_id: &WireStr) -> ListedGroup {
        ListedGroup {
            group_id: group_id.clone(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            group_state: WireStr::from_static(self.state()),
            group_type: WireStr::from_static(TYPE),
        }
    }

    /// What members say of themselves is shown only while a protocol holds.
    pub fn described(&self, group_id: &WireStr) -> DescribedGroup {
        let protocol = self.protocol.as_deref().filter(|_| self.phase == Phase::Stable);
        let members = self.members.iter().map(|(id, member)| DescribedGroupMember {
            member_id: id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            member_metadata: protocol.and_then(|name| member.metadata(name)).cloned().unwrap_or_default(),
            member_assignment: member.assignment.clone(),
        });
        DescribedGroup {
            group_id: group_id.clone(),
            group_state: WireStr::from_static(self.state()),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol_data: protocol.map(WireStr::from).unwrap_or_default(),
            members: members.collect(),
            ..Default::default()
        }
    }
}

impl Step<'_> {
    fn answer_abandoned(&mut self, abandoned: Abandoned, member_id: &WireStr, error: ErrorCode) {
        if let Some(ticket) = abandoned.join {
            self.reply(ticket, Reply::Join(refused_join(member_id.clone(), error)));
        }
        if let Some(ticket) = abandoned.sync {
            self.refuse_sync(ticket, error);
        }
    }

    fn refuse_sync(&mut self, ticket: Ticket, error: ErrorCode) {
        self.reply(ticket, Reply::Sync(refused_sync(error)));
    }
}
