//! The producer's task: owns the queues of all partitions, the connections, and everything that is under way.
//!
//! It never waits for one thing: dials, metadata, ids and answers are events of one set. Each round gives up what is too
//! old, sends what may leave (`dispatch`), and sleeps until an event, a new batch, or the next deadline.

use super::accumulator::Accumulator;
use super::batch::Batch;
use super::config::{Acks, ProducerConfig};
use super::queue::{Finished, PartitionQueue, ProducerId};
use super::request::{Encoded, verdict};
use super::verdict::{Verdict, of_loss};
use crate::cluster::Cluster;
use crate::connection::{Connection, check};
use crate::connections::OwnLane;
use crate::errors::{ClientError, ErrorClass};
use crate::metadata::TopicMetadata;
use crate::partitioner::Partitioner;
use crate::retry::Backoff;
use ottla_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_wire::messages::produce::ProduceResponse;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Sender {
    pub(super) cluster: Arc<Cluster>,
    pub(super) config: Arc<ProducerConfig>,
    pub(super) accumulator: Arc<Accumulator>,
    pub(super) partitioner: Arc<dyn Partitioner>,
    pub(super) lane: OwnLane,
    pub(super) topics: BTreeMap<Arc<str>, TopicQueues>,
    pub(super) nodes: BTreeMap<i32, Node>,
    pub(super) producer_id: Id,
    pub(super) events: JoinSet<Event>,
}

#[derive(Debug)]
pub(super) struct TopicQueues {
    pub partitions: BTreeMap<i32, PartitionQueue>,
    pub is_learning: bool,
    /// When the topic may be asked for again.
    pub not_before: Option<Instant>,
    pub backoff: Backoff,
    pub last_error: Option<ClientError>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub connection: Option<Connection>,
    pub is_dialling: bool,
    pub not_before: Option<Instant>,
    pub backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    Unknown,
    Asking,
    Known(ProducerId),
}

#[derive(Debug)]
pub(super) enum Event {
    Answered { batches: Vec<Encoded>, result: Result<Option<ProduceResponse>, ClientError> },
    Dialled { node_id: i32, result: Result<Connection, ClientError> },
    Learned { topic: Arc<str>, result: Result<Arc<TopicMetadata>, ClientError> },
    Identified(Result<ProducerId, ClientError>),
}

impl Sender {
    pub fn new(
        cluster: Arc<Cluster>,
        config: Arc<ProducerConfig>,
        accumulator: Arc<Accumulator>,
        partitioner: Arc<dyn Partitioner>,
    ) -> Self {
        let lane = cluster.own_lane();
        Self {
            cluster,
            config,
            accumulator,
            partitioner,
            lane,
            topics: BTreeMap::new(),
            nodes: BTreeMap::new(),
            producer_id: Id::Unknown,
            events: JoinSet::new(),
        }
    }

    /// Ends when its task is aborted, with the producer.
    pub async fn run(mut self) {
        loop {
            let now = Instant::now();
            self.give_up_what_is_too_old(now);
            let next = self.dispatch(now);
            // All arms are cancel-safe: an event that is not taken stays in its set.
            tokio::select! {
                biased;
                Some(event) = self.events.join_next() => {
                    self.take(event);
                    while let Some(event) = self.events.try_join_next() {
                        self.take(event);
                    }
                }
                () = self.accumulator.wake.notified() => {}
                () = tokio::time::sleep_until(next.unwrap_or(now)), if next.is_some() => {}
            }
        }
    }

    fn take(&mut self, event: Result<Event, tokio::task::JoinError>) {
        match event {
            Ok(Event::Answered { batches, result }) => self.answered(batches, result),
            Ok(Event::Dialled { node_id, result }) => self.dialled(node_id, result),
            Ok(Event::Learned { topic, result }) => self.learned(&topic, result),
            Ok(Event::Identified(result)) => self.identified(result),
            // A panic in an event's future is a bug; its batches are answered by their dropped promise.
            Err(error) => tracing::error!(error = %error, "a request of the producer ended early"),
        }
    }

    fn answered(&mut self, batches: Vec<Encoded>, result: Result<Option<ProduceResponse>, ClientError>) {
        for encoded in batches {
            let verdict = match &result {
                Ok(Some(response)) => verdict(response, &encoded),
                // Nobody answers with acks=0; that the kernel took it is all there is to know.
                Ok(None) => Verdict::Acked(super::batch::Ack { base_offset: None, log_append_time: None }),
                Err(error) => of_loss(error.clone()),
            };
            self.settle(encoded.batch, verdict);
        }
    }

    /// Takes the end of one attempt in.
    pub(super) fn settle(&mut self, batch: Batch, verdict: Verdict) {
        if let Verdict::Again { error, .. } = &verdict
            && error.class() != ErrorClass::Retriable
        {
            self.cluster.metadata.mark_stale(&batch.topic);
        }
        let queue = self.topics.get_mut(&batch.topic).and_then(|t| t.partitions.get_mut(&batch.partition));
        let Some(queue) = queue else {
            return self.finish(Finished { batch, result: Err(ClientError::Closed) });
        };
        let outcome = queue.answered(batch, verdict);
        if let Some(id) = outcome.split {
            self.accumulator.split(id);
        }
        if let (Some(lost), Id::Known(known)) = (outcome.lost_id, self.producer_id)
            && lost == known.id
        {
            self.producer_id = Id::Unknown;
        }
        if let Some(finished) = outcome.finished {
            self.finish(finished);
        }
    }

