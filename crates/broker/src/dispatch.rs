//! From a frame to the handler of its API: one line per API.

use crate::budget::Memory;
use crate::call::{Call, SERVED, close};
use crate::context::{Client, Context};
use crate::handlers;
use crate::quotas::Charge;
use crate::reply::Reply;
use bytes::Bytes;
use ottla_wire::apis::{self, Api};
use ottla_wire::codec::Decoder;
use ottla_wire::request::{Head, HeadError, decode_head};
use std::sync::Arc;

/// A request under way, and the name of its API where that could be read.
pub struct Dispatched {
    pub api: Option<&'static str>,
    pub reply: Reply,
    /// What it costs, where somebody is limited.
    pub charge: Option<Arc<Charge>>,
    /// Of what it was decoded to.
    pub decoded: Option<Memory>,
}

/// Takes a frame without its length. Nothing here waits: whatever has to happen in the order of arrival has happened
/// when this returns.
pub fn dispatch(context: &Arc<Context>, client: &Client, frame: Bytes) -> Dispatched {
    match head(context, frame) {
        Ok((api, head, body, frame_bytes)) => {
            context.metrics.request(api.name);
            let charge = context.quotas.charge(head.client_id.as_deref());
            let mut decoded = None;
            let call = Call {
                context,
                client,
                head,
                body,
                frame_bytes,
                charge: charge.clone(),
                decoded: &mut decoded,
            };
            let reply = handle(api, call).unwrap_or_else(|refused| refused);
            if let Some(charge) = &charge {
                charge.pause();
            }
            Dispatched { api: Some(api.name), reply, charge, decoded }
        }
        Err(reply) => Dispatched { api: None, reply, charge: None, decoded: None },
    }
}

type Headed = (&'static Api, Head, Decoder, usize);

fn head(context: &Context, frame: Bytes) -> Result<Headed, Reply> {
    let frame_bytes = frame.len();
    let mut body = Decoder::new(frame);
    let head = match decode_head(&mut body) {
        Ok(head) => head,
        Err(HeadError::UnknownVersion { api_key: apis::API_VERSIONS, correlation_id, .. }) => {
            return Err(handlers::api_versions::unsupported(correlation_id));
        }
        Err(error @ HeadError::Unreadable(_)) => return Err(close(context, "unreadable", error.to_string())),
        Err(error @ HeadError::UnknownApi { .. }) => {
            return Err(close(context, "unknown_api", error.to_string()));
        }
        Err(error @ HeadError::UnknownVersion { .. }) => {
            return Err(close(context, "unknown_version", error.to_string()));
        }
    };
    let Some(api) = apis::find(head.api_key).filter(|api| SERVED.contains(&api.key)) else {
        return Err(close(context, "unknown_api", format!("API {} is not served", head.api_key)));
    };
    Ok((api, head, body, frame_bytes))
}

fn handle(api: &Api, call: Call<'_>) -> Result<Reply, Reply> {
    match api.key {
        apis::PRODUCE => handlers::produce::handle(call),
        apis::FETCH => handlers::fetch::handle(call),
        apis::LIST_OFFSETS => handlers::list_offsets::handle(call),
        apis::METADATA => handlers::metadata::handle(call),
        apis::OFFSET_COMMIT => handlers::groups::commit(call),
        apis::OFFSET_FETCH => handlers::groups::fetch(call),
        apis::FIND_COORDINATOR => handlers::groups::find(call),
        apis::JOIN_GROUP => handlers::groups::join(call),
        apis::HEARTBEAT => handlers::groups::heartbeat(call),
        apis::LEAVE_GROUP => handlers::groups::leave(call),
        apis::SYNC_GROUP => handlers::groups::sync(call),
        apis::DESCRIBE_GROUPS => handlers::groups::describe(call),
        apis::LIST_GROUPS => handlers::groups::list(call),
        apis::API_VERSIONS => handlers::api_versions::handle(call),
        apis::CREATE_TOPICS => handlers::topics::create(call),
        apis::DELETE_TOPICS => handlers::topics::delete(call),
        apis::DELETE_RECORDS => handlers::delete_records::handle(call),
        apis::INIT_PRODUCER_ID => handlers::producer_ids::handle(call),
        apis::OFFSET_FOR_LEADER_EPOCH => handlers::leader_epochs::handle(call),
        apis::DESCRIBE_ACLS => handlers::acls::describe(call),
        apis::CREATE_ACLS => handlers::acls::create(call),
        apis::DELETE_ACLS => handlers::acls::delete(call),
        apis::DESCRIBE_CONFIGS => handlers::configs::describe(call),
        apis::ALTER_CONFIGS => handlers::configs::alter(call),
        apis::INCREMENTAL_ALTER_CONFIGS => handlers::configs::incremental_alter(call),
        apis::LIST_CONFIG_RESOURCES => handlers::configs::list(call),
        apis::ALTER_REPLICA_LOG_DIRS => handlers::log_dirs::alter(call),
        apis::DESCRIBE_LOG_DIRS => handlers::log_dirs::describe(call),
        apis::CREATE_PARTITIONS => handlers::partitions::create(call),
        apis::DELETE_GROUPS => handlers::groups::delete(call),
        apis::ELECT_LEADERS => handlers::elections::elect(call),
        apis::ALTER_PARTITION_REASSIGNMENTS => handlers::reassignments::alter(call),
        apis::LIST_PARTITION_REASSIGNMENTS => handlers::reassignments::list(call),
        apis::OFFSET_DELETE => handlers::groups::delete_offsets(call),
        apis::DESCRIBE_CLIENT_QUOTAS => handlers::quotas::describe(call),
        apis::ALTER_CLIENT_QUOTAS => handlers::quotas::alter(call),
        apis::DESCRIBE_QUORUM => handlers::quorum::describe(call),
        apis::UPDATE_FEATURES => handlers::features::update(call),
        apis::DESCRIBE_CLUSTER => handlers::cluster::describe(call),
        apis::DESCRIBE_PRODUCERS => handlers::producers::handle(call),
        apis::UNREGISTER_BROKER => handlers::cluster::unregister(call),
        apis::DESCRIBE_TOPIC_PARTITIONS => handlers::topic_partitions::handle(call),
        key => Err(close(call.context, "unknown_api", format!("API {key} is announced and not served"))),
    }
}
