//! The two tables: figures with ratios and goals, and the commands behind each load.

use super::machine::State;
use super::perf::Tool;
use super::scenarios::{Acks, Bar, Goal, Owner, Reader, Scenario, WARM_UP, WARM_UP_PARTITIONS};
use crate::clients;
use crate::interop::broker::Kind;
use anyhow::{Result, bail};
use serde_json::Value;
use std::fmt::Write as _;

/// One broker under one load.
#[derive(Debug)]
pub struct Measured {
    pub figures: Value,
    pub state: State,
}

pub fn figures_head() -> String {
    let version = clients::KAFKA_VERSION;
    format!("| load | figure | Ottla | Apache Kafka {version} | ratio | goal |\n|---|---|---|---|---|---|\n")
}

impl Scenario {
    fn durability(&self) -> &'static str {
        match (self.owner, self.acks) {
            (Owner::Bench, _) => "each its default",
            (_, Acks::Os) => "os",
            (_, Acks::Fsync) => "fsync",
        }
    }

    /// A row for each figure: the medians, and the median of the ratios of the pairs.
    pub fn figures(&self, pairs: &[[Measured; 2]]) -> Result<String> {
        let mut rows = String::new();
        for bar in self.bars {
            let mut columns: [Vec<f64>; 3] = Default::default();
            for [ours, theirs] in pairs {
                let found = [figure(&ours.figures, bar.figure), figure(&theirs.figures, bar.figure)];
                let [Some(ours), Some(theirs)] = found else {
                    bail!("{}: no figure {}", self.name, bar.figure)
                };
                let ratio = if bar.more_is_better { ours / theirs } else { theirs / ours };
                for (column, value) in columns.iter_mut().zip([ours, theirs, ratio]) {
                    column.push(value);
                }
            }
            let [ours, theirs, ratios] = columns.map(sorted);
            writeln!(
                rows,
                "| {} ({}) | {}, {} | {} | {} | {}x | {} |",
                self.name,
                self.durability(),
                bar.figure,
                bar.unit,
                spread(&ours),
                spread(&theirs),
                spread(&ratios),
                bar.verdict(median(&ours), median(&ratios)),
            )?;
        }
        Ok(rows)
    }

    /// The row of the commands, and what the machine was like before the runs.
    pub fn commands_row(&self, pairs: &[[Measured; 2]]) -> String {
        let of = |value: fn(&State) -> f64| {
            spread(&sorted(pairs.iter().flatten().map(|measured| value(&measured.state)).collect()))
        };
        let mut commands = self.commands();
        commands.iter_mut().for_each(|command| *command = format!("`{command}`"));
        format!(
            "| {} ({}) | {} | {} | {} |\n",
            self.name,
            self.durability(),
            commands.join("<br>"),
            of(|state| state.load),
            of(|state| state.free_mb / 1e3),
        )
    }

    /// As they are typed, but for the address of the broker.
    fn commands(&self) -> Vec<String> {
        let bench = |load: &str| match Tool::of(load) {
            Some(tool) => format!("{load} {}", tool.bootstrap("HOST:PORT").join(" ")),
            None => format!("ottla bench {load}"),
        };
        let mut commands = Vec::new();
        commands.extend(self.partitions.map(|partitions| format!("ottla topic create t -p {partitions}")));
        commands.extend(self.before.iter().map(|load| bench(load)));
        let drop = "sync; echo 3 > /proc/sys/vm/drop_caches".to_owned();
        match self.reader {
            Reader::Behind(reader) => {
                commands.push(bench(self.measured));
                commands.extend(self.cold.then_some(drop));
                commands.push(bench(reader));
            }
            Reader::Beside(reader) => {
                commands.extend(self.cold.then_some(drop));
                commands.push(format!("{} &", bench(self.measured)));
                commands.push(bench(reader));
                commands.push("kill -INT $!".to_owned());
            }
            Reader::None => {
                commands.extend(self.cold.then_some(drop));
                commands.push(bench(self.measured));
            }
        }
        commands
    }
}

/// What stands above the table of the commands.
pub fn commands_head() -> String {
    let mut head = format!(
        "\nEach run: `sync; echo 3 > /proc/sys/vm/drop_caches`, a pause, the broker on an empty directory (`os`: \
         `ottla broker -X log.durability=os`, and Kafka as it is; `fsync`: Ottla as it is, and Kafka with \
         `log.flush.interval.messages=1`), then, where the command does not start the broker itself:\n\n```sh\n\
         ottla topic create warm -p {WARM_UP_PARTITIONS}   # fsync: -c {} or -c {}\n",
        warm_up_setting(Kind::Ottla),
        warm_up_setting(Kind::Kafka),
    );
    for load in WARM_UP {
        let _ = writeln!(head, "ottla bench {load}");
    }
    head.push_str(
        "```\n\n| load | commands behind that, each with -b and --pid | load average | MemFree, GB |\n|---|---|---|---|\n",
    );
    head
}

