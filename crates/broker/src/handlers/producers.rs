//! DescribeProducers (61), version 0: who writes to a partition with a producer id. Without transactions there is no
//! coordinator and nothing open.

use crate::call::Call;
use crate::context::{Context, TopicRef};
use crate::error;
use crate::partition::ActiveProducer;
use crate::reply::Reply;
use ottla_state::topic_name;
use ottla_wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeSet;
use std::sync::Arc;

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeProducersRequest = call.read()?;
    let context = Arc::clone(call.context);
    Ok(call.returns().later(async move {
        let mut topics = Vec::with_capacity(request.topics.len());
        let mut seen = BTreeSet::new();
        for topic in request.topics {
            let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
            // Once, however often it is named: the answer may be much larger than the question.
            for index in
                topic.partition_indexes.into_iter().filter(|index| seen.insert((topic.name.clone(), *index)))
            {
                partitions.push(answer(index, look(&context, &topic.name, index).await));
            }
            topics.push(TopicResponse { name: topic.name, partitions });
        }
        DescribeProducersResponse { topics, ..Default::default() }
    }))
}

async fn look(context: &Context, name: &WireStr, index: i32) -> Result<Vec<ActiveProducer>, ErrorCode> {
    topic_name::check(name).map_err(|_| ErrorCode::InvalidTopicException)?;
    let (partition, _) = context.led(&context.image(), TopicRef::Name(name), index)?;
    partition.log.ready().await.map_err(|e| error::of_read(&e))?;
    partition.log.producers().await.map_err(|e| error::of_read(&e))
}

fn answer(index: i32, found: Result<Vec<ActiveProducer>, ErrorCode>) -> PartitionResponse {
    let error_code = found.as_ref().err().copied().unwrap_or(ErrorCode::None).code();
    let producers = found.unwrap_or_default().into_iter().map(|producer| ProducerState {
        producer_id: producer.id,
        producer_epoch: i32::from(producer.epoch),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: -1,
        current_txn_start_offset: -1,
    });
    PartitionResponse {
        partition_index: index,
        error_code,
        active_producers: producers.collect(),
        ..Default::default()
    }
}
