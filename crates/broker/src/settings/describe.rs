//! What DescribeConfigs tells of topics, brokers, groups and client metrics: every name with value, source, type and
//! synonyms.
//!
//! Sources and synonyms are those of Apache Kafka 4.4.0: a topic's setting has its own value, and then the values of its
//! first broker name; a value that a later name (hours, minutes) gives is shown as a default.

use super::Settings;
use super::table::{self, Effect, Mode, Scope, Setting};
use ottla_state::image::Configs;

// Kafka's numbers for where a value comes from.
const DYNAMIC_TOPIC: i8 = 1;
const DYNAMIC_BROKER: i8 = 2;
const DYNAMIC_DEFAULT_BROKER: i8 = 3;
const STATIC_BROKER: i8 = 4;
const DEFAULT: i8 = 5;
const GROUP: i8 = 8;

/// One setting of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    pub name: &'static str,
    /// `None`: no value, or a sensitive one.
    pub value: Option<String>,
    /// Kafka's ConfigSource.
    pub source: i8,
    pub is_default: bool,
    pub read_only: bool,
    pub sensitive: bool,
    /// Kafka's ConfigType.
    pub config_type: i8,
    pub documentation: &'static str,
    /// Name, value, ConfigSource; the first one is in force.
    pub synonyms: Vec<Synonym>,
    /// A name of ours that no other broker has.
    pub is_own: bool,
}

type Synonym = (&'static str, Option<String>, i8);

impl Settings {
    /// A topic's settings, by name.
    pub fn describe_topic(&self, overrides: &Configs) -> Vec<Described> {
        let shown =
            |setting: &&Setting| setting.effect != Effect::Internal || overrides.contains_key(setting.name);
        table::of(Scope::Topic)
            .filter(shown)
            .map(|setting| {
                let value = self.topic_value(setting.name, overrides).map(|value| value.to_string());
                let mut synonyms = Vec::new();
                if overrides.contains_key(setting.name) {
                    synonyms.push((setting.name, value.clone(), DYNAMIC_TOPIC));
                }
                if let Some((broker, _)) = table::synonyms(setting.name).first() {
                    synonyms.extend(self.broker_synonyms(broker));
                }
                describe(setting, value, synonyms, false)
            })
            .collect()
    }

    /// The broker's settings, by name.
    pub fn describe_broker(&self) -> Vec<Described> {
        table::of(Scope::Broker)
            .filter(|setting| setting.effect != Effect::Internal)
            .filter(|setting| !is_dynamic_only(setting.name) || self.dynamic.get(setting.name).is_some())
            .map(|setting| {
                let synonyms = self.broker_synonyms(setting.name);
                let value = match (setting.name, self.broker.node_id) {
                    ("node.id" | "broker.id", Some(id)) => Some(id.to_string()),
                    _ => synonyms.first().and_then(|(_, value, _)| value.clone()),
                };
                describe(setting, value, synonyms, setting.mode == Some(Mode::ReadOnly))
            })
            .collect()
    }

    /// What is set for all brokers together.
    pub fn describe_cluster_defaults(&self) -> Vec<Described> {
        let describe_one = |(name, value): (&String, &String)| {
            let setting = table::find(Scope::Broker, name)?;
            let synonyms = vec![(setting.name, Some(value.clone()), DYNAMIC_DEFAULT_BROKER)];
            Some(describe(setting, Some(value.clone()), synonyms, false))
        };
        self.dynamic.defaults.iter().filter_map(describe_one).collect()
    }

    /// A group's settings, by name, whether it exists or not.
    pub fn describe_group(&self, overrides: &Configs) -> Vec<Described> {
        table::of(Scope::Group)
            .filter(|setting| setting.effect != Effect::Internal || overrides.contains_key(setting.name))
            .map(|setting| {
                let value = self.group_value(setting.name, overrides).map(|value| value.to_string());
                let mut synonyms = Vec::new();
                if overrides.contains_key(setting.name) {
                    synonyms.push((setting.name, value.clone(), GROUP));
                }
                match table::group_synonym(setting.name) {
                    Some(broker) => synonyms.extend(self.broker_synonyms(broker)),
                    None => synonyms.extend(default_synonym(setting)),
                }
                describe(setting, value, synonyms, false)
            })
            .collect()
    }

    /// The broker's names behind one setting and every level at which they have a value, the one in force first.
    fn broker_synonyms(&self, name: &'static str) -> Vec<Synonym> {
        let names = table::fallbacks(name);
        let found = |name: &'static str| table::find(Scope::Broker, name);
        let settings: Vec<_> = names.into_iter().filter_map(found).collect();
        let mut all: Vec<Synonym> = Vec::new();
        for (configs, source) in
            [(&self.dynamic.own, DYNAMIC_BROKER), (&self.dynamic.defaults, DYNAMIC_DEFAULT_BROKER)]
        {
            let given = |s: &&'static Setting| configs.get(s.name).map(|v| (s.name, shown(s, v), source));
            all.extend(settings.iter().filter_map(given));
        }
        let explicit = |s: &&'static Setting| {
            let (value, _) = self.explicit.get(s.name)?;
            Some((s.name, shown(s, value), STATIC_BROKER))
        };
        all.extend(settings.iter().filter_map(explicit));
        let standing = settings.iter().filter(|setting| !is_dynamic_only(setting.name));
        all.extend(standing.filter_map(|setting| default_synonym(setting)));
        all.into_iter().skip_while(|(synonym, _, _)| *synonym != name).collect()
    }
}

/// What DescribeConfigs tells of a subscription to client metrics: nothing can be set there so far. Kafka names no
/// synonyms of them, not even the default.
pub fn describe_client_metrics() -> Vec<Described> {
    table::of(Scope::ClientMetrics)
        .map(|setting| {
            let value = setting.default.as_ref().map(ToString::to_string);
            describe(setting, value, Vec::new(), false)
        })
        .collect()
}

fn default_synonym(setting: &'static Setting) -> Option<Synonym> {
    let value = setting.default.as_ref()?;
    Some((setting.name, shown(setting, value), DEFAULT))
}

fn shown(setting: &Setting, value: &impl ToString) -> Option<String> {
    (!setting.is_sensitive()).then(|| value.to_string())
}

fn describe(
    setting: &'static Setting,
    value: Option<String>,
    synonyms: Vec<Synonym>,
    read_only: bool,
) -> Described {
    let source = synonyms.first().map_or(DEFAULT, |(_, _, source)| *source);
    Described {
        name: setting.name,
        value: value.filter(|_| !setting.is_sensitive()),
        source,
        is_default: source == DEFAULT,
        read_only,
        sensitive: setting.is_sensitive(),
        config_type: setting.kind.code(),
        documentation: setting.documentation,
        synonyms,
        is_own: setting.is_own,
    }
}

/// Rates that exist only once they are set on a running broker.
fn is_dynamic_only(name: &str) -> bool {
    name.ends_with(".replication.throttled.rate") || name == "replica.alter.log.dirs.io.max.bytes.per.second"
}
