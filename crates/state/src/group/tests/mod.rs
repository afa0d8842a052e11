//! One machine, asked by hand: a clock that moves when told, every record applied at once, answers looked up by ticket.

mod admin;
mod join;
mod offsets;
mod statics;
mod stored;
mod sync;

use super::*;
use ottla_wire::Uuid;
use ottla_wire::messages::describe_groups::DescribedGroup;
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use ottla_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_wire::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};

const OK: ErrorCode = ErrorCode::None;
const WALL_MS: i64 = 1_700_000_000_000;

struct Desk {
    groups: Groups,
    elapsed_ms: i64,
    tickets: u64,
    log: Vec<StateRecord>,
    answers: BTreeMap<Ticket, Reply>,
}

/// How a client joins.
#[derive(Clone)]
struct Joiner {
    version: i16,
    member_id: WireStr,
    instance_id: Option<WireStr>,
    kind: WireStr,
    protocols: Vec<(&'static str, &'static [u8])>,
    session_ms: i32,
    rebalance_ms: i32,
}

impl Default for Joiner {
    fn default() -> Self {
        Self {
            version: 3,
            member_id: WireStr::default(),
            instance_id: None,
            kind: "consumer".into(),
            protocols: vec![("range", b"\0\0")],
            session_ms: 10_000,
            rebalance_ms: 20_000,
        }
    }
}

impl Joiner {
    fn known(id: &WireStr) -> Self {
        Self { member_id: id.clone(), ..Self::default() }
    }

    fn instance(name: &str) -> Self {
        Self { version: 5, instance_id: Some(name.into()), ..Self::default() }
    }
}

impl Desk {
    fn new() -> Self {
        Self::with(Config { initial_rebalance_delay_ms: 0, ..Config::default() })
    }

    fn with(config: Config) -> Self {
        let mut desk = Self {
            groups: Groups::new(config),
            elapsed_ms: 0,
            tickets: 0,
            log: Vec::new(),
            answers: BTreeMap::new(),
        };
        let effects = desk.groups.loaded(desk.now());
        desk.take(effects);
        desk
    }

    fn now(&self) -> Now {
        Now { wall_ms: WALL_MS + self.elapsed_ms, monotonic_ms: self.elapsed_ms }
    }

    fn take(&mut self, effects: Effects<Reply>) {
        for record in effects.records {
            self.groups.apply(&record).unwrap();
            self.log.push(record);
        }
        for (ticket, reply) in effects.replies {
            assert!(self.answers.insert(ticket, reply).is_none(), "{ticket:?} is answered twice");
        }
    }

    /// Does what is due now; nothing may be due at the same instant for ever.
    fn settle(&mut self) {
        for _ in 0..100 {
            if self.groups.deadline_ms().is_none_or(|due| due > self.elapsed_ms) {
                return;
            }
            let effects = self.groups.expire(self.now());
            self.take(effects);
        }
        panic!("something is always due");
    }

    /// Lets time pass, stopping wherever something is due.
    fn pass_ms(&mut self, ms: i64) {
        let until = self.elapsed_ms + ms;
        while let Some(due) = self.groups.deadline_ms().filter(|due| *due <= until) {
            self.elapsed_ms = self.elapsed_ms.max(due);
            self.settle();
        }
        self.elapsed_ms = until;
    }

