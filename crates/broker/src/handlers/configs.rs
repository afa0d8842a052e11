//! DescribeConfigs (32), versions 1-4, of topics and of this broker. v3: types and documentation.

use crate::call::Call;
use crate::context::Context;
use crate::reply::Reply;
use crate::settings::Described;
use ottla_state::topic_name;
use ottla_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};
use ottla_wire::{ErrorCode, WireStr};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

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
    Ok(call.returns().now(&DescribeConfigsResponse { results, ..Default::default() }))
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
            Ok(context.settings.describe_topic(&topic.configs))
        }
        BROKER if name.is_empty() => Ok(context.settings.describe_cluster_defaults()),
        BROKER if name.parse() == Ok(context.node) => Ok(context.settings.describe_broker()),
        BROKER => Err((
            ErrorCode::InvalidRequest,
            format!("broker {name} does not answer here; this is broker {}", context.node),
        )),
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
