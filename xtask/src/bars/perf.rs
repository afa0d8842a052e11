//! Kafka's own load generators, and what they cost the broker.

use crate::clients;
use crate::process::output;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Of the times in `/proc/PID/stat`, on every machine that Linux runs on here.
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes as fast as it can, or at a rate.
const PRODUCER: Tool = Tool {
    name: "kafka-producer-perf-test",
    class: "org.apache.kafka.tools.ProducerPerformance",
    // Behind the properties of the producer, which are its last option.
    bootstrap: |bootstrap| vec![format!("bootstrap.servers={bootstrap}")],
    figures: producer_figures,
};
/// Writes a record when the one before has been read.
const END_TO_END: Tool = Tool {
    name: "kafka-e2e-latency",
    class: "org.apache.kafka.tools.EndToEndLatency",
    bootstrap: |bootstrap| vec!["--bootstrap-server".to_owned(), bootstrap.to_owned()],
    figures: end_to_end_figures,
};

#[derive(Debug)]
pub struct Tool {
    /// The first word of a load of it.
    name: &'static str,
    class: &'static str,
    bootstrap: fn(&str) -> Vec<String>,
    /// Of the words of the load and what it printed.
    figures: fn(&[&str], &str) -> Option<Figures>,
}

/// Records, and what is known of them.
type Figures = (f64, Value);

impl Tool {
    /// The one that a load is for, if it is for one of them.
    pub fn of(load: &str) -> Option<&'static Self> {
        [&PRODUCER, &END_TO_END].into_iter().find(|tool| load.split(' ').next() == Some(tool.name))
    }

    /// The words that tell it where the broker is; they come last.
    pub fn bootstrap(&self, address: &str) -> Vec<String> {
        (self.bootstrap)(address)
    }

    pub fn run(&self, root: &Path, load: &str, bootstrap: &str, pid: u32) -> Result<Value> {
        let class_path = clients::console(root)?;
        let words: Vec<&str> = load.split(' ').skip(1).collect();
        let bootstrap = self.bootstrap(bootstrap);
        let mut command = vec!["-cp", &class_path, self.class];
        command.extend(words.iter().copied().chain(bootstrap.iter().map(String::as_str)));
        let before = cpu_seconds(pid)?;
        let printed = output(root, "java", &command)?;
        let spent = cpu_seconds(pid)? - before;
        let (records, mut figures) = (self.figures)(&words, &printed)
            .with_context(|| format!("read what {} printed: {printed}", self.name))?;
        figures["records"] = records.into();
        figures["brokerCpuUsPerRecord"] = (spent * 1e6 / records).into();
        Ok(json!([figures]))
    }
}

/// Of a last line like `20 records sent, 3438.7 records/sec (0.33 MB/sec), 1.2 ms avg latency, ... 308 ms 99th, 342 ms 99.9th.`
fn producer_figures(_: &[&str], printed: &str) -> Option<Figures> {
    let line = printed.lines().last()?;
    let number = |unit: &str| -> Option<f64> {
        let field = line.split(", ").find(|field| field.trim_end_matches('.').contains(unit))?;
        field.split(' ').next()?.parse().ok()
    };
    let figures = json!({
        "recordsPerSecond": number(" records/sec")?,
        "p50Ms": number(" ms 50th")?,
        "p99Ms": number(" ms 99th")?,
        "p999Ms": number(" ms 99.9th")?,
    });
    Some((number(" records sent")?, figures))
}

/// Of lines like `Avg latency: 0.9237 ms` and `Percentiles: 50th = 1, 99th = 3, 99.9th = 12`; the percentiles are whole.
fn end_to_end_figures(words: &[&str], printed: &str) -> Option<Figures> {
    let records = words.iter().skip_while(|word| **word != "--num-records").nth(1)?.parse().ok()?;
    let behind = |start: &str| printed.lines().find_map(|line| line.strip_prefix(start));
    let percentiles = behind("Percentiles: ")?;
    let percentile = |name: &str| -> Option<f64> {
        percentiles.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix(" = "))?.parse().ok()
    };
    let average: f64 = behind("Avg latency: ")?.strip_suffix(" ms")?.parse().ok()?;
    let figures =
        json!({ "averageMs": average, "p99Ms": percentile("99th")?, "p999Ms": percentile("99.9th")? });
    Some((records, figures))
}

fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("look at the broker's process")?;
    cpu_ticks(&stat).map(|ticks| ticks / TICKS_PER_SECOND).context("/proc/PID/stat has an unexpected form")
}

/// User and system time. The name in front of them may hold spaces: fields are counted behind its bracket.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_producer_holds_its_figures() {
        let line = "20000 records sent, 3438.789546 records/sec (0.33 MB/sec), 107.84 ms avg latency, \
                    4036.00 ms max latency, 100 ms 50th, 195 ms 95th, 308 ms 99th, 342 ms 99.9th.";
        let (records, figures) = producer_figures(&[], &format!("one\n{line}\n")).unwrap();
        let of = |name: &str| figures[name].as_f64().unwrap();
        assert_eq!((records, of("recordsPerSecond")), (20_000.0, 3438.789546));
        assert_eq!((of("p50Ms"), of("p99Ms"), of("p999Ms")), (100.0, 308.0, 342.0));
        assert!(producer_figures(&[], "20 records sent, 1.0 records/sec (0.33 MB/sec)").is_none());
    }

    #[test]
    fn two_lines_of_the_way_from_end_to_end_hold_its_figures() {
        let printed = "0\t161.07\nAvg latency: 2.7837 ms\n\nPercentiles: 50th = 1, 99th = 12, 99.9th = 19\n";
        let words = ["--topic", "t", "--num-records", "5000"];
        let (records, figures) = end_to_end_figures(&words, printed).unwrap();
        assert_eq!(
            (records, figures),
            (5_000.0, json!({ "averageMs": 2.7837, "p99Ms": 12.0, "p999Ms": 19.0 }))
        );
        assert!(end_to_end_figures(&words[..2], printed).is_none());
        assert!(end_to_end_figures(&words, "Avg latency: 2 ms").is_none());
    }

    #[test]
    fn the_first_word_of_a_load_names_the_tool() {
        let class = |load| Tool::of(load).map(|tool| tool.class.rsplit('.').next());
        assert_eq!(class("kafka-e2e-latency --topic t"), Some(Some("EndToEndLatency")));
        assert_eq!(class("kafka-producer-perf-test --topic t"), Some(Some("ProducerPerformance")));
        assert_eq!(class("e2e --rate 1"), None);
    }

    #[test]
    fn cpu_time_stands_behind_the_name() {
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 40 2 0 0";
        assert_eq!(cpu_ticks(stat), Some(42.0));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }
}
