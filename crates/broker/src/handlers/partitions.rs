//! CreatePartitions (37), versions 0-3. v2: flexible; v3: refused beyond the client's quota
//! (KIP-599). Answers when the new partitions take writes, as CreateTopics does.

use crate::call::Call;
use crate::error;
use crate::reply::Reply;
use ottla_state::controller::{Mode, MorePartitions, Refusal};
use ottla_wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopicResult,
};
use ottla_wire::{ErrorCode, WireStr};
use std::sync::Arc;

pub fn create(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: CreatePartitionsRequest = call.read()?;
    let mode = if request.validate_only { Mode::ValidateOnly } else { Mode::Commit };
    let names: Vec<WireStr> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let topics = request
        .topics
        .into_iter()
        .map(|topic| MorePartitions {
            name: topic.name,
            count: topic.count,
            assignments: topic.assignments.map(|list| list.into_iter().map(|a| a.broker_ids).collect()),
        })
        .collect();
    let (context, mutations) = (Arc::clone(call.context), call.mutations(3));
    Ok(call.returns().later(async move {
        let results = match context.controller.create_partitions(topics, mode, mutations).await {
            Ok(answers) => answers.into_iter().map(|answer| result(answer.name, answer.result)).collect(),
            Err(failure) => {
                let refusal = error::refusal_of(&failure);
                names.into_iter().map(|name| result(name, Err(refusal.clone()))).collect()
            }
        };
        CreatePartitionsResponse { results, ..Default::default() }
    }))
}

fn result(name: WireStr, result: Result<(), Refusal>) -> CreatePartitionsTopicResult {
    let (code, message) = match result {
        Ok(()) => (ErrorCode::None, None),
        Err(refusal) => (refusal.code, Some(refusal.message.as_str().into())),
    };
    CreatePartitionsTopicResult { name, error_code: code.code(), error_message: message }
}
