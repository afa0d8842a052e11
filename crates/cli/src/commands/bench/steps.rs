//! The figures of `bench restart` over its runs, in the order in which they are measured.

use crate::render::{Row, column, wide};
use crate::{args::Global, render};
use anyhow::Result;
use ottla_bench::figures::Latencies;
use ottla_bench::figures::rounded;
use ottla_bench::series::Series;
use serde_json::Value;
use std::time::Duration;

/// One figure: name, unit, value of each run.
#[derive(Debug)]
struct Step {
    name: &'static str,
    unit: &'static str,
    series: Series,
}

#[derive(Debug, Default)]
pub struct Steps {
    list: Vec<Step>,
    labels: Vec<(&'static str, String)>,
}

impl Steps {
    pub fn ms(&mut self, name: &'static str, time: Duration) {
        self.add(name, "ms", time.as_secs_f64() * 1_000.0);
    }

    pub fn mb(&mut self, name: &'static str, bytes: u64) {
        self.add(name, "MB", bytes as f64 / 1e6);
    }

    pub fn add(&mut self, name: &'static str, unit: &'static str, value: f64) {
        let value = rounded(value, 2);
        match self.list.iter_mut().find(|step| step.name == name) {
            Some(step) => step.series.push(value),
            None => {
                let mut series = Series::default();
                series.push(value);
                self.list.push(Step { name, unit, series });
            }
        }
    }

    /// The median, the 99th percentile and the longest.
    pub fn latencies(&mut self, latencies: &Latencies) {
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            if let Some(ms) = latencies.quantile_ms(quantile) {
                self.add(name, "ms", ms);
            }
        }
    }

    /// Stands in every row: what the figures are those of.
    pub fn label(&mut self, name: &'static str, value: String) {
        self.labels.push((name, value));
    }

    fn rows(&self) -> Vec<Row> {
        let row = |step: &Step| {
            let fields = [
                ("figure", Value::from(step.name)),
                ("unit", Value::from(step.unit)),
                ("median", Value::from(step.series.median().map(|value| rounded(value, 2)))),
                ("min", Value::from(step.series.min())),
                ("max", Value::from(step.series.max())),
                ("runs", Value::from(step.series.values().to_vec())),
            ];
            let labels = self.labels.iter().map(|(name, value)| (*name, Value::from(value.as_str())));
            fields.into_iter().chain(labels).map(|(name, value)| (name.to_owned(), value)).collect()
        };
        self.list.iter().map(row).collect()
    }

    pub fn print(&self, global: &Global) -> Result<()> {
        let names = ["figure", "median", "unit", "min", "max"];
        let columns = names.into_iter().map(column).chain([wide("runs")]);
        let labels = self.labels.iter().map(|(name, _)| column(name));
        let columns: Vec<_> = columns.chain(labels).collect();
        Ok(render::rows(global.output, &columns, &self.rows())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_one_row_however_many_runs_there_were() {
        let mut steps = Steps::default();
        for ms in [30, 10, 20] {
            steps.ms("startToFirstAck", Duration::from_millis(ms));
            steps.mb("idleRss", 1_500_000);
        }
        steps.label("durability", "durability=os".to_owned());
        let rows = steps.rows();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (&rows[0]["median"], &rows[0]["min"], &rows[0]["max"]),
            (&20.0.into(), &10.0.into(), &30.0.into())
        );
        assert_eq!(rows[0]["runs"], serde_json::json!([30.0, 10.0, 20.0]));
        assert!(rows.iter().all(|row| row["durability"] == "durability=os"));
        assert_eq!((&rows[1]["figure"], &rows[1]["unit"]), (&"idleRss".into(), &"MB".into()));
    }
}
