//! Groups under clients that come, go, stall, repeat themselves and speak too late, and a broker that dies.
//!
//! [`run`] draws everything from one seed: the settings, the clients, what each does next, how far the log is committed,
//! when the machine is lost and what of its log survives. [`Truth`] is told every answer that reaches a client and
//! objects to those that must not be. At the end everything is well again, and the groups have to come to rest.

mod client;
mod shard;
mod truth;

use client::Client;
use ottla_state::group::{Caller, Config, Request};
use ottla_wire::Uuid;
pub use shard::Acks;
use shard::Shard;
use std::collections::BTreeSet;
use truth::Truth;

pub const PARTITIONS: u8 = 8;
pub const TOPIC: &str = "read";
/// Committed to, and in nobody's subscription.
pub const OTHER_TOPIC: &str = "unread";
pub const SESSION_MS: i32 = 6_000;
pub const REBALANCE_MS: i32 = 5_000;
const GROUPS: usize = 3;
const CLIENTS: usize = 6;

/// A small generator (splitmix64): the same numbers on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }
}

/// What a run has seen; each has to have happened, or the run shows nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    pub generations: u64,
    pub commits: u64,
    pub commits_refused: u64,
    pub late: u64,
    pub crashes: u64,
    pub records_lost: u64,
    pub expired: u64,
    pub displaced: u64,
    pub fetches: u64,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.generations += other.generations;
        self.commits += other.commits;
        self.commits_refused += other.commits_refused;
        self.late += other.late;
        self.crashes += other.crashes;
        self.records_lost += other.records_lost;
        self.expired += other.expired;
        self.displaced += other.displaced;
        self.fetches += other.fetches;
    }
}

/// Runs seeds until so many events have happened.
pub fn run_events(first_seed: u64, events: usize, acks: Acks) -> Result<Seen, String> {
    const EVENTS_A_SEED: usize = 20_000;
    let mut seen = Seen::default();
    for i in 0..events.div_ceil(EVENTS_A_SEED) {
        let seed = first_seed + i as u64;
        seen.add(&run(seed, EVENTS_A_SEED, acks)?);
    }
    Ok(seen)
}

/// One seed. An error says what was seen, and by which seed and event.
pub fn run(seed: u64, events: usize, acks: Acks) -> Result<Seen, String> {
    let mut random = Random(seed);
    let config = Config {
        initial_rebalance_delay_ms: [0, 1_000][random.below(2)],
        max_size: [i32::MAX, i32::MAX, 4][random.below(3)],
        offsets_retention_ms: 60_000,
        offsets_retention_check_interval_ms: 3_000,
        ..Config::default()
    };
    let mut world = World::new(random, config, acks);
    for event in 0..events {
        world.step().map_err(|what| format!("seed {seed}, event {event}: {what}"))?;
    }
    world.heal().map_err(|what| format!("seed {seed}, at the end: {what}"))?;
    Ok(world.truth.seen)
}

struct World {
    random: Random,
    shard: Shard,
    clients: Vec<Client>,
    truth: Truth,
    /// Requests that may arrive once more, long after.
    late: Vec<Request>,
}

impl World {
    fn new(mut random: Random, config: Config, acks: Acks) -> Self {
        let mut clients = Vec::new();
        for group in 0..GROUPS {
            for i in 0..CLIENTS {
                // Two clients that claim one instance displace each other.
                let instance = [None, None, None, Some("i0"), Some("i1"), Some("i1")][i];
                let caller =
                    Caller { client_id: format!("c{group}-{i}").into(), client_host: "/127.0.0.1".into() };
                let version = random.below(10) as i16;
                clients.push(Client::new(format!("g{group}").into(), caller, version, instance));
            }
        }
        let truth = Truth::default();
        Self { random, shard: Shard::new(config, acks), clients, truth, late: Vec::new() }
    }

