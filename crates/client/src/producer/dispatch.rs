//! One round of sending: which batches leave, to whom, in which requests.

use super::batch::Fate;
use super::queue::PartitionQueue;
use super::request::{Encoded, request, version_max};
use super::sender::{Event, Id, Node, Sender, TopicQueues};
use super::verdict::{Verdict, of_loss};
use crate::cluster::Creation;
use crate::connection::{Call, Connection};
use crate::errors::ClientError;
use crate::metadata::TopicMetadata;
use ottla_wire::Uuid;
use ottla_wire::messages::produce::ProduceResponse;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::time::Instant;

/// An answer, or with `acks=0` the word that the kernel has the request.
type Waiting = Pin<Box<dyn Future<Output = Result<Option<ProduceResponse>, ClientError>> + Send>>;

/// A partition with something to send.
#[derive(Debug, Clone)]
struct Candidate {
    topic: Arc<str>,
    topic_id: Uuid,
    partition: i32,
}

fn earlier(next: &mut Option<Instant>, at: Instant) {
    *next = Some(next.map_or(at, |next| next.min(at)));
}

impl Sender {
    /// Sends what may leave now; returns when to look again without being woken.
    pub(super) fn dispatch(&mut self, now: Instant) -> Option<Instant> {
        let mut next = self.take_ready(now);
        let mut by_leader = BTreeMap::<i32, Vec<Candidate>>::new();
        let mut needs_id = false;
        let known_id = match self.producer_id {
            Id::Known(id) => Some(id),
            Id::Unknown | Id::Asking => None,
        };
        let mut unknown_topics = Vec::new();
        for (name, topic) in &mut self.topics {
            if !topic.partitions.values().any(PartitionQueue::is_waiting) {
                continue;
            }
            let fresh = self.cluster.metadata.fresh_topic(name, self.cluster.config.metadata_max_age);
            let Some(metadata) = fresh else {
                match topic.not_before {
                    Some(at) if at > now => earlier(&mut next, at),
                    _ if !topic.is_learning => unknown_topics.push(Arc::clone(name)),
                    _ => {}
                }
                oldest(topic)
                    .into_iter()
                    .for_each(|at| earlier(&mut next, at + self.config.delivery_timeout));
                continue;
            };
            let mut leaderless = false;
            for (partition, queue) in &mut topic.partitions {
                if let Some(oldest) = queue.oldest() {
                    earlier(&mut next, oldest + self.config.delivery_timeout);
                }
                if let Some(at) = queue.not_before().filter(|at| *at > now && queue.is_waiting()) {
                    earlier(&mut next, at);
                }
                if queue.ready(now, self.config.max_in_flight).is_none() {
                    continue;
                }
                if self.config.idempotence && !queue.has_identity() {
                    match known_id {
                        Some(id) => queue.adopt(id),
                        None => {
                            needs_id = true;
                            continue;
                        }
                    }
                }
                match leader_of(&metadata, *partition) {
                    Some(leader) => by_leader.entry(leader).or_default().push(Candidate {
                        topic: Arc::clone(name),
                        topic_id: metadata.id,
                        partition: *partition,
                    }),
                    // Being elected, or deleted and created anew with fewer partitions.
                    None => leaderless = true,
                }
            }
            if leaderless {
                let at = now + topic.backoff.next_pause();
                topic.not_before = Some(at);
                earlier(&mut next, at);
                self.cluster.metadata.mark_stale(name);
            }
        }
        unknown_topics.into_iter().for_each(|name| self.learn(name));
        if needs_id {
            self.ask_for_id();
        }
        for (leader, candidates) in by_leader {
            if let Some(at) = self.send_to(leader, &candidates, now) {
                earlier(&mut next, at);
            }
        }
        next
    }

    /// Moves batches from the accumulator into the queues of their partitions.
    fn take_ready(&mut self, now: Instant) -> Option<Instant> {
        let max = self.config.max_in_flight;
        let room = |topic: &Arc<str>, partition: i32| {
            let queue = self.topics.get(topic).and_then(|topic| topic.partitions.get(&partition));
            max.saturating_sub(queue.map_or(0, PartitionQueue::outstanding))
        };
        let ready = self.accumulator.take_ready(now, room);
        let mut next = ready.next;
        for batch in ready.batches {
            self.partitioner.batch_closed(&batch.topic, batch.partition);
            let topic = self.topics.entry(Arc::clone(&batch.topic)).or_insert_with(|| TopicQueues {
                partitions: BTreeMap::new(),
                is_learning: false,
                not_before: None,
                backoff: self.cluster.backoff(),
                last_error: None,
            });
            let queue = topic.partitions.entry(batch.partition);
            queue.or_insert_with(|| PartitionQueue::new(self.cluster.backoff())).push(batch);
        }
        if let Some(oldest) = self.accumulator.oldest() {
            earlier(&mut next, oldest + self.config.delivery_timeout);
        }
        next
    }

