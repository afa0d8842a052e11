//! `cargo xtask simulate`: the whole broker in a simulation, built so that each run can be repeated.
//!
//! tokio leaves some choices to chance, and draws them from a seed only with `--cfg tokio_unstable`. The product is never
//! built with it, so the simulation has a target directory of its own. Options go to `ottla-sim broker`.

use crate::process::{self, cargo};
use anyhow::{Result, bail};
use std::path::Path;

const RUSTFLAGS: &str = "--cfg tokio_unstable";

pub fn run(root: &Path, options: &[String]) -> Result<()> {
    let target = root.join("target").join("simulation");
    let Some(target) = target.to_str() else { bail!("{} is no text", target.display()) };
    let mut args = vec![
        "run",
        "--package",
        "ottla-sim",
        "--features",
        "controls",
        "--locked",
        "--quiet",
        "--profile",
        "simulation",
    ];
    args.extend(["--target-dir", target, "--", "broker"]);
    args.extend(options.iter().map(String::as_str));
    process::run_with(root, &cargo(), &args, &[("RUSTFLAGS", RUSTFLAGS.to_owned())])
}
