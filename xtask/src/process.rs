//! Child processes of the development commands: started in the repository, named when they fail.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a command with the terminal as its output and fails when it does.
pub fn run(root: &Path, program: &str, args: &[&str]) -> Result<()> {
    run_with(root, program, args, &[])
}

/// The same with more in its environment.
pub fn run_with(root: &Path, program: &str, args: &[&str], environment: &[(&str, String)]) -> Result<()> {
    let status = Command::new(program)
        .args(args)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("start {program}"))?;
    if !status.success() {
        bail!("`{program} {}` ended with {status}", args.join(" "));
    }
    Ok(())
}

/// Runs a command and returns what it wrote to standard output; standard error passes through.
pub fn output(root: &Path, program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start {program}"))?;
    if !output.status.success() {
        bail!("`{program} {}` ended with {}", args.join(" "), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("read what {program} printed"))
}

/// The cargo that runs this command, so that a toolchain override stays in force.
pub fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