    fn learn(&mut self, name: Arc<str>) {
        let Some(topic) = self.topics.get_mut(&name) else { return };
        topic.is_learning = true;
        let cluster = Arc::clone(&self.cluster);
        self.events.spawn(async move {
            let result = cluster.topic_once(&name, Creation::Allowed).await;
            Event::Learned { topic: name, result }
        });
    }

    /// The connection to a leader, or `None` while it is dialled; with the time of the next attempt.
    fn connection(&mut self, node_id: i32, now: Instant) -> (Option<Connection>, Option<Instant>) {
        let node = self.nodes.entry(node_id).or_insert_with(|| Node {
            connection: None,
            is_dialling: false,
            not_before: None,
            backoff: self.cluster.backoff(),
        });
        match &node.connection {
            Some(connection) if connection.is_open() => return (Some(connection.clone()), None),
            _ => node.connection = None,
        }
        if let Some(at) = node.not_before.filter(|at| *at > now) {
            return (None, Some(at));
        }
        if !node.is_dialling {
            node.is_dialling = true;
            let (cluster, lane) = (Arc::clone(&self.cluster), self.lane.lane);
            self.events
                .spawn(async move { Event::Dialled { node_id, result: cluster.node(node_id, lane).await } });
        }
        (None, None)
    }

    fn send_to(&mut self, node_id: i32, candidates: &[Candidate], now: Instant) -> Option<Instant> {
        let (connection, again_at) = self.connection(node_id, now);
        let Some(connection) = connection else { return again_at };
        while connection.has_room() {
            let batches = self.next_request(candidates, now);
            if batches.is_empty() {
                break;
            }
            self.submit(&connection, batches);
        }
        None
    }

    /// One batch of each partition that has one, up to the size of a request.
    fn next_request(&mut self, candidates: &[Candidate], now: Instant) -> Vec<Encoded> {
        let mut batches = Vec::new();
        let mut bytes = 0;
        for candidate in candidates {
            let topic = self.topics.get_mut(&candidate.topic);
            let queue = topic.and_then(|topic| topic.partitions.get_mut(&candidate.partition));
            let Some(queue) = queue else { continue };
            let Some(size) = queue.ready(now, self.config.max_in_flight) else { continue };
            if !batches.is_empty() && bytes + size > self.config.max_request_size {
                continue;
            }
            let Some(mut batch) = queue.take() else { continue };
            if self.config.idempotence && batch.identity.is_none() {
                // Its epochs have run out: it leaves under the next producer id.
                queue.untake(batch);
                continue;
            }
            match batch.bytes(self.config.codec) {
                Ok(encoded) => {
                    bytes += encoded.len();
                    batches.push(Encoded { batch, topic_id: candidate.topic_id, bytes: encoded });
                }
                Err(error) => self.settle(batch, Verdict::Failed { error, fate: Fate::NotWritten }),
            }
        }
        batches
    }

    fn submit(&mut self, connection: &Connection, batches: Vec<Encoded>) {
        let call = Call { timeout: self.config.request_timeout, version_max: version_max(&batches) };
        let body = request(&self.config, &batches);
        let submitted = if self.is_unanswered() {
            let peer = connection.peer().to_owned();
            connection.try_submit_unanswered(&body, call).map(|written| {
                let written = written?;
                let gone = |_| ClientError::Disconnected { peer, cause: "its task was stopped".to_owned() };
                Some(Box::pin(async move { written.await.map_err(gone)?.map(|_| None) }) as Waiting)
            })
        } else {
            connection.try_submit(&body, call).map(|reply| {
                let reply = reply?;
                Some(Box::pin(async move { reply.answer().await.map(Some) }) as Waiting)
            })
        };
        match submitted {
            Ok(Some(waiting)) => {
                self.events.spawn(async move { Event::Answered { batches, result: waiting.await } });
            }
            Ok(None) => batches.into_iter().for_each(|encoded| self.untake(encoded)),
            Err(error) => {
                for encoded in batches {
                    self.settle(encoded.batch, of_loss(error.clone()));
                }
            }
        }
    }

    fn untake(&mut self, encoded: Encoded) {
        let batch = encoded.batch;
        let topic = self.topics.get_mut(&batch.topic);
        if let Some(queue) = topic.and_then(|topic| topic.partitions.get_mut(&batch.partition)) {
            queue.untake(batch);
        }
    }
}

fn leader_of(metadata: &TopicMetadata, partition: i32) -> Option<i32> {
    metadata.partition(partition)?.leader
}

fn oldest(topic: &TopicQueues) -> Option<Instant> {
    topic.partitions.values().filter_map(PartitionQueue::oldest).min()
}
