//! The members of one classic group, with what is counted over them.
//!
//! Every change goes through here, so that the counts (who waits for the join phase, which protocol how many support)
//! are what the members say. A ticket that is displaced or whose member goes away is handed back, never dropped.

use crate::effects::Ticket;
use bytes::Bytes;
use ottla_wire::WireStr;
use ottla_wire::messages::join_group::JoinGroupRequestProtocol;
use std::collections::{BTreeMap, BTreeSet};

/// One protocol that a member can work by, and what it says of itself in it. The bytes are the clients' own affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    pub name: WireStr,
    pub metadata: Bytes,
}

impl Protocol {
    /// Copies, since a member outlives the frames it came in. What is said twice of one protocol counts once.
    pub fn all(from: &[JoinGroupRequestProtocol]) -> Vec<Self> {
        let mut names = BTreeSet::new();
        let first = from.iter().filter(|protocol| names.insert(&protocol.name));
        let copy = |protocol: &JoinGroupRequestProtocol| Self {
            name: protocol.name.detach(),
            metadata: Bytes::copy_from_slice(&protocol.metadata),
        };
        first.map(copy).collect()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Static membership (KIP-345).
    pub instance_id: Option<WireStr>,
    pub client_id: WireStr,
    pub client_host: WireStr,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// In the order of preference. A member that was read from the log has the group's protocol alone.
    protocols: Vec<Protocol>,
    pub assignment: Bytes,
    /// Not answered yet since it came: it cannot send heartbeats, so waiting does not keep it alive.
    pub is_new: bool,
    /// Monotonic.
    pub session_deadline_ms: i64,
    join: Option<Ticket>,
    sync: Option<Ticket>,
}

impl Member {
    pub fn new(protocols: Vec<Protocol>) -> Self {
        Self {
            instance_id: None,
            client_id: WireStr::default(),
            client_host: WireStr::default(),
            rebalance_timeout_ms: 0,
            session_timeout_ms: 0,
            protocols,
            assignment: Bytes::new(),
            is_new: false,
            session_deadline_ms: i64::MAX,
            join: None,
            sync: None,
        }
    }

    pub fn protocols(&self) -> &[Protocol] {
        &self.protocols
    }

    pub fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        self.protocols.iter().find(|known| known.name == *protocol).map(|known| &known.metadata)
    }

    pub fn is_joining(&self) -> bool {
        self.join.is_some()
    }

    pub fn is_syncing(&self) -> bool {
        self.sync.is_some()
    }
}

/// What a member that left was waiting for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Abandoned {
    pub join: Option<Ticket>,
    pub sync: Option<Ticket>,
}

#[derive(Debug, Default)]
pub struct Members {
    by_id: BTreeMap<WireStr, Member>,
    /// Instance id to member id.
    instances: BTreeMap<WireStr, WireStr>,
    joining: usize,
    /// How many members support each protocol; none is zero.
    supported: BTreeMap<WireStr, usize>,
}

impl Members {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Members that wait for the join phase to end.
    pub fn joining(&self) -> usize {
        self.joining
    }

    pub fn get(&self, id: &str) -> Option<&Member> {
        self.by_id.get(id)
    }

