//! Lists on standard output: a table on a terminal, tab-separated values when piped, JSON or YAML when asked.
//!
//! A command fills rows of JSON objects once; this file decides how they look. The names of the fields are those of
//! the HTTP API, the headings of tables are the same names in capitals.

use clap::ValueEnum;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table on a terminal, tab-separated values without it
    Table,
    /// The same with every column
    Wide,
    /// One JSON array
    Json,
    /// One JSON object a line
    Ndjson,
    /// A list in YAML
    Yaml,
}

impl Output {
    /// For programs: whole objects, whatever a table has room for.
    pub fn is_structured(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson | Self::Yaml)
    }
}

/// A column: its field, and whether the plain table shows it.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub field: &'static str,
    pub shown: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Always,
    Wide,
}

pub const fn column(field: &'static str) -> Column {
    Column { field, shown: Shown::Always }
}

pub const fn wide(field: &'static str) -> Column {
    Column { field, shown: Shown::Wide }
}

pub type Row = Map<String, Value>;

/// Writes the rows to standard output.
pub fn rows(output: Option<Output>, columns: &[Column], rows: &[Row]) -> io::Result<()> {
    let stdout = io::stdout();
    let target = if stdout.is_terminal() { Target::Terminal } else { Target::Pipe };
    let text = text(output.unwrap_or(Output::Table), columns, rows, target);
    let mut stdout = stdout.lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Terminal,
    Pipe,
}

fn text(output: Output, columns: &[Column], rows: &[Row], target: Target) -> String {
    match output {
        Output::Json => {
            let rows: Vec<Value> = rows.iter().cloned().map(Value::Object).collect();
            format!("{:#}\n", Value::Array(rows))
        }
        Output::Ndjson => rows.iter().map(|row| format!("{}\n", Value::Object(row.clone()))).collect(),
        Output::Yaml if rows.is_empty() => "[]\n".to_owned(),
        Output::Yaml => rows.iter().map(yaml).collect(),
        Output::Table | Output::Wide => {
            let shown = |column: &&Column| output == Output::Wide || column.shown == Shown::Always;
            let fields: Vec<&str> = columns.iter().filter(shown).map(|column| column.field).collect();
            let cells = rows.iter().map(|row| fields.iter().map(|field| cell(row.get(*field))).collect());
            match target {
                Target::Terminal => table(&fields, cells),
                Target::Pipe => cells.map(|cells: Vec<String>| format!("{}\n", cells.join("\t"))).collect(),
            }
        }
    }
}

/// One element of a list. Values are written as JSON, which YAML takes as it is but for control characters.
fn yaml(row: &Row) -> String {
    let fields = row.iter().enumerate().map(|(i, (field, value))| {
        let lead = if i == 0 { "-" } else { " " };
        let escaped = |c: char| match c {
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        let value: String = value.to_string().chars().map(escaped).collect();
        format!("{lead} {field}: {value}\n")
    });
    let text: String = fields.collect();
    if text.is_empty() { "- {}\n".to_owned() } else { text }
}

fn table(fields: &[&str], cells: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(fields.iter().map(|field| heading(field)));
    for cells in cells {
        table.add_row(cells);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// `leaderEpoch` is headed LEADER-EPOCH.
fn heading(field: &str) -> String {
    let mut heading = String::new();
    for c in field.chars() {
        if c.is_ascii_uppercase() {
            heading.push('-');
        }
        heading.push(c.to_ascii_uppercase());
    }
    heading
}

/// One cell never breaks a line of tab-separated values.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.replace(['\t', '\n', '\r'], " "),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(","),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn show(output: Output, target: Target) -> String {
        let row = json!({"name": "t\t1", "leaderEpoch": 3, "replicas": [1, 2], "note": null});
        let Value::Object(row) = row else { unreachable!("an object") };
        text(output, &[column("name"), column("leaderEpoch"), wide("replicas"), wide("note")], &[row], target)
    }

    #[test]
    fn a_terminal_gets_a_table_and_a_pipe_gets_tabs() {
        assert_eq!(show(Output::Table, Target::Pipe), "t 1\t3\n");
        assert_eq!(show(Output::Wide, Target::Pipe), "t 1\t3\t1,2\t-\n");
        let table = show(Output::Table, Target::Terminal);
        assert!(table.contains("NAME") && table.contains("LEADER-EPOCH"), "{table}");
    }

    #[test]
    fn yaml_is_json_by_the_line() {
        let expected = "- leaderEpoch: 3\n  name: \"t\\t1\"\n  note: null\n  replicas: [1,2]\n";
        assert_eq!(show(Output::Yaml, Target::Pipe), expected);
        assert_eq!(text(Output::Yaml, &[], &[], Target::Pipe), "[]\n");
        let Value::Object(row) = json!({"a": "\u{7f}\u{85}"}) else { unreachable!("an object") };
        assert_eq!(text(Output::Yaml, &[], &[row], Target::Pipe), "- a: \"\\u007f\\u0085\"\n");
    }

    #[test]
    fn json_is_the_same_for_both() {
        let line = show(Output::Ndjson, Target::Terminal);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["name"], "t\t1");
        let array = show(Output::Json, Target::Pipe);
        assert_eq!(serde_json::from_str::<Value>(&array).unwrap()[0]["replicas"], json!([1, 2]));
    }
}
