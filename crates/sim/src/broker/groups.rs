//! Consumer groups in the simulation: who is in them, and whether they come to rest when everything is repaired.
//!
//! On each of three hosts there is a member of every group. `member` speaks the protocol by hand (`line`, `voice`), so
//! that the checker learns of every request, generation and code: one group works the eager way and has a static member,
//! one the cooperative way, and one is of no consumers and commits each partition only once. `consumer` is a fourth group,
//! of the product's own client. Beside them somebody commits without being a member of anything.

mod assign;
mod consumer;
mod line;
mod member;
mod voice;

use super::host::Shared;
use super::workload::places;
use crate::checker::Place;
use crate::checker::groups::GroupName;
use member::Member;
use ottla_client::Assignor;
use ottla_env::rng::{Rng, SeededRng};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;
use voice::Voice;

/// Each has a member of every group.
pub const HOSTS: u32 = 3;
/// The least that the broker lets members have.
const SESSION_MS: i32 = 6_000;
const REBALANCE_MS: i32 = 10_000;
/// Groups are stable within so many rebalance timeouts after everything is repaired.
const REBALANCES: u64 = 3;
/// And for so long, which is longer than a member needs to hear that they are not.
const STEADY_MS: u64 = 3_000;

/// Of the product's own clients, and of nobody.
const CLIENTS: GroupName = "clients";
const NOBODY: GroupName = "nobody";

/// How members of a group work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Everything is given back before a rebalance.
    Eager,
    /// Only what moves is given back.
    Cooperative,
    /// The eager way, and each partition is committed once in a run: what is old has to stay.
    Once,
}

#[derive(Debug)]
struct Kind {
    group: GroupName,
    way: Way,
    protocol_type: &'static str,
    protocol: &'static str,
    /// Its member is static.
    static_host: Option<u32>,
}

static KINDS: [Kind; 3] = [
    Kind {
        group: "eager",
        way: Way::Eager,
        protocol_type: "consumer",
        protocol: "roundrobin",
        static_host: Some(0),
    },
    Kind {
        group: "cooperative",
        way: Way::Cooperative,
        protocol_type: "consumer",
        protocol: "cooperative-sticky",
        static_host: None,
    },
    Kind { group: "workers", way: Way::Once, protocol_type: "worker", protocol: "fixed", static_host: None },
];

/// What a seed stands for where groups are concerned.
#[derive(Debug, Clone)]
pub struct GroupsPlan {
    /// Offsets of empty groups are forgotten after so long, if within a run.
    pub retention_ms: Option<u64>,
    /// Of the product's own clients.
    pub assignor: Assignor,
}

impl GroupsPlan {
    /// And the settings of the broker.
    pub fn of(seed: u64) -> (Self, Vec<(&'static str, String)>) {
        let rng = SeededRng::new(seed ^ 0x0006_2009);
        let pick = |from: &[u64]| from[rng.below(from.len() as u64) as usize];
        let mut settings = vec![
            ("offsets.topic.num.partitions", pick(&[1, 3]).to_string()),
            ("offsets.topic.segment.bytes", (1_u64 << 20).to_string()),
            ("group.initial.rebalance.delay.ms", pick(&[0, 1_000]).to_string()),
            ("log.cleaner.backoff.ms", pick(&[500, 15_000]).to_string()),
        ];
        let forgets = rng.below(3) == 0;
        if forgets {
            settings.push(("offsets.retention.minutes", "1".to_owned()));
            settings.push(("offsets.retention.check.interval.ms", "1000".to_owned()));
        }
        let assignor = Assignor::ALL[rng.below(Assignor::ALL.len() as u64) as usize];
        (Self { retention_ms: forgets.then_some(60_000), assignor }, settings)
    }
}

/// Where a member is that was given its assignment and has heard of no other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    generation: i32,
    places: Vec<Place>,
}

/// What members, and those who look at them, share.
#[derive(Debug, Default)]
pub struct Common {
    /// The topics are there.
    pub ready: Cell<bool>,
    /// The groups have come to rest; members come to their ends.
    pub settled: Cell<bool>,
    number: Cell<u64>,
    offset: Cell<i64>,
    standings: RefCell<BTreeMap<(GroupName, u32), Standing>>,
    /// Committed once and never again, and when the first was.
    kept: RefCell<BTreeSet<Place>>,
    kept_ms: Cell<Option<u64>>,
}

impl Common {
    /// Of a commit or a look-up.
    fn next_number(&self) -> u64 {
        self.number.set(self.number.get() + 1);
        self.number.get()
    }

    /// One that nobody committed before.
    fn next_offset(&self) -> i64 {
        self.offset.set(self.offset.get() + 1);
        self.offset.get()
    }

