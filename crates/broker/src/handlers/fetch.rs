//! Fetch (1), versions 4-18. v7: sessions (KIP-227); v12: tagged fields; v13: topic ids; v16: where the leader is.
//!
//! Records leave as the log has them. A request that finds less than `min_bytes` waits for a high watermark to move, or
//! for the client to leave; what counts is what there is, even where less of it fits into the answer. A client that was
//! sent more than its quota allows is sent no records until it has waited.

mod read;
pub mod sessions;

use crate::budget::{Budget, Memory, OWN_BYTES};
use crate::call::Call;
use crate::context::{Context, TopicRef, check_epoch, find_topic};
use crate::partition::{Offsets, Partition, WaitSet};
use crate::quotas::Charge;
use crate::reply::Reply;
use ottla_wire::ErrorCode;
use ottla_wire::codec::Records;
use ottla_wire::compress::Codec;
use ottla_wire::messages::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
use read::{Read, Room, TooLittle, read_all};
use sessions::{Finished, News, Plan, Wanted};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const READ_COMMITTED: i8 = 1;
/// The version from which on clients know zstd (KIP-110).
const ZSTD_SINCE: i16 = 10;

/// One partition of the request, found or not.
type Found = Result<Arc<Partition>, ErrorCode>;

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: FetchRequest = call.read()?;
    let (version, by_id) = (call.version(), call.version() >= 13);
    let context = Arc::clone(call.context);
    // In the order of arrival: a client may send the next request of its session before this one is answered.
    let plan = match context.fetch_sessions.begin(&request, by_id) {
        Ok(plan) => plan,
        Err(error) => return Ok(call.returns().now(refused(error))),
    };
    let (returns, asker) = (call.returns(), Asker { left: call.client.left.clone(), charge: call.charge });
    Ok(Reply::Later(Box::pin(async move {
        let (response, memory) = answer(&context, (&request, version), &plan, asker).await;
        returns.outcome(response).holding(memory)
    })))
}

fn refused(error: ErrorCode) -> FetchResponse {
    FetchResponse { error_code: error.code(), ..Default::default() }
}

/// Who waits for the answer.
struct Asker {
    left: watch::Receiver<bool>,
    charge: Option<Arc<Charge>>,
}

/// Also the memory of its records, which they hold until they are sent: none where they are few.
async fn answer(
    context: &Context,
    (request, version): (&FetchRequest, i16),
    plan: &Plan,
    Asker { mut left, charge }: Asker,
) -> (FetchResponse, Option<Memory>) {
    let found = find(context, plan, version);
    let deadline =
        tokio::time::sleep(Duration::from_millis(request.max_wait_ms.max(0).unsigned_abs().into()));
    tokio::pin!(deadline);
    let mut waiting = WaitSet::new();
    for partition in found.iter().flatten() {
        waiting.add(partition.log.watchers());
    }
    // Topics that do not exist do not end a wait for those that do.
    let mut last = request.max_wait_ms <= 0 || found.iter().all(unknown);
    loop {
        // What is granted is counted in larger steps than what was asked for.
        let allowed = charge.as_ref().map_or(usize::MAX, |charge| charge.fetch_max());
        let most = most_bytes(context, request, plan).min(allowed);
        let (reads, memory) = read(&context.answers, most, &plan.wanted, &found).await;
        let bytes: usize = reads.iter().map(|read| read.slices.bytes).sum();
        let failed = reads.iter().zip(&found).any(|(read, found)| read.error.is_error() && !unknown(found));
        // Nothing is never enough for who wants something, however little is allowed.
        let enough = usize::try_from(request.min_bytes).unwrap_or(0).min(allowed.max(1));
        let is_enough = || {
            let available = reads.iter().zip(&plan.wanted).map(|(read, wanted)| read.available(wanted));
            bytes > 0 && available.fold(0, usize::saturating_add) >= enough
        };
        if last || failed || bytes >= enough || is_enough() {
            if charge.is_some_and(|charge| charge.fetched(bytes)) {
                return (throttled(context, plan), None);
            }
            context.metrics.fetched(bytes, reads.iter().map(|read| read.slices.records()).sum());
            return (respond(context, request, plan, &found, reads), memory);
        }
        // Nothing is held while nothing is sent.
        drop((reads, memory));
        let _waiting = context.metrics.fetch_waits();
        tokio::select! {
            () = waiting.moved() => {}
            () = &mut deadline => last = true,
            _ = left.wait_for(|left| *left) => last = true,
            () = context.stopped() => last = true,
        }
    }
}

