//! What the settings mean for a topic: its own values over the broker's, checked as Kafka checks them.

use super::table::{self, Effect, Scope, Setting};
use super::{Settings, Value, resolve};
use ottla_log::{Durability, LogConfig};
use ottla_state::controller::Refusal;
use ottla_state::image::Configs;
use ottla_wire::compress::{Codec, Compression};
use ottla_wire::{ErrorCode, WireStr};

/// Kafka's limit for one stored value.
const VALUE_BYTES_MAX: usize = 32_767;

/// What `max.decompressed.message.bytes` is where nobody sets it: no limit at all.
const DECOMPRESSED_DEFAULT: i64 = 2_147_483_639;

/// The settings in force of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    pub log: LogConfig,
    /// Bytes of one batch, as it arrives.
    pub max_message_bytes: usize,
    /// The broker's clock stamps the records, not the producer's.
    pub log_append_time: bool,
    /// How far a record's time may lie behind the broker's.
    pub timestamp_before_max_ms: i64,
    /// How far a record's time may lie ahead of the broker's.
    pub timestamp_after_max_ms: i64,
    /// Compressed batches are opened and checked too.
    pub strict_records: bool,
    /// How batches are kept; `None`: as the producer sent them.
    pub compression: Option<Compression>,
    /// Bytes of one batch after decompression; `None`: nobody asked for a limit.
    pub max_decompressed_bytes: Option<usize>,
}

