//! The sync phase: the leader brings the assignments, and everybody is given theirs.
//!
//! The assignments are an outcome: they are stored before anybody has one, and the answers wait for that record.

use super::{Claim, ClassicGroup, Phase};
use crate::controls::{Control, active};
use crate::effects::Ticket;
use crate::group::request::{Reply, Sync};
use crate::group::step::Step;
use bytes::Bytes;
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeMap;

/// From this version on a member says which protocol it believes in (KIP-559).
const PROTOCOL_NAMED_FROM: i16 = 5;

impl ClassicGroup {
    pub fn sync(&mut self, at: &mut Step<'_>, ticket: Ticket, sync: &Sync) {
        if let Err(error) = self.try_sync(at, ticket, sync) {
            at.refuse_sync(ticket, error);
        }
    }

    fn try_sync(&mut self, at: &mut Step<'_>, ticket: Ticket, sync: &Sync) -> Result<(), ErrorCode> {
        let request = &sync.request;
        if self.is_empty() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_member(Claim {
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_deref(),
        })?;
        self.check_generation(request.generation_id)?;
        self.check_protocol(request)?;
        let id = &request.member_id;
        match self.phase {
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::PreparingRebalance { .. } => Err(ErrorCode::RebalanceInProgress),
            Phase::CompletingRebalance => {
                if let Some(repeated) = self.members.park_sync(id, ticket) {
                    at.refuse_sync(repeated, ErrorCode::RebalanceInProgress);
                }
                self.has_synced(id);
                if self.leader.as_ref() == Some(id) || active(Control::AnyMemberAssigns) {
                    self.assign(at, &request.assignments);
                }
                Ok(())
            }
            Phase::Stable => {
                self.has_synced(id);
                let assignment = self.members.get(id).map(|member| member.assignment.clone());
                at.reply(ticket, Reply::Sync(self.assigned(assignment.unwrap_or_default())));
                Ok(())
            }
        }
    }

    /// What a member names has to be the group's; what it leaves out may be anything.
    fn check_protocol(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        let differs = |given: &Option<WireStr>, own: &Option<WireStr>| matches!((given, own), (Some(given), Some(own)) if given != own);
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn has_synced(&mut self, id: &str) {
        self.unsynced.remove(id);
        if self.unsynced.is_empty() {
            self.sync_deadline_ms = None;
        }
    }

    /// Stores the leader's assignments and answers all that wait for one. A member without any has an empty one.
    fn assign(&mut self, at: &mut Step<'_>, assignments: &[SyncGroupRequestAssignment]) {
        let by_member: BTreeMap<&str, &Bytes> =
            assignments.iter().map(|given| (&*given.member_id, &given.assignment)).collect();
        let mut outcome = self.outcome(self.generation, at.now.wall_ms);
        for member in &mut outcome.members {
            member.assignment = by_member.get(&*member.member_id).copied().cloned().unwrap_or_default();
        }
        if at.outcome(&outcome).is_err() {
            for id in self.members.ids() {
                self.answer_sync(at, &id, refused_sync(ErrorCode::UnknownServerError));
            }
            self.prepare_rebalance(at);
            return;
        }
        self.is_deciding = true;
        for member in outcome.members {
            let answer = self.assigned(member.assignment);
            self.answer_sync(at, &member.member_id, answer);
        }
    }

    fn assigned(&self, assignment: Bytes) -> SyncGroupResponse {
        SyncGroupResponse {
            error_code: ErrorCode::None.code(),
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment,
            ..Default::default()
        }
    }

    /// Answers a member that waits for its assignment; its session goes on from here.
    pub(super) fn answer_sync(&mut self, at: &mut Step<'_>, id: &WireStr, answer: SyncGroupResponse) {
        if let Some(ticket) = self.members.take_sync(id) {
            at.reply(ticket, Reply::Sync(answer));
            self.keep_alive(at, id);
        }
    }

    /// Members that took part in the join phase and then were not heard of do not hold the others up.
    pub(super) fn expire_sync(&mut self, at: &mut Step<'_>) {
        self.sync_deadline_ms = None;
        let silent = std::mem::take(&mut self.unsynced);
        if silent.is_empty() || !matches!(self.phase, Phase::CompletingRebalance | Phase::Stable) {
            return;
        }
        for id in silent {
            self.remove(at, &id);
        }
        self.prepare_rebalance(at);
    }

    /// Whether a request names what its version has to name.
    pub fn is_whole(sync: &Sync) -> bool {
        let names = sync.request.protocol_type.is_some() && sync.request.protocol_name.is_some();
        sync.version < PROTOCOL_NAMED_FROM || names
    }
}

pub(super) fn refused_sync(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code: error.code(), ..Default::default() }
}
