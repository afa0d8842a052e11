//! The consumer's task: one fetch per leader under way, answers handed on in order.
//!
//! A partition's position moves when its records are handed on, by the batch headers alone; decoding happens at the
//! caller. What is to be read comes as a value that the caller replaces; a partition whose turn changed starts anew. The
//! channel to the caller is the backpressure: while it is full nothing new is asked for. Fetch sessions are
//! declined (session id 0, epoch -1): each request names its partitions.

use super::ConsumerConfig;
use super::assignment::after_out_of_range;
use super::request::{Asked, request, version_max};
use crate::admin::PartitionKey;
use crate::cluster::{Cluster, Creation};
use crate::connection::Call;
use crate::connections::OwnLane;
use crate::errors::{ClientError, ErrorClass};
use crate::retry::Backoff;
use bytes::Bytes;
use ottla_wire::ErrorCode;
use ottla_wire::batch::{BatchError, BatchHeader, batches};
use ottla_wire::messages::fetch::{AbortedTransaction, FetchResponse, PartitionData};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Where to read each partition from, and in which turn.
pub(super) type Wanted = BTreeMap<PartitionKey, (i64, u64)>;

/// What one answer held of one partition.
#[derive(Debug)]
pub(super) struct Fetched {
    pub key: PartitionKey,
    pub turn: u64,
    pub broker: i32,
    /// What was asked for; the first batch may begin before it.
    pub offset: i64,
    pub records: Bytes,
    pub aborted: Vec<AbortedTransaction>,
    pub high_watermark: i64,
}

#[derive(Debug)]
struct Partition {
    offset: i64,
    turn: u64,
    /// In a request, or being looked up.
    is_busy: bool,
    not_before: Option<Instant>,
    failing_since: Option<Instant>,
    /// Brokers have said since then, and nothing else, that there is no such topic.
    missing_since: Option<Instant>,
    backoff: Backoff,
}

#[derive(Debug)]
pub(super) struct Fetcher {
    cluster: Arc<Cluster>,
    config: Arc<ConsumerConfig>,
    lane: OwnLane,
    wanted: watch::Receiver<Wanted>,
    partitions: BTreeMap<PartitionKey, Partition>,
    /// Leaders with a fetch under way.
    busy: BTreeSet<i32>,
    learning: BTreeSet<String>,
    rounds: usize,
    events: JoinSet<Event>,
    fetched: mpsc::Sender<Result<Fetched, ClientError>>,
}

#[derive(Debug)]
enum Event {
    Fetched { leader: i32, asked: Vec<Asked>, result: Result<FetchResponse, ClientError> },
    Learned { topic: String, result: Result<(), ClientError> },
    Reset { key: PartitionKey, turn: u64, result: Result<i64, ClientError> },
}

/// How long "there is no such topic" is doubted.
const MISSING_MAX: Duration = Duration::from_secs(5);

impl Fetcher {
    pub fn new(
        cluster: Arc<Cluster>,
        config: Arc<ConsumerConfig>,
        mut wanted: watch::Receiver<Wanted>,
        fetched: mpsc::Sender<Result<Fetched, ClientError>>,
    ) -> Self {
        // What it holds now counts as news.
        wanted.mark_changed();
        Self {
            lane: cluster.own_lane(),
            cluster,
            config,
            wanted,
            partitions: BTreeMap::new(),
            busy: BTreeSet::new(),
            learning: BTreeSet::new(),
            rounds: 0,
            events: JoinSet::new(),
            fetched,
        }
    }

    /// Ends with the first error that is told, or when nobody listens any more.
    pub async fn run(mut self) {
        loop {
            let next = self.ask_leaders(Instant::now());
            let event = tokio::select! {
                biased;
                Some(event) = self.events.join_next() => event,
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => continue,
                changed = self.wanted.changed() => match changed {
                    Ok(()) => {
                        self.take_wanted();
                        continue;
                    }
                    Err(_) => return,
                },
                () = self.fetched.closed() => return,
            };
            let result = match event {
                Ok(Event::Fetched { leader, asked, result }) => self.answered(leader, asked, result).await,
                Ok(Event::Learned { topic, result }) => {
                    self.learning.remove(&topic);
                    self.learned(&topic, result)
                }
                Ok(Event::Reset { key, turn, result }) => self.reset(&key, turn, result),
                Err(error) => {
                    tracing::error!(error = %error, "a fetch ended early");
                    Err(ClientError::Closed)
                }
            };
            if let Err(error) = result {
                let _ = self.fetched.send(Err(error)).await;
                return;
            }
        }
    }

