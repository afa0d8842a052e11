//! What the settings mean for a group: its own values over the broker's, held between the broker's limits.

use super::table::{self, Scope, Setting};
use super::{Settings, Value};
use ottla_state::controller::Refusal;
use ottla_state::image::Configs;
use ottla_wire::ErrorCode;

impl Settings {
    /// The value in force in a group that has these settings of its own.
    pub fn group_value(&self, name: &str, overrides: &Configs) -> Option<Value> {
        let setting = table::find(Scope::Group, name)?;
        if let Some(text) = overrides.get(name) {
            return Value::parse(setting.kind, text).ok();
        }
        match (table::group_synonym(name).and_then(|broker| self.value(broker)), &setting.default) {
            // Of the assignors the first one is meant.
            (Some(Value::List(list)), None) => list.into_iter().next().map(Value::Text),
            (Some(value), _) => Some(value),
            (None, default) => default.clone(),
        }
    }

    pub(super) fn check_group_range(&self, setting: &Setting, text: &str) -> Result<(), Refusal> {
        let Some((kind, name)) = setting.name.split_once('.') else { return Ok(()) };
        let (min, max) = (format!("group.{kind}.min.{name}"), format!("group.{kind}.max.{name}"));
        let limit = |name: &str| self.value(name).and_then(|value| value.as_number());
        match (limit(&min), limit(&max), text.parse::<i64>()) {
            (Some(low), Some(high), Ok(number)) if !(low..=high).contains(&number) => Err(Refusal::new(
                ErrorCode::InvalidConfig,
                format!("{} is between {low} ({min}) and {high} ({max})", setting.name),
            )),
            _ => Ok(()),
        }
    }
}
