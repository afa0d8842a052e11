//! `ottla-sim crash`: the crash suite on the simulated disk, and the suite of damage. `ottla-sim broker`: the whole broker
//! simulated. With the feature `controls` both then have to catch every planted bug.

use ottla_sim::broker::seeds::{Options, run_all};
use ottla_sim::crash::log::LogWorkload;
use ottla_sim::crash::metadata::MetadataWorkload;
use ottla_sim::crash::partitions::PartitionsWorkload;
use ottla_sim::crash::{Effort, Report, Spoiled, explore};
use ottla_sim::disk::power_cut::Budget;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

const USAGE: &str = "usage: ottla-sim crash [SEEDS [FIRST]]
       ottla-sim broker [--seed N] [--seeds N] [--minutes N] [--chaos SECONDS] [--threads N] [--show] [--planted]
  --seed     the first seed (1), and the only one unless --seeds, --minutes or --planted is given
  --seeds    how many (40 when neither --seed nor --minutes says otherwise)
  --minutes  as many as there is time for
  --chaos    simulated seconds with faults, of each seed (60)
  --threads  seeds at a time (2)
  --show     print every event, and the log lines of the broker
  --planted  the planted bugs too, each of which has to be caught within 40 seeds, from --seed or one of its own on
             (--features controls)
crash runs them whenever that feature is there.";

/// So many seeds meet everything that has to be met.
const DEFAULT_SEEDS: u64 = 40;

const EFFORT: Effort =
    Effort { every: 1, budget: Budget { exhaustive: 4, sampled: 12, torn: 6 }, inside_every: 12 };
/// A bug shows in many places; one of them is enough.
#[cfg(feature = "controls")]
const PLANTED: Effort =
    Effort { every: 12, budget: Budget { exhaustive: 2, sampled: 3, torn: 2 }, inside_every: 40 };
/// Each of its recoveries starts and stops twenty threads.
const THREADED: Effort =
    Effort { every: 4, budget: Budget { exhaustive: 2, sampled: 3, torn: 2 }, inside_every: 20 };
/// Few moments, and of each every subset of up to so many operations.
const EXHAUSTIVE: Effort =
    Effort { every: 20, budget: Budget { exhaustive: 10, sampled: 40, torn: 12 }, inside_every: 200 };

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["crash"] => crash(0, 4),
        ["crash", seeds] => some(seeds).and_then(|seeds| crash(0, seeds)),
        ["crash", seeds, first] => {
            some(seeds).and_then(|seeds| number(first).and_then(|first| crash(first, seeds)))
        }
        ["broker", ref rest @ ..] => options(rest).ok_or_else(|| USAGE.to_owned()).and_then(broker),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| USAGE.to_owned())
}

/// How many: none would pass without having shown anything.
fn some(text: &str) -> Result<u64, String> {
    number(text).and_then(|number| if number > 0 { Ok(number) } else { Err(USAGE.to_owned()) })
}

fn options(args: &[&str]) -> Option<Options> {
    let mut seeds = None;
    let mut options = Options {
        first: 1,
        given: None,
        seeds: DEFAULT_SEEDS,
        time: None,
        chaos: Duration::from_secs(60),
        threads: 2,
        shown: false,
        planted: false,
    };
    let mut args = args.iter();
    while let Some(name) = args.next() {
        match *name {
            "--show" => options.shown = true,
            "--planted" => options.planted = true,
            _ => {}
        }
        if matches!(*name, "--show" | "--planted") {
            continue;
        }
        let value: u64 = args.next()?.parse().ok()?;
        if value == 0 && matches!(*name, "--seeds" | "--minutes") {
            return None;
        }
        match *name {
            "--seed" => options.given = Some(value),
            "--seeds" => seeds = Some(value),
            "--minutes" => options.time = Some(Duration::from_secs(60 * value)),
            "--chaos" => options.chaos = Duration::from_secs(value),
            "--threads" => options.threads = usize::try_from(value).ok()?,
            _ => return None,
        }
    }
    options.first = options.given.unwrap_or(options.first);
    options.seeds = match (seeds, options.time, options.given) {
        (Some(seeds), _, _) => seeds,
        (None, Some(_), _) => u64::MAX,
        (None, None, Some(_)) if !options.planted => 1,
        (None, None, _) => DEFAULT_SEEDS,
    };
    Some(options)
}

