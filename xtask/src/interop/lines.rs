//! Records as lines: what a writer reads, and what a reader has to print.
//!
//! A reader is compared by its whole output, so bytes, offsets, order and count are one comparison. Where a tool prints
//! two different records alike, its dialect says so, and README.md of the programs names it.

use super::records::{HEADER_KINDS, Header, Record, headers_of_block};

/// How kcat is told to print a record: offset, length and bytes of key and value, headers.
pub const KCAT_FORMAT: &str = "%o|%K|%k|%S|%s|%h\\n";
/// The word for null that both command-line tools are given or have.
pub const NULL: &str = "NULL";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// The programs' own lines (README.md beside them).
    Hex,
    /// The same from a client that gives an empty key, value or header value as null.
    HexEmptyIsNull,
    Kcat,
    Console,
}

/// What a writer reads. kcat's lines have no headers: those are options of its run, see [`kcat_blocks`].
pub fn input(dialect: Dialect, records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        match dialect {
            Dialect::Hex | Dialect::HexEmptyIsNull => hex_record(&mut out, record),
            Dialect::Kcat => {
                out.extend_from_slice(record.key.as_deref().unwrap_or_default());
                out.push(b':');
                out.extend_from_slice(record.value.as_deref().unwrap_or_default());
            }
            Dialect::Console => {
                match record.headers.as_slice() {
                    [] => out.extend_from_slice(NULL.as_bytes()),
                    headers => joined(&mut out, headers, b':'),
                }
                for part in [&record.key, &record.value] {
                    out.push(b'\t');
                    out.extend_from_slice(part.as_deref().unwrap_or(NULL.as_bytes()));
                }
            }
        }
        out.push(b'\n');
    }
    out
}

/// kcat's runs: the options for the headers, and the records of the block.
pub fn kcat_blocks(records: &[Record]) -> Vec<(Vec<String>, &[Record])> {
    let mut blocks = Vec::new();
    let mut rest = records;
    for block in 0..HEADER_KINDS {
        let headers = headers_of_block(block);
        let length = rest.iter().take_while(|record| record.headers == headers).count();
        let (these, others) = rest.split_at(length);
        rest = others;
        let options = headers.iter().flat_map(|(name, value)| {
            let name = String::from_utf8_lossy(name);
            let header = match value {
                Some(value) => format!("{name}={}", String::from_utf8_lossy(value)),
                None => name.into_owned(),
            };
            ["-H".to_owned(), header]
        });
        blocks.push((options.collect(), these));
    }
    assert!(rest.is_empty(), "records in blocks come in the order of the blocks");
    blocks
}

/// What a reader has to print for these records from offset 0 on.
pub fn expected(dialect: Dialect, records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for (offset, record) in records.iter().enumerate() {
        match dialect {
            Dialect::Hex | Dialect::HexEmptyIsNull => {
                out.extend_from_slice(format!("{offset}\t").as_bytes());
                if dialect == Dialect::Hex {
                    hex_record(&mut out, record);
                } else {
                    let full = |part: &Option<Vec<u8>>| part.clone().filter(|bytes| !bytes.is_empty());
                    let (key, value) = (full(&record.key), full(&record.value));
                    let headers =
                        record.headers.iter().map(|(name, value)| (name.clone(), full(value))).collect();
                    hex_record(&mut out, &Record { key, value, headers });
                }
            }
            Dialect::Kcat => {
                out.extend_from_slice(offset.to_string().as_bytes());
                for part in [&record.key, &record.value] {
                    let length = part.as_ref().map_or(-1, |bytes| bytes.len() as i64);
                    out.extend_from_slice(format!("|{length}|").as_bytes());
                    // With -Z it prints the word for what is empty, too; the length tells which it was.
                    let bytes = part.as_deref().filter(|bytes| !bytes.is_empty());
                    out.extend_from_slice(bytes.unwrap_or(NULL.as_bytes()));
                }
                out.push(b'|');
                // It prints a header's value as a C string.
                let cut = |value: &Option<Vec<u8>>| {
                    let text = |bytes: &Vec<u8>| bytes.iter().copied().take_while(|b| *b != 0).collect();
                    value.as_ref().map(text)
                };
                let headers: Vec<Header> =
                    record.headers.iter().map(|(name, value)| (name.clone(), cut(value))).collect();
                joined(&mut out, &headers, b'=');
            }
            Dialect::Console => {
                out.extend_from_slice(format!("Offset:{offset}\t").as_bytes());
                match record.headers.as_slice() {
                    [] => out.extend_from_slice(b"NO_HEADERS"),
                    headers => joined(&mut out, headers, b':'),
                }
                for part in [&record.key, &record.value] {
                    out.push(b'\t');
                    out.extend_from_slice(part.as_deref().unwrap_or(NULL.as_bytes()));
                }
            }
        }
        out.push(b'\n');
    }
    out
}

