//! Creation and deletion of topics: Kafka's checks in Kafka's order.
//!
//! Of several faults of one topic the client sees the one that Kafka would name: repeated names before anything else,
//! then the name itself, then whether it is taken, then settings, then partitions and replicas.

use super::placement::{check_brokers, check_room, new_partition, place, too_many};
use super::{
    Answer, CreateAnswer, CreatedTopic, Decision, DeleteAnswer, DeleteTarget, InternalTopic, MAX_PARTITIONS,
    Mode, NewTopic, Refusal, Rules,
};
use crate::image::{Configs, DeletedTopic, Image, StorageClass, Topic};
use crate::{Change, NodeId, Uuid, topic_name};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a command did so far: its later topics see its earlier ones.
struct Creation<'a> {
    image: &'a Image,
    rules: &'a Rules<'a>,
    /// Collision keys of the topics this command creates.
    collisions: BTreeMap<String, WireStr>,
    /// Partitions this command creates, without those of the brokers' own topics.
    partitions: usize,
    /// All partitions there are with the steps so far.
    present: u64,
    steps: Vec<Vec<Change>>,
}

impl<'a> Creation<'a> {
    fn new(image: &'a Image, rules: &'a Rules<'a>) -> Self {
        let present = image.partition_count();
        Self { image, rules, collisions: BTreeMap::new(), partitions: 0, present, steps: Vec::new() }
    }
}

pub(super) fn create(
    image: &Image,
    topics: &[NewTopic],
    mode: Mode,
    rules: &Rules<'_>,
    ids: &mut dyn FnMut() -> Uuid,
) -> Decision {
    let mut count = BTreeMap::new();
    topics.iter().for_each(|topic| *count.entry(topic.name.as_str()).or_insert(0) += 1);
    let mut creation = Creation::new(image, rules);
    let mut answers = Vec::with_capacity(count.len());
    let mut answered = BTreeSet::new();
    for topic in topics {
        let result = if count[topic.name.as_str()] > 1 {
            if !answered.insert(topic.name.as_str()) {
                continue;
            }
            Err(Refusal::new(ErrorCode::InvalidRequest, "the request names this topic more than once"))
        } else {
            creation.create(topic, ids)
        };
        answers.push(CreateAnswer { name: topic.name.detach(), result });
    }
    let steps = match mode {
        Mode::Commit => creation.steps,
        Mode::ValidateOnly => Vec::new(),
    };
    Decision { steps, answer: Answer::Created(answers) }
}

/// Topics that exist are no error here: whoever asked wants to use them.
pub(super) fn auto_create(
    image: &Image,
    names: &[WireStr],
    rules: &Rules<'_>,
    ids: &mut dyn FnMut() -> Uuid,
) -> Decision {
    let mut creation = Creation::new(image, rules);
    let mut answers: BTreeMap<&str, CreateAnswer> = BTreeMap::new();
    for name in names {
        if answers.contains_key(name.as_str()) {
            continue;
        }
        let result = match image.topic(name) {
            Some(topic) => Ok(CreatedTopic {
                id: topic.id,
                partitions: topic.partitions.len() as i32,
                replication_factor: topic.replication_factor() as i16,
                configs: Arc::clone(&topic.configs),
            }),
            None => match rules.internal.get(name.as_str()) {
                Some(internal) => creation.create_internal(name, internal, ids),
                None => creation.create(&defaults(name), ids),
            },
        };
        answers.insert(name, CreateAnswer { name: name.detach(), result });
    }
    Decision { steps: creation.steps, answer: Answer::Created(answers.into_values().collect()) }
}

/// A topic that nobody asked anything of but its name.
fn defaults(name: &WireStr) -> NewTopic {
    NewTopic {
        name: name.clone(),
        partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        configs: Vec::new(),
    }
}

