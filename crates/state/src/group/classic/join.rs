//! The join phase: who is in the next generation, and who leads it.
//!
//! JoinGroup parks its ticket in the member; the phase ends when everybody has joined or the rebalance timeout is over,
//! and answers all. An empty group waits first, `group.initial.rebalance.delay.ms` and again for each delay in which
//! somebody came, within the rebalance timeout: a service that starts is one rebalance, not one for each instance.

use super::sync::refused_sync;
use super::{Claim, ClassicGroup, Initial, Member, Phase, Protocol};
use crate::effects::Ticket;
use crate::group::request::{Join, Reply, refused_join};
use crate::group::step::Step;
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use ottla_wire::{ErrorCode, Uuid, WireStr};

/// A member that was not answered yet cannot send heartbeats; a client that is still there asks again before.
const NEW_MEMBER_TIMEOUT_MS: i64 = 5 * 60 * 1_000;
/// From this version on a member without an id is given one and comes again with it (KIP-394).
const MEMBER_ID_REQUIRED_FROM: i16 = 4;
/// From this version on a leader can be told that it need not assign (KIP-814).
const SKIP_ASSIGNMENT_FROM: i16 = 9;

impl ClassicGroup {
    pub fn join(&mut self, at: &mut Step<'_>, ticket: Ticket, join: &Join) {
        let id = &join.request.member_id;
        let refusal = if !self.has_room(at, id) {
            self.remove(at, id);
            (WireStr::default(), ErrorCode::GroupMaxSizeReached)
        } else if !self.supports(&join.request) {
            (id.clone(), ErrorCode::InconsistentGroupProtocol)
        } else {
            let joined = if id.is_empty() {
                self.join_new(at, ticket, join)
            } else {
                self.join_known(at, ticket, join)
            };
            match joined {
                Ok(()) => return,
                Err(refusal) => refusal,
            }
        };
        at.reply(ticket, Reply::Join(refused_join(refusal.0, refusal.1)));
    }

    fn has_room(&self, at: &Step<'_>, id: &str) -> bool {
        match self.phase {
            Phase::Empty => true,
            // Who waits already may ask again. Those that wait are counted, not the members: a group that is too large
            // loses the ones that come last.
            Phase::PreparingRebalance { .. } => {
                self.members.get(id).is_some_and(Member::is_joining) || self.members.joining() < at.max_size()
            }
            Phase::CompletingRebalance | Phase::Stable => {
                self.members.contains(id) || self.members.len() < at.max_size()
            }
        }
    }

    fn supports(&self, request: &JoinGroupRequest) -> bool {
        if self.is_empty() {
            return !request.protocol_type.is_empty() && !request.protocols.is_empty();
        }
        self.protocol_type.as_ref() == Some(&request.protocol_type)
            && self.members.support_any(&request.protocols)
    }

    fn join_new(
        &mut self,
        at: &mut Step<'_>,
        ticket: Ticket,
        join: &Join,
    ) -> Result<(), (WireStr, ErrorCode)> {
        let id = new_member_id(join);
        if let Some(instance) = &join.request.group_instance_id {
            match self.members.of_instance(instance).cloned() {
                Some(old) => self.replace_static(at, ticket, join, &old, id)?,
                None => self.add(at, ticket, join, id),
            }
        } else if join.version >= MEMBER_ID_REQUIRED_FROM {
            let deadline_ms = at.after(i64::from(join.request.session_timeout_ms));
            self.earliest_ms = self.earliest_ms.min(deadline_ms);
            self.pending.insert(id.clone(), deadline_ms);
            return Err((id, ErrorCode::MemberIdRequired));
        } else {
            self.add(at, ticket, join, id);
        }
        Ok(())
    }

