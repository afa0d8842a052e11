//! `cargo xtask codegen`: from Kafka's published message definitions to our schema, and from our schema to Rust.
//!
//! `codegen import JAR...` reads the definitions inside Kafka's jars (development only; needs `jar` of a JDK) and
//! writes `crates/wire/schema/*.schema`. `codegen` expands those into `crates/wire/src/generated/`; with `--check` it
//! writes nothing and fails where the checked-in code differs. Both do the same with `docs/config.md`, which is made from
//! the table of settings, with `docs/metrics.md`, and with the tables of `docs/protocol.md`.

mod config_page;
mod expand;
mod import;
mod metrics_page;
mod protocol_page;
mod schema;

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const SCHEMA: &str = "crates/wire/schema";
const GENERATED: &str = "crates/wire/src/generated";

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            write(root)?;
            config_page::write(root)?;
            metrics_page::write(root)?;
            protocol_page::write(root)
        }
        ["--check"] => {
            check(root)?;
            config_page::check(root)?;
            metrics_page::check(root)?;
            protocol_page::check(root)
        }
        ["import", ref jars @ ..] if !jars.is_empty() => import::run(&root.join(SCHEMA), jars),
        _ => bail!("usage: cargo xtask codegen [--check | import JAR...]"),
    }
}

/// File name -> text of every generated file.
fn generate(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut modules = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(root.join(SCHEMA))?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|e| e == "schema"));
    paths.sort();
    for path in paths {
        let name = path.file_stem().and_then(|s| s.to_str()).context("read the name of a schema")?.to_owned();
        let messages =
            schema::parse(&fs::read_to_string(&path)?).with_context(|| format!("parse {name}.schema"))?;
        files.insert(format!("{name}.rs"), format(&expand::module(&name, &messages)?)?);
        modules.push((name, messages));
    }
    ensure!(!modules.is_empty(), "no schema in {SCHEMA}; run `cargo xtask codegen import JAR...` first");
    files.insert("mod.rs".to_owned(), format(&expand::index(&modules))?);
    Ok(files)
}

/// Through rustfmt, so that the checked-in text is what `cargo fmt` would leave.
fn format(text: &str) -> Result<String> {
    use std::io::Write;
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=110,use_small_heuristics=Max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start rustfmt")?;
    child.stdin.take().context("open rustfmt's input")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt refused generated code");
    Ok(String::from_utf8(output.stdout)?)
}

fn write(root: &Path) -> Result<()> {
    let files = generate(root)?;
    let dir = root.join(GENERATED);
    fs::create_dir_all(&dir)?;
    for entry in fs::read_dir(&dir)? {
        let path = entry?.path();
        if !path.file_name().and_then(|n| n.to_str()).is_some_and(|n| files.contains_key(n)) {
            fs::remove_file(path)?;
        }
    }
    let mut changed = 0;
    for (name, text) in &files {
        let path = dir.join(name);
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            fs::write(path, text)?;
            changed += 1;
        }
    }
    println!("codegen: {} files, {changed} changed", files.len());
    Ok(())
}

fn check(root: &Path) -> Result<()> {
    let files = generate(root)?;
    let dir = root.join(GENERATED);
    let stale: Vec<_> = files
        .iter()
        .filter(|(name, text)| fs::read_to_string(dir.join(name)).ok().as_ref() != Some(text))
        .collect();
    let known = fs::read_dir(&dir)?.count();
    if let Some((name, _)) = stale.first() {
        bail!(
            "{} generated files differ from the schema, {name} first; run `cargo xtask codegen`",
            stale.len()
        );
    }
    ensure!(known == files.len(), "{GENERATED} holds files that no schema makes; run `cargo xtask codegen`");
    println!("codegen: {} files equal their schema", files.len());
    Ok(())
}