    fn step(&mut self) -> Result<(), String> {
        match self.random.below(1_000) {
            0..=619 => self.client_acts()?,
            620..=639 => self.late_request()?,
            640..=779 => {
                let ms = [1, 50, 400, 1_500][self.random.below(4)];
                self.shard.pass(ms, &mut self.truth)?;
            }
            780..=784 => {
                let ms = [7_000, 20_000, 70_000][self.random.below(3)];
                self.shard.pass(ms, &mut self.truth)?;
            }
            785..=789 => {
                let group = self.clients[self.random.below(self.clients.len())].group.clone();
                self.shard.administer(&group, self.random.below(3), &mut self.truth)?;
            }
            790..=991 => self.shard.commit_some(&mut self.random),
            992..=993 => self.crash()?,
            _ => self.shard.check_replay()?,
        }
        self.deliver(0)
    }

    fn client_acts(&mut self) -> Result<(), String> {
        let i = self.random.below(self.clients.len());
        let Some(request) = self.clients[i].act(&mut self.random, &mut self.truth) else { return Ok(()) };
        if self.late.len() < 64 {
            self.late.push(request.clone());
        } else {
            let slot = self.random.below(64);
            self.late[slot] = request.clone();
        }
        let ticket = self.shard.ask(request, &mut self.truth)?;
        self.clients[i].asked(ticket);
        Ok(())
    }

    /// What was sent before arrives again; nobody waits for the answer.
    fn late_request(&mut self) -> Result<(), String> {
        let Some(i) = self.late.len().checked_sub(1).map(|last| self.random.below(last + 1)) else {
            return Ok(());
        };
        let mut request = self.late.swap_remove(i);
        if let Request::Join(join) = &mut request {
            // The broker draws an id for every request that it reads.
            join.id = Uuid(u128::from(self.random.next()).to_be_bytes());
        }
        if !self.truth.may_come_late(&request) {
            return Ok(());
        }
        self.truth.seen.late += 1;
        self.shard.ask(request, &mut self.truth)?;
        Ok(())
    }

    /// Answers reach clients, but for some that are lost.
    fn deliver(&mut self, lost_percent: usize) -> Result<(), String> {
        for (ticket, request, reply) in self.shard.released() {
            if self.random.percent(lost_percent) {
                continue;
            }
            self.truth.check(&request, &reply, ticket)?;
            if let Some(client) = self.clients.iter_mut().find(|client| client.waits_for(ticket)) {
                client.hear(&request, &reply, &mut self.truth);
            }
        }
        Ok(())
    }

    fn crash(&mut self) -> Result<(), String> {
        self.deliver(30)?;
        let lost = self.shard.crash(&mut self.random)?;
        self.truth.seen.crashes += 1;
        self.truth.seen.records_lost += lost as u64;
        self.truth.crashed();
        // A connection that broke brings nothing more; an assignment is for the generation that its leader saw.
        self.late.retain(|request| !matches!(request, Request::Sync(_)));
        for client in &mut self.clients {
            client.disconnected();
        }
        Ok(())
    }

    /// No faults any more: within three rebalance timeouts every group is stable, every partition read by one.
    fn heal(&mut self) -> Result<(), String> {
        // Of two that claim one instance, one is switched off. The sessions of those that will not come back end.
        let mut claimed = BTreeSet::new();
        self.clients.retain(|client| client.instance().is_none_or(|instance| claimed.insert(instance)));
        let until_ms = i64::from(SESSION_MS) + 3 * i64::from(REBALANCE_MS) + 10_000;
        let mut passed_ms = 0;
        while passed_ms < until_ms {
            for i in 0..self.clients.len() {
                if let Some(request) = self.clients[i].act_well(&mut self.truth) {
                    let ticket = self.shard.ask(request, &mut self.truth)?;
                    self.clients[i].asked(ticket);
                }
                self.shard.commit_all();
                self.deliver(0)?;
            }
            self.shard.pass(100, &mut self.truth)?;
            self.shard.commit_all();
            self.deliver(0)?;
            passed_ms += 100;
        }
        self.shard.check_replay()?;
        for group in 0..GROUPS {
            let id = format!("g{group}").into();
            let state = self.shard.state(&id);
            if state != "Stable" {
                return Err(format!("{id} is {state}"));
            }
            let mut owned = [0; PARTITIONS as usize];
            for client in self.clients.iter().filter(|client| client.group == id) {
                client.owned().for_each(|partition| owned[partition as usize] += 1);
            }
            if owned != [1; PARTITIONS as usize] {
                return Err(format!("{id} is stable, and its partitions have {owned:?} owners"));
            }
        }
        self.shard.check_nothing_waits()
    }
}
