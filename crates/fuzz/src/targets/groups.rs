//! The machine of groups: records of any content on replay, and requests of any content in any order, with the log lost
//! and replayed between.

use super::wire::version_of;
use crate::corpus;
use bytes::Bytes;
use ottla_state::effects::{Effects, Machine, Now, StateRecord, Ticket};
use ottla_state::group::{
    Caller, Config, Delete, Describe, Groups, Join, Leave, OffsetCommit, OffsetFetch, Reply, Request, Sync,
};
use ottla_wire::messages::delete_groups::DeleteGroupsRequest;
use ottla_wire::messages::describe_groups::DescribeGroupsRequest;
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use ottla_wire::messages::join_group::JoinGroupRequest;
use ottla_wire::messages::leave_group::LeaveGroupRequest;
use ottla_wire::messages::list_groups::ListGroupsRequest;
use ottla_wire::messages::offset_commit::OffsetCommitRequest;
use ottla_wire::messages::offset_delete::OffsetDeleteRequest;
use ottla_wire::messages::offset_fetch::OffsetFetchRequest;
use ottla_wire::messages::sync_group::SyncGroupRequest;
use ottla_wire::{Decoder, ErrorCode, Message, Uuid, WireStr};
use std::collections::{BTreeMap, BTreeSet};

/// Expiries one behind the other without time passing; more would be a loop.
const EXPIRIES: usize = 10_000;

/// Of each record: length of the key, key, length of the value or -1, value.
fn records_of(mut input: &[u8]) -> Vec<StateRecord> {
    let mut records = Vec::new();
    let piece = |len: usize, rest: &mut &[u8]| {
        let (piece, after) = rest.split_at_checked(len)?;
        *rest = after;
        Some(Bytes::copy_from_slice(piece))
    };
    while let Some((len, rest)) = input.split_first_chunk::<2>() {
        input = rest;
        let Some(key) = piece(usize::from(u16::from_be_bytes(*len)), &mut input) else { break };
        let Some((len, rest)) = input.split_first_chunk::<2>() else { break };
        input = rest;
        let value = match usize::try_from(i16::from_be_bytes(*len)) {
            Err(_) => None,
            Ok(len) => match piece(len, &mut input) {
                Some(value) => Some(value),
                None => break,
            },
        };
        records.push(StateRecord { key, value });
    }
    records
}

fn put_record(key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    let length = |bytes: &[u8]| i16::try_from(bytes.len()).unwrap_or(i16::MAX);
    out.extend(length(key).to_be_bytes());
    out.extend(key);
    out.extend(value.map_or(-1, length).to_be_bytes());
    out.extend(value.unwrap_or_default());
}

/// Whatever a partition of `__consumer_offsets` holds, it is replayed or refused, and what came of it is written and
/// replayed as the same.
pub fn records(input: &[u8]) -> bool {
    let mut read = false;
    let mut groups = Groups::new(Config::default());
    for record in records_of(input) {
        read |= groups.apply(&record).is_ok();
    }
    if let Ok(durable) = groups.durable() {
        let mut again = Groups::new(Config::default());
        for (key, value) in &durable {
            let record = StateRecord { key: key.clone(), value: Some(value.clone()) };
            again.apply(&record).expect("what was written is replayed");
        }
        assert_eq!(again.durable(), Ok(durable), "a replay differs");
    }
    let mut world = World { groups, ..World::new() };
    let loaded = world.groups.loaded(world.now());
    world.take(loaded);
    world.pass(3_600_000);
    read
}

pub fn record_corpus() -> Vec<Vec<u8>> {
    let records = corpus::group_records();
    let mut all = Vec::new();
    for (key, value) in &records {
        put_record(key, value.as_deref(), &mut all);
    }
    let single = records.iter().map(|(key, value)| {
        let mut one = Vec::new();
        put_record(key, value.as_deref(), &mut one);
        one
    });
    single.chain([all.clone()]).collect()
}

struct World {
    groups: Groups,
    elapsed_ms: i64,
    tickets: u64,
    waiting: BTreeSet<Ticket>,
    log: BTreeMap<Bytes, Bytes>,
    /// Ids that members were given.
    members: Vec<WireStr>,
}

