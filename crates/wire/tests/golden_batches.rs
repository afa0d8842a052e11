//! Record batches that Apache Kafka 4.4.0's own classes wrote, in every codec, read back field by field.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use ottla_wire::batch::{self, HEADER_LEN, TimestampType};
use ottla_wire::compress::Codec;
use ottla_wire::record::{self, BatchBuilder, BuildOptions, Header, Record};
use serde_json::Value;
use std::io::Read;

const LIMIT: usize = 64 << 20;

fn unhex(text: &str) -> Bytes {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect::<Vec<u8>>()
        .into()
}

fn optional(value: &Value) -> Option<Bytes> {
    value.as_str().map(unhex)
}

fn expected(record: &Value) -> Record {
    let header = |pair: &Value| Header {
        key: Bytes::from(pair[0].as_str().unwrap().to_owned()),
        value: optional(&pair[1]),
    };
    Record {
        offset: record["offset"].as_i64().unwrap(),
        timestamp: record["timestamp"].as_i64().unwrap(),
        key: optional(&record["key"]),
        value: optional(&record["value"]),
        headers: record["headers"].as_array().unwrap().iter().map(header).collect(),
    }
}

#[test]
fn every_recorded_batch_is_read_as_kafka_reads_it() {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&include_bytes!("golden/batches.jsonl.gz")[..])
        .read_to_string(&mut text)
        .unwrap();
    let (mut rows, mut rebuilt) = (0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let bytes = unhex(row["hex"].as_str().unwrap());
        let header = batch::validate(&bytes).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(header.size(), bytes.len());
        assert_eq!(header.codec().unwrap().name(), row["codec"].as_str().unwrap());
        let log_append_time = row["timestamp_type"] == "LogAppendTime";
        assert_eq!(header.timestamp_type() == TimestampType::LogAppendTime, log_append_time);
        assert_eq!(
            (header.is_transactional(), header.is_control()),
            (row["transactional"] == true, row["control"] == true)
        );
        assert_eq!(header.producer_id, row["producer_id"].as_i64().unwrap());
        assert_eq!(i64::from(header.producer_epoch), row["producer_epoch"].as_i64().unwrap());
        assert_eq!(i64::from(header.base_sequence), row["base_sequence"].as_i64().unwrap());
        assert_eq!(header.last_offset(), row["last_offset"].as_i64().unwrap());
        assert_eq!(header.max_timestamp, row["max_timestamp"].as_i64().unwrap());
        assert_eq!(i64::from(header.crc), row["crc"].as_i64().unwrap());
        let records: Vec<Record> = record::iterate(&bytes, LIMIT).unwrap().map(Result::unwrap).collect();
        assert_eq!(records, row["records"].as_array().unwrap().iter().map(expected).collect::<Vec<_>>());
        rows += 1;
        if header.codec().unwrap() == Codec::None && !header.is_control() && !log_append_time {
            record::walk(&bytes[HEADER_LEN..], header.record_count).unwrap();
            let mut builder = BatchBuilder::new();
            for r in &records {
                builder.push(r.timestamp, r.key.as_deref(), r.value.as_deref(), &r.headers);
            }
            let options = BuildOptions {
                base_offset: header.base_offset,
                leader_epoch: header.leader_epoch,
                producer_id: header.producer_id,
                producer_epoch: header.producer_epoch,
                base_sequence: header.base_sequence,
                transactional: header.is_transactional(),
                ..Default::default()
            };
            assert_eq!(builder.build(options).unwrap(), bytes, "{line}");
            rebuilt += 1;
        }
    }
    println!("{rows} batches read, {rebuilt} rebuilt byte for byte");
    assert!(rows >= 92 && rebuilt >= 9, "{rows} rows, {rebuilt} rebuilt");
}
