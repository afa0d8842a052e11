//! The targets of cargo-fuzz in `fuzz/` are those of `crates/fuzz`, each with its file.

use super::{Finding, Tracked};
use std::collections::BTreeSet;

const TARGETS: &str = "crates/fuzz/src/targets.rs";
pub use crate::check::FUZZ as MANIFEST;
const FILES: &str = "fuzz/fuzz_targets/";
/// What makes a file there the target of its name.
const BODY: &str = "ottla_fuzz_targets::target!();";

pub fn check(files: &[Tracked]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|f| f.path == path).and_then(|f| f.text.as_deref());
    let Some(targets) = text(TARGETS).map(targets) else { return Vec::new() };
    let bins = text(MANIFEST).map(bins).unwrap_or_default();
    let mut findings = Vec::new();
    let mut find = |subject: &str, problem: String| findings.push(Finding::new("fuzz", subject, problem));
    if targets.is_empty() {
        find(TARGETS, "holds no target that this rule can read".to_owned());
    }
    let named: BTreeSet<&str> = bins.iter().map(|(name, _)| *name).collect();
    for name in targets.difference(&named) {
        find(name, format!("is a target and no `[[bin]]` of {MANIFEST}"));
    }
    for (name, path) in &bins {
        if !targets.contains(name) {
            find(name, format!("is a `[[bin]]` of {MANIFEST} and no target of {TARGETS}"));
        }
        if *path != format!("fuzz_targets/{name}.rs") {
            find(name, format!("has the path `{path}`, not that of its name"));
        }
        match text(&format!("{FILES}{name}.rs")) {
            None => find(name, format!("has no file in {FILES}")),
            Some(text) if !text.lines().any(|line| line == BODY) => {
                find(name, format!("has a file that runs no target, which is `{BODY}`"));
            }
            Some(_) => {}
        }
    }
    for file in files.iter().filter_map(|file| file.path.strip_prefix(FILES)) {
        if !file.strip_suffix(".rs").is_some_and(|name| named.contains(name)) {
            find(&format!("{FILES}{file}"), format!("is no `[[bin]]` of {MANIFEST}"));
        }
    }
    findings
}

/// Rows of the form `"heads" wire heads head_corpus leave;` in `targets!`.
fn targets(text: &str) -> BTreeSet<&str> {
    let rows = text.split_once("\ntargets! {").map_or("", |(_, rows)| rows);
    let rows = rows.lines().skip(1).take_while(|line| *line != "}");
    rows.filter_map(|line| line.trim().strip_prefix('"')?.split_once('"')).map(|(name, _)| name).collect()
}

/// Name and path of each `[[bin]]`.
fn bins(manifest: &str) -> Vec<(&str, &str)> {
    manifest.split("\n[[bin]]").skip(1).map(|bin| (quoted(bin, "name"), quoted(bin, "path"))).collect()
}

/// The text behind `key = ` of a table.
fn quoted<'a>(table: &'a str, key: &str) -> &'a str {
    let of = |line: &'a str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
    table.lines().find_map(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tracked_for_test;

    fn problems(targets: &[&str], bins: &[(&str, &str)], files: &[(&str, &str)]) -> Vec<String> {
        let rows: String = targets.iter().map(|name| format!("    \"{name}\" wire a b leave;\n")).collect();
        let bins: String =
            bins.iter().map(|(n, p)| format!("\n[[bin]]\nname = \"{n}\"\npath = \"{p}\"\n")).collect();
        let mut all = vec![
            tracked_for_test(TARGETS, &format!("x\n\ntargets! {{\n{rows}}}\n\nfn f() {{ \"other\" }}\n")),
            tracked_for_test(MANIFEST, &format!("[package]\nname = \"p\"\n{bins}")),
        ];
        all.extend(files.iter().map(|(name, text)| tracked_for_test(&format!("{FILES}{name}"), text)));
        check(&all).into_iter().map(|finding| format!("{} {}", finding.subject, finding.problem)).collect()
    }

    #[test]
    fn a_target_that_cargo_fuzz_lacks_is_found_and_one_that_it_has_alone() {
        let body = format!("#![no_main]\n\n{BODY}\n");
        let one = ("a-b", "fuzz_targets/a-b.rs");
        let file = ("a-b.rs", body.as_str());
        assert_eq!(problems(&["a-b"], &[one], &[file]), [""; 0]);
        let cases = [
            (problems(&["a-b", "c"], &[one], &[file]), "c is a target and no"),
            (
                problems(&["c"], &[one, ("c", "fuzz_targets/c.rs")], &[file, ("c.rs", &body)]),
                "a-b is a `[[bin]]`",
            ),
            (problems(&["a-b"], &[("a-b", "fuzz_targets/c.rs")], &[file]), "a-b has the path"),
            (problems(&["a-b"], &[one], &[]), "a-b has no file"),
            (
                problems(&["a-b"], &[one], &[("a-b.rs", "fn main() {}\n")]),
                "a-b has a file that runs no target",
            ),
            (problems(&["a-b"], &[one], &[file, ("c.rs", &body)]), "fuzz/fuzz_targets/c.rs is no `[[bin]]`"),
        ];
        for (problems, expected) in cases {
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{expected}: {problems:?}");
        }
        assert!(problems(&[], &[], &[])[0].contains("no target that this rule can read"));
    }
}
