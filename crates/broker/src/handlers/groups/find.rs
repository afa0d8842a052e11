//! FindCoordinator (10), versions 0-6. v1: key types; v4: several keys; v6: share groups.
//!
//! Looking for the coordinator of a group makes the topic that groups live in. Transactions and share groups do not
//! exist yet: both kinds of key get an error that no client tries again.

use crate::call::Call;
use crate::context::Context;
use crate::handlers::metadata::{Address, addresses};
use crate::reply::Reply;
use ottla_wire::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_wire::{ErrorCode, WireStr};
use std::sync::Arc;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

pub fn find(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: FindCoordinatorRequest = call.read()?;
    let version = call.version();
    let brokers = addresses(&call, &call.context.image());
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move {
        let key_type = request.key_type;
        if version >= 4 {
            let mut coordinators = Vec::with_capacity(request.coordinator_keys.len());
            for key in request.coordinator_keys {
                coordinators.push(locate(&context, key_type, key, &brokers).await);
            }
            return FindCoordinatorResponse { coordinators, ..Default::default() };
        }
        let Coordinator { node_id, host, port, error_code, error_message, .. } =
            locate(&context, key_type, request.key, &brokers).await;
        FindCoordinatorResponse { error_code, error_message, node_id, host, port, ..Default::default() }
    }))
}

async fn locate(context: &Context, key_type: i8, key: WireStr, brokers: &[Address]) -> Coordinator {
    let refuse = |error: ErrorCode, message: &str| Coordinator {
        key: key.clone(),
        node_id: -1,
        port: -1,
        error_code: error.code(),
        error_message: Some(message.into()),
        ..Default::default()
    };
    match key_type {
        GROUP => {}
        TRANSACTION => return refuse(ErrorCode::UnsupportedVersion, "there are no transactions here yet"),
        _ => return refuse(ErrorCode::InvalidRequest, "this kind of coordinator does not exist here"),
    }
    let node = match context.groups.locate(&key).await {
        Ok(node) => node,
        Err(error) => return refuse(error, "the topic that groups are kept in cannot be made now"),
    };
    match brokers.iter().find(|broker| broker.id == node) {
        Some(broker) => Coordinator {
            node_id: node,
            host: broker.host.clone(),
            port: i32::from(broker.port),
            // What Kafka says of no error.
            error_message: Some("NONE".into()),
            key,
            ..Default::default()
        },
        None => refuse(ErrorCode::CoordinatorNotAvailable, "the coordinator has no listener of this name"),
    }
}
