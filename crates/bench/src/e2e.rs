//! From the instant at which a record was due to the instant at which a consumer has it, at a fixed rate.
//!
//! One producer, one consumer, one partition: what a record costs that is alone on its way. The consumer waits in a long
//! poll with a minimum of one byte, as consumers do. A record's place in the run is its offset behind the first one.

use crate::connection::{ANSWER_TIMEOUT, CLIENT_ID, Connection, check, decode, next_answer, write_chunks};
use crate::figures::{Latencies, Measured};
use crate::layout::Layout;
use crate::load::{Destination, Prepared, batches};
use crate::progress::Progress;
use crate::replay::{self, PRODUCE_BY_NAME};
use bytes::Bytes;
use ottla_client::config::Surroundings;
use ottla_client::{Client, ClientError, Codec, ErrorCode, OffsetSpec};
use ottla_env::clock::Clock;
use ottla_wire::batch::batches as batches_in;
use ottla_wire::frame::encode_request;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_wire::messages::produce::ProduceRequest;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const FETCH_BY_NAME: i16 = 12;
const MAX_WAIT_MS: i32 = 500;
const FETCH_BYTES: i32 = 1 << 20;

#[derive(Debug, Clone)]
pub struct E2eConfig {
    pub record_bytes: usize,
    /// Records a second.
    pub rate: u32,
    pub time: Duration,
}

#[derive(Debug)]
pub struct E2e {
    producer: Connection,
    consumer: Connection,
    prepared: Vec<Prepared>,
    topic: String,
    partition: i32,
    /// Of the first record of the run.
    first_offset: i64,
    config: E2eConfig,
    clock: Arc<dyn Clock>,
}

impl E2e {
    /// Uses the first partition of the topic, which nobody else may write to.
    pub async fn prepare(
        client: &Client,
        layout: &Layout,
        config: &E2eConfig,
        surroundings: &Surroundings,
    ) -> Result<Self, ClientError> {
        let ends = layout.offsets(client, OffsetSpec::Latest).await?;
        Self::open(layout, &ends, config, surroundings).await
    }

    /// With what the topic holds already.
    async fn open(
        layout: &Layout,
        ends: &BTreeMap<i32, i64>,
        config: &E2eConfig,
        surroundings: &Surroundings,
    ) -> Result<Self, ClientError> {
        let no_partition = || ClientError::Invalid(format!("topic {} has no partition", layout.topic));
        let leader = layout.brokers.first().ok_or_else(no_partition)?;
        let partition = *leader.partitions.first().ok_or_else(no_partition)?;
        let producer = Connection::open(surroundings.net.as_ref(), &leader.address).await?;
        let consumer = Connection::open(surroundings.net.as_ref(), &leader.address).await?;
        let now_ms = surroundings.clock.now_ms();
        let version = producer.version::<ProduceRequest>(PRODUCE_BY_NAME)?;
        let to = Destination {
            topic: &layout.topic,
            partition,
            acks: -1,
            timeout_ms: i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX),
            version,
        };
        let batches = batches(config.record_bytes, 1, Codec::None, now_ms, surroundings.rng.as_ref())?;
        let prepared = batches.iter().map(|batch| Prepared::new(batch, to)).collect::<Result<_, _>>()?;
        Ok(Self {
            producer,
            consumer,
            prepared,
            topic: layout.topic.clone(),
            partition,
            first_offset: ends.get(&partition).copied().unwrap_or(0),
            config: config.clone(),
            clock: Arc::clone(&surroundings.clock),
        })
    }

    /// Records that the run sends.
    pub fn records(&self) -> u64 {
        (f64::from(self.config.rate) * self.config.time.as_secs_f64()).round() as u64
    }

    /// Ends when the consumer has every record that was sent.
    pub async fn run(self, progress: &Arc<Progress>) -> Result<Measured, ClientError> {
        let records = self.records();
        let Self { producer, mut consumer, prepared, topic, partition, first_offset, config, clock } = self;
        let began = clock.monotonic();
        let due = |number: u64| {
            let ms = number.saturating_mul(1_000) / u64::from(config.rate.max(1));
            began + Duration::from_millis(ms)
        };
        let (sent, mut last) = tokio::sync::watch::channel(None);
        let produce = async {
            let version = producer.version::<ProduceRequest>(PRODUCE_BY_NAME)?;
            let Connection { peer, mut read, mut write, .. } = producer;
            let (started, mut waiting) = tokio::sync::mpsc::channel(100_000);
            let writer = async {
                let mut count = 0;
                for (number, batch) in (0..records).zip(prepared.iter().cycle()) {
                    if !progress.take(1) {
                        break;
                    }
                    let wait = due(number).saturating_sub(clock.monotonic());
                    if !wait.is_zero() {
                        tokio::time::sleep(wait).await;
                    }
                    let correlation_id = (number & 0x7fff_ffff) as i32;
                    started.send(correlation_id).await.map_err(|_| ClientError::Closed)?;
                    write_chunks(&mut write, &peer, batch.head(correlation_id), batch.rest()).await?;
                    count = number + 1;
                }
                drop(started);
                sent.send_replace(Some(count));
                Ok::<(), ClientError>(())
            };
            let reader = async {
                while let Some(correlation_id) = waiting.recv().await {
                    let answer = next_answer(&mut read, &peer, "Produce").await?;
                    replay::check(&decode(&peer, version, correlation_id, answer)?)?;
                }
                Ok::<(), ClientError>(())
            };
            tokio::try_join!(writer, reader).map(drop)
        };
        let mut latencies = Latencies::default();
        let consume = async {
            let version = consumer.version::<FetchRequest>(FETCH_BY_NAME)?;
            let mut offset = first_offset;
            let mut correlation_id = 0;
            let is_end = |offset: i64, last: Option<u64>| {
                last.is_some_and(|last| offset.saturating_sub(first_offset).unsigned_abs() >= last)
            };
            while !is_end(offset, *last.borrow_and_update()) {
                correlation_id += 1;
                let request = fetch(&topic, partition, offset);
                let records = ask(&mut consumer, version, correlation_id, &request, &topic).await?;
                let now = clock.monotonic();
                for (header, batch) in batches_in(records) {
                    for at in header.base_offset.max(offset)..header.next_offset() {
                        let number = at.saturating_sub(first_offset).unsigned_abs();
                        latencies.record(now.saturating_sub(due(number)));
                    }
                    let fresh = header.next_offset().saturating_sub(offset).max(0);
                    progress.add(fresh.unsigned_abs(), batch.len() as u64);
                    offset = offset.max(header.next_offset());
                }
            }
            Ok::<(), ClientError>(())
        };
        tokio::try_join!(produce, consume)?;
        let elapsed = clock.monotonic().saturating_sub(began);
        Ok(Measured { done: progress.done(), elapsed, latencies })
    }
}

