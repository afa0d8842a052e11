//! IncrementalAlterConfigs (44), versions 0-1, and AlterConfigs (33), versions 0-2, which replaces all settings of a
//! resource. The last version of each is flexible. Of topics, this broker, all brokers (a broker without name) and
//! groups; loggers are not changed while the broker runs, and client metrics are not collected.
//!
//! A resource that is named twice is refused each time. An operation that nobody knows is INVALID_REQUEST; Kafka says
//! UNKNOWN_SERVER_ERROR to that fault of a client.

use super::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::call::Call;
use crate::context::Context;
use crate::error;
use crate::reply::Reply;
use ottla_state::controller::{Alteration, ConfigAction, ConfigResource, Mode, Refusal};
use ottla_state::topic_name;
use ottla_wire::messages::{alter_configs, incremental_alter_configs};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One resource of a request.
struct Asked {
    kind: i8,
    name: WireStr,
    alteration: Result<Alteration, Refusal>,
}

pub fn incremental_alter(mut call: Call<'_>) -> Result<Reply, Reply> {
    use incremental_alter_configs::{
        AlterConfigsResourceResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    };
    let request: IncrementalAlterConfigsRequest = call.read()?;
    let asked = request
        .resources
        .into_iter()
        .map(|resource| Asked {
            kind: resource.resource_type,
            name: resource.resource_name,
            alteration: incremental(resource.configs),
        })
        .collect();
    let (context, mode) = (Arc::clone(call.context), mode(request.validate_only));
    Ok(call.returns().later(async move {
        let answers = ask(&context, asked, mode).await.into_iter();
        let responses = answers.map(|answer| AlterConfigsResourceResponse {
            error_code: answer.code.code(),
            error_message: answer.message.as_deref().map(WireStr::from),
            resource_type: answer.kind,
            resource_name: answer.name,
        });
        IncrementalAlterConfigsResponse { responses: responses.collect(), ..Default::default() }
    }))
}

pub fn alter(mut call: Call<'_>) -> Result<Reply, Reply> {
    use alter_configs::{AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse};
    let request: AlterConfigsRequest = call.read()?;
    let asked = request
        .resources
        .into_iter()
        .map(|resource| Asked {
            kind: resource.resource_type,
            name: resource.resource_name,
            alteration: replacing(resource.configs),
        })
        .collect();
    let (context, mode) = (Arc::clone(call.context), mode(request.validate_only));
    Ok(call.returns().later(async move {
        let answers = ask(&context, asked, mode).await.into_iter();
        let responses = answers.map(|answer| AlterConfigsResourceResponse {
            error_code: answer.code.code(),
            error_message: answer.message.as_deref().map(WireStr::from),
            resource_type: answer.kind,
            resource_name: answer.name,
        });
        AlterConfigsResponse { responses: responses.collect(), ..Default::default() }
    }))
}

fn mode(validate_only: bool) -> Mode {
    if validate_only { Mode::ValidateOnly } else { Mode::Commit }
}

fn incremental(configs: Vec<incremental_alter_configs::AlterableConfig>) -> Result<Alteration, Refusal> {
    const DELETE: i8 = 1;
    check_names(configs.iter().map(|config| &config.name))?;
    check_values(configs.iter().map(|c| (&c.name, c.value.is_some() || c.config_operation == DELETE)))?;
    let actions = configs.into_iter().map(|config| {
        let value = config.value.unwrap_or_default();
        let action = match config.config_operation {
            0 => ConfigAction::Set(value),
            DELETE => ConfigAction::Delete,
            2 => ConfigAction::Append(value),
            3 => ConfigAction::Subtract(value),
            other => {
                return Err(invalid(format!("operation {other} is none of SET, DELETE, APPEND, SUBTRACT")));
            }
        };
        Ok((config.name, action))
    });
    Ok(Alteration::Incremental(actions.collect::<Result<_, _>>()?))
}

fn replacing(configs: Vec<alter_configs::AlterableConfig>) -> Result<Alteration, Refusal> {
    check_names(configs.iter().map(|config| &config.name))?;
    check_values(configs.iter().map(|config| (&config.name, config.value.is_some())))?;
    let set = configs.into_iter().map(|config| (config.name, config.value.unwrap_or_default()));
    Ok(Alteration::Replace(set.collect()))
}