/// What keeps the topic of the warm-up in the page cache where the broker syncs by default.
pub fn warm_up_setting(kind: Kind) -> &'static str {
    match kind {
        Kind::Ottla => "durability=os",
        Kind::Kafka => "flush.messages=9223372036854775807",
    }
}

impl Bar {
    fn verdict(&self, ours: f64, ratio: f64) -> String {
        let met = |met| if met { "met" } else { "missed" };
        match self.goal {
            Goal::None => String::new(),
            Goal::Ratio(goal) => format!("{goal}x: {}", met(ratio >= goal)),
            Goal::AtMost(goal) => format!("at most {goal} {}: {}", self.unit, met(ours <= goal)),
        }
    }
}

/// A figure by its name, from either form that `ottla bench` prints.
fn figure(figures: &Value, name: &str) -> Option<f64> {
    let list = figures.as_array()?;
    let named = list.iter().find(|row| row.get("figure").and_then(Value::as_str) == Some(name));
    named.map_or_else(|| list.first()?.get(name)?.as_f64(), |row| row.get("median")?.as_f64())
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
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

#[cfg(test)]
mod tests {
    use super::super::scenarios::{PRODUCE, SCENARIOS, cost, rate};
    use super::*;

    fn measured(r: f64, c: f64) -> Measured {
        let state = State { load: c, free_mb: 1_000.0 * r, busy: 0.0 };
        Measured { figures: serde_json::json!([{ "r": r, "c": c }]), state }
    }

    fn pairs() -> [[Measured; 2]; 3] {
        [
            [measured(30.0, 1.0), measured(10.0, 1.5)],
            [measured(10.0, 1.0), measured(10.0, 1.0)],
            [measured(50.0, 1.0), measured(10.0, 4.0)],
        ]
    }

    #[test]
    fn the_ratio_is_ours_of_rates_and_theirs_of_costs() {
        const BARS: &[Bar] = &[
            rate("r", "u", Goal::Ratio(2.0)),
            cost("c", "u", Goal::Ratio(2.0)),
            cost("c", "u", Goal::AtMost(1.0)),
        ];
        let scenario = Scenario { name: "n", bars: BARS, ..PRODUCE };
        assert_eq!(
            scenario.figures(&pairs()).unwrap(),
            "| n (os) | r, u | 30.0 (10.0 to 50.0) | 10.0 | 3.00 (1.00 to 5.00)x | 2x: met |\n\
             | n (os) | c, u | 1.00 | 1.50 (1.00 to 4.00) | 1.50 (1.00 to 4.00)x | 2x: missed |\n\
             | n (os) | c, u | 1.00 | 1.50 (1.00 to 4.00) | 1.50 (1.00 to 4.00)x | at most 1 u: met |\n"
        );
        let other =
            Measured { figures: serde_json::json!([{ "figure": "r", "median": 1 }]), ..measured(1.0, 1.0) };
        assert!(scenario.figures(&[[other, measured(1.0, 1.0)]]).is_err());
    }

    #[test]
    fn the_commands_stand_in_the_order_in_which_they_run() {
        let scenario = Scenario {
            name: "n",
            before: &["replay t"],
            cold: true,
            measured: "openloop",
            reader: Reader::Beside("drain t"),
            ..PRODUCE
        };
        assert_eq!(
            scenario.commands_row(&pairs()),
            "| n (os) | `ottla topic create t -p 4`<br>`ottla bench replay t`<br>\
             `sync; echo 3 > /proc/sys/vm/drop_caches`<br>`ottla bench openloop &`<br>`ottla bench drain t`<br>\
             `kill -INT $!` | 1.00 (1.00 to 4.00) | 10.0 (10.0 to 50.0) |\n"
        );
        assert!(commands_head().contains(WARM_UP[0]));
        assert!(SCENARIOS.iter().all(|scenario| !scenario.bars.is_empty()));
    }

    #[test]
    fn figures_are_found_in_both_forms() {
        let listed = serde_json::json!([{ "figure": "a", "median": 1.5 }, { "figure": "b", "median": 2.5 }]);
        assert_eq!((figure(&listed, "b"), figure(&listed, "c")), (Some(2.5), None));
        assert_eq!(figure(&serde_json::json!([{ "a": 3 }]), "a"), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 8.0]), 3.0);
    }
}
