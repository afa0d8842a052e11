//! CreateTopics (19), versions 0-7, and DeleteTopics (20), versions 0-6. v6 and v5: refused beyond the client's quota of
//! changed partitions, where older ones wait afterwards (KIP-599). The answer leaves when this broker's image has
//! the change: a created topic takes writes, a deleted one is gone.

use crate::call::Call;
use crate::error;
use crate::partition::controls::{self, Control};
use crate::reply::Reply;
use crate::settings::Settings;
use ottla_state::controller::{CreateAnswer, DeleteAnswer, DeleteTarget, Mode, NewTopic, Refusal};
use ottla_state::image::Configs;
use ottla_wire::messages::create_topics::{
    CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use ottla_wire::messages::delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_wire::{ErrorCode, WireStr};
use std::sync::Arc;

/// Memory of a created topic's settings until they are written.
const CREATED_BYTES: usize = 10 << 10;

pub fn create(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: CreateTopicsRequest = call.read()?;
    let mode = if request.validate_only { Mode::ValidateOnly } else { Mode::Commit };
    let names: Vec<WireStr> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let topics = request
        .topics
        .into_iter()
        .map(|topic| NewTopic {
            name: topic.name,
            partitions: topic.num_partitions,
            replication_factor: topic.replication_factor,
            assignments: topic.assignments.into_iter().map(|a| (a.partition_index, a.broker_ids)).collect(),
            configs: topic.configs.into_iter().map(|c| (c.name, c.value)).collect(),
        })
        .collect();
    let (context, mutations) = (Arc::clone(call.context), call.mutations(6));
    let returns = call.returns();
    Ok(Reply::Later(Box::pin(async move {
        let mut memory = None;
        let topics = match context.controller.create_topics(topics, mode, mutations).await {
            Ok(answers) => {
                let created_count = answers.iter().filter(|answer| answer.result.is_ok()).count();
                memory = context.answers.room(created_count * CREATED_BYTES).await;
                let settings = context.settings.load();
                answers.into_iter().map(|answer| created(&settings, answer, mode)).collect()
            }
            Err(failure) => {
                names.into_iter().map(|name| refused_creation(name, &error::refusal_of(&failure))).collect()
            }
        };
        returns.outcome(CreateTopicsResponse { topics, ..Default::default() }).holding(memory)
    })))
}

fn refused_creation(name: WireStr, refusal: &Refusal) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: refusal.code.code(),
        error_message: Some(refusal.message.as_str().into()),
        num_partitions: -1,
        replication_factor: -1,
        configs: Some(Vec::new()),
        ..Default::default()
    }
}

fn created(settings: &Settings, answer: CreateAnswer, mode: Mode) -> CreatableTopicResult {
    let topic = match answer.result {
        Ok(topic) => topic,
        Err(refusal) => return refused_creation(answer.name, &refusal),
    };
    if mode == Mode::Commit {
        for note in settings.topic_notes(&topic.configs) {
            tracing::info!(topic = %answer.name, "{note}");
        }
    }
    CreatableTopicResult {
        name: answer.name,
        topic_id: topic.id,
        error_message: None,
        num_partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: Some(effective(settings, &topic.configs)),
        ..Default::default()
    }
}

fn effective(settings: &Settings, overrides: &Configs) -> Vec<CreatableTopicConfigs> {
    // Tools that compare this list with Kafka's see names of Ottla's own only where somebody used them.
    let described = settings.describe_topic(overrides).into_iter();
    described
        .filter(|config| !(config.is_own && config.is_default))
        .map(|config| CreatableTopicConfigs {
            name: config.name.into(),
            value: config.value.as_deref().map(WireStr::from),
            read_only: config.read_only,
            config_source: config.source,
            is_sensitive: config.sensitive,
        })
        .collect()
}

pub fn delete(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DeleteTopicsRequest = call.read()?;
    let version = call.version();
    let targets: Vec<DeleteTarget> = if version >= 6 {
        request
            .topics
            .into_iter()
            .map(|topic| DeleteTarget { name: topic.name, id: topic.topic_id })
            .collect()
    } else {
        let by_name = |name| DeleteTarget { name: Some(name), id: ottla_wire::Uuid::ZERO };
        request.topic_names.into_iter().map(by_name).collect()
    };
    let (context, mutations) = (Arc::clone(call.context), call.mutations(5));
    Ok(call.returns().later(async move {
        if controls::active(Control::UnlinkBeforeRecord) {
            let image = context.image();
            for topic in targets.iter().filter_map(|target| image.topic(target.name.as_deref()?)) {
                context.registry.unlink(topic).await;
            }
        }
        let responses = match context.controller.delete_topics(targets.clone(), mutations).await {
            Ok(answers) => answers.into_iter().map(|answer| deleted(answer, version)).collect(),
            Err(failure) => {
                let failed = |target: DeleteTarget| DeleteAnswer {
                    name: target.name,
                    id: target.id,
                    result: Err(error::refusal_of(&failure)),
                };
                targets.into_iter().map(|target| deleted(failed(target), version)).collect()
            }
        };
        DeleteTopicsResponse { responses, ..Default::default() }
    }))
}

fn deleted(answer: DeleteAnswer, version: i16) -> DeletableTopicResult {
    let (error_code, error_message) = match answer.result {
        Ok(()) => (ErrorCode::None.code(), None),
        // Before version 3 nobody knew the code that says so.
        Err(refusal) if refusal.code == ErrorCode::TopicDeletionDisabled && version < 3 => {
            (ErrorCode::InvalidRequest.code(), Some(refusal.message.as_str().into()))
        }
        Err(refusal) => (refusal.code.code(), Some(refusal.message.as_str().into())),
    };
    DeletableTopicResult { name: answer.name, topic_id: answer.id, error_code, error_message }
}
