//! One request as its handler gets it, and the list of what is served at all.

use crate::budget::Memory;
use crate::context::{Client, Context};
use crate::quotas::{Charge, Strictness};
use crate::reply::{Outcome, Reply, Return};
use ottla_state::controller::Mutations;
use ottla_wire::apis::{self, Api};
use ottla_wire::codec::{DecodeBudget, DecodeError, Decoder, Request};
use ottla_wire::request::Head;
use std::sync::Arc;

/// The APIs this broker serves, in every version of the codec's table. Nothing else is announced.
pub const SERVED: &[i16] = &[
    apis::PRODUCE,
    apis::FETCH,
    apis::LIST_OFFSETS,
    apis::METADATA,
    apis::OFFSET_COMMIT,
    apis::OFFSET_FETCH,
    apis::FIND_COORDINATOR,
    apis::JOIN_GROUP,
    apis::HEARTBEAT,
    apis::LEAVE_GROUP,
    apis::SYNC_GROUP,
    apis::DESCRIBE_GROUPS,
    apis::LIST_GROUPS,
    apis::API_VERSIONS,
    apis::CREATE_TOPICS,
    apis::DELETE_TOPICS,
    apis::DELETE_RECORDS,
    apis::INIT_PRODUCER_ID,
    apis::OFFSET_FOR_LEADER_EPOCH,
    apis::DESCRIBE_ACLS,
    apis::CREATE_ACLS,
    apis::DELETE_ACLS,
    apis::DESCRIBE_CONFIGS,
    apis::ALTER_CONFIGS,
    apis::INCREMENTAL_ALTER_CONFIGS,
    apis::ALTER_REPLICA_LOG_DIRS,
    apis::DESCRIBE_LOG_DIRS,
    apis::CREATE_PARTITIONS,
    apis::DELETE_GROUPS,
    apis::ELECT_LEADERS,
    apis::ALTER_PARTITION_REASSIGNMENTS,
    apis::LIST_PARTITION_REASSIGNMENTS,
    apis::OFFSET_DELETE,
    apis::DESCRIBE_CLIENT_QUOTAS,
    apis::ALTER_CLIENT_QUOTAS,
    apis::DESCRIBE_QUORUM,
    apis::UPDATE_FEATURES,
    apis::LIST_CONFIG_RESOURCES,
    apis::DESCRIBE_CLUSTER,
    apis::DESCRIBE_PRODUCERS,
    apis::UNREGISTER_BROKER,
    apis::DESCRIBE_TOPIC_PARTITIONS,
];

pub fn served() -> impl Iterator<Item = &'static Api> {
    SERVED.iter().filter_map(|key| apis::find(*key))
}

/// What a request may be decoded to without a share of the common memory.
const OWN_DECODED_BYTES: usize = 16 << 10;
/// How much more is tried where that is not enough.
const DECODED_STEP: usize = 8;

/// One request on its way to its handler.
pub struct Call<'a> {
    pub context: &'a Arc<Context>,
    pub client: &'a Client,
    pub head: Head,
    pub body: Decoder,
    /// Bytes of the whole frame, which the request's byte fields share.
    pub frame_bytes: usize,
    /// What it costs, where somebody is limited.
    pub charge: Option<Arc<Charge>>,
    /// Memory of what it was decoded to, if that is much.
    pub decoded: &'a mut Option<Memory>,
}

impl Call<'_> {
    pub fn returns(&self) -> Return {
        Return {
            correlation_id: self.head.correlation_id,
            version: self.head.api_version,
            charge: self.charge.clone(),
        }
    }

    /// What the request may change of partitions; `None`: whatever it likes. From a version on, the client understands
    /// that it is refused.
    pub fn mutations(&self, strict_since: i16) -> Option<Arc<dyn Mutations>> {
        let strictness =
            if self.version() >= strict_since { Strictness::Strict } else { Strictness::Permissive };
        self.charge.as_ref().map(|charge| charge.mutations(strictness))
    }

    pub fn version(&self) -> i16 {
        self.head.api_version
    }

    /// The request itself, or the end of the connection: what cannot be read cannot be answered.
    ///
    /// Nearly all are read with what each has for itself. A larger one is read anew with memory that is taken before; it
    /// is closed rather than waits, because what comes behind it on the connection would have to wait too.
    pub fn read<R: Request>(&mut self) -> Result<R, Reply> {
        let (start, most) = (self.body.position(), DecodeBudget::for_frame(self.frame_bytes).limit());
        let mut bytes = most.min(OWN_DECODED_BYTES);
        loop {
            self.body.restart(start, DecodeBudget::of(bytes));
            match R::read(&mut self.body, self.head.api_version) {
                Ok(request) => {
                    let reserved = self.body.reserved();
                    let memory = self.decoded.take().filter(|_| reserved > OWN_DECODED_BYTES);
                    *self.decoded = memory.map(|memory| memory.keeping(reserved));
                    return Ok(request);
                }
                Err(DecodeError::OverBudget(_)) if bytes < most => {
                    let more = most.min(bytes * DECODED_STEP);
                    *self.decoded = None;
                    let memory = self.context.requests.share(more).filter(|memory| memory.bytes() > bytes);
                    let Some(memory) = memory else {
                        let why = format!("{}: no memory for more than {bytes} bytes", R::NAME);
                        return Err(close(self.context, "decode_memory", why));
                    };
                    bytes = more.min(memory.bytes());
                    *self.decoded = Some(memory);
                }
                Err(error) => {
                    return Err(close(self.context, "unreadable", format!("{}: {error}", R::NAME)));
                }
            }
        }
    }
}

/// The end of a connection whose request cannot be answered.
pub fn close(context: &Context, kind: &'static str, why: String) -> Reply {
    context.metrics.bad_request(kind);
    Reply::Now(Outcome::Close(why))
}
