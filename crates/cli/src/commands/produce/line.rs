//! From a piece of input to a record: key and value, nulls, headers, or a whole record as JSON.

use super::Args;
use super::input::find;
use crate::exit::Failure;
use crate::record::{envelope, template};
use anyhow::Result;
use bytes::Bytes;
use ottla_client::{Header, ProducerRecord};
use std::sync::Arc;

#[derive(Debug)]
pub struct Layout {
    pub delimiter: Vec<u8>,
    topic: Option<Arc<str>>,
    partition: Option<i32>,
    key: Option<Bytes>,
    key_delimiter: Option<Vec<u8>>,
    headers: Vec<Header>,
    empty_is_null: bool,
    is_json: bool,
}

fn unescaped(option: &str, text: &str) -> Result<Vec<u8>> {
    let bytes = template::unescape(text).map_err(|problem| Failure::usage(format!("{option}: {problem}")))?;
    if bytes.is_empty() {
        return Err(Failure::usage(format!("{option} must not be empty")).into());
    }
    Ok(bytes)
}

impl Layout {
    pub fn new(args: &Args) -> Result<Self> {
        let topic = args.topic.as_deref().or(args.topic_option.as_deref());
        if topic.is_none() && !args.json {
            return Err(Failure::usage("no topic was given").next("`ottla produce TOPIC`").into());
        }
        let header = |text: &String| match text.split_once('=') {
            Some((name, value)) => Header { key: bytes(name), value: Some(bytes(value)) },
            None => Header { key: bytes(text), value: None },
        };
        Ok(Self {
            delimiter: unescaped("-D", &args.delimiter)?,
            topic: topic.map(Arc::from),
            partition: args.partition,
            key: args.key.as_deref().map(bytes),
            key_delimiter: args.key_delimiter.as_deref().map(|text| unescaped("-K", text)).transpose()?,
            headers: args.header.iter().map(header).collect(),
            empty_is_null: args.null,
            is_json: args.json,
        })
    }

    /// The record of a piece; nothing for an empty line between JSON records.
    pub fn record(&self, piece: &Bytes) -> Result<Option<ProducerRecord>, String> {
        if self.is_json { self.of_json(piece) } else { self.of_bytes(piece) }
    }

    fn of_bytes(&self, piece: &Bytes) -> Result<Option<ProducerRecord>, String> {
        let topic = self.topic.clone().ok_or("no topic was given")?;
        let key_end = self.key_delimiter.as_ref().and_then(|delimiter| find(piece, delimiter));
        let (key, value) = match (key_end, &self.key_delimiter) {
            (Some(end), Some(delimiter)) => (Some(piece.slice(..end)), piece.slice(end + delimiter.len()..)),
            _ => (self.key.clone(), piece.clone()),
        };
        let not_null = |bytes: &Bytes| !(self.empty_is_null && bytes.is_empty());
        Ok(Some(ProducerRecord {
            topic,
            partition: self.partition,
            timestamp: None,
            key: key.filter(not_null),
            value: Some(value).filter(not_null),
            headers: self.headers.clone(),
        }))
    }

    fn of_json(&self, piece: &Bytes) -> Result<Option<ProducerRecord>, String> {
        let text = std::str::from_utf8(piece).map_err(|_| "JSON is UTF-8, this is not")?.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let read = envelope::read(text)?;
        let own = |topic: String| Arc::from(topic.as_str());
        let topic = self.topic.clone().or(read.topic.map(own)).ok_or("the record names no topic")?;
        let of_record = read.headers.into_iter().map(|(key, value)| Header { key, value });
        Ok(Some(ProducerRecord {
            topic,
            partition: self.partition.or(read.partition),
            timestamp: read.timestamp,
            key: read.key,
            value: read.value,
            headers: of_record.chain(self.headers.iter().cloned()).collect(),
        }))
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    fn record(options: &[&str], piece: &'static str) -> ProducerRecord {
        let layout = Layout::new(&parsed(&[&["produce"], options].concat()).unwrap()).unwrap();
        layout.record(&Bytes::from_static(piece.as_bytes())).unwrap().unwrap()
    }

    #[test]
    fn keys_and_nulls_are_as_asked_for() {
        let some = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        let cases = [
            (&["t"][..], "a:b", None, some("a:b")),
            (&["t", "-K:"], "a:b:c", some("a"), some("b:c")),
            (&["t", "-K:"], "plain", None, some("plain")),
            (&["t", "-K:"], ":", some(""), some("")),
            (&["t", "-K:", "-Z"], ":", None, None),
            (&["-t", "t", "-K", "\\t"], "k\tv", some("k"), some("v")),
            (&["t", "-k", "fixed"], "", some("fixed"), some("")),
            (&["t", "-J"], r#"{"topic":"other","key":"k","payload":null}"#, some("k"), None),
        ];
        for (options, piece, key, value) in cases {
            let record = record(options, piece);
            assert_eq!((record.key, record.value), (key, value), "{options:?} {piece}");
            assert_eq!(&*record.topic, "t");
        }
    }

    #[test]
    fn headers_keep_their_order_and_a_bare_name_is_null() {
        let record = record(&["t", "-H", "a=1", "-H", "a", "-H", "b=x=y", "-p", "3"], "v");
        let headers: Vec<_> = record.headers.iter().map(|h| (&h.key[..], h.value.as_deref())).collect();
        assert_eq!(headers, [(&b"a"[..], Some(&b"1"[..])), (b"a", None), (b"b", Some(b"x=y"))]);
        assert_eq!(record.partition, Some(3));
    }

    #[test]
    fn a_record_of_json_may_name_its_topic_and_a_missing_one_is_told() {
        let layout = Layout::new(&parsed(&["produce", "-J"]).unwrap()).unwrap();
        let of = |text: &'static str| layout.record(&Bytes::from_static(text.as_bytes()));
        assert_eq!(&*of(r#"{"topic":"x","partition":2}"#).unwrap().unwrap().topic, "x");
        assert_eq!(of("  ").unwrap(), None);
        assert!(of("{}").is_err() && of("nonsense").is_err());
        assert!(Layout::new(&parsed(&["produce"]).unwrap()).is_err());
    }
}