/// `None` when equal, else where the output leaves what is expected.
pub fn difference(expected: &[u8], seen: &[u8]) -> Option<String> {
    if expected == seen {
        return None;
    }
    let at = expected.iter().zip(seen).take_while(|(a, b)| a == b).count();
    let begin = expected[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |found| found + 1);
    let line = expected[..at].iter().filter(|byte| **byte == b'\n').count();
    let show = |bytes: &[u8]| {
        let line =
            bytes.get(begin..).unwrap_or_default().split(|byte| *byte == b'\n').next().unwrap_or_default();
        line[..line.len().min(300)].escape_ascii().to_string()
    };
    Some(format!(
        "record {line}: expected `{}`, read `{}` ({} and {} bytes in all)",
        show(expected),
        show(seen),
        expected.len(),
        seen.len()
    ))
}

fn hex_record(out: &mut Vec<u8>, record: &Record) {
    hex(out, record.key.as_deref());
    out.push(b'\t');
    hex(out, record.value.as_deref());
    out.push(b'\t');
    for (position, (name, value)) in record.headers.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        hex(out, Some(name));
        out.push(b':');
        hex(out, value.as_deref());
    }
}

fn hex(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match bytes {
        None => out.push(b'-'),
        Some(bytes) => {
            for byte in bytes {
                out.push(DIGITS[usize::from(byte >> 4)]);
                out.push(DIGITS[usize::from(byte & 15)]);
            }
        }
    }
}

fn joined(out: &mut Vec<u8>, headers: &[Header], between: u8) {
    for (position, (name, value)) in headers.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name);
        out.push(between);
        out.extend_from_slice(value.as_deref().unwrap_or(NULL.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::{Shape, records};
    use super::*;

    fn sample() -> Vec<Record> {
        let header = |name: &str, value: Option<&str>| (name.into(), value.map(Into::into));
        vec![
            Record { key: None, value: Some(b"v".to_vec()), headers: vec![] },
            Record {
                key: Some(Vec::new()),
                value: None,
                headers: vec![header("h", Some("a")), header("h", Some("b")), header("n", None)],
            },
        ]
    }

    fn check(dialect: Dialect, read: &str, printed: &str) {
        assert_eq!(String::from_utf8_lossy(&input(dialect, &sample())), read);
        assert_eq!(String::from_utf8_lossy(&expected(dialect, &sample())), printed);
    }

    #[test]
    fn each_dialect_writes_null_and_empty_as_its_tool_does() {
        let hex = "-\t76\t\n\t-\t68:61,68:62,6e:-\n";
        check(Dialect::Hex, hex, "0\t-\t76\t\n1\t\t-\t68:61,68:62,6e:-\n");
        check(Dialect::HexEmptyIsNull, hex, "0\t-\t76\t\n1\t-\t-\t68:61,68:62,6e:-\n");
        check(Dialect::Kcat, ":v\n:\n", "0|-1|NULL|1|v|\n1|0|NULL|-1|NULL|h=a,h=b,n=NULL\n");
        check(
            Dialect::Console,
            "NULL\tNULL\tv\nh:a,h:b,n:NULL\t\tNULL\n",
            "Offset:0\tNO_HEADERS\tNULL\tv\nOffset:1\th:a,h:b,n:NULL\t\tNULL\n",
        );
    }

    #[test]
    fn blocks_hold_every_record_once() {
        let records = records(Shape::TextInBlocks, 1, "t", 1_001);
        let blocks = kcat_blocks(&records);
        assert_eq!(blocks.iter().map(|(_, these)| these.len()).sum::<usize>(), records.len());
        assert_eq!(blocks[2].0, ["-H", "h=v0", "-H", "h=dup", "-H", "n"]);
    }

    #[test]
    fn a_difference_names_its_record() {
        let expected = b"0\ta\n1\tb\n2\tc\n";
        assert_eq!(difference(expected, expected), None);
        let swapped = difference(expected, b"0\ta\n1\tx\n2\tc\n").unwrap_or_default();
        assert!(swapped.starts_with("record 1: expected `1\\tb`, read `1\\tx`"), "{swapped}");
        let short = difference(expected, b"0\ta\n").unwrap_or_default();
        assert!(short.starts_with("record 1: expected `1\\tb`, read ``"), "{short}");
    }
}
