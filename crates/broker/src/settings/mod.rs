//! Settings: Kafka's names from flags, environment and file, checked against the table, and what they mean for a
//! broker and for a topic.
//!
//! A flag wins over the environment, the environment over the file, the file over the default. [`load`] takes texts and
//! returns values or every problem at once; it opens no file, reads no environment and prints nothing. What a setting is
//! and does stands in `configs.tsv` ([`table`]). Two promises: a value that is shown is the value in force, and a name
//! that has no effect so far is said to have none - except security, which is refused rather than ignored.

mod alter;
mod broker_config;
mod checks;
mod describe;
mod environment;
mod groups_config;
mod listeners;
mod live;
mod one_group;
mod properties;
mod resolve;
pub mod table;
mod toml_file;
mod topic_config;
pub mod value;

#[cfg(test)]
mod tests;

pub use broker_config::{BrokerConfig, LiveConfig};
pub use describe::{Described, describe_client_metrics};
pub use groups_config::GroupsConfig;
pub use listeners::ListenerConfig;
pub use live::{Dynamic, LiveSettings};
pub use table::{Effect, Mode, Scope, Setting};
pub use topic_config::TopicConfig;
pub use value::Value;

use ottla_state::image::Configs;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// The line is 1-based.
    File {
        path: PathBuf,
        line: usize,
    },
    /// The name of the variable.
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// The texts that settings are read from.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Names and values; the last one of a name wins.
    pub flags: Vec<(String, String)>,
    /// All variables of the process; those of others are left alone.
    pub environment: Vec<(String, String)>,
    /// Its ending says how it is written: `.toml` is ours, everything else is Java's properties format.
    pub file: Option<PathBuf>,
    /// What the file holds.
    pub file_text: Option<String>,
}

/// Everything that is wrong, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    pub problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for SettingsError {}

/// Settings of the broker that somebody set, by name.
pub(crate) type Explicit = BTreeMap<&'static str, (Value, Origin)>;

/// The settings of this process.
#[derive(Debug, Clone)]
pub struct Settings {
    explicit: Arc<Explicit>,
    broker: BrokerConfig,
    warnings: Arc<Vec<String>>,
    dynamic: Dynamic,
}

/// Reads and checks everything, or says all that is wrong.
pub fn load(input: &Input) -> Result<Settings, SettingsError> {
    let mut resolved = resolve::resolve(input);
    let broker = broker_config::build(&mut resolved);
    if !resolved.problems.is_empty() {
        return Err(SettingsError { problems: resolved.problems });
    }
    let warnings = Arc::new(resolved.warnings());
    let explicit = Arc::new(resolved.explicit);
    let mut settings = Settings { explicit, broker, warnings, dynamic: Dynamic::default() };
    settings.dynamic.defaults = Arc::new(settings.first_cluster_defaults());
    Ok(settings)
}

impl Settings {
    pub fn broker(&self) -> &BrokerConfig {
        &self.broker
    }

    /// Lines to print at start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The broker's settings in the order of their names, with the value in force and where it comes from. The value of
    /// a sensitive setting is not given.
    pub fn entries(&self) -> impl Iterator<Item = (&'static Setting, Option<String>, &Origin)> {
        table::of(Scope::Broker).filter(|setting| setting.effect != Effect::Internal).map(|setting| {
            let origin = self.explicit.get(setting.name).map_or(&Origin::Default, |(_, origin)| origin);
            let value = value_of(&self.explicit, setting.name).filter(|_| !setting.is_sensitive());
            (setting, value.map(ToString::to_string), origin)
        })
    }

    /// What the metadata of a new cluster keeps for all its brokers: Kafka stores `min.insync.replicas` there, from the
    /// first broker's settings.
    pub fn first_cluster_defaults(&self) -> Configs {
        let name = "min.insync.replicas";
        value_of(&self.explicit, name).map(|value| (name.to_owned(), value.to_string())).into_iter().collect()
    }

    /// The same process with other values from the metadata.
    fn with(&self, dynamic: Dynamic) -> Self {
        let mut settings = self.clone();
        settings.dynamic = dynamic;
        settings.broker.live = LiveConfig::of(|name| settings.value(name));
        settings
    }

    /// The broker's value in force: given while it runs, set at its start, or the default.
    pub fn value(&self, name: &str) -> Option<Value> {
        let given = || Value::parse(table::find(Scope::Broker, name)?.kind, self.dynamic.get(name)?).ok();
        given().or_else(|| value_of(&self.explicit, name).cloned())
    }

    /// The number the data directory gave this broker, where no setting says one.
    pub fn set_node_id(&mut self, id: i32) {
        self.broker.node_id = Some(id);
    }
}

/// The value a broker starts with: set, or the default.
pub(crate) fn value_of<'a>(explicit: &'a Explicit, name: &str) -> Option<&'a Value> {
    match explicit.get(name) {
        Some((value, _)) => Some(value),
        None => table::find(Scope::Broker, name)?.default.as_ref(),
    }
}
