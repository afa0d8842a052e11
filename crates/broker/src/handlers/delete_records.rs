//! DeleteRecords (21), versions 0-2. v2: tagged fields.
//!
//! The answer leaves when the new log start is durable (durability rule C3); what lies below it is unlinked later. Offset
//! -1 stands for the high watermark.

use crate::call::Call;
use crate::context::{Context, TopicRef, find_topic};
use crate::error;
use crate::partition::{DeleteBefore, DeleteError};
use crate::reply::Reply;
use ottla_wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};
use ottla_wire::{ErrorCode, WireStr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

const HIGH_WATERMARK: i64 = -1;

type Deleting = Result<oneshot::Receiver<Result<i64, DeleteError>>, ErrorCode>;

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DeleteRecordsRequest = call.read()?;
    let context = Arc::clone(call.context);
    let time = Duration::from_millis(request.timeout_ms.max(0).unsigned_abs().into());
    let begun: Vec<(WireStr, Vec<(i32, Deleting)>)> = request
        .topics
        .into_iter()
        .map(|topic| {
            let begin = |p: &DeleteRecordsPartition| (p.partition_index, delete(&context, &topic.name, p));
            let partitions = topic.partitions.iter().map(begin).collect();
            (topic.name, partitions)
        })
        .collect();
    Ok(call.returns().later(async move {
        let deadline = tokio::time::Instant::now() + time.max(Duration::from_secs(1));
        let mut topics = Vec::with_capacity(begun.len());
        for (name, deleting) in begun {
            let mut partitions = Vec::with_capacity(deleting.len());
            for (partition_index, deleting) in deleting {
                let (low_watermark, error_code) = match outcome(deleting, deadline).await {
                    Ok(log_start) => (log_start, ErrorCode::None),
                    Err(error) => (-1, error),
                };
                let error_code = error_code.code();
                partitions.push(DeleteRecordsPartitionResult { partition_index, low_watermark, error_code });
            }
            topics.push(DeleteRecordsTopicResult { name, partitions });
        }
        DeleteRecordsResponse { topics, ..Default::default() }
    }))
}

fn delete(context: &Context, name: &WireStr, wanted: &DeleteRecordsPartition) -> Deleting {
    let image = context.image();
    let (partition, _) = context.led(&image, TopicRef::Name(name), wanted.partition_index)?;
    if find_topic(&image, TopicRef::Name(name))?.is_internal() {
        return Err(ErrorCode::InvalidTopicException);
    }
    // Whoever compacts a topic alone keeps the last value of every key.
    if !partition.config().log.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    Ok(partition.log.delete_records(match wanted.offset {
        HIGH_WATERMARK => DeleteBefore::HighWatermark,
        offset => DeleteBefore::Offset(offset),
    }))
}

async fn outcome(deleting: Deleting, deadline: tokio::time::Instant) -> Result<i64, ErrorCode> {
    match tokio::time::timeout_at(deadline, deleting?).await {
        Ok(Ok(result)) => result.map_err(|error| error::of_delete(&error)),
        Ok(Err(_)) => Err(ErrorCode::NotLeaderOrFollower),
        Err(_) => Err(ErrorCode::RequestTimedOut),
    }
}
