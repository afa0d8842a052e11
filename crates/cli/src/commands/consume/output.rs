//! How a record is written: value alone, key and value, a template, or JSON.

use super::Args;
use crate::exit::Failure;
use crate::record::template::{Template, unescape};
use crate::record::{ConsumedRecord, TimestampType, envelope};
use anyhow::Result;
use ottla_client::FetchedBatch;

#[derive(Debug)]
pub enum Form {
    Json,
    Template { template: Template, null: &'static str },
    Plain { key_delimiter: Option<Vec<u8>>, delimiter: Vec<u8>, null: &'static str },
}

impl Form {
    pub fn new(args: &Args) -> Result<Self> {
        let null = if args.null { "NULL" } else { "" };
        if args.json {
            return Ok(Self::Json);
        }
        if let Some(text) = &args.format {
            let template =
                Template::parse(text).map_err(|problem| Failure::usage(format!("-f {text}: {problem}")))?;
            return Ok(Self::Template { template, null });
        }
        let bytes = |option: &str, text: &str| {
            unescape(text).map_err(|problem| Failure::usage(format!("{option}: {problem}")))
        };
        Ok(Self::Plain {
            key_delimiter: args.key_delimiter.as_deref().map(|text| bytes("-K", text)).transpose()?,
            delimiter: bytes("-D", &args.delimiter)?,
            null,
        })
    }

    pub fn write(&self, record: &ConsumedRecord, out: &mut Vec<u8>) {
        match self {
            Self::Json => {
                out.extend_from_slice(envelope::write(record).as_bytes());
                out.push(b'\n');
            }
            Self::Template { template, null } => template.render(record, null, out),
            Self::Plain { key_delimiter, delimiter, null } => {
                if let Some(between) = key_delimiter {
                    out.extend_from_slice(record.key.as_deref().unwrap_or(null.as_bytes()));
                    out.extend_from_slice(between);
                }
                out.extend_from_slice(record.value.as_deref().unwrap_or(null.as_bytes()));
                out.extend_from_slice(delimiter);
            }
        }
    }
}

/// The records of a batch, each with where it came from.
pub fn records(batch: FetchedBatch) -> impl Iterator<Item = ConsumedRecord> {
    let FetchedBatch { topic, partition, broker, timestamp_type, records, .. } = batch;
    let timestamp_type = match timestamp_type {
        ottla_client::TimestampType::CreateTime => TimestampType::Create,
        ottla_client::TimestampType::LogAppendTime => TimestampType::LogAppend,
    };
    records.into_iter().map(move |record| ConsumedRecord {
        topic: topic.to_string(),
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        timestamp_type,
        broker,
        key: record.key,
        value: record.value,
        headers: record.headers.into_iter().map(|header| (header.key, header.value)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;
    use crate::record::record_for_test;

    fn write(options: &[&str], change: impl FnOnce(&mut ConsumedRecord)) -> String {
        let args = parsed(&[&["consume", "t"], options].concat()).unwrap();
        let mut record = record_for_test();
        change(&mut record);
        let mut out = Vec::new();
        Form::new(&args).unwrap().write(&record, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn records_are_written_as_asked_for() {
        let unchanged = |_: &mut ConsumedRecord| ();
        let null = |record: &mut ConsumedRecord| (record.key, record.value) = (None, None);
        assert_eq!(write(&[], unchanged), "hello\n");
        assert_eq!(write(&["-D", "\\0"], unchanged), "hello\0");
        assert_eq!(write(&["-K:"], unchanged), "k:hello\n");
        assert_eq!(write(&["-K:"], null), ":\n");
        assert_eq!(write(&["-K:", "-Z"], null), "NULL:NULL\n");
        assert_eq!(write(&["-f", "%p@%o"], unchanged), "2@41");
        assert_eq!(write(&["-f", "%s|", "-Z"], null), "NULL|");
        assert!(write(&["-J"], unchanged).starts_with(r#"{"topic":"t1","#));
    }
}
