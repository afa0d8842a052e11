//! Open batches: where `send` puts records, and where the sender takes batches from.
//!
//! One short lock around maps of queues; records are encoded into their batch under it. Nothing here waits but for
//! memory. Ids of batches ascend in the order of `send`, so "everything before" is one number.

use super::batch::{Batch, Body, Delivery, Fate, Progress};
use super::config::ProducerConfig;
use crate::errors::ClientError;
use ottla_wire::record::{BatchBuilder, Header};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// A record to be added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Append<'a> {
    pub topic: &'a Arc<str>,
    pub timestamp: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [Header],
    /// Upper bound of its bytes.
    pub size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenFull {
    Refuse,
    OpenAnother,
}

#[derive(Debug)]
pub(super) enum Appended {
    Taken(Delivery),
    /// The open batch has no room; the permit comes back.
    Full(OwnedSemaphorePermit),
}

#[derive(Debug)]
pub(super) struct Accumulator {
    batch_size: usize,
    linger: Duration,
    state: Mutex<State>,
    /// Rung for the sender: something is ready, or a new deadline began.
    pub wake: Notify,
    memory: Arc<Semaphore>,
    /// Ids below this one are finished.
    finished_below: watch::Sender<u64>,
}

type Queues = BTreeMap<i32, VecDeque<Batch>>;

#[derive(Debug, Default)]
struct State {
    topics: BTreeMap<Arc<str>, Queues>,
    next_id: u64,
    /// Parts that are not finished, by id.
    unfinished: BTreeMap<u64, u32>,
    /// Batches with an id below it leave without waiting for company.
    hurry_below: u64,
    is_closed: bool,
}

/// What the sender learns from a look.
#[derive(Debug, Default)]
pub(super) struct Ready {
    pub batches: Vec<Batch>,
    /// When the next batch will have waited long enough.
    pub next: Option<Instant>,
}

