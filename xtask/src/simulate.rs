//! `cargo xtask simulate`: the whole broker in a simulation, built so that each run can be repeated.
//!
//! tokio leaves some choices to chance, and draws them from a seed only with `--cfg tokio_unstable`. The product is never
//! built with it, so the simulation has a target directory of its own. Options go to `ottla-sim broker`.

use crate::process::{self, cargo};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

const RUSTFLAGS: &str = "--cfg tokio_unstable";
const PROFILE: &str = "simulation";

pub fn run(root: &Path, options: &[String]) -> Result<()> {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    run_program(root, &[&["broker"], &options[..]].concat())
}

/// The crash suite on the simulated disk, which needs no such build and has it anyhow.
pub fn crash(root: &Path) -> Result<()> {
    run_program(root, &["crash"])
}

fn run_program(root: &Path, args: &[&str]) -> Result<()> {
    let program = build(root)?.join("ottla-sim");
    let Some(program) = program.to_str() else { bail!("{} is no text", program.display()) };
    process::run(root, program, args)
}

/// The folder of `ottla-sim` and of an `ottla`, both with all planted bugs. They are built as one, so that they share what is
/// below them: a second build of the broker takes minutes.
pub fn build(root: &Path) -> Result<PathBuf> {
    let target = root.join("target").join("simulation");
    let Some(folder) = target.to_str() else { bail!("{} is no text", target.display()) };
    let packages = ["-p", "ottla-sim", "-p", "ottla", "--features", "ottla-sim/controls,ottla/controls"];
    let build = ["build", "--locked", "--quiet", "--profile", PROFILE, "--target-dir", folder];
    let flags = [("RUSTFLAGS", RUSTFLAGS.to_owned())];
    process::run_with(root, &cargo(), &[&build[..], &packages[..]].concat(), &flags)?;
    Ok(target.join(PROFILE))
}
