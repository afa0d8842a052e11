//! DescribeConfigs (32), versions 1-4, of topics, brokers, groups and client metrics. v3: types and documentation. v4:
//! flexible. Loggers have no settings here.
//!
//! A resource is answered once, however often it is named (Kafka: as often), with the keys of all its namings; and as
//! many as the memory of answers has room for, because even a group that does not exist has settings.

use super::{BROKER, CLIENT_METRICS, GROUP, TOPIC};
use crate::call::Call;
use crate::context::Context;
use crate::reply::Reply;
use crate::settings::{Described, Scope, describe_client_metrics, table};
use ottla_state::topic_name;
use ottla_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

const SCOPES: [(i8, Scope); 4] = [
    (TOPIC, Scope::Topic),
    (BROKER, Scope::Broker),
    (GROUP, Scope::Group),
    (CLIENT_METRICS, Scope::ClientMetrics),
];
/// Memory of one resource and of one setting until they are written, and what is added by their texts.
const RESOURCE_BYTES: usize = 512;
const SETTING_BYTES: usize = 256;
const SYNONYMS_BYTES: usize = 256;
const DOCUMENTATION_BYTES: usize = 512;

pub fn describe(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeConfigsRequest = call.read()?;
    let (context, returns) = (Arc::clone(call.context), call.returns());
    Ok(Reply::Later(Box::pin(async move {
        let request = DescribeConfigsRequest { resources: once(request.resources), ..request };
        let room = usize::try_from(context.answers.size_bytes()).unwrap_or(usize::MAX);
        let counts = BTreeMap::from(SCOPES.map(|(kind, scope)| (kind, table::of(scope).count())));
        let (mut bytes, mut fitting) = (request.resources.len() * RESOURCE_BYTES, 0);
        for size in request.resources.iter().map(|resource| size(resource, &request, &counts)) {
            if bytes + size > room {
                break;
            }
            (bytes, fitting) = (bytes + size, fitting + 1);
        }
        let memory = context.answers.room(bytes).await;
        let mut results = Vec::with_capacity(request.resources.len());
        for (number, resource) in request.resources.iter().enumerate() {
            let described = if number < fitting {
                look(&context, resource)
            } else {
                let message = "so many settings do not fit into one answer; ask for those of fewer resources";
                Err((ErrorCode::InvalidRequest, message.to_owned()))
            };
            results.push(result(resource, described, &request));
            // Others have their turn on this thread.
            tokio::task::coop::consume_budget().await;
        }
        returns.outcome(DescribeConfigsResponse { results, ..Default::default() }).holding(memory)
    })))
}

/// Every resource once, in the order in which they are named first; its keys in order.
fn once(resources: Vec<DescribeConfigsResource>) -> Vec<DescribeConfigsResource> {
    let mut places = BTreeMap::new();
    let mut once: Vec<DescribeConfigsResource> = Vec::new();
    for resource in resources {
        match places.entry((resource.resource_type, resource.resource_name.clone())) {
            Entry::Vacant(place) => {
                place.insert(once.len());
                once.push(resource);
            }
            Entry::Occupied(place) => {
                let first = &mut once[*place.get()].configuration_keys;
                // No list, or an empty one: all of them.
                *first = match (first.take(), resource.configuration_keys) {
                    (Some(mut keys), Some(more)) if !keys.is_empty() && !more.is_empty() => {
                        keys.extend(more);
                        Some(keys)
                    }
                    _ => None,
                };
            }
        }
    }
    for keys in once.iter_mut().filter_map(|resource| resource.configuration_keys.as_mut()) {
        keys.sort_unstable();
        keys.dedup();
    }
    once
}

/// Of the settings of one resource; `counts`: how many one of each kind has.
fn size(
    resource: &DescribeConfigsResource,
    request: &DescribeConfigsRequest,
    counts: &BTreeMap<i8, usize>,
) -> usize {
    let all = counts.get(&resource.resource_type).copied().unwrap_or(0);
    let keys = resource.configuration_keys.as_deref().filter(|keys| !keys.is_empty());
    let settings = keys.map_or(all, <[_]>::len).min(all);
    let synonyms = if request.include_synonyms { SYNONYMS_BYTES } else { 0 };
    let documentation = if request.include_documentation { DOCUMENTATION_BYTES } else { 0 };
    settings * (SETTING_BYTES + synonyms + documentation)
}

fn result(
    resource: &DescribeConfigsResource,
    described: Result<Vec<Described>, (ErrorCode, String)>,
    request: &DescribeConfigsRequest,
) -> DescribeConfigsResult {
    let (error, message, configs) = match described {
        Ok(configs) => (ErrorCode::None, Some(WireStr::from("")), configs),
        Err((error, message)) => (error, Some(message.as_str().into()), Vec::new()),
    };
    let keys = resource.configuration_keys.as_deref().unwrap_or_default();
    let wanted = |config: &Described| {
        keys.is_empty() || keys.binary_search_by(|key| key.as_str().cmp(config.name)).is_ok()
    };
    DescribeConfigsResult {
        error_code: error.code(),
        error_message: message,
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        configs: configs.into_iter().filter(wanted).map(|config| entry(config, request)).collect(),
    }
}

fn look(
    context: &Context,
    resource: &DescribeConfigsResource,
) -> Result<Vec<Described>, (ErrorCode, String)> {
    let name = resource.resource_name.as_str();
    match resource.resource_type {
        TOPIC => {
            if let Err(bad) = topic_name::check(name) {
                return Err((ErrorCode::InvalidTopicException, bad.to_string()));
            }
            let image = context.image();
            let topic = image
                .topic(name)
                .ok_or_else(|| (ErrorCode::UnknownTopicOrPartition, format!("there is no topic {name}")))?;
            Ok(context.settings.load().describe_topic(&topic.configs))
        }
        BROKER if name.is_empty() => Ok(context.settings.load().describe_cluster_defaults()),
        BROKER if name.parse() == Ok(context.node) => Ok(context.settings.load().describe_broker()),
        BROKER => Err((
            ErrorCode::InvalidRequest,
            format!("broker {name} does not answer here; this is broker {}", context.node),
        )),
        GROUP if name.is_empty() => Err((ErrorCode::InvalidRequest, "a group has a name".to_owned())),
        GROUP => {
            let overrides = context.image().group_configs(name).cloned().unwrap_or_default();
            Ok(context.settings.load().describe_group(&overrides))
        }
        CLIENT_METRICS if name.is_empty() => {
            Err((ErrorCode::InvalidRequest, "a subscription to client metrics has a name".to_owned()))
        }
        CLIENT_METRICS => Ok(describe_client_metrics()),
        kind => Err((ErrorCode::InvalidRequest, format!("resources of type {kind} have no settings here"))),
    }
}

fn entry(config: Described, request: &DescribeConfigsRequest) -> DescribeConfigsResourceResult {
    let synonyms = config.synonyms.into_iter().filter(|_| request.include_synonyms);
    let text = |value: Option<String>| value.as_deref().map(WireStr::from);
    DescribeConfigsResourceResult {
        name: WireStr::from_static(config.name),
        value: text(config.value),
        read_only: config.read_only,
        config_source: config.source,
        is_sensitive: config.sensitive,
        synonyms: synonyms
            .map(|(name, value, source)| DescribeConfigsSynonym {
                name: WireStr::from_static(name),
                value: text(value),
                source,
            })
            .collect(),
        config_type: config.config_type,
        documentation: request.include_documentation.then(|| WireStr::from_static(config.documentation)),
    }
}
