//! DescribeCluster (60), versions 0-2, and UnregisterBroker (64), version 0. v1: the kind of endpoint asked for; v2:
//! fenced brokers (there are none here).
//!
//! A registration ends with the session of its broker, so there is never one to be cleaned up, and one of a broker
//! that runs is not taken away.

use super::metadata::{CLUSTER_OPERATIONS, NOT_ASKED};
use crate::call::Call;
use crate::reply::Reply;
use ottla_wire::ErrorCode;
use ottla_wire::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};

use ottla_wire::messages::unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse};

const BROKERS: i8 = 1;

pub fn describe(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeClusterRequest = call.read()?;
    let image = call.context.image();
    if request.endpoint_type != BROKERS {
        let (error, message) = match request.endpoint_type {
            2 => (ErrorCode::MismatchedEndpointType, "this listener is one for clients, not for controllers"),
            _ => (ErrorCode::UnsupportedEndpointType, "unknown kind of endpoint"),
        };
        return Ok(call.returns().now(DescribeClusterResponse {
            error_code: error.code(),
            error_message: Some(message.into()),
            endpoint_type: request.endpoint_type,
            ..Default::default()
        }));
    }
    let brokers = super::metadata::addresses(&call, &image);
    let operations =
        if request.include_cluster_authorized_operations { CLUSTER_OPERATIONS } else { NOT_ASKED };
    Ok(call.returns().now(DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: image.cluster().map_or_else(Default::default, |cluster| cluster.id.as_str().into()),
        controller_id: image.controller().unwrap_or(-1),
        brokers: brokers
            .into_iter()
            .map(|broker| DescribeClusterBroker {
                broker_id: broker.id,
                host: broker.host,
                port: i32::from(broker.port),
                rack: broker.rack,
                is_fenced: false,
            })
            .collect(),
        cluster_authorized_operations: operations,
        ..Default::default()
    }))
}

pub fn unregister(mut call: Call<'_>) -> Result<Reply, Reply> {
    let UnregisterBrokerRequest { broker_id } = call.read()?;
    let (error, message) = if call.context.image().broker(broker_id).is_none() {
        (ErrorCode::BrokerIdNotRegistered, format!("broker {broker_id} is not registered"))
    } else {
        let message = format!("broker {broker_id} runs, and its registration ends when it stops; stop it");
        (ErrorCode::PolicyViolation, message)
    };
    Ok(call.returns().now(UnregisterBrokerResponse {
        error_code: error.code(),
        error_message: Some(message.as_str().into()),
        ..Default::default()
    }))
}
