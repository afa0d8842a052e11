//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! A rule looks at the tree and reports findings; it never changes anything. Exceptions live in one list,
//! `xtask/tidy-exceptions.txt`, each with its reason; one that no finding needs any more is itself a finding, so the
//! list can only be as long as it has to be.

mod apis;
mod controls;
mod documents;
mod exceptions;
mod fuzz;
mod graph;
mod imports;
mod packages;
mod settings;
mod sizes;
mod source;
mod text;

use anyhow::{Result, bail};
use exceptions::Exceptions;
use std::fs;
use std::path::Path;

/// A broken rule. `subject` is what an exception names: a path, `path::function`, or `package -> package`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub rule: &'static str,
    pub subject: String,
    pub problem: String,
}

impl Finding {
    pub fn new(rule: &'static str, subject: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { rule, subject: subject.into(), problem: problem.into() }
    }
}

/// A file that git tracks, or would track.
#[derive(Debug)]
pub struct Tracked {
    /// From the root of the repository, with `/`.
    pub path: String,
    pub bytes: u64,
    /// `None` when it is not UTF-8.
    pub text: Option<String>,
}

pub fn run(root: &Path) -> Result<()> {
    let files = tracked(root)?;
    let sources: Vec<source::Source> = files.iter().filter_map(source::Source::of).collect();
    let mut findings = Vec::new();
    findings.extend(sizes::check(&files, &sources));
    findings.extend(text::check(root, &files, &sources));
    findings.extend(imports::check(&sources));
    findings.extend(documents::check(root, &files));
    findings.extend(apis::check(&files));
    findings.extend(fuzz::check(&files));
    findings.extend(settings::check(&files));
    findings.extend(controls::check(&files));
    let graph = graph::Graph::load(root, "Cargo.toml")?;
    findings.extend(packages::check(&graph));
    findings.extend(packages::check_fuzz(&graph::Graph::load(root, fuzz::MANIFEST)?));
    findings.sort();
    findings.dedup();

    let exceptions = Exceptions::load(root)?;
    let (excused, mut findings) = exceptions.split(findings);
    findings.extend(exceptions.unused(&excused));
    let soft = sizes::above_soft_limit(&sources);
    println!(
        "tidy: {} files, {} Rust sources ({} above the soft limit), {} packages, {} exceptions, {} findings",
        files.len(),
        sources.len(),
        soft,
        graph.packages.len(),
        excused.len(),
        findings.len()
    );
    for finding in &findings {
        println!("  {}: {}: {}", finding.rule, finding.subject, finding.problem);
    }
    if !findings.is_empty() {
        bail!(
            "tidy has {} findings; mend them, or list one with its reason in {}",
            findings.len(),
            exceptions::FILE
        );
    }
    Ok(())
}

fn tracked(root: &Path) -> Result<Vec<Tracked>> {
    let listed = crate::process::output(
        root,
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
    )?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut files = Vec::new();
    for path in paths {
        // A file that was removed but not yet from the index is no concern of the next commit.
        let Ok(bytes) = fs::read(root.join(path)) else { continue };
        files.push(Tracked {
            path: path.to_owned(),
            bytes: bytes.len() as u64,
            text: String::from_utf8(bytes).ok(),
        });
    }
    Ok(files)
}

#[cfg(test)]
pub(crate) fn tracked_for_test(path: &str, text: &str) -> Tracked {
    Tracked { path: path.to_owned(), bytes: text.len() as u64, text: Some(text.to_owned()) }
}