impl World {
    fn new() -> Self {
        Self {
            groups: Groups::new(Config { initial_rebalance_delay_ms: 100, ..Config::default() }),
            elapsed_ms: 0,
            tickets: 0,
            waiting: BTreeSet::new(),
            log: BTreeMap::new(),
            members: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        Now { wall_ms: 1_700_000_000_000 + self.elapsed_ms, monotonic_ms: self.elapsed_ms }
    }

    fn ask(&mut self, request: Request) {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.insert(ticket);
        let effects = self.groups.decide(self.now(), ticket, request);
        self.take(effects);
    }

    fn take(&mut self, effects: Effects<Reply>) {
        for record in effects.records {
            self.groups.apply(&record).expect("its own record is replayed");
            match record.value {
                Some(value) => self.log.insert(record.key, value),
                None => self.log.remove(&record.key),
            };
        }
        for (ticket, reply) in effects.replies {
            assert!(self.waiting.remove(&ticket), "{ticket:?} is answered twice");
            if let Reply::Join(joined) = reply
                && !joined.member_id.is_empty()
                && !self.members.contains(&joined.member_id)
            {
                self.members.push(joined.member_id);
            }
        }
    }

    fn pass(&mut self, ms: i64) {
        let until = self.elapsed_ms.saturating_add(ms);
        for round in 0.. {
            let Some(due) = self.groups.deadline_ms().filter(|due| *due <= until) else { break };
            assert!(round < EXPIRIES, "something is always due");
            self.elapsed_ms = self.elapsed_ms.max(due);
            let effects = self.groups.expire(self.now());
            self.take(effects);
        }
        self.elapsed_ms = until;
    }

    /// The machine is lost; its log is replayed, and says what the log says.
    fn lose(&mut self) {
        for (ticket, _) in self.groups.unload(ErrorCode::NotCoordinator) {
            assert!(self.waiting.remove(&ticket), "{ticket:?} is answered twice");
        }
        self.waiting.clear();
        let mut groups = Groups::new(Config { initial_rebalance_delay_ms: 100, ..Config::default() });
        for (key, value) in &self.log {
            let record = StateRecord { key: key.clone(), value: Some(value.clone()) };
            groups.apply(&record).expect("its own log is replayed");
        }
        assert_eq!(groups.durable().as_ref(), Ok(&self.log), "a replay differs from the log");
        self.groups = groups;
        let loaded = self.groups.loaded(self.now());
        self.take(loaded);
    }

    /// A member id of one byte stands for one that was given.
    fn member(&self, id: &WireStr) -> WireStr {
        match &id.as_bytes()[..] {
            [number] if !self.members.is_empty() => {
                self.members[usize::from(*number) % self.members.len()].clone()
            }
            _ => id.clone(),
        }
    }

    fn act(&mut self, kind: u8, version: i16, body: &[u8]) {
        match kind % 12 {
            0 => self.join(version, body),
            1 => {
                let Some((version, mut request)) = read::<SyncGroupRequest>(version, body) else { return };
                request.member_id = self.member(&request.member_id);
                self.ask(Request::Sync(Sync { version, request }));
            }
            2 => {
                let Some((_, mut request)) = read::<HeartbeatRequest>(version, body) else { return };
                request.member_id = self.member(&request.member_id);
                self.ask(Request::Heartbeat(request));
            }
            3 => {
                let Some((version, mut request)) = read::<LeaveGroupRequest>(version, body) else { return };
                request.member_id = self.member(&request.member_id);
                for member in &mut request.members {
                    member.member_id = self.member(&member.member_id);
                }
                self.ask(Request::Leave(Leave { version, request }));
            }
            4 => {
                let Some((version, mut request)) = read::<OffsetCommitRequest>(version, body) else { return };
                request.member_id = self.member(&request.member_id);
                self.ask(Request::OffsetCommit(OffsetCommit { version, request }));
            }
            5 => {
                let Some((version, request)) = read::<OffsetFetchRequest>(version, body) else { return };
                let require_stable = request.require_stable;
                for request in request.groups {
                    self.ask(Request::OffsetFetch(OffsetFetch { version, request, require_stable }));
                }
            }
            6 => {
                let Some((_, request)) = read::<OffsetDeleteRequest>(version, body) else { return };
                self.ask(Request::OffsetDelete(request));
            }
            7 => {
                let Some((version, request)) = read::<DescribeGroupsRequest>(version, body) else { return };
                for group_id in request.groups {
                    self.ask(Request::Describe(Describe { version, group_id }));
                }
            }
            8 => {
                let Some((_, request)) = read::<ListGroupsRequest>(version, body) else { return };
                self.ask(Request::List(request));
            }
            9 => {
                let Some((_, request)) = read::<DeleteGroupsRequest>(version, body) else { return };
                for group_id in request.groups_names {
                    self.ask(Request::Delete(Delete { group_id }));
                }
            }
            10 => self.pass(i64::from(version.unsigned_abs()) * 10),
            _ => self.lose(),
        }
    }

    fn join(&mut self, version: i16, body: &[u8]) {
        let Some((version, mut request)) = read::<JoinGroupRequest>(version, body) else { return };
        request.member_id = self.member(&request.member_id);
        let caller = Caller { client_id: "c".into(), client_host: "/127.0.0.1".into() };
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.tickets.to_be_bytes());
        self.ask(Request::Join(Join { version, caller, id: Uuid(id), request }));
    }
}