impl Creation<'_> {
    /// A topic of the brokers' own: its settings are not a client's, and as many copies as the storage class keeps.
    fn create_internal(
        &mut self,
        name: &WireStr,
        internal: &InternalTopic,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<CreatedTopic, Refusal> {
        self.check_name(name)?;
        let replication_factor = match StorageClass::default() {
            StorageClass::Local => 1,
        };
        let topic = NewTopic { partitions: internal.partitions, replication_factor, ..defaults(name) };
        // Not refused for the limit of the broker, though it counts: without this topic no group works.
        let replicas = self.place(&topic, ids)?;
        Ok(self.accept(&topic, replicas, Arc::new(internal.configs.clone()), ids()))
    }

    fn create(&mut self, topic: &NewTopic, ids: &mut dyn FnMut() -> Uuid) -> Result<CreatedTopic, Refusal> {
        self.check_name(&topic.name)?;
        let configs = Arc::new(self.rules.configs.new_topic(self.image, &topic.configs)?);
        let replicas =
            if topic.assignments.is_empty() { self.place(topic, ids)? } else { self.manual(topic)? };
        if self.partitions + replicas.len() > MAX_PARTITIONS {
            return Err(Refusal::new(
                ErrorCode::PolicyViolation,
                format!("one request creates at most {MAX_PARTITIONS} partitions; send several"),
            ));
        }
        check_room(self.rules, self.present, replicas.len())?;
        self.rules.mutations.take(replicas.len())?;
        self.partitions += replicas.len();
        Ok(self.accept(topic, replicas, configs, ids()))
    }

    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        if name == topic_name::CLUSTER_METADATA {
            return Err(Refusal::new(
                ErrorCode::TopicAuthorizationFailed,
                format!("{name} is reserved for the cluster itself"),
            ));
        }
        let invalid = |message: String| Refusal::new(ErrorCode::InvalidTopicException, message);
        topic_name::check(name).map_err(|bad| invalid(bad.to_string()))?;
        let in_request = || self.collisions.get(&topic_name::collision_key(name)?);
        if let Some(other) = self.image.colliding(name).or_else(in_request) {
            return Err(invalid(format!(
                "{name} differs from {other} in dots and underscores only; metric names would collide"
            )));
        }
        if self.image.topic(name).is_some() {
            return Err(Refusal::new(
                ErrorCode::TopicAlreadyExists,
                format!("topic {name} exists already; describe it, or choose another name"),
            ));
        }
        Ok(())
    }

    /// The brokers of each partition, as the request assigns them.
    fn manual(&self, topic: &NewTopic) -> Result<Vec<Vec<NodeId>>, Refusal> {
        let request = |message: &str| Err(Refusal::new(ErrorCode::InvalidRequest, message));
        if topic.replication_factor != -1 {
            return request("with an assignment of replicas the replication factor has to be -1");
        }
        if topic.partitions != -1 {
            return request("with an assignment of replicas the number of partitions has to be -1");
        }
        let refuse = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
        let mut assigned = BTreeMap::new();
        for (partition, brokers) in &topic.assignments {
            if assigned.insert(*partition, brokers).is_some() {
                return refuse(format!("partition {partition} is assigned more than once"));
            }
        }
        let first_len = topic.assignments[0].1.len();
        for (partition, brokers) in &assigned {
            check_brokers(self.image, *partition, brokers)?;
            if brokers.len() != first_len {
                return refuse("all partitions of a topic have the same number of replicas".to_owned());
            }
        }
        self.check_storage(first_len)?;
        if assigned.len() > MAX_PARTITIONS {
            return Err(too_many(assigned.len()));
        }
        for (expected, partition) in (0..).zip(assigned.keys()) {
            if *partition != expected {
                return refuse(format!("partition {expected} is not assigned; partitions count from 0"));
            }
        }
        Ok(assigned.into_values().cloned().collect())
    }

    /// The brokers of each partition: round-robin, from a start that differs from topic to topic.
    fn place(&self, topic: &NewTopic, ids: &mut dyn FnMut() -> Uuid) -> Result<Vec<Vec<NodeId>>, Refusal> {
        let factor = match topic.replication_factor {
            -1 => self.rules.default_replication_factor,
            factor => factor,
        };
        let brokers = self.image.brokers().len();
        let refuse = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicationFactor, message));
        if topic.replication_factor < -1 || factor <= 0 {
            return refuse("the replication factor has to be above 0, or -1 for the default".to_owned());
        }
        let partitions = match topic.partitions {
            -1 => self.rules.default_partitions,
            partitions => partitions,
        };
        if topic.partitions < -1 || partitions <= 0 {
            return Err(Refusal::new(
                ErrorCode::InvalidPartitions,
                "the number of partitions has to be above 0, or -1 for the default",
            ));
        }
        let (factor, partitions) = (factor.unsigned_abs().into(), partitions.unsigned_abs() as usize);
        if factor > brokers {
            return refuse(format!(
                "replication factor {factor} is more than the {brokers} brokers there are; use 1, or add brokers"
            ));
        }
        self.check_storage(factor)?;
        if partitions > MAX_PARTITIONS {
            return Err(too_many(partitions));
        }
        Ok(place(self.image, partitions, factor, ids))
    }

    /// A local topic lives on one disk, whatever the number of brokers.
    fn check_storage(&self, factor: usize) -> Result<(), Refusal> {
        match StorageClass::default() {
            StorageClass::Local if factor > 1 => Err(Refusal::new(
                ErrorCode::InvalidReplicationFactor,
                format!("storage class local keeps one copy, {factor} were asked for"),
            )),
            StorageClass::Local => Ok(()),
        }
    }

    fn accept(
        &mut self,
        topic: &NewTopic,
        replicas: Vec<Vec<NodeId>>,
        configs: Arc<Configs>,
        id: Uuid,
    ) -> CreatedTopic {
        let name = topic.name.detach();
        if let Some(key) = topic_name::collision_key(&name) {
            self.collisions.insert(key, name.clone());
        }
        let created = CreatedTopic {
            id,
            partitions: replicas.len() as i32,
            replication_factor: replicas[0].len() as i16,
            configs: Arc::clone(&configs),
        };
        self.present += replicas.len() as u64;
        let partitions = replicas.into_iter().map(|replicas| new_partition(self.image, replicas));
        let topic = Topic {
            id,
            name: name.clone(),
            storage: StorageClass::Local,
            partitions: Arc::new(partitions.collect()),
            configs: Arc::default(),
        };
        let mut step = vec![Change::Topic(Arc::new(topic))];
        if !configs.is_empty() {
            step.push(Change::TopicConfigs { id, configs });
        }
        step.push(Change::TopicName { name, id: Some(id) });
        self.steps.push(step);
        created
    }
}

