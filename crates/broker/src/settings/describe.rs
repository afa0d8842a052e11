//! What DescribeConfigs tells of a topic and of the broker: every name with value, source, type and synonyms.
//!
//! Sources and synonyms are those of Apache Kafka 4.4.0: a topic's setting has its own value, and then the values of its
//! first broker name; a value that a later name (hours, minutes) gives is shown as a default.

use super::table::{self, Effect, Mode, Scope, Setting};
use super::{Settings, Value};
use ottla_state::image::Configs;

// Kafka's numbers for where a value comes from.
const DYNAMIC_TOPIC: i8 = 1;
const DYNAMIC_DEFAULT_BROKER: i8 = 3;
const STATIC_BROKER: i8 = 4;
const DEFAULT: i8 = 5;

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
    pub documentation: String,
    /// Name, value, ConfigSource; the first one is in force.
    pub synonyms: Vec<(String, Option<String>, i8)>,
    /// A name of ours that no other broker has.
    pub is_own: bool,
}

type Synonym = (String, Option<String>, i8);

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
                    synonyms.push((setting.name.to_owned(), value.clone(), DYNAMIC_TOPIC));
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
            .filter(|setting| setting.effect != Effect::Internal && !is_dynamic_only(setting.name))
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

    /// What DescribeConfigs tells of all brokers together: only what the metadata holds.
    pub fn describe_cluster_defaults(&self) -> Vec<Described> {
        let describe_one = |(name, value): (&String, &String)| {
            let setting = table::find(Scope::Broker, name)?;
            let synonyms = vec![(name.clone(), Some(value.clone()), DYNAMIC_DEFAULT_BROKER)];
            Some(describe(setting, Some(value.clone()), synonyms, false))
        };
        self.cluster_defaults.iter().filter_map(describe_one).collect()
    }

    /// Every level at which a broker's setting has a value, the one in force first.
    fn broker_synonyms(&self, name: &str) -> Vec<Synonym> {
        let Some(setting) = table::find(Scope::Broker, name) else { return Vec::new() };
        let shown = |value: &Value| Some(value.to_string()).filter(|_| !setting.is_sensitive());
        let cluster = self.cluster_defaults.get(name).map(|v| (Some(v.clone()), DYNAMIC_DEFAULT_BROKER));
        let explicit = self.explicit.get(name).map(|(value, _)| (shown(value), STATIC_BROKER));
        let default = setting.default.as_ref().map(|value| (shown(value), DEFAULT));
        let levels = [cluster, explicit, default].into_iter().flatten();
        levels.map(|(value, source)| (name.to_owned(), value, source)).collect()
    }
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
        documentation: setting.documentation.to_owned(),
        synonyms,
        is_own: setting.is_own,
    }
}

/// Rates that exist only once they are set on a running broker.
fn is_dynamic_only(name: &str) -> bool {
    name.ends_with(".replication.throttled.rate") || name == "replica.alter.log.dirs.io.max.bytes.per.second"
}