    fn finish(&self, finished: Finished) {
        let Finished { batch, result } = finished;
        if let Err(error) = &result {
            tracing::debug!(topic = &*batch.topic, partition = batch.partition, error = %error, "batch given up");
        }
        let id = batch.id;
        batch.finish(result);
        // After the records were told: whoever flushed finds every answer.
        self.accumulator.finished(id);
    }

    fn dialled(&mut self, node_id: i32, result: Result<Connection, ClientError>) {
        let Some(node) = self.nodes.get_mut(&node_id) else { return };
        node.is_dialling = false;
        match result {
            Ok(connection) => {
                node.connection = Some(connection);
                node.backoff.reset();
                node.not_before = None;
            }
            Err(error) => {
                tracing::debug!(node = node_id, error = %error, "leader not reached");
                node.not_before = Some(Instant::now() + node.backoff.next_pause());
                self.doubt_leader(node_id, &error);
            }
        }
    }

    /// Topics led by a node that cannot be reached may have moved.
    fn doubt_leader(&mut self, node_id: i32, error: &ClientError) {
        for (name, topic) in &mut self.topics {
            let is_led = self.cluster.metadata.topic(name).is_some_and(|metadata| {
                let led =
                    |partition: &i32| metadata.partition(*partition).and_then(|p| p.leader) == Some(node_id);
                topic.partitions.iter().any(|(partition, queue)| queue.is_waiting() && led(partition))
            });
            if is_led {
                topic.last_error = Some(error.clone());
                self.cluster.metadata.mark_stale(name);
            }
        }
    }

    fn learned(&mut self, name: &Arc<str>, result: Result<Arc<TopicMetadata>, ClientError>) {
        let Some(topic) = self.topics.get_mut(name) else { return };
        topic.is_learning = false;
        match result {
            Ok(_) => {
                topic.backoff.reset();
                topic.not_before = None;
            }
            Err(error) if error.is_retriable() => {
                topic.not_before = Some(Instant::now() + topic.backoff.next_pause());
                topic.last_error = Some(error);
            }
            Err(error) => {
                topic.not_before = Some(Instant::now() + topic.backoff.next_pause());
                self.give_up_topic(name, &error);
            }
        }
    }

    fn give_up_topic(&mut self, name: &Arc<str>, error: &ClientError) {
        let Some(topic) = self.topics.get_mut(name) else { return };
        let now = Instant::now();
        let batches: Vec<Batch> =
            topic.partitions.values_mut().flat_map(|queue| queue.take_created_before(now)).collect();
        for batch in batches {
            self.finish(Finished { batch, result: Err(error.clone()) });
        }
    }

    fn identified(&mut self, result: Result<ProducerId, ClientError>) {
        match result {
            Ok(id) => self.producer_id = Id::Known(id),
            Err(error) => {
                self.producer_id = Id::Unknown;
                if !error.is_retriable() {
                    let names: Vec<Arc<str>> = self.topics.keys().cloned().collect();
                    names.iter().for_each(|name| self.give_up_topic(name, &error));
                }
            }
        }
    }

    fn give_up_what_is_too_old(&mut self, now: Instant) {
        let timeout = self.config.delivery_timeout;
        let mut expired = self.accumulator.take_expired(now, timeout);
        if let Some(created) = now.checked_sub(timeout) {
            for queue in self.topics.values_mut().flat_map(|topic| topic.partitions.values_mut()) {
                expired.extend(queue.take_created_before(created));
            }
        }
        for batch in expired {
            let of_topic = self.topics.get(&batch.topic).and_then(|topic| topic.last_error.clone());
            let error = batch.last_error.clone().or(of_topic).unwrap_or_else(|| ClientError::TimedOut {
                what: format!("produce to {}/{}", batch.topic, batch.partition),
                after: timeout,
            });
            self.finish(Finished { batch, result: Err(error) });
        }
    }

    pub(super) fn ask_for_id(&mut self) {
        if self.producer_id != Id::Unknown {
            return;
        }
        self.producer_id = Id::Asking;
        let cluster = Arc::clone(&self.cluster);
        self.events.spawn(async move {
            // The transaction timeout is part of the request and means nothing without a transactional id.
            let request = InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: i32::MAX,
                ..Default::default()
            };
            let accept = |response: InitProducerIdResponse| {
                check("producer id", response.error_code)?;
                Ok(ProducerId { id: response.producer_id, epoch: response.producer_epoch })
            };
            Event::Identified(cluster.call_any(&request, accept).await)
        });
    }

    pub(super) fn is_unanswered(&self) -> bool {
        self.config.acks == Acks::None
    }
}
