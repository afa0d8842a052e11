//! What a run of `replay` or `drain` says at its end.
//!
//! MB and GB are 10^6 and 10^9 bytes of record batches, as they are on the wire and in the log. Latencies are those of
//! whole requests, in a closed loop: a slow broker is asked less often, so they say nothing about a fixed rate.

use crate::progress::Done;
use crate::usage::{Sample, spent};
use hdrhistogram::Histogram;
use ottla_env::process::{DiskBytes, Usage};
use serde::Serialize;
use std::time::Duration;

/// Microseconds that a latency can have at most; longer ones count as this.
const LATENCY_MAX_US: u64 = 600_000_000;

/// How long requests took.
#[derive(Debug, Clone)]
pub struct Latencies {
    histogram: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3);
        Self { histogram: histogram.expect("the bounds are constants that it takes") }
    }
}

impl Latencies {
    pub fn record(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(LATENCY_MAX_US);
        self.histogram.saturating_record(us.max(1));
    }

    pub fn merge(&mut self, other: &Self) {
        self.histogram += &other.histogram;
    }

    /// Milliseconds; `None` when nothing was recorded.
    pub fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        (!self.histogram.is_empty()).then(|| self.histogram.value_at_quantile(quantile) as f64 / 1_000.0)
    }
}

/// A run as it was measured.
#[derive(Debug, Clone)]
pub struct Measured {
    pub done: Done,
    pub elapsed: Duration,
    pub latencies: Latencies,
}

/// The result under the names that `--output json` shows.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub mb_per_second: f64,
    pub records_per_second: f64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p999_ms: Option<f64>,
    pub max_ms: Option<f64>,
    pub broker_cpu_seconds_per_gb: Option<f64>,
    pub broker_user_seconds_per_gb: Option<f64>,
    pub broker_system_seconds_per_gb: Option<f64>,
    /// What the broker read from devices and wrote to them, by the bytes of batches that were sent or read.
    pub broker_read_per_byte: Option<f64>,
    pub broker_written_per_byte: Option<f64>,
    pub broker_rss_mb: Option<f64>,
    pub broker_rss_peak_mb: Option<f64>,
    pub generator_cpu_seconds_per_gb: Option<f64>,
    /// Of the machine, before the run.
    pub free_memory_mb: Option<f64>,
    pub load_average: Option<f64>,
    pub requests: u64,
    pub records: u64,
    pub bytes: u64,
    pub seconds: f64,
}

impl Figures {
    pub fn of(measured: &Measured, before: Sample, after: Sample) -> Self {
        let Done { requests, records, bytes } = measured.done;
        let seconds = measured.elapsed.as_secs_f64();
        let rate = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        let gigabytes = bytes as f64 / 1e9;
        let per_gb = |spent: Option<Duration>| {
            spent.filter(|_| bytes > 0).map(|spent| rounded(spent.as_secs_f64() / gigabytes, 3))
        };
        let broker = before.broker.zip(after.broker);
        let broker_time = |of: fn(Usage) -> Duration| {
            per_gb(broker.map(|(before, after)| of(after).saturating_sub(of(before))))
        };
        let disk = broker.and_then(|(before, after)| before.disk.zip(after.disk));
        let per_byte = |of: fn(DiskBytes) -> u64| {
            let (before, after) = disk.filter(|_| bytes > 0)?;
            Some(rounded(of(after).saturating_sub(of(before)) as f64 / bytes as f64, 3))
        };
        let quantile = |quantile| measured.latencies.quantile_ms(quantile).map(|ms| rounded(ms, 3));
        let mb = |bytes: u64| rounded(bytes as f64 / 1e6, 1);
        Self {
            mb_per_second: rounded(rate(bytes as f64 / 1e6), 1),
            records_per_second: rounded(rate(records as f64), 0),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            p999_ms: quantile(0.999),
            max_ms: quantile(1.0),
            broker_cpu_seconds_per_gb: per_gb(spent(before.broker, after.broker)),
            broker_user_seconds_per_gb: broker_time(|usage| usage.user),
            broker_system_seconds_per_gb: broker_time(|usage| usage.system),
            broker_read_per_byte: per_byte(|disk| disk.read),
            broker_written_per_byte: per_byte(|disk| disk.written),
            broker_rss_mb: after.broker.map(|usage| mb(usage.rss_bytes)),
            broker_rss_peak_mb: after.broker.map(|usage| mb(usage.rss_peak_bytes)),
            generator_cpu_seconds_per_gb: per_gb(spent(before.generator, after.generator)),
            free_memory_mb: before.free_memory.map(mb),
            load_average: before.load,
            requests,
            records,
            bytes,
            seconds: rounded(seconds, 3),
        }
    }
}

