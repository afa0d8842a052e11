//! Sizes: lines of a file, lines of a function, bytes of a file in git.
//!
//! Tests are not counted, and neither is generated code. The soft limit is only counted; the hard one is a finding.

use super::source::Source;
use super::{Finding, Tracked};

const FILE_LINES_SOFT: usize = 400;
const FILE_LINES_HARD: usize = 800;
const FUNCTION_LINES: usize = 100;
const FILE_BYTES: u64 = 200_000;
/// Golden vectors are data, and checking them in is the point.
const GOLDEN_BYTES: u64 = 500_000;
const GOLDEN: &str = "crates/wire/tests/golden/";

pub fn check(files: &[Tracked], sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let limit = if file.path.starts_with(GOLDEN) { GOLDEN_BYTES } else { FILE_BYTES };
        if file.bytes > limit {
            findings.push(Finding::new(
                "bytes",
                &file.path,
                format!("{} bytes, at most {limit} are allowed in git", file.bytes),
            ));
        }
    }
    for source in sources.iter().filter(|s| is_limited(s)) {
        if source.lines() > FILE_LINES_HARD {
            findings.push(Finding::new(
                "file-lines",
                &source.path,
                format!("{} lines without tests, at most {FILE_LINES_HARD}", source.lines()),
            ));
        }
        for function in source.functions().iter().filter(|f| f.lines > FUNCTION_LINES) {
            findings.push(Finding::new(
                "function-lines",
                format!("{}::{}", source.path, function.name),
                format!("{} lines from line {}, at most {FUNCTION_LINES}", function.lines, function.line),
            ));
        }
    }
    findings
}

pub fn above_soft_limit(sources: &[Source]) -> usize {
    sources.iter().filter(|s| is_limited(s) && s.lines() > FILE_LINES_SOFT).count()
}

fn is_limited(source: &Source) -> bool {
    !source.is_generated() && !source.is_test()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tracked_for_test;

    fn check_one(path: &str, text: &str) -> Vec<&'static str> {
        let files = [tracked_for_test(path, text)];
        let sources: Vec<Source> = files.iter().filter_map(Source::of).collect();
        check(&files, &sources).into_iter().map(|f| f.rule).collect()
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let long = format!("fn a() {{\n{}}}\n", "    b();\n".repeat(101));
        assert_eq!(check_one("crates/x/src/a.rs", &long), ["function-lines"]);
        assert_eq!(check_one("crates/x/src/a.rs", &"// c\n".repeat(801)), ["file-lines"]);
        assert_eq!(check_one("docs/a.txt", &"a".repeat(200_001)), ["bytes"]);
    }

    #[test]
    fn tests_and_generated_code_may_be_long() {
        let long = "// c\n".repeat(801);
        assert!(check_one("crates/x/src/a/tests.rs", &long).is_empty());
        assert!(check_one("crates/wire/src/generated/a.rs", &long).is_empty());
        assert!(check_one("crates/wire/tests/golden/a.txt", &"a".repeat(400_000)).is_empty());
    }
}
