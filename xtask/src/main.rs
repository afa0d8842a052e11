//! Development commands of Ottla: `cargo xtask COMMAND`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod codegen;

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((command, rest)) if command == "codegen" => codegen::run(&root(), rest),
        _ => bail!("usage: cargo xtask codegen"),
    }
}

/// The repository: the parent of this package.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}
