//! The host of the broker: one life after another on the same disk, each from a start to a stop or a crash.

use super::groups;
use super::history::{History, SimClock};
use super::net::SimNet;
use super::plan::Plan;
use super::stored;
use super::workers::SimWorkers;
use crate::checker::groups::GroupEvent;
use crate::checker::{Event, Place, Violation};
use crate::disk::SimDisk;
use ottla_broker::{Broker, BrokerStart, partitions_max};
use ottla_env::clock::Clock;
use ottla_env::lanes::Lanes;
use ottla_env::rng::SeededRng;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// How far the broker's life is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Recovering,
    Serving,
    Stopping,
    /// The process ended by itself: after a stop, or because it could not go on.
    Ended,
}

pub enum Command {
    Stop,
    /// What it holds, as text of the metrics, and the tasks of its runtime.
    Look(oneshot::Sender<Held>),
}

/// What a broker holds that has to be given back when nobody wants anything of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub tasks: usize,
    /// Handles on files, but for the newest segment of each log, which is open once it was used.
    pub handles: usize,
    /// Lines of the metrics: connections, and what of the budgets is in use.
    pub gauges: Vec<String>,
}

impl Held {
    /// Whether no more is held than once before. A compaction may have held more handles then.
    pub fn is_back_at(&self, baseline: &Self) -> bool {
        self.tasks == baseline.tasks && self.gauges == baseline.gauges && self.handles <= baseline.handles
    }
}

/// What hosts, clients and faults of a run share.
pub struct Shared {
    pub plan: Plan,
    pub clock: Arc<SimClock>,
    pub net: SimNet,
    pub history: RefCell<History>,
    pub groups: groups::Common,
    pub disk: RefCell<SimDisk>,
    pub workers: RefCell<Option<SimWorkers>>,
    pub phase: Cell<Phase>,
    /// Lives so far.
    pub lives: Cell<u64>,
    pub commands: RefCell<Option<mpsc::UnboundedSender<Command>>>,
    /// A device may fail or be full: a broker that ends, or does not start, because of it is not to blame.
    pub disk_may_fail: Cell<bool>,
    /// Faults have ended; clients come to an end.
    pub healed: Cell<bool>,
    pub clients_done: Cell<u32>,
    /// Readers that wait for records.
    pub waiting: Cell<u32>,
    /// Partitions of which something promised has rotted: they may be offline, and nothing else may be hurt.
    pub rotten: RefCell<BTreeSet<Place>>,
    /// What the auditor may do next, and has done.
    pub audit: Cell<u32>,
    pub audited: Cell<u32>,
}

impl Shared {
    pub fn now_ms(&self) -> u64 {
        self.clock.elapsed_ms()
    }

    pub fn record(&self, event: &Event) {
        self.history.borrow_mut().record(self.now_ms(), event);
    }

    pub fn record_group(&self, event: &GroupEvent) {
        self.history.borrow_mut().record_group(self.now_ms(), event);
    }

    pub fn note(&self, what: &str) {
        self.history.borrow_mut().note(self.now_ms(), what);
    }

    pub fn count(&self, what: &'static str) {
        self.history.borrow_mut().count(what);
    }

    pub fn violated(&self, invariant: &'static str, what: String) {
        self.history.borrow_mut().violated(self.now_ms(), Violation { invariant, what });
    }

    pub fn command(&self, command: Command) {
        if let Some(commands) = &*self.commands.borrow() {
            let _ = commands.send(command);
        }
    }
}

/// One life of the broker.
pub async fn live(shared: Rc<Shared>) -> turmoil::Result {
    let life = shared.lives.get() + 1;
    shared.lives.set(life);
    shared.record_group(&GroupEvent::BrokerGone);
    shared.phase.set(Phase::Starting);
    let seed = shared.plan.seed.wrapping_mul(1_000).wrapping_add(life);
    let workers = SimWorkers::new(seed, shared.plan.pace);
    tokio::spawn(workers.clone().run());
    *shared.workers.borrow_mut() = Some(workers.clone());
    let (sender, mut commands) = mpsc::unbounded_channel();
    *shared.commands.borrow_mut() = Some(sender);
    let start = BrokerStart {
        settings: shared.plan.broker()?,
        disk: Arc::new(shared.disk.borrow().clone()),
        net: Arc::new(shared.net.clone()),
        clock: Arc::clone(&shared.clock) as Arc<dyn Clock>,
        rng: Arc::new(SeededRng::new(!seed)),
        workers: Arc::new(workers),
        // One thread has all of it.
        lanes: Lanes::default(),
        partitions_max: partitions_max(None),
    };
    let broker = match Broker::start(start).await {
        Ok(broker) => broker,
        Err(error) => {
            ended(&shared, &format!("it does not start: {error}"));
            return Ok(());
        }
    };
    shared.phase.set(Phase::Recovering);
    let end = {
        let served = async {
            match broker.recover().await {
                Ok(report) => recovered(&shared, &report),
                Err(error) => return End::Failed(format!("it does not recover: {error}")),
            }
            shared.phase.set(Phase::Serving);
            while let Some(Command::Look(reply)) = commands.recv().await {
                let _ = reply.send(look(&shared, &broker).await);
            }
            End::Stop
        };
        tokio::select! {
            biased;
            failed = broker.failed() => End::Failed(format!("it cannot go on: {failed}")),
            end = served => end,
        }
    };
    match end {
        End::Failed(why) => ended(&shared, &why),
        End::Stop => {
            shared.phase.set(Phase::Stopping);
            match broker.stop().await {
                Ok(()) => shared.note("stopped"),
                Err(error) => ended(&shared, &format!("no clean stop: {error}")),
            }
            shared.phase.set(Phase::Ended);
        }
    }
    Ok(())
}

enum End {
    Stop,
    Failed(String),
}

/// What a process that its disk ended says: an error of the device (EIO), or that it is full (ENOSPC, EDQUOT).
const DISK_ERRORS: [&str; 3] = ["(os error 5)", "(os error 28)", "(os error 122)"];

/// The process ends and says why, which is right only if its disk failed, and if that is why.
fn ended(shared: &Shared, why: &str) {
    shared.note(why);
    shared.phase.set(Phase::Ended);
    let is_disk = DISK_ERRORS.iter().any(|error| why.contains(error));
    if !shared.disk_may_fail.get() || !is_disk {
        shared.violated("start and stop", why.to_owned());
    }
}

fn recovered(shared: &Shared, report: &ottla_broker::partition::StartReport) {
    shared.note(&format!("{report:?}"));
    if report.recovered_logs > 0 {
        shared.count("log recovered");
    }
    if report.cut_bytes > 0 {
        shared.count("log cut");
    }
    if report.offline > shared.rotten.borrow().len() {
        shared.violated("I1", format!("a partition is offline after a start: {report:?}"));
    }
    if !report.strays.is_empty() {
        shared.violated("I1", format!("directories that the metadata does not know: {report:?}"));
    }
}

async fn look(shared: &Shared, broker: &Broker) -> Held {
    let text = broker.metrics().await.unwrap_or_default();
    let is_held = |line: &&str| {
        ["ottla_connections ", "ottla_memory_used_bytes", "ottla_fetches_waiting "]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let mut gauges: Vec<String> = text.lines().filter(is_held).map(str::to_owned).collect();
    gauges.sort_unstable();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let disk = shared.disk.borrow();
    let handles = disk.open_handles(&stored::newest_segments(&disk));
    Held { tasks, handles, gauges }
}
