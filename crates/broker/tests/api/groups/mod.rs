//! Consumer groups: coordinator, members, offsets, and what clients get wrong.

mod hostile;
mod members;
mod offsets;
mod restart;
mod settings;

use crate::harness::{Connection, Running, ok, start};
use crate::topics::creation;
use bytes::Bytes;
use ottla_wire::messages::find_coordinator::FindCoordinatorRequest;
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};
use ottla_wire::{ErrorCode, WireStr};

/// No waiting for more members, and as few partitions as tell groups apart.
pub const AT_ONCE: [(&str, &str); 2] =
    [("group.initial.rebalance.delay.ms", "0"), ("offsets.topic.num.partitions", "3")];

pub fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code)
}

/// A broker with a topic `t` of two partitions whose groups are ready.
pub async fn ready() -> (Running, Connection) {
    let running = start(&AT_ONCE).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 2)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    (running, connection)
}

/// Looks for a group's coordinator and waits until it is loaded, as clients do.
pub async fn find(connection: &mut Connection, group: &str) {
    let request = FindCoordinatorRequest { coordinator_keys: vec![group.into()], ..Default::default() };
    let answer = connection.call(6, &request).await;
    ok(answer.coordinators[0].error_code);
    let request = HeartbeatRequest { group_id: group.into(), generation_id: 1, ..Default::default() };
    while code(connection.call(4, &request).await.error_code) == ErrorCode::CoordinatorLoadInProgress {}
}

pub fn joining(group: &str, member: &WireStr) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 60_000,
        member_id: member.clone(),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(b"subscription"),
        }],
        ..Default::default()
    }
}

/// Joins as a client does: with the id that it is given, where it is asked to.
pub async fn join(connection: &mut Connection, version: i16, group: &str) -> JoinGroupResponse {
    let answer = connection.call(version, &joining(group, &WireStr::default())).await;
    if code(answer.error_code) == ErrorCode::MemberIdRequired {
        return connection.call(version, &joining(group, &answer.member_id)).await;
    }
    answer
}

pub fn syncing(
    group: &str,
    joined: &JoinGroupResponse,
    assignments: &[(&WireStr, &'static [u8])],
) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: assignments
            .iter()
            .map(|(member, assignment)| SyncGroupRequestAssignment {
                member_id: (*member).clone(),
                assignment: Bytes::from_static(assignment),
            })
            .collect(),
        ..Default::default()
    }
}

/// A stable group of one.
pub async fn alone(connection: &mut Connection, group: &str) -> JoinGroupResponse {
    let joined = join(connection, 9, group).await;
    ok(joined.error_code);
    let synced: SyncGroupResponse =
        connection.call(5, &syncing(group, &joined, &[(&joined.member_id, b"mine")])).await;
    assert_eq!((code(synced.error_code), &synced.assignment[..]), (ErrorCode::None, &b"mine"[..]));
    joined
}

pub fn committing(group: &str, joined: &JoinGroupResponse, topic: &str, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: offset,
        committed_leader_epoch: -1,
        committed_metadata: Some("note".into()),
    };
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: joined.generation_id,
        member_id: joined.member_id.clone(),
        topics: vec![OffsetCommitRequestTopic {
            name: topic.into(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}

pub async fn commit(
    connection: &mut Connection,
    group: &str,
    joined: &JoinGroupResponse,
    offset: i64,
) -> ErrorCode {
    let answer = connection.call(9, &committing(group, joined, "t", offset)).await;
    code(answer.topics[0].partitions[0].error_code)
}

/// The committed offset of partition 0, and what was written beside it.
pub async fn committed(
    connection: &mut Connection,
    group: &str,
    topic: &str,
) -> Result<(i64, String), ErrorCode> {
    let topics = vec![OffsetFetchRequestTopics {
        name: topic.into(),
        partition_indexes: vec![0],
        ..Default::default()
    }];
    let group = OffsetFetchRequestGroup {
        group_id: group.into(),
        member_epoch: -1,
        topics: Some(topics),
        ..Default::default()
    };
    let answer = connection.call(9, &OffsetFetchRequest { groups: vec![group], ..Default::default() }).await;
    let group = &answer.groups[0];
    match code(group.error_code) {
        ErrorCode::None => {
            let partition = &group.topics[0].partitions[0];
            ok(partition.error_code);
            Ok((partition.committed_offset, partition.metadata.clone().unwrap_or_default().to_string()))
        }
        error => Err(error),
    }
}

/// The same, once the coordinator is loaded; whatever it says before, it is never an offset.
pub async fn committed_when_loaded(connection: &mut Connection, group: &str) -> (i64, String) {
    loop {
        match committed(connection, group, "t").await {
            Ok(offset) => return offset,
            Err(error) => assert_eq!(error, ErrorCode::CoordinatorLoadInProgress),
        }
    }
}