    fn ask(&mut self, request: Request) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let effects = self.groups.decide(self.now(), ticket, request);
        self.take(effects);
        ticket
    }

    fn answer(&mut self, ticket: Ticket) -> Option<Reply> {
        self.answers.remove(&ticket)
    }

    /// Asks for what is answered at once.
    fn tell(&mut self, request: Request) -> Reply {
        let ticket = self.ask(request);
        self.answer(ticket).expect("answered at once")
    }

    fn join(&mut self, joiner: &Joiner) -> Ticket {
        let protocols = joiner.protocols.iter().map(|(name, metadata)| JoinGroupRequestProtocol {
            name: (*name).into(),
            metadata: Bytes::from_static(metadata),
        });
        let request = JoinGroupRequest {
            group_id: "g".into(),
            session_timeout_ms: joiner.session_ms,
            rebalance_timeout_ms: joiner.rebalance_ms,
            member_id: joiner.member_id.clone(),
            group_instance_id: joiner.instance_id.clone(),
            protocol_type: joiner.kind.clone(),
            protocols: protocols.collect(),
            reason: None,
        };
        let caller = Caller { client_id: "client".into(), client_host: "/127.0.0.1".into() };
        let id = Uuid(u128::from(self.tickets + 1).to_be_bytes());
        self.ask(Request::Join(Join { version: joiner.version, caller, id, request }))
    }

    fn joined(&mut self, ticket: Ticket) -> JoinGroupResponse {
        match self.answer(ticket) {
            Some(Reply::Join(response)) => response,
            other => panic!("no join answer: {other:?}"),
        }
    }

    fn waits(&self, ticket: Ticket) -> bool {
        !self.answers.contains_key(&ticket)
    }

    /// Joins, lets what is due happen, and expects to be in.
    fn join_now(&mut self, joiner: &Joiner) -> JoinGroupResponse {
        let ticket = self.join(joiner);
        self.settle();
        let response = self.joined(ticket);
        assert_eq!(response.error_code, 0);
        response
    }

    fn sync(&mut self, id: &WireStr, generation: i32, assignments: &[(&WireStr, &'static [u8])]) -> Ticket {
        let assignments = assignments.iter().map(|(member, assignment)| SyncGroupRequestAssignment {
            member_id: (*member).clone(),
            assignment: Bytes::from_static(assignment),
        });
        let request = SyncGroupRequest {
            group_id: "g".into(),
            generation_id: generation,
            member_id: id.clone(),
            assignments: assignments.collect(),
            ..Default::default()
        };
        self.ask(Request::Sync(Sync { version: 3, request }))
    }

    fn synced(&mut self, ticket: Ticket) -> Result<Bytes, ErrorCode> {
        match self.answer(ticket) {
            Some(Reply::Sync(response)) if response.error_code == 0 => Ok(response.assignment),
            Some(Reply::Sync(response)) => Err(ErrorCode::from_code(response.error_code)),
            other => panic!("no sync answer: {other:?}"),
        }
    }

    fn heartbeat(&mut self, id: &str, generation: i32) -> ErrorCode {
        self.heartbeat_as(id, None, generation)
    }

    fn heartbeat_as(&mut self, id: &str, instance: Option<&str>, generation: i32) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: "g".into(),
            generation_id: generation,
            member_id: id.into(),
            group_instance_id: instance.map(WireStr::from),
        };
        match self.tell(Request::Heartbeat(request)) {
            Reply::Heartbeat(response) => ErrorCode::from_code(response.error_code),
            other => panic!("{other:?}"),
        }
    }

    fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<ErrorCode> {
        let members = members.iter().map(|(id, instance)| MemberIdentity {
            member_id: (*id).into(),
            group_instance_id: instance.map(WireStr::from),
            reason: Some("done".into()),
        });
        let request =
            LeaveGroupRequest { group_id: "g".into(), members: members.collect(), ..Default::default() };
        match self.tell(Request::Leave(Leave { version: 5, request })) {
            Reply::Leave(response) => {
                assert_eq!(response.error_code, 0);
                response.members.iter().map(|member| ErrorCode::from_code(member.error_code)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn commit_as(&mut self, version: i16, id: &str, generation: i32, offset: i64) -> ErrorCode {
        let partition = OffsetCommitRequestPartition {
            partition_index: 0,
            committed_offset: offset,
            committed_leader_epoch: 4,
            committed_metadata: Some(format!("m{offset}").into()),
        };
        self.commit(version, id, generation, "t", partition)
    }

    fn commit(
        &mut self,
        version: i16,
        id: &str,
        generation: i32,
        topic: &str,
        partition: OffsetCommitRequestPartition,
    ) -> ErrorCode {
        let topic =
            OffsetCommitRequestTopic { name: topic.into(), topic_id: TOPIC_ID, partitions: vec![partition] };
        let request = OffsetCommitRequest {
            group_id: "g".into(),
            generation_id_or_member_epoch: generation,
            member_id: id.into(),
            topics: vec![topic],
            ..Default::default()
        };
        match self.tell(Request::OffsetCommit(OffsetCommit { version, request })) {
            Reply::OffsetCommit(response) => {
                ErrorCode::from_code(response.topics[0].partitions[0].error_code)
            }
            other => panic!("{other:?}"),
        }
    }

    /// The committed offset of partition 0; `None` where there is none.
    fn committed(&mut self, topic: &str) -> Option<i64> {
        let topics = vec![OffsetFetchRequestTopics {
            name: topic.into(),
            topic_id: Uuid::ZERO,
            partition_indexes: vec![0],
        }];
        let request =
            OffsetFetchRequestGroup { group_id: "g".into(), topics: Some(topics), ..Default::default() };
        match self.tell(Request::OffsetFetch(OffsetFetch { version: 8, request, require_stable: true })) {
            Reply::OffsetFetch(group) => {
                assert_eq!(group.error_code, 0);
                Some(group.topics[0].partitions[0].committed_offset).filter(|offset| *offset >= 0)
            }
            other => panic!("{other:?}"),
        }
    }

    fn describe(&mut self) -> DescribedGroup {
        match self.tell(Request::Describe(Describe { version: 5, group_id: "g".into() })) {
            Reply::Describe(group) => group,
            other => panic!("{other:?}"),
        }
    }

    fn state(&mut self) -> String {
        self.describe().group_state.to_string()
    }

    fn delete(&mut self) -> ErrorCode {
        match self.tell(Request::Delete(Delete { group_id: "g".into() })) {
            Reply::Delete(result) => {
                assert_eq!(result.error_message, None);
                ErrorCode::from_code(result.error_code)
            }
            other => panic!("{other:?}"),
        }
    }

    /// A stable group of one; its member and generation.
    fn stable(&mut self) -> (WireStr, i32) {
        let response = self.join_now(&Joiner::default());
        let id = response.member_id;
        let ticket = self.sync(&id, response.generation_id, &[(&id, b"A")]);
        assert_eq!(self.synced(ticket), Ok(Bytes::from_static(b"A")));
        (id, response.generation_id)
    }

    /// A stable group of two: the leader, the other, their generation.
    fn stable_two(&mut self) -> (WireStr, WireStr, i32) {
        let (leader, _) = self.stable();
        let second = self.join(&Joiner::default());
        let first = self.join(&Joiner::known(&leader));
        let first = self.joined(first);
        let other = self.joined(second).member_id;
        let generation = first.generation_id;
        let waiting = self.sync(&other, generation, &[]);
        assert!(self.waits(waiting));
        let ticket = self.sync(&leader, generation, &[(&leader, b"A"), (&other, b"B")]);
        assert_eq!(self.synced(ticket), Ok(Bytes::from_static(b"A")));
        assert_eq!(self.synced(waiting), Ok(Bytes::from_static(b"B")));
        (leader, other, generation)
    }

    /// A machine made of this one's records.
    fn replayed(&self) -> Groups {
        let mut groups = Groups::new(self.groups.config.clone());
        for record in &self.log {
            groups.apply(record).unwrap();
        }
        groups.loaded(self.now());
        groups
    }
}

const TOPIC_ID: Uuid = Uuid([7; 16]);

#[test]
fn a_group_lives_where_java_says() {
    // "polygenelubricants" hashes to i32::MIN in Java.
    // Kafka takes the absolute value, and 0 for i32::MIN, which has none.
    let cases = [("", 0), ("g", 3), ("console-consumer-1", 24), ("polygenelubricants", 0), ("my-group", 12)];
    for (group, partition) in cases {
        assert_eq!(partition_of(group, 50), partition, "{group}");
    }
}
