//! `cargo xtask fuzz --nightly`: the targets under libFuzzer, which looks for inputs by the code that they reach, one after
//! the other, each for so long. No other command needs a nightly toolchain; where something is missing this one fails and
//! names it.

use crate::process::{self, cargo};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// What libFuzzer begins with, and adds to.
const CORPUS: &str = "fuzz/corpus";
/// Whatever toolchain runs this command.
const CARGO_FUZZ: [&str; 4] = ["run", "nightly", "cargo", "fuzz"];
/// What has to run, what it is, and what brings it; each needs those before it.
const NEEDED: [(&[&str], &str, &str); 4] = [
    (&["c++", "--version"], "a C++ compiler", "`apt-get install g++`"),
    (&["rustup", "--version"], "rustup", "its own installer, or `apt-get install rustup`"),
    (
        &["rustup", "run", "nightly", "cargo", "--version"],
        "a nightly toolchain",
        "`rustup toolchain install nightly`",
    ),
    (
        &["rustup", "run", "nightly", "cargo", "fuzz", "--version"],
        "cargo-fuzz",
        "`cargo install --locked cargo-fuzz`",
    ),
];

/// So many minutes of each target, or of one.
pub fn run(root: &Path, seed: u64, minutes: u64, target: Option<&str>) -> Result<()> {
    if let Some(missing) = missing(works) {
        bail!("{missing}");
    }
    let seed = u32::try_from(seed).context("--seed: libFuzzer's have 32 bits")?;
    let listed = process::output(root, "rustup", &[&CARGO_FUZZ[..], &["list"]].concat())?;
    let names: Vec<&str> =
        listed.lines().filter(|name| target.is_none_or(|target| target == *name)).collect();
    if names.is_empty() {
        bail!("there is no target {}", target.unwrap_or_default());
    }
    let corpora = ["run", "--package", "ottla-fuzz", "--locked", "--quiet", "--", "corpora", CORPUS];
    process::run(root, &cargo(), &corpora)?;
    let limits = [format!("-max_total_time={}", minutes.saturating_mul(60)), format!("-seed={seed}")];
    let limits = limits.each_ref().map(String::as_str);
    for name in &names {
        println!("== {name}");
        process::run(root, "rustup", &[&CARGO_FUZZ[..], &["run", *name, "--"], &limits[..]].concat())?;
    }
    println!("{} targets, {minutes} minutes of each, seed {seed}: nothing broke", names.len());
    Ok(())
}

/// The first of what is needed that does not run.
fn missing(works: impl Fn(&[&str]) -> bool) -> Option<String> {
    let (_, what, next) = NEEDED.iter().find(|(command, ..)| !works(command))?;
    Some(format!("fuzz --nightly needs {what}, which is not there; install it with {next}"))
}

fn works(command: &[&str]) -> bool {
    let Some((program, args)) = command.split_first() else { return false };
    let mut command = Command::new(program);
    let command = command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_what_brings_it() {
        assert_eq!(missing(|_| true), None);
        let without = |word: &str| missing(|command| !command.contains(&word)).unwrap_or_default();
        for (word, next) in [
            ("c++", "apt-get install g++"),
            ("rustup", "apt-get install rustup"),
            ("nightly", "rustup toolchain install nightly"),
            ("fuzz", "cargo install --locked cargo-fuzz"),
        ] {
            let text = without(word);
            assert!(text.contains(next) && text.lines().count() == 1, "{text}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_does_not_work() {
        assert!(!works(&["ottla-no-such-program"]) && !works(&[]));
    }
}
