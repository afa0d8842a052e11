//! The table of settings: every name of Apache Kafka 4.4.0 and our own, with type, default, range and what it does here.
//!
//! It is read from `configs.tsv`, which this repository keeps by hand, once per process. A row that does not parse is a
//! fault of the build, so reading it may panic; a test reads all of it.

use super::value::{Kind, Valid, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../configs.tsv");

/// What a setting belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Topic,
    Broker,
    Group,
    ClientMetrics,
    Quota,
}

/// How far a running broker lets a setting be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    ReadOnly,
    PerBroker,
    ClusterWide,
}

/// What a setting does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Real,
    /// Checked, kept and shown; it will have an effect, and has none so far.
    Taken,
    /// Checked, kept and shown; it has no meaning here and needs none.
    Accept,
    /// Its feature is missing: only the default is good.
    Later,
    /// Kafka hides it; refused by name.
    Internal,
}

#[derive(Debug)]
pub struct Setting {
    pub scope: Scope,
    pub name: &'static str,
    pub kind: Kind,
    /// As the table has it; `None` is no value.
    pub default: Option<Value>,
    pub valid: Valid,
    /// As the table writes it, for documents.
    pub valid_text: &'static str,
    pub importance: &'static str,
    pub mode: Option<Mode>,
    pub effect: Effect,
    /// A name of ours, which Kafka does not know.
    pub is_own: bool,
    /// What it does; of one without effect also why, or until when.
    pub documentation: &'static str,
}

impl Setting {
    /// The value, or the reason in Kafka's words why the text is none.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = Value::parse(self.kind, text).map_err(str::to_owned)?;
        self.valid.check(self.name, &value).map_err(std::borrow::Cow::into_owned)?;
        Ok(value)
    }

    pub fn is_sensitive(&self) -> bool {
        self.kind == Kind::Password
    }

    /// Settings that promise protection. Not keeping such a promise is worse than not starting.
    pub fn is_security(&self) -> bool {
        const NAMES: &[&str] = &[
            "authorizer.class.name",
            "client.quota.callback.class",
            "config.providers",
            "connections.max.reauth.ms",
            "delegation.token.secret.key",
            "principal.builder.class",
        ];
        self.scope == Scope::Broker
            && (self.name.starts_with("ssl.")
                || self.name.starts_with("sasl.")
                || self.name.starts_with("security.")
                || self.name.ends_with(".policy.class.name")
                || NAMES.contains(&self.name))
    }
}

struct Table {
    settings: Vec<Setting>,
    by_name: BTreeMap<(Scope, &'static str), usize>,
}

static SETTINGS: LazyLock<Table> = LazyLock::new(|| {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#')).skip(1);
    let settings: Vec<Setting> =
        rows.map(|row| parse_row(row).unwrap_or_else(|| panic!("row of configs.tsv: {row}"))).collect();
    let by_name = settings.iter().enumerate().map(|(i, s)| ((s.scope, s.name), i)).collect();
    Table { settings, by_name }
});

/// All settings, by scope and name.
pub fn all() -> &'static [Setting] {
    &SETTINGS.settings
}

pub fn find(scope: Scope, name: &str) -> Option<&'static Setting> {
    SETTINGS.by_name.get(&(scope, name)).map(|index| &SETTINGS.settings[*index])
}

pub fn of(scope: Scope) -> impl Iterator<Item = &'static Setting> {
    all().iter().filter(move |setting| setting.scope == scope)
}

/// The known name that a misspelt one is most likely meant to be.
pub fn nearest(scope: Scope, name: &str) -> Option<&'static str> {
    let scored = of(scope).map(|setting| (strsim::jaro_winkler(setting.name, name), setting.name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.85).then_some(best.1)
}

