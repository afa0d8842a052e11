//! `ottla-sim crash`: the crash suite on the simulated disk, the suite of damage, and, with the feature `controls`, every
//! planted bug.

use ottla_sim::crash::log::LogWorkload;
use ottla_sim::crash::metadata::MetadataWorkload;
use ottla_sim::crash::partitions::PartitionsWorkload;
use ottla_sim::crash::{Effort, Report, Spoiled, explore};
use ottla_sim::disk::power_cut::Budget;
use std::process::ExitCode;

const USAGE: &str = "usage: ottla-sim crash [SEEDS [FIRST]]   (with --features controls: planted bugs too)";

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
        ["crash", seeds] => number(seeds).and_then(|seeds| crash(0, seeds)),
        ["crash", seeds, first] => {
            number(seeds).and_then(|seeds| number(first).and_then(|first| crash(first, seeds)))
        }
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
