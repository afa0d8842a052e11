//! What a group is asked, and what it answers: Kafka's own messages, with what they do not carry beside them.
//!
//! One request concerns one group, because groups of one request may live in different partitions; who reads the
//! network splits and joins. Topics are named *and* identified: whoever asks fills in both where the version carries
//! only one, has answered for topics and partitions that do not exist, and leaves those out.

use ottla_wire::messages::delete_groups::DeletableGroupResult;
use ottla_wire::messages::describe_groups::DescribedGroup;
use ottla_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use ottla_wire::messages::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse,
};
use ottla_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use ottla_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use ottla_wire::messages::offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};
use ottla_wire::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchResponseGroup};
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use ottla_wire::{ErrorCode, Uuid, WireStr};

/// From this version on a LeaveGroup names several members.
const SEVERAL_LEAVE_FROM: i16 = 3;
/// Memory of a protocol beside its name and what is said in it.
const PROTOCOL_ADDS: usize = 64;
/// A hyphen and an identifier in Java's form.
const MEMBER_ID_ADDS: usize = 37;

/// Who asks, as members are described by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    pub client_id: WireStr,
    /// `/127.0.0.1`, as Kafka writes addresses.
    pub client_host: WireStr,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    pub version: i16,
    pub caller: Caller,
    /// Random, and never given before: a member without an id is named by it.
    pub id: Uuid,
    pub request: JoinGroupRequest,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Sync {
    pub version: i16,
    pub request: SyncGroupRequest,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Leave {
    pub version: i16,
    pub request: LeaveGroupRequest,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommit {
    pub version: i16,
    /// Only topics and partitions that exist. No topics is a valid request: the member is checked all the same.
    pub request: OffsetCommitRequest,
}

/// One group of an OffsetFetch; below version 8 the only one, with the topics of the request itself.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetch {
    pub version: i16,
    pub request: OffsetFetchRequestGroup,
    pub require_stable: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Describe {
    pub version: i16,
    pub group_id: WireStr,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    pub group_id: WireStr,
}

/// A topic that is gone. Offsets that were committed to a later topic of that name stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedTopic {
    pub name: WireStr,
    pub id: Uuid,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    Join(Join),
    Sync(Sync),
    Heartbeat(HeartbeatRequest),
    Leave(Leave),
    OffsetCommit(OffsetCommit),
    OffsetFetch(OffsetFetch),
    OffsetDelete(OffsetDeleteRequest),
    /// Permissions are not known here: `authorized_operations` of the answer is Kafka's "not asked for".
    Describe(Describe),
    /// The groups of this partition.
    List(ListGroupsRequest),
    Delete(Delete),
    /// Not from a client: to be told to every partition.
    TopicsDeleted(Vec<DeletedTopic>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Join(JoinGroupResponse),
    Sync(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    Leave(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponseGroup),
    OffsetDelete(OffsetDeleteResponse),
    Describe(DescribedGroup),
    List(ListGroupsResponse),
    Delete(DeletableGroupResult),
    TopicsDeleted,
}

impl Join {
    /// Version 0 has none of its own.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        if self.version == 0 { self.request.session_timeout_ms } else { self.request.rebalance_timeout_ms }
    }
}

impl Join {
    /// Whether everything that would be stored of the member has room in Kafka's records. What it says of itself in all
    /// protocols together has to fit one, so that a member costs a bounded memory.
    pub(super) fn is_writable(&self, max_record_bytes: usize) -> bool {
        let request = &self.request;
        let name = request.group_instance_id.as_ref().unwrap_or(&self.caller.client_id);
        let said = request.protocols.iter().map(|p| p.name.len() + p.metadata.len() + PROTOCOL_ADDS);
        name.len() + MEMBER_ID_ADDS <= i16::MAX as usize && said.sum::<usize>() <= max_record_bytes
    }
}

impl Leave {
    /// Versions 0-2 name one member.
    pub(super) fn members(&self) -> Vec<MemberIdentity> {
        if self.version >= SEVERAL_LEAVE_FROM {
            return self.request.members.clone();
        }
        vec![MemberIdentity { member_id: self.request.member_id.clone(), ..Default::default() }]
    }

    pub(super) fn unknown(members: &[MemberIdentity]) -> Vec<MemberResponse> {
        let unknown = |member: &MemberIdentity| MemberResponse {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            error_code: ErrorCode::UnknownMemberId.code(),
        };
        members.iter().map(unknown).collect()
    }

    pub(super) fn answer(&self, members: Vec<MemberResponse>) -> LeaveGroupResponse {
        if self.version >= SEVERAL_LEAVE_FROM {
            return LeaveGroupResponse { members, ..Default::default() };
        }
        let error_code = members.first().map_or(0, |member| member.error_code);
        LeaveGroupResponse { error_code, ..Default::default() }
    }
}

impl Request {
    /// The group whose partition answers; `None`: every partition is asked.
    pub fn group_id(&self) -> Option<&WireStr> {
        match self {
            Self::Join(join) => Some(&join.request.group_id),
            Self::Sync(sync) => Some(&sync.request.group_id),
            Self::Heartbeat(request) => Some(&request.group_id),
            Self::Leave(leave) => Some(&leave.request.group_id),
            Self::OffsetCommit(commit) => Some(&commit.request.group_id),
            Self::OffsetFetch(fetch) => Some(&fetch.request.group_id),
            Self::OffsetDelete(request) => Some(&request.group_id),
            Self::Describe(describe) => Some(&describe.group_id),
            Self::Delete(delete) => Some(&delete.group_id),
            Self::List(_) | Self::TopicsDeleted(_) => None,
        }
    }

    /// The answer that refuses the request as a whole, for whoever cannot ask the machine (it is loading, or not here).
    pub fn refuse(&self, error: ErrorCode) -> Reply {
        let error_code = error.code();
        match self {
            Self::Join(join) => Reply::Join(refused_join(join.request.member_id.clone(), error)),
            Self::Sync(_) => Reply::Sync(SyncGroupResponse { error_code, ..Default::default() }),
            Self::Heartbeat(_) => Reply::Heartbeat(HeartbeatResponse { error_code, ..Default::default() }),
            Self::Leave(_) => Reply::Leave(LeaveGroupResponse { error_code, ..Default::default() }),
            Self::OffsetCommit(commit) => Reply::OffsetCommit(committed(&commit.request, |_, _| error)),
            Self::OffsetFetch(fetch) => Reply::OffsetFetch(OffsetFetchResponseGroup {
                group_id: fetch.request.group_id.clone(),
                error_code,
                topics: Vec::new(),
            }),
            Self::OffsetDelete(_) => {
                Reply::OffsetDelete(OffsetDeleteResponse { error_code, ..Default::default() })
            }
            Self::Describe(describe) => Reply::Describe(DescribedGroup {
                error_code,
                group_id: describe.group_id.clone(),
                ..Default::default()
            }),
            Self::List(_) => Reply::List(ListGroupsResponse { error_code, ..Default::default() }),
            Self::Delete(delete) => Reply::Delete(DeletableGroupResult {
                group_id: delete.group_id.clone(),
                error_code,
                ..Default::default()
            }),
            Self::TopicsDeleted(_) => Reply::TopicsDeleted,
        }
    }
}

pub(super) fn refused_join(member_id: WireStr, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: error.code(),
        generation_id: -1,
        protocol_name: None,
        member_id,
        ..Default::default()
    }
}

/// An answer that says of every partition asked for what `error` says of it.
pub(super) fn committed(
    request: &OffsetCommitRequest,
    mut error: impl FnMut(&OffsetCommitRequestTopic, &OffsetCommitRequestPartition) -> ErrorCode,
) -> OffsetCommitResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let partition = |partition: &OffsetCommitRequestPartition| OffsetCommitResponsePartition {
            partition_index: partition.partition_index,
            error_code: error(topic, partition).code(),
        };
        topics.push(OffsetCommitResponseTopic {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: topic.partitions.iter().map(partition).collect(),
        });
    }
    OffsetCommitResponse { topics, ..Default::default() }
}
