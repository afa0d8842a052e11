//! `cargo xtask answers`: what a broker answers, compared with a recording of Apache Kafka.
//!
//! The asking and the comparing are `crates/cli/tests/answers/diff.py`; this starts the broker it asks, and holds what it
//! prints against the list of known differences. A difference that is not listed fails, and so does a line of the list
//! that nothing needs any more, so the list is always the truth about where Ottla leaves Kafka.

use crate::clients;
use crate::interop::broker::{Broker, Kind};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The scenarios whose APIs exist. It only grows.
const SCENARIOS: &[&str] = &[
    "api_versions",
    "first_request_need_not_be_api_versions",
    "metadata",
    "auto_creation_is_usable_at_once",
    "create_topics",
    "produce_plain",
    "produce_bad_batches",
    "idempotence",
    "list_offsets",
    "fetch_offsets_and_limits",
    "fetch_sessions",
    "topic_configs",
    "broker_config_names",
    "partitions_and_deletion",
    "offset_for_leader_epoch",
    "single_node_admin",
    "security_is_off",
    "coordinators",
    "classic_group_of_one",
    "classic_group_errors",
    "static_members",
    "hostile_frames",
    "pipelining_keeps_order",
];
/// What the recording was made with. Answers also tell which settings were given, and so these are given too where they
/// are the default or have no effect.
const SETTINGS: &[&str] = &[
    "node.id=1",
    "num.partitions=4",
    "auto.create.topics.enable=true",
    "group.initial.rebalance.delay.ms=0",
    "group.consumer.heartbeat.interval.ms=1000",
    "group.consumer.min.heartbeat.interval.ms=1000",
];
const FOLDER: &str = "crates/cli/tests/answers";
const KNOWN: &str = "crates/cli/tests/answers/known-differences.tsv";
/// Steps that say how long something took; a busy machine may differ there once.
const TIMED: &[&str] = &["waited", "at once", "woken"];

/// A line of the list. `*` in step and path stands for any text.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    line: usize,
    scenario: String,
    place: String,
}

/// A difference as the comparison prints it: `place: a=... b=...`, where the place is the step with its path.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    scenario: String,
    place: String,
    ours: String,
    kafkas: String,
}

#[derive(Debug, Default)]
struct Comparison {
    /// Scenarios that ran, with the number of answers.
    ran: Vec<(String, usize)>,
    differences: Vec<Difference>,
}

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let kind = match args {
        [] => Kind::Ottla,
        [name, value] if name == "--broker" => Kind::parse(value)?,
        _ => bail!("usage: cargo xtask answers [--broker ottla|kafka]"),
    };
    let known = match kind {
        Kind::Ottla => {
            known(&fs::read_to_string(root.join(KNOWN)).with_context(|| format!("read {KNOWN}"))?)?
        }
        Kind::Kafka => Vec::new(),
    };
    let broker = Broker::start(root, kind, "answers", SETTINGS)?;
    let mut comparison = compare(root, &broker, SCENARIOS)?;
    let (timed, others): (Vec<_>, Vec<_>) = comparison.differences.into_iter().partition(is_timed);
    comparison.differences = others;
    if !timed.is_empty() {
        let mut again: Vec<&str> = timed.iter().map(|difference| difference.scenario.as_str()).collect();
        again.dedup();
        println!("once more, because only times differed: {}", again.join(", "));
        let second = compare(root, &broker, &again)?.differences;
        comparison.differences.extend(second.into_iter().filter(is_timed));
    }
    let result = judge(kind, &comparison, &known);
    if result.is_err() {
        println!("the end of the broker's log:\n{}", broker.log_tail());
        return result;
    }
    broker.stop()
}

/// Asks the scenarios and reads the report.
fn compare(root: &Path, broker: &Broker, scenarios: &[&str]) -> Result<Comparison> {
    let jar = clients::kafka_clients_jar(root)?;
    let folder = root.join(FOLDER);
    let output = Command::new("python3")
        .arg("-B")
        .arg(folder.join("diff.py"))
        .arg("--jar")
        .arg(jar)
        .args([
            "--a",
            &broker.bootstrap,
            "--max",
            "1000000",
            "--only",
            &format!("^({})$", scenarios.join("|")),
        ])
        .arg("--against")
        .arg(folder.join("kafka-4.4.0.json.gz"))
        .output()
        .context("start the comparison")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let comparison = parse(&text);
    if comparison.ran.len() != scenarios.len() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{} of {} scenarios ran:\n{text}{errors}", comparison.ran.len(), scenarios.len());
    }
    Ok(comparison)
}

