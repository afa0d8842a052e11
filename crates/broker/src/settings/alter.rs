//! Settings that are changed while the broker runs, checked as Kafka checks them.
//!
//! Of a topic and of a group a bad value is INVALID_CONFIG, of a broker INVALID_REQUEST. What would be stored and have
//! no effect, because its feature is missing or because only a start reads it, is refused with INVALID_CONFIG. Kafka
//! keeps names that no broker knows; here they are refused.

use super::table::{self, Effect, Mode, Scope, Setting};
use super::topic_config::{check_is_there, checked_value};
use super::value::Kind;
use super::{Settings, Value, checks, resolve};
use ottla_state::controller::{Alteration, ConfigAction, ConfigResource, Refusal};
use ottla_state::image::Configs;
use ottla_wire::ErrorCode;

/// Of the whole cluster from its first start on, as in Kafka with eligible leader replicas.
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// The settings to store for a resource that has `current`.
pub(super) fn altered(
    settings: &Settings,
    resource: &ConfigResource,
    current: &Configs,
    alteration: &Alteration,
) -> Result<Configs, Refusal> {
    let mut next = match alteration {
        Alteration::Replace(_) => Configs::new(),
        Alteration::Incremental(_) => current.clone(),
    };
    match alteration {
        Alteration::Replace(configs) => {
            for (name, text) in configs {
                let setting = known(resource, name)?;
                next.insert(setting.name.to_owned(), allowed(settings, resource, setting, text)?);
            }
        }
        Alteration::Incremental(actions) => {
            for (name, action) in actions {
                act(settings, resource, &mut next, name, action)?;
            }
        }
    }
    match resource {
        ConfigResource::Topic(_) => settings.check_lags(&next)?,
        ConfigResource::AllBrokers
            if current.contains_key(MIN_INSYNC_REPLICAS) && !next.contains_key(MIN_INSYNC_REPLICAS) =>
        {
            return Err(invalid_config(format!(
                "{MIN_INSYNC_REPLICAS} of the whole cluster can be changed, not removed"
            )));
        }
        ConfigResource::AllBrokers | ConfigResource::Broker(_) | ConfigResource::Group(_) => {}
    }
    Ok(next)
}

fn act(
    settings: &Settings,
    resource: &ConfigResource,
    next: &mut Configs,
    name: &str,
    action: &ConfigAction,
) -> Result<(), Refusal> {
    let text = match action {
        // Also of a name that nobody knows: then it is gone for sure.
        ConfigAction::Delete => {
            next.remove(name);
            return Ok(());
        }
        ConfigAction::Set(text) => text.to_string(),
        ConfigAction::Append(text) | ConfigAction::Subtract(text) => {
            let setting = known(resource, name)?;
            if setting.kind != Kind::List {
                return Err(invalid_config(format!(
                    "{name} is not a list; elements can be added to and taken from lists only"
                )));
            }
            let before = match next.get(name) {
                Some(stored) => Value::parse(Kind::List, stored).ok(),
                None => in_force(settings, resource, name),
            };
            let mut list = before.as_ref().and_then(Value::as_list).unwrap_or_default().to_vec();
            let given = Value::parse(Kind::List, text).ok();
            let given = given.as_ref().and_then(Value::as_list).unwrap_or_default();
            if matches!(action, ConfigAction::Append(_)) {
                for item in given {
                    if !list.contains(item) {
                        list.push(item.clone());
                    }
                }
            } else {
                list.retain(|item| !given.contains(item));
            }
            list.join(",")
        }
    };
    let setting = known(resource, name)?;
    next.insert(setting.name.to_owned(), allowed(settings, resource, setting, &text)?);
    Ok(())
}

fn scope(resource: &ConfigResource) -> Scope {
    match resource {
        ConfigResource::Topic(_) => Scope::Topic,
        ConfigResource::Broker(_) | ConfigResource::AllBrokers => Scope::Broker,
        ConfigResource::Group(_) => Scope::Group,
    }
}

