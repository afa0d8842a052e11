//! The planted bugs: a test build carries them, the environment picks one, and the rounds must fail.
//!
//! First the same build runs without any, so that a failure is the bug's and not the build's.

use super::broker::Program;
use super::options::Options;
use super::programs::{self, Built};
use super::run::{self, Plan};
use super::violation::Violation;
use super::{groups, new_folder};
use crate::simulate;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// What has to notice a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suite {
    Writers,
    Groups,
}

const CONTROLS: &[(Suite, &str)] = &[
    (Suite::Writers, "acked-before-write"),
    (Suite::Writers, "stop-at-checkpoint"),
    (Suite::Writers, "producers-not-rebuilt"),
    (Suite::Writers, "producer-ids-in-memory"),
    (Suite::Writers, "create-answered-early"),
    (Suite::Writers, "torn-tail-accepted"),
    (Suite::Groups, "commit-not-written"),
    (Suite::Groups, "groups-answered-before-append"),
    (Suite::Groups, "groups-replay-cut-short"),
];
/// Rounds of the build without a bug.
const HEALTHY_ROUNDS: u64 = 2;

pub fn run(root: &Path, options: &Options) -> Result<()> {
    let wanted = |(suite, name): &&(Suite, &str)| {
        (*suite == Suite::Groups || !options.groups)
            && options.control.as_deref().is_none_or(|control| control == *name)
    };
    let chosen: Vec<(Suite, &'static str)> = CONTROLS.iter().filter(wanted).copied().collect();
    if chosen.is_empty() {
        let names: Vec<&str> = CONTROLS.iter().map(|(_, name)| *name).collect();
        bail!("no such control; there are {}", names.join(", "));
    }
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => simulate::build(root)?.join("ottla"),
    };
    let mut missed = Vec::new();
    for suite in [Suite::Writers, Suite::Groups] {
        let of_suite: Vec<&'static str> =
            chosen.iter().filter(|(of, _)| *of == suite).map(|(_, name)| *name).collect();
        if of_suite.is_empty() {
            continue;
        }
        let trial = Trial { root, binary: &binary, options, clients: suite.clients(root)? };
        trial.run(None, HEALTHY_ROUNDS)?;
        for control in of_suite {
            match trial.run(Some(control), options.rounds)? {
                Some((violation, round)) => println!("caught {control} in round {round}: {violation}"),
                None => {
                    println!("MISSED {control} in {} rounds", options.rounds);
                    missed.push(control);
                }
            }
        }
    }
    if !missed.is_empty() {
        bail!("not caught: {} (seed {})", missed.join(", "), options.seed);
    }
    println!("kill9: {} of {} planted bugs caught", chosen.len(), chosen.len());
    Ok(())
}

impl Suite {
    /// The programs that write and read; groups are asked by this process.
    fn clients(self, root: &Path) -> Result<Option<Built>> {
        match self {
            Self::Writers => programs::build(root).map(Some),
            Self::Groups => Ok(None),
        }
    }
}

/// One suite against the test build.
struct Trial<'a> {
    root: &'a Path,
    binary: &'a Path,
    options: &'a Options,
    clients: Option<Built>,
}

impl Trial<'_> {
    /// What was found, and in which round. Without a control, a finding is an error.
    fn run(&self, control: Option<&'static str>, rounds: u64) -> Result<Option<(Violation, u64)>> {
        let name = control.unwrap_or("none");
        let folder = new_folder(self.root, &format!("control-{name}"))?;
        let program = Program::Ottla { binary: self.binary.to_owned(), control };
        let plan = Plan { rounds, seed: self.options.seed, tear: true, quiet: true };
        let result = match &self.clients {
            Some(built) => run::run(built, program, &folder, &plan).map(drop),
            None => groups::run(program, &folder, &plan),
        };
        match (result, control) {
            (Ok(()), _) => {
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
                let seed = self.options.seed;
                Err(error).with_context(|| format!("control {name}, seed {seed}, {}", folder.display()))
            }
        }
    }
}
