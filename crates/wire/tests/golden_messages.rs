//! Bytes that Apache Kafka 4.4.0 wrote, decoded and encoded back byte for byte.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use bytes::Bytes;
use ottla_wire::{Decoder, Encoder, Message};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// Rows of the recording that the schema covers; fewer means that a message got lost.
const ROWS_EXPECTED: usize = 2_280;

type RoundTrip = fn(&[u8], i16) -> Result<Vec<u8>, String>;

fn round_trip<M: Message>(bytes: &[u8], version: i16) -> Result<Vec<u8>, String> {
    let mut decoder = Decoder::new(Bytes::copy_from_slice(bytes));
    let message = M::read(&mut decoder, version).map_err(|error| error.to_string())?;
    if decoder.remaining() > 0 {
        return Err(format!("{} bytes left over", decoder.remaining()));
    }
    let mut encoder = Encoder::new();
    message.write(&mut encoder, version);
    Ok(encoder.finish().map_err(|error| error.to_string())?.to_bytes().to_vec())
}

fn messages() -> BTreeMap<&'static str, RoundTrip> {
    macro_rules! table {
        ($($message:path = $name:literal $key:literal;)+) => {
            BTreeMap::from([$(($name, round_trip::<$message> as RoundTrip)),+])
        };
    }
    ottla_wire::each_message!(table)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn rows(compressed: &[u8]) -> Vec<serde_json::Value> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(compressed).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Rows replayed, and the names of messages that the schema does not have.
fn replay(compressed: &[u8]) -> (usize, BTreeSet<String>) {
    let messages = messages();
    let (mut replayed, mut absent) = (0, BTreeSet::new());
    for row in rows(compressed) {
        let (name, version) = (row["message"].as_str().unwrap(), row["version"].as_i64().unwrap() as i16);
        let Some(round_trip) = messages.get(name) else {
            absent.insert(name.to_owned());
            continue;
        };
        let bytes = unhex(row["hex"].as_str().unwrap());
        let back =
            round_trip(&bytes, version).unwrap_or_else(|error| panic!("{name} v{version}: {error}: {row}"));
        assert!(back == bytes, "{name} v{version} differs: {row}");
        replayed += 1;
    }
    (replayed, absent)
}

#[test]
fn every_recorded_message_of_a_known_api_comes_back_byte_for_byte() {
    let (replayed, absent) = replay(include_bytes!("golden/messages.jsonl.gz"));
    println!("{replayed} rows replayed; messages without a schema: {absent:?}");
    assert!(replayed >= ROWS_EXPECTED, "only {replayed} rows replayed");
    if let Some(path) = std::env::var_os("OTTLA_GOLDEN") {
        let (replayed, absent) = replay(&std::fs::read(&path).unwrap());
        println!("{}: {replayed} rows replayed; without a schema: {absent:?}", path.display());
        assert!(replayed > 0);
    }
}
