//! The table of metrics: what is counted, and what each number means.

use std::sync::OnceLock;

const TABLE: &str = include_str!("../../metrics.tsv");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    None,
    Bytes,
    Seconds,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Without the suffixes that counters and histograms are shown with.
    pub name: &'static str,
    pub kind: Kind,
    pub labels: Vec<&'static str>,
    pub unit: Unit,
    /// What belongs together on a page.
    pub group: &'static str,
    pub documentation: &'static str,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// In the order of the file.
pub fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).skip(1);
        lines.map(|line| parse(line).expect("the file is part of the source")).collect()
    })
}

pub fn find(name: &str) -> Option<&'static Row> {
    rows().iter().find(|row| row.name == name)
}

fn parse(line: &'static str) -> Option<Row> {
    let columns: Vec<&'static str> = line.split('\t').collect();
    let [name, kind, labels, unit, group, documentation] = columns[..] else { return None };
    let kind = match kind {
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        _ => return None,
    };
    let unit = match unit {
        "none" => Unit::None,
        "bytes" => Unit::Bytes,
        "seconds" => Unit::Seconds,
        _ => return None,
    };
    let labels = labels.split(',').filter(|label| *label != "-").collect();
    Some(Row { name, kind, labels, unit, group, documentation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_named_once_by_the_rules() {
        let rows = rows();
        assert!(rows.len() > 30);
        for (i, row) in rows.iter().enumerate() {
            assert!(row.name.starts_with("ottla_") && !row.name.ends_with("_total"), "{}", row.name);
            assert!(rows[..i].iter().all(|other| other.name != row.name), "{} stands there twice", row.name);
            assert!(!row.documentation.is_empty() && !row.documentation.ends_with('.'), "{}", row.name);
            let unit = match row.unit {
                Unit::Bytes => row.name.ends_with("_bytes"),
                Unit::Seconds => row.name.ends_with("_seconds"),
                Unit::None => !row.name.ends_with("_bytes") && !row.name.ends_with("_seconds"),
            };
            assert!(unit, "{} does not end with its unit", row.name);
        }
    }
}
