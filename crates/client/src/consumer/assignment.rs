//! Where to start: places as people name them, resolved to offsets by the partitions' leaders.

use super::{ConsumerConfig, Isolation, OffsetReset};
use crate::admin::{ListedOffset, OffsetSpec, PartitionKey};
use crate::cluster::Cluster;
use crate::errors::ClientError;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Beginning,
    /// Only what is written from now on.
    End,
    Offset(i64),
    /// So many before the end, or the beginning where there are fewer.
    BeforeEnd(u64),
    /// The first record at this time or later, in milliseconds since 1970; the end where there is none.
    Timestamp(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub topic: String,
    pub partition: i32,
    pub start: Start,
}

/// An offset for each partition. A partition that is named twice keeps its last start.
pub(super) async fn resolve(
    cluster: &Cluster,
    assignments: &[Assignment],
    isolation: Isolation,
) -> Result<BTreeMap<PartitionKey, i64>, ClientError> {
    let mut starts = BTreeMap::new();
    for Assignment { topic, partition, start } in assignments {
        starts.insert(PartitionKey { topic: topic.clone(), partition: *partition }, *start);
    }
    // The last question is asked of all: it also finds topics and partitions that do not exist.
    let latest = ask(cluster, starts.keys().map(|key| (key.clone(), OffsetSpec::Latest)), isolation).await?;
    let beginnings =
        starts.iter().filter(|(_, start)| matches!(start, Start::Beginning | Start::BeforeEnd(_)));
    let beginnings = beginnings.map(|(key, _)| (key.clone(), OffsetSpec::Earliest));
    let earliest = ask(cluster, beginnings, isolation).await?;
    let times = starts.iter().filter_map(|(key, start)| match start {
        Start::Timestamp(ms) => Some((key.clone(), OffsetSpec::AtOrAfter(*ms))),
        _ => None,
    });
    let at_times = ask(cluster, times, isolation).await?;
    let offset = |key: &PartitionKey, start: &Start| {
        let end = latest.get(key).and_then(|listed| listed.offset).unwrap_or(0);
        let first = earliest.get(key).and_then(|listed| listed.offset).unwrap_or(0);
        match start {
            Start::Beginning => first,
            Start::End => end,
            Start::Offset(offset) => *offset,
            Start::BeforeEnd(count) => {
                end.saturating_sub(i64::try_from(*count).unwrap_or(i64::MAX)).max(first)
            }
            Start::Timestamp(_) => at_times.get(key).and_then(|listed| listed.offset).unwrap_or(end),
        }
    };
    Ok(starts.iter().map(|(key, start)| (key.clone(), offset(key, start))).collect())
}

async fn ask(
    cluster: &Cluster,
    wanted: impl Iterator<Item = (PartitionKey, OffsetSpec)>,
    isolation: Isolation,
) -> Result<BTreeMap<PartitionKey, ListedOffset>, ClientError> {
    let wanted: Vec<_> = wanted.collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let answers = crate::admin::list_offsets(cluster, &wanted, isolation).await?;
    answers.into_iter().map(|(key, answer)| Ok((key, answer?))).collect()
}

/// Where to go on from an offset that the log does not have. An error that tells so names what it has, which the broker
/// leaves out of its refusal.
pub(super) async fn after_out_of_range(
    cluster: &Cluster,
    key: &PartitionKey,
    offset: i64,
    config: &ConsumerConfig,
) -> Result<i64, ClientError> {
    let place = async |spec| {
        let mut answers = ask(cluster, std::iter::once((key.clone(), spec)), config.isolation).await?;
        Ok::<i64, ClientError>(answers.remove(key).and_then(|listed| listed.offset).unwrap_or(0))
    };
    if config.offset_reset != OffsetReset::Fail {
        let then = config.offset_reset;
        tracing::warn!(topic = key.topic, partition = key.partition, offset, ?then, "offset out of range");
    }
    match config.offset_reset {
        OffsetReset::Earliest => place(OffsetSpec::Earliest).await,
        OffsetReset::Latest => place(OffsetSpec::Latest).await,
        OffsetReset::Fail => Err(ClientError::OffsetOutOfRange {
            topic: key.topic.clone(),
            partition: key.partition,
            offset,
            log_start: place(OffsetSpec::Earliest).await?,
            high_watermark: place(OffsetSpec::Latest).await?,
        }),
    }
}
