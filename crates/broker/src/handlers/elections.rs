//! ElectLeaders (43), versions 0-2. v1: kinds of election. Every partition has one replica, which leads it, so no
//! election is ever needed.

use crate::call::Call;
use crate::reply::Reply;
use ottla_state::Image;
use ottla_wire::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult, TopicPartitions,
};
use ottla_wire::{ErrorCode, WireStr};

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub fn elect(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: ElectLeadersRequest = call.read()?;
    let image = call.context.image();
    let (error, results) = match (request.election_type, request.topic_partitions) {
        (PREFERRED | UNCLEAN, Some(topics)) => {
            let elect = |topic: TopicPartitions| results(topic, |name, index| elected(&image, name, index));
            (ErrorCode::None, topics.into_iter().map(elect).collect())
        }
        // Where all are meant, only those are told that an election was needed for.
        (PREFERRED | UNCLEAN, None) => {
            let all = image.topics().map(|topic| ReplicaElectionResult {
                topic: topic.name.clone(),
                partition_result: Vec::new(),
            });
            (ErrorCode::None, all.collect())
        }
        (unknown, topics) => {
            let message = format!("{unknown} is no kind of election");
            let refuse =
                |topic: TopicPartitions| results(topic, |_, _| (ErrorCode::InvalidRequest, message.clone()));
            (ErrorCode::InvalidRequest, topics.unwrap_or_default().into_iter().map(refuse).collect())
        }
    };
    Ok(call.returns().now(ElectLeadersResponse {
        error_code: error.code(),
        replica_election_results: results,
        ..Default::default()
    }))
}

fn results(
    topic: TopicPartitions,
    result: impl Fn(&WireStr, i32) -> (ErrorCode, String),
) -> ReplicaElectionResult {
    let partitions = topic.partitions.iter().map(|index| {
        let (error, message) = result(&topic.topic, *index);
        let error_message = Some(message.as_str().into());
        PartitionResult { partition_id: *index, error_code: error.code(), error_message }
    });
    ReplicaElectionResult { partition_result: partitions.collect(), topic: topic.topic.clone() }
}

fn elected(image: &Image, name: &WireStr, index: i32) -> (ErrorCode, String) {
    let Some(topic) = image.topic(name) else {
        return (ErrorCode::UnknownTopicOrPartition, format!("there is no topic {name}"));
    };
    match topic.partition(index) {
        None => (ErrorCode::UnknownTopicOrPartition, format!("topic {name} has no partition {index}")),
        Some(_) => {
            let message = "the preferred leader leads already";
            (ErrorCode::ElectionNotNeeded, message.to_owned())
        }
    }
}
