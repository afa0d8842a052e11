//! Offsets of partitions: the first, the next to be written, or the first at or after a time.

use super::Admin;
use super::leaders::{Answers, LeaderCall, ask_leaders};
use crate::cluster::{ANY_VERSION, Cluster};
use crate::connections::Lane;
use crate::consumer::Isolation;
use crate::errors::ClientError;
use ottla_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
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

pub(crate) async fn list_offsets(
    cluster: &Cluster,
    wanted: &[(PartitionKey, OffsetSpec)],
    isolation: Isolation,
) -> Result<Answers<ListedOffset>, ClientError> {
    ask_leaders(cluster, &ListOffsets { isolation }, wanted).await
}

struct ListOffsets {
    isolation: Isolation,
}

impl LeaderCall for ListOffsets {
    type Asked = OffsetSpec;
    type Answer = ListedOffset;

    async fn ask(
        &self,
        cluster: &Cluster,
        leader: i32,
        asked: &[(PartitionKey, OffsetSpec)],
    ) -> Result<Answers<ListedOffset>, ClientError> {
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
            isolation_level: self.isolation.to_wire(),
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
        let response = connection.call(&request, cluster.call(ANY_VERSION)).await?;
        let answer = |(key, _): &(PartitionKey, OffsetSpec)| {
            let of_topic = response.topics.iter().find(|topic| topic.name == key.topic.as_str())?;
            let answer = of_topic.partitions.iter().find(|p| p.partition_index == key.partition)?;
            Some((key.clone(), listed(key, answer)))
        };
        Ok(asked.iter().filter_map(answer).collect())
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
