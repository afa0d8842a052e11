//! `cargo xtask client`: this repository's client against Ottla, and against Apache Kafka.
//!
//! The checks are the example `conformance` of `crates/client`; they know neither broker, so that what passes on one and
//! fails on the other is a fact about the brokers. This builds it, starts each broker and lets it run.

use crate::interop::broker::{Broker, Kind};
use crate::process::{self, cargo};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Groups that are formed one member after another need not be waited for.
const SETTINGS: &[&str] = &["node.id=1", "num.partitions=4", "group.initial.rebalance.delay.ms=0"];
const BUILD: &[&str] =
    &["build", "--locked", "--quiet", "--package", "ottla-client", "--example", "conformance"];
const PROGRAM: &str = "target/debug/examples/conformance";

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let kinds = match args {
        [] => vec![Kind::Ottla, Kind::Kafka],
        [name, value] if name == "--broker" => vec![Kind::parse(value)?],
        _ => bail!("usage: cargo xtask client [--broker ottla|kafka]"),
    };
    process::run(root, &cargo(), BUILD)?;
    for kind in kinds {
        against(root, kind)?;
    }
    Ok(())
}

fn against(root: &Path, kind: Kind) -> Result<()> {
    let broker = Broker::start(root, kind, "client", SETTINGS)?;
    println!("against {}:", kind.name());
    let status = Command::new(root.join(PROGRAM))
        .arg(&broker.bootstrap)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("start {PROGRAM}"))?;
    if !status.success() {
        println!("the end of the broker's log:\n{}", broker.log_tail());
        bail!("the client's checks against {} ended with {status}", kind.name());
    }
    broker.stop()
}
