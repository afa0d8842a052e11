//! Produce (0), versions 3-13 (0-13 are announced, quirk Q1). v8: an error for each bad record; v10: where the leader is;
//! v13: topic ids.
//!
//! Everything up to the queue of the writer happens before [`handle`] returns, so batches of one connection are appended
//! in the order they came (durability rule A3). The answer leaves when the high watermark covers them.

use crate::call::Call;
use crate::context::{Context, TopicRef, find_topic};
use crate::error;
use crate::partition::{AppendError, Partition, Produced, Written};
use crate::reply::{Outcome, Reply};
use crate::settings::TopicConfig;
use bytes::Bytes;
use ottla_state::Image;
use ottla_wire::batch::{
    BatchError, BatchHeader, ProduceRefused, ProduceRules, TimestampType, check_produced, with_create_time,
    with_log_append_time,
};
use ottla_wire::codec::Records;
use ottla_wire::compress::Codec;
use ottla_wire::messages::produce::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceResponse,
};
use ottla_wire::record::{self, RecompressError, RecordError};
use ottla_wire::{ErrorCode, WireStr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Bytes that one batch may have after decompression, where the broker has to look into it.
const DECOMPRESSED_MAX: usize = 128 << 20;

/// So many bad records of a request are named; millions fit into a small frame. Kafka names all of them.
const NAMED_MAX: usize = 1_000;

const NO_TRANSACTIONS: &str = "there are no transactions yet; write without transactional.id";

/// The client id by which Kafka knows its own tools; they alone may write to internal topics.
const ADMIN_CLIENT: &str = "__admin_client";

/// Why a batch was not queued.
struct Refused {
    error: ErrorCode,
    message: Option<String>,
    records: Vec<BatchIndexAndErrorMessage>,
    /// -1 where the partition was not looked at yet.
    log_start: i64,
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Self {
        Self { error, message: None, records: Vec::new(), log_start: -1 }
    }
}

impl Refused {
    fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..error.into() }
    }

    /// Kafka finds this fault when it looks at the partition, and answers where its log starts.
    fn at(self, partition: &Partition) -> Self {
        Self { log_start: partition.log.offsets().map_or(0, |offsets| offsets.log_start), ..self }
    }
}

/// One partition of the request after its batch was queued, or was not.
struct Queued {
    index: i32,
    result: Result<Appending, Refused>,
}

struct Appending {
    answer: oneshot::Receiver<Result<Written, AppendError>>,
    /// The timestamp that the broker gave, where it gives one.
    log_append_time: Option<i64>,
    bytes: usize,
    records: i32,
}

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: ProduceRequest = call.read()?;
    let version = call.version();
    let context = Arc::clone(call.context);
    let refusal = refusal_of(&request);
    let internal_allowed = call.head.client_id.as_deref() == Some(ADMIN_CLIENT);
    let image = context.image();
    let mut topics = Vec::with_capacity(request.topic_data.len());
    let mut nameable = NAMED_MAX;
    for topic in &request.topic_data {
        let named = if version >= 13 { TopicRef::Id(topic.topic_id) } else { TopicRef::Name(&topic.name) };
        let partitions: Vec<Queued> = topic
            .partition_data
            .iter()
            .map(|data| {
                let result = match refusal {
                    Some((error, why)) => Err(Refused::new(error, why)),
                    None => context.led(&image, named, data.index).map_err(Refused::from).and_then(
                        |(partition, leader_epoch)| {
                            if !internal_allowed && is_internal(&image, named) {
                                let why = "the topic is internal: brokers alone write to it";
                                return Err(Refused::new(ErrorCode::InvalidTopicException, why));
                            }
                            let place = Place { version, leader_epoch, frame_bytes: call.frame_bytes };
                            append(&context, &partition, data.records.as_ref(), place, &mut nameable)
                        },
                    ),
                };
                Queued { index: data.index, result }
            })
            .collect();
        topics.push((topic.name.clone(), topic.topic_id, partitions));
    }
    let (returns, acks, time) = (call.returns(), request.acks, request.timeout_ms);
    let (charge, frame_bytes) = (call.charge, call.frame_bytes);
    let answered = async move {
        let mut responses = Vec::with_capacity(topics.len());
        for (name, topic_id, partitions) in topics {
            let mut partition_responses = Vec::with_capacity(partitions.len());
            for queued in partitions {
                partition_responses.push(queued.response(&context, time).await);
            }
            responses.push(TopicProduceResponse { name, topic_id, partition_responses });
        }
        if let Some(charge) = charge {
            charge.produced(frame_bytes);
        }
        ProduceResponse { responses, ..Default::default() }
    };
    if acks == 0 {
        // Nobody waits for an answer; only an error ends the connection (quirk Q15).
        return Ok(Reply::Later(Box::pin(async move {
            let failed = answered
                .await
                .responses
                .iter()
                .flat_map(|topic| &topic.partition_responses)
                .any(|partition| partition.error_code != ErrorCode::None.code());
            if failed {
                Outcome::Close("a write without acknowledgement failed".to_owned())
            } else {
                Outcome::Silent
            }
        })));
    }
    Ok(returns.later(answered))
}