    fn join_known(
        &mut self,
        at: &mut Step<'_>,
        ticket: Ticket,
        join: &Join,
    ) -> Result<(), (WireStr, ErrorCode)> {
        let id = &join.request.member_id;
        let instance_id = join.request.group_instance_id.as_deref();
        if self.pending.contains_key(id) {
            if instance_id.is_some() {
                // An id is given to come back with to dynamic members only.
                return Err((id.clone(), ErrorCode::UnknownServerError));
            }
            self.add(at, ticket, join, id.detach());
            return Ok(());
        }
        let claim = Claim { member_id: id, instance_id };
        self.check_member(claim).map_err(|error| (id.clone(), error))?;
        let is_leader = self.leader.as_ref() == Some(id);
        let is_changed = self.members.get(id).is_some_and(|member| !says(member, &join.request));
        let asks_for_rebalance = match self.phase {
            Phase::Empty => return Err((id.clone(), ErrorCode::UnknownMemberId)),
            Phase::PreparingRebalance { .. } => true,
            // Else the answer to its first request was lost.
            Phase::CompletingRebalance => is_changed,
            // A leader that joins again has seen something that asks for other assignments.
            Phase::Stable => is_leader || is_changed,
        };
        if asks_for_rebalance {
            self.update(at, ticket, join, id);
            self.rebalance(at);
        } else {
            at.reply(ticket, Reply::Join(self.joined(id)));
        }
        Ok(())
    }

    fn add(&mut self, at: &mut Step<'_>, ticket: Ticket, join: &Join, id: WireStr) {
        let mut member = Member::new(Protocol::all(&join.request.protocols));
        member.instance_id = join.request.group_instance_id.as_ref().map(WireStr::detach);
        member.client_id = join.caller.client_id.detach();
        member.client_host = join.caller.client_host.detach();
        member.session_timeout_ms = join.request.session_timeout_ms;
        member.rebalance_timeout_ms = join.rebalance_timeout_ms();
        member.is_new = true;
        member.session_deadline_ms = at.after(NEW_MEMBER_TIMEOUT_MS);
        self.earliest_ms = self.earliest_ms.min(member.session_deadline_ms);
        if let Phase::PreparingRebalance { initial: Some(initial), .. } = &mut self.phase {
            initial.has_new_member = true;
        }
        if self.members.is_empty() {
            self.protocol_type = Some(join.request.protocol_type.detach());
        }
        self.leader.get_or_insert_with(|| id.clone());
        self.pending.remove(&id);
        self.members.insert(id.clone(), member);
        self.park_join(at, &id, ticket);
        self.rebalance(at);
    }

    fn update(&mut self, at: &mut Step<'_>, ticket: Ticket, join: &Join, id: &WireStr) {
        self.members.set_protocols(id, Protocol::all(&join.request.protocols));
        if let Some(member) = self.members.get_mut(id) {
            member.session_timeout_ms = join.request.session_timeout_ms;
            member.rebalance_timeout_ms = join.rebalance_timeout_ms();
        }
        self.park_join(at, id, ticket);
    }

    /// Kafka never answers a request that its member has repeated. Here answers leave in the order of the requests, so
    /// the first is told to join again.
    fn park_join(&mut self, at: &mut Step<'_>, id: &WireStr, ticket: Ticket) {
        if let Some(repeated) = self.members.park_join(id, ticket) {
            at.reply(repeated, Reply::Join(refused_join(id.clone(), ErrorCode::RebalanceInProgress)));
        }
    }

