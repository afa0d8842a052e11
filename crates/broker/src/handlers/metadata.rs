//! Metadata (3), versions 0-13. v0: an empty list means all; v1: null does; v4: creation by flag; v8-v10: authorized
//! operations; v10: topic ids; v12: topics by id alone.
//!
//! Where creation is asked for, the answer leaves when every partition takes writes (quirk Q4): LEADER_NOT_AVAILABLE is
//! never answered. A topic is answered once, however often it is named, as in Kafka.

use crate::budget::{Budget, Memory};
use crate::call::Call;
use crate::context::Context;
use crate::error;
use crate::reply::Reply;
use ottla_state::controller::{Mutations, Refusal};
use ottla_state::image::Topic;
use ottla_state::{Image, NodeId, topic_name};
use ottla_wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_wire::{ErrorCode, Uuid, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The answer to a question about operations that was not asked.
pub const NOT_ASKED: i32 = i32::MIN;
/// Without access control everybody may do everything: Kafka's bits of all operations on a cluster, and on a topic.
pub const CLUSTER_OPERATIONS: i32 = 8096;
pub const TOPIC_OPERATIONS: i32 = 3576;

/// Memory of one topic and of one partition with its replicas until they are written.
pub const TOPIC_BYTES: usize = 512;
pub const PARTITION_BYTES: usize = 320;

/// A broker as this client reaches it.
pub struct Address {
    pub id: NodeId,
    pub host: WireStr,
    pub port: u16,
    pub rack: Option<WireStr>,
}

/// This node by the address that brought the client here, others by what they registered for the same listener.
pub fn addresses(call: &Call<'_>, image: &Image) -> Vec<Address> {
    let own = &call.client.advertised;
    let rack = |rack: &Option<String>| rack.as_deref().map(WireStr::from);
    image
        .brokers()
        .filter_map(|broker| {
            if broker.id == call.context.node {
                let (host, port) = (own.host.clone(), own.port);
                return Some(Address { id: broker.id, host, port, rack: rack(&broker.rack) });
            }
            let endpoint = broker.endpoints.iter().find(|e| *e.listener == *call.client.listener)?;
            let host = endpoint.host.as_str().into();
            Some(Address { id: broker.id, host, port: endpoint.port, rack: rack(&broker.rack) })
        })
        .collect()
}

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: MetadataRequest = call.read()?;
    let version = call.version();
    let brokers = addresses(&call, &call.context.image());
    let context = Arc::clone(call.context);
    let mutations = call.mutations(0);
    let returns = call.returns();
    Ok(Reply::Later(Box::pin(async move {
        let (answer, memory) = answer(&context, version, request, brokers, mutations).await;
        returns.outcome(answer).holding(memory)
    })))
}

async fn answer(
    context: &Context,
    version: i16,
    request: MetadataRequest,
    brokers: Vec<Address>,
    mutations: Option<Arc<dyn Mutations>>,
) -> (MetadataResponse, Option<Memory>) {
    let wanted = request.topics.filter(|topics| version > 0 || !topics.is_empty()).map(once);
    let mut image = context.image();
    let mut refused = BTreeMap::new();
    let may_create = context.settings.load().broker().auto_create_topics
        && (version < 4 || request.allow_auto_topic_creation);
    if let Some(topics) = wanted.as_ref().filter(|_| may_create) {
        let missing: Vec<WireStr> = topics
            .iter()
            .filter_map(|topic| topic.name.clone().filter(|_| topic.topic_id.is_zero()))
            .filter(|name| topic_name::check(name).is_ok() && image.topic(name).is_none())
            .collect();
        if !missing.is_empty() {
            refused = create(context, missing, mutations).await;
            image = context.image();
        }
    }
    let memory = room(&context.answers, &image, wanted.as_deref()).await;
    let operations = if request.include_topic_authorized_operations { TOPIC_OPERATIONS } else { NOT_ASKED };
    let topics = match wanted {
        None => image.topics().map(|topic| found(topic, operations)).collect(),
        Some(topics) => topics.iter().map(|topic| one(&image, topic, &refused, operations)).collect(),
    };
    let cluster_operations =
        if request.include_cluster_authorized_operations { CLUSTER_OPERATIONS } else { NOT_ASKED };
    let answer = MetadataResponse {
        brokers: brokers
            .into_iter()
            .map(|broker| MetadataResponseBroker {
                node_id: broker.id,
                host: broker.host,
                port: i32::from(broker.port),
                rack: broker.rack,
            })
            .collect(),
        cluster_id: image.cluster().map(|cluster| cluster.id.as_str().into()),
        controller_id: image.controller().unwrap_or(-1),
        topics,
        cluster_authorized_operations: cluster_operations,
        ..Default::default()
    };
    (answer, memory)
}

