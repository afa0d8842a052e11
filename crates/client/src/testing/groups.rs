//! Groups of the cluster in memory: one coordinator for all, which knows the rules that a member can see.
//!
//! A rebalance ends when everybody has joined, or when those who have not are put out after [`PATIENCE`]. There are no
//! sessions: a test that wants a member gone removes it.

use super::handlers::frame;
use super::{FakeCluster, NODES};
use bytes::Bytes;
use ottla_wire::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use ottla_wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse};
use ottla_wire::messages::offset_commit as commit;
use ottla_wire::messages::offset_fetch as fetch;
use ottla_wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use ottla_wire::request::Head;
use ottla_wire::{Decoder, ErrorCode, Message, WireStr, apis};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Empty,
    Joining,
    Assigning,
    Stable,
}

#[derive(Debug, Default)]
pub struct FakeGroup {
    pub phase: Phase,
    pub generation: i32,
    pub members: BTreeMap<String, FakeMember>,
    pub offsets: BTreeMap<(String, i32), i64>,
    given_ids: BTreeSet<String>,
    protocol: String,
}

#[derive(Debug, Default)]
pub struct FakeMember {
    protocols: BTreeMap<String, Bytes>,
    has_joined: bool,
    assignment: Bytes,
}

impl FakeGroup {
    /// Puts a member out, as the end of its session would.
    pub fn remove(&mut self, member_id: &str) {
        self.members.remove(member_id);
        self.rebalance();
    }

    fn rebalance(&mut self) {
        self.phase = if self.members.is_empty() { Phase::Empty } else { Phase::Joining };
    }

    fn advance(&mut self) {
        if self.phase == Phase::Joining && self.members.values().all(|member| member.has_joined) {
            self.generation += 1;
            self.phase = Phase::Assigning;
            let of_all = |name: &&String| self.members.values().all(|m| m.protocols.contains_key(*name));
            let first = self.members.values().next().into_iter().flat_map(|member| member.protocols.keys());
            self.protocol = first.into_iter().find(of_all).cloned().unwrap_or_default();
            self.members.values_mut().for_each(|member| member.has_joined = false);
        }
    }

    fn check(&self, member_id: &str, generation: i32) -> Result<(), ErrorCode> {
        if !self.members.contains_key(member_id) {
            return Err(ErrorCode::UnknownMemberId);
        }
        if generation != self.generation { Err(ErrorCode::IllegalGeneration) } else { Ok(()) }
    }
}

impl FakeCluster {
    fn coordinates(&self, node_id: i32, refusal: Option<ErrorCode>) -> Result<(), ErrorCode> {
        match refusal {
            Some(code) => Err(code),
            None if self.state().coordinator != node_id => Err(ErrorCode::NotCoordinator),
            None => Ok(()),
        }
    }

    pub fn group<T>(&self, group_id: &str, change: impl FnOnce(&mut FakeGroup) -> T) -> T {
        let result = change(self.state().groups.entry(group_id.to_owned()).or_default());
        self.groups_changed.send_modify(|changes| *changes += 1);
        result
    }

    /// Waits until the group is so.
    pub async fn until(&self, group_id: &str, is_so: impl Fn(&FakeGroup) -> bool) {
        let mut changes = self.groups_changed.subscribe();
        while !self.state().groups.get(group_id).is_some_and(&is_so) {
            changes.changed().await.unwrap();
        }
    }
}

/// The whole frame; `None` for what is no API of groups.
pub async fn answer(
    cluster: &FakeCluster,
    node_id: i32,
    head: &Head,
    decoder: &mut Decoder,
    refusal: Option<ErrorCode>,
) -> Option<Bytes> {
    let (version, id) = (head.api_version, head.correlation_id);
    macro_rules! read {
        ($request:ty) => {
            <$request>::read(decoder, version).unwrap()
        };
    }
    Some(match head.api_key {
        apis::FIND_COORDINATOR => frame(id, version, &find(cluster, &read!(FindCoordinatorRequest), refusal)),
        apis::JOIN_GROUP => {
            frame(id, version, &join(cluster, node_id, &read!(JoinGroupRequest), refusal).await)
        }
        apis::SYNC_GROUP => {
            frame(id, version, &sync(cluster, node_id, &read!(SyncGroupRequest), refusal).await)
        }
        apis::HEARTBEAT => {
            frame(id, version, &heartbeat(cluster, node_id, &read!(HeartbeatRequest), refusal))
        }
        apis::LEAVE_GROUP => frame(id, version, &leave(cluster, node_id, &read!(LeaveGroupRequest), refusal)),
        apis::OFFSET_COMMIT => {
            frame(id, version, &commit(cluster, node_id, &read!(commit::OffsetCommitRequest), refusal))
        }
        apis::OFFSET_FETCH => {
            frame(id, version, &committed(cluster, node_id, &read!(fetch::OffsetFetchRequest), refusal))
        }
        _ => return None,
    })
}