fn parse(report: &str) -> Comparison {
    let mut comparison = Comparison::default();
    for line in report.lines() {
        if let Some(found) = line.strip_prefix("    ") {
            let scenario = comparison.ran.last().map(|(name, _)| name.clone()).unwrap_or_default();
            let (place, values) = found.split_once(": a=").unwrap_or((found, ""));
            let (ours, kafkas) = values.split_once(" b=").unwrap_or((values, ""));
            let (place, ours, kafkas) = (place.to_owned(), ours.to_owned(), kafkas.to_owned());
            comparison.differences.push(Difference { scenario, place, ours, kafkas });
        } else if let Some((name, rest)) =
            line.strip_prefix("not ok ").or_else(|| line.strip_prefix("ok ")).and_then(|l| l.split_once(": "))
        {
            let words = rest.split_whitespace();
            let answers = words.filter_map(|word| word.parse().ok()).next_back().unwrap_or_default();
            comparison.ran.push((name.to_owned(), answers));
        }
    }
    comparison
}

fn judge(kind: Kind, comparison: &Comparison, known: &[Known]) -> Result<()> {
    let allowed = |d: &Difference| kind == Kind::Ottla && is_narrower(d);
    let listed = |d: &Difference| known.iter().any(|k| k.names(d));
    let unlisted: Vec<&Difference> =
        comparison.differences.iter().filter(|d| !allowed(d) && !listed(d)).collect();
    let gone: Vec<&Known> =
        known.iter().filter(|k| !comparison.differences.iter().any(|d| k.names(d))).collect();
    for (scenario, answers) in &comparison.ran {
        let here = comparison.differences.iter().filter(|d| d.scenario == *scenario);
        let (narrower, rest): (Vec<_>, Vec<_>) = here.partition(|d| allowed(d));
        let listed = rest.iter().filter(|d| listed(d)).count();
        println!(
            "  {scenario}: {answers} answers, {listed} known differences, {} unlisted{}",
            rest.len() - listed,
            if narrower.is_empty() { "" } else { ", announces less than Kafka" }
        );
    }
    for d in &unlisted {
        println!(
            "    NOT LISTED {}: {}: {} has {}, Kafka {}",
            d.scenario,
            d.place,
            kind.name(),
            d.ours,
            d.kafkas
        );
    }
    for k in &gone {
        println!("    GONE {KNOWN}:{}: {}: {}", k.line, k.scenario, k.place);
    }
    let answers: usize = comparison.ran.iter().map(|(_, answers)| answers).sum();
    println!(
        "{}: {} scenarios, {answers} answers; {} known differences listed, {} unlisted, {} gone",
        kind.name(),
        comparison.ran.len(),
        known.len(),
        unlisted.len(),
        gone.len()
    );
    if !unlisted.is_empty() || !gone.is_empty() {
        bail!("{} differences are not listed, {} listed ones are gone", unlisted.len(), gone.len());
    }
    Ok(())
}

/// Fewer APIs, narrower version ranges and fewer features than Kafka are announced honestly, not wrongly.
fn is_narrower(difference: &Difference) -> bool {
    let Difference { scenario, place, ours, kafkas } = difference;
    if scenario != "api_versions" {
        return false;
    }
    let lists = [".ApiKeys", ".SupportedFeatures", ".FinalizedFeatures"];
    let Some(path) = lists.iter().find_map(|list| place.split_once(list).map(|(_, path)| path)) else {
        return false;
    };
    let numbers = || Some((ours.parse::<i64>().ok()?, kafkas.parse::<i64>().ok()?));
    if path == ".length" || path.ends_with("].MaxVersion") {
        numbers().is_some_and(|(ours, kafkas)| ours <= kafkas)
    } else if path.ends_with("].MinVersion") {
        numbers().is_some_and(|(ours, kafkas)| ours >= kafkas)
    } else {
        (path.is_empty() || path.ends_with(']')) && ours == "\"<absent>\""
    }
}

fn is_timed(difference: &Difference) -> bool {
    difference.scenario == "fetch_offsets_and_limits"
        && TIMED.iter().any(|word| difference.place.contains(word))
}