pub(super) fn delete(image: &Image, targets: &[DeleteTarget], rules: &Rules<'_>) -> Decision {
    let mut steps = Vec::new();
    let mut answers = Vec::with_capacity(targets.len());
    let resolve = |target: &DeleteTarget| match (&target.name, target.id) {
        (Some(name), id) if id.is_zero() => image.topic(name).map(|topic| topic.id),
        (None, id) if !id.is_zero() => image.topic_by_id(id).map(|topic| topic.id),
        _ => None,
    };
    let mut count = BTreeMap::new();
    targets.iter().filter_map(resolve).for_each(|id| *count.entry(id).or_insert(0) += 1);
    for target in targets {
        let topic = resolve(target).and_then(|id| image.topic_by_id(id));
        let refuse = |code, message: &str| Err(Refusal::new(code, message));
        let result = match (&target.name, topic) {
            _ if !rules.deletion_enabled => refuse(
                ErrorCode::TopicDeletionDisabled,
                "topics cannot be deleted here: delete.topic.enable is false",
            ),
            (Some(_), None) if !target.id.is_zero() => {
                refuse(ErrorCode::InvalidRequest, "give the name or the id of a topic, not both")
            }
            (None, None) if target.id.is_zero() => {
                refuse(ErrorCode::InvalidRequest, "give the name or the id of a topic")
            }
            (Some(_), None) => refuse(ErrorCode::UnknownTopicOrPartition, "there is no topic of this name"),
            (None, None) => refuse(ErrorCode::UnknownTopicId, "there is no topic of this id"),
            (_, Some(topic)) if count[&topic.id] > 1 => {
                refuse(ErrorCode::InvalidRequest, "the request names this topic more than once")
            }
            (_, Some(topic)) => {
                rules.mutations.take(topic.partitions.len()).map(|()| steps.push(deletion(topic)))
            }
        };
        answers.push(DeleteAnswer {
            name: target.name.as_ref().or(topic.map(|topic| &topic.name)).map(WireStr::detach),
            id: topic.map_or(target.id, |topic| topic.id),
            result,
        });
    }
    Decision { steps, answer: Answer::Deleted(answers) }
}

fn deletion(topic: &Topic) -> Vec<Change> {
    let mut step =
        vec![Change::TopicName { name: topic.name.clone(), id: None }, Change::TopicGone(topic.id)];
    if !topic.configs.is_empty() {
        step.push(Change::TopicConfigs { id: topic.id, configs: Arc::default() });
    }
    step.push(Change::Deleting(Arc::new(DeletedTopic {
        id: topic.id,
        name: topic.name.clone(),
        partitions: topic.partitions.len() as u32,
    })));
    step
}
