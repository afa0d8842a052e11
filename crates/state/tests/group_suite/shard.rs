//! What the broker does around a machine: append, apply, commit, release; lose everything and replay.

use super::Random;
use super::truth::Truth;
use bytes::Bytes;
use ottla_state::effects::{Effects, Machine, Now, StateRecord, Ticket};
use ottla_state::group::{Config, Delete, DeletedTopic, Describe, Groups, Reply, Request};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::{BTreeMap, VecDeque};

const WALL_MS: i64 = 1_700_000_000_000;
/// The log is compacted when so many records of it are committed.
const COMPACT_AT: usize = 300;

/// When answers leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// When what was appended before or with them is committed.
    Committed,
    /// A planted bug: when it is appended.
    #[allow(dead_code, reason = "not every suite plants it")]
    Appended,
}

pub struct Shard {
    acks: Acks,
    config: Config,
    groups: Groups,
    elapsed_ms: i64,
    /// What compaction left, all committed.
    base: BTreeMap<Bytes, Bytes>,
    tail: Vec<StateRecord>,
    /// Of the tail.
    committed: usize,
    tickets: u64,
    /// Who waits, and what it asked.
    waiting: BTreeMap<Ticket, Request>,
    /// Decided answers, and how much of the tail has to be committed for each.
    held: VecDeque<(usize, Ticket, Reply)>,
}

impl Shard {
    pub fn new(config: Config, acks: Acks) -> Self {
        let mut shard = Self {
            acks,
            groups: Groups::new(config.clone()),
            config,
            elapsed_ms: 0,
            base: BTreeMap::new(),
            tail: Vec::new(),
            committed: 0,
            tickets: 0,
            waiting: BTreeMap::new(),
            held: VecDeque::new(),
        };
        shard.groups.loaded(shard.now());
        shard
    }

    fn now(&self) -> Now {
        Now { wall_ms: WALL_MS + self.elapsed_ms, monotonic_ms: self.elapsed_ms }
    }

