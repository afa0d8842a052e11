//! Every API that the broker answers has a test and a row in docs/protocol.md.
//!
//! What is answered is read from the arms of the dispatcher (`apis::NAME => ...`), so an arm without its test or its
//! row does not pass. That each row of the table has a schema is checked by the compiler.

use super::source::Source;
use super::{Finding, Tracked};

const DISPATCH: &str = "crates/broker/src/dispatch.rs";
const TABLE: &str = "crates/wire/src/apis.rs";
const DOCUMENT: &str = "docs/protocol.md";
const TESTS: &str = "crates/broker/tests/";

pub fn check(files: &[Tracked]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|f| f.path == path).and_then(|f| f.text.as_deref());
    let (Some(table), Some(document)) = (text(TABLE), text(DOCUMENT)) else { return Vec::new() };
    let dispatch = files.iter().find(|f| f.path == DISPATCH).and_then(Source::of);
    let Some(dispatch) = dispatch else { return Vec::new() };
    let tests: Vec<&str> =
        files.iter().filter(|f| f.path.starts_with(TESTS)).filter_map(|f| f.text.as_deref()).collect();

    let mut findings = Vec::new();
    for row in rows(table) {
        if !names(&dispatch.code, &format!("apis::{}", row.constant)) {
            continue;
        }
        if !tests
            .iter()
            .any(|test| names(test, &format!("messages::{}", row.module)) || names(test, &row.module))
        {
            findings.push(Finding::new("apis", &row.name, format!("is answered and has no test in {TESTS}")));
        }
        if !document.contains(&format!("| {} |", row.name)) {
            findings.push(Finding::new(
                "apis",
                &row.name,
                format!("is answered and has no row in {DOCUMENT}"),
            ));
        }
    }
    findings
}

struct Row {
    constant: String,
    module: String,
    name: String,
}

/// Lines of the form `PRODUCE produce ProduceRequest "Produce" ...;`.
fn rows(table: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [constant, module, request, name, ..] = words[..]
            && request.ends_with("Request")
            && name.starts_with('"')
        {
            rows.push(Row {
                constant: constant.to_owned(),
                module: module.to_owned(),
                name: name.trim_matches('"').to_owned(),
            });
        }
    }
    rows
}

/// Whether `word` stands in `text` without a letter behind it.
fn names(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let follows = text[at + word.len()..].chars().next();
        !follows.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tracked_for_test;

    #[test]
    fn an_arm_without_test_or_row_is_found() {
        let table = tracked_for_test(TABLE, "    FETCH fetch FetchRequest \"Fetch\" ALL, ALL;\n");
        let arm = |arm: &str| tracked_for_test(DISPATCH, &format!("fn d() {{ match key {{ {arm} }} }}\n"));
        let document = || tracked_for_test(DOCUMENT, "| 1 | Fetch | 4-18 |\n");
        let test =
            || tracked_for_test("crates/broker/tests/api/fetch.rs", "use ottla_wire::messages::fetch;\n");
        let count = |files: Vec<Tracked>| {
            let files: Vec<Tracked> = [table_of(&table)].into_iter().chain(files).collect();
            check(&files).len()
        };
        fn table_of(table: &Tracked) -> Tracked {
            tracked_for_test(TABLE, table.text.as_deref().unwrap())
        }
        assert_eq!(count(vec![arm("apis::FETCH => a,"), document(), test()]), 0);
        assert_eq!(count(vec![arm("apis::FETCH => a,"), document()]), 1);
        assert_eq!(count(vec![arm("apis::FETCH => a,"), tracked_for_test(DOCUMENT, ""), test()]), 1);
        assert_eq!(count(vec![arm("apis::FETCH_MORE => a,"), tracked_for_test(DOCUMENT, "")]), 0);
    }
}