/// Where the default of a topic's setting comes from: names of the broker, each with the factor to the topic's unit. The
/// first one that has a value wins. Empty: the topic's setting has a default of its own.
pub fn synonyms(topic: &str) -> &'static [(&'static str, i64)] {
    const HOUR: i64 = 3_600_000;
    match topic {
        "cleanup.policy" => &[("log.cleanup.policy", 1)],
        "compression.gzip.level" => &[("compression.gzip.level", 1)],
        "compression.lz4.level" => &[("compression.lz4.level", 1)],
        "compression.type" => &[("compression.type", 1)],
        "compression.zstd.level" => &[("compression.zstd.level", 1)],
        "delete.retention.ms" => &[("log.cleaner.delete.retention.ms", 1)],
        "durability" => &[("log.durability", 1)],
        "file.delete.delay.ms" => &[("log.segment.delete.delay.ms", 1)],
        "flush.messages" => &[("log.flush.interval.messages", 1)],
        "flush.ms" => &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)],
        "index.interval.bytes" => &[("log.index.interval.bytes", 1)],
        "local.retention.bytes" => &[("log.local.retention.bytes", 1)],
        "local.retention.ms" => &[("log.local.retention.ms", 1)],
        "max.compaction.lag.ms" => &[("log.cleaner.max.compaction.lag.ms", 1)],
        "max.decompressed.message.bytes" => &[("max.decompressed.message.bytes", 1)],
        "max.message.bytes" => &[("message.max.bytes", 1)],
        "message.timestamp.after.max.ms" => &[("log.message.timestamp.after.max.ms", 1)],
        "message.timestamp.before.max.ms" => &[("log.message.timestamp.before.max.ms", 1)],
        "message.timestamp.type" => &[("log.message.timestamp.type", 1)],
        "min.cleanable.dirty.ratio" => &[("log.cleaner.min.cleanable.ratio", 1)],
        "min.compaction.lag.ms" => &[("log.cleaner.min.compaction.lag.ms", 1)],
        "min.insync.replicas" => &[("min.insync.replicas", 1)],
        "preallocate" => &[("log.preallocate", 1)],
        "record.validation" => &[("record.validation", 1)],
        "remote.copy.lag.bytes" => &[("log.remote.copy.lag.bytes", 1)],
        "remote.copy.lag.ms" => &[("log.remote.copy.lag.ms", 1)],
        "retention.bytes" => &[("log.retention.bytes", 1)],
        "retention.ms" => {
            &[("log.retention.ms", 1), ("log.retention.minutes", 60_000), ("log.retention.hours", HOUR)]
        }
        "segment.bytes" => &[("log.segment.bytes", 1)],
        "segment.index.bytes" => &[("log.index.size.max.bytes", 1)],
        "segment.jitter.ms" => &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", HOUR)],
        "segment.ms" => &[("log.roll.ms", 1), ("log.roll.hours", HOUR)],
        "unclean.leader.election.enable" => &[("unclean.leader.election.enable", 1)],
        _ => &[],
    }
}

/// The broker's names that give the same value, the one that wins first.
pub fn fallbacks(broker: &'static str) -> Vec<&'static str> {
    let of_topics = of(Scope::Topic).map(|setting| synonyms(setting.name));
    let found = of_topics.into_iter().find(|names| names.first().is_some_and(|(name, _)| *name == broker));
    found.map_or_else(|| vec![broker], |names| names.iter().map(|(name, _)| *name).collect())
}

/// The broker's name for the default of a group's setting.
pub fn group_synonym(group: &str) -> Option<&'static str> {
    if group == "streams.assignor.name" {
        return Some("group.streams.assignors");
    }
    find(Scope::Broker, &format!("group.{group}")).map(|setting| setting.name)
}