    fn stands(&self, group: GroupName, host: u32, standing: Option<Standing>) {
        let mut standings = self.standings.borrow_mut();
        match standing {
            Some(standing) => drop(standings.insert((group, host), standing)),
            None => drop(standings.remove(&(group, host))),
        }
    }

    fn is_kept(&self, place: Place) -> bool {
        self.kept.borrow().contains(&place)
    }

    fn keep(&self, places: &[Place], now_ms: u64) {
        self.kept.borrow_mut().extend(places);
        if self.kept_ms.get().is_none() {
            self.kept_ms.set(Some(now_ms));
        }
    }
}

/// A host with its members, until the groups have come to rest.
pub async fn host(shared: Rc<Shared>, number: u32) -> turmoil::Result {
    while !shared.groups.ready.get() {
        sleep(Duration::from_millis(50)).await;
    }
    let mut tasks = JoinSet::new();
    for kind in &KINDS {
        tasks.spawn_local(Member::new(&shared, kind, number).live());
    }
    tasks.spawn_local(consumer::consume(Rc::clone(&shared), number));
    if number == 0 {
        tasks.spawn_local(commit_as_nobody(Rc::clone(&shared)));
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    shared.note(&format!("members of host {number} are done"));
    shared.clients_done.set(shared.clients_done.get() + 1);
    Ok(())
}

/// Commits for a group that has no members.
async fn commit_as_nobody(shared: Rc<Shared>) {
    let mut voice = Voice::new(&shared, NOBODY, NOBODY.to_owned());
    let rng = SeededRng::new(shared.plan.seed ^ 0x0B0D);
    let places = places(&shared);
    while !shared.groups.settled.get() {
        sleep(Duration::from_millis(200 + rng.below(1_500))).await;
        if !voice.connect().await {
            continue;
        }
        if rng.below(2) == 0 {
            voice.look().await;
        } else {
            voice.commit(None, &places).await;
        }
    }
}

/// Asks what is committed in every group, until each has said.
pub async fn look_at_all(shared: &Rc<Shared>) {
    let groups = KINDS.iter().map(|kind| kind.group).chain([CLIENTS, NOBODY]);
    for group in groups {
        let mut voice = Voice::new(shared, group, "auditor".to_owned());
        while !(voice.connect().await && voice.look().await) {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Looks, when everything is repaired, whether the groups come to rest.
#[derive(Debug, Default)]
pub struct Watch {
    since_ms: Option<u64>,
    steady_ms: Option<u64>,
}

impl Watch {
    pub fn step(&mut self, shared: &Shared) {
        // Before, the broker is not there again.
        if shared.groups.settled.get() || shared.audit.get() == 0 {
            return;
        }
        let now = shared.now_ms();
        let since = *self.since_ms.get_or_insert(now);
        if let Some(why) = unrest(shared) {
            self.steady_ms = None;
            if now > since + REBALANCES * REBALANCE_MS as u64 {
                shared.violated("L1", format!("a group does not come to rest: {why}"));
            }
        } else if now >= *self.steady_ms.get_or_insert(now) + STEADY_MS && is_old_enough(shared) {
            shared.note("groups rest");
            shared.groups.settled.set(true);
        }
    }
}

/// Why the groups are not stable: members of one generation have all partitions, and each of them has one owner.
fn unrest(shared: &Shared) -> Option<String> {
    let standings = shared.groups.standings.borrow();
    let wanted = places(shared);
    let groups = KINDS.iter().map(|kind| kind.group).chain([CLIENTS]);
    for group in groups {
        let members: Vec<&Standing> = (0..HOSTS).filter_map(|host| standings.get(&(group, host))).collect();
        let generations: BTreeSet<i32> = members.iter().map(|member| member.generation).collect();
        let mut places: Vec<Place> = members.iter().flat_map(|member| member.places.clone()).collect();
        places.sort_unstable();
        if members.len() != HOSTS as usize || generations.len() != 1 || places != wanted {
            return Some(format!("{group} has {members:?}"));
        }
    }
    None
}

/// Whether what is committed once has outlived the retention, where that is short. Not every run is made that long.
fn is_old_enough(shared: &Shared) -> bool {
    let (Some(retention_ms), Some(kept_ms)) = (shared.plan.groups.retention_ms, shared.groups.kept_ms.get())
    else {
        return true;
    };
    let old_ms = kept_ms + retention_ms + 4_000;
    let chaos_ms = u64::try_from(shared.plan.chaos.as_millis()).unwrap_or(u64::MAX);
    old_ms > chaos_ms + 25_000 || shared.now_ms() >= old_ms
}