impl Accumulator {
    pub fn new(config: &ProducerConfig) -> Self {
        Self {
            batch_size: config.batch_size.min(config.max_request_size),
            linger: config.linger,
            state: Mutex::default(),
            wake: Notify::new(),
            memory: Arc::new(Semaphore::new(config.buffer_memory)),
            finished_below: watch::Sender::new(0),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    pub fn try_memory(&self, bytes: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.memory).try_acquire_many_owned(bytes).ok()
    }

    pub async fn memory(&self, bytes: u32) -> Result<OwnedSemaphorePermit, ClientError> {
        // Nobody will fill the open batches up while there is no memory.
        self.hurry();
        Arc::clone(&self.memory).acquire_many_owned(bytes).await.map_err(|_| ClientError::Closed)
    }

    pub fn append(
        &self,
        record: &Append<'_>,
        partition: i32,
        memory: OwnedSemaphorePermit,
        when_full: WhenFull,
    ) -> Result<Appended, ClientError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(ClientError::Closed);
        }
        let State { topics, next_id, unfinished, .. } = &mut *state;
        if !topics.contains_key(record.topic) {
            topics.insert(Arc::clone(record.topic), Queues::new());
        }
        let queues = topics.get_mut(record.topic).expect("it was inserted if it was not there");
        let queue = queues.entry(partition).or_default();
        let has_room = |batch: &Batch| batch.size() + record.size <= self.batch_size;
        let is_new = match queue.back() {
            Some(open) if has_room(open) => false,
            Some(_) if when_full == WhenFull::Refuse => {
                self.wake.notify_one();
                return Ok(Appended::Full(memory));
            }
            _ => {
                queue.push_back(Batch {
                    id: *next_id,
                    topic: Arc::clone(record.topic),
                    partition,
                    body: Body::Records(BatchBuilder::new()),
                    first_index: 0,
                    count: 0,
                    created: Instant::now(),
                    progress: Arc::new(watch::Sender::new(Progress::default())),
                    memory: None,
                    identity: None,
                    fate: Fate::NotWritten,
                    last_error: None,
                });
                unfinished.insert(*next_id, 1);
                *next_id += 1;
                true
            }
        };
        let batch = queue.back_mut().expect("a batch was just found or pushed");
        let delivery = Delivery { partition, index: batch.count, progress: batch.progress.subscribe() };
        if let Body::Records(builder) = &mut batch.body {
            builder.push(record.timestamp, record.key, record.value, record.headers);
        }
        batch.count += 1;
        match &mut batch.memory {
            Some(held) => held.merge(memory),
            None => batch.memory = Some(memory),
        }
        let is_full = batch.size() >= self.batch_size;
        drop(state);
        if is_new || is_full {
            self.wake.notify_one();
        }
        Ok(Appended::Taken(delivery))
    }

    /// Takes the batches that should leave now, oldest first, where `room` says how many a partition may take.
    pub fn take_ready(&self, now: Instant, room: impl Fn(&Arc<str>, i32) -> usize) -> Ready {
        let mut ready = Ready::default();
        let mut state = self.state();
        let State { topics, hurry_below, .. } = &mut *state;
        for (topic, queues) in topics.iter_mut() {
            for (partition, queue) in queues.iter_mut() {
                let mut room = room(topic, *partition);
                while room > 0 && !queue.is_empty() {
                    let is_last = queue.len() == 1;
                    let leaves_at = |batch: &Batch| match batch.size() >= self.batch_size {
                        true => now,
                        false => batch.created + self.linger,
                    };
                    let front = queue.front().expect("it is not empty");
                    let is_ready = !is_last || front.id < *hurry_below || leaves_at(front) <= now;
                    if !is_ready {
                        let at = leaves_at(front);
                        ready.next = Some(ready.next.map_or(at, |next| next.min(at)));
                        break;
                    }
                    ready.batches.extend(queue.pop_front());
                    room -= 1;
                }
            }
            queues.retain(|_, queue| !queue.is_empty());
        }
        topics.retain(|_, queues| !queues.is_empty());
        ready
    }

    /// Takes out what waited longer than `timeout`, to be given up, and the batches of topics that are lost.
    pub fn take_expired(&self, now: Instant, timeout: Duration) -> Vec<Batch> {
        let mut expired = Vec::new();
        let mut state = self.state();
        for queue in state.topics.values_mut().flat_map(BTreeMap::values_mut) {
            while queue.front().is_some_and(|batch| batch.created + timeout <= now) {
                expired.extend(queue.pop_front());
            }
        }
        expired
    }

    /// The creation time of the oldest batch here.
    pub fn oldest(&self) -> Option<Instant> {
        let state = self.state();
        state
            .topics
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(|queue| Some(queue.front()?.created))
            .min()
    }

    /// One more part of a batch has to be finished.
    pub fn split(&self, id: u64) {
        *self.state().unfinished.entry(id).or_default() += 1;
    }

    /// A part of a batch was acknowledged or given up.
    pub fn finished(&self, id: u64) {
        let mut state = self.state();
        if let Some(parts) = state.unfinished.get_mut(&id) {
            *parts -= 1;
            if *parts == 0 {
                state.unfinished.remove(&id);
            }
        }
        let below = state.unfinished.keys().next().copied().unwrap_or(state.next_id);
        drop(state);
        self.finished_below.send_if_modified(|value| {
            let changed = *value != below;
            *value = below;
            changed
        });
    }

    /// Everything that is here leaves without waiting; returns the id behind it.
    fn hurry(&self) -> u64 {
        let mut state = self.state();
        state.hurry_below = state.next_id;
        let below = state.next_id;
        drop(state);
        self.wake.notify_one();
        below
    }

    pub fn refuse_more(&self) {
        self.state().is_closed = true;
    }

    pub async fn flush(&self) {
        let below = self.hurry();
        if below == 0 {
            return;
        }
        // An error would mean that the accumulator is gone, and with it whoever could wait.
        let _ = self.finished_below.subscribe().wait_for(|finished| *finished >= below).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accumulator(batch_size: usize) -> Accumulator {
        Accumulator::new(&ProducerConfig { batch_size, ..Default::default() })
    }

    fn append(accumulator: &Accumulator, value: &str, when_full: WhenFull) -> Appended {
        let topic: Arc<str> = "t".into();
        let value = Some(value.as_bytes());
        let record = Append { topic: &topic, timestamp: 0, key: None, value, headers: &[], size: 60 };
        let memory = accumulator.try_memory(60).unwrap();
        accumulator.append(&record, 0, memory, when_full).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_leaves_when_it_is_full_or_has_waited() {
        let accumulator = accumulator(150);
        append(&accumulator, "a", WhenFull::OpenAnother);
        let ready = accumulator.take_ready(Instant::now(), |_, _| 5);
        assert!(ready.batches.is_empty() && ready.next == Some(Instant::now() + Duration::from_millis(5)));
        append(&accumulator, "b", WhenFull::OpenAnother);
        append(&accumulator, "c", WhenFull::OpenAnother);
        append(&accumulator, "d", WhenFull::OpenAnother);
        assert!(matches!(append(&accumulator, &"e".repeat(60), WhenFull::OpenAnother), Appended::Taken(_)));
        let full = accumulator.take_ready(Instant::now(), |_, _| 5).batches;
        assert!(!full.is_empty() && full.windows(2).all(|pair| pair[0].id < pair[1].id));
        tokio::time::advance(Duration::from_millis(5)).await;
        assert_eq!(accumulator.take_ready(Instant::now(), |_, _| 0).batches.len(), 0);
        assert_eq!(accumulator.take_ready(Instant::now(), |_, _| 5).batches.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_refuses_and_gives_the_memory_back() {
        let accumulator = accumulator(120);
        let before = accumulator.memory.available_permits();
        assert!(matches!(append(&accumulator, "a", WhenFull::Refuse), Appended::Taken(_)));
        let Appended::Full(memory) = append(&accumulator, "b", WhenFull::Refuse) else {
            panic!("there was room");
        };
        drop(memory);
        assert_eq!(accumulator.memory.available_permits(), before - 60);
        drop(accumulator.take_ready(Instant::now() + Duration::from_secs(1), |_, _| 5));
        assert_eq!(accumulator.memory.available_permits(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn flush_waits_for_every_part_of_what_was_there_before() {
        let accumulator = Arc::new(accumulator(1000));
        append(&accumulator, "a", WhenFull::OpenAnother);
        let flush = tokio::spawn({
            let accumulator = Arc::clone(&accumulator);
            async move { accumulator.flush().await }
        });
        tokio::task::yield_now().await;
        let batch = accumulator.take_ready(Instant::now(), |_, _| 5).batches.pop().unwrap();
        append(&accumulator, "later", WhenFull::OpenAnother);
        accumulator.split(batch.id);
        accumulator.finished(batch.id);
        tokio::task::yield_now().await;
        assert!(!flush.is_finished());
        accumulator.finished(batch.id);
        flush.await.unwrap();
    }
}