/// What brokers keep state in is not written by clients.
fn is_internal(image: &Image, topic: TopicRef<'_>) -> bool {
    find_topic(image, topic).is_ok_and(|topic| topic.is_internal())
}

/// What is wrong with the request as a whole.
fn refusal_of(request: &ProduceRequest) -> Option<(ErrorCode, &'static str)> {
    if request.transactional_id.is_some() {
        // Not retriable: it stays so until transactions exist.
        return Some((ErrorCode::InvalidTxnState, NO_TRANSACTIONS));
    }
    let is_known = (-1..=1).contains(&request.acks);
    (!is_known).then_some((ErrorCode::InvalidRequiredAcks, "acks is one of -1 (all), 0 and 1"))
}

/// What a batch's place depends on beside the partition.
#[derive(Clone, Copy)]
struct Place {
    version: i16,
    leader_epoch: i32,
    frame_bytes: usize,
}

fn append(
    context: &Context,
    partition: &Partition,
    records: Option<&Records>,
    place: Place,
    nameable: &mut usize,
) -> Result<Appending, Refused> {
    let Place { version, leader_epoch, frame_bytes } = place;
    let config = partition.config();
    let rules = ProduceRules { version, max_bytes: config.max_message_bytes };
    let none = || Refused::new(ErrorCode::InvalidRecord, "there are no records");
    let bytes = records.map(Records::to_bytes).ok_or_else(none)?;
    let (header, batch) = check_produced(&bytes, rules).map_err(|why| refused(&why, partition))?;
    if header.is_transactional() {
        let why = "a transactional batch in a request without transactional id";
        return Err(Refused::new(ErrorCode::TransactionalIdAuthorizationFailed, why));
    }
    let now = context.clock.now_ms();
    check_records(&header, &batch, now, &config, nameable).map_err(|refused| refused.at(partition))?;
    let (header, batch) = if config.log_append_time {
        stamped(with_log_append_time(&batch, now))?
    } else if header.timestamp_type() == TimestampType::LogAppendTime {
        stamped(with_create_time(&batch))?
    } else {
        (header, batch)
    };
    let (header, batch) = kept(header, batch, &config, partition)?;
    let (bytes, records) = (batch.len(), header.record_count);
    let answer = partition.log.append(Produced { header, batch, leader_epoch, frame_bytes });
    Ok(Appending { answer, log_append_time: config.log_append_time.then_some(now), bytes, records })
}

/// The batch in the codec of the topic, where it has one of its own (`compression.type`).
fn kept(
    header: BatchHeader,
    batch: Bytes,
    config: &TopicConfig,
    partition: &Partition,
) -> Result<(BatchHeader, Bytes), Refused> {
    let Some(how) = config.compression.filter(|how| header.codec() != Ok(how.codec)) else {
        return Ok((header, batch));
    };
    let batch = record::recompress(&batch, how, decompressed_max(config)).map_err(|error| match error {
        RecompressError::Read(error) => invalid(error).at(partition),
        RecompressError::Write(error) => Refused::new(ErrorCode::MessageTooLarge, error.to_string()),
    })?;
    if batch.len() > config.max_message_bytes {
        let (bytes, most) = (batch.len(), config.max_message_bytes);
        let why = format!("{bytes} bytes in the codec of the topic are more than {most}");
        return Err(Refused::new(ErrorCode::MessageTooLarge, why));
    }
    stamped(batch)
}

/// Bytes that one batch may have after decompression.
fn decompressed_max(config: &TopicConfig) -> usize {
    config.max_decompressed_bytes.unwrap_or(usize::MAX).min(DECOMPRESSED_MAX)
}

fn stamped(batch: Bytes) -> Result<(BatchHeader, Bytes), Refused> {
    let header = BatchHeader::parse(&batch).map_err(|_| ErrorCode::CorruptMessage)?;
    Ok((header, batch))
}

fn refused(refused: &ProduceRefused, partition: &Partition) -> Refused {
    let answer = Refused::new(error::of_refused(refused), refused.to_string());
    match refused {
        ProduceRefused::Invalid(BatchError::Count { .. } | BatchError::Codec(_) | BatchError::Records)
        | ProduceRefused::BaseOffset(_)
        | ProduceRefused::Control
        | ProduceRefused::Sequence => answer.at(partition),
        _ => answer,
    }
}

