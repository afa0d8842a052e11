//! Fetch sessions (KIP-227): what a consumer asked for once is remembered, and later requests name only what changed.
//!
//! [`FetchSessions`] is a bounded cache, by sessions and by the partitions in all of them; who finds it full fetches
//! without a session, which every client can. A request [`begins`](FetchSessions::begin), which gives the partitions to
//! read, and ends with [`FetchSessions::finish`], which says which of them have news. Nothing here reads a log.

use ottla_env::clock::Clock;
use ottla_env::rng::Rng;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest};
use ottla_wire::{ErrorCode, Uuid, WireStr};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// No session: the id of a request without one, and of an answer that refuses one.
const NONE: i32 = 0;
/// The epoch of a request that opens a session, and of one that wants none (and closes what it names).
const INITIAL_EPOCH: i32 = 0;
const FINAL_EPOCH: i32 = -1;
/// A session that rested so long may be evicted, as Kafka has it.
const EVICTABLE_MS: i64 = 120_000;
/// Partitions in all sessions together, about 100 MiB.
const PARTITIONS_MAX: usize = 500_000;

/// A topic as requests name it: by name below version 13, by id from it on. The other one is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TopicKey {
    pub name: WireStr,
    pub id: Uuid,
}

/// One partition to read.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub topic: TopicKey,
    pub partition: FetchPartition,
}

/// What of a partition a client knows from the answers so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub high_watermark: i64,
    pub log_start: i64,
}

const NOTHING_SHOWN: Shown = Shown { high_watermark: -1, log_start: -1 };

/// What an answer would say of a partition.
#[derive(Debug, Clone, Copy)]
pub struct News {
    pub shown: Shown,
    pub has_records: bool,
    pub is_error: bool,
}

/// How a request is to be answered.
#[derive(Debug)]
pub struct Plan {
    pub wanted: Vec<Wanted>,
    /// Topics go by their ids.
    pub by_id: bool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Sessionless,
    Open,
    /// The epoch that the session has while this request is under way.
    Incremental {
        id: i32,
        epoch: i32,
    },
}

/// Which session an answer carries, and of which partitions it speaks (by their place in the plan).
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    pub session_id: i32,
    pub included: Vec<bool>,
}

#[derive(Debug)]
pub struct FetchSessions {
    cache: Mutex<Cache>,
    slots: usize,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

#[derive(Debug, Default)]
struct Cache {
    sessions: HashMap<i32, Session>,
    /// In all sessions.
    partitions: usize,
    evicted: u64,
}

/// How many there are, and how many had to go so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCount {
    pub open: usize,
    pub evicted: u64,
}

#[derive(Debug)]
struct Session {
    epoch: i32,
    by_id: bool,
    created_ms: i64,
    used_ms: i64,
    /// In the order in which they are read: who had records goes to the end, so that every partition gets its turn.
    order: BTreeMap<u64, Cached>,
    places: HashMap<(TopicKey, i32), u64>,
    next_place: u64,
}

#[derive(Debug, Clone)]
struct Cached {
    wanted: Wanted,
    shown: Shown,
}

impl FetchSessions {
    pub fn new(slots: usize, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { cache: Mutex::default(), slots, clock, rng }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // Counts and places are set together, without a panic between them.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self) -> SessionCount {
        let cache = self.cache();
        SessionCount { open: cache.sessions.len(), evicted: cache.evicted }
    }

    /// What a request asks for. An error is of the whole request.
    pub fn begin(&self, request: &FetchRequest, by_id: bool) -> Result<Plan, ErrorCode> {
        let (id, epoch) = (request.session_id, request.session_epoch);
        if epoch == INITIAL_EPOCH || epoch == FINAL_EPOCH {
            if id != NONE {
                self.cache().remove(id);
            }
            let kind = if epoch == FINAL_EPOCH { Kind::Sessionless } else { Kind::Open };
            return Ok(Plan { wanted: wanted(request).collect(), kind, by_id });
        }
        let now_ms = self.clock.now_ms();
        let mut cache = self.cache();
        let session = cache.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        let before = session.order.len();
        for wanted in wanted(request) {
            session.want(wanted);
        }
        for topic in &request.forgotten_topics_data {
            let key = key(&topic.topic, topic.topic_id);
            for index in &topic.partitions {
                session.forget(&key, *index);
            }
        }
        session.used_ms = now_ms;
        session.epoch = next_epoch(session.epoch);
        let (epoch, after) = (session.epoch, session.order.len());
        let wanted = session.order.values().map(|cached| cached.wanted.clone()).collect();
        cache.partitions = cache.partitions + after - before;
        // Also one that grew beyond what there is room for: its client goes on without a session.
        if after == 0 || cache.partitions > PARTITIONS_MAX {
            cache.remove(id);
            return Ok(Plan { wanted, kind: Kind::Sessionless, by_id });
        }
        Ok(Plan { wanted, kind: Kind::Incremental { id, epoch }, by_id })
    }

