//! More partitions for topics that exist: Kafka's checks in Kafka's order.

use super::placement::{check_brokers, check_room, new_partition, place, too_many};
use super::{Answer, Decision, MAX_PARTITIONS, Mode, MorePartitions, PartitionsAnswer, Refusal, Rules};
use crate::image::{Image, Topic};
use crate::{Change, NodeId, Uuid};
use ottla_wire::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) fn create(
    image: &Image,
    topics: &[MorePartitions],
    mode: Mode,
    rules: &Rules<'_>,
    ids: &mut dyn FnMut() -> Uuid,
) -> Decision {
    let mut count = BTreeMap::new();
    topics.iter().for_each(|topic| *count.entry(topic.name.as_str()).or_insert(0) += 1);
    let (mut steps, mut answers) = (Vec::new(), Vec::with_capacity(count.len()));
    let (mut answered, mut added) = (BTreeSet::new(), 0);
    for asked in topics {
        let result = if count[asked.name.as_str()] > 1 {
            if !answered.insert(asked.name.as_str()) {
                continue;
            }
            Err(Refusal::new(ErrorCode::InvalidRequest, "the request names this topic more than once"))
        } else {
            let grown = grown(image, asked, added, rules, ids);
            grown.and_then(|(topic, new)| rules.mutations.take(new).map(|()| (topic, new))).map(
                |(topic, new)| {
                    added += new;
                    steps.push(vec![Change::Topic(Arc::new(topic))]);
                },
            )
        };
        answers.push(PartitionsAnswer { name: asked.name.detach(), result });
    }
    if mode == Mode::ValidateOnly {
        steps.clear();
    }
    Decision { steps, answer: Answer::PartitionsCreated(answers) }
}

/// The topic with its new partitions, and how many there are of them.
fn grown(
    image: &Image,
    asked: &MorePartitions,
    added: usize,
    rules: &Rules<'_>,
    ids: &mut dyn FnMut() -> Uuid,
) -> Result<(Topic, usize), Refusal> {
    let topic = image.topic(&asked.name).ok_or_else(|| {
        Refusal::new(ErrorCode::UnknownTopicOrPartition, format!("there is no topic {}", asked.name))
    })?;
    let present = topic.partitions.len();
    let invalid = |message: String| Err(Refusal::new(ErrorCode::InvalidPartitions, message));
    if topic.is_internal() {
        // A group lives where the hash of its name says; with another number it would be looked for elsewhere, and found
        // to have no offsets.
        return invalid(format!("topic {} keeps the number of partitions that it was made with", asked.name));
    }
    let wanted = match usize::try_from(asked.count) {
        Ok(wanted) if wanted == present => {
            return invalid(format!("topic {} has {present} partitions already", asked.name));
        }
        Ok(wanted) if wanted > present => wanted,
        _ => {
            let name = &asked.name;
            return invalid(format!(
                "topic {name} has {present} partitions, {} would be fewer; partitions are never removed",
                asked.count
            ));
        }
    };
    let new = wanted - present;
    if let Some(assignments) = &asked.assignments {
        check_assignments(image, topic, new, assignments)?;
    }
    if wanted > MAX_PARTITIONS {
        return Err(too_many(wanted));
    }
    if added + new > MAX_PARTITIONS {
        return Err(Refusal::new(
            ErrorCode::PolicyViolation,
            format!("one request creates at most {MAX_PARTITIONS} partitions; send several"),
        ));
    }
    check_room(rules, image.partition_count() + added as u64, new)?;
    let factor = topic.replication_factor();
    let replicas = match &asked.assignments {
        Some(assignments) => assignments.clone(),
        None if factor > image.brokers().len() => {
            return Err(Refusal::new(
                ErrorCode::InvalidReplicationFactor,
                format!("the topic has {factor} replicas of a partition, and there are fewer brokers"),
            ));
        }
        None => place(image, new, factor, ids),
    };
    // A topic's settings are a change of their own.
    let mut topic = Topic { configs: Arc::default(), ..topic.as_ref().clone() };
    Arc::make_mut(&mut topic.partitions).extend(replicas.into_iter().map(|r| new_partition(image, r)));
    Ok((topic, new))
}

fn check_assignments(
    image: &Image,
    topic: &Topic,
    new: usize,
    assignments: &[Vec<NodeId>],
) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
    if assignments.len() != new {
        return refuse(format!("{new} partitions are to be added, and {} are assigned", assignments.len()));
    }
    for (partition, brokers) in (topic.partitions.len()..).zip(assignments) {
        check_brokers(image, partition as i32, brokers)?;
        if brokers.len() != topic.replication_factor() {
            return refuse(format!(
                "the topic has {} replicas of a partition, and {} are assigned",
                topic.replication_factor(),
                brokers.len()
            ));
        }
    }
    Ok(())
}
