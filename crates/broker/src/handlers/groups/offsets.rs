//! OffsetCommit (8), versions 2-10; OffsetFetch (9), 1-10; OffsetDelete (47), 0.
//!
//! OffsetCommit v6: leader epochs; v7: static members; v10: topic ids. OffsetFetch v2: all topics, and an error of the
//! whole; v7: only stable offsets; v8: several groups; v9: members of the new protocol; v10: topic ids.
//!
//! OffsetFetch answers a group, and in it a partition, once, however often it is named: what stands beside an offset may
//! be much larger than the question. Kafka answers as often as it is asked.
//!
//! Topics and partitions that do not exist are answered here; a machine hears of the others, with name and id.

use super::{ask, other};
use crate::call::Call;
use crate::context::{Context, TopicRef, find_topic};
use crate::reply::Reply;
use ottla_state::{Image, group};
use ottla_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};
use ottla_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestTopic, OffsetDeleteResponse, OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
};
use ottla_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use ottla_wire::{ErrorCode, Uuid, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// First versions that name topics by id.
const IDS_FROM: i16 = 10;
/// First version of OffsetFetch with an error of the whole.
const GROUP_ERROR_FROM: i16 = 2;
/// First version of OffsetFetch with several groups.
const GROUPS_FROM: i16 = 8;
/// Memory of one topic or group, and of one partition, until they are written, beside the text of the partition.
const TOPIC_BYTES: usize = 512;
const PARTITION_BYTES: usize = 256;

pub fn commit(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: OffsetCommitRequest = call.read()?;
    let version = call.version();
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move { answer_commit(&context, request, version).await }))
}

async fn answer_commit(
    context: &Context,
    request: OffsetCommitRequest,
    version: i16,
) -> OffsetCommitResponse {
    let image = context.image();
    let mut known = Vec::with_capacity(request.topics.len());
    let mut topics: Vec<OffsetCommitResponseTopic> = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let named =
            if version >= IDS_FROM { TopicRef::Id(topic.topic_id) } else { TopicRef::Name(&topic.name) };
        let found = find_topic(&image, named);
        let error = |index: i32| match &found {
            Err(error) => *error,
            Ok(found) if found.partition(index).is_none() => ErrorCode::UnknownTopicOrPartition,
            Ok(_) => ErrorCode::None,
        };
        let partitions = topic.partitions.iter().map(|partition| OffsetCommitResponsePartition {
            partition_index: partition.partition_index,
            error_code: error(partition.partition_index).code(),
        });
        topics.push(OffsetCommitResponseTopic {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
        });
        if let Ok(found) = &found {
            let mut partitions = topic.partitions;
            partitions.retain(|partition| found.partition(partition.partition_index).is_some());
            if !partitions.is_empty() {
                let (name, topic_id) = (found.name.clone(), found.id);
                known.push(OffsetCommitRequestTopic { name, topic_id, partitions });
            }
        }
    }
    // As in Kafka, a commit of nothing that exists is not asked of the group.
    if !known.is_empty() {
        let request = OffsetCommitRequest { topics: known, ..request };
        let answer = match ask(
            &context.groups,
            group::Request::OffsetCommit(group::OffsetCommit { version, request }),
        )
        .await
        {
            group::Reply::OffsetCommit(answer) => answer,
            reply => other(&reply),
        };
        // The same partitions in the same order, without those that are answered already.
        let mut answers = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let open = topics
            .iter_mut()
            .flat_map(|topic| &mut topic.partitions)
            .filter(|partition| partition.error_code == ErrorCode::None.code());
        let mut committed = 0;
        for partition in open {
            partition.error_code =
                answers.next().map_or(ErrorCode::UnknownServerError.code(), |answer| answer.error_code);
            committed += u64::from(partition.error_code == ErrorCode::None.code());
        }
        context.metrics.offsets_committed(committed);
    }
    OffsetCommitResponse { topics, ..Default::default() }
}

pub fn fetch(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: OffsetFetchRequest = call.read()?;
    let version = call.version();
    let (context, returns) = (Arc::clone(call.context), call.returns());
    Ok(Reply::Later(Box::pin(async move {
        let require_stable = request.require_stable;
        let mut bytes = 0;
        let answer = if version >= GROUPS_FROM {
            let mut groups = Vec::new();
            let mut seen = BTreeSet::new();
            for group in request.groups {
                if seen.insert(group.group_id.clone()) {
                    let group = fetch_group(&context, group, version, require_stable).await;
                    bytes += size(&group);
                    groups.push(group);
                }
            }
            OffsetFetchResponse { groups, ..Default::default() }
        } else {
            let group = asked_flat(request);
            let fetched = fetch_group(&context, group.clone(), version, require_stable).await;
            bytes += size(&fetched);
            flat(fetched, group, version)
        };
        returns.outcome_within(&context.answers, bytes, answer).await
    })))
}

/// What it takes to write it; until then texts are where the group keeps them.
fn size(group: &OffsetFetchResponseGroup) -> usize {
    let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
    let texts = partitions.map(|partition| {
        PARTITION_BYTES + partition.metadata.as_ref().map_or(0, |text| text.as_bytes().len())
    });
    TOPIC_BYTES * (1 + group.topics.len()) + texts.sum::<usize>()
}

fn asked_flat(request: OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.map(|topics| {
        let of = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name,
            topic_id: Uuid::ZERO,
            partition_indexes: topic.partition_indexes,
        });
        of.collect()
    });
    OffsetFetchRequestGroup { group_id: request.group_id, member_id: None, member_epoch: -1, topics }
}

