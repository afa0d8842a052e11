//! Packages: who may import whom, licences, bans and duplicates.
//!
//! The table of imports is the one of ARCHITECTURE.md; an edge that is not in it fails, because each crate exists for
//! what it must not know.

use super::Finding;
use super::graph::{Graph, Package};
use std::collections::{BTreeMap, BTreeSet};

/// Package of ours -> packages of ours it may import, for the product and for its tests alike.
const EDGES: &[(&str, &[&str])] = &[
    ("ottla-env", &[]),
    ("ottla-wire", &[]),
    ("ottla-log", &["ottla-wire", "ottla-env"]),
    ("ottla-state", &["ottla-wire"]),
    ("ottla-client", &["ottla-wire", "ottla-env"]),
    ("ottla-broker", &["ottla-wire", "ottla-log", "ottla-state", "ottla-client", "ottla-env"]),
    ("ottla-bench", &["ottla-client", "ottla-wire", "ottla-env"]),
    ("ottla", &["ottla-broker", "ottla-bench", "ottla-client", "ottla-log", "ottla-env"]),
    (
        "ottla-sim",
        &[
            "ottla-broker",
            "ottla-bench",
            "ottla-client",
            "ottla-log",
            "ottla-state",
            "ottla-wire",
            "ottla-env",
            "ottla",
        ],
    ),
    ("ottla-fuzz", &["ottla-broker", "ottla-log", "ottla-state", "ottla-wire", "ottla-env"]),
    ("xtask", &[]),
];

/// Foreign crates that only the named packages may use in the product.
const OWNERS: &[(&str, &[&str])] = &[
    ("rustix", &["ottla-env"]),
    ("axum", &["ottla-broker"]),
    ("clap", &["ottla"]),
    ("anyhow", &["ottla", "xtask"]),
    ("crc-fast", &["ottla-wire"]),
    ("flate2", &["ottla-wire", "ottla-fuzz"]),
    ("lz4_flex", &["ottla-wire"]),
    ("snap", &["ottla-wire", "ottla-fuzz"]),
    ("zstd", &["ottla-wire"]),
    ("prometheus-client", &["ottla-broker"]),
    // The standard library has what these were for.
    ("lazy_static", &[]),
    ("once_cell", &[]),
    ("atty", &[]),
    ("fs2", &[]),
    ("fs4", &[]),
    ("fd-lock", &[]),
];

/// Crates whose list of foreign dependencies is closed.
const CLOSED: &[(&str, &[&str])] = &[
    ("ottla-wire", &["bytes", "thiserror", "crc-fast", "flate2", "lz4_flex", "snap", "zstd"]),
    ("ottla-state", &["bytes", "uuid", "thiserror", "regex"]),
    ("ottla-log", &["bytes", "thiserror"]),
];

const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
    "Unlicense",
    "0BSD",
    "BSL-1.0",
];

/// Of libFuzzer, which is in no binary that is shipped.
const FUZZ_LICENCES: &[&str] = &["NCSA"];

/// Never in the shipped binary.
const BANNED: &[&str] = &[
    "openssl-sys",
    "native-tls",
    "aws-lc-rs",
    "aws-lc-sys",
    "rdkafka",
    "rdkafka-sys",
    "kafka-protocol",
    "serde_yaml",
    "rustls-pemfile",
    "figment",
    "tokio-uring",
    "monoio",
    "glommio",
    "include_dir",
    "kanal",
    "sled",
    "zookeeper",
    "zookeeper-async",
    "bookkeeper-client",
    "raft",
    "cel-interpreter",
    "rinja",
    "playwright",
    "dashmap",
    "memmap2",
    "bincode",
    "openraft",
    "slatedb",
];

/// Two versions of these in one binary would not talk to each other.
const SINGLE: &[&str] = &["tokio", "rustls", "ring"];

pub fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in &graph.members {
        findings.extend(edges(graph, &graph.packages[id]));
    }
    let shipped = graph.shipped();
    findings.extend(licences(graph, &shipped, LICENCES));
    for id in &shipped {
        let package = &graph.packages[id];
        if BANNED.contains(&package.name.as_str()) {
            findings.push(Finding::new("bans", &package.name, "is banned from the shipped binary"));
        }
    }
    findings.extend(duplicates(graph));
    findings
}

/// The workspace of cargo-fuzz: all that it needs is built on a developer's machine.
pub fn check_fuzz(graph: &Graph) -> Vec<Finding> {
    let all: BTreeSet<String> = graph.packages.keys().cloned().collect();
    licences(graph, &all, &[LICENCES, FUZZ_LICENCES].concat())
}