fn known(resource: &ConfigResource, name: &str) -> Result<&'static Setting, Refusal> {
    let scope = scope(resource);
    table::find(scope, name).ok_or_else(|| {
        let near =
            table::nearest(scope, name).map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let what = match scope {
            Scope::Topic => "topic",
            Scope::Group => "group",
            Scope::Broker | Scope::ClientMetrics | Scope::Quota => "broker",
        };
        invalid_config(format!("Unknown {what} config name: {name}{near}"))
    })
}

/// What a list has that was not set on the resource itself.
fn in_force(settings: &Settings, resource: &ConfigResource, name: &str) -> Option<Value> {
    match resource {
        ConfigResource::Topic(_) => settings.topic_value(name, &Configs::new()),
        ConfigResource::Broker(_) | ConfigResource::AllBrokers => settings.value(name),
        ConfigResource::Group(_) => settings.group_value(name, &Configs::new()),
    }
}

/// The text to store, if this resource may have it.
fn allowed(
    settings: &Settings,
    resource: &ConfigResource,
    setting: &'static Setting,
    text: &str,
) -> Result<String, Refusal> {
    if let ConfigResource::Broker(_) | ConfigResource::AllBrokers = resource {
        check_mode(resource, setting)?;
    }
    let value = checked_value(setting, text).map_err(|refusal| match scope(resource) {
        Scope::Broker => invalid_request(refusal.message),
        _ => refusal,
    })?;
    match resource {
        ConfigResource::Topic(_) => check_is_there(setting, &value)?,
        ConfigResource::Group(_) => {
            check_is_there(setting, &value)?;
            settings.check_group_range(setting, &value)?;
        }
        ConfigResource::Broker(_) | ConfigResource::AllBrokers => check_broker(resource, setting, &value)?,
    }
    Ok(value)
}

/// How far a running broker lets the setting be changed at all.
fn check_mode(resource: &ConfigResource, setting: &Setting) -> Result<(), Refusal> {
    let name = setting.name;
    match (setting.mode, resource) {
        _ if setting.effect == Effect::Internal => {
            Err(invalid_request(format!("{name} is internal to Apache Kafka")))
        }
        (Some(Mode::ReadOnly) | None, _) => Err(invalid_request(format!(
            "{name} cannot be changed while the broker runs; set it where the broker is started"
        ))),
        (Some(Mode::PerBroker), ConfigResource::AllBrokers) => {
            Err(invalid_request(format!("{name} is set broker by broker; name one")))
        }
        (Some(Mode::PerBroker | Mode::ClusterWide), _) => Ok(()),
    }
}

fn check_broker(resource: &ConfigResource, setting: &'static Setting, text: &str) -> Result<(), Refusal> {
    let name = setting.name;
    if name == MIN_INSYNC_REPLICAS && matches!(resource, ConfigResource::Broker(_)) {
        return Err(invalid_config(format!("{name} is set for the whole cluster, not for one broker")));
    }
    if let Ok(value) = setting.parse(text) {
        if setting.is_security() && !resolve::is_default(setting, &value) {
            return Err(invalid_config(format!("{name} asks for security that Ottla does not have yet")));
        }
        let number = value.as_number().and_then(|number| checks::number(name, number)).map(str::to_owned);
        if let Some(problem) = number.or_else(|| checks::text(name, value.as_text()?)) {
            return Err(invalid_request(format!("{name} {problem}")));
        }
    }
    if setting.mode == Some(Mode::PerBroker) && setting.effect == Effect::Real {
        return Err(invalid_config(format!(
            "{name} is read when the broker starts; set it there, and start the broker again"
        )));
    }
    check_is_there(setting, text)
}

fn invalid_config(message: String) -> Refusal {
    Refusal::new(ErrorCode::InvalidConfig, message)
}

fn invalid_request(message: String) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, message)
}
