//! The whole broker in a simulation: the product's own code on a simulated disk, network and clock, real clients, and
//! faults; a checker sees all that the clients see.
//!
//! One seed is one run, and the same run whenever it is asked for: everything is on one thread, every choice is drawn
//! from the seed, and time is the simulation's. `plan` says what a seed stands for, `host` is the broker's machine,
//! `workload` are the clients, `groups` are consumer groups and whether they come to rest, `faults` is what goes wrong,
//! `audit` looks at the broker when everything is repaired.

mod audit;
mod faults;
mod groups;
mod history;
mod host;
mod net;
mod payload;
mod plan;
#[cfg(feature = "controls")]
pub mod planted;
pub mod seeds;
mod stored;
mod workers;
mod workload;

pub use history::{Counters, SOMETIMES};

use crate::checker::groups::{GroupCounts, GroupEvent};
use crate::checker::{Event, Violation};
use crate::disk::SimDisk;
use audit::Audit;
use faults::{BROKER, Faults};
use history::{History, SimClock};
use host::{Phase, Shared};
use net::SimNet;
use ottla_env::disk::Disk;
use plan::Plan;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Simulated time behind the faults in which a run has to come to its end.
const AFTERMATH: Duration = Duration::from_secs(600);

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    /// What the seed stands for, for people.
    pub plan: String,
    pub violation: Option<Violation>,
    /// Of everything that happened.
    pub hash: u64,
    pub counters: Counters,
    pub simulated: Duration,
    pub events: u64,
    pub acked: usize,
    pub read: usize,
    pub groups: GroupCounts,
}

/// Runs a seed with faults for so long. With `shown`, every event is printed.
pub fn run(seed: u64, chaos: Duration, shown: bool) -> Outcome {
    let plan = Plan::of(seed, chaos);
    let described = format!("{plan:?}");
    let disk = SimDisk::default();
    let prepared = disk.create_dir_all(Path::new("/data")).and_then(|()| disk.sync_dir(Path::new("/")));
    let shared = Rc::new(Shared {
        clock: Arc::new(SimClock::default()),
        net: SimNet::default(),
        history: RefCell::new(History::new(shown)),
        groups: groups::Common::default(),
        disk: RefCell::new(disk),
        workers: RefCell::new(None),
        phase: Cell::new(Phase::Starting),
        lives: Cell::new(0),
        commands: RefCell::new(None),
        disk_may_fail: Cell::new(false),
        healed: Cell::new(false),
        clients_done: Cell::new(0),
        waiting: Cell::new(0),
        rotten: RefCell::default(),
        audit: Cell::new(0),
        audited: Cell::new(0),
        plan,
    });
    if let Err(error) = prepared {
        shared.violated("start and stop", error.to_string());
    }
    if let Some(ms) = shared.plan.groups.retention_ms {
        shared.record_group(&GroupEvent::Retention { ms });
    }
    // The clients write to these before one of them has made them.
    for topic in (0..shared.plan.topics).filter(|topic| shared.plan.is_os(*topic)) {
        shared.record(&Event::SyncedLater { topic });
    }
    let simulated = simulate(&shared);
    shared.disk.borrow().discard();
    let history = shared.history.borrow();
    let (acked, read) = history.counts();
    Outcome {
        seed,
        plan: described,
        violation: history.violation.clone(),
        hash: history.hash(),
        counters: history.counters.clone(),
        simulated,
        events: history.events,
        acked,
        read,
        groups: history.group_counts(),
    }
}

fn simulate(shared: &Rc<Shared>) -> Duration {
    let plan = &shared.plan;
    let mut sim = turmoil::Builder::new()
        .tick_duration(plan.tick)
        .simulation_duration(plan.chaos + 2 * AFTERMATH)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(plan.latency_ms))
        .rng_seed(plan.seed)
        .enable_random_order()
        .build();
    {
        let shared = Rc::clone(shared);
        sim.host(BROKER, move || host::live(Rc::clone(&shared)));
    }
    let mut clients: Vec<String> = Vec::new();
    for number in 0..plan.clients {
        let name = format!("client-{number}");
        sim.client(name.as_str(), workload::client(Rc::clone(shared), number));
        clients.push(name);
    }
    for number in 0..groups::HOSTS {
        let name = format!("members-{number}");
        sim.client(name.as_str(), groups::host(Rc::clone(shared), number));
        clients.push(name);
    }
    sim.client("auditor", audit::audit(Rc::clone(shared)));
    clients.push("auditor".to_owned());
    let mut faults = Faults::new(shared, clients);
    let mut audit = Audit::default();
    let mut watch = groups::Watch::default();
    loop {
        shared.clock.set(sim.elapsed());
        let chaos = sim.elapsed() < plan.chaos;
        faults.step(&mut sim, chaos);
        if !chaos {
            audit.step(shared, &mut sim, &mut faults);
            watch.step(shared);
        }
        if sim.elapsed() > plan.chaos + AFTERMATH {
            let phase = shared.phase.get();
            shared.violated("L1", format!("the run does not come to its end; the broker is {phase:?}"));
        }
        match sim.step() {
            Ok(false) => {}
            Ok(true) => break,
            Err(error) => shared.violated("B1", format!("a host ended: {error}")),
        }
        if shared.history.borrow().violation.is_some() {
            break;
        }
    }
    sim.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAOS: Duration = Duration::from_secs(8);

    #[test]
    fn a_run_comes_to_its_end_and_breaks_no_promise() {
        for seed in [5, 12] {
            let outcome = run(seed, CHAOS, false);
            assert_eq!(outcome.violation, None, "{}", outcome.plan);
            assert!(outcome.acked > 0 && outcome.read > 0 && outcome.simulated > CHAOS, "{outcome:?}");
            assert!(outcome.groups.commits > 0 && outcome.groups.looks > 0, "{outcome:?}");
        }
    }
}
