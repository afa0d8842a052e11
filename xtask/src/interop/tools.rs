//! `cargo xtask interop tools`: Kafka's own command-line tools, and what they print.
//!
//! `tools/session.txt` holds commands and what they print against Apache Kafka, with names and times taken out. The
//! commands run in one JVM (`Tools.java`), and the whole output is compared, so a broker need not be Kafka for its
//! operators not to notice. What differs on purpose is a line of `known-differences.tsv`; an unlisted difference fails,
//! and so does a listed one that is gone.

use super::broker::{Broker, Kind};
use super::child;
use crate::clients::{self, java_command};
use crate::toolchains;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: cargo xtask interop tools [--broker ottla|kafka] [--record]

  --broker  the release build of Ottla (default), or Apache Kafka from Maven
  --record  writes what Apache Kafka's tools print to the session, instead of comparing";
const FOLDER: &str = "crates/cli/tests/interop/tools";
const SETTINGS: &[&str] = &["node.id=1", "num.partitions=1", "group.initial.rebalance.delay.ms=0"];
const LIMIT: Duration = Duration::from_secs(300);

/// A command and everything that it printed.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    printed: String,
}

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let (kind, record) = options(args)?;
    toolchains::ensure(root, &[toolchains::JAVA, toolchains::MAVEN])?;
    let class_path = clients::tools(root)?;
    let folder = root.join(FOLDER);
    let text = fs::read_to_string(folder.join("session.txt")).context("read the session")?;
    let wanted = steps(&text);
    let broker = Broker::start(root, kind, "tools", SETTINGS)?;
    let begin = Instant::now();
    let mut command = java_command(&class_path, "Tools");
    command.arg(&broker.bootstrap).arg(&folder);
    let input: String = wanted.iter().map(|step| format!("{}\n", step.command)).collect();
    let said = child::run_within(&mut command, input.into_bytes(), LIMIT).context("run the tools");
    let said = said.inspect_err(|_| println!("the end of the broker's log:\n{}", broker.log_tail()))?;
    broker.stop()?;
    let said = String::from_utf8(said).context("read what the tools printed")?;
    if record == Record::Yes {
        return fs::write(folder.join("session.txt"), said).context("write the session");
    }
    let known = match kind {
        Kind::Ottla => {
            fs::read_to_string(folder.join("known-differences.tsv")).context("read differences")?
        }
        Kind::Kafka => String::new(),
    };
    let (report, failures) = compare(&wanted, &steps(&said), &known)?;
    print!("{report}");
    println!(
        "{}: {} commands of Kafka's tools, {failures} failed; {:.0} s",
        kind.name(),
        wanted.len(),
        begin.elapsed().as_secs_f64()
    );
    if failures > 0 {
        bail!("{failures} of {} commands of Kafka's tools print something else", wanted.len());
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    Yes,
    No,
}

fn options(args: &[String]) -> Result<(Kind, Record)> {
    let (mut kind, mut record) = (Kind::Ottla, Record::No);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--broker" => kind = Kind::parse(rest.next().context(USAGE)?)?,
            "--record" => record = Record::Yes,
            _ => bail!("{USAGE}"),
        }
    }
    if record == Record::Yes && kind != Kind::Kafka {
        bail!("only Apache Kafka's output is recorded: --broker kafka --record");
    }
    Ok((kind, record))
}

/// A line that begins with `$ ` is a command; what follows is its output.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), printed: String::new() });
        } else if let Some(step) = steps.last_mut() {
            step.printed.push_str(line);
            step.printed.push('\n');
        }
    }
    steps
}

/// The report, and how many commands failed.
fn compare(wanted: &[Step], seen: &[Step], known: &str) -> Result<(String, usize)> {
    let mut known: BTreeMap<&str, &str> = known
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('\t').with_context(|| format!("`{line}` is no command, tab, reason")))
        .collect::<Result<_>>()?;
    let (mut report, mut failures) = (String::new(), 0);
    for (position, step) in wanted.iter().enumerate() {
        let printed = seen.get(position).map_or("nothing, the tools had ended\n", |step| &step.printed);
        let listed = known.remove(step.command.as_str());
        match (listed, printed == step.printed) {
            (None, true) => {}
            (Some(reason), false) => report.push_str(&format!("known: {}: {reason}\n", step.command)),
            (Some(_), true) => {
                failures += 1;
                report.push_str(&format!("FAILED {}: listed, and no longer differs\n", step.command));
            }
            (None, false) => {
                failures += 1;
                report.push_str(&format!("FAILED {}\n", step.command));
                report.push_str(&differing(&step.printed, printed));
            }
        }
    }
    for command in known.keys() {
        failures += 1;
        report.push_str(&format!("FAILED {command}: listed, and not in the session\n"));
    }
    Ok((report, failures))
}

/// The lines that only one side has.
fn differing(wanted: &str, seen: &str) -> String {
    let only = |sign: char, these: &str, others: &str| -> String {
        let lines = these.lines().filter(|line| !others.lines().any(|other| other == *line));
        lines.map(|line| format!("  {sign} {line}\n")).collect()
    };
    let text = only('-', wanted, seen) + &only('+', seen, wanted);
    if text.is_empty() { "  the same lines in another order or number\n".to_owned() } else { text }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SESSION: &str = "$ a --b\none\ntwo\n$ c\n$ d\nthree\n";

    #[test]
    fn a_session_is_commands_with_their_output() {
        let steps = steps(SESSION);
        assert_eq!(steps.len(), 3);
        assert_eq!(steps[0], Step { command: "a --b".to_owned(), printed: "one\ntwo\n".to_owned() });
        assert_eq!(steps[1].printed, "");
    }

    #[test]
    fn what_is_unlisted_and_what_is_listed_for_nothing_fail() {
        let failures = |seen: &str, known: &str| compare(&steps(SESSION), &steps(seen), known).unwrap().1;
        assert_eq!(failures(SESSION, "# a comment\n"), 0);
        let other = SESSION.replace("two", "2");
        assert_eq!(failures(&other, ""), 1);
        assert_eq!(failures(&other, "a --b\tsays it in a digit\n"), 0);
        assert_eq!(failures(SESSION, "a --b\tsays it in a digit\n"), 1);
        assert_eq!(failures(SESSION, "x\tis not there\n"), 1);
        assert_eq!(failures("$ a --b\none\ntwo\n$ c\n", ""), 1);
        assert!(compare(&[], &[], "no reason\n").is_err());
    }

    #[test]
    fn a_difference_shows_the_lines_of_one_side() {
        assert_eq!(differing("a\nb\n", "a\nc\n"), "  - b\n  + c\n");
        assert!(differing("a\nb\n", "b\na\n").contains("another order"));
    }
}
