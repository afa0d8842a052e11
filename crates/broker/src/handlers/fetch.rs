//! Fetch (1), versions 4-18. v7: sessions, which are declined (session id 0, every answer is full); v12: tagged fields;
//! v13: topic ids; v16: where the leader is.
//!
//! Records leave as the log has them. A request that finds less than `min_bytes` waits for a high watermark to move.

use crate::call::Call;
use crate::context::{Context, TopicRef, check_epoch, find_topic};
use crate::error;
use crate::partition::{Offsets, Partition, ReadLimits, Slices, WaitSet};
use crate::reply::Reply;
use ottla_wire::ErrorCode;
use ottla_wire::codec::Records;
use ottla_wire::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use std::sync::Arc;
use std::time::Duration;

const READ_COMMITTED: i8 = 1;
/// The epoch of a request that wants no session, and of one that wants a new one.
const NO_SESSION: [i32; 2] = [-1, 0];

/// One partition of the request, found or not.
struct Asked {
    topic: usize,
    wanted: FetchPartition,
    partition: Result<Arc<Partition>, ErrorCode>,
}

struct Read {
    error: ErrorCode,
    offsets: Option<Offsets>,
    slices: Slices,
}

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: FetchRequest = call.read()?;
    let by_id = call.version() >= 13;
    if request.session_id != 0 && !NO_SESSION.contains(&request.session_epoch) {
        let error_code = ErrorCode::FetchSessionIdNotFound.code();
        return Ok(call.returns().now(&FetchResponse { error_code, ..Default::default() }));
    }
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move { answer(&context, &request, by_id).await }))
}

async fn answer(context: &Context, request: &FetchRequest, by_id: bool) -> FetchResponse {
    let asked = find(context, request, by_id);
    let deadline =
        tokio::time::sleep(Duration::from_millis(request.max_wait_ms.max(0).unsigned_abs().into()));
    tokio::pin!(deadline);
    let mut waiting = WaitSet::new();
    for partition in asked.iter().filter_map(|asked| asked.partition.as_ref().ok()) {
        waiting.add(partition.log.watchers());
    }
    let mut last = request.max_wait_ms <= 0;
    loop {
        let reads = read_all(context, request, &asked).await;
        let bytes: usize = reads.iter().map(|read| read.slices.bytes).sum();
        let failed = reads.iter().any(|read| read.error.is_error());
        if last || failed || bytes >= usize::try_from(request.min_bytes).unwrap_or(0) || asked.is_empty() {
            context.metrics.fetched(bytes);
            return respond(request, &asked, reads);
        }
        tokio::select! {
            () = waiting.moved() => {}
            () = &mut deadline => last = true,
            () = context.stopped() => last = true,
        }
    }
}

fn find(context: &Context, request: &FetchRequest, by_id: bool) -> Vec<Asked> {
    let image = context.image();
    let mut asked = Vec::new();
    for (number, topic) in request.topics.iter().enumerate() {
        let named = if by_id { TopicRef::Id(topic.topic_id) } else { TopicRef::Name(&topic.topic) };
        for wanted in &topic.partitions {
            let partition = find_topic(&image, named)
                .and_then(|_| context.led(&image, named, wanted.partition))
                .and_then(|(partition, epoch)| {
                    check_epoch(wanted.current_leader_epoch, epoch).map(|()| partition)
                });
            asked.push(Asked { topic: number, wanted: wanted.clone(), partition });
        }
    }
    asked
}

async fn read_all(context: &Context, request: &FetchRequest, asked: &[Asked]) -> Vec<Read> {
    let limit = request.max_bytes.min(context.settings.broker().fetch_max_bytes);
    let mut left = usize::try_from(limit).unwrap_or(0);
    let mut at_least_one = true;
    let mut reads = Vec::with_capacity(asked.len());
    for Asked { wanted, partition, .. } in asked {
        let read = match partition {
            Ok(partition) => {
                let own = usize::try_from(wanted.partition_max_bytes).unwrap_or(0);
                let limits = ReadLimits { max_bytes: own.min(left), at_least_one };
                read(partition, wanted.fetch_offset, limits).await
            }
            Err(error) => Read { error: *error, offsets: None, slices: Slices::default() },
        };
        left = left.saturating_sub(read.slices.bytes);
        // The first batch of an answer comes whatever its size, so that every consumer makes progress (quirk Q5).
        at_least_one &= read.slices.list.is_empty();
        reads.push(read);
    }
    reads
}

async fn read(partition: &Partition, offset: i64, limits: ReadLimits) -> Read {
    let log = &partition.log;
    let failed = |error| Read { error: error::of_read(&error), offsets: None, slices: Slices::default() };
    if let Err(error) = log.ready().await {
        return failed(error);
    }
    let slices = if limits.max_bytes == 0 && !limits.at_least_one {
        Ok(Slices::default())
    } else {
        log.read(offset, limits).await
    };
    match (slices, log.offsets()) {
        (Ok(slices), Ok(offsets)) => Read { error: ErrorCode::None, offsets: Some(offsets), slices },
        (Err(error), _) | (_, Err(error)) => failed(error),
    }
}

fn unknown(partition: &Result<Arc<Partition>, ErrorCode>) -> bool {
    matches!(partition, Err(ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId))
}

fn respond(request: &FetchRequest, asked: &[Asked], reads: Vec<Read>) -> FetchResponse {
    let mut responses: Vec<FetchableTopicResponse> = request
        .topics
        .iter()
        .map(|topic| FetchableTopicResponse {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            partitions: Vec::with_capacity(topic.partitions.len()),
        })
        .collect();
    for (asked, read) in asked.iter().zip(reads) {
        let Offsets { log_start, high_watermark, .. } =
            read.offsets.unwrap_or(Offsets { log_start: -1, high_watermark: -1, log_end: -1 });
        responses[asked.topic].partitions.push(PartitionData {
            partition_index: asked.wanted.partition,
            error_code: read.error.code(),
            high_watermark,
            // Without transactions everything that is committed is stable.
            last_stable_offset: high_watermark,
            log_start_offset: log_start,
            // Null where nobody asked for them; Kafka says "none" of a partition that it does not know.
            aborted_transactions: (request.isolation_level == READ_COMMITTED || unknown(&asked.partition))
                .then(Vec::new),
            preferred_read_replica: -1,
            records: Some(Records::from_slices(read.slices.list)),
            ..Default::default()
        });
    }
    FetchResponse { responses, ..Default::default() }
}
