//! OffsetForLeaderEpoch (23), versions 2-4. v3: who asks, which changes nothing where nobody copies from this broker.
//!
//! The epoch that leads now ends at the high watermark, where Kafka says the log end: what is not durable yet may still
//! be lost, and an offset beyond it would hide that.

use crate::call::Call;
use crate::context::{Context, TopicRef, check_epoch};
use crate::error;
use crate::partition::EpochEnd;
use crate::reply::Reply;
use ottla_wire::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};
use ottla_wire::{ErrorCode, WireStr};
use std::sync::Arc;

/// Of an epoch that never led here.
const UNDEFINED: EpochEnd = EpochEnd { epoch: -1, end_offset: -1 };

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: OffsetForLeaderEpochRequest = call.read()?;
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move {
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in request.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for wanted in &topic.partitions {
                partitions.push(answer(wanted, look(&context, &topic.topic, wanted).await));
            }
            topics.push(OffsetForLeaderTopicResult { topic: topic.topic, partitions });
        }
        OffsetForLeaderEpochResponse { topics, ..Default::default() }
    }))
}

fn answer(wanted: &OffsetForLeaderPartition, found: Result<EpochEnd, ErrorCode>) -> EpochEndOffset {
    let error_code = found.as_ref().err().copied().unwrap_or(ErrorCode::None).code();
    let EpochEnd { epoch, end_offset } = found.unwrap_or(UNDEFINED);
    EpochEndOffset { error_code, partition: wanted.partition, leader_epoch: epoch, end_offset }
}

async fn look(
    context: &Context,
    topic: &WireStr,
    wanted: &OffsetForLeaderPartition,
) -> Result<EpochEnd, ErrorCode> {
    let (partition, current) = context.led(&context.image(), TopicRef::Name(topic), wanted.partition)?;
    check_epoch(wanted.current_leader_epoch, current)?;
    partition.log.ready().await.map_err(|e| error::of_read(&e))?;
    match wanted.leader_epoch {
        -1 => Ok(UNDEFINED),
        epoch if epoch > current => Ok(UNDEFINED),
        epoch if epoch == current => {
            let offsets = partition.log.offsets().map_err(|e| error::of_read(&e))?;
            Ok(EpochEnd { epoch, end_offset: offsets.high_watermark })
        }
        epoch => partition.log.end_of_epoch(epoch).map_err(|e| error::of_read(&e)),
    }
}
