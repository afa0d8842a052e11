//! Topics: create, delete, list, describe, and give them more partitions.

use super::{Admin, item};
use crate::cluster::Creation;
use crate::errors::ClientError;
use crate::metadata::TopicMetadata;
use ottla_wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
};
use ottla_wire::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
    CreateTopicsResponse,
};
use ottla_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_wire::{ErrorCode, Uuid};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTopic {
    pub name: String,
    /// `None`: what the broker is set to.
    pub partitions: Option<i32>,
    pub replication_factor: Option<i16>,
    /// Node ids of the replicas, one list per partition from 0 on; then the two above must be `None`.
    pub assignment: Vec<Vec<i32>>,
    /// By Kafka's names.
    pub configs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTopic {
    pub name: String,
    pub id: Uuid,
    /// `None` where the broker is too old to say.
    pub partitions: Option<i32>,
    pub replication_factor: Option<i16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartitions {
    pub topic: String,
    /// Of the topic in the end, those that it has included.
    pub count: i32,
}

/// The brokers' own value.
const BROKER_DEFAULT: i16 = -1;

impl Admin {
    /// With `validate_only` everything is checked and nothing is created. Results are in the order of `topics`.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        validate_only: bool,
    ) -> Result<Vec<Result<CreatedTopic, ClientError>>, ClientError> {
        let request = CreateTopicsRequest {
            topics: topics.iter().map(creatable).collect(),
            timeout_ms: self.answer_within_ms(),
            validate_only,
        };
        let results = self.cluster.call_controller(&request, |response| created(topics, &response)).await?;
        for topic in results.iter().flatten() {
            self.cluster.metadata.forget_topic(&topic.name);
        }
        Ok(results)
    }

    /// With `validate_only` everything is checked and nothing is created. Results are in the order of `topics`.
    pub async fn create_partitions(
        &self,
        topics: &[NewPartitions],
        validate_only: bool,
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let more = |topic: &NewPartitions| CreatePartitionsTopic {
            name: topic.topic.as_str().into(),
            count: topic.count,
            assignments: None,
        };
        let request = CreatePartitionsRequest {
            topics: topics.iter().map(more).collect(),
            timeout_ms: self.answer_within_ms(),
            validate_only,
        };
        let results = self.cluster.call_controller(&request, |response| extended(topics, &response)).await?;
        topics.iter().for_each(|topic| self.cluster.metadata.forget_topic(&topic.topic));
        Ok(results)
    }

    /// Results are in the order of `names`.
    pub async fn delete_topics(&self, names: &[String]) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let state =
            |name: &String| DeleteTopicState { name: Some(name.as_str().into()), topic_id: Uuid::ZERO };
        let request = DeleteTopicsRequest {
            topics: names.iter().map(state).collect(),
            topic_names: names.iter().map(|name| name.as_str().into()).collect(),
            timeout_ms: self.answer_within_ms(),
        };
        let results = self.cluster.call_controller(&request, |response| deleted(names, &response)).await?;
        names.iter().for_each(|name| self.cluster.metadata.forget_topic(name));
        Ok(results)
    }

    /// Every topic, by name. Those without a leader for the moment are left out with a debug line.
    pub async fn list_topics(&self) -> Result<Vec<TopicMetadata>, ClientError> {
        let mut attempts = self.cluster.attempts(self.cluster.call_deadline());
        let response = loop {
            match self.cluster.ask(None, Creation::Never).await {
                Ok(response) => break response,
                Err(error) => attempts.after(error).await?,
            }
        };
        let mut topics = Vec::new();
        for topic in &response.topics {
            match TopicMetadata::of(topic) {
                Ok(topic) => topics.push(topic),
                Err(error) => tracing::debug!(error = %error, "topic without metadata"),
            }
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// These topics, asked for anew, in the order of `names`. Never creates one.
    pub async fn describe_topics(
        &self,
        names: &[String],
    ) -> Result<Vec<Result<TopicMetadata, ClientError>>, ClientError> {
        let mut results = Vec::new();
        for name in names {
            self.cluster.metadata.mark_stale(name);
            let deadline = self.cluster.call_deadline();
            match self.cluster.topic(name, Creation::Never, deadline).await {
                Ok(topic) => results.push(Ok(TopicMetadata::clone(&topic))),
                Err(error) if error.is_unreachable() => return Err(error),
                Err(error) => results.push(Err(error)),
            }
        }
        Ok(results)
    }

    /// The broker gives up a little before this client does, so that its reason arrives.
    pub(super) fn answer_within_ms(&self) -> i32 {
        let timeout = self.cluster.config.request_timeout.as_millis();
        i32::try_from(timeout - timeout / 10).unwrap_or(i32::MAX)
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let by_hand = !topic.assignment.is_empty();
    let assignments = topic.assignment.iter().zip(0..).map(|(replicas, partition)| {
        CreatableReplicaAssignment { partition_index: partition, broker_ids: replicas.clone() }
    });
    let configs = topic.configs.iter().map(|(name, value)| CreatableTopicConfig {
        name: name.as_str().into(),
        value: Some(value.as_str().into()),
    });
    CreatableTopic {
        name: topic.name.as_str().into(),
        num_partitions: topic.partitions.unwrap_or(i32::from(BROKER_DEFAULT)),
        replication_factor: topic.replication_factor.unwrap_or(BROKER_DEFAULT),
        assignments: if by_hand { assignments.collect() } else { Vec::new() },
        configs: configs.collect(),
    }
}

/// A controller that is no controller refuses all topics alike: then the call is tried again as a whole.
pub(super) fn whole_call_error<T>(results: &[Result<T, ClientError>]) -> Option<ClientError> {
    let not_controller = |result: &Result<T, ClientError>| match result {
        Err(error) if error.code() == Some(ErrorCode::NotController) => Some(error.clone()),
        _ => None,
    };
    results.iter().map(not_controller).collect::<Option<Vec<_>>>()?.into_iter().next()
}

fn created(
    topics: &[NewTopic],
    response: &CreateTopicsResponse,
) -> Result<Vec<Result<CreatedTopic, ClientError>>, ClientError> {
    let one = |topic: &NewTopic| {
        let what = format!("create topic {}", topic.name);
        let answer = response.topics.iter().find(|answer| answer.name == topic.name.as_str());
        let answer =
            answer.ok_or_else(|| ClientError::refused(&what, ErrorCode::UnknownServerError, None))?;
        let created = CreatedTopic {
            name: topic.name.clone(),
            id: answer.topic_id,
            partitions: (answer.num_partitions > 0).then_some(answer.num_partitions),
            replication_factor: (answer.replication_factor > 0).then_some(answer.replication_factor),
        };
        item(&what, answer.error_code, answer.error_message.as_deref(), created)
    };
    let results: Vec<_> = topics.iter().map(one).collect();
    whole_call_error(&results).map_or(Ok(results), Err)
}

fn extended(
    topics: &[NewPartitions],
    response: &CreatePartitionsResponse,
) -> Result<Vec<Result<(), ClientError>>, ClientError> {
    let one = |topic: &NewPartitions| {
        let what = format!("more partitions of topic {}", topic.topic);
        let answer = response.results.iter().find(|answer| answer.name == topic.topic.as_str());
        let answer =
            answer.ok_or_else(|| ClientError::refused(&what, ErrorCode::UnknownServerError, None))?;
        item(&what, answer.error_code, answer.error_message.as_deref(), ())
    };
    let results: Vec<_> = topics.iter().map(one).collect();
    whole_call_error(&results).map_or(Ok(results), Err)
}

fn deleted(
    names: &[String],
    response: &DeleteTopicsResponse,
) -> Result<Vec<Result<(), ClientError>>, ClientError> {
    let one = |name: &String| {
        let what = format!("delete topic {name}");
        let answer = response.responses.iter().find(|answer| answer.name.as_deref() == Some(name));
        let answer =
            answer.ok_or_else(|| ClientError::refused(&what, ErrorCode::UnknownServerError, None))?;
        item(&what, answer.error_code, answer.error_message.as_deref(), ())
    };
    let results: Vec<_> = names.iter().map(one).collect();
    whole_call_error(&results).map_or(Ok(results), Err)
}
