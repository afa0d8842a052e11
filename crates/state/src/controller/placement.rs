//! Which brokers keep a new partition, by the controller's choice or by the request's.

use super::{MAX_PARTITIONS, Refusal, Rules};
use crate::image::{Image, Partition};
use crate::{NodeId, Uuid};
use ottla_wire::ErrorCode;
use std::collections::BTreeSet;

/// The brokers of each partition: round-robin, from a start that differs from call to call. There are at least `factor`
/// brokers.
pub(super) fn place(
    image: &Image,
    partitions: usize,
    factor: usize,
    ids: &mut dyn FnMut() -> Uuid,
) -> Vec<Vec<NodeId>> {
    let brokers: Vec<NodeId> = image.brokers().map(|broker| broker.id).collect();
    let start = if brokers.len() == 1 { 0 } else { usize::from(ids().0[0]) };
    let replica = |partition: usize, n: usize| brokers[(start + partition + n) % brokers.len()];
    (0..partitions).map(|p| (0..factor).map(|n| replica(p, n)).collect()).collect()
}

/// What is wrong with the brokers that a request gives one partition.
pub(super) fn check_brokers(image: &Image, partition: i32, brokers: &[NodeId]) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
    if brokers.is_empty() {
        return refuse(format!("partition {partition} is assigned to no broker"));
    }
    if brokers.iter().collect::<BTreeSet<_>>().len() != brokers.len() {
        return refuse(format!("partition {partition} is assigned to one broker more than once"));
    }
    if let Some(unknown) = brokers.iter().find(|id| image.broker(**id).is_none()) {
        return refuse(format!("partition {partition} is assigned to broker {unknown}, which is unknown"));
    }
    Ok(())
}

/// A partition that was never written to. `replicas` is not empty; its first one leads.
pub(super) fn new_partition(image: &Image, replicas: Vec<NodeId>) -> Partition {
    Partition {
        leader: replicas[0],
        leader_epoch: 0,
        partition_epoch: 0,
        isr: replicas.clone(),
        restarts: image.restarts(replicas[0]),
        replicas,
    }
}

/// Whether `new` more partitions may come to those that there are.
pub(super) fn check_room(rules: &Rules<'_>, present: u64, new: usize) -> Result<(), Refusal> {
    let max = rules.partitions_max;
    if present.saturating_add(new as u64) <= max {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::PolicyViolation,
        format!(
            "this broker has at most {max} partitions; with those being removed there are {present}, and no room \
             for {new} more: delete topics that nobody needs"
        ),
    ))
}

pub(super) fn too_many(partitions: usize) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidPartitions,
        format!("a topic has at most {MAX_PARTITIONS} partitions, {partitions} were asked for"),
    )
}
