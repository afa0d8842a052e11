//! From a frame to the handler of its API: one line per API, and the list of what is announced.

use crate::context::{Client, Context};
use crate::handlers::{
    api_versions, cluster, configs, fetch, list_offsets, metadata, produce, producer_ids, topics,
};
use crate::reply::{Outcome, Reply, Return};
use bytes::Bytes;
use ottla_wire::apis::{self, Api};
use ottla_wire::codec::{Decoder, Request};
use ottla_wire::request::{Head, HeadError, decode_head};
use std::sync::Arc;

/// The APIs this broker serves, in every version of the codec's table. Nothing else is announced.
pub const SERVED: [i16; 10] = [
    apis::PRODUCE,
    apis::FETCH,
    apis::LIST_OFFSETS,
    apis::METADATA,
    apis::API_VERSIONS,
    apis::CREATE_TOPICS,
    apis::DELETE_TOPICS,
    apis::INIT_PRODUCER_ID,
    apis::DESCRIBE_CONFIGS,
    apis::DESCRIBE_CLUSTER,
];

pub fn served() -> impl Iterator<Item = &'static Api> {
    SERVED.iter().filter_map(|key| apis::find(*key))
}

/// One request on its way to its handler.
pub struct Call<'a> {
    pub context: &'a Arc<Context>,
    pub client: &'a Client,
    pub head: Head,
    body: Decoder,
    /// Bytes of the whole frame, which the request's byte fields share.
    pub frame_bytes: usize,
}

impl Call<'_> {
    pub fn returns(&self) -> Return {
        Return { correlation_id: self.head.correlation_id, version: self.head.api_version }
    }

    pub fn version(&self) -> i16 {
        self.head.api_version
    }

    /// The request itself, or the end of the connection: what cannot be read cannot be answered.
    pub fn read<R: Request>(&mut self) -> Result<R, Reply> {
        R::read(&mut self.body, self.head.api_version)
            .map_err(|error| close(self.context, "unreadable", format!("{}: {error}", R::NAME)))
    }
}

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
        apis::DESCRIBE_CLUSTER => cluster::describe(call),
        key => Err(close(context, "unknown_api", format!("API {key} is announced and not served"))),
    };
    handled.unwrap_or_else(|refused| refused)
}

fn close(context: &Context, kind: &'static str, why: String) -> Reply {
    context.metrics.bad_request(kind);
    Reply::Now(Outcome::Close(why))
}
