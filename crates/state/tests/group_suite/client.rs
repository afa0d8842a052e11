//! One client of a group, as a consumer goes about it; and its bad days.

use super::truth::Truth;
use super::{OTHER_TOPIC, PARTITIONS, REBALANCE_MS, Random, SESSION_MS, TOPIC};
use bytes::Bytes;
use ottla_state::effects::Ticket;
use ottla_state::group::{Caller, Join, Leave, OffsetCommit, OffsetFetch, Reply, Request, Sync};
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use ottla_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_wire::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use ottla_wire::{ErrorCode, Uuid, WireStr};

pub const TOPIC_ID: Uuid = Uuid([1; 16]);
pub const OTHER_TOPIC_ID: Uuid = Uuid([2; 16]);
/// A subscription of version 0 to the topic.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x04read\0\0\0\0";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Out,
    Joined { assignments: Vec<(WireStr, Bytes)> },
    Working { partitions: Vec<u8> },
}

#[derive(Debug)]
pub struct Client {
    pub group: WireStr,
    caller: Caller,
    version: i16,
    instance_id: Option<WireStr>,
    member_id: WireStr,
    generation: i32,
    phase: Phase,
    waits: Option<Ticket>,
}

impl Client {
    pub fn new(group: WireStr, caller: Caller, version: i16, instance: Option<&str>) -> Self {
        let version = if instance.is_some() { version.max(5) } else { version };
        Self {
            group,
            caller,
            version,
            instance_id: instance.map(WireStr::from),
            member_id: WireStr::default(),
            generation: -1,
            phase: Phase::Out,
            waits: None,
        }
    }

    /// Its group and the instance it claims to be.
    pub fn instance(&self) -> Option<(WireStr, WireStr)> {
        self.instance_id.clone().map(|instance| (self.group.clone(), instance))
    }

    pub fn asked(&mut self, ticket: Ticket) {
        self.waits = Some(ticket);
    }

    pub fn waits_for(&self, ticket: Ticket) -> bool {
        self.waits == Some(ticket)
    }

    pub fn disconnected(&mut self) {
        self.waits = None;
    }

    pub fn owned(&self) -> impl Iterator<Item = u8> {
        let partitions: &[u8] = match &self.phase {
            Phase::Working { partitions } => partitions,
            _ => &[],
        };
        partitions.iter().copied()
    }

    /// What the client does next, or nothing while it waits.
    pub fn act(&mut self, random: &mut Random, truth: &mut Truth) -> Option<Request> {
        if self.waits.is_some() {
            if random.percent(3) {
                // It gives up, and what it asked for is still there.
                self.waits = None;
                if random.percent(50) {
                    self.phase = Phase::Out;
                }
            }
            return None;
        }
        if random.percent(1) {
            // The process starts anew.
            self.member_id = WireStr::default();
            self.phase = Phase::Out;
        }
        match &self.phase {
            Phase::Out => Some(self.join(random.next())),
            Phase::Joined { assignments } => Some(self.sync(assignments)),
            Phase::Working { partitions } => {
                let partition = partitions.get(random.below(partitions.len())).copied();
                Some(match (random.below(100), partition) {
                    (0..=19, Some(partition)) => self.commit(TOPIC, TOPIC_ID, partition, truth),
                    (20..=22, Some(partition)) => self.commit(OTHER_TOPIC, OTHER_TOPIC_ID, partition, truth),
                    (23..=29, _) => self.fetch(TOPIC),
                    (30..=32, _) => self.fetch(OTHER_TOPIC),
                    (33..=35, _) => self.leave(),
                    (36..=37, _) => self.join(random.next()),
                    (38..=41, _) => return None,
                    _ => self.heartbeat(),
                })
            }
        }
    }

    /// The same without bad days, for the end.
    pub fn act_well(&mut self, truth: &mut Truth) -> Option<Request> {
        if self.waits.is_some() {
            return None;
        }
        match &self.phase {
            Phase::Out => Some(self.join(truth.number() as u64 ^ 0xffff_ffff_0000_0000)),
            Phase::Joined { assignments } => Some(self.sync(assignments)),
            Phase::Working { .. } => Some(self.heartbeat()),
        }
    }