/// Every topic once, in the order in which they are named first. Beside an id the name says nothing.
fn once(mut topics: Vec<MetadataRequestTopic>) -> Vec<MetadataRequestTopic> {
    let mut seen = BTreeSet::new();
    topics.retain(|topic| {
        let name = topic.name.clone().filter(|_| topic.topic_id.is_zero());
        seen.insert((topic.topic_id, name))
    });
    topics
}

/// Memory for the answer; partitions are many times larger in it than what asks for them.
async fn room(answers: &Budget, image: &Image, wanted: Option<&[MetadataRequestTopic]>) -> Option<Memory> {
    let size = |topic: &Topic| TOPIC_BYTES + topic.partitions.len() * PARTITION_BYTES;
    let bytes = match wanted {
        None => image.topics().map(|topic| size(topic)).sum(),
        Some(topics) => {
            topics.iter().map(|topic| topic_of(image, topic).map_or(TOPIC_BYTES, |t| size(t))).sum()
        }
    };
    answers.room(bytes).await
}

fn topic_of<'a>(image: &'a Image, wanted: &MetadataRequestTopic) -> Option<&'a Arc<Topic>> {
    if wanted.topic_id.is_zero() {
        return image.topic(wanted.name.as_ref()?);
    }
    image.topic_by_id(wanted.topic_id)
}

/// Creates topics; the answer has those that could not be.
async fn create(
    context: &Context,
    names: Vec<WireStr>,
    mutations: Option<Arc<dyn Mutations>>,
) -> BTreeMap<WireStr, ErrorCode> {
    let code = |refusal: Refusal| match refusal.code {
        // Of a topic that comes later, clients know this one to ask again.
        ErrorCode::ThrottlingQuotaExceeded => ErrorCode::UnknownTopicOrPartition,
        code => code,
    };
    match context.controller.auto_create(names.clone(), mutations).await {
        Ok(answers) => answers
            .into_iter()
            .filter_map(|answer| answer.result.err().map(|refusal| (answer.name, code(refusal))))
            .collect(),
        Err(failure) => names.into_iter().map(|name| (name, error::of_controller(&failure))).collect(),
    }
}

fn one(
    image: &Image,
    wanted: &MetadataRequestTopic,
    refused: &BTreeMap<WireStr, ErrorCode>,
    operations: i32,
) -> MetadataResponseTopic {
    let missing = |name: Option<&WireStr>, topic_id: Uuid, error: ErrorCode| MetadataResponseTopic {
        error_code: error.code(),
        name: name.cloned(),
        topic_id,
        topic_authorized_operations: NOT_ASKED,
        ..Default::default()
    };
    if let Some(topic) = topic_of(image, wanted) {
        return found(topic, operations);
    }
    match &wanted.name {
        Some(name) if wanted.topic_id.is_zero() => {
            let error = match topic_name::check(name) {
                Err(_) => ErrorCode::InvalidTopicException,
                Ok(()) => refused.get(name).copied().unwrap_or(ErrorCode::UnknownTopicOrPartition),
            };
            missing(Some(name), Uuid::ZERO, error)
        }
        _ => missing(None, wanted.topic_id, ErrorCode::UnknownTopicId),
    }
}

fn found(topic: &Topic, operations: i32) -> MetadataResponseTopic {
    let partitions =
        topic.partitions.iter().enumerate().map(|(index, partition)| MetadataResponsePartition {
            partition_index: index as i32,
            leader_id: partition.leader,
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.clone(),
            isr_nodes: partition.isr.clone(),
            ..Default::default()
        });
    MetadataResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions: partitions.collect(),
        topic_authorized_operations: operations,
        ..Default::default()
    }
}
