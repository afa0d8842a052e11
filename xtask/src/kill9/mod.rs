//! `cargo xtask kill9`: real clients write and read while the broker is killed with SIGKILL and started again, round
//! after round on the same data directory; then everything that was promised is looked up.
//!
//! The client programs (crates/cli/tests/kill9) live through the restarts. What they report goes into the ledger;
//! `churn` adds topics that come and go, producer ids, and kills at the very moment of an answer; `run` is the
//! sequence of a round; `groups` is the same for consumer groups; `controls` plants bugs and demands that all of this finds them. The page cache survives
//! SIGKILL, so a missing sync is not seen here: that is what the crash suites are for.

pub mod broker;
mod churn;
mod controls;
mod group_calls;
mod groups;
mod ledger;
mod options;
mod programs;
pub mod protocol;
mod random;
mod record;
mod run;
mod segments;
mod violation;

use anyhow::{Context, Result, bail};
use broker::Program;
use options::Options;
use run::{Plan, Totals};
use std::path::{Path, PathBuf};
use violation::Violation;

/// Runs with the options of the command line.
pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let program = match (&options.kafka, &options.binary) {
        (Some(script), _) => Program::Kafka { script: std::fs::canonicalize(script).context("--kafka")? },
        (None, Some(binary)) => Program::Ottla { binary: binary.clone(), control: None },
        (None, None) => Program::Ottla { binary: root.join("target/release/ottla"), control: None },
    };
    if options.controls {
        return controls::run(root, &options);
    }
    if options.groups {
        let folder = new_folder(root, &format!("groups-{}", options.seed))?;
        let plan = Plan { rounds: options.rounds, seed: options.seed, tear: false, quiet: false };
        groups::run(program, &folder, &plan).with_context(|| format!("data in {}", folder.display()))?;
        return Ok(std::fs::remove_dir_all(&folder)?);
    }
    let built = programs::build(root)?;
    let Options { rounds, seed, tear, .. } = options;
    let folder = new_folder(root, &format!("seed-{seed}"))?;
    println!("kill9: {rounds} rounds, seed {seed}, data in {}", folder.display());
    match run::run(&built, program, &folder, &Plan { rounds, seed, tear, quiet: false }) {
        Ok(totals) => {
            report(&totals);
            Ok(std::fs::remove_dir_all(&folder)?)
        }
        Err(error) => match error.downcast_ref::<Violation>() {
            Some(violation) => {
                bail!("{violation}\nseed {seed}; data and logs are kept in {}", folder.display())
            }
            None => Err(error).with_context(|| format!("seed {seed}, {}", folder.display())),
        },
    }
}

/// An empty folder below `target/kill9`.
fn new_folder(root: &Path, name: &str) -> Result<PathBuf> {
    let folder = root.join("target/kill9").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn report(totals: &Totals) {
    println!(
        "kill9: {} rounds, {} kills ({} inside recovery), {} acks, {} given up, {} records read throughout, \
         {} in checks, {} stored twice by a writer that may, {} topics created, {} deleted, {} records to them, \
         {} producer ids, {} logs torn, recovery {} ms at most: nothing lost, moved or doubled",
        totals.rounds,
        totals.kills,
        totals.inside_recovery,
        totals.acks,
        totals.fails,
        totals.tail_records,
        totals.check_records,
        totals.doubles_allowed,
        totals.churn.created,
        totals.churn.deleted,
        totals.churn.produced,
        totals.churn.ids,
        totals.tears,
        totals.recovery_max.as_millis(),
    );
}
