//! `docs/metrics.md` from the table of metrics, so that page and broker cannot say different things.
//!
//! The table is read here once more, as text: this tool depends on no crate of the product.

use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const TABLE: &str = "crates/broker/metrics.tsv";
const PAGE: &str = "docs/metrics.md";

const INTRODUCTION: &str = "<!-- Written by `cargo xtask codegen` from crates/broker/metrics.tsv; edit that. -->
# Metrics

`http://localhost:9644/metrics` answers in OpenMetrics text; `--http-listen` moves it. `ottla generate
grafana-dashboard` prints a dashboard for Grafana with a panel for each row of these tables, and `ottla generate
prometheus-config` the piece of Prometheus' settings that collects them.

Names have their unit last. Counters carry the suffix `_total`, histograms `_bucket`, `_sum` and `_count`; buckets of
times begin at 0.1 ms and double up to 26 s. A family with labels appears with its first value. No label names a topic
or a client: labels come from closed sets, so the number of series does not grow with use.
";

pub fn write(root: &Path) -> Result<()> {
    let (page, text) = (root.join(PAGE), render(root)?);
    if fs::read_to_string(&page).ok().as_ref() != Some(&text) {
        fs::write(&page, text)?;
        println!("codegen: wrote {PAGE}");
    }
    Ok(())
}

pub fn check(root: &Path) -> Result<()> {
    let is_current = fs::read_to_string(root.join(PAGE)).ok().as_ref() == Some(&render(root)?);
    ensure!(is_current, "{PAGE} differs from {TABLE}; run `cargo xtask codegen`");
    Ok(())
}

fn render(root: &Path) -> Result<String> {
    page(&fs::read_to_string(root.join(TABLE)).with_context(|| format!("read {TABLE}"))?)
}

fn page(table: &str) -> Result<String> {
    let mut page = INTRODUCTION.to_owned();
    let mut group = "";
    for line in table.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, kind, labels, _unit, of, documentation] = columns[..] else {
            anyhow::bail!("six columns are expected in `{line}` of {TABLE}");
        };
        if of != group {
            group = of;
            let title = of.get(..1).unwrap_or_default().to_uppercase() + of.get(1..).unwrap_or_default();
            write!(page, "\n## {title}\n\n| Name | Kind | Labels | Meaning |\n|---|---|---|---|\n")?;
        }
        let suffix = if kind == "counter" { "_total" } else { "" };
        let labels = if labels == "-" { String::new() } else { format!("`{}`", labels.replace(',', "`, `")) };
        writeln!(page, "| `{name}{suffix}` | {kind} | {labels} | {documentation} |")?;
    }
    Ok(page)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_its_table_and_each_counter_its_suffix() {
        let table = "# about\nname\tkind\tlabels\tunit\tgroup\tdocumentation\n\
            a\tcounter\tx,y\tnone\tone\tCounts\nb_bytes\tgauge\t-\tbytes\ttwo\tIs\n";
        let page = page(table).unwrap();
        let (_, tables) = page.split_once("## One").unwrap();
        assert!(tables.contains("| `a_total` | counter | `x`, `y` | Counts |"), "{tables}");
        assert!(tables.contains("## Two") && tables.contains("| `b_bytes` | gauge |  | Is |"), "{tables}");
        assert!(super::page("# a\nheads\nshort\tline\n").is_err());
    }
}
