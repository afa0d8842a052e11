//! One record as the command line reads and writes it, independent of where it came from.
//!
//! `template` is `consume -f`, `envelope` is the JSON of `-J` in both directions, `base64` carries what is not UTF-8.
//! Keys, values and headers are bytes everywhere; nothing here may lose the difference between null and empty.

pub mod base64;
pub mod envelope;
pub mod template;

use bytes::Bytes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    Create,
    LogAppend,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumedRecord {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds; -1 when the batch has none.
    pub timestamp: i64,
    pub timestamp_type: TimestampType,
    /// Node id of the broker that answered.
    pub broker: i32,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

#[cfg(test)]
pub(crate) fn record_for_test() -> ConsumedRecord {
    ConsumedRecord {
        topic: "t1".to_owned(),
        partition: 2,
        offset: 41,
        timestamp: 1_700_000_000_123,
        timestamp_type: TimestampType::Create,
        broker: 1,
        key: Some(Bytes::from_static(b"k")),
        value: Some(Bytes::from_static(b"hello")),
        headers: vec![
            (Bytes::from_static(b"a"), Some(Bytes::from_static(b"1"))),
            (Bytes::from_static(b"a"), None),
        ],
    }
}
