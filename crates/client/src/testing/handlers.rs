//! Answers of the cluster in memory, one function per API.

use super::log::FakePartition;
use super::{FakeCluster, NODES, State, admin, groups};
use bytes::Bytes;
use ottla_wire::frame::encode_response;
use ottla_wire::messages::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use ottla_wire::messages::create_topics::{CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse};
use ottla_wire::messages::delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_wire::messages::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
use ottla_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_wire::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use ottla_wire::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use ottla_wire::messages::produce::{
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use ottla_wire::request::{Head, HeadError};
use ottla_wire::{Decoder, ErrorCode, Message, Uuid, apis};
use std::time::Duration;

/// The whole frame; `None` ends the connection. An empty one is no answer at all.
pub async fn answer(
    cluster: &FakeCluster,
    node_id: i32,
    head: Result<Head, HeadError>,
    decoder: &mut Decoder,
    refusal: Option<ErrorCode>,
) -> Option<Bytes> {
    let head = match head {
        Ok(head) => head,
        Err(HeadError::UnknownVersion { correlation_id, .. }) => {
            return Some(frame(
                correlation_id,
                0,
                &versions(&cluster.state(), ErrorCode::UnsupportedVersion),
            ));
        }
        Err(_) => return None,
    };
    let (version, correlation_id) = (head.api_version, head.correlation_id);
    let code = refusal.unwrap_or(ErrorCode::None);
    macro_rules! read {
        ($request:ty) => {
            <$request>::read(decoder, version).unwrap()
        };
    }
    let bytes = match head.api_key {
        apis::API_VERSIONS => {
            let _: ApiVersionsRequest = read!(ApiVersionsRequest);
            let state = cluster.state();
            let (low, high) = state.versions.get(&apis::API_VERSIONS).copied().flatten().unwrap_or((0, 5));
            if version < low || version > high {
                return Some(frame(correlation_id, 0, &versions(&state, ErrorCode::UnsupportedVersion)));
            }
            frame(correlation_id, version, &versions(&state, code))
        }
        apis::METADATA => {
            frame(correlation_id, version, &metadata(cluster, &read!(MetadataRequest), refusal))
        }
        apis::CREATE_TOPICS => {
            frame(correlation_id, version, &create(cluster, node_id, &read!(CreateTopicsRequest)))
        }
        apis::DELETE_TOPICS => frame(correlation_id, version, &delete(cluster, &read!(DeleteTopicsRequest))),
        apis::INIT_PRODUCER_ID => {
            let _: InitProducerIdRequest = read!(InitProducerIdRequest);
            let mut state = cluster.state();
            state.producer_ids += 1;
            let producer_id = if refusal.is_none() { state.producer_ids } else { -1 };
            let answer = InitProducerIdResponse {
                error_code: code.code(),
                producer_id,
                producer_epoch: 0,
                ..Default::default()
            };
            frame(correlation_id, version, &answer)
        }
        apis::PRODUCE => {
            let request = read!(ProduceRequest);
            let answer = produce(cluster, node_id, &request, refusal);
            if request.acks == 0 { Bytes::new() } else { frame(correlation_id, version, &answer) }
        }
        apis::LIST_OFFSETS => frame(
            correlation_id,
            version,
            &list_offsets(cluster, node_id, &read!(ListOffsetsRequest), refusal),
        ),
        apis::FETCH => {
            let request = read!(FetchRequest);
            let mut answer = fetch(cluster, node_id, &request, refusal);
            if is_empty(&answer) {
                tokio::time::sleep(Duration::from_millis(request.max_wait_ms as u64)).await;
                answer = fetch(cluster, node_id, &request, refusal);
            }
            frame(correlation_id, version, &answer)
        }
        _ => match admin::answer(cluster, node_id, &head, decoder, refusal) {
            Some(bytes) => bytes,
            None => return groups::answer(cluster, node_id, &head, decoder, refusal).await,
        },
    };
    Some(bytes)
}

pub(super) fn frame<M: Message>(correlation_id: i32, version: i16, body: &M) -> Bytes {
    encode_response(correlation_id, version, body).unwrap().to_bytes()
}

fn versions(state: &State, code: ErrorCode) -> ApiVersionsResponse {
    let own = apis::TABLE.iter().filter_map(|api| {
        let range = state.versions.get(&api.key).copied().unwrap_or(Some((api.min, api.max)));
        range.map(|(min_version, max_version)| ApiVersion { api_key: api.key, min_version, max_version })
    });
    let own = own.filter(|api| code == ErrorCode::None || api.api_key == ApiVersionsRequest::KEY);
    ApiVersionsResponse { error_code: code.code(), api_keys: own.collect(), ..Default::default() }
}

/// Topic ids are made of the names.
fn id_of(name: &str) -> Uuid {
    let mut id = [7; 16];
    name.bytes().take(16).zip(&mut id).for_each(|(byte, place)| *place = byte);
    Uuid(id)
}

fn name_of(state: &State, name: &str, id: Uuid) -> String {
    let by_id = state.topics.keys().find(|known| id_of(known) == id);
    by_id.map_or_else(|| name.to_owned(), Clone::clone)
}

fn metadata(
    cluster: &FakeCluster,
    request: &MetadataRequest,
    refusal: Option<ErrorCode>,
) -> MetadataResponse {
    let mut state = cluster.state();
    let broker = |(node_id, port): (i32, u16)| MetadataResponseBroker {
        node_id,
        host: "fake".into(),
        port: i32::from(port),
        ..Default::default()
    };
    let names: Vec<String> = match &request.topics {
        None => state.topics.keys().cloned().collect(),
        Some(topics) => topics.iter().filter_map(|t| Some(t.name.as_deref()?.to_owned())).collect(),
    };
    let mut topics = Vec::new();
    for name in names {
        if state.auto_create && request.allow_auto_topic_creation && !state.topics.contains_key(&name) {
            state.topics.insert(name.clone(), vec![FakePartition::led_by(1)]);
        }
        let known = state.topics.get(&name);
        let code = match (refusal, known) {
            (Some(code), _) => code,
            (None, None) => ErrorCode::UnknownTopicOrPartition,
            (None, Some(_)) => ErrorCode::None,
        };
        let partition = |(index, partition): (i32, &FakePartition)| MetadataResponsePartition {
            partition_index: index,
            leader_id: partition.leader,
            replica_nodes: NODES.to_vec(),
            isr_nodes: vec![partition.leader],
            ..Default::default()
        };
        let partitions = known.filter(|_| code == ErrorCode::None).into_iter().flatten();
        topics.push(MetadataResponseTopic {
            error_code: code.code(),
            name: Some(name.as_str().into()),
            topic_id: id_of(&name),
            partitions: (0..).zip(partitions).map(partition).collect(),
            ..Default::default()
        });
    }
    MetadataResponse {
        brokers: NODES.into_iter().zip(cluster.ports).map(broker).collect(),
        cluster_id: Some("fake-cluster".into()),
        controller_id: state.controller,
        topics,
        ..Default::default()
    }
}

fn create(cluster: &FakeCluster, node_id: i32, request: &CreateTopicsRequest) -> CreateTopicsResponse {
    let mut state = cluster.state();
    let mut topics = Vec::new();
    for topic in &request.topics {
        let code = match state.topics.contains_key(topic.name.as_str()) {
            _ if state.controller != node_id => ErrorCode::NotController,
            true => ErrorCode::TopicAlreadyExists,
            false => ErrorCode::None,
        };
        let partitions = topic.num_partitions.max(1);
        if code == ErrorCode::None && !request.validate_only {
            let list = (0..partitions).map(|_| FakePartition::led_by(1)).collect();
            state.topics.insert(topic.name.to_string(), list);
        }
        topics.push(CreatableTopicResult {
            name: topic.name.clone(),
            error_code: code.code(),
            error_message: None,
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        });
    }
    CreateTopicsResponse { topics, ..Default::default() }
}

fn delete(cluster: &FakeCluster, request: &DeleteTopicsRequest) -> DeleteTopicsResponse {
    let mut state = cluster.state();
    let by_state = request.topics.iter().filter_map(|topic| topic.name.clone());
    let names: Vec<_> = by_state.chain(request.topic_names.iter().cloned()).collect();
    let mut one = |name: &ottla_wire::WireStr| {
        let code = match state.topics.remove(name.as_str()) {
            Some(_) => ErrorCode::None,
            None => ErrorCode::UnknownTopicOrPartition,
        };
        DeletableTopicResult { name: Some(name.clone()), error_code: code.code(), ..Default::default() }
    };
    DeleteTopicsResponse { responses: names.iter().map(&mut one).collect(), ..Default::default() }
}

/// The partition, if this node leads it.
pub(super) fn led<'a>(
    state: &'a mut State,
    topic: &str,
    partition: i32,
    node_id: i32,
) -> Result<&'a mut FakePartition, ErrorCode> {
    let partitions = state.topics.get_mut(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = partitions.get_mut(partition as usize).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if partition.leader == node_id { Ok(partition) } else { Err(ErrorCode::NotLeaderOrFollower) }
}