/// Runs seeds. Of many, everything that has to be met must be; one that is looked at alone need not meet anything.
fn broker(options: Options) -> Result<(), String> {
    if !cfg!(tokio_unstable) {
        println!(
            "runs of this build cannot be repeated exactly, and panics of tasks go unseen; `cargo xtask simulate` has neither"
        );
    }
    if options.shown {
        let filter = EnvFilter::new("warn,ottla_broker=debug,ottla_log=debug");
        tracing_subscriber::fmt().with_env_filter(filter).without_time().with_ansi(false).init();
    }
    let total = run_all(options).map_err(|failure| failure.to_string())?;
    println!("{total}");
    let missing = total.missing();
    if !missing.is_empty() {
        let missing = format!("this was never met: {}", missing.join(", "));
        if total.seeds >= DEFAULT_SEEDS {
            return Err(format!("the runs are void, {missing}"));
        }
        println!("{missing}");
    }
    planted_in_broker(options)
}

#[cfg(feature = "controls")]
fn planted_in_broker(options: Options) -> Result<(), String> {
    if !options.planted {
        return Ok(());
    }
    let caught = ottla_sim::broker::planted::catch_all(options)?;
    println!("{caught} planted bugs, all caught");
    Ok(())
}

#[cfg(not(feature = "controls"))]
fn planted_in_broker(options: Options) -> Result<(), String> {
    if options.planted {
        Err("this build has no planted bugs; add --features controls".to_owned())
    } else {
        Ok(())
    }
}

fn crash(first: u64, count: u64) -> Result<(), String> {
    let seeds = first..first + count;
    let mut total = Report::default();
    let mut add = |name: &str, report: Report| {
        println!("{name}: {report:?}");
        total.states += report.states;
        total.inside_recovery += report.inside_recovery;
    };
    add("log", explore(&LogWorkload, seeds.clone(), EFFORT, Spoiled::Nothing)?);
    let few = first + 1_000..first + 1_000 + count.div_ceil(8);
    add("log, all subsets", explore(&LogWorkload, few.clone(), EXHAUSTIVE, Spoiled::Nothing)?);
    add("metadata", explore(&MetadataWorkload, seeds.clone(), EFFORT, Spoiled::Nothing)?);
    add("partitions", explore(&PartitionsWorkload, few, THREADED, Spoiled::Nothing)?);
    for (name, cases) in ottla_sim::damage::all(seeds)? {
        println!("{name}: {cases} cases");
    }
    println!(
        "{} states and {} cuts inside recovery explored, 0 acknowledged lost",
        total.states, total.inside_recovery
    );
    planted()
}

#[cfg(feature = "controls")]
fn planted() -> Result<(), String> {
    let caught = ottla_sim::crash::planted::catch_all(PLANTED)?;
    println!("{caught} planted bugs, all caught");
    Ok(())
}

#[cfg(not(feature = "controls"))]
fn planted() -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_do_is_refused() {
        for args in [["--seeds", "0"], ["--minutes", "0"]] {
            assert!(options(&args).is_none(), "{args:?}");
        }
        assert!(some("0").is_err());
        assert_eq!(some("2"), Ok(2));
    }

    #[test]
    fn as_many_seeds_run_as_were_asked_for() {
        let cases: [(&[&str], u64, u64); 7] = [
            (&[], 1, DEFAULT_SEEDS),
            (&["--seed", "9"], 9, 1),
            (&["--seed", "9", "--seeds", "3"], 9, 3),
            (&["--seed", "9", "--planted"], 9, DEFAULT_SEEDS),
            (&["--planted", "--seeds", "3"], 1, 3),
            (&["--planted"], 1, DEFAULT_SEEDS),
            (&["--minutes", "1"], 1, u64::MAX),
        ];
        for (args, first, seeds) in cases {
            let found = options(args).unwrap();
            assert_eq!((found.first, found.seeds), (first, seeds), "{args:?}");
        }
    }
}
