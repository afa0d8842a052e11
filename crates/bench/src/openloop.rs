//! Produce at a fixed rate, whatever the broker does: latencies count from the instant at which a request was due.
//!
//! A closed loop asks a slow broker less often and so never sees what its clients would wait (coordinated omission).
//! Here every request has its instant before the run begins; one that leaves late because the connection was full has
//! waited since then. Requests of one millisecond are due together, because timers are no finer than that.

use crate::connection::{ANSWER_TIMEOUT, Connection, decode, next_answer, write_chunks};
use crate::figures::{Latencies, Measured};
use crate::layout::Layout;
use crate::load::{Destination, Prepared, batches};
use crate::progress::Progress;
use crate::replay::{PRODUCE_BY_NAME, acks_on_the_wire, check};
use ottla_client::config::Surroundings;
use ottla_client::{Acks, ClientError, Codec};
use ottla_env::clock::Clock;
use ottla_wire::messages::produce::ProduceRequest;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Requests of one connection without an answer; beyond that the generator itself waits, which counts as latency.
const IN_FLIGHT: usize = 100_000;

#[derive(Debug, Clone)]
pub struct OpenLoopConfig {
    /// Of the value of each record; a request holds one record.
    pub record_bytes: usize,
    pub acks: Acks,
    /// Requests a second, over all connections.
    pub rate: u32,
    /// To each broker.
    pub connections: usize,
    pub time: Duration,
}

/// Open connections with their load.
#[derive(Debug)]
pub struct OpenLoop {
    lanes: Vec<Lane>,
    config: OpenLoopConfig,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Lane {
    connection: Connection,
    prepared: Vec<Prepared>,
    version: i16,
}

/// Which requests of the whole run are those of one lane.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    rate: u32,
    /// The number of its first request, and how far the next one is.
    first: u64,
    step: u64,
    requests: u64,
}

impl Schedule {
    /// When a request of this lane is due, from the start of the run, in whole milliseconds.
    fn due(&self, number: u64) -> Option<Duration> {
        let overall = number.checked_mul(self.step)?.checked_add(self.first)?;
        let ms = overall.checked_mul(1_000)? / u64::from(self.rate.max(1));
        (overall < self.requests).then(|| Duration::from_millis(ms))
    }
}

impl OpenLoop {
    pub async fn prepare(
        layout: &Layout,
        config: &OpenLoopConfig,
        surroundings: &Surroundings,
    ) -> Result<Self, ClientError> {
        let now_ms = surroundings.clock.now_ms();
        let batches = batches(config.record_bytes, 1, Codec::None, now_ms, surroundings.rng.as_ref())?;
        let mut lanes = Vec::new();
        for share in layout.shared(config.connections) {
            let connection = Connection::open(surroundings.net.as_ref(), &share.address).await?;
            let version = connection.version::<ProduceRequest>(PRODUCE_BY_NAME)?;
            let mut prepared = Vec::new();
            for batch in &batches {
                for partition in &share.partitions {
                    prepared.push(Prepared::new(batch, destination(layout, *partition, config, version))?);
                }
            }
            if !prepared.is_empty() {
                lanes.push(Lane { connection, prepared, version });
            }
        }
        Ok(Self { lanes, config: config.clone(), clock: Arc::clone(&surroundings.clock) })
    }

    /// Requests that the whole run sends.
    pub fn requests(&self) -> u64 {
        let of_time = f64::from(self.config.rate) * self.config.time.as_secs_f64();
        of_time.round() as u64
    }

    pub async fn run(self, progress: &Arc<Progress>) -> Result<Measured, ClientError> {
        let (requests, rate) = (self.requests(), self.config.rate);
        let step = self.lanes.len() as u64;
        let began = self.clock.monotonic();
        let mut running = JoinSet::new();
        for (first, lane) in (0..).zip(self.lanes) {
            let schedule = Schedule { rate, first, step, requests };
            running.spawn(lane.run(schedule, began, Arc::clone(progress), Arc::clone(&self.clock)));
        }
        let mut latencies = Latencies::default();
        while let Some(ended) = running.join_next().await {
            let ended = ended.map_err(|error| ClientError::Invalid(format!("a connection: {error}")))?;
            latencies.merge(&ended?);
        }
        let elapsed = self.clock.monotonic().saturating_sub(began);
        Ok(Measured { done: progress.done(), elapsed, latencies })
    }
}

fn destination<'a>(
    layout: &'a Layout,
    partition: i32,
    config: &OpenLoopConfig,
    version: i16,
) -> Destination<'a> {
    Destination {
        topic: &layout.topic,
        partition,
        acks: acks_on_the_wire(config.acks),
        timeout_ms: i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX),
        version,
    }
}

impl Lane {
    async fn run(
        self,
        schedule: Schedule,
        began: Duration,
        progress: Arc<Progress>,
        clock: Arc<dyn Clock>,
    ) -> Result<Latencies, ClientError> {
        let Self { connection, prepared, version } = self;
        let Connection { peer, mut read, mut write, .. } = connection;
        let (started, mut due) = mpsc::channel::<(Duration, i32, u64)>(IN_FLIGHT);
        let writer = async {
            for (number, batch) in (0..).zip(prepared.iter().cycle()) {
                let Some(at) = schedule.due(number).filter(|_| progress.take(batch.records)) else { break };
                let at = began + at;
                let wait = at.saturating_sub(clock.monotonic());
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                let correlation_id = (number & 0x7fff_ffff) as i32;
                started.send((at, correlation_id, batch.bytes)).await.map_err(|_| ClientError::Closed)?;
                write_chunks(&mut write, &peer, batch.head(correlation_id), batch.rest()).await?;
            }
            drop(started);
            Ok::<(), ClientError>(())
        };
        let mut latencies = Latencies::default();
        let reader = async {
            while let Some((at, correlation_id, bytes)) = due.recv().await {
                let answer = next_answer(&mut read, &peer, "Produce").await?;
                latencies.record(clock.monotonic().saturating_sub(at));
                check(&decode(&peer, version, correlation_id, answer)?)?;
                progress.add(1, bytes);
            }
            Ok::<(), ClientError>(())
        };
        tokio::try_join!(writer, reader)?;
        Ok(latencies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_leaves_late_has_waited_since_it_was_due() {
        let (layout, surroundings) = peer::start().await;
        let config = OpenLoopConfig {
            record_bytes: peer::RECORD_BYTES,
            acks: Acks::All,
            rate: peer::RATE,
            connections: 1,
            time: peer::TIME,
        };
        let load = OpenLoop::prepare(&layout, &config, &surroundings).await.unwrap();
        peer::check(&load.run(&Arc::new(Progress::unlimited())).await.unwrap());
    }

    #[test]
    fn lanes_together_are_due_at_the_whole_rate_and_no_request_twice() {
        let lanes = [0, 1, 2].map(|first| Schedule { rate: 3_000, first, step: 3, requests: 9_000 });
        let mut all: Vec<Duration> =
            lanes.iter().flat_map(|lane| (0..).map_while(|number| lane.due(number))).collect();
        all.sort_unstable();
        assert_eq!(all.len(), 9_000);
        assert_eq!(all.iter().filter(|due| **due < Duration::from_secs(1)).count(), 3_000);
        assert_eq!(all.last(), Some(&Duration::from_millis(2_999)));
    }
}