    /// What the answer shows of what was found, in the order of the plan. An error is of the whole request.
    pub fn finish(&self, plan: &Plan, news: &[News]) -> Result<Finished, ErrorCode> {
        match plan.kind {
            Kind::Sessionless => Ok(Finished { session_id: NONE, included: vec![true; news.len()] }),
            Kind::Open => {
                Ok(Finished { session_id: self.open(plan, news), included: vec![true; news.len()] })
            }
            Kind::Incremental { id, epoch } => {
                let mut cache = self.cache();
                let session = cache.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
                if session.epoch != epoch {
                    return Err(ErrorCode::InvalidFetchSessionEpoch);
                }
                let included =
                    plan.wanted.iter().zip(news).map(|(wanted, news)| session.show(wanted, *news)).collect();
                Ok(Finished { session_id: id, included })
            }
        }
    }

    /// The session of an answer that shows nothing of what was found: one that goes on; none that would begin. An error
    /// is of the whole request.
    pub fn keep(&self, plan: &Plan) -> Result<i32, ErrorCode> {
        let Kind::Incremental { id, epoch } = plan.kind else { return Ok(NONE) };
        match self.cache().sessions.get(&id) {
            None => Err(ErrorCode::FetchSessionIdNotFound),
            Some(session) if session.epoch != epoch => Err(ErrorCode::InvalidFetchSessionEpoch),
            Some(_) => Ok(id),
        }
    }

    fn open(&self, plan: &Plan, news: &[News]) -> i32 {
        let now_ms = self.clock.now_ms();
        let mut cache = self.cache();
        if !cache.make_room(self.slots, plan.wanted.len(), now_ms) {
            return NONE;
        }
        let mut session = Session {
            epoch: next_epoch(INITIAL_EPOCH),
            by_id: plan.by_id,
            created_ms: now_ms,
            used_ms: now_ms,
            order: BTreeMap::new(),
            places: HashMap::new(),
            next_place: 0,
        };
        for (wanted, news) in plan.wanted.iter().zip(news) {
            session.want(wanted.clone());
            session.show(wanted, *news);
        }
        let id = loop {
            let id = (self.rng.next_u64() & 0x7fff_ffff) as i32;
            if id != NONE && !cache.sessions.contains_key(&id) {
                break id;
            }
        };
        cache.partitions += session.order.len();
        cache.sessions.insert(id, session);
        id
    }
}

impl Cache {
    fn remove(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.partitions -= session.order.len();
        }
    }

    /// Evicts what rested long, or else what is worth less than a session of so many partitions. False: no room.
    fn make_room(&mut self, slots: usize, partitions: usize, now_ms: i64) -> bool {
        while self.sessions.len() >= slots || self.partitions + partitions > PARTITIONS_MAX {
            let rested = |session: &Session| now_ms.saturating_sub(session.used_ms) > EVICTABLE_MS;
            let oldest = self.sessions.iter().min_by_key(|(id, session)| (session.used_ms, **id));
            let smallest = self
                .sessions
                .iter()
                .filter(|(_, session)| now_ms.saturating_sub(session.created_ms) > EVICTABLE_MS)
                .min_by_key(|(id, session)| (session.order.len(), **id))
                .filter(|(_, session)| session.order.len() < partitions);
            let evicted = oldest.filter(|(_, session)| rested(session)).or(smallest).map(|(id, _)| *id);
            match evicted {
                Some(id) => {
                    self.remove(id);
                    self.evicted += 1;
                }
                None => return false,
            }
        }
        true
    }
}

impl Session {
    fn want(&mut self, wanted: Wanted) {
        let key = (wanted.topic.clone(), wanted.partition.partition);
        if let Some(cached) = self.places.get(&key).and_then(|place| self.order.get_mut(place)) {
            cached.wanted.partition = wanted.partition;
            return;
        }
        self.places.insert(key, self.next_place);
        self.order.insert(self.next_place, Cached { wanted, shown: NOTHING_SHOWN });
        self.next_place += 1;
    }

    fn forget(&mut self, topic: &TopicKey, index: i32) {
        if let Some(place) = self.places.remove(&(topic.clone(), index)) {
            self.order.remove(&place);
        }
    }

    /// Whether the client has to be told, which is noted as done.
    fn show(&mut self, wanted: &Wanted, news: News) -> bool {
        let key = (wanted.topic.clone(), wanted.partition.partition);
        let Some(place) = self.places.get_mut(&key) else { return true };
        let Some(cached) = self.order.get_mut(place) else { return true };
        let told = news.has_records || news.is_error || news.shown != cached.shown;
        cached.shown = news.shown;
        if news.is_error {
            // The end of an error is news too.
            cached.shown = NOTHING_SHOWN;
        }
        if news.has_records
            && let Some(cached) = self.order.remove(place)
        {
            *place = self.next_place;
            self.next_place += 1;
            self.order.insert(*place, cached);
        }
        told
    }
}

fn wanted(request: &FetchRequest) -> impl Iterator<Item = Wanted> + '_ {
    request.topics.iter().flat_map(|topic| {
        let key = key(&topic.topic, topic.topic_id);
        topic
            .partitions
            .iter()
            .map(move |partition| Wanted { topic: key.clone(), partition: partition.clone() })
    })
}

/// The name is copied: a session must not pin the frame it came in.
fn key(name: &WireStr, id: Uuid) -> TopicKey {
    TopicKey { name: name.as_str().to_owned().into(), id }
}

/// Epochs of a session run from 1 and skip what has a meaning of its own.
fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

#[cfg(test)]
mod tests;
