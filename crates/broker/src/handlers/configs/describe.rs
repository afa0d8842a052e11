//! DescribeConfigs (32), versions 1-4, of topics, brokers, groups and client metrics. v3: types and documentation. v4:
//! flexible. Loggers have no settings here.

use super::{BROKER, CLIENT_METRICS, GROUP, TOPIC};
use crate::call::Call;
use crate::context::Context;
use crate::reply::Reply;
use crate::settings::{Described, describe_client_metrics};
use ottla_state::topic_name;
use ottla_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};
use ottla_wire::{ErrorCode, WireStr};

pub fn describe(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeConfigsRequest = call.read()?;
    let results = request.resources.iter().map(|resource| {
        let described = look(call.context, resource);
        let (error, message, configs) = match described {
            Ok(configs) => (ErrorCode::None, Some(WireStr::from("")), configs),
            Err((error, message)) => (error, Some(message.as_str().into()), Vec::new()),
        };
        // No list, or an empty one: all of them.
        let keys = resource.configuration_keys.as_deref().unwrap_or_default();
        let wanted =
            |config: &Described| keys.is_empty() || keys.iter().any(|key| key.as_str() == config.name);
        DescribeConfigsResult {
            error_code: error.code(),
            error_message: message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            configs: configs.into_iter().filter(wanted).map(|config| entry(config, &request)).collect(),
        }
    });
    let results = results.collect();
    Ok(call.returns().now(DescribeConfigsResponse { results, ..Default::default() }))
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
        name: config.name.into(),
        value: text(config.value),
        read_only: config.read_only,
        config_source: config.source,
        is_sensitive: config.sensitive,
        synonyms: synonyms
            .map(|(name, value, source)| DescribeConfigsSynonym {
                name: name.as_str().into(),
                value: text(value),
                source,
            })
            .collect(),
        config_type: config.config_type,
        documentation: request.include_documentation.then(|| config.documentation.as_str().into()),
    }
}
