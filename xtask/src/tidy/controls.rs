//! Planted bugs: each has a place in the code where it is planted, a suite that runs it by name, and a rule in
//! docs/durability.md; and the rules name no bug that there is not.

use super::{Finding, Tracked};
use std::collections::BTreeSet;

const RULES: &str = "docs/durability.md";
const ENUM: &str = "pub enum Control {";
const NONE: &str = "None";

/// Where suites list what they run against.
fn is_suite(path: &str) -> bool {
    let in_tests = path.starts_with("crates/") && path.contains("/tests/") && path.ends_with("controls.rs");
    in_tests || path.starts_with("crates/sim/src/") && path.ends_with("/planted.rs")
}

pub fn check(files: &[Tracked]) -> Vec<Finding> {
    let texts = || files.iter().filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)));
    let sources = texts().filter(|(path, _)| path.starts_with("crates/") && path.contains("/src/"));
    let controls: BTreeSet<&str> = sources.flat_map(|(_, text)| variants(text)).collect();
    let mut findings = Vec::new();
    let mut find = |subject: &str, problem: &str| findings.push(Finding::new("controls", subject, problem));
    let rules = texts().find(|(path, _)| *path == RULES).map_or("", |(_, text)| text);
    let named: Vec<&str> = rules.lines().flat_map(named).collect();
    for name in &controls {
        let word = format!("Control::{name}");
        let is_in = |text: &str| text.match_indices(&word).any(|(at, _)| ends(&text[at + word.len()..]));
        let in_code = |path: &str| path.starts_with("crates/") && path.contains("/src/") && !is_suite(path);
        if !texts().any(|(path, text)| in_code(path) && is_in(text)) {
            find(name, "is a planted bug that is planted nowhere");
        }
        if !texts().any(|(path, text)| is_suite(path) && is_in(text)) {
            find(name, "is a planted bug that no suite runs");
        }
        if !named.contains(name) {
            find(name, &format!("is a planted bug that no rule of {RULES} names"));
        }
    }
    for name in named.iter().filter(|name| !controls.contains(*name)) {
        find(name, &format!("is named by {RULES} and is no planted bug"));
    }
    findings
}

/// What follows a name is no part of it.
fn ends(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// The variants of an enum of planted bugs.
fn variants(text: &str) -> Vec<&str> {
    let Some((_, body)) = text.split_once(ENUM) else { return Vec::new() };
    let lines = body.lines().map(str::trim).take_while(|line| *line != "}");
    lines.filter_map(|line| line.strip_suffix(',')).filter(|name| is_name(name) && *name != NONE).collect()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase()) && word.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The words in back quotes in the last cell of a rule's row.
fn named(row: &str) -> Vec<&str> {
    let Some(cells) = row.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
        return Vec::new();
    };
    let is_rule = cells.starts_with(|c: char| c.is_ascii_uppercase())
        && cells[1..].starts_with(|c: char| c.is_ascii_digit());
    let last = cells.rsplit(" | ").next().filter(|_| is_rule).unwrap_or_default();
    last.split('`').skip(1).step_by(2).filter(|word| is_name(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tracked_for_test;

    const TWO: &str = "/// X.\npub enum Control {\n    None,\n    /// One.\n    First,\n    FirstAgain,\n}\n";

    fn problems(planted: &str, run: &str, rules: &str) -> Vec<String> {
        let files = [
            tracked_for_test("crates/log/src/controls.rs", TWO),
            tracked_for_test("crates/log/src/log.rs", planted),
            tracked_for_test("crates/log/tests/controls.rs", run),
            tracked_for_test(RULES, rules),
        ];
        check(&files).into_iter().map(|finding| format!("{} {}", finding.subject, finding.problem)).collect()
    }

    #[test]
    fn a_planted_bug_that_nobody_runs_is_found() {
        let both = "active(Control::First) active(Control::FirstAgain)";
        let rules =
            "| A1 | x `Log` | `First`, `FirstAgain`, syncs left out |\n| A2 | y | - |\n| Word | `Z` |\n";
        assert_eq!(problems(both, both, rules), [""; 0]);
        let one = "Control::FirstAgain,";
        assert_eq!(problems(both, one, rules), ["First is a planted bug that no suite runs"]);
        assert_eq!(problems(one, both, rules), ["First is a planted bug that is planted nowhere"]);
        let of_one = "| A1 | x | `First` |\n| A2 | y | `Gone` |\n";
        assert_eq!(
            problems(both, both, of_one),
            [
                "FirstAgain is a planted bug that no rule of docs/durability.md names",
                "Gone is named by docs/durability.md and is no planted bug"
            ]
        );
    }
}
