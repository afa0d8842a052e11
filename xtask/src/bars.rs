//! `cargo xtask bars`: Ottla beside Apache Kafka, one load after the other, and what was set as a goal.
//!
//! Each scenario runs in pairs: Ottla on an empty directory, then Kafka on one, each alone on the machine. What counts
//! is the median of the ratios of the pairs. Both promise the same: `os` acknowledges from the page cache (Kafka's
//! default), `fsync` what is on the disk (Ottla's). Figures are printed and judge nothing: machines differ, and a run
//! beside other work says little.

mod scenarios;

use crate::clients;
use crate::interop::broker::{Broker, Kind};
use crate::process::{cargo, output, run as run_command};
use anyhow::{Context, Result, bail};
use scenarios::{Acks, Owner, SCENARIOS, Scenario};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

const PAIRS: usize = 3;

pub fn run(root: &Path, args: &[String]) -> Result<()> {
    let mut pairs = PAIRS;
    let mut wanted: Vec<&str> = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--pairs" => {
                pairs = rest.next().and_then(|n| n.parse().ok()).context("--pairs takes a number")?
            }
            "--list" => {
                SCENARIOS.iter().for_each(|scenario| println!("{}", scenario.name));
                return Ok(());
            }
            part => wanted.push(part),
        }
    }
    let chosen: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|scenario| wanted.is_empty() || wanted.iter().any(|part| scenario.name.contains(part)))
        .collect();
    if chosen.is_empty() || pairs == 0 {
        bail!("no scenario of that name; `cargo xtask bars --list` names them");
    }
    run_command(root, &cargo(), &["build", "--release", "--locked", "--quiet"])?;
    println!("| scenario | figure | Ottla | Apache Kafka {} | ratio | goal |", clients::KAFKA_VERSION);
    println!("|---|---|---|---|---|---|");
    for scenario in chosen {
        let begin = Instant::now();
        let mut runs: Vec<[Value; 2]> = Vec::new();
        for pair in 1..=pairs {
            eprintln!("{}, pair {pair} of {pairs}; load {}", scenario.name, load());
            let [ours, theirs] = [Kind::Ottla, Kind::Kafka].map(|kind| scenario.measure(root, kind));
            runs.push([ours?, theirs?]);
        }
        print!("{}", scenario.rows(&runs)?);
        eprintln!("{} took {:.0} s", scenario.name, begin.elapsed().as_secs_f64());
    }
    Ok(())
}

impl Scenario {
    fn measure(&self, root: &Path, kind: Kind) -> Result<Value> {
        let measure = || match self.owner {
            Owner::Scenario => self.beside(root, kind),
            Owner::Bench => bench(root, self.measured, &strs(&other_broker(root, kind))),
        };
        measure().with_context(|| format!("{} with {}", self.name, kind.name()))
    }

    fn beside(&self, root: &Path, kind: Kind) -> Result<Value> {
        let settings: &[&str] = match (kind, self.acks) {
            (Kind::Ottla, Acks::Os) => &["log.durability=os"],
            (Kind::Kafka, Acks::Fsync) => &["log.flush.interval.messages=1"],
            _ => &[],
        };
        run_command(root, "sync", &[])?;
        let broker = Broker::start(root, kind, "bars", settings)?;
        let pid = broker.pid().to_string();
        let to = ["-b", &broker.bootstrap, "--pid", &pid];
        if let Some(partitions) = self.partitions {
            output(root, &ottla(root), &["topic", "create", "t", "-p", partitions, "-b", &broker.bootstrap])?;
        }
        for before in self.before {
            bench(root, before, &to)?;
        }
        if self.cold {
            run_command(root, "sync", &[])?;
            fs::write("/proc/sys/vm/drop_caches", "3").context("drop the page cache, which takes root")?;
        }
        let figures = bench(root, self.measured, &to)?;
        broker.stop()?;
        Ok(figures)
    }

    fn rows(&self, runs: &[[Value; 2]]) -> Result<String> {
        let durability = match (self.owner, self.acks) {
            (Owner::Bench, _) => "each its default",
            (_, Acks::Os) => "os",
            (_, Acks::Fsync) => "fsync",
        };
        let mut rows = String::new();
        for bar in self.bars {
            let mut columns: [Vec<f64>; 3] = Default::default();
            for [ours, theirs] in runs {
                let found = [figure(ours, bar.figure), figure(theirs, bar.figure)];
                let [Some(ours), Some(theirs)] = found else {
                    bail!("{}: no figure {}", self.name, bar.figure)
                };
                let ratio = if bar.more_is_better { ours / theirs } else { theirs / ours };
                for (column, value) in columns.iter_mut().zip([ours, theirs, ratio]) {
                    column.push(value);
                }
            }
            let [ours, theirs, ratios] = columns.map(|mut values| {
                values.sort_by(f64::total_cmp);
                values
            });
            let goal = bar.goal.map_or_else(String::new, |goal| {
                let verdict = if median(&ratios) >= goal { "met" } else { "missed" };
                format!("{goal}x: {verdict}")
            });
            writeln!(
                rows,
                "| {} ({durability}) | {}, {} | {} | {} | {}x | {goal} |",
                self.name,
                bar.figure,
                bar.unit,
                spread(&ours),
                spread(&theirs),
                spread(&ratios),
            )?;
        }
        Ok(rows)
    }
}