/// Rounded to so many decimals, so that figures do not claim more than they know.
pub fn rounded(value: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu_ms: u64) -> Sample {
        let usage = Usage {
            user: Duration::from_millis(cpu_ms),
            system: Duration::from_millis(cpu_ms / 4),
            rss_bytes: 12_345_678,
            rss_peak_bytes: 20_000_000,
            threads: 1,
            open_files: 1,
            disk: Some(DiskBytes { read: cpu_ms, written: cpu_ms * 1_000_000 }),
        };
        Sample { broker: Some(usage), generator: None, free_memory: Some(3_000_000), load: Some(0.5) }
    }

    #[test]
    fn figures_follow_from_counts_time_and_cost() {
        let mut latencies = Latencies::default();
        (1..=1_000).for_each(|ms| latencies.record(Duration::from_millis(ms)));
        let done = Done { requests: 1_000, records: 2_000_000, bytes: 2_000_000_000 };
        let measured = Measured { done, elapsed: Duration::from_secs(4), latencies };
        let figures = Figures::of(&measured, sample(500), sample(2_500));
        assert_eq!((figures.mb_per_second, figures.records_per_second), (500.0, 500_000.0));
        assert_eq!(figures.broker_cpu_seconds_per_gb, Some(1.25));
        assert_eq!(figures.broker_user_seconds_per_gb, Some(1.0));
        assert_eq!(figures.broker_system_seconds_per_gb, Some(0.25));
        assert_eq!((figures.broker_read_per_byte, figures.broker_written_per_byte), (Some(0.0), Some(1.0)));
        assert_eq!((figures.free_memory_mb, figures.load_average), (Some(3.0), Some(0.5)));
        assert_eq!((figures.broker_rss_mb, figures.broker_rss_peak_mb), (Some(12.3), Some(20.0)));
        assert_eq!(figures.generator_cpu_seconds_per_gb, None);
        let near = |value: Option<f64>, ms: f64| value.is_some_and(|value| (value - ms).abs() < ms / 500.0);
        assert!(near(figures.p50_ms, 500.0) && near(figures.p99_ms, 990.0), "{figures:?}");
        assert!(near(figures.p999_ms, 999.0) && near(figures.max_ms, 1_000.0), "{figures:?}");
    }

    #[test]
    fn a_run_that_did_nothing_divides_by_nothing() {
        let measured =
            Measured { done: Done::default(), elapsed: Duration::ZERO, latencies: Latencies::default() };
        let figures = Figures::of(&measured, sample(1), sample(2));
        assert_eq!((figures.mb_per_second, figures.p50_ms), (0.0, None));
        assert_eq!(figures.broker_cpu_seconds_per_gb, None);
    }

    #[test]
    fn latencies_of_all_connections_are_one_distribution() {
        let (mut one, mut two) = (Latencies::default(), Latencies::default());
        one.record(Duration::from_millis(1));
        two.record(Duration::from_millis(9));
        two.record(Duration::MAX);
        one.merge(&two);
        assert_eq!(one.quantile_ms(0.5).map(f64::round), Some(9.0));
        assert!(one.quantile_ms(1.0).is_some_and(|ms| ms >= 599_000.0));
    }
}
