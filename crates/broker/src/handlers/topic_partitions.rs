//! DescribeTopicPartitions (75), version 0: topics by name, page by page. A page ends at a number of partitions, and
//! the cursor says where the next one begins.
//!
//! A name that no topic can have fails alone with INVALID_TOPIC_EXCEPTION; for an empty one Kafka fails the whole
//! request with UNKNOWN_SERVER_ERROR.

use super::metadata::{NOT_ASKED, PARTITION_BYTES, TOPIC_BYTES, TOPIC_OPERATIONS};
use crate::call::Call;
use crate::reply::Reply;
use ottla_state::image::{Partition, Topic};
use ottla_state::{Image, topic_name};
use ottla_wire::messages::describe_topic_partitions::{
    CursorRequest, CursorResponse, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeSet;
use std::sync::Arc;

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeTopicPartitionsRequest = call.read()?;
    let most = call.context.settings.load().broker().max_described_partitions;
    let limit = request.response_partition_limit.min(most).max(1);
    let (context, returns) = (Arc::clone(call.context), call.returns());
    Ok(Reply::Later(Box::pin(async move {
        let image = context.image();
        let partitions = image.topics().map(|topic| topic.partitions.len()).sum::<usize>();
        let partitions = partitions.min(usize::try_from(limit).unwrap_or(0));
        let bytes = request.topics.len() * TOPIC_BYTES + partitions * (PARTITION_BYTES + TOPIC_BYTES);
        let memory = context.answers.room(bytes).await;
        returns.outcome(answer(&image, request, limit)).holding(memory)
    })))
}

fn answer(
    image: &Image,
    request: DescribeTopicPartitionsRequest,
    limit: i32,
) -> DescribeTopicPartitionsResponse {
    if !cursor_fits(&request) {
        let topics = request.topics.iter().map(|topic| refused(&topic.name));
        DescribeTopicPartitionsResponse { topics: topics.collect(), ..Default::default() }
    } else if request.topics.is_empty() {
        let names = image.topics().map(|topic| topic.name.clone());
        page(image, names, request.cursor.as_ref(), limit)
    } else {
        let names: BTreeSet<WireStr> = request.topics.into_iter().map(|topic| topic.name).collect();
        page(image, names.into_iter(), request.cursor.as_ref(), limit)
    }
}

/// The topic of a cursor is one of those that are asked for, if any are.
fn cursor_fits(request: &DescribeTopicPartitionsRequest) -> bool {
    request.cursor.as_ref().is_none_or(|cursor| {
        cursor.partition_index >= 0
            && (request.topics.is_empty()
                || request.topics.iter().any(|topic| topic.name == cursor.topic_name))
    })
}

/// Topics in the order of their names, from the cursor on.
fn page(
    image: &Image,
    names: impl Iterator<Item = WireStr>,
    cursor: Option<&CursorRequest>,
    limit: i32,
) -> DescribeTopicPartitionsResponse {
    let mut answer = DescribeTopicPartitionsResponse::default();
    let mut room = usize::try_from(limit).unwrap_or(1);
    for name in names.filter(|name| cursor.is_none_or(|cursor| *name >= cursor.topic_name)) {
        if room == 0 {
            answer.next_cursor = Some(CursorResponse { topic_name: name, partition_index: 0 });
            return answer;
        }
        let Some(topic) = image.topic(&name) else {
            answer.topics.push(missing(&name));
            continue;
        };
        let first =
            cursor.filter(|cursor| cursor.topic_name == name).map_or(0, |cursor| cursor.partition_index);
        let first = usize::try_from(first).unwrap_or(0).min(topic.partitions.len());
        let end = topic.partitions.len().min(first + room);
        room -= end - first;
        answer.topics.push(found(topic, first, end));
        if end < topic.partitions.len() {
            answer.next_cursor = Some(CursorResponse { topic_name: name, partition_index: end as i32 });
            return answer;
        }
    }
    answer
}

fn found(topic: &Topic, first: usize, end: usize) -> DescribeTopicPartitionsResponseTopic {
    let one = |(index, partition): (usize, &Partition)| DescribeTopicPartitionsResponsePartition {
        partition_index: index as i32,
        leader_id: partition.leader,
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        ..Default::default()
    };
    DescribeTopicPartitionsResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions: topic.partitions.iter().enumerate().take(end).skip(first).map(one).collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
        ..Default::default()
    }
}

fn missing(name: &WireStr) -> DescribeTopicPartitionsResponseTopic {
    let error = match topic_name::check(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    DescribeTopicPartitionsResponseTopic {
        error_code: error.code(),
        name: Some(name.clone()),
        topic_authorized_operations: TOPIC_OPERATIONS,
        ..Default::default()
    }
}

fn refused(name: &WireStr) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::InvalidRequest.code(),
        name: Some(name.clone()),
        topic_authorized_operations: NOT_ASKED,
        ..Default::default()
    }
}
