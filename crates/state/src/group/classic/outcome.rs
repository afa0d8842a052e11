//! What is stored of a classic group: the outcome of a rebalance, to a record and from it.

use super::{ClassicGroup, Member, Phase, Protocol};
use ottla_wire::messages::consumer_protocol::ConsumerProtocolSubscription;
use ottla_wire::messages::records::{GroupMetadataValue, MemberMetadata};
use ottla_wire::{Decoder, Message, WireStr};
use std::collections::BTreeSet;

impl ClassicGroup {
    /// What is stored of the group, where it is between rebalances.
    pub fn stored(&self) -> Option<GroupMetadataValue> {
        let is_settled = matches!(self.phase, Phase::Empty | Phase::Stable) && !self.is_deciding;
        (self.is_stored && is_settled).then(|| self.outcome(self.generation, self.outcome_ms.unwrap_or(-1)))
    }

    /// The group as a record has it, with the assignments it has.
    pub(super) fn outcome(&self, generation: i32, now_ms: i64) -> GroupMetadataValue {
        let protocol = self.protocol.clone().filter(|_| !self.members.is_empty());
        let members = self.members.iter().map(|(id, member)| MemberMetadata {
            member_id: id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: protocol
                .as_ref()
                .and_then(|name| member.metadata(name))
                .cloned()
                .unwrap_or_default(),
            assignment: member.assignment.clone(),
        });
        GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation,
            protocol: protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: now_ms,
            members: members.collect(),
        }
    }

    /// Takes in an outcome, or its end. What members wait for and their deadlines stay.
    pub fn apply(&mut self, value: Option<GroupMetadataValue>) {
        self.is_deciding = false;
        let Some(value) = value else {
            *self = Self::default();
            return;
        };
        self.is_stored = true;
        self.generation = value.generation;
        self.protocol_type = Some(value.protocol_type.detach()).filter(|kind| !kind.is_empty());
        self.protocol = value.protocol.as_ref().map(WireStr::detach);
        self.leader = value.leader.as_ref().map(WireStr::detach);
        self.outcome_ms = Some(value.current_state_timestamp).filter(|ms| *ms >= 0);
        let kept: BTreeSet<&str> = value.members.iter().map(|member| &*member.member_id).collect();
        for id in self.members.ids() {
            if !kept.contains(&*id) {
                self.members.remove(&id);
            }
        }
        for member in &value.members {
            self.apply_member(member);
        }
        self.subscribed = self.read_subscriptions();
        self.phase = if self.members.is_empty() { Phase::Empty } else { Phase::Stable };
        if self.is_empty() {
            self.unsynced.clear();
            self.sync_deadline_ms = None;
        }
    }

    fn apply_member(&mut self, stored: &MemberMetadata) {
        let protocol = self.protocol.clone().unwrap_or_default();
        let id = &stored.member_id;
        let said = |member: &Member| member.metadata(&protocol) == Some(&stored.subscription);
        let as_stored =
            || vec![Protocol { name: protocol.clone(), metadata: stored.subscription.to_vec().into() }];
        match self.members.get(id) {
            // Live: the member supports other protocols too, which the record does not have.
            Some(member) if said(member) => {}
            Some(_) => self.members.set_protocols(id, as_stored()),
            None => {
                let mut member = Member::new(as_stored());
                member.instance_id = stored.group_instance_id.as_ref().map(WireStr::detach);
                self.members.insert(id.detach(), member);
            }
        }
        let Some(member) = self.members.get_mut(id) else { return };
        member.client_id = stored.client_id.detach();
        member.client_host = stored.client_host.detach();
        member.session_timeout_ms = stored.session_timeout;
        // Records before version 1 had none.
        let has_timeout = stored.rebalance_timeout != -1;
        member.rebalance_timeout_ms =
            if has_timeout { stored.rebalance_timeout } else { stored.session_timeout };
        member.assignment = stored.assignment.to_vec().into();
    }

    /// The topics of all subscriptions; nothing where one cannot be read, or the members are no consumers.
    pub(super) fn read_subscriptions(&self) -> Option<BTreeSet<WireStr>> {
        if !self.is_consumer() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_deref()?;
        let mut topics = BTreeSet::new();
        for (_, member) in self.members.iter() {
            // Every version begins with the fields of version 0, behind its number.
            let mut metadata = Decoder::new(member.metadata(protocol)?.clone());
            metadata.take(size_of::<i16>()).ok()?;
            let subscription = ConsumerProtocolSubscription::read(&mut metadata, 0).ok()?;
            topics.extend(subscription.topics.iter().map(WireStr::detach));
        }
        Some(topics)
    }
}
