//! JoinGroup (11), versions 0-9; SyncGroup (14), 0-5; Heartbeat (12), 0-4; LeaveGroup (13), 0-5.
//!
//! JoinGroup v1: a timeout for rebalances; v4: the id of a new member is given in two steps; v5: static members; v7:
//! protocol type; v8: reasons; v9: the leader may skip the assignment. LeaveGroup v3: several members.
//!
//! JoinGroup and SyncGroup may wait for other members, for minutes. They end with their connection; what they did to the
//! group stands until the member's session ends, as in Kafka.

use super::{ask, other};
use crate::call::Call;
use crate::context::Client;
use crate::reply::{Outcome, Reply, Return};
use ottla_state::group;
use ottla_wire::codec::Message;
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use ottla_wire::messages::join_group::JoinGroupRequest;
use ottla_wire::messages::leave_group::LeaveGroupRequest;
use ottla_wire::messages::sync_group::SyncGroupRequest;
use std::sync::Arc;

pub fn join(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: JoinGroupRequest = call.read()?;
    let context = Arc::clone(call.context);
    let caller = group::Caller {
        client_id: call.head.client_id.clone().unwrap_or_default(),
        client_host: call.client.host.as_ref().into(),
    };
    let join = group::Join { version: call.version(), caller, id: context.groups.new_id(), request };
    Ok(parked(call.returns(), call.client, async move {
        match ask(&context.groups, group::Request::Join(join)).await {
            group::Reply::Join(answer) => {
                // One answer of each new generation tells who its members are.
                if !answer.members.is_empty() {
                    context.metrics.group_rebalanced();
                }
                answer
            }
            reply => other(&reply),
        }
    }))
}

pub fn sync(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: SyncGroupRequest = call.read()?;
    let context = Arc::clone(call.context);
    let sync = group::Sync { version: call.version(), request };
    Ok(parked(call.returns(), call.client, async move {
        match ask(&context.groups, group::Request::Sync(sync)).await {
            group::Reply::Sync(answer) => answer,
            reply => other(&reply),
        }
    }))
}

pub fn heartbeat(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: HeartbeatRequest = call.read()?;
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move {
        match ask(&context.groups, group::Request::Heartbeat(request)).await {
            group::Reply::Heartbeat(answer) => answer,
            reply => other(&reply),
        }
    }))
}

pub fn leave(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: LeaveGroupRequest = call.read()?;
    let context = Arc::clone(call.context);
    let leave = group::Leave { version: call.version(), request };
    Ok(call.returns().later(async move {
        match ask(&context.groups, group::Request::Leave(leave)).await {
            group::Reply::Leave(answer) => answer,
            reply => other(&reply),
        }
    }))
}

/// An answer that nobody waits for any more once the client sends nothing.
fn parked<M: Message>(
    returns: Return,
    client: &Client,
    answer: impl Future<Output = M> + Send + 'static,
) -> Reply {
    let answered = client.awaits(answer);
    Reply::Later(Box::pin(async move {
        match answered.await {
            Some(answer) => returns.outcome(answer),
            None => Outcome::Close("the client left while it waited".to_owned()),
        }
    }))
}