fn check_names<'a>(names: impl Iterator<Item = &'a WireStr>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.as_str()) {
            return Err(invalid(format!("setting {name} is named more than once")));
        }
    }
    Ok(())
}

fn check_values<'a>(configs: impl Iterator<Item = (&'a WireStr, bool)>) -> Result<(), Refusal> {
    let nulls: Vec<&str> = configs.filter(|(_, has_one)| !has_one).map(|(name, _)| name.as_str()).collect();
    if nulls.is_empty() {
        return Ok(());
    }
    Err(invalid(format!("a null value is no value: {}; delete the setting instead", nulls.join(", "))))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, message)
}

struct Answered {
    kind: i8,
    name: WireStr,
    code: ErrorCode,
    message: Option<String>,
}

/// One answer per resource, in their order.
async fn ask(context: &Context, asked: Vec<Asked>, mode: Mode) -> Vec<Answered> {
    let mut count: BTreeMap<(i8, WireStr), usize> = BTreeMap::new();
    asked.iter().for_each(|asked| *count.entry((asked.kind, asked.name.clone())).or_insert(0) += 1);
    let mut resources: Vec<(ConfigResource, Alteration)> = Vec::new();
    let mut results: Vec<(i8, WireStr, Result<(), Refusal>)> = Vec::with_capacity(asked.len());
    let (mut waiting, mut brokers) = (Vec::new(), BTreeSet::new());
    for Asked { kind, name, alteration } in asked {
        let twice = || Err(invalid("the request names this resource more than once"));
        let checked = match count[&(kind, name.clone())] {
            1 => alteration.and_then(|alteration| Ok((alteration, resource(context, kind, &name)?))),
            _ => twice(),
        };
        // A broker's number has more than one spelling.
        let checked = match checked {
            Ok((_, ConfigResource::Broker(id))) if !brokers.insert(id) => twice(),
            checked => checked,
        };
        let result = checked.map(|(alteration, resource)| {
            waiting.push(results.len());
            resources.push((resource, alteration));
        });
        results.push((kind, name, result));
    }
    if !resources.is_empty() {
        match context.controller.alter_configs(resources, mode).await {
            Ok(answers) => {
                for (at, answer) in waiting.into_iter().zip(answers) {
                    results[at].2 = answer;
                }
            }
            Err(failure) => waiting.iter().for_each(|at| results[*at].2 = Err(error::refusal_of(&failure))),
        }
    }
    let answered = |(kind, name, result): (i8, WireStr, Result<(), Refusal>)| {
        let (code, message) = match result {
            Ok(()) => (ErrorCode::None, None),
            Err(refusal) => (refusal.code, Some(refusal.message)),
        };
        Answered { kind, name, code, message }
    };
    results.into_iter().map(answered).collect()
}

fn resource(context: &Context, kind: i8, name: &WireStr) -> Result<ConfigResource, Refusal> {
    match kind {
        TOPIC if name.is_empty() => Err(invalid("topics have no settings in common; name one")),
        TOPIC => match topic_name::check(name) {
            Ok(()) => Ok(ConfigResource::Topic(name.detach())),
            Err(bad) => Err(Refusal::new(ErrorCode::InvalidTopicException, bad.to_string())),
        },
        BROKER if name.is_empty() => Ok(ConfigResource::AllBrokers),
        BROKER => match name.parse::<i32>() {
            Ok(id) if id == context.node => Ok(ConfigResource::Broker(id)),
            Ok(id) => Err(invalid(format!("this is broker {}, not {id}; ask that one", context.node))),
            Err(_) => Err(invalid(format!("{name} is no number of a broker"))),
        },
        GROUP if name.is_empty() => Err(invalid("groups have no settings in common; name one")),
        GROUP => Ok(ConfigResource::Group(name.detach())),
        BROKER_LOGGER => Err(invalid("loggers are not changed while the broker runs; start it with --log")),
        CLIENT_METRICS => Err(invalid("client metrics are not collected here")),
        kind => Err(invalid(format!("resources of type {kind} have no settings"))),
    }
}
