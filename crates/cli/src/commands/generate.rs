//! `ottla generate`: what other programs need to watch a broker, printed from the binary's own table of metrics.

use crate::exit::Exit;
use anyhow::Result;
use ottla_broker::metrics::table::{self, Kind, Row, Unit};
use serde_json::{Value, json};
use std::io::Write;

/// Panels beside each other; Grafana's grid has 24 columns.
const COLUMNS: usize = 3;
const PANEL_WIDTH: usize = 24 / COLUMNS;
const PANEL_HEIGHT: usize = 8;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  ottla generate grafana-dashboard > ottla.json
  ottla generate prometheus-config --target broker-1:9644")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Print a Grafana dashboard with a panel for every metric
    #[command(after_help = "Example:
  ottla generate grafana-dashboard > ottla.json      then import the file in Grafana

The panels ask a Prometheus that is chosen on the dashboard.")]
    GrafanaDashboard,

    /// Print the part of Prometheus' settings that collects a broker's metrics
    #[command(after_help = "Example:
  ottla generate prometheus-config --target broker-1:9644 --target broker-2:9644")]
    PrometheusConfig(Targets),
}

#[derive(Debug, Clone, clap::Args)]
struct Targets {
    /// Where a broker answers for metrics (may be repeated)
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:9644")]
    target: Vec<String>,
}