    fn join(&self, random: u64) -> Request {
        let protocols = ["range", "roundrobin"].map(|name| JoinGroupRequestProtocol {
            name: name.into(),
            metadata: Bytes::from_static(SUBSCRIPTION),
        });
        let request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: REBALANCE_MS,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            protocol_type: "consumer".into(),
            protocols: protocols.to_vec(),
            reason: None,
        };
        let id = Uuid(u128::from(random).to_be_bytes());
        Request::Join(Join { version: self.version, caller: self.caller.clone(), id, request })
    }

    fn sync(&self, assignments: &[(WireStr, Bytes)]) -> Request {
        let assignments = assignments.iter().map(|(member, assignment)| SyncGroupRequestAssignment {
            member_id: member.clone(),
            assignment: assignment.clone(),
        });
        let request = SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            assignments: assignments.collect(),
            ..Default::default()
        };
        Request::Sync(Sync { version: 3, request })
    }

    fn heartbeat(&self) -> Request {
        Request::Heartbeat(HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
        })
    }

    fn leave(&self) -> Request {
        let member = MemberIdentity {
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            reason: None,
        };
        let request =
            LeaveGroupRequest { group_id: self.group.clone(), members: vec![member], ..Default::default() };
        Request::Leave(Leave { version: 5, request })
    }

    /// Every commit has a number of its own, larger than all before.
    fn commit(&self, topic: &str, topic_id: Uuid, partition: u8, truth: &mut Truth) -> Request {
        let partition = OffsetCommitRequestPartition {
            partition_index: i32::from(partition),
            committed_offset: truth.number(),
            committed_metadata: Some("m".into()),
            ..Default::default()
        };
        let topic = OffsetCommitRequestTopic { name: topic.into(), topic_id, partitions: vec![partition] };
        let request = OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            topics: vec![topic],
            ..Default::default()
        };
        Request::OffsetCommit(OffsetCommit { version: 8, request })
    }

    fn fetch(&self, topic: &str) -> Request {
        let topic = OffsetFetchRequestTopics {
            name: topic.into(),
            topic_id: Uuid::ZERO,
            partition_indexes: (0..i32::from(PARTITIONS)).collect(),
        };
        let request = OffsetFetchRequestGroup {
            group_id: self.group.clone(),
            topics: Some(vec![topic]),
            ..Default::default()
        };
        Request::OffsetFetch(OffsetFetch { version: 8, request, require_stable: true })
    }

    pub fn hear(&mut self, request: &Request, reply: &Reply, truth: &mut Truth) {
        self.waits = None;
        let error = match reply {
            Reply::Join(response) => return self.hear_join(request, response, truth),
            Reply::Sync(response) if response.error_code == 0 => {
                let partitions = response.assignment.to_vec();
                self.phase = Phase::Working { partitions };
                return;
            }
            Reply::Sync(response) => response.error_code,
            Reply::Heartbeat(response) => response.error_code,
            Reply::OffsetCommit(response) => response.topics[0].partitions[0].error_code,
            Reply::Leave(_) => {
                self.member_id = WireStr::default();
                self.phase = Phase::Out;
                return;
            }
            _ => return,
        };
        self.suffer(ErrorCode::from_code(error));
    }

    fn hear_join(&mut self, request: &Request, response: &JoinGroupResponse, truth: &mut Truth) {
        let error = ErrorCode::from_code(response.error_code);
        if error == ErrorCode::MemberIdRequired {
            self.member_id = response.member_id.clone();
        } else if error.is_error() {
            self.suffer(error);
        } else {
            if let Request::Join(join) = request
                && join.request.member_id != response.member_id
            {
                truth.took_over(&self.group, self.instance_id.as_ref(), &response.member_id);
            }
            self.member_id = response.member_id.clone();
            self.generation = response.generation_id;
            let leads = response.leader == response.member_id && !response.skip_assignment;
            let assignments = if leads { shares(response) } else { Vec::new() };
            self.phase = Phase::Joined { assignments };
        }
    }

    fn suffer(&mut self, error: ErrorCode) {
        match error {
            ErrorCode::None => {}
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId | ErrorCode::GroupMaxSizeReached => {
                self.member_id = WireStr::default();
                self.phase = Phase::Out;
            }
            _ => self.phase = Phase::Out,
        }
    }
}

/// Every partition to one member; the same for the same members.
fn shares(response: &JoinGroupResponse) -> Vec<(WireStr, Bytes)> {
    let members = response.members.len().max(1);
    let share = |i: usize| (0..PARTITIONS).filter(|p| usize::from(*p) % members == i).collect::<Vec<u8>>();
    response.members.iter().enumerate().map(|(i, m)| (m.member_id.clone(), share(i).into())).collect()
}