/// The answer of one group in the form that has no groups.
fn flat(
    group: OffsetFetchResponseGroup,
    asked: OffsetFetchRequestGroup,
    version: i16,
) -> OffsetFetchResponse {
    let error = ErrorCode::from_code(group.error_code);
    if error.is_error() && version < GROUP_ERROR_FROM {
        // The error has no place but beside each partition.
        let topics = asked.topics.unwrap_or_default().into_iter().map(|topic| OffsetFetchResponseTopic {
            name: topic.name,
            partitions: topic
                .partition_indexes
                .into_iter()
                .map(|partition_index| OffsetFetchResponsePartition {
                    partition_index,
                    committed_offset: -1,
                    committed_leader_epoch: -1,
                    metadata: Some("".into()),
                    error_code: error.code(),
                })
                .collect(),
        });
        return OffsetFetchResponse { topics: topics.collect(), ..Default::default() };
    }
    let topics = group.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| OffsetFetchResponsePartition {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata,
                error_code: partition.error_code,
            })
            .collect(),
    });
    OffsetFetchResponse { topics: topics.collect(), error_code: error.code(), ..Default::default() }
}

async fn fetch_group(
    context: &Context,
    mut group: OffsetFetchRequestGroup,
    version: i16,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let image = context.image();
    let mut unknown = Vec::new();
    if let Some(topics) = group.topics.take() {
        group.topics = Some(identified(&image, once(topics, version), version, &mut unknown));
    }
    let fetch = group::OffsetFetch { version, request: group, require_stable };
    let mut answer = match ask(&context.groups, group::Request::OffsetFetch(fetch)).await {
        group::Reply::OffsetFetch(answer) => answer,
        reply => other(&reply),
    };
    if version >= IDS_FROM {
        // Offsets of a topic that is gone have no id to be told by.
        answer.topics.retain_mut(|topic| {
            let found = image.topic(&topic.name);
            topic.topic_id = found.map_or(Uuid::ZERO, |found| found.id);
            found.is_some()
        });
        if answer.error_code == ErrorCode::None.code() {
            answer.topics.extend(unknown);
        }
    }
    answer
}

/// Every partition once, in the order in which they are named first.
fn once(mut topics: Vec<OffsetFetchRequestTopics>, version: i16) -> Vec<OffsetFetchRequestTopics> {
    let mut seen: BTreeMap<(Uuid, WireStr), BTreeSet<i32>> = BTreeMap::new();
    for topic in &mut topics {
        // The other one says nothing in this version.
        let named = match version {
            ..IDS_FROM => (Uuid::ZERO, topic.name.clone()),
            IDS_FROM.. => (topic.topic_id, WireStr::from_static("")),
        };
        let seen = seen.entry(named).or_default();
        topic.partition_indexes.retain(|index| seen.insert(*index));
    }
    topics
}

/// Topics with name and id; those of unknown ids are answered.
fn identified(
    image: &Image,
    topics: Vec<OffsetFetchRequestTopics>,
    version: i16,
    unknown: &mut Vec<OffsetFetchResponseTopics>,
) -> Vec<OffsetFetchRequestTopics> {
    let mut known = Vec::with_capacity(topics.len());
    for mut topic in topics {
        if version < IDS_FROM {
            topic.topic_id = image.topic(&topic.name).map_or(Uuid::ZERO, |found| found.id);
            known.push(topic);
        } else if let Some(found) = image.topic_by_id(topic.topic_id) {
            topic.name = found.name.clone();
            known.push(topic);
        } else {
            let partitions = topic.partition_indexes.into_iter();
            unknown.push(OffsetFetchResponseTopics {
                name: topic.name,
                topic_id: topic.topic_id,
                partitions: partitions
                    .map(|partition_index| OffsetFetchResponsePartitions {
                        partition_index,
                        committed_offset: -1,
                        committed_leader_epoch: -1,
                        metadata: Some("".into()),
                        error_code: ErrorCode::UnknownTopicId.code(),
                    })
                    .collect(),
            });
        }
    }
    known
}

pub fn delete_offsets(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: OffsetDeleteRequest = call.read()?;
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move { answer_delete(&context, request).await }))
}

async fn answer_delete(context: &Context, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let image = context.image();
    let mut known = Vec::with_capacity(request.topics.len());
    let mut unknown = Vec::new();
    for topic in request.topics {
        let found = image.topic(&topic.name);
        let exists = |index: i32| found.is_some_and(|found| found.partition(index).is_some());
        let (there, gone): (Vec<_>, Vec<_>) =
            topic.partitions.into_iter().partition(|partition| exists(partition.partition_index));
        if !there.is_empty() {
            known.push(OffsetDeleteRequestTopic { name: topic.name.clone(), partitions: there });
        }
        if !gone.is_empty() {
            let partitions = gone.into_iter().map(|partition| OffsetDeleteResponsePartition {
                partition_index: partition.partition_index,
                error_code: ErrorCode::UnknownTopicOrPartition.code(),
            });
            unknown.push(OffsetDeleteResponseTopic { name: topic.name, partitions: partitions.collect() });
        }
    }
    let request = OffsetDeleteRequest { topics: known, ..request };
    let mut answer = match ask(&context.groups, group::Request::OffsetDelete(request)).await {
        group::Reply::OffsetDelete(answer) => answer,
        reply => other(&reply),
    };
    if answer.error_code == ErrorCode::None.code() {
        for topic in unknown {
            match answer.topics.iter_mut().find(|known| known.name == topic.name) {
                Some(known) => known.partitions.extend(topic.partitions),
                None => answer.topics.push(topic),
            }
        }
    }
    answer
}
