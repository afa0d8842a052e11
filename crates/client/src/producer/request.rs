//! Produce requests and their answers: at most one batch per partition in each.

use super::batch::Batch;
use super::config::ProducerConfig;
use super::verdict::{Answer, Verdict, of_answer};
use crate::errors::ClientError;
use bytes::Bytes;
use ottla_wire::messages::produce::{
    PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData, TopicProduceResponse,
};
use ottla_wire::{ErrorCode, Uuid};

/// From this version on topics are named by their ids only.
pub(super) const TOPIC_IDS_FROM: i16 = 13;

/// A batch with its encoded form and its topic's id.
#[derive(Debug)]
pub(super) struct Encoded {
    pub batch: Batch,
    pub topic_id: Uuid,
    pub bytes: Bytes,
}

/// The highest version that can name all these topics.
pub(super) fn version_max(batches: &[Encoded]) -> i16 {
    let all_have_ids = batches.iter().all(|encoded| !encoded.topic_id.is_zero());
    if all_have_ids { i16::MAX } else { TOPIC_IDS_FROM - 1 }
}

pub(super) fn request(config: &ProducerConfig, batches: &[Encoded]) -> ProduceRequest {
    let mut topics: Vec<TopicProduceData> = Vec::new();
    for Encoded { batch, topic_id, bytes } in batches {
        let data = PartitionProduceData { index: batch.partition, records: Some(bytes.clone().into()) };
        match topics.iter_mut().find(|topic| topic.name == *batch.topic) {
            Some(topic) => topic.partition_data.push(data),
            None => topics.push(TopicProduceData {
                name: (&*batch.topic).into(),
                topic_id: *topic_id,
                partition_data: vec![data],
            }),
        }
    }
    ProduceRequest {
        transactional_id: None,
        acks: config.acks.to_wire(),
        timeout_ms: i32::try_from(config.request_timeout.as_millis()).unwrap_or(i32::MAX),
        topic_data: topics,
    }
}

/// What the answer says of one of the request's batches.
pub(super) fn verdict(response: &ProduceResponse, encoded: &Encoded) -> Verdict {
    let Encoded { batch, topic_id, .. } = encoded;
    let is_it = |topic: &&TopicProduceResponse| {
        topic.name == *batch.topic || (!topic_id.is_zero() && topic.topic_id == *topic_id)
    };
    let what = format!("produce to {}/{}", batch.topic, batch.partition);
    let answers = response.responses.iter().filter(is_it).flat_map(|topic| &topic.partition_responses);
    let Some(answer) = answers.into_iter().find(|answer| answer.index == batch.partition) else {
        let error = ClientError::refused(what, ErrorCode::NetworkException, Some("left out of the answer"));
        return super::verdict::of_loss(error);
    };
    let of_record = answer.record_errors.iter().find_map(|error| error.batch_index_error_message.as_deref());
    of_answer(
        what,
        Answer {
            code: ErrorCode::from_code(answer.error_code),
            message: answer.error_message.as_deref().or(of_record),
            base_offset: answer.base_offset,
            log_append_time_ms: answer.log_append_time_ms,
        },
    )
}