impl Settings {
    /// The settings in force of a topic that has these of its own. They are good: they were checked when stored.
    pub fn topic(&self, overrides: &Configs) -> TopicConfig {
        let value = |name: &str| self.topic_value(name, overrides);
        let number = |name: &str| value(name).and_then(|value| value.as_number());
        let int = |name: &str| number(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
        let long = |name: &str| number(name).unwrap_or(i64::MAX);
        let is = |name: &str, text: &str| value(name).is_some_and(|value| value.as_text() == Some(text));
        TopicConfig {
            log: LogConfig {
                segment_bytes: int("segment.bytes"),
                segment_ms: long("segment.ms"),
                segment_jitter_ms: long("segment.jitter.ms"),
                index_interval_bytes: int("index.interval.bytes"),
                segment_index_bytes: int("segment.index.bytes"),
                durability: if is("durability", "os") { Durability::Os } else { Durability::Fsync },
                flush_messages: long("flush.messages"),
                flush_ms: long("flush.ms"),
                compact: value("cleanup.policy").is_some_and(|value| resolve::contains(&value, "compact")),
                min_cleanable_ppm: match value("min.cleanable.dirty.ratio") {
                    Some(Value::Double(ratio)) => (ratio * 1_000_000.0) as u32,
                    _ => 0,
                },
                min_compaction_lag_ms: long("min.compaction.lag.ms"),
                max_compaction_lag_ms: long("max.compaction.lag.ms"),
                delete_retention_ms: long("delete.retention.ms"),
                delete: value("cleanup.policy").is_some_and(|value| resolve::contains(&value, "delete")),
                retention_ms: number("retention.ms").unwrap_or(-1),
                retention_bytes: number("retention.bytes").unwrap_or(-1),
                file_delete_delay_ms: long("file.delete.delay.ms"),
                producer_id_expiration_ms: self.broker.live.producer_id_expiration_ms,
            },
            max_message_bytes: number("max.message.bytes").map_or(0, |n| usize::try_from(n).unwrap_or(0)),
            log_append_time: value("message.timestamp.type")
                .is_some_and(|value| value.to_string().trim() == "LogAppendTime"),
            timestamp_before_max_ms: long("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: long("message.timestamp.after.max.ms"),
            strict_records: is("record.validation", "strict"),
            compression: compression(&value),
            max_decompressed_bytes: number("max.decompressed.message.bytes")
                .filter(|bytes| *bytes < DECOMPRESSED_DEFAULT)
                .and_then(|bytes| usize::try_from(bytes).ok()),
        }
    }

    /// The settings to store for a new topic. Of several faults the client sees the one that Kafka would name.
    pub fn check_topic(&self, configs: &[(WireStr, Option<WireStr>)]) -> Result<Configs, Refusal> {
        let nulls: Vec<&str> = configs.iter().filter(|(_, v)| v.is_none()).map(|(n, _)| n.as_str()).collect();
        if !nulls.is_empty() {
            return Err(refuse(format!("Null value not supported for topic configs: {}", nulls.join(","))));
        }
        let mut known = Vec::with_capacity(configs.len());
        for (name, value) in configs {
            match table::find(Scope::Topic, name) {
                Some(setting) => known.push((setting, value.as_deref().unwrap_or_default())),
                None => return Err(refuse(format!("Unknown topic config name: {}", name.as_str()))),
            }
        }
        let mut checked = Configs::new();
        for (setting, text) in known {
            checked.insert(setting.name.to_owned(), checked_value(setting, text)?);
        }
        self.check_lags(&checked)?;
        for (name, text) in &checked {
            if let Some(setting) = table::find(Scope::Topic, name) {
                check_is_there(setting, text)?;
            }
        }
        Ok(checked)
    }

    /// What to say of a topic's settings that have no effect so far; nothing, or one line.
    pub fn topic_notes(&self, overrides: &Configs) -> Vec<String> {
        let is_taken = |name: &&String| {
            let setting = table::find(Scope::Topic, name);
            let is_default = self.topic_value(name, &Configs::new()).map(|value| value.to_string())
                == overrides.get(*name).cloned();
            setting.is_some_and(|setting| setting.effect == Effect::Taken) && !is_default
        };
        let names: Vec<&str> = overrides.keys().filter(is_taken).map(String::as_str).collect();
        if names.is_empty() { Vec::new() } else { vec![format!("no effect yet: {}", names.join(", "))] }
    }

    /// The topic's own value, else the cluster's, else the first one the broker has.
    pub(super) fn topic_value(&self, name: &str, overrides: &Configs) -> Option<Value> {
        let setting = table::find(Scope::Topic, name)?;
        let stored = |configs: &Configs, name: &str| {
            configs.get(name).and_then(|text| Value::parse(setting.kind, text).ok())
        };
        if let Some(value) = stored(overrides, name) {
            return Some(value);
        }
        let inherited = table::synonyms(name).iter().find_map(|(broker, factor)| {
            let value = self.value(broker)?;
            Some(match value {
                // An unlimited time has no unit.
                Value::Number(number) if number > 0 => Value::Number(number.saturating_mul(*factor)),
                value => value,
            })
        });
        inherited.or_else(|| setting.default.clone())
    }

    pub(super) fn check_lags(&self, checked: &Configs) -> Result<(), Refusal> {
        let number = |name| self.topic_value(name, checked).and_then(|value| value.as_number());
        let (min, max) = (number("min.compaction.lag.ms"), number("max.compaction.lag.ms"));
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            return Err(refuse(format!(
                "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
            )));
        }
        Ok(())
    }
}

/// `compression.type` and the level of its codec. Levels of lz4 are all the same here.
fn compression(value: &impl Fn(&str) -> Option<Value>) -> Option<Compression> {
    let level = |name: &str| {
        let level = value(name).and_then(|value| value.as_number());
        level.and_then(|level| i32::try_from(level).ok())
    };
    let name = value("compression.type")?;
    let (codec, level) = match name.as_text()? {
        "uncompressed" => (Codec::None, None),
        // -1 is the default of gzip.
        "gzip" => (Codec::Gzip, level("compression.gzip.level").filter(|level| *level != -1)),
        "snappy" => (Codec::Snappy, None),
        "lz4" => (Codec::Lz4, None),
        "zstd" => (Codec::Zstd, level("compression.zstd.level")),
        _ => return None,
    };
    Some(Compression { codec, level })
}

/// The text to store for a value, as Kafka prints it.
pub(super) fn checked_value(setting: &Setting, text: &str) -> Result<String, Refusal> {
    let name = setting.name;
    if text.len() > VALUE_BYTES_MAX {
        return Err(refuse(format!("The value of {name} exceeds the maximum of {VALUE_BYTES_MAX} bytes")));
    }
    let value = setting.parse(text).map_err(|reason| {
        let shown = Value::parse(setting.kind, text).map_or(text.to_owned(), |value| value.to_string());
        refuse(format!("Invalid value {shown} for configuration {name}: {reason}"))
    })?;
    Ok(value.to_string().trim().to_owned())
}

/// Refuses what would be stored and then not be kept.
pub(super) fn check_is_there(setting: &'static Setting, text: &str) -> Result<(), Refusal> {
    let name = setting.name;
    match setting.effect {
        Effect::Internal => Err(refuse(format!("{name} is internal to Apache Kafka"))),
        Effect::Later if setting.parse(text).is_ok_and(|value| !resolve::is_default(setting, &value)) => {
            Err(refuse(format!("{name}={text} needs a feature that Ottla does not have yet")))
        }
        _ => Ok(()),
    }
}

fn refuse(message: String) -> Refusal {
    Refusal::new(ErrorCode::InvalidConfig, message)
}