    pub fn ask(&mut self, request: Request, truth: &mut Truth) -> Result<Ticket, String> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        truth.asked(&request, ticket);
        self.waiting.insert(ticket, request.clone());
        let effects = self.groups.decide(self.now(), ticket, request);
        self.take(effects)?;
        if let Some(group) = self.waiting.get(&ticket).and_then(Request::group_id).cloned() {
            truth.saw_state(&group, &self.state(&group), self.now().wall_ms);
        }
        Ok(ticket)
    }

    fn take(&mut self, effects: Effects<Reply>) -> Result<(), String> {
        for record in effects.records {
            self.groups.apply(&record).map_err(|error| format!("its own record: {error}"))?;
            self.tail.push(record);
        }
        for (ticket, reply) in effects.replies {
            let is_held = self.held.iter().any(|(_, held, _)| *held == ticket);
            if is_held || !self.waiting.contains_key(&ticket) {
                return Err(format!("{ticket:?} is answered twice"));
            }
            let due = if self.acks == Acks::Committed { self.tail.len() } else { 0 };
            self.held.push_back((due, ticket, reply));
        }
        Ok(())
    }

    pub fn pass(&mut self, ms: i64, truth: &mut Truth) -> Result<(), String> {
        let until = self.elapsed_ms + ms;
        let mut rounds = 0;
        while let Some(due) = self.groups.deadline_ms().filter(|due| *due <= until) {
            rounds += 1;
            if rounds > 10_000 {
                return Err("something is always due".to_owned());
            }
            self.elapsed_ms = self.elapsed_ms.max(due);
            self.expire(truth)?;
        }
        self.elapsed_ms = until;
        Ok(())
    }

    fn expire(&mut self, truth: &mut Truth) -> Result<(), String> {
        let ids = (0..super::GROUPS).map(|i| WireStr::from(format!("g{i}")));
        let states: BTreeMap<WireStr, String> = ids.map(|id| (id.clone(), self.state(&id))).collect();
        let effects = self.groups.expire(self.now());
        // A session that ends may empty a group in the same call; what counts for an offset is the state before.
        for record in &effects.records {
            truth.expired(record, &states, self.now().wall_ms, self.config.offsets_retention_ms)?;
        }
        self.take(effects)?;
        for id in states.into_keys() {
            truth.saw_state(&id, &self.state(&id), self.now().wall_ms);
        }
        Ok(())
    }

    /// Somebody deletes the group, or the topic that nobody reads.
    pub fn administer(&mut self, group: &WireStr, what: usize, truth: &mut Truth) -> Result<(), String> {
        let request = match what {
            0 => Request::Delete(Delete { group_id: group.clone() }),
            1 => Request::TopicsDeleted(vec![DeletedTopic {
                name: super::OTHER_TOPIC.into(),
                id: super::client::OTHER_TOPIC_ID,
            }]),
            _ => Request::Describe(Describe { version: 5, group_id: group.clone() }),
        };
        self.ask(request, truth)?;
        Ok(())
    }

    pub fn commit_some(&mut self, random: &mut Random) {
        self.committed += random.below(self.tail.len() - self.committed + 1);
    }

    pub fn commit_all(&mut self) {
        self.committed = self.tail.len();
    }

    /// Answers that may leave, in the order they were decided.
    pub fn released(&mut self) -> Vec<(Ticket, Request, Reply)> {
        let mut released = Vec::new();
        while self.held.front().is_some_and(|(due, _, _)| *due <= self.committed) {
            if let Some((_, ticket, reply)) = self.held.pop_front()
                && let Some(request) = self.waiting.remove(&ticket)
            {
                released.push((ticket, request, reply));
            }
        }
        if self.committed >= COMPACT_AT {
            self.compact();
        }
        released
    }

    fn compact(&mut self) {
        for record in self.tail.drain(..self.committed) {
            fold(&mut self.base, record);
        }
        for (due, _, _) in &mut self.held {
            *due = due.saturating_sub(self.committed);
        }
        self.committed = 0;
    }

    /// The machine is lost, and some of what was not committed with it. Returns how much.
    pub fn crash(&mut self, random: &mut Random) -> Result<usize, String> {
        let told = self.groups.unload(ErrorCode::NotCoordinator);
        let mut waits: Vec<Ticket> = self.waiting.keys().copied().collect();
        waits.retain(|ticket| !self.held.iter().any(|(_, held, _)| held == ticket));
        let mut parked: Vec<Ticket> = told.iter().map(|(ticket, _)| *ticket).collect();
        parked.sort();
        if waits != parked {
            return Err(format!("{waits:?} wait, and {parked:?} are told that the machine goes away"));
        }
        self.waiting.clear();
        self.held.clear();
        let survive = self.committed + random.below(self.tail.len() - self.committed + 1);
        let lost = self.tail.len() - survive;
        self.tail.truncate(survive);
        self.committed = survive;
        self.groups = self.replayed()?;
        self.elapsed_ms += 10;
        let effects = self.groups.loaded(self.now());
        self.take(effects)?;
        Ok(lost)
    }

    fn replayed(&self) -> Result<Groups, String> {
        let mut groups = Groups::new(self.config.clone());
        let base =
            self.base.iter().map(|(key, value)| StateRecord { key: key.clone(), value: Some(value.clone()) });
        for record in base.chain(self.tail.iter().cloned()) {
            groups.apply(&record).map_err(|error| format!("a record does not replay: {error}"))?;
        }
        Ok(groups)
    }

    /// A machine made of the log says what the log says, and so does the live one, as far as it is durable.
    pub fn check_replay(&self) -> Result<(), String> {
        let mut log = self.base.clone();
        self.tail.iter().cloned().for_each(|record| fold(&mut log, record));
        let durable = |groups: &Groups| groups.durable().map_err(|error| error.to_string());
        let replayed = durable(&self.replayed()?)?;
        if replayed != log {
            return Err("a replayed machine is not what the log says".to_owned());
        }
        let live = durable(&self.groups)?;
        if let Some((key, _)) = live.iter().find(|(key, value)| log.get(*key) != Some(value)) {
            return Err(format!("the live machine has {key:?} otherwise than the log"));
        }
        for key in log.keys().filter(|key| !live.contains_key(*key)) {
            // Only the outcome of a group that rebalances is not in the live machine any more.
            let group = key.strip_prefix(b"\0\x02".as_slice()).and_then(|key| key.get(2..));
            let group = group.map(|id| WireStr::from_wire(Bytes::copy_from_slice(id)));
            if !group.is_some_and(|id| self.state(&id).ends_with("Rebalance")) {
                return Err(format!("the live machine does not have {key:?}"));
            }
        }
        Ok(())
    }

    pub fn check_nothing_waits(&self) -> Result<(), String> {
        // Clients that have no room in the group ask for ever; whoever is parked is in it.
        if self.waiting.is_empty() { Ok(()) } else { Err(format!("{:?} are never answered", self.waiting)) }
    }

    pub fn state(&self, id: &WireStr) -> String {
        self.groups.state(id).unwrap_or("Dead").to_owned()
    }
}

fn fold(log: &mut BTreeMap<Bytes, Bytes>, record: StateRecord) {
    match record.value {
        Some(value) => log.insert(record.key, value),
        None => log.remove(&record.key),
    };
}
