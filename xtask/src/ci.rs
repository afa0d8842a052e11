//! `cargo xtask ci`: the test command of the README. It passes on a fresh Debian with Rust, or names what is missing.
//!
//! The stages run from the cheapest to the dearest and print their minutes at the end. Nothing here decides what a
//! suite checks; each suite prints how many cases it ran and fails when it ran fewer than it knows.

use crate::process::{self, cargo};
use crate::stages::Stages;
use crate::{
    answers, check, client_check, clients, disk_errors, fuzz, interop, kill9, limits, simulate, toolchains,
};
use anyhow::Result;
use std::path::Path;

/// Packages with planted bugs, and the tests that run them. What they do not plant is planted by the simulated disk and by
/// kill -9.
const WITH_CONTROLS: &[(&str, &[&str])] = &[
    ("ottla-log", &["controls"]),
    ("ottla-broker", &["partition_controls", "metadata_controls"]),
    ("ottla-state", &["group_controls"]),
];
const PLANTED: &str = "planted_bugs_are_caught";

/// About two minutes on two cores.
const SIMULATED_SEEDS: &str = "40";

pub fn run(root: &Path) -> Result<()> {
    let mut stages = Stages::default();
    let result = all(root, &mut stages);
    stages.report();
    result
}

fn all(root: &Path, stages: &mut Stages) -> Result<()> {
    let cargo = cargo();
    stages.run("toolchains", || toolchains::ensure(root, clients::TOOLCHAINS))?;
    check::stages_of_check(root, stages)?;
    stages.run("release build", || {
        process::run(root, &cargo, &["build", "--release", "--locked", "--quiet"])
    })?;
    stages.run("integration tests", || {
        process::run(root, &cargo, &["test", "--workspace", "--locked", "--tests", "--examples", "--quiet"])
    })?;
    stages.run("targets of cargo-fuzz", || {
        let lint = ["clippy", "--manifest-path", check::FUZZ, "--all-targets", "--locked", "--quiet"];
        process::run(root, &cargo, &[&lint[..], &["--", "-D", "warnings"]].concat())
    })?;
    stages.run("crash suites", || {
        WITH_CONTROLS.iter().try_for_each(|(package, planted)| crash_suites(root, package, planted))
    })?;
    stages.run("crash suite on the simulated disk", || simulate::crash(root))?;
    stages.run("whole-broker simulation", || {
        let options = ["--seeds", SIMULATED_SEEDS, "--planted"];
        simulate::run(root, &options.map(str::to_owned))
    })?;
    stages.run("full disk, failed syncs", || disk_errors::run(root, &[]))?;
    stages.run("kill -9", || kill9::run(root, &["--tear".to_owned()]))?;
    stages.run("kill -9 of groups", || kill9::run(root, &["--groups".to_owned()]))?;
    stages.run("kill -9 of planted bugs", || kill9::run(root, &["--controls".to_owned()]))?;
    stages.run("limits", || limits::run(root))?;
    stages.run("fuzz --live", || {
        fuzz::run(root, &["--live", "--count", "100000", "--seed", "1"].map(str::to_owned))
    })?;
    stages.run("answers", || answers::run(root, &[]))?;
    stages.run("client", || client_check::run(root, &[]))?;
    stages.run("interop", || interop::run(root, &["--first-writes".to_owned(), "1000".to_owned()]))?;
    stages.run("groups", || interop::run(root, &["groups".to_owned()]))?;
    stages.run("Kafka's tools", || interop::run(root, &["tools".to_owned()]))
}

/// The suites of a package, and then its planted bugs, each of which is printed with what caught it.
fn crash_suites(root: &Path, package: &str, planted: &[&str]) -> Result<()> {
    let test = ["test", "--package", package, "--features", "controls", "--locked", "--quiet"];
    process::run(root, &cargo(), &[&test[..], &["--", "--skip", PLANTED]].concat())?;
    let suites: Vec<&str> = planted.iter().flat_map(|suite| ["--test", *suite]).collect();
    process::run(root, &cargo(), &[&test[..], &suites[..], &[PLANTED, "--", "--nocapture"]].concat())
}
