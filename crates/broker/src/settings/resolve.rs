//! From the sources to one value a name: precedence, unknown names, and what is said about names without effect.
//!
//! A mistake in what was written for Ottla (TOML, flags) is an error with the nearest name. `server.properties` and the
//! environment may hold names of other programs and versions, so there an unknown name is a warning.

use super::environment::{self, Variable};
use super::properties::Entry;
use super::table::{self, Effect, Scope, Setting};
use super::{Explicit, Input, Origin, Value, properties, toml_file, value_of};
use std::path::Path;

/// Names outside the table that promise protection as well.
const AUTHORIZER_NAMES: &[&str] = &["super.users", "allow.everyone.if.no.acl.found"];
/// Names that Kafka dropped with version 4.0.
const GONE: &[&str] =
    &["inter.broker.protocol.version", "log.message.format.version", "control.plane.listener.name"];
const ACCEPTED_PREFIXES: &[&str] = &["rlmm.config.", "rsm.config."];

/// How much a source may say that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Error,
    Warning,
}

#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub explicit: Explicit,
    pub problems: Vec<String>,
    /// Whole lines, beside those that are made of the lists below.
    pub notes: Vec<String>,
    no_effect: Vec<String>,
    unknown: Vec<String>,
    java: Vec<String>,
}

pub(super) fn resolve(input: &Input) -> Resolved {
    let mut resolved = Resolved::default();
    if let Some(text) = &input.file_text {
        resolved.file(input.file.as_deref().unwrap_or(Path::new("settings")), text);
    }
    let mut environment: Vec<_> = input.environment.iter().collect();
    environment.sort();
    for (variable, value) in environment {
        match environment::classify(variable) {
            Variable::Setting(name) => {
                resolved.set(&name, value, Origin::Environment(variable.clone()), Unknown::Warning);
            }
            Variable::NoEffect => resolved.java.push(variable.clone()),
            Variable::Foreign => {}
        }
    }
    for (name, value) in &input.flags {
        resolved.set(name.trim(), value, Origin::Flag, Unknown::Error);
    }
    resolved.pair_node_ids();
    resolved.judge();
    resolved
}

impl Resolved {
    fn file(&mut self, path: &Path, text: &str) {
        let is_toml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
        let (entries, problems) = if is_toml { toml_file::parse(text) } else { properties::parse(text) };
        let unknown = if is_toml { Unknown::Error } else { Unknown::Warning };
        let at = |line| Origin::File { path: path.to_owned(), line };
        for (line, problem) in problems {
            self.problems.push(format!("{}: {problem}", at(line)));
        }
        for Entry { name, value, line } in entries {
            self.set(&name, &value, at(line), unknown);
        }
    }

    fn set(&mut self, name: &str, text: &str, origin: Origin, unknown: Unknown) {
        match table::find(Scope::Broker, name) {
            Some(setting) if setting.effect != Effect::Internal => match setting.parse(text) {
                Ok(value) => {
                    self.explicit.insert(setting.name, (value, origin));
                }
                Err(reason) => {
                    let shown = if setting.is_sensitive() { "[hidden]" } else { text };
                    self.problems
                        .push(format!("{origin}: Invalid value {shown} for configuration {name}: {reason}"));
                }
            },
            _ => self.outside(name, &origin, unknown),
        }
    }