/// How `bench restart` starts the other broker; nothing for our own.
fn other_broker(root: &Path, kind: Kind) -> Vec<String> {
    if kind == Kind::Ottla {
        return Vec::new();
    }
    let script = root.join("crates/cli/tests/kafka/kafka.sh");
    let lab = clients::folder(root).join("kafka");
    let line = |act: &str| {
        let script = script.display();
        format!(
            "KAFKA_VERSION={} OTTLA_LAB='{}' exec bash '{script}' {act} \"$DIR\" PORT=$PORT",
            clients::KAFKA_VERSION,
            lab.display()
        )
    };
    vec!["--prepare-command".to_owned(), line("format"), "--broker-command".to_owned(), line("run")]
}

fn strs(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn ottla(root: &Path) -> String {
    root.join("target/release/ottla").to_string_lossy().into_owned()
}

/// Runs `ottla bench` with a load, which has no words with spaces, and further arguments.
fn bench(root: &Path, load: &str, further: &[&str]) -> Result<Value> {
    let load: Vec<&str> = load.split(' ').collect();
    let text = output(root, &ottla(root), &[&["bench"], &load[..], further, &["--output", "json"]].concat())?;
    serde_json::from_str(&text).context("read the figures of `ottla bench`")
}

/// A figure by its name, from either form that `ottla bench` prints.
fn figure(figures: &Value, name: &str) -> Option<f64> {
    let list = figures.as_array()?;
    let named = list.iter().find(|row| row.get("figure").and_then(Value::as_str) == Some(name));
    named.map_or_else(|| list.first()?.get(name)?.as_f64(), |row| row.get("median")?.as_f64())
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted {
        [] => f64::NAN,
        _ if sorted.len() % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The median, with the lowest and the highest where they differ.
fn spread(sorted: &[f64]) -> String {
    let (low, high) =
        (sorted.first().copied().unwrap_or(f64::NAN), sorted.last().copied().unwrap_or(f64::NAN));
    let texts = [median(sorted), low, high].map(short);
    if texts[1] == texts[2] {
        texts[0].clone()
    } else {
        format!("{} ({} to {})", texts[0], texts[1], texts[2])
    }
}

fn short(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// The load of the last minute.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::scenarios::{Bar, PRODUCE, cost, rate};
    use super::*;

    #[test]
    fn the_ratio_is_ours_of_rates_and_theirs_of_costs() {
        const BARS: &[Bar] = &[rate("r", "u", Some(2.0)), cost("c", "u", Some(2.0))];
        let scenario = Scenario { name: "n", bars: BARS, ..PRODUCE };
        let run = |r: f64, c: f64| serde_json::json!([{ "r": r, "c": c }]);
        let runs = [
            [run(30.0, 1.0), run(10.0, 1.5)],
            [run(10.0, 1.0), run(10.0, 1.0)],
            [run(50.0, 1.0), run(10.0, 4.0)],
        ];
        assert_eq!(
            scenario.rows(&runs).unwrap(),
            "| n (os) | r, u | 30.0 (10.0 to 50.0) | 10.0 | 3.00 (1.00 to 5.00)x | 2x: met |\n\
             | n (os) | c, u | 1.00 | 1.50 (1.00 to 4.00) | 1.50 (1.00 to 4.00)x | 2x: missed |\n"
        );
        assert!(
            scenario.rows(&[[serde_json::json!([{ "figure": "r", "median": 1 }]), run(1.0, 1.0)]]).is_err()
        );
    }

    #[test]
    fn figures_are_found_in_both_forms() {
        let listed = serde_json::json!([{ "figure": "a", "median": 1.5 }, { "figure": "b", "median": 2.5 }]);
        assert_eq!((figure(&listed, "b"), figure(&listed, "c")), (Some(2.5), None));
        assert_eq!(figure(&serde_json::json!([{ "a": 3 }]), "a"), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 8.0]), 3.0);
    }
}