fn produce(
    cluster: &FakeCluster,
    node_id: i32,
    request: &ProduceRequest,
    refusal: Option<ErrorCode>,
) -> ProduceResponse {
    let mut state = cluster.state();
    let mut responses = Vec::new();
    for topic in &request.topic_data {
        let name = name_of(&state, &topic.name, topic.topic_id);
        let mut partition_responses = Vec::new();
        for data in &topic.partition_data {
            let bytes = data.records.as_ref().unwrap().to_bytes();
            let is_too_large = bytes.len() > state.batch_bytes_max;
            let result = match refusal {
                Some(code) => Err(code),
                None if is_too_large => Err(ErrorCode::MessageTooLarge),
                None => led(&mut state, &name, data.index, node_id).and_then(|p| p.append(&bytes)),
            };
            partition_responses.push(PartitionProduceResponse {
                index: data.index,
                error_code: result.err().unwrap_or(ErrorCode::None).code(),
                base_offset: result.unwrap_or(-1),
                log_append_time_ms: -1,
                ..Default::default()
            });
        }
        let (name, topic_id) = (topic.name.clone(), topic.topic_id);
        responses.push(TopicProduceResponse { name, topic_id, partition_responses });
    }
    ProduceResponse { responses, ..Default::default() }
}

fn list_offsets(
    cluster: &FakeCluster,
    node_id: i32,
    request: &ListOffsetsRequest,
    refusal: Option<ErrorCode>,
) -> ListOffsetsResponse {
    let mut state = cluster.state();
    let mut topics = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for asked in &topic.partitions {
            let mut answer =
                ListOffsetsPartitionResponse { partition_index: asked.partition_index, ..Default::default() };
            let led = led(&mut state, &topic.name, asked.partition_index, node_id);
            match refusal.map_or(led, Err) {
                Err(code) => answer.error_code = code.code(),
                Ok(partition) => {
                    (answer.offset, answer.timestamp) = match asked.timestamp {
                        -1 => (partition.next_offset, -1),
                        -2 => (partition.log_start, -1),
                        ms => partition.at_or_after(ms).unwrap_or((-1, -1)),
                    };
                }
            }
            partitions.push(answer);
        }
        topics.push(ListOffsetsTopicResponse { name: topic.name.clone(), partitions });
    }
    ListOffsetsResponse { topics, ..Default::default() }
}

