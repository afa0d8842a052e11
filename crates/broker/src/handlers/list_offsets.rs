//! ListOffsets (2), versions 0-11. v0: a list of offsets; v4: leader epochs; v7: the record with the largest timestamp;
//! v8, v9, v11: local and tiered ends, of which only the local ones exist here.

use crate::call::Call;
use crate::context::{Context, TopicRef, check_epoch};
use crate::error;
use crate::partition::{Offsets, Partition};
use crate::reply::Reply;
use ottla_wire::ErrorCode;
use ottla_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use std::collections::BTreeSet;
use std::sync::Arc;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// What one partition answers: timestamp, offset, epoch.
struct Found {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

const NOT_FOUND: Found = Found { timestamp: -1, offset: -1, leader_epoch: -1 };

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: ListOffsetsRequest = call.read()?;
    let version = call.version();
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move {
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let mut seen = BTreeSet::new();
            let mut twice = BTreeSet::new();
            for partition in &topic.partitions {
                if !seen.insert(partition.partition_index) {
                    twice.insert(partition.partition_index);
                }
            }
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for wanted in topic.partitions.iter().filter(|wanted| seen.remove(&wanted.partition_index)) {
                let found = if twice.contains(&wanted.partition_index) {
                    Err(ErrorCode::InvalidRequest)
                } else {
                    look(&context, TopicRef::Name(&topic.name), wanted, version).await
                };
                partitions.push(answer(wanted, found, version));
            }
            topics.push(ListOffsetsTopicResponse { name: topic.name.clone(), partitions });
        }
        ListOffsetsResponse { topics, ..Default::default() }
    }))
}

fn answer(
    wanted: &ListOffsetsPartition,
    found: Result<Found, ErrorCode>,
    version: i16,
) -> ListOffsetsPartitionResponse {
    let error_code = found.as_ref().err().copied().unwrap_or(ErrorCode::None).code();
    let Found { timestamp, offset, leader_epoch } = found.unwrap_or(NOT_FOUND);
    let old_style_offsets = match offset {
        offset if version == 0 && offset >= 0 && wanted.max_num_offsets > 0 => vec![offset],
        _ => Vec::new(),
    };
    ListOffsetsPartitionResponse {
        partition_index: wanted.partition_index,
        error_code,
        old_style_offsets,
        timestamp,
        offset,
        leader_epoch,
    }
}

async fn look(
    context: &Context,
    topic: TopicRef<'_>,
    wanted: &ListOffsetsPartition,
    version: i16,
) -> Result<Found, ErrorCode> {
    let (partition, leader_epoch) = context.led(&context.image(), topic, wanted.partition_index)?;
    check_epoch(wanted.current_leader_epoch, leader_epoch)?;
    partition.log.ready().await.map_err(|e| error::of_read(&e))?;
    let Offsets { log_start, high_watermark, .. } =
        partition.log.offsets().map_err(|e| error::of_read(&e))?;
    let at = |offset: i64, leader_epoch: i32| Found { timestamp: -1, offset, leader_epoch };
    match wanted.timestamp {
        LATEST => Ok(at(high_watermark, leader_epoch)),
        EARLIEST => Ok(at(log_start, epoch_of(&partition, log_start))),
        MAX_TIMESTAMP if version >= 7 => timestamped(&partition, partition.log.max_timestamp().await),
        EARLIEST_LOCAL if version >= 8 => Ok(at(log_start, epoch_of(&partition, log_start))),
        LATEST_TIERED if version >= 9 => Ok(NOT_FOUND),
        EARLIEST_PENDING_UPLOAD if version >= 11 => Ok(NOT_FOUND),
        ms if ms >= 0 => timestamped(&partition, partition.log.offset_for_timestamp(ms).await),
        _ => Err(ErrorCode::UnsupportedVersion),
    }
}

fn epoch_of(partition: &Partition, offset: i64) -> i32 {
    partition.log.epoch_of(offset).unwrap_or(-1)
}

fn timestamped(
    partition: &Partition,
    found: Result<Option<crate::partition::TimestampedOffset>, crate::partition::ReadError>,
) -> Result<Found, ErrorCode> {
    Ok(match found.map_err(|e| error::of_read(&e))? {
        None => NOT_FOUND,
        Some(found) => Found {
            timestamp: found.timestamp,
            offset: found.offset,
            leader_epoch: epoch_of(partition, found.offset),
        },
    })
}
