//! Committed offsets: written for a member or for nobody, and read.
//!
//! Errors that concern the group as a whole (another coordinator, another generation) are errors of the call, although
//! the protocol repeats them beside each partition; what concerns one partition stays with it.

use super::{Coordinator, Identity};
use crate::admin::PartitionKey;
use crate::connection::check;
use crate::errors::ClientError;
use ottla_wire::messages::offset_commit as commit;
use ottla_wire::messages::offset_fetch as fetch;
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeMap;

/// From version 10 on topics are named by their ids only.
pub(crate) const NAMES_UP_TO: i16 = 9;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommittedOffset {
    /// Of the next record to read.
    pub offset: i64,
    /// Of the record before it; -1 where it is not known.
    pub leader_epoch: i32,
    /// Free text of whoever committed.
    pub metadata: String,
}

impl CommittedOffset {
    pub fn new(offset: i64) -> Self {
        Self { offset, leader_epoch: -1, metadata: String::new() }
    }
}

pub(crate) type Results<T> = BTreeMap<PartitionKey, Result<T, ClientError>>;

fn concerns_the_group(code: ErrorCode) -> bool {
    use ErrorCode as E;
    matches!(
        code,
        E::CoordinatorLoadInProgress
            | E::CoordinatorNotAvailable
            | E::NotCoordinator
            | E::RequestTimedOut
            | E::UnstableOffsetCommit
            | E::IllegalGeneration
            | E::UnknownMemberId
            | E::RebalanceInProgress
            | E::FencedInstanceId
            | E::StaleMemberEpoch
            | E::FencedMemberEpoch
            | E::GroupIdNotFound
            | E::InvalidGroupId
            | E::GroupAuthorizationFailed
    )
}

/// One partition's answer; the outer error is the group's.
fn one<T>(
    what: &str,
    key: &PartitionKey,
    code: i16,
    value: T,
) -> Result<Result<T, ClientError>, ClientError> {
    match ErrorCode::from_code(code) {
        ErrorCode::None => Ok(Ok(value)),
        code if concerns_the_group(code) => Err(ClientError::refused(what, code, None)),
        code => Ok(Err(ClientError::refused(format!("{what}, {}/{}", key.topic, key.partition), code, None))),
    }
}

pub(crate) async fn commit(
    coordinator: &Coordinator,
    identity: &Identity,
    offsets: &BTreeMap<PartitionKey, CommittedOffset>,
) -> Result<Results<()>, ClientError> {
    let mut topics: BTreeMap<&str, Vec<commit::OffsetCommitRequestPartition>> = BTreeMap::new();
    for (key, committed) in offsets {
        topics.entry(&key.topic).or_default().push(commit::OffsetCommitRequestPartition {
            partition_index: key.partition,
            committed_offset: committed.offset,
            committed_leader_epoch: committed.leader_epoch,
            committed_metadata: Some(committed.metadata.as_str().into()),
        });
    }
    let topics = topics.into_iter().map(|(name, partitions)| commit::OffsetCommitRequestTopic {
        name: name.into(),
        partitions,
        ..Default::default()
    });
    let request = commit::OffsetCommitRequest {
        group_id: coordinator.group_id.as_str().into(),
        generation_id_or_member_epoch: identity.generation,
        member_id: identity.member_id.as_str().into(),
        group_instance_id: super::protocol::optional(identity.instance_id.as_deref()),
        topics: topics.collect(),
        ..Default::default()
    };
    let what = format!("commit offsets of group {}", coordinator.group_id);
    let accept = |answer: commit::OffsetCommitResponse| {
        let mut results = Results::new();
        for topic in &answer.topics {
            for partition in &topic.partitions {
                let key =
                    PartitionKey { topic: topic.name.to_string(), partition: partition.partition_index };
                let result = one(&what, &key, partition.error_code, ())?;
                results.insert(key, result);
            }
        }
        Ok(results)
    };
    coordinator.call(&request, NAMES_UP_TO, accept).await
}

/// Of these partitions, or of all that the group has committed. Partitions without a commit are left out.
pub(crate) async fn committed(
    coordinator: &Coordinator,
    wanted: Option<&[PartitionKey]>,
    only_stable: OnlyStable,
) -> Result<Results<CommittedOffset>, ClientError> {
    let by_topic = wanted.map(|wanted| {
        let mut topics = BTreeMap::<&str, Vec<i32>>::new();
        for key in wanted {
            topics.entry(&key.topic).or_default().push(key.partition);
        }
        topics
    });
    let group_id: WireStr = coordinator.group_id.as_str().into();
    let topics = by_topic.as_ref().map(|topics| {
        let topic = |(name, indexes): (&&str, &Vec<i32>)| fetch::OffsetFetchRequestTopic {
            name: (*name).into(),
            partition_indexes: indexes.clone(),
        };
        topics.iter().map(topic).collect()
    });
    let topics_of_group = by_topic.as_ref().map(|topics| {
        let topic = |(name, indexes): (&&str, &Vec<i32>)| fetch::OffsetFetchRequestTopics {
            name: (*name).into(),
            partition_indexes: indexes.clone(),
            ..Default::default()
        };
        topics.iter().map(topic).collect()
    });
    let request = fetch::OffsetFetchRequest {
        group_id: group_id.clone(),
        topics,
        groups: vec![fetch::OffsetFetchRequestGroup {
            group_id,
            topics: topics_of_group,
            ..Default::default()
        }],
        require_stable: only_stable == OnlyStable::Yes,
    };
    let what = format!("committed offsets of group {}", coordinator.group_id);
    coordinator.call(&request, NAMES_UP_TO, |answer| read(&what, &answer)).await
}

/// Whether offsets that an open transaction is about to commit are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnlyStable {
    Yes,
    No,
}

fn read(what: &str, answer: &fetch::OffsetFetchResponse) -> Result<Results<CommittedOffset>, ClientError> {
    check(what, answer.error_code)?;
    let mut results = Results::new();
    let mut take = |topic: &WireStr, partition: i32, code: i16, offset: CommittedOffset| {
        let key = PartitionKey { topic: topic.to_string(), partition };
        let result = one(what, &key, code, offset)?;
        if !result.as_ref().is_ok_and(|committed| committed.offset < 0) {
            results.insert(key, result);
        }
        Ok::<(), ClientError>(())
    };
    let text = |metadata: &Option<WireStr>| metadata.as_deref().unwrap_or_default().to_owned();
    for topic in &answer.topics {
        for p in &topic.partitions {
            let offset = CommittedOffset {
                offset: p.committed_offset,
                leader_epoch: p.committed_leader_epoch,
                metadata: text(&p.metadata),
            };
            take(&topic.name, p.partition_index, p.error_code, offset)?;
        }
    }
    for group in &answer.groups {
        check(what, group.error_code)?;
        for topic in &group.topics {
            for p in &topic.partitions {
                let offset = CommittedOffset {
                    offset: p.committed_offset,
                    leader_epoch: p.committed_leader_epoch,
                    metadata: text(&p.metadata),
                };
                take(&topic.name, p.partition_index, p.error_code, offset)?;
            }
        }
    }
    Ok(results)
}
