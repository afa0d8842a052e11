//! The JSON of `consume -J` and `produce -J`: kcat's envelope, one object a line.
//!
//! `topic, partition, offset, tstype, ts, broker, headers, key, payload`; headers are a flat list of names and values.
//! What is not UTF-8 is base64, and `key_encoding`, `payload_encoding` or `headers_encoding` says so. Reading back what
//! was written gives the same bytes, nulls and duplicates included.

use super::{ConsumedRecord, TimestampType, base64};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Written<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    tstype: &'static str,
    ts: i64,
    broker: i32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers_encoding: Option<&'static str>,
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_encoding: Option<&'static str>,
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_encoding: Option<&'static str>,
}

const BASE64: &str = "base64";

pub fn write(record: &ConsumedRecord) -> String {
    let (key, key_encoding) = text_of(record.key.as_deref());
    let (payload, payload_encoding) = text_of(record.value.as_deref());
    let plain = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    let is_plain =
        record.headers.iter().all(|(name, value)| plain(name) && value.as_deref().is_none_or(plain));
    let show = |bytes: &[u8]| {
        if is_plain { String::from_utf8_lossy(bytes).into_owned() } else { base64::encode(bytes) }
    };
    let headers = record
        .headers
        .iter()
        .flat_map(|(name, value)| [Some(show(name)), value.as_deref().map(show)])
        .collect();
    let written = Written {
        topic: &record.topic,
        partition: record.partition,
        offset: record.offset,
        tstype: match record.timestamp_type {
            TimestampType::Create => "create",
            TimestampType::LogAppend => "logappend",
        },
        ts: record.timestamp,
        broker: record.broker,
        headers,
        headers_encoding: (!is_plain).then_some(BASE64),
        key,
        key_encoding,
        payload,
        payload_encoding,
    };
    serde_json::to_string(&written).expect("strings and numbers always serialise")
}

fn text_of(bytes: Option<&[u8]>) -> (Option<String>, Option<&'static str>) {
    match bytes.map(std::str::from_utf8) {
        None => (None, None),
        Some(Ok(text)) => (Some(text.to_owned()), None),
        Some(Err(_)) => (bytes.map(base64::encode), Some(BASE64)),
    }
}

/// A record to be produced. What the envelope leaves out is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProducedRecord {
    pub topic: Option<String>,
    pub partition: Option<i32>,
    pub timestamp: Option<i64>,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

/// Unknown names are refused, so that a misspelt one is not lost in silence. `offset`, `tstype` and `broker` are what a
/// broker decides; they are read and not used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    topic: Option<String>,
    partition: Option<i32>,
    #[serde(rename = "offset")]
    _offset: Option<i64>,
    #[serde(rename = "tstype")]
    _tstype: Option<String>,
    ts: Option<i64>,
    #[serde(rename = "broker")]
    _broker: Option<i32>,
    #[serde(default)]
    headers: Vec<Option<String>>,
    headers_encoding: Option<String>,
    key: Option<String>,
    key_encoding: Option<String>,
    payload: Option<String>,
    payload_encoding: Option<String>,
}

pub fn read(line: &str) -> Result<ProducedRecord, String> {
    let read: Read = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let encoding = read.headers_encoding.as_deref();
    if !read.headers.len().is_multiple_of(2) {
        return Err("`headers` needs a value for each name".to_owned());
    }
    let mut headers = Vec::new();
    for pair in read.headers.chunks_exact(2) {
        let name =
            bytes_of(pair[0].as_deref(), encoding, "headers")?.ok_or("the name of a header is null")?;
        headers.push((name, bytes_of(pair[1].as_deref(), encoding, "headers")?));
    }
    Ok(ProducedRecord {
        topic: read.topic,
        partition: read.partition.filter(|partition| *partition >= 0),
        timestamp: read.ts.filter(|ts| *ts >= 0),
        key: bytes_of(read.key.as_deref(), read.key_encoding.as_deref(), "key")?,
        value: bytes_of(read.payload.as_deref(), read.payload_encoding.as_deref(), "payload")?,
        headers,
    })
}

fn bytes_of(text: Option<&str>, encoding: Option<&str>, name: &str) -> Result<Option<Bytes>, String> {
    let Some(text) = text else { return Ok(None) };
    match encoding {
        None => Ok(Some(Bytes::copy_from_slice(text.as_bytes()))),
        Some(BASE64) => base64::decode(text)
            .map(|bytes| Some(bytes.into()))
            .ok_or_else(|| format!("`{name}` is not base64")),
        Some(other) => Err(format!("`{other}` is no encoding of `{name}`; use base64 or leave it out")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record_for_test;
    use super::*;

    #[test]
    fn the_envelope_has_the_names_and_order_of_kcat() {
        assert_eq!(
            write(&record_for_test()),
            r#"{"topic":"t1","partition":2,"offset":41,"tstype":"create","ts":1700000000123,"broker":1,"headers":["a","1","a",null],"key":"k","payload":"hello"}"#
        );
    }

    #[test]
    fn what_was_written_is_read_back_exactly() {
        let binary = || Some(Bytes::from_static(&[0, 0xff, 0xfe]));
        let empty = || Some(Bytes::new());
        let name = || Bytes::from_static(b"n");
        let cases = [
            (None, None, vec![]),
            (empty(), empty(), vec![(Bytes::new(), empty())]),
            (
                binary(),
                binary(),
                vec![(name(), binary()), (name(), None), (Bytes::from_static(&[0xff]), empty())],
            ),
            (binary(), None, vec![(name(), Some(name()))]),
        ];
        for (key, value, headers) in cases {
            let record = ConsumedRecord { key, value, headers, ..record_for_test() };
            let read = read(&write(&record)).unwrap();
            assert_eq!((read.key, read.value, read.headers), (record.key, record.value, record.headers));
            assert_eq!((read.topic.as_deref(), read.partition), (Some("t1"), Some(2)));
            assert_eq!(read.timestamp, Some(record.timestamp));
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            "",
            "[]",
            "{\"pay\":\"x\"}",
            "{\"headers\":[\"a\"]}",
            "{\"headers\":[null,\"a\"]}",
            "{\"key\":\"*\",\"key_encoding\":\"base64\"}",
            "{\"key\":\"a\",\"key_encoding\":\"hex\"}",
        ];
        for line in cases {
            assert!(read(line).is_err(), "{line}");
        }
        assert_eq!(read("{}").unwrap(), ProducedRecord::default());
    }
}