fn fetch(
    cluster: &FakeCluster,
    node_id: i32,
    request: &FetchRequest,
    refusal: Option<ErrorCode>,
) -> FetchResponse {
    let mut state = cluster.state();
    let mut responses = Vec::new();
    for topic in &request.topics {
        let name = name_of(&state, &topic.topic, topic.topic_id);
        let mut partitions = Vec::new();
        for asked in &topic.partitions {
            let mut data = PartitionData { partition_index: asked.partition, ..Default::default() };
            let led = led(&mut state, &name, asked.partition, node_id);
            let read = refusal.map_or(led, Err).and_then(|partition| {
                data.high_watermark = partition.next_offset;
                data.log_start_offset = partition.log_start;
                partition.read(asked.fetch_offset)
            });
            match read {
                Ok(bytes) => data.records = Some(bytes.into()),
                Err(code) => data.error_code = code.code(),
            }
            partitions.push(data);
        }
        responses.push(FetchableTopicResponse {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            partitions,
        });
    }
    FetchResponse { responses, ..Default::default() }
}

fn is_empty(response: &FetchResponse) -> bool {
    let data = response.responses.iter().flat_map(|topic| &topic.partitions);
    data.into_iter().all(|data| data.error_code == 0 && data.records.as_ref().is_none_or(|r| r.is_empty()))
}
