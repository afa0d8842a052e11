//! Many seeds, side by side, and what they came to together.

use super::{Counters, Outcome, SOMETIMES, run};
use ottla_env::clock::{Clock, OsClock};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Of so many seeds one is run twice, to see that a seed is a run.
const TWICE_EVERY: u64 = 20;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub first: u64,
    pub seeds: u64,
    /// No seed is begun behind it.
    pub time: Option<Duration>,
    /// Simulated time with faults, of each.
    pub chaos: Duration,
    pub threads: usize,
    /// Print the events.
    pub shown: bool,
    /// Planted bugs are looked for too.
    pub planted: bool,
}

/// All runs together.
#[derive(Debug, Default)]
pub struct Total {
    pub seeds: u64,
    pub twice: u64,
    pub simulated: Duration,
    pub events: u64,
    pub acked: usize,
    pub read: usize,
    pub counters: Counters,
}

impl Total {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.simulated += outcome.simulated;
        self.events += outcome.events;
        self.acked += outcome.acked;
        self.read += outcome.read;
        for (name, count) in &outcome.counters {
            *self.counters.entry(name).or_default() += count;
        }
    }

    /// What has to be met and was not.
    pub fn missing(&self) -> Vec<&'static str> {
        SOMETIMES.iter().copied().filter(|name| !self.counters.contains_key(name)).collect()
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for name in SOMETIMES {
            writeln!(f, "  {:>8}  {name}", self.counters.get(name).copied().unwrap_or(0))?;
        }
        write!(
            f,
            "{} seeds ({} of them twice, equal), {:.2} simulated hours, {} events, {} records acknowledged, {} read",
            self.seeds,
            self.twice,
            self.simulated.as_secs_f64() / 3_600.0,
            self.events,
            self.acked,
            self.read
        )
    }
}

/// Runs them all; the first broken promise ends it.
pub fn run_all(options: Options) -> Result<Total, String> {
    let total = Mutex::new(Total::default());
    let failure: Mutex<Option<String>> = Mutex::new(None);
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let clock = OsClock::new();
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let is_late = options.time.is_some_and(|time| clock.monotonic() > time);
                    if number >= options.seeds || is_late {
                        return;
                    }
                    let seed = options.first + number;
                    match one(seed, options) {
                        Ok((outcome, twice)) => {
                            let mut total = total.lock().expect("no holder of this lock can panic");
                            total.add(&outcome);
                            total.twice += u64::from(twice);
                        }
                        Err(error) => {
                            stop.store(true, Ordering::SeqCst);
                            failure.lock().expect("no holder of this lock can panic").get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    match failure.into_inner().expect("no holder of this lock can panic") {
        Some(failure) => Err(failure),
        None => Ok(total.into_inner().expect("no holder of this lock can panic")),
    }
}

fn one(seed: u64, options: Options) -> Result<(Outcome, bool), String> {
    let outcome = run(seed, options.chaos, options.shown);
    if let Some(violation) = &outcome.violation {
        let chaos = options.chaos.as_secs();
        return Err(format!(
            "seed {seed} at {:.1} s: {violation}\n{}\nagain, with every event: broker --seed {seed} --chaos {chaos} --show",
            outcome.simulated.as_secs_f64(),
            outcome.plan
        ));
    }
    let twice = cfg!(tokio_unstable) && seed.is_multiple_of(TWICE_EVERY);
    if twice {
        let again = run(seed, options.chaos, false);
        if again.hash != outcome.hash {
            return Err(format!("seed {seed} was run twice: {:016x} and {:016x}", outcome.hash, again.hash));
        }
    }
    Ok((outcome, twice))
}
