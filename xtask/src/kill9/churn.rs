//! Topics that come and go, producer ids and single records, over connections of the harness itself.
//!
//! Because the answer arrives in this process, the broker can be killed the very moment something was promised:
//! that is what finds an answer that left before its record. Each thread owns its topics and never reuses a name.

use super::broker::Victim;
use super::ledger::Ledger;
use super::protocol::{Answer, Connection};
use super::violation::Promise;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const THREADS: usize = 2;
/// Topics of one thread that live at a time.
const LIVE: usize = 12;

/// An answer that pulls the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    Never = 0,
    Created = 1,
    Deleted = 2,
    ProducerId = 3,
    Produced = 4,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Asked for, not answered: either is right.
    Creating,
    Exists,
    Deleting,
    Deleted,
}

#[derive(Debug)]
struct Topic {
    state: State,
    thread: usize,
    partitions: i32,
    /// End of partition 0 by what was acknowledged.
    end: i64,
}

#[derive(Debug, Default)]
struct Promises {
    topics: BTreeMap<String, Topic>,
    ids: BTreeSet<i64>,
    created: u64,
    deleted: u64,
    produced: u64,
}

/// What the threads did so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub created: u64,
    pub deleted: u64,
    pub produced: u64,
    pub ids: u64,
}

#[derive(Debug)]
struct Shared {
    port: u16,
    victim: Victim,
    ledger: Arc<Mutex<Ledger>>,
    promises: Mutex<Promises>,
    trigger: AtomicU8,
    paused: AtomicBool,
    ended: AtomicBool,
    idle: AtomicUsize,
    /// How long a ready broker may refuse what it must have: nothing, but for Apache Kafka.
    settles_within: Duration,
}

