//! ListConfigResources (74), versions 0-1. v0 lists subscriptions to client metrics, v1 what is asked for by type, and
//! everything where no type is given. Brokers are those that are registered; groups those that have settings.

use super::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::call::Call;
use crate::reply::Reply;
use ottla_wire::ErrorCode;
use ottla_wire::messages::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};
use std::sync::Arc;

/// Memory of a name until it is written.
const NAME_BYTES: usize = 256;

pub fn list(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: ListConfigResourcesRequest = call.read()?;
    let known = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];
    let (context, returns) = (Arc::clone(call.context), call.returns());
    if request.resource_types.iter().any(|kind| !known.contains(kind)) {
        let error_code = ErrorCode::UnsupportedVersion.code();
        return Ok(returns.now(ListConfigResourcesResponse { error_code, ..Default::default() }));
    }
    let everything = call.version() >= 1 && request.resource_types.is_empty();
    let wanted = |kind: i8| everything || request.resource_types.contains(&kind);
    let [groups, brokers, topics] = [GROUP, BROKER, TOPIC].map(wanted);
    Ok(Reply::Later(Box::pin(async move {
        let image = context.image();
        let mut config_resources = Vec::new();
        let mut add = |resource_type: i8, name: &str| {
            config_resources.push(ConfigResource { resource_name: name.into(), resource_type });
        };
        // Loggers have no settings here, and client metrics are not collected: there is nothing to name of either.
        if groups {
            image.groups_with_configs().for_each(|name| add(GROUP, name));
        }
        if brokers {
            image.brokers().for_each(|broker| add(BROKER, &broker.id.to_string()));
        }
        if topics {
            image.topics().for_each(|topic| add(TOPIC, &topic.name));
        }
        let bytes = config_resources.len() * NAME_BYTES;
        let answer = ListConfigResourcesResponse { config_resources, ..Default::default() };
        returns.outcome_within(&context.answers, bytes, answer).await
    })))
}
