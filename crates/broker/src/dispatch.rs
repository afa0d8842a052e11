//! From a frame to the handler of its API: one line per API.

use crate::call::{Call, SERVED, close};
use crate::context::{Client, Context};
use crate::handlers::{
    api_versions, cluster, configs, fetch, list_offsets, metadata, partitions, produce, producer_ids, topics,
};
use crate::reply::Reply;
use bytes::Bytes;
use ottla_wire::apis;
use ottla_wire::codec::Decoder;
use ottla_wire::request::{HeadError, decode_head};
use std::sync::Arc;

/// Takes a frame without its length. Nothing here waits: whatever has to happen in the order of arrival has happened
/// when this returns.
pub fn dispatch(context: &Arc<Context>, client: &Client, frame: Bytes) -> Reply {
    let frame_bytes = frame.len();
    let mut body = Decoder::new(frame);
    let head = match decode_head(&mut body) {
        Ok(head) => head,
        Err(HeadError::UnknownVersion { api_key: apis::API_VERSIONS, correlation_id, .. }) => {
            return api_versions::unsupported(correlation_id);
        }
        Err(error @ HeadError::Unreadable(_)) => return close(context, "unreadable", error.to_string()),
        Err(error @ HeadError::UnknownApi { .. }) => {
            return close(context, "unknown_api", error.to_string());
        }
        Err(error @ HeadError::UnknownVersion { .. }) => {
            return close(context, "unknown_version", error.to_string());
        }
    };
    let Some(api) = apis::find(head.api_key).filter(|api| SERVED.contains(&api.key)) else {
        return close(context, "unknown_api", format!("API {} is not served", head.api_key));
    };
    context.metrics.request(api.name);
    let call = Call { context, client, head, body, frame_bytes };
    let handled = match api.key {
        apis::PRODUCE => produce::handle(call),
        apis::FETCH => fetch::handle(call),
        apis::LIST_OFFSETS => list_offsets::handle(call),
        apis::METADATA => metadata::handle(call),
        apis::API_VERSIONS => api_versions::handle(call),
        apis::CREATE_TOPICS => topics::create(call),
        apis::DELETE_TOPICS => topics::delete(call),
        apis::INIT_PRODUCER_ID => producer_ids::handle(call),
        apis::DESCRIBE_CONFIGS => configs::describe(call),
        apis::CREATE_PARTITIONS => partitions::create(call),
        apis::DESCRIBE_CLUSTER => cluster::describe(call),
        key => Err(close(context, "unknown_api", format!("API {key} is announced and not served"))),
    };
    handled.unwrap_or_else(|refused| refused)
}
