//! What a group is asked, and what it answers: Kafka's own messages, with what they do not carry beside them.
//!
//! One request concerns one group, because groups of one request may live in different partitions; who reads the
//! network splits and joins. Topics are named *and* identified: whoever asks fills in both where the version carries
//! only one, has answered for topics and partitions that do not exist, and leaves those out.

use ottla_wire::messages::delete_groups::DeletableGroupResult;
use ottla_wire::messages::describe_groups::DescribedGroup;
use ottla_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use ottla_wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use ottla_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use ottla_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use ottla_wire::messages::offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};
use ottla_wire::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchResponseGroup};
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use ottla_wire::{ErrorCode, Uuid, WireStr};

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
            Self::OffsetCommit(commit) => Reply::OffsetCommit(committed(&commit.request, |_| error)),
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
    JoinGroupResponse { error_code: error.code(), generation_id: -1, member_id, ..Default::default() }
}

/// An answer that says of every partition asked for what `error` says of it.
pub(super) fn committed(
    request: &OffsetCommitRequest,
    error: impl Fn(&ottla_wire::messages::offset_commit::OffsetCommitRequestPartition) -> ErrorCode,
) -> OffsetCommitResponse {
    let topics = request.topics.iter().map(|topic| OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|partition| OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: error(partition).code(),
            })
            .collect(),
    });
    OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}