    /// Starts what is new, forgets what is not wanted any more; the rest goes on where it is.
    fn take_wanted(&mut self) {
        let wanted = self.wanted.borrow_and_update();
        self.partitions
            .retain(|key, partition| wanted.get(key).is_some_and(|(_, turn)| *turn == partition.turn));
        for (key, (offset, turn)) in wanted.iter() {
            self.partitions.entry(key.clone()).or_insert_with(|| Partition {
                offset: *offset,
                turn: *turn,
                is_busy: false,
                not_before: None,
                failing_since: None,
                missing_since: None,
                backoff: self.cluster.backoff(),
            });
        }
    }

    /// The partition, if the turn in which something was asked is still the present one.
    fn current(&mut self, key: &PartitionKey, turn: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(key).filter(|partition| partition.turn == turn)
    }

    /// Sends a fetch to each leader that has none under way; returns when to look again.
    fn ask_leaders(&mut self, now: Instant) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut by_leader = BTreeMap::<i32, Vec<Asked>>::new();
        let mut unknown = BTreeSet::new();
        for (key, partition) in &mut self.partitions {
            if partition.is_busy {
                continue;
            }
            if let Some(at) = partition.not_before.filter(|at| *at > now) {
                next = Some(next.map_or(at, |next| next.min(at)));
                continue;
            }
            let topic = self.cluster.metadata.fresh_topic(&key.topic, self.cluster.config.metadata_max_age);
            let Some(topic) = topic else {
                unknown.insert(key.topic.clone());
                continue;
            };
            let known = topic.partition(key.partition);
            match known.and_then(|known| Some((known.leader?, known.leader_epoch))) {
                Some((leader, leader_epoch)) if !self.busy.contains(&leader) => {
                    by_leader.entry(leader).or_default().push(Asked {
                        key: key.clone(),
                        topic_id: topic.id,
                        leader_epoch,
                        offset: partition.offset,
                        turn: partition.turn,
                    });
                    partition.is_busy = true;
                }
                Some(_) => {}
                None => {
                    let at = now + partition.backoff.next_pause();
                    partition.not_before = Some(at);
                    next = Some(next.map_or(at, |next| next.min(at)));
                    self.cluster.metadata.mark_stale(&key.topic);
                }
            }
        }
        for topic in unknown {
            self.learn(topic);
        }
        for (leader, mut asked) in by_leader {
            // Who stands first gets the bytes of the answer: everybody's turn comes.
            self.rounds = self.rounds.wrapping_add(1);
            let first = self.rounds % asked.len();
            asked.rotate_left(first);
            self.fetch(leader, asked);
        }
        next
    }

    fn learn(&mut self, topic: String) {
        if !self.learning.insert(topic.clone()) {
            return;
        }
        let cluster = Arc::clone(&self.cluster);
        self.events.spawn(async move {
            let result = cluster.topic_once(&topic, Creation::Never).await.map(drop);
            Event::Learned { topic, result }
        });
    }

    fn fetch(&mut self, leader: i32, asked: Vec<Asked>) {
        self.busy.insert(leader);
        let (cluster, config, lane) = (Arc::clone(&self.cluster), Arc::clone(&self.config), self.lane.lane);
        self.events.spawn(async move {
            let call = Call {
                // A broker may hold the request for as long as it was told to.
                timeout: cluster.config.request_timeout + config.fetch_max_wait,
                version_max: version_max(&asked),
            };
            let request = request(&config, &asked);
            let attempt = async { cluster.node(leader, lane).await?.call(&request, call).await };
            let result = attempt.await.and_then(|response| {
                crate::connection::check("fetch", response.error_code)?;
                Ok(response)
            });
            Event::Fetched { leader, asked, result }
        });
    }

    async fn answered(
        &mut self,
        leader: i32,
        asked: Vec<Asked>,
        result: Result<FetchResponse, ClientError>,
    ) -> Result<(), ClientError> {
        self.busy.remove(&leader);
        for asked in &asked {
            if let Some(partition) = self.current(&asked.key, asked.turn) {
                partition.is_busy = false;
            }
        }
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                for asked in &asked {
                    self.failed(&asked.key, asked.turn, error.clone())?;
                }
                return Ok(());
            }
        };
        let by_name = |asked: &Asked| {
            response.responses.iter().find(|topic| {
                let by_id = !asked.topic_id.is_zero() && topic.topic_id == asked.topic_id;
                by_id || topic.topic == asked.key.topic.as_str()
            })
        };
        for asked in &asked {
            let data = by_name(asked)
                .and_then(|topic| topic.partitions.iter().find(|p| p.partition_index == asked.key.partition));
            // A partition that did not fit is left out of the answer.
            let Some(data) = data else { continue };
            match ErrorCode::from_code(data.error_code) {
                ErrorCode::None => self.hand_on(leader, asked, data).await?,
                ErrorCode::OffsetOutOfRange => self.out_of_range(asked),
                code => {
                    let what = format!("read {}/{}", asked.key.topic, asked.key.partition);
                    self.failed(&asked.key, asked.turn, ClientError::refused(what, code, None))?;
                }
            }
        }
        Ok(())
    }

    async fn hand_on(&mut self, leader: i32, asked: &Asked, data: &PartitionData) -> Result<(), ClientError> {
        let Some(partition) = self.current(&asked.key, asked.turn) else { return Ok(()) };
        partition.failing_since = None;
        partition.missing_since = None;
        partition.not_before = None;
        partition.backoff.reset();
        let records = data.records.as_ref().map(ottla_wire::Records::to_bytes).unwrap_or_default();
        let next = batches(records.clone()).map(|(header, _)| header.next_offset()).last();
        // A first batch that is cut off at the size limit gives nothing; one that is none goes on to be told.
        let is_cut = matches!(BatchHeader::parse(&records), Ok(_) | Err(BatchError::Incomplete));
        let records = if next.is_none() && is_cut { Bytes::new() } else { records };
        partition.offset = partition.offset.max(next.unwrap_or(0));
        let is_empty = records.is_empty();
        let fetched = Fetched {
            key: asked.key.clone(),
            turn: asked.turn,
            broker: leader,
            offset: asked.offset,
            records,
            aborted: data.aborted_transactions.clone().unwrap_or_default(),
            high_watermark: data.high_watermark,
        };
        if is_empty {
            // Only the end of the partition is news, and not worth waiting for.
            let _ = self.fetched.try_send(Ok(fetched));
            return Ok(());
        }
        self.fetched.send(Ok(fetched)).await.map_err(|_| ClientError::Closed)
    }

    fn out_of_range(&mut self, asked: &Asked) {
        let Some(partition) = self.current(&asked.key, asked.turn) else { return };
        partition.is_busy = true;
        let (cluster, config) = (Arc::clone(&self.cluster), Arc::clone(&self.config));
        let (key, turn, offset) = (asked.key.clone(), asked.turn, asked.offset);
        self.events.spawn(async move {
            let result = after_out_of_range(&cluster, &key, offset, &config).await;
            Event::Reset { key, turn, result }
        });
    }

    fn reset(
        &mut self,
        key: &PartitionKey,
        turn: u64,
        result: Result<i64, ClientError>,
    ) -> Result<(), ClientError> {
        let Some(partition) = self.current(key, turn) else { return Ok(()) };
        partition.is_busy = false;
        match result {
            Ok(offset) => {
                partition.offset = offset;
                // An offset that is refused again and again must not become a tight loop.
                partition.not_before = Some(Instant::now() + partition.backoff.next_pause());
                Ok(())
            }
            Err(error) => self.failed(key, turn, error),
        }
    }

    fn learned(&mut self, topic: &str, result: Result<(), ClientError>) -> Result<(), ClientError> {
        let Err(error) = result else { return Ok(()) };
        let of_topic = self.partitions.iter().filter(|(key, _)| key.topic == topic);
        let keys: Vec<_> = of_topic.map(|(key, partition)| (key.clone(), partition.turn)).collect();
        keys.iter().try_for_each(|(key, turn)| self.failed(key, *turn, error.clone()))
    }

    /// Notes a failure; an error when it must be told.
    fn failed(&mut self, key: &PartitionKey, turn: u64, error: ClientError) -> Result<(), ClientError> {
        let (now, failing_max) = (Instant::now(), self.config.failing_max);
        let Some(partition) = self.current(key, turn) else { return Ok(()) };
        let failing_since = *partition.failing_since.get_or_insert(now);
        let is_missing = error.code() == Some(ErrorCode::UnknownTopicOrPartition);
        partition.missing_since = is_missing.then(|| partition.missing_since.unwrap_or(now));
        // A topic that is not there any more is told sooner than a broker that may come back.
        let is_over = now.duration_since(failing_since) >= failing_max
            || partition.missing_since.is_some_and(|since| now.duration_since(since) >= MISSING_MAX);
        if !error.is_retriable() || is_over {
            return Err(error);
        }
        tracing::debug!(topic = key.topic, partition = key.partition, error = %error, "fetch failed");
        partition.not_before = Some(now + partition.backoff.next_pause());
        if error.class() == ErrorClass::NeedsMetadata {
            self.cluster.metadata.mark_stale(&key.topic);
        }
        Ok(())
    }
}
