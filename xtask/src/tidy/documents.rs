//! Documents: the ones every release has, the length of ARCHITECTURE.md, and that each path it names exists.

use super::{Finding, Tracked};
use std::path::Path;

const REQUIRED: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "docs/protocol.md",
    "docs/config.md",
    "docs/operating.md",
    "docs/record.md",
    "docs/format.md",
    ".ci/run",
];
const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ARCHITECTURE_LINES: usize = 400;
const WITH_PATHS: &[&str] = &[ARCHITECTURE, "CONTRIBUTING.md"];

pub fn check(root: &Path, files: &[Tracked]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in REQUIRED.iter().filter(|path| !files.iter().any(|f| f.path == **path)) {
        findings.push(Finding::new("documents", *path, "is missing"));
    }
    for file in files.iter().filter(|f| WITH_PATHS.contains(&f.path.as_str())) {
        let Some(text) = &file.text else { continue };
        let lines = text.lines().count();
        if file.path == ARCHITECTURE && lines > ARCHITECTURE_LINES {
            findings.push(Finding::new(
                "documents",
                &file.path,
                format!("{lines} lines, at most {ARCHITECTURE_LINES}"),
            ));
        }
        for path in paths(text) {
            if !exists(root, &path) {
                findings.push(Finding::new(
                    "documents",
                    &file.path,
                    format!("names `{path}`, which does not exist"),
                ));
            }
        }
    }
    findings
}

/// Words in back quotes that are paths: they end in `/` or in a file name with an ending of ours.
fn paths(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (number, piece) in text.split('`').enumerate() {
        let is_path = piece.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
            && (piece.ends_with('/')
                || [".rs", ".md", ".toml", ".txt"].iter().any(|end| piece.ends_with(end)))
            && !piece.starts_with(['/', '.']);
        if number % 2 == 1 && is_path {
            paths.push(piece.to_owned());
        }
    }
    paths
}

/// `log/index.rs` is short for `crates/log/src/index.rs`; full paths are taken too.
fn exists(root: &Path, path: &str) -> bool {
    let short =
        path.split_once('/').map(|(name, rest)| root.join("crates").join(name).join("src").join(rest));
    let in_crate = root.join("crates").join(path);
    root.join(path).exists() || in_crate.exists() || short.is_some_and(|short| short.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_in_back_quotes() {
        let text = "see `log/index.rs` and `docs/`, not `Log::open`, `a b.rs` or plain c.rs; `/metrics/` no";
        assert_eq!(paths(text), ["log/index.rs", "docs/"]);
    }
}