pub fn run(args: &Args) -> Result<Exit> {
    let text = match &args.what {
        What::GrafanaDashboard => format!("{:#}\n", dashboard()),
        What::PrometheusConfig(targets) => prometheus_config(&targets.target),
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(Exit::Done)
}

fn prometheus_config(targets: &[String]) -> String {
    let targets: Vec<String> =
        targets.iter().map(|target| Value::from(target.as_str()).to_string()).collect();
    format!(
        "scrape_configs:\n  - job_name: ottla\n    static_configs:\n      - targets: [{}]\n",
        targets.join(", ")
    )
}

fn dashboard() -> Value {
    let mut panels = Vec::new();
    let (mut y, mut column) = (0, 0);
    let mut group = "";
    for row in table::rows() {
        if row.group != group {
            if column > 0 {
                (y, column) = (y + PANEL_HEIGHT, 0);
            }
            group = row.group;
            panels.push(json!({
                "type": "row", "id": panels.len() + 1, "title": group, "collapsed": false, "panels": [],
                "gridPos": { "x": 0, "y": y, "w": 24, "h": 1 },
            }));
            y += 1;
        }
        panels.push(panel(row, panels.len() + 1, column * PANEL_WIDTH, y));
        column += 1;
        if column == COLUMNS {
            (y, column) = (y + PANEL_HEIGHT, 0);
        }
    }
    let variable = |name: &str, of: Value| {
        let mut variable = json!({ "name": name, "hide": 0 });
        if let (Value::Object(all), Value::Object(own)) = (&mut variable, of) {
            all.extend(own);
        }
        variable
    };
    json!({
        "title": "Ottla", "uid": "ottla", "tags": ["ottla"], "schemaVersion": 39, "editable": true,
        "time": { "from": "now-1h", "to": "now" }, "refresh": "10s",
        "templating": { "list": [
            variable("source", json!({ "type": "datasource", "query": "prometheus", "label": "Prometheus" })),
            variable("instance", json!({
                "type": "query", "label": "Broker", "multi": true, "includeAll": true, "refresh": 2,
                "datasource": { "type": "prometheus", "uid": "$source" },
                "query": "label_values(ottla_build_info, instance)",
            })),
        ] },
        "panels": panels,
    })
}

fn panel(row: &Row, id: usize, x: usize, y: usize) -> Value {
    let targets: Vec<Value> = queries(row)
        .into_iter()
        .zip('A'..='Z')
        .map(|((expr, legend), letter)| {
            json!({ "refId": letter.to_string(), "expr": expr, "legendFormat": legend })
        })
        .collect();
    let unit = match (row.unit, row.kind) {
        (Unit::Seconds, _) => "s",
        (Unit::Bytes, Kind::Counter) => "Bps",
        (Unit::Bytes, _) => "bytes",
        (Unit::None, Kind::Counter) => "cps",
        (Unit::None, _) => "short",
    };
    json!({
        "type": "timeseries", "id": id, "title": title(row), "description": row.documentation,
        "datasource": { "type": "prometheus", "uid": "$source" },
        "gridPos": { "x": x, "y": y, "w": PANEL_WIDTH, "h": PANEL_HEIGHT },
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
        "options": { "legend": { "showLegend": true }, "tooltip": { "mode": "multi", "sort": "desc" } },
        "targets": targets,
    })
}

/// `ottla_request_seconds` -> `request seconds`.
fn title(row: &Row) -> String {
    row.name.trim_start_matches("ottla_").replace('_', " ")
}

/// What Prometheus is asked, and how the answers are named.
fn queries(row: &Row) -> Vec<(String, String)> {
    const OF: &str = "{instance=~\"$instance\"}";
    let name = row.name;
    let by = |more: &[&str]| [&row.labels[..], more].concat().join(", ");
    let legend = |more: &str| {
        let labels: Vec<String> = row.labels.iter().map(|label| format!("{{{{{label}}}}}")).collect();
        [labels.join(" "), more.to_owned()].join(" ").trim().to_owned()
    };
    match row.kind {
        Kind::Counter => {
            let rate = format!("rate({name}_total{OF}[$__rate_interval])");
            vec![(format!("sum by ({}) ({rate})", by(&["instance"])), legend("{{instance}}"))]
        }
        Kind::Gauge => {
            vec![(format!("sum by ({}) ({name}{OF})", by(&["instance"])), legend("{{instance}}"))]
        }
        Kind::Histogram => {
            let rate = format!("rate({name}_bucket{OF}[$__rate_interval])");
            let quantile = |q: f64| format!("histogram_quantile({q}, sum by ({}) ({rate}))", by(&["le"]));
            [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")]
                .map(|(q, shown)| (quantile(q), legend(shown)))
                .to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_broker::metrics::{Metrics, Sample};
    use std::collections::BTreeSet;

    /// Every name of ours in the queries of the dashboard.
    fn asked(dashboard: &Value) -> BTreeSet<String> {
        let panels = dashboard["panels"].as_array().unwrap().iter();
        let queries = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
        let words = queries.flat_map(|query| {
            let expr = query["expr"].as_str().unwrap();
            expr.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        words.filter(|word| word.starts_with("ottla_")).collect()
    }

    #[test]
    fn the_dashboard_asks_for_every_metric_of_the_broker_and_for_no_other() {
        let series = |name: &str, kind: &str| match kind {
            "counter" => format!("{name}_total"),
            "histogram" => format!("{name}_bucket"),
            _ => name.to_owned(),
        };
        let asked = asked(&dashboard());
        assert_eq!(asked, table::rows().iter().map(|row| series(row.name, row.kind.name())).collect());
        // Families appear with their first value; everything else does at once, and under these very names.
        let shown = Metrics::new().text(&Sample::default()).unwrap();
        let types = shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let shown: BTreeSet<String> = types.map(|(name, kind)| series(name, kind)).collect();
        assert!(shown.len() > 20 && shown.is_subset(&asked), "{shown:?}");
    }

    #[test]
    fn panels_do_not_overlap_and_have_numbers_of_their_own() {
        let dashboard = dashboard();
        let panels = dashboard["panels"].as_array().unwrap();
        let mut places = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in panels {
            let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(x < 24 && places.insert((x, y)), "{}", panel["title"]);
                }
            }
            assert!(ids.insert(panel["id"].as_u64().unwrap()));
        }
    }

    #[test]
    fn prometheus_is_told_each_target() {
        let text = prometheus_config(&["a:1".to_owned(), "b:2".to_owned()]);
        assert!(text.contains("targets: [\"a:1\", \"b:2\"]"), "{text}");
    }
}
