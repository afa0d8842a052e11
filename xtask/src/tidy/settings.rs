//! Every setting that has an effect is named in a test: as `"name"`, or as `name=value`.
//!
//! Names that topics inherit are those of `synonyms`, all of which one test goes through.

use super::{Finding, Tracked};

const TABLE: &str = "crates/broker/configs.tsv";
const SYNONYMS: &str = "crates/broker/src/settings/table.rs";
const OF_TESTS: &str = "#[cfg(test)]";

pub fn check(files: &[Tracked]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|f| f.path == path).and_then(|f| f.text.as_deref());
    let Some(table) = text(TABLE) else { return Vec::new() };
    let mut tests: Vec<&str> = files.iter().filter_map(test_of).collect();
    tests.extend(text(SYNONYMS).and_then(synonyms));
    let unnamed = real(table).filter(|name| !tests.iter().any(|test| names(test, name)));
    unnamed
        .map(|name| Finding::new("settings", name, format!("is real in {TABLE}, and no test names it")))
        .collect()
}

/// The test code of a file of a crate.
fn test_of(file: &Tracked) -> Option<&str> {
    if !file.path.starts_with("crates/") || !file.path.ends_with(".rs") {
        return None;
    }
    let text = file.text.as_deref()?;
    if file.path.contains("/tests/") || file.path.ends_with("/tests.rs") {
        return Some(text);
    }
    text.split_once(OF_TESTS).map(|(_, tests)| tests)
}

/// The function that has the broker's names of topic settings.
fn synonyms(text: &str) -> Option<&str> {
    let (_, from) = text.split_once("pub fn synonyms(")?;
    Some(from.split_once("\n}\n").map_or(from, |(body, _)| body))
}

/// The names of the rows whose effect is real.
fn real(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        (columns.get(7) == Some(&"real")).then_some(columns[1])
    })
}

fn names(test: &str, name: &str) -> bool {
    test.match_indices(name).any(|(at, _)| {
        let before = test[..at].chars().next_back();
        let follows = test[at + name.len()..].chars().next();
        matches!(follows, Some('"' | '=')) && !before.is_some_and(|c| c.is_alphanumeric() || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tracked_for_test;

    #[test]
    fn a_setting_that_no_test_names_is_found() {
        let row = |name: &str, effect: &str| format!("broker\t{name}\tint\t1\t-\tlow\tread-only\t{effect}\n");
        let rows = [row("a.b", "real"), row("b", "real"), row("c", "taken"), row("topics", "real")].concat();
        let test = |text: &str| tracked_for_test("crates/broker/tests/a.rs", text);
        let found = |test: Tracked, synonyms: &str| {
            let table = tracked_for_test(TABLE, &rows);
            let synonyms = tracked_for_test(SYNONYMS, synonyms);
            check(&[table, test, synonyms]).into_iter().map(|f| f.subject).collect::<Vec<_>>()
        };
        let synonyms = "pub fn synonyms(x) {\n    \"topics\"\n}\n\"b\"";
        assert_eq!(found(test("(\"a.b\", 1) \"b=5\""), synonyms), Vec::<String>::new());
        assert_eq!(found(test("\"a.b\" bb=5"), synonyms), ["b"]);
        assert_eq!(found(test("\"a.b.c\" a.b b=5"), ""), ["a.b", "topics"]);
        let source = tracked_for_test("crates/broker/src/a.rs", "\"a.b\" #[cfg(test)] \"b\"");
        assert_eq!(found(source, synonyms), ["a.b"]);
    }
}
