//! Offsets of partitions: the first, the next to be written, or the first at or after a time.

use super::Admin;
use crate::cluster::{ANY_VERSION, Cluster, Creation};
use crate::connections::Lane;
use crate::consumer::Isolation;
use crate::errors::{ClientError, ErrorClass};
use ottla_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopic,
};
use ottla_wire::{ErrorCode, Message};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    pub topic: String,
    pub partition: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first one that is still there.
    Earliest,
    /// The one behind the last; of `read_committed`, the last stable one.
    Latest,
    /// The first record at this time or later, in milliseconds since 1970.
    AtOrAfter(i64),
    /// The first of the records with the newest timestamp (KIP-734); of an empty partition, none.
    MaxTimestamp,
}

/// Older brokers take the question for "at or after" and answer with the first record.
const MAX_TIMESTAMP_SINCE: i16 = 7;

impl OffsetSpec {
    fn timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::AtOrAfter(ms) => ms.max(0),
            Self::MaxTimestamp => -3,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOffset {
    /// `None`: no record is at or after that time.
    pub offset: Option<i64>,
    /// Of the record found; -1 for the ends.
    pub timestamp: i64,
    pub leader_epoch: i32,
}

type Answers = BTreeMap<PartitionKey, Result<ListedOffset, ClientError>>;

impl Admin {
    /// Results are in the order of `wanted`; each partition may be wanted once.
    pub async fn list_offsets(
        &self,
        wanted: &[(PartitionKey, OffsetSpec)],
        isolation: Isolation,
    ) -> Result<Vec<Result<ListedOffset, ClientError>>, ClientError> {
        let mut found = list_offsets(&self.cluster, wanted, isolation).await?;
        let unanswered = |key: &PartitionKey| {
            let what = format!("offsets of {}/{}", key.topic, key.partition);
            Err(ClientError::refused(what, ErrorCode::UnknownServerError, None))
        };
        Ok(wanted.iter().map(|(key, _)| found.remove(key).unwrap_or_else(|| unanswered(key))).collect())
    }
}

/// Asks the leaders, and asks again for what moved, until all is answered or the deadline passes.
pub(crate) async fn list_offsets(
    cluster: &Cluster,
    wanted: &[(PartitionKey, OffsetSpec)],
    isolation: Isolation,
) -> Result<Answers, ClientError> {
    let mut attempts = cluster.attempts(cluster.call_deadline());
    let mut answers = Answers::new();
    let mut left: Vec<(PartitionKey, OffsetSpec)> = wanted.to_vec();
    loop {
        let mut again = None;
        let (by_leader, unknown) = by_leader(cluster, &left, &mut answers).await?;
        again = unknown.or(again);
        for (leader, asked) in by_leader {
            match ask(cluster, leader, &asked, isolation).await {
                Ok(response) => take(cluster, &asked, &response, &mut answers, &mut again),
                Err(error) if error.is_retriable() => {
                    asked.iter().for_each(|(key, _)| cluster.metadata.mark_stale(&key.topic));
                    again = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        left.retain(|(key, _)| !answers.contains_key(key));
        let Some(error) = again.filter(|_| !left.is_empty()) else { return Ok(answers) };
        if let Err(error) = attempts.after(error).await {
            if error.is_unreachable() {
                return Err(error);
            }
            answers.extend(left.into_iter().map(|(key, _)| (key, Err(error.clone()))));
            return Ok(answers);
        }
    }
}

type ByLeader = BTreeMap<i32, Vec<(PartitionKey, OffsetSpec)>>;

/// Groups the partitions by leader. What does not exist is answered here; the error names one without a leader.
async fn by_leader(
    cluster: &Cluster,
    left: &[(PartitionKey, OffsetSpec)],
    answers: &mut Answers,
) -> Result<(ByLeader, Option<ClientError>), ClientError> {
    let mut by_leader = ByLeader::new();
    let mut leaderless = None;
    for (key, spec) in left {
        let topic = match cluster.topic(&key.topic, Creation::Never, cluster.call_deadline()).await {
            Ok(topic) => topic,
            Err(error) if error.is_unreachable() => return Err(error),
            Err(error) => {
                answers.insert(key.clone(), Err(error));
                continue;
            }
        };
        match topic.partition(key.partition) {
            None => {
                let error = ClientError::NoPartition { topic: key.topic.clone(), partition: key.partition };
                answers.insert(key.clone(), Err(error));
            }
            Some(partition) => match partition.leader {
                Some(leader) => by_leader.entry(leader).or_default().push((key.clone(), *spec)),
                None => {
                    cluster.metadata.mark_stale(&key.topic);
                    let what = format!("{}/{}", key.topic, key.partition);
                    leaderless = Some(ClientError::refused(what, ErrorCode::LeaderNotAvailable, None));
                }
            },
        }
    }
    Ok((by_leader, leaderless))
}

async fn ask(
    cluster: &Cluster,
    leader: i32,
    asked: &[(PartitionKey, OffsetSpec)],
    isolation: Isolation,
) -> Result<ListOffsetsResponse, ClientError> {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (key, spec) in asked {
        topics.entry(&key.topic).or_default().push(ListOffsetsPartition {
            partition_index: key.partition,
            timestamp: spec.timestamp(),
            ..Default::default()
        });
    }
    let request = ListOffsetsRequest {
        replica_id: -1,
        isolation_level: isolation.to_wire(),
        topics: topics
            .into_iter()
            .map(|(name, partitions)| ListOffsetsTopic { name: name.into(), partitions })
            .collect(),
        timeout_ms: i32::try_from(cluster.config.request_timeout.as_millis()).unwrap_or(i32::MAX),
    };
    let connection = cluster.node(leader, Lane::Calls).await?;
    let version = connection.version::<ListOffsetsRequest>(ANY_VERSION)?;
    if version < MAX_TIMESTAMP_SINCE && asked.iter().any(|(_, spec)| *spec == OffsetSpec::MaxTimestamp) {
        return Err(ClientError::Unsupported {
            peer: connection.peer().to_owned(),
            api: "ListOffsets",
            ours: (MAX_TIMESTAMP_SINCE, ListOffsetsRequest::VERSIONS.1),
            theirs: Some((0, version)),
        });
    }
    connection.call(&request, cluster.call(ANY_VERSION)).await
}

fn take(
    cluster: &Cluster,
    asked: &[(PartitionKey, OffsetSpec)],
    response: &ListOffsetsResponse,
    answers: &mut Answers,
    again: &mut Option<ClientError>,
) {
    for (key, _) in asked {
        let of_topic = response.topics.iter().find(|topic| topic.name == key.topic.as_str());
        let answer = of_topic.and_then(|t| t.partitions.iter().find(|p| p.partition_index == key.partition));
        let Some(answer) = answer else { continue };
        match listed(key, answer) {
            Err(error) if error.is_retriable() => {
                if error.class() == ErrorClass::NeedsMetadata {
                    cluster.metadata.mark_stale(&key.topic);
                }
                *again = Some(error);
            }
            result => drop(answers.insert(key.clone(), result)),
        }
    }
}

fn listed(key: &PartitionKey, answer: &ListOffsetsPartitionResponse) -> Result<ListedOffset, ClientError> {
    match ErrorCode::from_code(answer.error_code) {
        ErrorCode::None => {}
        code => {
            let what = format!("offsets of {}/{}", key.topic, key.partition);
            return Err(ClientError::refused(what, code, None));
        }
    }
    // Version 0 answers with a list instead.
    let offset = answer.old_style_offsets.first().copied().unwrap_or(answer.offset);
    Ok(ListedOffset {
        offset: (offset >= 0).then_some(offset),
        timestamp: answer.timestamp,
        leader_epoch: answer.leader_epoch,
    })
}