fn fetch(topic: &str, partition: i32, fetch_offset: i64) -> FetchRequest {
    let partition =
        FetchPartition { partition, fetch_offset, partition_max_bytes: FETCH_BYTES, ..Default::default() };
    FetchRequest {
        max_wait_ms: MAX_WAIT_MS,
        min_bytes: 1,
        max_bytes: FETCH_BYTES,
        session_epoch: -1,
        topics: vec![FetchTopic { topic: topic.into(), partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    }
}

async fn ask(
    consumer: &mut Connection,
    version: i16,
    correlation_id: i32,
    request: &FetchRequest,
    topic: &str,
) -> Result<Bytes, ClientError> {
    let frame = encode_request(correlation_id, CLIENT_ID, version, request)
        .map_err(|error| ClientError::Invalid(format!("fetch request: {error}")))?;
    let Connection { peer, read, write, .. } = consumer;
    write_chunks(write, peer, Bytes::new(), &frame.list).await?;
    let answer = next_answer(read, peer, "Fetch").await?;
    let response: FetchResponse = decode(peer, version, correlation_id, answer)?;
    check("Fetch", response.error_code)?;
    let Some(answer) = response.responses.iter().flat_map(|topic| &topic.partitions).next() else {
        return Ok(Bytes::new());
    };
    match ErrorCode::from_code(answer.error_code) {
        ErrorCode::None => Ok(answer.records.as_ref().map(|records| records.to_bytes()).unwrap_or_default()),
        code => Err(ClientError::Refused { what: format!("fetch {topic}"), code, message: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer;

    #[tokio::test(start_paused = true)]
    async fn a_record_that_leaves_late_is_on_its_way_since_it_was_due() {
        let (layout, surroundings) = peer::start().await;
        let config = E2eConfig { record_bytes: peer::RECORD_BYTES, rate: peer::RATE, time: peer::TIME };
        let load = E2e::open(&layout, &BTreeMap::new(), &config, &surroundings).await.unwrap();
        peer::check(&load.run(&Arc::new(Progress::unlimited())).await.unwrap());
    }
}