/// What the topic's settings refuse, record by record as Kafka names them. These checks open a batch once, and only where
/// a setting asks for more than its header says.
fn check_records(
    header: &BatchHeader,
    batch: &Bytes,
    now: i64,
    config: &TopicConfig,
    nameable: &mut usize,
) -> Result<(), Refused> {
    let (compact, times) = (config.log.compact, times(header, now, config));
    let bounded = config.max_decompressed_bytes.is_some() && header.codec() != Ok(Codec::None);
    let all = config.strict_records || compact || times.is_some();
    if !all && !bounded {
        return Ok(());
    }
    let mut records = record::iterate(batch, decompressed_max(config)).map_err(invalid)?;
    let (mut keyless, mut untimely) = (BadRecords::default(), BadRecords::default());
    for (index, record) in records.by_ref().enumerate().take_while(|_| all) {
        let record = record.map_err(invalid)?;
        // It could never be superseded.
        if compact && record.key.is_none() {
            keyless.note(nameable, index, || {
                WireStr::from_static("a compacted topic takes no record without a key")
            });
        }
        // Clients send -1 for "none".
        let time = Some(record.timestamp).filter(|time| *time != -1);
        if let (Some(times), Some(time)) = (&times, time)
            && !times.contains(&time)
        {
            let (earliest, latest) = (times.start(), times.end());
            let why = || format!("timestamp {time} is outside of {earliest} to {latest}").into();
            untimely.note(nameable, index, why);
        }
    }
    if all && records.bytes_left() > 0 {
        return Err(invalid(RecordError::Malformed));
    }
    if keyless.are_there {
        let why = Refused::new(ErrorCode::InvalidRecord, "records without a key in a compacted topic");
        return Err(Refused { records: keyless.named, ..why });
    }
    if untimely.are_there {
        let why = "timestamps outside of what the topic takes; see message.timestamp.*.max.ms";
        let why = Refused::new(ErrorCode::InvalidTimestamp, why);
        return Err(Refused { records: untimely.named, ..why });
    }
    Ok(())
}

/// Records of a batch that are refused for one reason, and those of them that there is room to name.
#[derive(Default)]
struct BadRecords {
    are_there: bool,
    named: Vec<BatchIndexAndErrorMessage>,
}

impl BadRecords {
    fn note(&mut self, nameable: &mut usize, index: usize, why: impl FnOnce() -> WireStr) {
        self.are_there = true;
        if let Some(left) = nameable.checked_sub(1) {
            *nameable = left;
            let batch_index_error_message = Some(why());
            self.named
                .push(BatchIndexAndErrorMessage { batch_index: index as i32, batch_index_error_message });
        }
    }
}

fn invalid(error: record::RecordError) -> Refused {
    Refused::new(ErrorCode::InvalidRecord, error.to_string())
}

/// The timestamps that the topic takes; `None` where the header shows that it takes those of the batch.
fn times(header: &BatchHeader, now: i64, config: &TopicConfig) -> Option<RangeInclusive<i64>> {
    let (before, after) = (config.timestamp_before_max_ms, config.timestamp_after_max_ms);
    let earliest = now.checked_sub(before).filter(|_| before != i64::MAX).unwrap_or(i64::MIN);
    let latest = now.saturating_add(after);
    let all_fit = earliest == i64::MIN && header.max_timestamp <= latest;
    (!config.log_append_time && !all_fit).then_some(earliest..=latest)
}

impl Queued {
    async fn response(self, context: &Context, timeout_ms: i32) -> PartitionProduceResponse {
        let none = PartitionProduceResponse { index: self.index, base_offset: -1, ..Default::default() };
        let response = match self.result {
            Err(refused) => PartitionProduceResponse {
                error_code: refused.error.code(),
                error_message: refused.message.as_deref().map(Into::into),
                record_errors: refused.records,
                log_start_offset: refused.log_start,
                ..none
            },
            Ok(Appending { answer, log_append_time, bytes, records }) => {
                let time = Duration::from_millis(timeout_ms.max(0).unsigned_abs().into());
                match tokio::time::timeout(time.max(Duration::from_secs(1)), answer).await {
                    Ok(Ok(Ok(written))) => {
                        context.metrics.produced(bytes, records);
                        let duplicate = written.duplicate.then_some(written.max_timestamp);
                        PartitionProduceResponse {
                            base_offset: written.base_offset,
                            log_append_time_ms: log_append_time.or(duplicate).unwrap_or(-1),
                            log_start_offset: written.log_start,
                            ..none
                        }
                    }
                    Ok(Ok(Err(failure))) => PartitionProduceResponse {
                        error_code: error::of_append(&failure).code(),
                        error_message: Some(failure.to_string().into()),
                        log_start_offset: 0,
                        ..none
                    },
                    Ok(Err(_)) => PartitionProduceResponse {
                        error_code: ErrorCode::NotLeaderOrFollower.code(),
                        error_message: Some(WireStr::from_static("the broker stops")),
                        ..none
                    },
                    Err(_) => PartitionProduceResponse {
                        error_code: ErrorCode::RequestTimedOut.code(),
                        error_message: Some(WireStr::from_static(
                            "not durable in time; the batch may be stored yet",
                        )),
                        ..none
                    },
                }
            }
        };
        if response.error_code != ErrorCode::None.code() {
            context.metrics.produce_error(ErrorCode::from_code(response.error_code));
        }
        response
    }
}