fn parse_row(row: &'static str) -> Option<Setting> {
    let columns: Vec<&'static str> = row.split('\t').collect();
    let [scope, name, kind, default, valid_text, importance, mode, effect, of, documentation] = columns[..]
    else {
        return None;
    };
    let kind = Kind::named(kind)?;
    let default = match default {
        "null" | "<required>" => None,
        "\"\"" => Some(Value::parse(kind, "").ok()?),
        text => Some(Value::parse(kind, text).ok()?),
    };
    Some(Setting {
        scope: match scope {
            "topic" => Scope::Topic,
            "broker" => Scope::Broker,
            "group" => Scope::Group,
            "client-metrics" => Scope::ClientMetrics,
            "quota" => Scope::Quota,
            _ => return None,
        },
        name,
        kind,
        default,
        valid: Valid::named(valid_text)?,
        valid_text,
        importance,
        mode: match mode {
            "read-only" => Some(Mode::ReadOnly),
            "per-broker" => Some(Mode::PerBroker),
            "cluster-wide" => Some(Mode::ClusterWide),
            "-" => None,
            _ => return None,
        },
        effect: match effect {
            "real" => Effect::Real,
            "taken" => Effect::Taken,
            "accept" => Effect::Accept,
            "later" => Effect::Later,
            "internal" => Effect::Internal,
            _ => return None,
        },
        is_own: of == "own",
        documentation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_name_of_kafka_and_ours() {
        let count = |scope, own| of(scope).filter(|setting| setting.is_own == own).count();
        assert_eq!(count(Scope::Topic, false), 38);
        assert_eq!(count(Scope::Broker, false), 382);
        assert_eq!(count(Scope::Group, false), 27);
        assert_eq!(count(Scope::ClientMetrics, false), 3);
        assert_eq!(count(Scope::Quota, false), 7);
        assert_eq!(all().len(), SETTINGS.by_name.len());
    }

    #[test]
    fn defaults_are_good_values() {
        for setting in all() {
            if let Some(default) = &setting.default {
                let is_unset = setting.valid == Valid::NotEmpty && default == &Value::List(Vec::new());
                assert!(is_unset || setting.valid.check(setting.name, default).is_ok(), "{}", setting.name);
            }
        }
    }

    #[test]
    fn every_setting_has_a_text_of_its_own() {
        let mut seen = BTreeMap::new();
        for setting in all() {
            let (name, text) = (setting.name, setting.documentation);
            assert!(text.len() > 10 && text.is_ascii(), "{name} says `{text}`");
            assert!(text.ends_with('.') && !text.contains("  "), "{name} says `{text}`");
            let before = seen.insert(text, name);
            assert_eq!(before, None, "{name} says the same");
        }
    }

    /// A text must not say that a setting does nothing when it works, nor be silent about one that does nothing.
    #[test]
    fn a_text_says_so_where_a_setting_has_no_effect() {
        const SAID: &[&str] =
            &["No effect", "refuses the start", " here", "Here ", "Ottla", "One node", "Default of `"];
        for setting in all() {
            let (name, text) = (setting.name, setting.documentation);
            match setting.effect {
                Effect::Real => assert!(!text.contains("No effect"), "{name} says `{text}`"),
                Effect::Internal => assert!(text.contains("efused here"), "{name} says `{text}`"),
                Effect::Taken | Effect::Accept | Effect::Later => {
                    assert!(SAID.iter().any(|said| text.contains(said)), "{name} says `{text}`");
                }
            }
        }
    }

    #[test]
    fn a_default_of_a_topic_equals_the_one_of_its_broker_setting() {
        for setting in of(Scope::Topic) {
            let set = synonyms(setting.name).iter().find_map(|(name, factor)| {
                let broker = find(Scope::Broker, name).expect("every synonym is a setting of the broker");
                Some(match broker.default.clone()? {
                    Value::Number(number) => Value::Number(number * factor),
                    value => value,
                })
            });
            assert!(set.is_none() || set == setting.default, "{}", setting.name);
        }
    }

    #[test]
    fn a_misspelt_name_has_a_near_one() {
        assert_eq!(nearest(Scope::Broker, "log.retention.m"), Some("log.retention.ms"));
        assert_eq!(nearest(Scope::Broker, "auto.create.topic.enable"), Some("auto.create.topics.enable"));
        assert_eq!(nearest(Scope::Broker, "qqqq"), None);
    }
}