/// `scenario<tab>step<tab>path<tab>reason`.
fn known(text: &str) -> Result<Vec<Known>> {
    let mut known = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = line.split('\t').collect();
        let [scenario, step, path, reason] = columns[..] else {
            bail!("{KNOWN}:{}: four columns are expected: scenario, step, path, reason", number + 1);
        };
        if reason.trim().is_empty() {
            bail!("{KNOWN}:{}: a difference needs its reason", number + 1);
        }
        if !SCENARIOS.contains(&scenario) {
            bail!("{KNOWN}:{}: `{scenario}` is not asked", number + 1);
        }
        known.push(Known { line: number + 1, scenario: scenario.to_owned(), place: format!("{step}{path}") });
    }
    Ok(known)
}

impl Known {
    fn names(&self, difference: &Difference) -> bool {
        self.scenario == difference.scenario && matches(&self.place, &difference.place)
    }
}

/// Whether `text` is `pattern`, where `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| matches(after, rest.get(at..).unwrap_or_default()))
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const REPORT: &str = "ok metadata: 54 answers equal
not ok create_topics: 2 differences in 37 answers
    plain CreateTopics v7.Topics[x].ErrorCode: a=1 b=0
    36 steps on a, 37 on b; last: x | y
not ok api_versions: 1 differences in 9 answers
    ask ApiVersions v4.ApiKeys[8]: a=\"<absent>\" b=\"present\"
1 passed, 2 failed
";

    #[test]
    fn a_report_is_read_with_its_scenarios_and_differences() {
        let comparison = parse(REPORT);
        let ran = [("metadata", 54), ("create_topics", 37), ("api_versions", 9)];
        assert_eq!(comparison.ran, ran.map(|(name, answers)| (name.to_owned(), answers)));
        assert_eq!(comparison.differences.len(), 3);
        let first = &comparison.differences[0];
        assert_eq!(
            (first.place.as_str(), first.ours.as_str(), first.kafkas.as_str()),
            ("plain CreateTopics v7.Topics[x].ErrorCode", "1", "0")
        );
    }

    #[test]
    fn unlisted_differences_fail_and_so_do_listed_ones_that_are_gone() {
        let comparison = parse(REPORT);
        let line = |step: &str, path: &str| format!("create_topics\t{step}\t{path}\twhy\n");
        let both = line("plain CreateTopics v*", ".Topics[x].ErrorCode") + &line("36 steps*", "");
        let judge = |text: &str, kind| judge(kind, &comparison, &known(text).unwrap()).is_ok();
        assert!(judge(&both, Kind::Ottla));
        assert!(!judge(&both, Kind::Kafka));
        assert!(!judge(&line("36 steps*", ""), Kind::Ottla));
        assert!(!judge(&(both + &line("other", ".x")), Kind::Ottla));
    }

    #[test]
    fn only_less_than_kafka_may_be_announced() {
        let check = |place: &str, ours: &str, kafkas: &str| {
            is_narrower(&Difference {
                scenario: "api_versions".to_owned(),
                place: format!("ask ApiVersions v4{place}"),
                ours: ours.to_owned(),
                kafkas: kafkas.to_owned(),
            })
        };
        assert!(check(".ApiKeys[8]", "\"<absent>\"", "\"present\""));
        assert!(!check(".ApiKeys[8]", "\"present\"", "\"<absent>\""));
        assert!(check(".ApiKeys[1].MaxVersion", "17", "18") && !check(".ApiKeys[1].MaxVersion", "19", "18"));
        assert!(check(".ApiKeys[1].MinVersion", "5", "4") && !check(".ApiKeys[1].MinVersion", "3", "4"));
        assert!(check(".SupportedFeatures.length", "0", "4") && !check(".ErrorCode", "1", "0"));
    }

    #[test]
    fn a_line_without_reason_is_refused_and_a_star_is_any_text() {
        assert!(known("create_topics\tstep\t.x\t \n").is_err());
        assert!(known("create_topics\tstep\t.x\n").is_err());
        assert!(known("no_such\tstep\t.x\twhy\n").is_err());
        assert!(
            matches("a*c", "abbc") && matches("a*", "a") && !matches("a*c", "abd") && !matches("a", "ab")
        );
    }
}
