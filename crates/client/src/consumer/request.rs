//! Fetch requests: what is asked of one leader.

use super::ConsumerConfig;
use crate::admin::PartitionKey;
use ottla_wire::Uuid;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};

/// A partition in a request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub key: PartitionKey,
    pub topic_id: Uuid,
    pub leader_epoch: i32,
    pub offset: i64,
    pub turn: u64,
}

/// From this version on topics are named by their ids only.
const TOPIC_IDS_FROM: i16 = 13;

/// The highest version that can name all these topics.
pub(super) fn version_max(asked: &[Asked]) -> i16 {
    let all_have_ids = asked.iter().all(|asked| !asked.topic_id.is_zero());
    if all_have_ids { i16::MAX } else { TOPIC_IDS_FROM - 1 }
}

pub(super) fn request(config: &ConsumerConfig, asked: &[Asked]) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    for asked in asked {
        let partition = FetchPartition {
            partition: asked.key.partition,
            current_leader_epoch: asked.leader_epoch,
            fetch_offset: asked.offset,
            partition_max_bytes: config.partition_max_bytes,
            ..Default::default()
        };
        match topics.iter_mut().find(|topic| topic.topic == asked.key.topic.as_str()) {
            Some(topic) => topic.partitions.push(partition),
            None => topics.push(FetchTopic {
                topic: asked.key.topic.as_str().into(),
                topic_id: asked.topic_id,
                partitions: vec![partition],
            }),
        }
    }
    FetchRequest {
        max_wait_ms: i32::try_from(config.fetch_max_wait.as_millis()).unwrap_or(i32::MAX),
        min_bytes: config.fetch_min_bytes,
        max_bytes: config.fetch_max_bytes,
        isolation_level: config.isolation.to_wire(),
        topics,
        ..Default::default()
    }
}