fn find(
    cluster: &FakeCluster,
    request: &FindCoordinatorRequest,
    refusal: Option<ErrorCode>,
) -> FindCoordinatorResponse {
    let node_id = cluster.state().coordinator;
    let index = NODES.iter().position(|node| *node == node_id).unwrap();
    let code = refusal.unwrap_or(ErrorCode::None).code();
    let (host, port): (WireStr, _) = ("fake".into(), i32::from(cluster.ports[index]));
    let one = |key: &WireStr| Coordinator {
        key: key.clone(),
        node_id,
        host: host.clone(),
        port,
        error_code: code,
        error_message: None,
    };
    let coordinators = request.coordinator_keys.iter().map(one).collect();
    FindCoordinatorResponse { coordinators, error_code: code, node_id, host, port, ..Default::default() }
}

async fn join(
    cluster: &FakeCluster,
    node_id: i32,
    request: &JoinGroupRequest,
    refusal: Option<ErrorCode>,
) -> JoinGroupResponse {
    let refused = |code: ErrorCode, member_id: &str| JoinGroupResponse {
        error_code: code.code(),
        member_id: member_id.into(),
        ..Default::default()
    };
    if let Err(code) = cluster.coordinates(node_id, refusal) {
        return refused(code, &request.member_id);
    }
    let member_id = request.member_id.to_string();
    let begun = cluster.group(&request.group_id, |group| {
        if member_id.is_empty() {
            let id = format!("member-{}", group.given_ids.len());
            group.given_ids.insert(id.clone());
            return Err((ErrorCode::MemberIdRequired, id));
        }
        if !group.members.contains_key(&member_id) && !group.given_ids.remove(&member_id) {
            return Err((ErrorCode::UnknownMemberId, member_id.clone()));
        }
        let member = group.members.entry(member_id.clone()).or_default();
        member.has_joined = true;
        let protocols = request.protocols.iter();
        member.protocols = protocols.map(|p| (p.name.to_string(), p.metadata.clone())).collect();
        group.phase = Phase::Joining;
        // An id that was given stays known as used, so that the next one is another.
        group.given_ids.insert(format!("used {member_id}"));
        let generation = group.generation;
        group.advance();
        Ok(generation)
    });
    let generation = match begun {
        Ok(generation) => generation,
        Err((code, id)) => return refused(code, &id),
    };
    let all_joined = cluster.until(&request.group_id, |group| group.generation > generation);
    if tokio::time::timeout(PATIENCE, all_joined).await.is_err() {
        cluster.group(&request.group_id, |group| {
            group.members.retain(|_, member| member.has_joined);
            group.advance();
        });
    }
    cluster.group(&request.group_id, |group| {
        let leader = group.members.keys().next().cloned().unwrap_or_default();
        let member = |(id, member): (&String, &FakeMember)| JoinGroupResponseMember {
            member_id: id.as_str().into(),
            group_instance_id: None,
            metadata: member.protocols.get(&group.protocol).cloned().unwrap_or_default(),
        };
        let members =
            if leader == member_id { group.members.iter().map(member).collect() } else { Vec::new() };
        JoinGroupResponse {
            generation_id: group.generation,
            protocol_type: Some("consumer".into()),
            protocol_name: Some(group.protocol.as_str().into()),
            leader: leader.into(),
            member_id: member_id.into(),
            members,
            ..Default::default()
        }
    })
}

async fn sync(
    cluster: &FakeCluster,
    node_id: i32,
    request: &SyncGroupRequest,
    refusal: Option<ErrorCode>,
) -> SyncGroupResponse {
    let refused = |code: ErrorCode| SyncGroupResponse { error_code: code.code(), ..Default::default() };
    if let Err(code) = cluster.coordinates(node_id, refusal) {
        return refused(code);
    }
    let generation = request.generation_id;
    let begun = cluster.group(&request.group_id, |group| {
        group.check(&request.member_id, generation)?;
        if group.phase == Phase::Joining {
            return Err(ErrorCode::RebalanceInProgress);
        }
        for given in &request.assignments {
            if let Some(member) = group.members.get_mut(given.member_id.as_str()) {
                member.assignment = given.assignment.clone();
            }
            group.phase = Phase::Stable;
        }
        Ok(())
    });
    if let Err(code) = begun {
        return refused(code);
    }
    let is_over = |group: &FakeGroup| group.phase != Phase::Assigning || group.generation != generation;
    cluster.until(&request.group_id, is_over).await;
    cluster.group(&request.group_id, |group| match group.members.get(request.member_id.as_str()) {
        None => refused(ErrorCode::UnknownMemberId),
        Some(member) if group.phase == Phase::Stable && group.generation == generation => {
            SyncGroupResponse { assignment: member.assignment.clone(), ..Default::default() }
        }
        Some(_) => refused(ErrorCode::RebalanceInProgress),
    })
}

