//! Kafka's own load generator, `kafka-producer-perf-test`, and what it costs the broker.

use crate::clients;
use crate::process::output;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The first word of a load that is one of these; what follows ends in properties of the producer.
pub const NAME: &str = "kafka-producer-perf-test";
const CLASS: &str = "org.apache.kafka.tools.ProducerPerformance";
/// Of the times in `/proc/PID/stat`, on every machine that Linux runs on here.
const TICKS_PER_SECOND: f64 = 100.0;

pub fn run(root: &Path, load: &str, bootstrap: &str, pid: u32) -> Result<Value> {
    let class_path = clients::console(root)?;
    let servers = format!("bootstrap.servers={bootstrap}");
    let words: Vec<&str> = load.split(' ').skip(1).collect();
    let before = cpu_seconds(pid)?;
    let printed = output(root, "java", &[&["-cp", &class_path, CLASS], &words[..], &[&servers]].concat())?;
    let spent = cpu_seconds(pid)? - before;
    let last = printed.lines().last().unwrap_or_default();
    figures(last, spent).with_context(|| format!("read the last line of {NAME}: {last}"))
}

/// Of a line like `20 records sent, 3438.7 records/sec (0.33 MB/sec), 1.2 ms avg latency, ... 308 ms 99th, 342 ms 99.9th.`
fn figures(line: &str, broker_cpu: f64) -> Option<Value> {
    let number = |unit: &str| -> Option<f64> {
        let field = line.split(", ").find(|field| field.trim_end_matches('.').contains(unit))?;
        field.split(' ').next()?.parse().ok()
    };
    let records = number(" records sent")?;
    Some(json!([{
        "records": records,
        "recordsPerSecond": number(" records/sec")?,
        "p50Ms": number(" ms 50th")?,
        "p99Ms": number(" ms 99th")?,
        "p999Ms": number(" ms 99.9th")?,
        "brokerCpuUsPerRecord": broker_cpu * 1e6 / records,
    }]))
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
    fn the_last_line_holds_the_figures() {
        let line = "20000 records sent, 3438.789546 records/sec (0.33 MB/sec), 107.84 ms avg latency, \
                    4036.00 ms max latency, 100 ms 50th, 195 ms 95th, 308 ms 99th, 342 ms 99.9th.";
        let figures = figures(line, 2.0).unwrap();
        let of = |name: &str| figures[0][name].as_f64().unwrap();
        assert_eq!((of("recordsPerSecond"), of("brokerCpuUsPerRecord")), (3438.789546, 100.0));
        assert_eq!((of("p50Ms"), of("p99Ms"), of("p999Ms")), (100.0, 308.0, 342.0));
        assert!(super::figures("20 records sent, 1.0 records/sec (0.33 MB/sec)", 1.0).is_none());
    }

    #[test]
    fn cpu_time_stands_behind_the_name() {
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 40 2 0 0";
        assert_eq!(cpu_ticks(stat), Some(42.0));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }
}
