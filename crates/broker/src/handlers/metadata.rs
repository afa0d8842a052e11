//! Metadata (3), versions 0-13. v0: an empty list means all; v1: null does; v4: creation by flag; v8-v10: authorized
//! operations; v10: topic ids; v12: topics by id alone.
//!
//! Where creation is asked for, the answer leaves when every partition takes writes (quirk Q4): LEADER_NOT_AVAILABLE is
//! never answered.

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
use std::collections::BTreeMap;
use std::sync::Arc;

/// The answer to a question about operations that was not asked.
pub const NOT_ASKED: i32 = i32::MIN;
/// Without access control everybody may do everything: Kafka's bits of all operations on a cluster, and on a topic.
pub const CLUSTER_OPERATIONS: i32 = 8096;
pub const TOPIC_OPERATIONS: i32 = 3576;

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
    Ok(call.returns().later(async move { answer(&context, version, request, brokers, mutations).await }))
}

async fn answer(
    context: &Context,
    version: i16,
    request: MetadataRequest,
    brokers: Vec<Address>,
    mutations: Option<Arc<dyn Mutations>>,
) -> MetadataResponse {
    let wanted = request.topics.filter(|topics| version > 0 || !topics.is_empty());
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
    let operations = if request.include_topic_authorized_operations { TOPIC_OPERATIONS } else { NOT_ASKED };
    let topics = match wanted {
        None => image.topics().map(|topic| found(topic, operations)).collect(),
        Some(topics) => topics.iter().map(|topic| one(&image, topic, &refused, operations)).collect(),
    };
    let cluster_operations =
        if request.include_cluster_authorized_operations { CLUSTER_OPERATIONS } else { NOT_ASKED };
    MetadataResponse {
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
    }
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
    if !wanted.topic_id.is_zero() {
        return match image.topic_by_id(wanted.topic_id) {
            Some(topic) => found(topic, operations),
            None => missing(None, wanted.topic_id, ErrorCode::UnknownTopicId),
        };
    }
    let Some(name) = &wanted.name else {
        return missing(None, Uuid::ZERO, ErrorCode::UnknownTopicId);
    };
    match image.topic(name) {
        Some(topic) => found(topic, operations),
        None if topic_name::check(name).is_err() => {
            missing(Some(name), Uuid::ZERO, ErrorCode::InvalidTopicException)
        }
        None => {
            let error = refused.get(name).copied().unwrap_or(ErrorCode::UnknownTopicOrPartition);
            missing(Some(name), Uuid::ZERO, error)
        }
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