fn heartbeat(
    cluster: &FakeCluster,
    node_id: i32,
    request: &HeartbeatRequest,
    refusal: Option<ErrorCode>,
) -> HeartbeatResponse {
    let result = cluster.coordinates(node_id, refusal).and_then(|()| {
        cluster.group(&request.group_id, |group| {
            group.check(&request.member_id, request.generation_id)?;
            if group.phase == Phase::Joining { Err(ErrorCode::RebalanceInProgress) } else { Ok(()) }
        })
    });
    HeartbeatResponse { error_code: code_of(result), ..Default::default() }
}

fn code_of(result: Result<(), ErrorCode>) -> i16 {
    result.err().unwrap_or(ErrorCode::None).code()
}

fn leave(
    cluster: &FakeCluster,
    node_id: i32,
    request: &LeaveGroupRequest,
    refusal: Option<ErrorCode>,
) -> LeaveGroupResponse {
    let result = cluster.coordinates(node_id, refusal);
    if result.is_ok() {
        cluster.group(&request.group_id, |group| {
            for member in &request.members {
                group.remove(&member.member_id);
            }
            group.advance();
        });
    }
    let member = |member: &ottla_wire::messages::leave_group::MemberIdentity| MemberResponse {
        member_id: member.member_id.clone(),
        ..Default::default()
    };
    let members = request.members.iter().map(member).collect();
    LeaveGroupResponse { error_code: code_of(result), members, ..Default::default() }
}

fn commit(
    cluster: &FakeCluster,
    node_id: i32,
    request: &commit::OffsetCommitRequest,
    refusal: Option<ErrorCode>,
) -> commit::OffsetCommitResponse {
    let result = cluster.coordinates(node_id, refusal).and_then(|()| {
        cluster.group(&request.group_id, |group| {
            group.check(&request.member_id, request.generation_id_or_member_epoch)?;
            if group.phase == Phase::Assigning {
                return Err(ErrorCode::RebalanceInProgress);
            }
            for topic in &request.topics {
                for p in &topic.partitions {
                    group.offsets.insert((topic.name.to_string(), p.partition_index), p.committed_offset);
                }
            }
            Ok(())
        })
    });
    let error_code = code_of(result);
    let topic = |topic: &commit::OffsetCommitRequestTopic| {
        let partition = |p: &commit::OffsetCommitRequestPartition| commit::OffsetCommitResponsePartition {
            partition_index: p.partition_index,
            error_code,
        };
        commit::OffsetCommitResponseTopic {
            name: topic.name.clone(),
            partitions: topic.partitions.iter().map(partition).collect(),
            ..Default::default()
        }
    };
    commit::OffsetCommitResponse { topics: request.topics.iter().map(topic).collect(), ..Default::default() }
}

fn committed(
    cluster: &FakeCluster,
    node_id: i32,
    request: &fetch::OffsetFetchRequest,
    refusal: Option<ErrorCode>,
) -> fetch::OffsetFetchResponse {
    let result = cluster.coordinates(node_id, refusal);
    let is_refused = result.is_err();
    let error_code = code_of(result);
    let group = |asked: &fetch::OffsetFetchRequestGroup| {
        let topic = |topic: &fetch::OffsetFetchRequestTopics| {
            let offset = |partition: i32| {
                let key = (topic.name.to_string(), partition);
                cluster.group(&asked.group_id, |group| group.offsets.get(&key).copied().unwrap_or(-1))
            };
            let partition = |partition: &i32| fetch::OffsetFetchResponsePartitions {
                partition_index: *partition,
                committed_offset: if is_refused { -1 } else { offset(*partition) },
                ..Default::default()
            };
            fetch::OffsetFetchResponseTopics {
                name: topic.name.clone(),
                partitions: topic.partition_indexes.iter().map(partition).collect(),
                ..Default::default()
            }
        };
        fetch::OffsetFetchResponseGroup {
            group_id: asked.group_id.clone(),
            topics: asked.topics.iter().flatten().map(topic).collect(),
            error_code,
        }
    };
    fetch::OffsetFetchResponse { groups: request.groups.iter().map(group).collect(), ..Default::default() }
}
