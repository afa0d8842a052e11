//! Our own file format: TOML whose tables flatten to Kafka's dotted names.
//!
//! `[log.retention] ms = 604_800_000` is `log.retention.ms`. A name that is also the beginning of another one
//! (`max.connections`, `max.connections.per.ip`) is written in quotes. Lists are arrays or text with commas.

use super::properties::Entry;
use toml::de::{DeTable, DeValue};

/// The entries, and what is wrong with a line.
pub fn parse(text: &str) -> (Vec<Entry>, Vec<(usize, String)>) {
    let mut reader = Reader { text, entries: Vec::new(), problems: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => reader.table("", table.get_ref()),
        Err(error) => {
            let line = reader.line(error.span().map_or(0, |span| span.start));
            reader.problems.push((line, error.message().trim().to_owned()));
        }
    }
    reader.entries.sort_by_key(|entry| entry.line);
    (reader.entries, reader.problems)
}

struct Reader<'a> {
    text: &'a str,
    entries: Vec<Entry>,
    problems: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn line(&self, byte: usize) -> usize {
        let before = &self.text.as_bytes()[..byte.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = if prefix.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{prefix}.{}", key.get_ref())
            };
            let line = self.line(key.span().start);
            if let DeValue::Table(inner) = value.get_ref() {
                self.table(&name, inner);
                continue;
            }
            match scalar(value.get_ref()) {
                Ok(value) => self.entries.push(Entry { name, value, line }),
                Err(what) => self.problems.push((line, format!("{name}: {what}"))),
            }
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        DeValue::Float(number) => Ok(number.as_str().replace('_', "")),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            match i64::from_str_radix(&digits, number.radix()) {
                Ok(number) => Ok(number.to_string()),
                Err(_) => Err(format!("{digits} is out of range")),
            }
        }
        DeValue::Array(items) => {
            let items: Result<Vec<String>, String> = items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::Array(_) | DeValue::Table(_) => Err("a list holds plain values only".to_owned()),
                    DeValue::String(text) if text.contains(',') => {
                        Err(format!("{text:?} holds a comma, which separates the elements of a list"))
                    }
                    item => scalar(item),
                })
                .collect();
            Ok(items?.join(","))
        }
        DeValue::Datetime(_) => Err("a date is not a value of any setting".to_owned()),
        DeValue::Table(_) => Err("a table is not a value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_flatten_to_dotted_names() {
        let text = "num.partitions = 4\n\"max.connections\" = 9\n\n[log.retention]\nms = 604_800_000\n\
                    [listeners-off]\nx = 0x10\n[log.cleaner]\nio.buffer.load.factor = 0.9\n\
                    [process]\nroles = [\"broker\", \"controller\"]\n[delete.topic]\nenable = true";
        let (entries, problems) = parse(text);
        assert!(problems.is_empty(), "{problems:?}");
        let found: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.value.as_str(), e.line)).collect();
        assert_eq!(
            found,
            [
                ("num.partitions", "4", 1),
                ("max.connections", "9", 2),
                ("log.retention.ms", "604800000", 5),
                ("listeners-off.x", "16", 7),
                ("log.cleaner.io.buffer.load.factor", "0.9", 9),
                ("process.roles", "broker,controller", 11),
                ("delete.topic.enable", "true", 13),
            ]
        );
    }

    #[test]
    fn a_fault_names_its_line() {
        for (text, line) in [
            ("a = 1\nb = \n", 2),
            ("a = 1\na = 2\n", 2),
            ("\n\na = [[1]]\n", 3),
            ("a = 1979-05-27\n", 1),
            ("a = 99999999999999999999\n", 1),
        ] {
            let (_, problems) = parse(text);
            assert_eq!(problems.first().map(|p| p.0), Some(line), "{text:?} {problems:?}");
        }
    }
}
