//! Real bytes to begin with: what Apache Kafka's own classes wrote.

use bytes::Bytes;
use serde_json::Value;
use std::io::Read;

const MESSAGES: &[u8] = include_bytes!("../../wire/tests/golden/messages.jsonl.gz");
const BATCHES: &[u8] = include_bytes!("../../wire/tests/golden/batches.jsonl.gz");
const GROUP_RECORDS: &str = include_str!("../../state/tests/kafka_records.tsv");

/// One message that Kafka wrote.
#[derive(Debug, Clone)]
pub struct Row {
    pub message: String,
    pub version: i16,
    pub body: Vec<u8>,
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map_or(0, |value| value as u8);
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn rows(compressed: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(compressed).read_to_string(&mut text).expect("the golden file is whole");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is a row")).collect()
}

pub fn messages() -> Vec<Row> {
    let row = |row: Value| {
        let version = row["version"].as_i64().and_then(|version| i16::try_from(version).ok());
        Row {
            message: row["message"].as_str().unwrap_or_default().to_owned(),
            version: version.unwrap_or_default(),
            body: unhex(row["hex"].as_str().unwrap_or_default()),
        }
    };
    rows(MESSAGES).into_iter().map(row).collect()
}

pub fn batches() -> Vec<Bytes> {
    rows(BATCHES).iter().map(|row| unhex(row["hex"].as_str().unwrap_or_default()).into()).collect()
}

/// Key and value of each record that Kafka wrote to `__consumer_offsets`.
pub fn group_records() -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let record = |line: &str| {
        let (key, value) = line.split_once('\t')?;
        Some((unhex(key), (value != "-").then(|| unhex(value))))
    };
    GROUP_RECORDS.lines().filter_map(record).collect()
}
