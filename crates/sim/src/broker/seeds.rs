//! Many seeds, side by side, and what they came to together.

use super::{Counters, Outcome, SOMETIMES, run};
use crate::checker::groups::GroupCounts;
use ottla_env::clock::{Clock, OsClock};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Of so many seeds one is run twice, to see that a seed is a run.
const TWICE_EVERY: u64 = 20;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub first: u64,
    /// The first seed, where somebody named it: hunts for planted bugs begin with it then.
    pub given: Option<u64>,
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
    pub groups: GroupCounts,
    pub counters: Counters,
    /// The seed of each run, by the hash of what happened.
    runs: BTreeMap<u64, u64>,
}

impl Total {
    /// Another seed is another run, or the choices are not drawn from it.
    fn add(&mut self, outcome: &Outcome) -> Result<(), Failure> {
        if let Some(other) = self.runs.insert(outcome.hash, outcome.seed) {
            let (seed, hash) = (outcome.seed, outcome.hash);
            return Err(Failure::Void(format!("seeds {other} and {seed} were the same run, {hash:016x}")));
        }
        self.seeds += 1;
        self.simulated += outcome.simulated;
        self.events += outcome.events;
        self.acked += outcome.acked;
        self.read += outcome.read;
        self.groups.add(&outcome.groups);
        for (name, count) in &outcome.counters {
            *self.counters.entry(name).or_default() += count;
        }
        Ok(())
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
            "{} seeds, no two of them equal ({} run twice, equal), {:.2} simulated hours, {} events, {} records acknowledged, {} read\n{}",
            self.seeds,
            self.twice,
            self.simulated.as_secs_f64() / 3_600.0,
            self.events,
            self.acked,
            self.read,
            self.groups
        )
    }
}

/// Why runs ended before their time.
#[derive(Debug)]
pub enum Failure {
    /// A broken promise.
    Broken(String),
    /// The product, or the simulation, panicked.
    Panicked(String),
    /// A seed is not a run: what was seen says nothing.
    Void(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Broken(text) | Self::Panicked(text) | Self::Void(text)) = self;
        f.write_str(text)
    }
}

/// A seed to run, and whether its events are printed.
type Run<'a> = &'a (dyn Fn(u64, bool) -> Outcome + Sync);

/// Runs them all; the first broken promise ends it.
pub fn run_all(options: Options) -> Result<Total, Failure> {
    run_all_by(options, &|seed, shown| run(seed, options.chaos, shown))
}

fn run_all_by(options: Options, run: Run<'_>) -> Result<Total, Failure> {
    let total = Mutex::new(Total::default());
    let failure: Mutex<Option<Failure>> = Mutex::new(None);
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
                    let ended = one(seed, options, run).and_then(|(outcome, twice)| {
                        let mut total = total.lock().expect("no holder of this lock can panic");
                        total.twice += u64::from(twice);
                        total.add(&outcome)
                    });
                    if let Err(error) = ended {
                        stop.store(true, Ordering::SeqCst);
                        failure.lock().expect("no holder of this lock can panic").get_or_insert(error);
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

fn one(seed: u64, options: Options, run: Run<'_>) -> Result<(Outcome, bool), Failure> {
    let again =
        format!("again, with every event: broker --seed {seed} --chaos {} --show", options.chaos.as_secs());
    let run = |shown| {
        // A panic of the product would otherwise end a thread of the seeds without a word of which one it was.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed, shown)));
        ended.map_err(|panic| {
            Failure::Panicked(format!("seed {seed} panicked: {}\n{again}", said(panic.as_ref())))
        })
    };
    let outcome = run(options.shown)?;
    if let Some(violation) = &outcome.violation {
        let at = outcome.simulated.as_secs_f64();
        return Err(Failure::Broken(format!(
            "seed {seed} at {at:.1} s: {violation}\n{}\n{again}",
            outcome.plan
        )));
    }
    let twice = cfg!(tokio_unstable) && seed.is_multiple_of(TWICE_EVERY);
    if twice {
        let second = run(false)?;
        if second.hash != outcome.hash {
            let hashes = format!("{:016x} and {:016x}", outcome.hash, second.hash);
            return Err(Failure::Void(format!("seed {seed} was run twice: {hashes}")));
        }
    }
    Ok((outcome, twice))
}

/// The text of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(seed: u64) -> Outcome {
        Outcome {
            seed,
            plan: String::new(),
            violation: None,
            hash: seed,
            counters: Counters::new(),
            simulated: Duration::ZERO,
            events: 0,
            acked: 0,
            read: 0,
            groups: GroupCounts::default(),
        }
    }

    fn options(seeds: u64, threads: usize) -> Options {
        Options {
            first: 1,
            given: None,
            seeds,
            time: None,
            chaos: Duration::from_secs(7),
            threads,
            shown: false,
            planted: false,
        }
    }

    /// What seeds from 1 on came to, whose third panics, and how many of them were begun.
    fn panicking(seeds: u64, threads: usize) -> (Failure, u64) {
        let begun = AtomicU64::new(0);
        let run = |seed, _| {
            begun.fetch_add(1, Ordering::SeqCst);
            assert!(seed != 3, "the product is at fault");
            quiet(seed)
        };
        let failure = run_all_by(options(seeds, threads), &run).unwrap_err();
        (failure, begun.into_inner())
    }

    #[test]
    fn a_panic_names_its_seed_and_is_the_end() {
        let (failure, begun) = panicking(1_000, 1);
        assert!(matches!(failure, Failure::Panicked(_)), "{failure}");
        let text = failure.to_string();
        assert!(text.contains("seed 3 panicked: the product is at fault"), "{text}");
        assert!(text.contains("broker --seed 3 --chaos 7 --show"), "{text}");
        assert_eq!(begun, 3);
    }

    #[test]
    fn a_seed_that_is_the_run_of_another_one_is_the_end() {
        let third_as_second = |seed: u64, _| Outcome { hash: seed.min(2), ..quiet(seed) };
        let failure = run_all_by(options(5, 1), &third_as_second).unwrap_err();
        assert!(matches!(failure, Failure::Void(_)), "{failure}");
        assert!(failure.to_string().contains("seeds 2 and 3 were the same run"), "{failure}");
        let total = run_all_by(options(2, 1), &third_as_second).unwrap();
        assert_eq!((total.seeds, total.twice), (2, 0));
    }

    #[test]
    fn a_panic_ends_the_other_thread_too() {
        const MANY: u64 = 10_000_000;
        let (failure, begun) = panicking(MANY, 2);
        assert!(failure.to_string().contains("seed 3 panicked"), "{failure}");
        assert!(begun < MANY);
    }
}
