//! DescribeQuorum (55), versions 0-2: who decides about the metadata. v1: times; v2: directories, addresses, messages.
//!
//! The metadata of a single node has one voter, the controller; what Kafka calls offsets are revisions here.

use crate::call::Call;
use crate::reply::Reply;
use ottla_state::Image;
use ottla_wire::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, Node, PartitionDataResponse, ReplicaState,
    TopicDataRequest, TopicDataResponse,
};
use ottla_wire::{ErrorCode, Uuid};

const METADATA_TOPIC: &str = "__cluster_metadata";

pub fn describe(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeQuorumRequest = call.read()?;
    let context = call.context;
    let image = context.image();
    let Some(node) = image.controller().filter(|_| asks_for_metadata(&request.topics)) else {
        let topics = request.topics.into_iter().map(unknown).collect();
        return Ok(call.returns().now(DescribeQuorumResponse { topics, ..Default::default() }));
    };
    let (revision, now) = (context.metadata.revision(), context.clock.now_ms());
    let voter = ReplicaState {
        replica_id: node,
        replica_directory_id: image.broker(node).map_or(Uuid::ZERO, |broker| broker.directory),
        log_end_offset: revision,
        last_fetch_timestamp: now,
        last_caught_up_timestamp: now,
    };
    let partition = PartitionDataResponse {
        leader_id: node,
        leader_epoch: image.controller_epoch(),
        high_watermark: revision,
        current_voters: vec![voter],
        ..Default::default()
    };
    let topic = TopicDataResponse { topic_name: METADATA_TOPIC.into(), partitions: vec![partition] };
    let nodes = vec![Node { node_id: node, listeners: listeners(&image, node) }];
    Ok(call.returns().now(DescribeQuorumResponse { topics: vec![topic], nodes, ..Default::default() }))
}

/// Kafka answers this one question and no mixture of it with others.
fn asks_for_metadata(topics: &[TopicDataRequest]) -> bool {
    let [topic] = topics else { return false };
    let [partition] = &topic.partitions[..] else { return false };
    topic.topic_name.as_str() == METADATA_TOPIC && partition.partition_index == 0
}

fn unknown(topic: TopicDataRequest) -> TopicDataResponse {
    let partitions = topic.partitions.iter().map(|partition| PartitionDataResponse {
        partition_index: partition.partition_index,
        error_code: ErrorCode::UnknownTopicOrPartition.code(),
        error_message: Some(
            "the metadata is partition 0 of __cluster_metadata, and is asked for alone".into(),
        ),
        ..Default::default()
    });
    TopicDataResponse { topic_name: topic.topic_name, partitions: partitions.collect() }
}

fn listeners(image: &Image, node: i32) -> Vec<Listener> {
    let endpoints = image.broker(node).map(|broker| &broker.endpoints[..]).unwrap_or_default();
    let listener = |endpoint: &ottla_state::Endpoint| Listener {
        name: endpoint.listener.as_str().into(),
        host: endpoint.host.as_str().into(),
        port: endpoint.port,
    };
    endpoints.iter().map(listener).collect()
}