    /// A static member comes back without its id: it takes its own place under a new one (KIP-345).
    fn replace_static(
        &mut self,
        at: &mut Step<'_>,
        ticket: Ticket,
        join: &Join,
        old: &WireStr,
        id: WireStr,
    ) -> Result<(), (WireStr, ErrorCode)> {
        let old_leader = self.leader.clone();
        if let Some((mut member, abandoned)) = self.members.remove(old) {
            at.answer_abandoned(abandoned, old, ErrorCode::FencedInstanceId);
            member.session_deadline_ms = at.after(i64::from(join.request.session_timeout_ms));
            self.earliest_ms = self.earliest_ms.min(member.session_deadline_ms);
            self.members.insert(id.clone(), member);
        }
        if self.unsynced.remove(old) {
            self.unsynced.insert(id.clone());
        }
        if old_leader.as_ref() == Some(old) {
            self.leader = Some(id.clone());
        }
        self.update(at, ticket, join, &id);
        match self.phase {
            Phase::Stable if self.members.elect_protocol() == self.protocol => {
                let outcome = self.outcome(self.generation, self.outcome_ms.unwrap_or(at.now.wall_ms));
                if at.outcome(&outcome).is_err() {
                    // The log has the old id; the next outcome will have the new one.
                    let _ = self.members.take_join(&id);
                    self.prepare_rebalance(at);
                    return Err((WireStr::default(), ErrorCode::UnknownServerError));
                }
                self.is_deciding = true;
                let Some(ticket) = self.members.take_join(&id) else { return Ok(()) };
                at.reply(ticket, Reply::Join(self.rejoined(join.version, &id, old_leader)));
            }
            // The leader may have the old id in the assignments that it is making.
            Phase::CompletingRebalance | Phase::Stable => self.prepare_rebalance(at),
            Phase::PreparingRebalance { .. } => self.complete_if_joined(at),
            Phase::Empty => {}
        }
        Ok(())
    }

    /// A leader that comes back must not assign: nobody else rebalances. It is told so, or, where its version cannot
    /// say that, is told its old id as the leader's.
    fn rejoined(&self, version: i16, id: &WireStr, old_leader: Option<WireStr>) -> JoinGroupResponse {
        if version >= SKIP_ASSIGNMENT_FROM {
            let skip_assignment = self.leader.as_ref() == Some(id);
            return JoinGroupResponse { skip_assignment, ..self.joined(id) };
        }
        JoinGroupResponse { leader: old_leader.unwrap_or_default(), members: Vec::new(), ..self.joined(id) }
    }

