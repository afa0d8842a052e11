//! Development commands of Ottla: `cargo xtask COMMAND`. `check` and `ci` never write to the tree; `fix` does.
//!
//! Nothing of the product is imported here, so that this package builds in seconds and still runs when the product
//! does not compile. Each command is a module; this file only routes.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod answers;
mod bars;
mod check;
mod ci;
mod client_check;
mod clients;
mod codegen;
mod disk_errors;
mod fuzz;
mod interop;
mod kill9;
mod limits;
mod metrics;
mod process;
mod simulate;
mod soak;
mod stages;
mod tidy;
mod toolchains;

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  check     what must pass before a commit: fmt, clippy, tidy, generated code, unit tests
  fix       formats the sources and applies clippy's suggestions
  tidy      the rules of the house that no compiler checks
  ci        everything: check, release build, crash suites, real processes, real clients
  interop   real clients write and read through a broker (--broker kafka: through Apache Kafka)
  answers   what the broker answers, compared with a recording of Apache Kafka (--broker kafka: its own answers)
  client    the client of this repository against Ottla and against Apache Kafka (--broker: one of them)
  kill9     kills the broker under real clients, and looks for what it promised (--controls: planted bugs)
  limits    clients that take and give nothing, with a good one beside them, and the broker's memory
  disk      the broker on a full disk, on one whose syncs fail, and on damage (root, strace)
  fuzz      mutations of real bytes for every reader of bytes from outside (--live: at a running broker, --nightly: libFuzzer)
  soak      crash suites, simulation, random groups, fuzz and kill -9 with new seeds, for so many minutes
  simulate  the whole broker in a simulation (--seed N: that run again; --seeds N, --minutes N, --planted)
  bars      Ottla beside Apache Kafka, load after load, and the goals (--pairs N, --busy, --json FILE, --list, PART...)
  codegen   generated code from the schemas (--check compares, import JAR... reads Kafka's definitions)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match route(&root(), &args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn route(root: &Path, args: &[String]) -> Result<()> {
    let Some((command, rest)) = args.split_first() else { bail!("{USAGE}") };
    match (command.as_str(), rest) {
        ("codegen", rest) => codegen::run(root, rest),
        ("check", []) => check::check(root),
        ("fix", []) => check::fix(root),
        ("tidy", []) => tidy::run(root),
        ("ci", []) => ci::run(root),
        ("disk", rest) => disk_errors::run(root, rest),
        ("fuzz", rest) => fuzz::run(root, rest),
        ("soak", rest) => soak::run(root, rest),
        ("kill9", rest) => kill9::run(root, rest),
        ("bars", rest) => bars::run(root, rest),
        ("simulate", rest) => simulate::run(root, rest),
        ("limits", []) => limits::run(root),
        ("interop", rest) => interop::run(root, rest),
        ("answers", rest) => answers::run(root, rest),
        ("client", rest) => client_check::run(root, rest),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("`{}` is no command\n{USAGE}", args.join(" ")),
    }
}

/// The repository: the parent of this package.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}
