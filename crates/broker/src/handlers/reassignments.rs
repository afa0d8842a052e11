//! AlterPartitionReassignments (45), versions 0-1, and ListPartitionReassignments (46), version 0. v1: whether the
//! number of replicas may change.
//!
//! The only replicas a single broker can be asked for are the ones that a partition has, so what is valid is done
//! already, and nothing is ever under way.

use crate::call::Call;
use crate::reply::Reply;
use ottla_state::{Image, NodeId};
use ottla_wire::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopic, ReassignableTopicResponse,
};
use ottla_wire::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};
use ottla_wire::{ErrorCode, WireStr};

type Refused = (ErrorCode, Option<String>);

pub fn alter(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: AlterPartitionReassignmentsRequest = call.read()?;
    let image = call.context.image();
    Ok(call.returns().now(AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        error_message: None,
        responses: request.topics.into_iter().map(|topic| altered(&image, topic)).collect(),
        ..Default::default()
    }))
}

pub fn list(mut call: Call<'_>) -> Result<Reply, Reply> {
    let _: ListPartitionReassignmentsRequest = call.read()?;
    Ok(call.returns().now(ListPartitionReassignmentsResponse { error_message: None, ..Default::default() }))
}

fn altered(image: &Image, topic: ReassignableTopic) -> ReassignableTopicResponse {
    let partitions = topic.partitions.iter().map(|wanted| {
        let (error, message) = match check(image, &topic.name, wanted) {
            Ok(()) => (ErrorCode::None, None),
            Err(refused) => refused,
        };
        ReassignablePartitionResponse {
            partition_index: wanted.partition_index,
            error_code: error.code(),
            error_message: message.as_deref().map(WireStr::from),
        }
    });
    ReassignableTopicResponse { partitions: partitions.collect(), name: topic.name.clone() }
}

fn check(image: &Image, name: &WireStr, wanted: &ReassignablePartition) -> Result<(), Refused> {
    let unknown = |message: String| (ErrorCode::UnknownTopicOrPartition, Some(message));
    let topic = image.topic(name).ok_or_else(|| unknown(format!("there is no topic {name}")))?;
    let index = wanted.partition_index;
    let partition =
        topic.partition(index).ok_or_else(|| unknown(format!("topic {name} has no partition {index}")))?;
    let Some(replicas) = &wanted.replicas else {
        return Err((ErrorCode::NoReassignmentInProgress, None));
    };
    let invalid = |message: String| (ErrorCode::InvalidReplicaAssignment, Some(message));
    check_replicas(image, replicas).map_err(invalid)?;
    if *replicas == partition.replicas {
        Ok(())
    } else {
        Err(invalid("a partition cannot be moved between brokers".to_owned()))
    }
}

fn check_replicas(image: &Image, replicas: &[NodeId]) -> Result<(), String> {
    if replicas.is_empty() {
        return Err("the list of replicas is empty".to_owned());
    }
    for (i, id) in replicas.iter().enumerate() {
        if image.broker(*id).is_none() {
            return Err(format!("broker {id} is not registered"));
        }
        if replicas[..i].contains(id) {
            return Err(format!("broker {id} is named twice"));
        }
    }
    Ok(())
}