    /// The current generation, as one member is told; the leader learns who is in it.
    fn joined(&self, id: &WireStr) -> JoinGroupResponse {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let member = |(id, member): (&WireStr, &Member)| JoinGroupResponseMember {
            member_id: id.clone(),
            group_instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol).cloned().unwrap_or_default(),
        };
        let is_leader = self.leader.as_ref() == Some(id);
        JoinGroupResponse {
            error_code: ErrorCode::None.code(),
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: id.clone(),
            members: if is_leader { self.members.iter().map(member).collect() } else { Vec::new() },
            ..Default::default()
        }
    }

    /// Something changed: a rebalance begins, or the one that goes on may be done.
    pub(super) fn rebalance(&mut self, at: &mut Step<'_>) {
        match self.phase {
            Phase::PreparingRebalance { .. } => self.complete_if_joined(at),
            Phase::Empty | Phase::CompletingRebalance | Phase::Stable => self.prepare_rebalance(at),
        }
    }

    pub(super) fn prepare_rebalance(&mut self, at: &mut Step<'_>) {
        if self.phase == Phase::CompletingRebalance {
            for id in self.members.ids() {
                self.answer_sync(at, &id, refused_sync(ErrorCode::RebalanceInProgress));
            }
            for (_, member) in self.members.iter_mut() {
                member.assignment.clear();
            }
        }
        self.unsynced.clear();
        self.sync_deadline_ms = None;
        let timeout_ms = self.members.rebalance_timeout_ms();
        if self.is_empty() {
            let delay_ms = i64::from(at.config.initial_rebalance_delay_ms.max(0));
            let remaining_ms = timeout_ms.saturating_sub(delay_ms).max(0);
            let initial = Initial { delay_ms, remaining_ms, has_new_member: false };
            self.await_joins(at, delay_ms, Some(initial));
        } else {
            self.await_joins(at, timeout_ms, None);
            self.complete_if_joined(at);
        }
    }

    fn await_joins(&mut self, at: &Step<'_>, ms: i64, initial: Option<Initial>) {
        let deadline_ms = at.after(ms);
        self.phase = Phase::PreparingRebalance { deadline_ms, initial };
        self.earliest_ms = self.earliest_ms.min(deadline_ms);
    }

    pub(super) fn has_everybody_joined(&self) -> bool {
        self.members.joining() == self.members.len() && self.pending.is_empty()
    }

    fn complete_if_joined(&mut self, at: &mut Step<'_>) {
        let waits_for_others = matches!(self.phase, Phase::PreparingRebalance { initial: Some(_), .. });
        if !waits_for_others && self.has_everybody_joined() {
            self.complete_join(at);
        }
    }

    pub(super) fn expire_join(&mut self, at: &mut Step<'_>) {
        let Phase::PreparingRebalance { initial, .. } = self.phase else { return };
        match initial {
            Some(initial) if initial.has_new_member && initial.remaining_ms > 0 => {
                let delay_ms =
                    i64::from(at.config.initial_rebalance_delay_ms.max(0)).min(initial.remaining_ms);
                let remaining_ms = (initial.remaining_ms - initial.delay_ms).max(0);
                let next = Initial { delay_ms, remaining_ms, has_new_member: false };
                self.await_joins(at, delay_ms, Some(next));
            }
            _ => self.complete_join(at),
        }
    }

    /// Ends the join phase with those that joined, and with static members whether they did or not.
    pub(super) fn complete_join(&mut self, at: &mut Step<'_>) {
        let absent = self.members.iter().filter(|(_, member)| !member.is_joining());
        let absent: Vec<WireStr> =
            absent.filter(|(_, member)| member.instance_id.is_none()).map(|(id, _)| id.clone()).collect();
        for id in absent {
            self.remove(at, &id);
        }
        let generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            self.leader = None;
            let outcome = self.outcome(generation, at.now.wall_ms);
            if at.outcome(&outcome).is_ok() {
                self.is_deciding = true;
            } else {
                // The log goes on with the members before, whose sessions end after a restart.
                (self.generation, self.phase) = (generation, Phase::Empty);
                self.protocol = None;
            }
            return;
        }
        if !self.elect_leader() {
            // Static members alone, and none came: until their sessions end, or one comes.
            self.await_joins(at, self.members.rebalance_timeout_ms(), None);
            return;
        }
        self.generation = generation;
        self.protocol = self.members.elect_protocol();
        self.subscribed = self.read_subscriptions();
        self.phase = Phase::CompletingRebalance;
        for id in self.members.ids() {
            if let Some(ticket) = self.members.take_join(&id) {
                at.reply(ticket, Reply::Join(self.joined(&id)));
            }
            self.keep_alive(at, &id);
            if let Some(member) = self.members.get_mut(&id) {
                member.is_new = false;
            }
            self.unsynced.insert(id);
        }
        let deadline_ms = at.after(self.members.rebalance_timeout_ms());
        self.sync_deadline_ms = Some(deadline_ms);
        self.earliest_ms = self.earliest_ms.min(deadline_ms);
    }

    /// The leader stays where it joined, else the first that did leads.
    fn elect_leader(&mut self) -> bool {
        let stays =
            self.leader.as_deref().and_then(|id| self.members.get(id)).is_some_and(Member::is_joining);
        if !stays {
            let joined = self.members.iter().find(|(_, member)| member.is_joining());
            let Some((id, _)) = joined else { return false };
            self.leader = Some(id.clone());
        }
        true
    }
}

/// Whether a request says what the member has said before.
fn says(member: &Member, request: &JoinGroupRequest) -> bool {
    member.protocols().len() == request.protocols.len()
        && member
            .protocols()
            .iter()
            .zip(&request.protocols)
            .all(|(known, given)| known.name == given.name && known.metadata == given.metadata)
}

/// As Kafka names members: by their instance, else by their client, with a random part in Java's form.
fn new_member_id(join: &Join) -> WireStr {
    let name = join.request.group_instance_id.as_ref().unwrap_or(&join.caller.client_id);
    format!("{name}-{}", Hyphenated(join.id)).into()
}

/// 8-4-4-4-12 hexadecimal digits.
struct Hyphenated(Uuid);

impl std::fmt::Display for Hyphenated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, byte) in self.0.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