    /// A name that is no setting of a broker here.
    fn outside(&mut self, name: &str, origin: &Origin, unknown: Unknown) {
        if ACCEPTED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return;
        }
        if AUTHORIZER_NAMES.contains(&name) {
            self.problems.push(refuse_security(name, origin));
            return;
        }
        if let Some(setting) = of_one_listener(name) {
            if setting.is_security() {
                self.problems.push(refuse_security(name, origin));
            } else {
                self.no_effect.push(name.to_owned());
            }
            return;
        }
        let hint = hint(name);
        match unknown {
            Unknown::Error => self.problems.push(format!("{origin}: unknown setting {name}{hint}")),
            Unknown::Warning => self.unknown.push(format!("{name} ({origin}{hint})")),
        }
    }

    /// `node.id` and `broker.id` mean the same: setting one sets the other, as in Kafka.
    fn pair_node_ids(&mut self) {
        for (from, to) in [("node.id", "broker.id"), ("broker.id", "node.id")] {
            let is_set = |id: &(Value, Origin)| id.0.as_number().is_some_and(|id| id >= 0);
            if let Some(id) = self.explicit.get(from).filter(|id| is_set(id)).cloned() {
                self.explicit.entry(to).or_insert(id);
            }
        }
    }

    /// What the values that won ask for and do not get.
    fn judge(&mut self) {
        for (name, (value, origin)) in &self.explicit {
            let Some(setting) = table::find(Scope::Broker, name) else { continue };
            if is_default(setting, value) {
                continue;
            }
            match setting.effect {
                _ if setting.is_security() => self.problems.push(refuse_security(name, origin)),
                Effect::Taken | Effect::Later => self.no_effect.push((*name).to_owned()),
                Effect::Real | Effect::Accept | Effect::Internal => {}
            }
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let list = |lines: &mut Vec<String>, what: &str, names: &[String]| {
            if !names.is_empty() {
                lines.push(format!("{what}: {}", names.join(", ")));
            }
        };
        list(&mut lines, "unknown settings, ignored", &self.unknown);
        list(&mut lines, "no effect yet", &self.no_effect);
        list(&mut lines, "accepted, no effect (there is no Java machine)", &self.java);
        lines.extend(self.notes.iter().cloned());
        lines
    }

    /// Where a value comes from, for a problem with it.
    pub(super) fn origin(&self, name: &str) -> &Origin {
        self.explicit.get(name).map_or(&Origin::Default, |(_, origin)| origin)
    }

    pub(super) fn is_explicit(&self, name: &str) -> bool {
        self.explicit.contains_key(name)
    }

    pub(super) fn problem(&mut self, name: &str, text: impl std::fmt::Display) {
        let problem = format!("{}: {name}: {text}", self.origin(name));
        self.problems.push(problem);
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        value_of(&self.explicit, name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The number, or `None` where the setting has no value.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        value_of(&self.explicit, name).and_then(Value::as_number)
    }

    /// The text without surrounding blanks; an empty one is no value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        value_of(&self.explicit, name).and_then(Value::as_text).map(str::trim).filter(|text| !text.is_empty())
    }

    pub(super) fn list(&self, name: &str) -> &[String] {
        value_of(&self.explicit, name).and_then(Value::as_list).unwrap_or_default()
    }
}

/// An empty value of a setting that has none by default says the same.
pub(super) fn is_default(setting: &Setting, value: &Value) -> bool {
    match &setting.default {
        Some(default) => default == value,
        None => value.to_string().is_empty(),
    }
}

pub(super) fn contains(value: &Value, item: &str) -> bool {
    value.as_list().is_some_and(|list| list.iter().any(|known| known == item))
}

fn refuse_security(name: &str, origin: &Origin) -> String {
    format!(
        "{origin}: {name} asks for security that Ottla does not have yet, and would not protect; remove it to start \
         without"
    )
}

/// `listener.name.<listener>.[<mechanism>.]<name>`: the setting it is for one listener of.
fn of_one_listener(name: &str) -> Option<&'static Setting> {
    let (_, mut rest) = name.strip_prefix("listener.name.")?.split_once('.')?;
    loop {
        if let Some(setting) = table::find(Scope::Broker, rest) {
            return Some(setting);
        }
        rest = rest.split_once('.')?.1;
    }
}

fn hint(name: &str) -> String {
    if table::find(Scope::Broker, name).is_some() {
        return "; internal to Apache Kafka".to_owned();
    }
    if name.starts_with("zookeeper.") || GONE.contains(&name) {
        return "; gone since Kafka 4.0".to_owned();
    }
    if table::find(Scope::Topic, name).is_some() {
        return match table::synonyms(name).first() {
            Some((broker, _)) => format!("; a setting of topics, whose default is {broker}"),
            None => "; a setting of topics".to_owned(),
        };
    }
    table::nearest(Scope::Broker, name).map_or_else(String::new, |near| format!("; did you mean {near}?"))
}
