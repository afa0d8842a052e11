//! Text of tracked files: module headers, ASCII, leftovers, banned words, and what belongs to one machine only.

use super::source::Source;
use super::{Finding, Tracked};
use std::path::Path;

/// Names of files that say nothing about what is inside.
const VAGUE: &[&str] = &["manager", "helper", "helpers", "util", "utils", "common", "impls", "misc"];
/// Placeholders that must not be committed. Split, so that this list does not find itself.
const LEFTOVERS: &[&str] =
    &[concat!("to", "do!("), concat!("unimple", "mented!("), concat!("d", "bg!("), concat!("#[ig", "nore")];
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// Homes and hosts: they work on one machine, or name where packages come from. Split for the same reason.
const FOREIGN: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("pypi.", "org/simple"),
    concat!("files.", "pythonhosted.org"),
    concat!("repo1.", "maven.org"),
    concat!("repo.", "maven.apache.org"),
    concat!("proxy.", "golang.org"),
    concat!("sum.", "golang.org"),
];
const ASCII_ONLY: &[&str] = &[".rs", ".toml", ".md", ".sh", ".py", ".java", ".go", ".txt", ".schema"];

pub fn check(root: &Path, files: &[Tracked], sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = own_paths(root);
    for file in files {
        let Some(text) = &file.text else { continue };
        let foreign = FOREIGN.iter().copied().chain(own.iter().map(String::as_str));
        for pattern in foreign {
            if let Some(line) = line_of(text, pattern) {
                findings.push(Finding::new("machine", &file.path, format!("line {line} names `{pattern}`")));
            }
        }
        let is_prose = !file.path.ends_with(".rs") && !file.path.starts_with("crates/wire/tests/golden/");
        if is_prose && ASCII_ONLY.iter().any(|end| file.path.ends_with(end)) {
            findings.extend(ascii(&file.path, text));
        }
    }
    for source in sources {
        findings.extend(source_findings(source));
    }
    findings
}

fn source_findings(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let find = |rule, problem: String| Finding::new(rule, &source.path, problem);
    if !source.text.starts_with("//!") {
        findings.push(find("module-header", "does not begin with `//!`".to_owned()));
    }
    let name = source.path.rsplit('/').next().and_then(|n| n.strip_suffix(".rs")).unwrap_or_default();
    if VAGUE.iter().any(|vague| name.split('_').any(|part| part == *vague)) {
        findings.push(find("names", format!("`{name}` says nothing; name the thing")));
    }
    for pattern in LEFTOVERS {
        if let Some(line) = line_of(&source.code, pattern) {
            findings.push(find("leftovers", format!("line {line} holds `{pattern}`")));
        }
    }
    for word in NOTES {
        if let Some(line) = source.text.lines().position(|l| l.contains("//") && comment(l).contains(word)) {
            findings.push(find("leftovers", format!("line {} has a {word} note", line + 1)));
        }
    }
    // Tests may hold any character inside a literal.
    let strict = if source.is_test() { 0 } else { source.tests_begin() };
    let outside = without_literals(source);
    if let Some(line) = first_non_ascii(&outside) {
        findings.push(find("ascii", format!("line {line} is not ASCII")));
    } else if let Some(line) = first_non_ascii(&source.text[..strict]) {
        findings.push(find("ascii", format!("line {line} is not ASCII")));
    }
    findings
}

fn comment(line: &str) -> &str {
    line.find("//").map_or("", |at| &line[at..])
}

/// The text with its literals blanked: code and comments.
fn without_literals(source: &Source) -> String {
    let mut bytes = source.text.clone().into_bytes();
    for (byte, literal) in bytes.iter_mut().zip(source.literals.bytes()) {
        if literal != b' ' && literal != b'\n' {
            *byte = b' ';
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn ascii(path: &str, text: &str) -> Option<Finding> {
    first_non_ascii(text).map(|line| Finding::new("ascii", path, format!("line {line} is not ASCII")))
}

fn first_non_ascii(text: &str) -> Option<usize> {
    text.lines().position(|line| !line.is_ascii()).map(|at| at + 1)
}

fn line_of(text: &str, pattern: &str) -> Option<usize> {
    text.find(pattern).map(|at| text[..at].matches('\n').count() + 1)
}

/// Where this checkout lies, with its parent, unless that is so short that it says nothing.
fn own_paths(root: &Path) -> Vec<String> {
    let Ok(root) = root.canonicalize() else { return Vec::new() };
    // The directory for temporary files is everybody's: Kafka's own stock settings name it.
    let is_own = |parent: &&Path| parent.components().count() > 1 && *parent != std::env::temp_dir();
    let parent = root.parent().filter(is_own);
    [Some(root.as_path()), parent].into_iter().flatten().map(|path| format!("{}/", path.display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tracked_for_test;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let files = [tracked_for_test(path, text)];
        let sources: Vec<Source> = files.iter().filter_map(Source::of).collect();
        check(Path::new("."), &files, &sources).into_iter().map(|f| f.rule).collect()
    }

    #[test]
    fn each_rule_finds_what_it_names() {
        let good = "//! A module.\nfn a() {}\n";
        assert!(rules("crates/x/src/a.rs", good).is_empty());
        assert_eq!(rules("crates/x/src/a.rs", "fn a() {}\n"), ["module-header"]);
        assert_eq!(rules("crates/x/src/socket_util.rs", good), ["names"]);
        assert_eq!(
            rules("crates/x/src/a.rs", &format!("//! A.\nfn a() {{ {}) }}\n", LEFTOVERS[0])),
            ["leftovers"]
        );
        assert_eq!(rules("crates/x/src/a.rs", &format!("//! A.\n// {}: more\n", NOTES[0])), ["leftovers"]);
        assert_eq!(rules("docs/a.md", &format!("in {}user/x\n", FOREIGN[0])), ["machine"]);
        assert_eq!(rules("docs/a.md", "a \u{2014} b\n"), ["ascii"]);
    }

    #[test]
    fn only_literals_of_tests_may_leave_ascii() {
        let literal = "\"\u{e9}\"";
        assert_eq!(rules("crates/x/src/a.rs", &format!("//! A.\nconst A: &str = {literal};\n")), ["ascii"]);
        let tests = format!("//! A.\n#[cfg(test)]\nmod tests {{\n    const A: &str = {literal};\n}}\n");
        assert!(rules("crates/x/src/a.rs", &tests).is_empty());
        assert_eq!(rules("crates/x/src/a/tests.rs", "//! A.\n// \u{e9}\n"), ["ascii"]);
    }
}
