//! JoinGroup and SyncGroup: what a member asks, and what the answers hold.

use super::assignor::{self, Assignments, Assignor};
use super::protocol::{self, PROTOCOL_TYPE, Subscription};
use super::{GroupConfig, Identity};
use crate::admin::PartitionKey;
use crate::errors::ClientError;
use ottla_wire::ErrorCode;
use ottla_wire::codec::EncodeError;
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a member has when it joins.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub topics: &'a BTreeSet<String>,
    /// What it reads while the group rebalances.
    pub owned: &'a BTreeSet<PartitionKey>,
    /// What it had last, given back or not, and in which generation.
    pub held: &'a (BTreeSet<PartitionKey>, i32),
}

/// A member of the new generation.
#[derive(Debug)]
pub(super) struct Joined {
    pub member_id: String,
    pub generation: i32,
    pub assignor: Assignor,
    /// For the leader: everybody. It assigns unless the group's assignment simply stays (a static member came back).
    pub members: Option<Vec<assignor::Member>>,
    pub skips_assignment: bool,
}

fn ms(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

fn unencodable(error: EncodeError) -> ClientError {
    ClientError::Invalid(format!("consumer protocol: {error}"))
}

pub(super) fn join_request(
    config: &GroupConfig,
    identity: &Identity,
    standing: &Standing<'_>,
) -> Result<JoinGroupRequest, ClientError> {
    let mut protocols = Vec::new();
    for assignor in &config.assignors {
        let (held, generation) = standing.held;
        let subscription = Subscription {
            topics: standing.topics.clone(),
            user_data: assignor.user_data(held, *generation),
            owned: standing.owned.clone(),
            generation: *generation,
        };
        protocols.push(JoinGroupRequestProtocol {
            name: assignor.name().into(),
            metadata: protocol::encode_subscription(&subscription).map_err(unencodable)?,
        });
    }
    Ok(JoinGroupRequest {
        group_id: config.group_id.as_str().into(),
        session_timeout_ms: ms(config.session_timeout),
        rebalance_timeout_ms: ms(config.max_poll_interval),
        member_id: identity.member_id.as_str().into(),
        group_instance_id: protocol::optional(identity.instance_id.as_deref()),
        protocol_type: PROTOCOL_TYPE.into(),
        protocols,
        reason: None,
    })
}

pub(super) fn joined(config: &GroupConfig, answer: &JoinGroupResponse) -> Result<Joined, ClientError> {
    let what = format!("join group {}", config.group_id);
    match ErrorCode::from_code(answer.error_code) {
        ErrorCode::None => {}
        code => return Err(ClientError::refused(what, code, None)),
    }
    let protocol = answer.protocol_name.as_deref().unwrap_or_default();
    let assignor = Assignor::from_name(protocol).filter(|assignor| config.assignors.contains(assignor));
    let Some(assignor) = assignor else {
        let message = format!("the group has chosen `{protocol}`, which was not offered");
        return Err(ClientError::refused(what, ErrorCode::InconsistentGroupProtocol, Some(&message)));
    };
    let is_leader = answer.leader == answer.member_id;
    let members = is_leader.then(|| {
        let member = |member: &ottla_wire::messages::join_group::JoinGroupResponseMember| {
            // A member whose subscription cannot be read gets nothing; the others need not suffer.
            let subscription = protocol::decode_subscription(&member.metadata).unwrap_or_else(|error| {
                tracing::warn!(group = config.group_id, member = %member.member_id, %error, "unreadable subscription");
                Subscription { generation: -1, ..Default::default() }
            });
            assignor::Member {
                id: member.member_id.to_string(),
                instance_id: member.group_instance_id.as_deref().map(str::to_owned),
                subscription,
            }
        };
        answer.members.iter().map(member).collect()
    });
    Ok(Joined {
        member_id: answer.member_id.to_string(),
        generation: answer.generation_id,
        assignor,
        members,
        skips_assignment: answer.skip_assignment,
    })
}

pub(super) fn sync_request(
    config: &GroupConfig,
    identity: &Identity,
    assignor: Assignor,
    assignments: &Assignments,
) -> Result<SyncGroupRequest, ClientError> {
    let mut encoded = Vec::new();
    for (member_id, partitions) in assignments {
        encoded.push(SyncGroupRequestAssignment {
            member_id: member_id.as_str().into(),
            assignment: protocol::encode_assignment(partitions).map_err(unencodable)?,
        });
    }
    Ok(SyncGroupRequest {
        group_id: config.group_id.as_str().into(),
        generation_id: identity.generation,
        member_id: identity.member_id.as_str().into(),
        group_instance_id: protocol::optional(identity.instance_id.as_deref()),
        protocol_type: Some(PROTOCOL_TYPE.into()),
        protocol_name: Some(assignor.name().into()),
        assignments: encoded,
    })
}

pub(super) fn assigned(
    config: &GroupConfig,
    answer: &SyncGroupResponse,
) -> Result<BTreeSet<PartitionKey>, ClientError> {
    let what = format!("sync group {}", config.group_id);
    match ErrorCode::from_code(answer.error_code) {
        ErrorCode::None => {}
        code => return Err(ClientError::refused(what, code, None)),
    }
    protocol::decode_assignment(&answer.assignment).map_err(|error| ClientError::Malformed {
        peer: format!("the leader of group {}", config.group_id),
        problem: format!("assignment: {error}"),
    })
}
