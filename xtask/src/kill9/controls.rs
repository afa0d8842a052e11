//! The planted bugs: a test build carries them, the environment picks one, and the rounds must fail.
//!
//! First the same build runs without any, so that a failure is the bug's and not the build's.

use super::broker::Program;
use super::new_folder;
use super::options::Options;
use super::programs::Built;
use super::run::{self, Plan};
use super::violation::Violation;
use crate::process;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const CONTROLS: &[&str] = &[
    "acked-before-write",
    "stop-at-checkpoint",
    "producers-not-rebuilt",
    "producer-ids-in-memory",
    "create-answered-early",
    "torn-tail-accepted",
];
/// Rounds of the build without a bug.
const HEALTHY_ROUNDS: u64 = 2;

pub fn run(root: &Path, built: &Built, options: &Options) -> Result<()> {
    let chosen: Vec<&'static str> = CONTROLS
        .iter()
        .copied()
        .filter(|c| options.control.as_deref().is_none_or(|name| name == *c))
        .collect();
    if chosen.is_empty() {
        bail!("no such control; there are {}", CONTROLS.join(", "));
    }
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build(root)?,
    };
    one(root, built, &binary, None, options, HEALTHY_ROUNDS)?;
    let mut missed = Vec::new();
    for control in &chosen {
        match one(root, built, &binary, Some(control), options, options.rounds)? {
            Some((violation, round)) => println!("caught {control} in round {round}: {violation}"),
            None => {
                println!("MISSED {control} in {} rounds", options.rounds);
                missed.push(*control);
            }
        }
    }
    if !missed.is_empty() {
        bail!("not caught: {} (seed {})", missed.join(", "), options.seed);
    }
    println!("kill9: {} of {} planted bugs caught", chosen.len(), chosen.len());
    Ok(())
}

fn build(root: &Path) -> Result<PathBuf> {
    let args =
        ["build", "--release", "-p", "ottla", "--features", "controls", "--target-dir", "target/controls"];
    process::run(root, &process::cargo(), &[&args[..], &["--locked", "--quiet"]].concat())?;
    Ok(root.join("target/controls/release/ottla"))
}

/// What was found, and in which round. Without a control, a finding is an error.
fn one(
    root: &Path,
    built: &Built,
    binary: &Path,
    control: Option<&'static str>,
    options: &Options,
    rounds: u64,
) -> Result<Option<(Violation, u64)>> {
    let name = control.unwrap_or("none");
    let folder = new_folder(root, &format!("control-{name}"))?;
    let program = Program::Ottla { binary: binary.to_owned(), control };
    let plan = Plan { rounds, seed: options.seed, tear: true, quiet: true };
    let result = run::run(built, program, &folder, &plan);
    match (result, control) {
        (Ok(_), _) => {
            std::fs::remove_dir_all(&folder)?;
            Ok(None)
        }
        (Err(error), Some(_)) if error.downcast_ref::<Violation>().is_some() => {
            let round = error.downcast_ref::<run::InRound>().map_or(0, |round| round.0);
            let violation = error.downcast::<Violation>()?;
            std::fs::remove_dir_all(&folder)?;
            Ok(Some((violation, round)))
        }
        (Err(error), _) => {
            Err(error).with_context(|| format!("control {name}, seed {}, {}", options.seed, folder.display()))
        }
    }
}