/// Reads under a limit, and takes the memory for it before.
async fn read(
    answers: &Budget,
    most: usize,
    wanted: &[Wanted],
    found: &[Found],
) -> (Vec<Read>, Option<Memory>) {
    let mut memory = answers.share(most);
    loop {
        let granted = match &memory {
            None => OWN_BYTES,
            // Nobody can have more.
            Some(memory) if memory.is_whole() => usize::MAX,
            Some(memory) => memory.bytes(),
        };
        let needed = match read_all(Room { max_bytes: most.min(granted), granted }, wanted, found).await {
            Ok(reads) => {
                let bytes: usize = reads.iter().map(|read| read.slices.bytes).sum();
                let memory = memory.filter(|_| bytes > OWN_BYTES).map(|memory| memory.keeping(bytes));
                return (reads, memory);
            }
            Err(TooLittle(batch_bytes)) => batch_bytes,
        };
        drop(memory);
        memory = Some(answers.take(needed).await);
    }
}

/// Nothing of what was found; its session goes on, and shows all of it later.
fn throttled(context: &Context, plan: &Plan) -> FetchResponse {
    match context.fetch_sessions.keep(plan) {
        Ok(session_id) => FetchResponse { session_id, ..Default::default() },
        Err(error) => refused(error),
    }
}

fn find(context: &Context, plan: &Plan, version: i16) -> Vec<Found> {
    let image = context.image();
    let led = |wanted: &Wanted| {
        let topic = &wanted.topic;
        let named = if plan.by_id { TopicRef::Id(topic.id) } else { TopicRef::Name(&topic.name) };
        let (partition, epoch) =
            find_topic(&image, named).and_then(|_| context.led(&image, named, wanted.partition.partition))?;
        check_epoch(wanted.partition.current_leader_epoch, epoch)?;
        // Such a client cannot read what the topic keeps.
        let is_zstd = || partition.config().compression.is_some_and(|how| how.codec == Codec::Zstd);
        if version < ZSTD_SINCE && is_zstd() {
            return Err(ErrorCode::UnsupportedCompressionType);
        }
        Ok(partition)
    };
    plan.wanted.iter().map(led).collect()
}

/// What the limits of request and broker allow.
fn most_bytes(context: &Context, request: &FetchRequest, plan: &Plan) -> usize {
    let limit = request.max_bytes.min(context.settings.load().broker().fetch_max_bytes);
    let of_partitions =
        plan.wanted.iter().map(|wanted| i64::from(wanted.partition.partition_max_bytes.max(0)));
    usize::try_from(of_partitions.sum::<i64>().min(i64::from(limit))).unwrap_or(0)
}

fn unknown(found: &Found) -> bool {
    matches!(found, Err(ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId))
}

fn respond(
    context: &Context,
    request: &FetchRequest,
    plan: &Plan,
    found: &[Found],
    reads: Vec<Read>,
) -> FetchResponse {
    let news: Vec<News> = reads.iter().map(Read::news).collect();
    let Finished { session_id, included } = match context.fetch_sessions.finish(plan, &news) {
        Ok(finished) => finished,
        Err(error) => return refused(error),
    };
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let shown = included.into_iter().zip(plan.wanted.iter().zip(found.iter().zip(reads)));
    for (_, (wanted, (found, read))) in shown.filter(|(included, _)| *included) {
        let topic = &wanted.topic;
        if responses.last().is_none_or(|last| last.topic_id != topic.id || last.topic != topic.name) {
            let (topic, topic_id) = (topic.name.clone(), topic.id);
            responses.push(FetchableTopicResponse { topic, topic_id, partitions: Vec::new() });
        }
        let Offsets { log_start, high_watermark, .. } = read.offsets;
        let data = PartitionData {
            partition_index: wanted.partition.partition,
            error_code: read.error.code(),
            high_watermark,
            // Without transactions everything that is committed is stable.
            last_stable_offset: high_watermark,
            log_start_offset: log_start,
            // Null where nobody asked for them; Kafka says "none" of a partition that it does not know.
            aborted_transactions: (request.isolation_level == READ_COMMITTED || unknown(found))
                .then(Vec::new),
            preferred_read_replica: -1,
            records: Some(Records::from_slices(read.slices.list)),
            ..Default::default()
        };
        responses.last_mut().expect("one was just pushed").partitions.push(data);
    }
    FetchResponse { responses, session_id, ..Default::default() }
}
