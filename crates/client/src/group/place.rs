//! Where a member starts to read what it was given: at the committed offset, else where the policy says.

use super::offsets::{OnlyStable, committed};
use super::{Coordinator, GroupConfig};
use crate::admin::{OffsetSpec, PartitionKey, list_offsets};
use crate::cluster::Cluster;
use crate::consumer::{ConsumerConfig, Isolation, OffsetReset};
use crate::errors::ClientError;
use std::collections::BTreeSet;

/// An offset for each partition, or why there is none.
pub(super) type Places = Vec<(PartitionKey, Result<i64, ClientError>)>;

pub(super) async fn place(
    cluster: &Cluster,
    coordinator: &Coordinator,
    config: &GroupConfig,
    consumer: &ConsumerConfig,
    added: &BTreeSet<PartitionKey>,
) -> Result<Places, ClientError> {
    if added.is_empty() {
        return Ok(Places::new());
    }
    let wanted: Vec<PartitionKey> = added.iter().cloned().collect();
    let only_stable = match consumer.isolation {
        Isolation::ReadCommitted => OnlyStable::Yes,
        Isolation::ReadUncommitted => OnlyStable::No,
    };
    let mut found = committed(coordinator, Some(&wanted), only_stable).await?;
    let spec = match consumer.offset_reset {
        OffsetReset::Earliest => OffsetSpec::Earliest,
        OffsetReset::Latest => OffsetSpec::Latest,
        OffsetReset::Fail => {
            let missing = |key: PartitionKey| {
                let error = ClientError::NoCommittedOffset {
                    group: config.group_id.clone(),
                    topic: key.topic.clone(),
                    partition: key.partition,
                };
                (key, Err(error))
            };
            let placed = |key: PartitionKey| match found.remove(&key) {
                Some(committed) => (key, committed.map(|committed| committed.offset)),
                None => missing(key),
            };
            return Ok(wanted.into_iter().map(placed).collect());
        }
    };
    let without: Vec<_> = wanted.iter().filter(|key| !found.contains_key(*key)).cloned().collect();
    let asked: Vec<_> = without.into_iter().map(|key| (key, spec)).collect();
    let mut ends = match asked.is_empty() {
        true => Default::default(),
        false => list_offsets(cluster, &asked, consumer.isolation).await?,
    };
    let unanswered =
        |key: &PartitionKey| ClientError::NoPartition { topic: key.topic.clone(), partition: key.partition };
    let placed = |key: PartitionKey| {
        let offset = match found.remove(&key) {
            Some(committed) => committed.map(|committed| committed.offset),
            None => match ends.remove(&key) {
                Some(listed) => listed.map(|listed| listed.offset.unwrap_or(0)),
                None => Err(unanswered(&key)),
            },
        };
        (key, offset)
    };
    Ok(wanted.into_iter().map(placed).collect())
}