fn edges(graph: &Graph, package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    let subject = |to: &str| format!("{} -> {to}", package.name);
    let allowed = EDGES.iter().find(|(name, _)| *name == package.name).map(|(_, to)| *to);
    let Some(allowed) = allowed else {
        return vec![Finding::new("imports", &package.name, "has no row in the table of imports")];
    };
    let ours = |id: &&String| graph.members.contains(*id);
    for id in package.normal.iter().chain(&package.dev).filter(ours) {
        let to = &graph.packages[id].name;
        if !allowed.contains(&to.as_str()) {
            findings.push(Finding::new("imports", subject(to), "is no edge of the table of imports"));
        }
    }
    for id in package.normal.iter().filter(|id| !graph.members.contains(*id)) {
        let to = graph.packages[id].name.as_str();
        let owners = OWNERS.iter().find(|(name, _)| *name == to).map(|(_, owners)| *owners);
        if owners.is_some_and(|owners| !owners.contains(&package.name.as_str())) {
            findings.push(Finding::new("imports", subject(to), "belongs to another crate"));
        }
        let closed = CLOSED.iter().find(|(name, _)| *name == package.name).map(|(_, list)| *list);
        if closed.is_some_and(|list| !list.contains(&to)) {
            findings.push(Finding::new("imports", subject(to), "is not in the closed list of this crate"));
        }
    }
    findings
}

fn licences(graph: &Graph, packages: &BTreeSet<String>, allowed: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in packages {
        let package = &graph.packages[id];
        match &package.license {
            None => findings.push(Finding::new("licences", &package.name, "names no licence")),
            Some(text) if !is_allowed(text, allowed) => {
                findings.push(Finding::new("licences", &package.name, format!("`{text}` is not allowed")));
            }
            Some(_) => {}
        }
    }
    findings
}

/// SPDX expressions: AND binds tighter than OR, brackets group, `/` is an old spelling of OR.
fn is_allowed(expression: &str, names: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let (allowed, rest) = any_of(&tokens, names);
    allowed && rest.is_empty()
}

fn any_of<'a, 't>(tokens: &'t [&'a str], names: &[&str]) -> (bool, &'t [&'a str]) {
    let (mut allowed, mut rest) = all_of(tokens, names);
    while let ["OR", more @ ..] = rest {
        let (next, after) = all_of(more, names);
        (allowed, rest) = (allowed | next, after);
    }
    (allowed, rest)
}

fn all_of<'a, 't>(tokens: &'t [&'a str], names: &[&str]) -> (bool, &'t [&'a str]) {
    let (mut allowed, mut rest) = licence(tokens, names);
    while let ["AND", more @ ..] = rest {
        let (next, after) = licence(more, names);
        (allowed, rest) = (allowed & next, after);
    }
    (allowed, rest)
}

fn licence<'a, 't>(tokens: &'t [&'a str], names: &[&str]) -> (bool, &'t [&'a str]) {
    match tokens {
        ["(", inner @ ..] => match any_of(inner, names) {
            (allowed, [")", rest @ ..]) => (allowed, rest),
            (_, rest) => (false, rest),
        },
        [name, "WITH", exception, rest @ ..] => {
            (names.contains(&format!("{name} WITH {exception}").as_str()), rest)
        }
        [name, rest @ ..] => (names.contains(name), rest),
        [] => (false, tokens),
    }
}

fn duplicates(graph: &Graph) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in graph.packages.values() {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let doubled = versions.into_iter().filter(|(name, versions)| SINGLE.contains(name) && versions.len() > 1);
    doubled
        .map(|(name, versions)| {
            let versions: Vec<&str> = versions.into_iter().collect();
            Finding::new("duplicates", name, format!("resolves to {}", versions.join(" and ")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])], licence: &str) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in edges {
            let normal = to.iter().map(|t| (*t).to_owned()).collect();
            let package = Package {
                name: (*from).to_owned(),
                version: "1.0.0".to_owned(),
                license: Some(licence.to_owned()),
                normal,
                ..Package::default()
            };
            graph.packages.insert((*from).to_owned(), package);
            if from.starts_with("ottla") {
                graph.members.insert((*from).to_owned());
            }
        }
        graph
    }

    fn rules(edges: &[(&str, &[&str])], licence: &str) -> Vec<&'static str> {
        check(&graph(edges, licence)).into_iter().map(|f| f.rule).collect()
    }

    #[test]
    fn edges_outside_the_table_are_found() {
        assert!(rules(&[("ottla-log", &["ottla-wire"]), ("ottla-wire", &[])], "MIT").is_empty());
        assert_eq!(rules(&[("ottla-wire", &["ottla-log"]), ("ottla-log", &[])], "MIT"), ["imports"]);
        assert_eq!(rules(&[("ottla-new", &[])], "MIT"), ["imports"]);
        assert_eq!(rules(&[("ottla-client", &["clap"]), ("clap", &[])], "MIT"), ["imports"]);
        assert_eq!(rules(&[("ottla-state", &["rand"]), ("rand", &[])], "MIT"), ["imports"]);
    }

    #[test]
    fn banned_crates_are_found_where_they_ship() {
        assert_eq!(rules(&[("ottla-client", &["rdkafka"]), ("rdkafka", &[])], "MIT"), ["bans"]);
    }

    #[test]
    fn licence_expressions_are_read_as_spdx_says() {
        let is_allowed = |text: &str| is_allowed(text, LICENCES);
        let allowed = ["MIT", "MIT/Apache-2.0", "(MIT OR GPL-3.0) AND Unicode-3.0", "GPL-2.0 OR MIT AND ISC"];
        assert!(allowed.iter().all(|text| is_allowed(text)));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
        let refused =
            ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC", "MPL-2.0", "", "MIT AND (GPL-2.0 OR MPL-2.0)"];
        assert!(!refused.iter().any(|text| is_allowed(text)));
    }
}
