//! The machine between runs: how busy it is, and memory that starts the same for both brokers.

use crate::process::run as run_command;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const WAIT_MAX: Duration = Duration::from_secs(30 * 60);
/// Share of the cores that others may use in the moment before a run. The load average would be that of the run before
/// it, for minutes; it is only told.
const BUSY_MAX: f64 = 0.05;
const LOOK: Duration = Duration::from_secs(5);
/// For writes, freed memory and compilers to come to rest.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Until the machine is quiet.
    Wait,
    /// Measure whatever else runs.
    Busy,
}

/// What a run found.
#[derive(Debug, Clone, Copy)]
pub struct State {
    pub load: f64,
    pub free_mb: f64,
    /// Of all cores, 0 to 1.
    pub busy: f64,
}

/// Nothing in the page cache and nothing to be written, then a pause in which nobody else may work.
pub fn fresh(root: &Path, patience: Patience) -> Result<State> {
    drop_caches(root)?;
    let begin = Instant::now();
    loop {
        let before = Ticks::now()?;
        sleep(LOOK);
        let state = State { load: load(), free_mb: free_mb(), busy: Ticks::now()?.busy_since(before) };
        if patience == Patience::Busy || state.busy <= BUSY_MAX {
            return Ok(state);
        }
        eprintln!("{:.0} % of the cores are in use: waiting; --busy measures at once", state.busy * 100.0);
        if begin.elapsed() > WAIT_MAX {
            bail!("the machine is not quiet after {} minutes", WAIT_MAX.as_secs() / 60);
        }
    }
}

pub fn drop_caches(root: &Path) -> Result<()> {
    run_command(root, "sync", &[])?;
    fs::write("/proc/sys/vm/drop_caches", "3").context("drop the page cache, which takes root")
}

/// What was written is on the disk before the clock starts.
pub fn settle(root: &Path) -> Result<()> {
    run_command(root, "sync", &[])?;
    sleep(SETTLE);
    Ok(())
}

/// The load of the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

fn free_mb() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemFree:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().map_or(f64::NAN, |kib: f64| kib * 1024.0 / 1e6)
}

/// CPU time of the machine since it started, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    idle: u64,
    all: u64,
}

impl Ticks {
    fn now() -> Result<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").context("read /proc/stat")?)
    }

    /// Of the line of all cores: user, nice, system, idle, iowait, irq, softirq, steal. Time that waits for a disk is idle.
    fn parse(stat: &str) -> Result<Self> {
        let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks: Vec<u64> = line.split_ascii_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
        match ticks[..] {
            [_, _, _, idle, waiting, ..] => Ok(Self { idle: idle + waiting, all: ticks.iter().sum() }),
            _ => bail!("/proc/stat has an unexpected form"),
        }
    }

    fn busy_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        1.0 - self.idle.saturating_sub(before.idle) as f64 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_is_busy_is_what_is_neither_idle_nor_waiting() {
        let of = |stat: &str| Ticks::parse(stat).unwrap();
        let before = of("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n");
        let after = of("cpu  110 0 120 760 105 0 0 5 0 0\n");
        assert!((after.busy_since(before) - 0.35).abs() < 1e-9);
        assert_eq!(before.busy_since(before), 1.0);
        assert!(Ticks::parse("intr 1 2").is_err());
    }
}
