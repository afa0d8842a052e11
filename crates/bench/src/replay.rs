//! Produce as fast as the broker takes it: prepared batches, a closed loop, a bounded number of requests in flight.
//!
//! ```text
//! lane = one connection   writer: permit, next batch, write --(started)--> reader: answer, check, permit back
//! ```
//! A refused batch ends the run: a rate that contains refusals would be no rate.

use crate::connection::{ANSWER_TIMEOUT, Connection, decode, next_answer, write_chunks};
use crate::figures::{Latencies, Measured};
use crate::layout::{Layout, Share};
use crate::load::{Batch, Destination, Prepared, batches};
use crate::progress::Progress;
use ottla_client::config::Surroundings;
use ottla_client::{Acks, ClientError, Codec, ErrorCode};
use ottla_env::clock::Clock;
use ottla_wire::messages::produce::{ProduceRequest, ProduceResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// The last version that names a topic by its name, so that no topic id has to be found out.
pub(crate) const PRODUCE_BY_NAME: i16 = 12;

#[derive(Debug, Clone)]
pub struct ReplayConfig {
    /// Of the value of each record.
    pub record_bytes: usize,
    /// Of each batch before compression, at most.
    pub batch_bytes: usize,
    pub codec: Codec,
    pub acks: Acks,
    /// To each broker.
    pub connections: usize,
    /// Requests without an answer, per connection.
    pub in_flight: usize,
}

/// Open connections with their load.
#[derive(Debug)]
pub struct Replay {
    lanes: Vec<Lane>,
    records_per_batch: u64,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Lane {
    connection: Connection,
    prepared: Vec<Prepared>,
    /// The next of them.
    next: usize,
    correlation_id: i32,
    version: i16,
    acks: Acks,
    in_flight: usize,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Started {
    at: Duration,
    correlation_id: i32,
    records: u64,
    bytes: u64,
}

impl Replay {
    /// Encodes the load and opens the connections.
    pub async fn prepare(
        layout: &Layout,
        config: &ReplayConfig,
        surroundings: &Surroundings,
    ) -> Result<Self, ClientError> {
        if config.in_flight == 0 {
            return Err(ClientError::Invalid("at least one request must be in flight".to_owned()));
        }
        let now_ms = surroundings.clock.now_ms();
        let rng = surroundings.rng.as_ref();
        let batches = batches(config.record_bytes, config.batch_bytes, config.codec, now_ms, rng)?;
        let mut lanes = Vec::new();
        for share in layout.shared(config.connections) {
            let connection = Connection::open(surroundings.net.as_ref(), &share.address).await?;
            lanes.push(Lane::new(connection, &layout.topic, &share, &batches, config)?);
        }
        let records_per_batch = batches.first().map_or(1, |batch| batch.records);
        Ok(Self { lanes, records_per_batch, clock: Arc::clone(&surroundings.clock) })
    }

    pub fn records_per_batch(&self) -> u64 {
        self.records_per_batch
    }

    /// Runs until `progress` has nothing left or is stopped. Whole batches only, so a little more may be sent. After an
    /// error nothing more can be run.
    pub async fn run(&mut self, progress: &Arc<Progress>) -> Result<Measured, ClientError> {
        let began = self.clock.monotonic();
        let mut running = JoinSet::new();
        for lane in self.lanes.drain(..) {
            running.spawn(lane.run(Arc::clone(progress), Arc::clone(&self.clock)));
        }
        let mut latencies = Latencies::default();
        while let Some(ended) = running.join_next().await {
            let ended = ended.map_err(|error| ClientError::Invalid(format!("a connection: {error}")))?;
            let (lane, of_lane) = ended?;
            latencies.merge(&of_lane);
            self.lanes.push(lane);
        }
        let elapsed = self.clock.monotonic().saturating_sub(began);
        Ok(Measured { done: progress.done(), elapsed, latencies })
    }
}

impl Lane {
    fn new(
        connection: Connection,
        topic: &str,
        share: &Share,
        batches: &[Batch],
        config: &ReplayConfig,
    ) -> Result<Self, ClientError> {
        let version = connection.version::<ProduceRequest>(PRODUCE_BY_NAME)?;
        let timeout_ms = i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX);
        let acks = acks_on_the_wire(config.acks);
        let mut prepared = Vec::new();
        for batch in batches {
            for partition in &share.partitions {
                let to = Destination { topic, partition: *partition, acks, timeout_ms, version };
                prepared.push(Prepared::new(batch, to)?);
            }
        }
        let in_flight = config.in_flight;
        Ok(Self { connection, prepared, next: 0, correlation_id: 0, version, acks: config.acks, in_flight })
    }

    async fn run(
        mut self,
        progress: Arc<Progress>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Latencies), ClientError> {
        let mut latencies = Latencies::default();
        if self.prepared.is_empty() {
            return Ok((self, latencies));
        }
        let permits = Semaphore::new(self.in_flight);
        let (started, due) = mpsc::channel(self.in_flight);
        let Self { connection, prepared, next, correlation_id, version, acks, .. } = &mut self;
        let Connection { peer, read, write, .. } = connection;
        let mut broken = None;
        let writer = async {
            while let Some(batch) = prepared.get(*next).filter(|batch| progress.take(batch.records)) {
                *next = (*next + 1) % prepared.len();
                let permit = permits.acquire().await.map_err(|_| ClientError::Closed)?;
                let at = clock.monotonic();
                if *acks == Acks::None {
                    write_chunks(write, peer, batch.head(0), batch.rest()).await?;
                    progress.add(batch.records, batch.bytes);
                    continue;
                }
                permit.forget();
                *correlation_id = correlation_id.wrapping_add(1) & i32::MAX;
                let Prepared { records, bytes, .. } = *batch;
                let request = Started { at, correlation_id: *correlation_id, records, bytes };
                started.send(request).await.map_err(|_| ClientError::Closed)?;
                let written = write_chunks(write, peer, batch.head(*correlation_id), batch.rest()).await;
                if let Err(error) = written {
                    // What was answered before that is still to be read.
                    broken = Some(error);
                    break;
                }
            }
            drop(started);
            Ok::<(), ClientError>(())
        };
        let reader = async {
            let mut due = due;
            while let Some(request) = due.recv().await {
                let answer = next_answer(read, peer, "Produce").await?;
                latencies.record(clock.monotonic().saturating_sub(request.at));
                let response = decode(peer, *version, request.correlation_id, answer)?;
                check(&response)?;
                for (partition, end) in ends(&response, request.records) {
                    progress.acknowledge(partition, end);
                }
                progress.add(request.records, request.bytes);
                permits.add_permits(1);
            }
            Ok::<(), ClientError>(())
        };
        tokio::try_join!(writer, reader)?;
        match broken {
            None => Ok((self, latencies)),
            Some(error) => Err(error),
        }
    }
}

pub(crate) fn acks_on_the_wire(acks: Acks) -> i16 {
    match acks {
        Acks::All => -1,
        Acks::Leader => 1,
        Acks::None => 0,
    }
}

/// Partitions that took a batch of so many records, with the offset behind it.
pub(crate) fn ends(response: &ProduceResponse, records: u64) -> impl Iterator<Item = (i32, i64)> {
    let partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    partitions
        .filter(|partition| partition.error_code == 0)
        .map(move |partition| (partition.index, partition.base_offset.saturating_add_unsigned(records)))
}

/// The first partition that was refused, with the broker's own words.
pub(crate) fn check(response: &ProduceResponse) -> Result<(), ClientError> {
    let refused = response.responses.iter().find_map(|topic| {
        let partition = topic.partition_responses.iter().find(|partition| partition.error_code != 0)?;
        Some((topic.name.as_str(), partition))
    });
    let Some((topic, partition)) = refused else { return Ok(()) };
    Err(ClientError::Refused {
        what: format!("produce to {topic}/{}", partition.index),
        code: ErrorCode::from_code(partition.error_code),
        message: partition.error_message.as_deref().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_wire::messages::produce::{PartitionProduceResponse, TopicProduceResponse};

    #[test]
    fn a_refused_partition_ends_the_run_with_the_brokers_words() {
        let partition = |index, code: ErrorCode| PartitionProduceResponse {
            index,
            base_offset: 100,
            error_code: code.code(),
            error_message: code.is_error().then(|| "too big".into()),
            ..PartitionProduceResponse::default()
        };
        let response = |code| ProduceResponse {
            responses: vec![TopicProduceResponse {
                name: "t".into(),
                partition_responses: vec![partition(0, ErrorCode::None), partition(1, code)],
                ..TopicProduceResponse::default()
            }],
            ..ProduceResponse::default()
        };
        assert!(check(&response(ErrorCode::None)).is_ok());
        let partly = response(ErrorCode::MessageTooLarge);
        assert_eq!(ends(&partly, 5).collect::<Vec<_>>(), [(0, 105)]);
        let refused = check(&partly).unwrap_err();
        assert_eq!(refused.to_string(), "produce to t/1: MESSAGE_TOO_LARGE (too big)");
    }
}
