//! Records that are given up: all of a partition below an offset.

use super::leaders::{Answers, LeaderCall, ask_leaders};
use super::{Admin, PartitionKey};
use crate::cluster::{ANY_VERSION, Cluster};
use crate::connections::Lane;
use crate::errors::ClientError;
use ottla_wire::ErrorCode;
use ottla_wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsTopic,
};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteBefore {
    /// The first offset that stays.
    Offset(i64),
    /// Everything that consumers can see when the leader is asked.
    End,
}

impl DeleteBefore {
    fn to_wire(self) -> i64 {
        match self {
            Self::Offset(offset) => offset,
            Self::End => -1,
        }
    }
}

impl Admin {
    /// The first offset that each partition holds afterwards, in the order of `wanted`; each partition may be wanted
    /// once.
    pub async fn delete_records(
        &self,
        wanted: &[(PartitionKey, DeleteBefore)],
    ) -> Result<Vec<Result<i64, ClientError>>, ClientError> {
        if let Some((key, before)) =
            wanted.iter().find(|(_, before)| matches!(before, DeleteBefore::Offset(..0)))
        {
            let problem = format!("{}/{} before {}", key.topic, key.partition, before.to_wire());
            return Err(ClientError::Invalid(format!("{problem}: an offset is not negative")));
        }
        let call = DeleteRecords { timeout_ms: self.answer_within_ms() };
        let mut deleted = ask_leaders(&self.cluster, &call, wanted).await?;
        let unanswered =
            |key: &PartitionKey| Err(ClientError::refused(what(key), ErrorCode::UnknownServerError, None));
        Ok(wanted.iter().map(|(key, _)| deleted.remove(key).unwrap_or_else(|| unanswered(key))).collect())
    }
}

fn what(key: &PartitionKey) -> String {
    format!("delete records of {}/{}", key.topic, key.partition)
}

struct DeleteRecords {
    timeout_ms: i32,
}

impl LeaderCall for DeleteRecords {
    type Asked = DeleteBefore;
    type Answer = i64;

    async fn ask(
        &self,
        cluster: &Cluster,
        leader: i32,
        asked: &[(PartitionKey, DeleteBefore)],
    ) -> Result<Answers<i64>, ClientError> {
        let mut topics: BTreeMap<&str, Vec<DeleteRecordsPartition>> = BTreeMap::new();
        for (key, before) in asked {
            topics
                .entry(&key.topic)
                .or_default()
                .push(DeleteRecordsPartition { partition_index: key.partition, offset: before.to_wire() });
        }
        let topics = topics.into_iter();
        let topics = topics.map(|(name, partitions)| DeleteRecordsTopic { name: name.into(), partitions });
        let request = DeleteRecordsRequest { topics: topics.collect(), timeout_ms: self.timeout_ms };
        let connection = cluster.node(leader, Lane::Calls).await?;
        let response = connection.call(&request, cluster.call(ANY_VERSION)).await?;
        let answer = |(key, _): &(PartitionKey, DeleteBefore)| {
            let of_topic = response.topics.iter().find(|topic| topic.name == key.topic.as_str())?;
            let answer = of_topic.partitions.iter().find(|p| p.partition_index == key.partition)?;
            Some((key.clone(), deleted(key, answer)))
        };
        Ok(asked.iter().filter_map(answer).collect())
    }
}

fn deleted(key: &PartitionKey, answer: &DeleteRecordsPartitionResult) -> Result<i64, ClientError> {
    match ErrorCode::from_code(answer.error_code) {
        ErrorCode::None => Ok(answer.low_watermark),
        code => Err(ClientError::refused(what(key), code, None)),
    }
}