#[derive(Debug)]
pub struct Churn {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Churn {
    pub fn start(port: u16, victim: Victim, ledger: Arc<Mutex<Ledger>>, settles_within: Duration) -> Self {
        let shared = Arc::new(Shared {
            port,
            victim,
            ledger,
            promises: Mutex::default(),
            trigger: AtomicU8::new(Trigger::Never as u8),
            paused: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            idle: AtomicUsize::new(0),
            settles_within,
        });
        let threads = (0..THREADS)
            .map(|thread| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || Worker { shared: &shared, thread, count: 0 }.run())
            })
            .collect();
        Self { shared, threads }
    }

    /// The next answer of this kind kills the broker.
    pub fn arm(&self, trigger: Trigger) {
        self.shared.trigger.store(trigger as u8, Ordering::SeqCst);
    }

    /// Returns when all threads rest. The broker must be dead or answering.
    pub fn pause(&self) {
        self.arm(Trigger::Never);
        self.shared.paused.store(true, Ordering::SeqCst);
        while self.shared.idle.load(Ordering::SeqCst) < THREADS {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn resume(&self) {
        self.shared.paused.store(false, Ordering::SeqCst);
        while self.shared.idle.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// While paused: what was answered is there, or is gone for good. What was not answered is settled by this.
    pub fn check(&self) -> Result<()> {
        let mut connection = Connection::open(self.shared.port)?;
        let listed: BTreeSet<String> = connection.topics()?.into_iter().collect();
        let mut promises = self.shared.promises();
        for (name, topic) in &mut promises.topics {
            let there = listed.contains(name);
            match topic.state {
                State::Exists if !there => {
                    let text = format!("{name}: its creation was answered and it is not there");
                    self.shared.violate(Promise::TopicGone, text);
                }
                State::Deleted if there => {
                    let text = format!("{name}: its deletion was answered and it is back");
                    self.shared.violate(Promise::TopicBack, text);
                }
                State::Creating | State::Deleting => {
                    topic.state = if there { State::Exists } else { State::Deleted };
                }
                State::Exists | State::Deleted => {}
            }
            if topic.state == State::Exists && there {
                match connection.settled_ends(
                    name,
                    u32::try_from(topic.partitions)?,
                    self.shared.settles_within,
                )? {
                    Ok(ends) if ends[0] >= topic.end => {}
                    Ok(ends) => {
                        let text = format!(
                            "{name} ends at {}, records up to {} were acknowledged",
                            ends[0], topic.end
                        );
                        self.shared.violate(Promise::Lost, text);
                    }
                    Err(code) => {
                        let text = format!("{name} is listed, and ListOffsets answers {code}");
                        self.shared.violate(Promise::TopicGone, text);
                    }
                }
            }
        }
        Ok(())
    }

    pub fn counts(&self) -> Counts {
        let promises = self.shared.promises();
        let Promises { created, deleted, produced, .. } = *promises;
        Counts { created, deleted, produced, ids: promises.ids.len() as u64 }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn promises(&self) -> MutexGuard<'_, Promises> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn violate(&self, promise: Promise, text: String) {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).violate(promise, text);
    }

    /// Called between an answer and everything else.
    fn answered(&self, trigger: Trigger) {
        let never = Trigger::Never as u8;
        if self.trigger.compare_exchange(trigger as u8, never, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
            self.victim.kill();
        }
    }
}

struct Worker<'a> {
    shared: &'a Shared,
    thread: usize,
    count: u64,
}

impl Worker<'_> {
    fn run(&mut self) {
        let mut connection = None;
        while !self.shared.ended.load(Ordering::SeqCst) {
            if self.shared.paused.load(Ordering::SeqCst) {
                connection = None;
                self.rest();
                continue;
            }
            let open = match connection.take() {
                Some(open) => Ok(open),
                None => Connection::open(self.shared.port),
            };
            // An error is the kill; what was under way stays unsettled until the check.
            connection = open.and_then(|mut open| self.turn(&mut open).map(|()| open)).ok();
            std::thread::sleep(Duration::from_millis(if connection.is_some() { 1 } else { 10 }));
        }
    }

    fn rest(&self) {
        self.shared.idle.fetch_add(1, Ordering::SeqCst);
        let ended = || self.shared.ended.load(Ordering::SeqCst);
        while self.shared.paused.load(Ordering::SeqCst) && !ended() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.shared.idle.fetch_sub(1, Ordering::SeqCst);
    }

    fn turn(&mut self, connection: &mut Connection) -> Result<()> {
        let id = connection.init_producer_id()?;
        self.shared.answered(Trigger::ProducerId);
        if let Some(id) = self.accepted("InitProducerId", id)
            && !self.shared.promises().ids.insert(id)
        {
            self.shared.violate(Promise::IdTwice, format!("producer id {id} was given twice"));
        }
        let name = self.create(connection)?;
        self.produce(connection, &name)?;
        let live = self.live();
        let old = live.get(usize::try_from(self.count * 7)? % live.len().max(1)).cloned();
        let Some(old) = old else { return Ok(()) };
        self.produce(connection, &old)?;
        if live.len() > LIVE { self.delete(connection, &old) } else { Ok(()) }
    }

    fn create(&mut self, connection: &mut Connection) -> Result<String> {
        self.count += 1;
        let name = format!("churn-{}-{}", self.thread, self.count);
        let partitions = i32::try_from(1 + self.count % 3)?;
        let topic = Topic { state: State::Creating, thread: self.thread, partitions, end: 0 };
        self.shared.promises().topics.insert(name.clone(), topic);
        let answer = connection.create_topic(&name, partitions)?;
        self.shared.answered(Trigger::Created);
        if self.accepted("CreateTopics", answer).is_some() {
            self.set(&name, State::Exists);
            self.shared.promises().created += 1;
        }
        Ok(name)
    }

    fn produce(&self, connection: &mut Connection, name: &str) -> Result<()> {
        let answer = connection.produce(name, name.as_bytes())?;
        self.shared.answered(Trigger::Produced);
        if let Some(offset) = self.accepted("Produce", answer) {
            let mut promises = self.shared.promises();
            promises.produced += 1;
            if let Some(topic) = promises.topics.get_mut(name) {
                topic.end = topic.end.max(offset + 1);
            }
        }
        Ok(())
    }

    fn delete(&self, connection: &mut Connection, name: &str) -> Result<()> {
        self.set(name, State::Deleting);
        let answer = connection.delete_topic(name)?;
        self.shared.answered(Trigger::Deleted);
        if self.accepted("DeleteTopics", answer).is_some() {
            self.set(name, State::Deleted);
            self.shared.promises().deleted += 1;
        }
        Ok(())
    }

    fn accepted<T>(&self, api: &str, answer: Answer<T>) -> Option<T> {
        answer
            .inspect_err(|code| {
                if self.shared.settles_within.is_zero() {
                    self.shared.violate(Promise::Refused, format!("{api} was answered with error {code}"));
                }
            })
            .ok()
    }

    fn set(&self, name: &str, state: State) {
        if let Some(topic) = self.shared.promises().topics.get_mut(name) {
            topic.state = state;
        }
    }

    fn live(&self) -> Vec<String> {
        let promises = self.shared.promises();
        let mine =
            promises.topics.iter().filter(|(_, t)| t.thread == self.thread && t.state == State::Exists);
        mine.map(|(name, _)| name.clone()).collect()
    }
}
