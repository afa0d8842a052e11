//! What the cluster in memory does for administrators: more partitions, fewer records, other settings.

use super::handlers::{frame, led};
use super::log::FakePartition;
use super::{FakeCluster, State};
use bytes::Bytes;
use ottla_wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopicResult,
};
use ottla_wire::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
};
use ottla_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResourceResult, DescribeConfigsResponse, DescribeConfigsResult,
};
use ottla_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use ottla_wire::request::Head;
use ottla_wire::{Decoder, ErrorCode, Message, apis};

const BROKER: i8 = 4;
/// The only list among the settings.
const LIST: &str = "cleanup.policy";

/// `None`: another API.
pub fn answer(
    cluster: &FakeCluster,
    node_id: i32,
    head: &Head,
    decoder: &mut Decoder,
    refusal: Option<ErrorCode>,
) -> Option<Bytes> {
    let (version, id) = (head.api_version, head.correlation_id);
    let mut state = cluster.state();
    Some(match head.api_key {
        apis::CREATE_PARTITIONS => {
            let request = CreatePartitionsRequest::read(decoder, version).unwrap();
            frame(id, version, &create_partitions(&mut state, node_id, &request, refusal))
        }
        apis::DELETE_RECORDS => {
            let request = DeleteRecordsRequest::read(decoder, version).unwrap();
            frame(id, version, &delete_records(&mut state, node_id, &request, refusal))
        }
        apis::DESCRIBE_CONFIGS => {
            let request = DescribeConfigsRequest::read(decoder, version).unwrap();
            frame(id, version, &describe(&state, node_id, &request))
        }
        apis::INCREMENTAL_ALTER_CONFIGS => {
            let request = IncrementalAlterConfigsRequest::read(decoder, version).unwrap();
            frame(id, version, &alter(&mut state, node_id, &request, refusal))
        }
        _ => return None,
    })
}

fn create_partitions(
    state: &mut State,
    node_id: i32,
    request: &CreatePartitionsRequest,
    refusal: Option<ErrorCode>,
) -> CreatePartitionsResponse {
    let is_controller = state.controller == node_id;
    let mut results = Vec::new();
    for topic in &request.topics {
        let count = topic.count as usize;
        let code = match (refusal, state.topics.get_mut(topic.name.as_str())) {
            (Some(code), _) => code,
            _ if !is_controller => ErrorCode::NotController,
            (None, None) => ErrorCode::UnknownTopicOrPartition,
            (None, Some(partitions)) if partitions.len() >= count => ErrorCode::InvalidPartitions,
            (None, Some(partitions)) => {
                if !request.validate_only {
                    partitions.resize_with(count, || FakePartition::led_by(1));
                }
                ErrorCode::None
            }
        };
        let name = topic.name.clone();
        results.push(CreatePartitionsTopicResult { name, error_code: code.code(), error_message: None });
    }
    CreatePartitionsResponse { results, ..Default::default() }
}

fn delete_records(
    state: &mut State,
    node_id: i32,
    request: &DeleteRecordsRequest,
    refusal: Option<ErrorCode>,
) -> DeleteRecordsResponse {
    let mut topics = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for asked in &topic.partitions {
            let led = led(state, &topic.name, asked.partition_index, node_id);
            let result = refusal.map_or(led, Err).and_then(|partition| {
                let offset = if asked.offset == -1 { partition.next_offset } else { asked.offset };
                if offset > partition.next_offset {
                    return Err(ErrorCode::OffsetOutOfRange);
                }
                partition.log_start = partition.log_start.max(offset);
                Ok(partition.log_start)
            });
            partitions.push(DeleteRecordsPartitionResult {
                partition_index: asked.partition_index,
                low_watermark: result.unwrap_or(-1),
                error_code: result.err().unwrap_or(ErrorCode::None).code(),
            });
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name.clone(), partitions });
    }
    DeleteRecordsResponse { topics, ..Default::default() }
}

/// A broker answers for itself and for all, never for another one.
fn is_here(kind: i8, name: &str, node_id: i32) -> bool {
    kind != BROKER || name.is_empty() || name.parse() == Ok(node_id)
}

fn describe(state: &State, node_id: i32, request: &DescribeConfigsRequest) -> DescribeConfigsResponse {
    let one = |kind: i8, name: &str| {
        let configs = state.configs.get(&(kind, name.to_owned()));
        let entry = |(name, value): (&String, &String)| DescribeConfigsResourceResult {
            name: name.as_str().into(),
            value: Some(value.as_str().into()),
            config_source: if kind == 32 { 8 } else { 1 },
            ..Default::default()
        };
        DescribeConfigsResult {
            error_code: if is_here(kind, name, node_id) { 0 } else { ErrorCode::InvalidRequest.code() },
            resource_type: kind,
            resource_name: name.into(),
            configs: configs.into_iter().flatten().map(entry).collect(),
            ..Default::default()
        }
    };
    let results = request.resources.iter().map(|r| one(r.resource_type, &r.resource_name));
    DescribeConfigsResponse { results: results.collect(), ..Default::default() }
}

fn alter(
    state: &mut State,
    node_id: i32,
    request: &IncrementalAlterConfigsRequest,
    refusal: Option<ErrorCode>,
) -> IncrementalAlterConfigsResponse {
    let mut one = |resource: &AlterConfigsResource| {
        let (kind, name) = (resource.resource_type, resource.resource_name.as_str());
        let code = match refusal {
            Some(code) => code,
            None if !is_here(kind, name, node_id) => ErrorCode::InvalidRequest,
            None => ErrorCode::None,
        };
        if code == ErrorCode::None && !request.validate_only {
            change(state, resource);
        }
        AlterConfigsResourceResponse {
            error_code: code.code(),
            resource_type: kind,
            resource_name: name.into(),
            ..Default::default()
        }
    };
    let responses = request.resources.iter().map(&mut one).collect();
    IncrementalAlterConfigsResponse { responses, ..Default::default() }
}

fn change(state: &mut State, resource: &AlterConfigsResource) {
    let of = (resource.resource_type, resource.resource_name.to_string());
    let configs = state.configs.entry(of).or_default();
    for config in &resource.configs {
        let value = config.value.as_deref().unwrap_or_default();
        let list = configs.get(LIST).cloned().unwrap_or_default();
        let mut list: Vec<&str> = list.split(',').filter(|item| !item.is_empty()).collect();
        match config.config_operation {
            0 => drop(configs.insert(config.name.to_string(), value.to_owned())),
            1 => drop(configs.remove(config.name.as_str())),
            2 => {
                list.push(value);
                configs.insert(LIST.to_owned(), list.join(","));
            }
            _ => {
                list.retain(|item| *item != value);
                configs.insert(LIST.to_owned(), list.join(","));
            }
        }
    }
}
