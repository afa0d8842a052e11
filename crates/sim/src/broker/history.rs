//! What happened in a run: events for the checker, a hash of all of it, and how often what had to be met was met.

use crate::checker::groups::{GroupChecker, GroupCounts, GroupEvent};
use crate::checker::{Checker, Event, Violation};
use ottla_env::clock::Clock;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// 2026-01-01, so that timestamps look like timestamps.
const EPOCH_MS: i64 = 1_767_225_600_000;

/// The time of the simulation, for everybody in it.
#[derive(Debug, Default)]
pub struct SimClock {
    elapsed_ms: AtomicU64,
    /// What the clock on the wall shows beside that.
    jumped_ms: AtomicI64,
}

impl SimClock {
    pub fn set(&self, elapsed: Duration) {
        self.elapsed_ms.store(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    pub fn elapsed_ms(&self) -> u64 {
        self.elapsed_ms.load(Ordering::SeqCst)
    }

    /// From now on the clock on the wall is so much fast.
    pub fn jump(&self, ms: i64) {
        self.jumped_ms.store(ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        let jumped_ms = self.jumped_ms.load(Ordering::SeqCst);
        EPOCH_MS + jumped_ms + i64::try_from(self.elapsed_ms()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms())
    }
}

/// What has to be met at least once in all runs together, or they prove nothing.
pub const SOMETIMES: &[&str] = &[
    "broker killed",
    "power cut",
    "power cut lost unsynced writes",
    "power cut tore a write",
    "crash while the broker recovered",
    "crash while the broker started",
    "clean stop",
    "log recovered",
    "log cut",
    "connections reset",
    "client cut off",
    "one direction cut off",
    "messages lost",
    "link slow",
    "syncs stalled",
    "sync failed",
    "write failed",
    "write cut short",
    "read failed",
    "disk full",
    "bit rotted",
    "damage refused",
    "clock jumped",
    "acknowledged records in doubt",
    "topic turned from os to fsync",
    "retry deduplicated",
    "long poll crossed a crash",
    "segment rolled",
    "records deleted",
    "topic created",
    "topic deleted",
    "reader started over",
    "outcome unknown",
    "producer started anew",
    "partitions given to a member",
    "partition moved in two generations",
    "offsets committed",
    "commit unanswered",
    "commit of another generation fenced",
    "commit of a stranger fenced",
    "commit of a displaced member fenced",
    "offsets looked up",
    "look-up put off",
    "member left its group",
    "member vanished",
    "static member replaced",
    "member went on after a start of the broker",
];

/// How often what was met, by name.
pub type Counters = BTreeMap<&'static str, u64>;

#[derive(Debug, Default)]
pub struct History {
    checker: Checker,
    groups: GroupChecker,
    hash: u64,
    pub events: u64,
    pub violation: Option<Violation>,
    pub counters: Counters,
    /// Times that all connections of the broker broke at once.
    crashes: u32,
    /// Values that somebody read before so many crashes, and that are not acknowledged yet.
    unanswered: BTreeMap<u64, u32>,
    /// Events are printed too.
    shown: bool,
}

impl History {
    pub fn new(shown: bool) -> Self {
        Self { shown, ..Self::default() }
    }

    pub fn count(&mut self, what: &'static str) {
        debug_assert!(SOMETIMES.contains(&what), "{what} is not in the list");
        *self.counters.entry(what).or_default() += 1;
    }

    /// Something of the run that two runs of one seed have in common.
    pub fn note(&mut self, now_ms: u64, what: &str) {
        for byte in now_ms.to_le_bytes().iter().chain(what.as_bytes()) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        self.hash = self.hash.rotate_left(7);
        if self.shown {
            println!("{now_ms:>8} {what}");
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn record(&mut self, now_ms: u64, event: &Event) {
        self.events += 1;
        self.note(now_ms, &format!("{event:?}"));
        match event {
            Event::Read { value, .. }
                if self.checker.is_pending(*value) && !self.checker.was_read(*value) =>
            {
                self.unanswered.insert(*value, self.crashes);
            }
            Event::Acked { value, .. } => {
                // It was in the log before the crash, and its answer came behind it: that of a retry.
                let was_unanswered =
                    self.unanswered.remove(value).is_some_and(|before| before < self.crashes);
                if was_unanswered {
                    self.count("retry deduplicated");
                }
            }
            _ => {}
        }
        let doubted = self.checker.doubted();
        if let Err(violation) = self.checker.observe(event) {
            self.violated(now_ms, violation);
        }
        if self.checker.doubted() > doubted {
            self.count("acknowledged records in doubt");
        }
    }

    pub fn record_group(&mut self, now_ms: u64, event: &GroupEvent) {
        self.events += 1;
        self.note(now_ms, &format!("{event:?}"));
        if let Err(violation) = self.groups.observe(now_ms, event) {
            self.violated(now_ms, violation);
        }
    }

    pub fn group_counts(&self) -> GroupCounts {
        self.groups.counts()
    }

    /// The first one counts; what comes behind it may be its echo.
    pub fn violated(&mut self, now_ms: u64, violation: Violation) {
        self.note(now_ms, &format!("VIOLATION {violation}"));
        self.violation.get_or_insert(violation);
    }

    pub fn crashed(&mut self) {
        self.crashes += 1;
    }

    pub fn counts(&self) -> (usize, usize) {
        self.checker.counts()
    }
}
