//! DescribeLogDirs (35), versions 1-5, and AlterReplicaLogDirs (34), versions 1-2. v4: room of the file system; v5:
//! directories that take no new partitions, which this one is not.
//!
//! All data is in one directory, so a move to it is done already and one to anywhere else is LOG_DIR_NOT_FOUND.

use crate::call::Call;
use crate::context::Context;
use crate::reply::Reply;
use ottla_state::image::Topic;
use ottla_state::{Image, TopicId};
use ottla_wire::messages::alter_replica_log_dirs::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult, AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
};
use ottla_wire::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic,
};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub fn describe(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeLogDirsRequest = call.read()?;
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move {
        let image = context.image();
        let wanted = match &request.topics {
            None => image.topics().flat_map(|topic| all_of(&context, topic)).collect(),
            Some(topics) => topics.iter().flat_map(|topic| known_of(&context, &image, topic)).collect(),
        };
        let result = directory(&context, &image, wanted).await;
        DescribeLogDirsResponse { results: vec![result], ..Default::default() }
    }))
}

/// The partitions of a topic that this broker has.
fn all_of(context: &Context, topic: &Topic) -> Vec<(TopicId, i32)> {
    let own = |index: &i32| topic.partition(*index).is_some_and(|p| p.replicas.contains(&context.node));
    (0..topic.partitions.len() as i32).filter(own).map(|index| (topic.id, index)).collect()
}

/// What is asked for and not here is left out, as in Kafka.
fn known_of(context: &Context, image: &Image, wanted: &DescribableLogDirTopic) -> Vec<(TopicId, i32)> {
    let Some(topic) = image.topic(&wanted.topic) else { return Vec::new() };
    let asked: BTreeSet<i32> = wanted.partitions.iter().copied().collect();
    let mut found = all_of(context, topic);
    found.retain(|(_, index)| asked.contains(index));
    found
}

async fn directory(
    context: &Context,
    image: &Image,
    wanted: BTreeSet<(TopicId, i32)>,
) -> DescribeLogDirsResult {
    let wanted: Vec<(TopicId, i32)> = wanted.into_iter().collect();
    let usage = context.registry.usage(wanted.clone()).await;
    let mut topics: BTreeMap<WireStr, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for ((id, partition_index), bytes) in wanted.into_iter().zip(usage.log_bytes) {
        let Some(topic) = image.topic_by_id(id) else { continue };
        let partition_size = i64::try_from(bytes).unwrap_or(i64::MAX);
        let partition = DescribeLogDirsPartition { partition_index, partition_size, ..Default::default() };
        topics.entry(topic.name.clone()).or_default().push(partition);
    }
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    DescribeLogDirsResult {
        log_dir: context.registry.directory().to_string_lossy().as_ref().into(),
        topics: topics
            .into_iter()
            .map(|(name, partitions)| DescribeLogDirsTopic { name, partitions })
            .collect(),
        // -1 is what Kafka says where the file system does not tell.
        total_bytes: usage.space.map_or(-1, |space| bytes(space.total)),
        usable_bytes: usage.space.map_or(-1, |space| bytes(space.free)),
        ..Default::default()
    }
}

pub fn alter(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: AlterReplicaLogDirsRequest = call.read()?;
    let image = call.context.image();
    let own = call.context.registry.directory();
    let mut topics: BTreeMap<WireStr, BTreeMap<i32, ErrorCode>> = BTreeMap::new();
    for dir in request.dirs {
        let here = own.to_string_lossy() == dir.path.as_str();
        for topic in dir.topics {
            for index in topic.partitions {
                let known = image.topic(&topic.name).is_some_and(|topic| topic.partition(index).is_some());
                let error = match (here, known) {
                    (false, _) => ErrorCode::LogDirNotFound,
                    (true, false) => ErrorCode::UnknownTopicOrPartition,
                    (true, true) => ErrorCode::None,
                };
                // Of a partition that is named twice, the last wish counts.
                topics.entry(topic.name.clone()).or_default().insert(index, error);
            }
        }
    }
    let result = |(partition_index, error): (i32, ErrorCode)| AlterReplicaLogDirPartitionResult {
        partition_index,
        error_code: error.code(),
    };
    let results = topics.into_iter().map(|(topic_name, partitions)| AlterReplicaLogDirTopicResult {
        topic_name,
        partitions: partitions.into_iter().map(result).collect(),
    });
    Ok(call.returns().now(AlterReplicaLogDirsResponse { results: results.collect(), ..Default::default() }))
}