    /// For what is not counted: assignment, deadline, timeouts.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.by_id.get_mut(id)
    }

    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    pub fn of_instance(&self, instance_id: &str) -> Option<&WireStr> {
        self.instances.get(instance_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&WireStr, &Member)> {
        self.by_id.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&WireStr, &mut Member)> {
        self.by_id.iter_mut()
    }

    pub fn ids(&self) -> Vec<WireStr> {
        self.by_id.keys().cloned().collect()
    }

    pub fn insert(&mut self, id: WireStr, member: Member) {
        debug_assert!(!self.by_id.contains_key(&*id), "a member is added once");
        if let Some(instance) = &member.instance_id {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.joining += usize::from(member.is_joining());
        self.count(&member.protocols);
        self.by_id.insert(id, member);
    }

    pub fn remove(&mut self, id: &str) -> Option<(Member, Abandoned)> {
        let mut member = self.by_id.remove(id)?;
        if let Some(instance) = &member.instance_id
            && self.instances.get(instance).is_some_and(|of| *of == *id)
        {
            self.instances.remove(instance);
        }
        self.joining -= usize::from(member.is_joining());
        self.uncount(&member.protocols);
        let abandoned = Abandoned { join: member.join.take(), sync: member.sync.take() };
        Some((member, abandoned))
    }

    pub fn set_protocols(&mut self, id: &str, protocols: Vec<Protocol>) {
        let Some(member) = self.by_id.get_mut(id) else { return };
        let old = std::mem::replace(&mut member.protocols, protocols);
        let new = member.protocols.clone();
        self.uncount(&old);
        self.count(&new);
    }

    /// The member waits for the join phase to end; gives back the ticket that waited before.
    #[must_use]
    pub fn park_join(&mut self, id: &str, ticket: Ticket) -> Option<Ticket> {
        let member = self.by_id.get_mut(id)?;
        let before = member.join.replace(ticket);
        self.joining += usize::from(before.is_none());
        before
    }

    #[must_use]
    pub fn take_join(&mut self, id: &str) -> Option<Ticket> {
        let ticket = self.by_id.get_mut(id)?.join.take();
        self.joining -= usize::from(ticket.is_some());
        ticket
    }

    /// The member waits for the leader's assignment; gives back the ticket that waited before.
    #[must_use]
    pub fn park_sync(&mut self, id: &str, ticket: Ticket) -> Option<Ticket> {
        self.by_id.get_mut(id)?.sync.replace(ticket)
    }

    #[must_use]
    pub fn take_sync(&mut self, id: &str) -> Option<Ticket> {
        self.by_id.get_mut(id)?.sync.take()
    }

    /// The longest that any member asks for.
    pub fn rebalance_timeout_ms(&self) -> i64 {
        self.by_id.values().map(|member| i64::from(member.rebalance_timeout_ms)).max().unwrap_or(0).max(0)
    }

    /// Whether every member supports one of these protocols.
    pub fn support_any(&self, protocols: &[JoinGroupRequestProtocol]) -> bool {
        protocols
            .iter()
            .any(|protocol| self.supported.get(&*protocol.name).copied().unwrap_or(0) == self.len())
    }

    /// The protocol that most members like best, of those that all support; the first by name where votes are equal
    /// (Kafka takes the first by a hash of the names).
    pub fn elect_protocol(&self) -> Option<WireStr> {
        let candidates: BTreeSet<&str> = self
            .supported
            .iter()
            .filter(|(_, count)| **count == self.len())
            .map(|(name, _)| &**name)
            .collect();
        let mut votes: BTreeMap<&WireStr, usize> = BTreeMap::new();
        for member in self.by_id.values() {
            let choice = member.protocols.iter().find(|protocol| candidates.contains(&*protocol.name));
            *votes.entry(&choice?.name).or_default() += 1;
        }
        let most = votes.values().copied().max()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name.clone())
    }

    fn count(&mut self, protocols: &[Protocol]) {
        for protocol in protocols {
            *self.supported.entry(protocol.name.clone()).or_default() += 1;
        }
    }

    fn uncount(&mut self, protocols: &[Protocol]) {
        for protocol in protocols {
            if let Some(count) = self.supported.get_mut(&*protocol.name) {
                *count -= 1;
                if *count == 0 {
                    self.supported.remove(&*protocol.name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(protocols: &[&str]) -> Member {
        let protocol = |name: &&str| Protocol { name: (*name).into(), metadata: Bytes::new() };
        Member::new(protocols.iter().map(protocol).collect())
    }

    #[test]
    fn the_protocol_with_most_votes_of_those_all_support_wins() {
        let table: &[(&[&[&str]], Option<&str>)] = &[
            (&[&["range"]], Some("range")),
            (&[&["sticky", "range"], &["range", "sticky"], &["range", "sticky"]], Some("range")),
            (&[&["sticky", "range"], &["sticky", "range"], &["range", "sticky"]], Some("sticky")),
            (&[&["sticky", "range"], &["range"]], Some("range")),
            (&[&["b", "a"], &["a", "b"]], Some("a")),
            (&[&["sticky"], &["range"]], None),
            (&[], None),
        ];
        for (members, elected) in table {
            let mut all = Members::default();
            for (i, protocols) in members.iter().enumerate() {
                all.insert(format!("m{i}").into(), member(protocols));
            }
            assert_eq!(all.elect_protocol().as_deref(), *elected, "{members:?}");
        }
    }

    #[test]
    fn tickets_are_handed_back_and_counted() {
        let mut all = Members::default();
        all.insert("m".into(), member(&["range"]));
        assert_eq!(all.park_join("m", Ticket(1)), None);
        assert_eq!(all.park_join("m", Ticket(2)), Some(Ticket(1)));
        assert_eq!(all.park_sync("m", Ticket(3)), None);
        assert_eq!(all.joining(), 1);
        let (_, abandoned) = all.remove("m").unwrap();
        assert_eq!(abandoned, Abandoned { join: Some(Ticket(2)), sync: Some(Ticket(3)) });
        assert_eq!((all.joining(), all.len()), (0, 0));
        assert!(all.supported.is_empty());
    }
}