fn read<M: Message>(version: i16, body: &[u8]) -> Option<(i16, M)> {
    let version = version_of::<M>(version);
    Some((version, M::read(&mut Decoder::new(Bytes::copy_from_slice(body)), version).ok()?))
}

/// Of each operation: kind, version, length of the body, body.
pub fn operations(mut input: &[u8]) -> bool {
    let mut world = World::new();
    while let Some((head, rest)) = input.split_first_chunk::<5>() {
        let [kind, version @ .., high, low] = *head;
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        world.act(kind, i16::from_be_bytes(version), &rest[..len]);
        input = &rest[len..];
    }
    world.lose();
    world.pass(3_600_000);
    // Every request that was read got one.
    world.tickets > 0
}

fn put_operation(kind: u8, version: i16, body: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(version.to_be_bytes());
    out.extend(u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
    out.extend(body);
}

const KINDS: [&str; 10] = [
    "JoinGroupRequest",
    "SyncGroupRequest",
    "HeartbeatRequest",
    "LeaveGroupRequest",
    "OffsetCommitRequest",
    "OffsetFetchRequest",
    "OffsetDeleteRequest",
    "DescribeGroupsRequest",
    "ListGroupsRequest",
    "DeleteGroupsRequest",
];

fn written<M: Message>(message: &M, version: i16) -> Vec<u8> {
    let mut encoder = ottla_wire::Encoder::new();
    message.write(&mut encoder, version);
    encoder.finish().expect("a small request can be written").to_bytes().to_vec()
}

/// A member that joins, is the leader, assigns, commits, and leaves; the log is lost between.
fn life() -> Vec<u8> {
    use ottla_wire::messages::join_group::JoinGroupRequestProtocol;
    use ottla_wire::messages::leave_group::MemberIdentity;
    use ottla_wire::messages::offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
    use ottla_wire::messages::sync_group::SyncGroupRequestAssignment;
    let first = WireStr::from("\0");
    let join = |member: WireStr| JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        member_id: member,
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(b"m"),
        }],
        ..Default::default()
    };
    let assignment =
        SyncGroupRequestAssignment { member_id: first.clone(), assignment: Bytes::from_static(b"a") };
    let sync = SyncGroupRequest {
        group_id: "g".into(),
        generation_id: 1,
        member_id: first.clone(),
        assignments: vec![assignment],
        ..Default::default()
    };
    let commit = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: 1,
        member_id: first.clone(),
        topics: vec![OffsetCommitRequestTopic {
            name: "t".into(),
            partitions: vec![OffsetCommitRequestPartition { committed_offset: 7, ..Default::default() }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let leave = LeaveGroupRequest {
        group_id: "g".into(),
        members: vec![MemberIdentity { member_id: first.clone(), ..Default::default() }],
        ..Default::default()
    };
    let mut all = Vec::new();
    put_operation(0, 5, &written(&join("".into()), 5), &mut all);
    put_operation(0, 5, &written(&join(first), 5), &mut all);
    put_operation(10, 20, &[], &mut all);
    put_operation(1, 3, &written(&sync, 3), &mut all);
    put_operation(4, 8, &written(&commit, 8), &mut all);
    put_operation(11, 0, &[], &mut all);
    put_operation(3, 3, &written(&leave, 3), &mut all);
    put_operation(10, 30_000, &[], &mut all);
    all
}

pub fn operation_corpus() -> Vec<Vec<u8>> {
    let rows = corpus::messages();
    let single = rows.iter().filter_map(|row| {
        let kind = KINDS.iter().position(|name| *name == row.message)?;
        let mut one = Vec::new();
        put_operation(kind as u8, row.version, &row.body, &mut one);
        Some(one)
    });
    single.chain([life()]).collect()
}
