//! Imports inside a crate that the compiler does not forbid.
//!
//! `log` may use three modules of `wire`; inside the broker, calls go down (connection, dispatch, handlers, then
//! partition, coordinator and cluster) and never sideways or up.

use super::Finding;
use super::source::Source;

/// Files under this folder, and the first segments behind `prefix` that they may not name.
struct Rule {
    folder: &'static str,
    prefix: &'static str,
    forbidden: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        folder: "crates/broker/src/partition/",
        prefix: "crate::",
        forbidden: &["handlers", "dispatch", "connection", "server", "cluster", "coordinator", "error"],
    },
    Rule {
        folder: "crates/broker/src/cluster/",
        prefix: "crate::",
        forbidden: &["handlers", "dispatch", "connection", "server", "partition", "coordinator", "error"],
    },
    Rule {
        folder: "crates/broker/src/coordinator/",
        prefix: "crate::",
        forbidden: &["handlers", "dispatch", "connection", "server"],
    },
    Rule {
        folder: "crates/broker/src/handlers/",
        prefix: "crate::",
        forbidden: &["dispatch", "connection", "server"],
    },
    Rule {
        folder: "crates/broker/src/partition/",
        prefix: "ottla_wire::",
        forbidden: &["errors", "messages", "frame"],
    },
];

const WIRE_OF_LOG: &[&str] = &["batch", "record", "compress"];

pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| !s.is_test()) {
        let code = &source.code[..source.tests_begin()];
        if source.path.starts_with("crates/log/src/") {
            for name in segments(code, "ottla_wire::") {
                if !WIRE_OF_LOG.contains(&name.as_str()) {
                    findings.push(edge(source, &format!("ottla_wire::{name}")));
                }
            }
        }
        for rule in RULES.iter().filter(|rule| source.path.starts_with(rule.folder)) {
            for name in segments(code, rule.prefix) {
                if rule.forbidden.contains(&name.as_str()) {
                    findings.push(edge(source, &format!("{}{name}", rule.prefix)));
                }
            }
        }
    }
    findings
}

fn edge(source: &Source, to: &str) -> Finding {
    Finding::new("imports", format!("{} -> {to}", source.path), "is forbidden inside this crate")
}

/// First path segments behind `prefix`: one for `prefix::a::b`, several for `prefix::{a, b::c}`.
fn segments(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            names.extend(group_names(group));
        } else {
            names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

fn group_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut name, mut in_name) = (0i32, Vec::new(), String::new(), true);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut name));
                in_name = true;
            }
            c if depth == 0 && in_name && (c.is_alphanumeric() || c == '_') => name.push(c),
            c if depth == 0 && !c.is_whitespace() => in_name = false,
            _ => {}
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tracked_for_test;

    fn subjects(path: &str, text: &str) -> Vec<String> {
        let source = Source::of(&tracked_for_test(path, text)).unwrap();
        check(&[source]).into_iter().map(|f| f.subject).collect()
    }

    #[test]
    fn the_log_sees_three_modules_of_wire() {
        let text =
            "use ottla_wire::batch::BatchHeader;\nuse ottla_wire::{record::{Record, iterate}, errors};\n";
        assert_eq!(subjects("crates/log/src/a.rs", text), ["crates/log/src/a.rs -> ottla_wire::errors"]);
    }

    #[test]
    fn the_broker_calls_downwards() {
        let up = "use crate::handlers::produce;\n";
        assert_eq!(subjects("crates/broker/src/partition/a.rs", up).len(), 1);
        assert!(subjects("crates/broker/src/dispatch.rs", up).is_empty());
        let sideways = "fn a() { crate::cluster::metadata::image(); }\n";
        assert_eq!(subjects("crates/broker/src/partition/a.rs", sideways).len(), 1);
    }
}
