//! `cargo xtask check`, the gate before a commit, and `cargo xtask fix`, the only one of the two that writes.

use crate::process::{cargo, run};
use crate::stages::Stages;
use crate::{codegen, tidy};
use anyhow::Result;
use std::path::Path;

/// A workspace of its own. Its clippy is a stage of `ci`: libFuzzer needs a C++ compiler.
pub const FUZZ: &str = "fuzz/Cargo.toml";

pub fn check(root: &Path) -> Result<()> {
    let mut stages = Stages::default();
    let result = stages_of_check(root, &mut stages);
    stages.report();
    result
}

/// Cheapest first, so that a misplaced blank fails in a second. Also the first stages of `ci`.
pub fn stages_of_check(root: &Path, stages: &mut Stages) -> Result<()> {
    let cargo = cargo();
    stages.run("fmt", || {
        run(root, &cargo, &["fmt", "--all", "--check"])?;
        run(root, &cargo, &["fmt", "--manifest-path", FUZZ, "--check"])
    })?;
    stages.run("tidy", || tidy::run(root))?;
    stages.run("generated code", || codegen::run(root, &["--check".to_owned()]))?;
    stages.run("clippy", || {
        let features =
            ["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"];
        run(root, &cargo, &features)
    })?;
    stages.run("unit tests", || {
        run(root, &cargo, &["test", "--workspace", "--locked", "--lib", "--bins", "--quiet"])
    })
}

pub fn fix(root: &Path) -> Result<()> {
    let cargo = cargo();
    run(
        root,
        &cargo,
        &["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"],
    )?;
    run(root, &cargo, &["fmt", "--all"])?;
    run(root, &cargo, &["fmt", "--manifest-path", FUZZ])?;
    codegen::run(root, &[])
}
