//! How far a group has read: one committed offset per partition, as Kafka stores it.
//!
//! Offsets change by records alone. What is asked for here is answered from what is there, or with the records that
//! would change it.

use super::request::DeletedTopic;
use ottla_wire::messages::offset_fetch::{
    OffsetFetchRequestTopics, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use ottla_wire::messages::records::OffsetCommitValue;
use ottla_wire::{Uuid, WireStr};
use std::collections::BTreeMap;

/// From when the retention of a group's offsets is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    Never,
    /// From this instant on, for all of them.
    Since(i64),
    /// From the commit of each.
    SinceCommit,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub struct Offsets {
    /// No topic here is without a partition.
    by_topic: BTreeMap<WireStr, BTreeMap<i32, OffsetCommitValue>>,
}

/// A partition of a topic.
pub type Place = (WireStr, i32);

impl Offsets {
    pub fn is_empty(&self) -> bool {
        self.by_topic.is_empty()
    }

    /// Takes in a record. What is kept shares no memory with it.
    pub fn apply(&mut self, topic: &WireStr, partition: i32, value: Option<OffsetCommitValue>) {
        match value {
            Some(mut value) => {
                value.metadata = value.metadata.detach();
                if !self.by_topic.contains_key(topic) {
                    self.by_topic.insert(topic.detach(), BTreeMap::new());
                }
                if let Some(partitions) = self.by_topic.get_mut(topic) {
                    partitions.insert(partition, value);
                }
            }
            None => {
                if let Some(partitions) = self.by_topic.get_mut(topic) {
                    partitions.remove(&partition);
                    if partitions.is_empty() {
                        self.by_topic.remove(topic);
                    }
                }
            }
        }
    }

    pub fn get(&self, topic: &str, partition: i32) -> Option<&OffsetCommitValue> {
        self.by_topic.get(topic)?.get(&partition)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&WireStr, i32, &OffsetCommitValue)> {
        let partitions = |(topic, partitions)| (std::iter::repeat(topic), partitions);
        self.by_topic.iter().map(partitions).flat_map(
            |(topics, partitions): (_, &BTreeMap<i32, OffsetCommitValue>)| {
                topics.zip(partitions).map(|(topic, (partition, value))| (topic, *partition, value))
            },
        )
    }

    pub fn places(&self) -> Vec<Place> {
        self.iter().map(|(topic, partition, _)| (topic.clone(), partition)).collect()
    }

    /// The offsets of these partitions, -1 where there is none. An offset of an earlier topic of the same name is none.
    pub fn fetch(&self, topics: &[OffsetFetchRequestTopics]) -> Vec<OffsetFetchResponseTopics> {
        let of_topic = |topic: &OffsetFetchRequestTopics| {
            let partition = |index: &i32| {
                let value = self.get(&topic.name, *index).filter(|value| is_of(value, topic.topic_id));
                value.map_or_else(|| unknown(*index), |value| known(*index, value))
            };
            OffsetFetchResponseTopics {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions: topic.partition_indexes.iter().map(partition).collect(),
            }
        };
        topics.iter().map(of_topic).collect()
    }

    /// Everything that is committed. The topic's id is the one that was committed with, zero where none was.
    pub fn fetch_all(&self) -> Vec<OffsetFetchResponseTopics> {
        let of_topic = |(name, partitions): (&WireStr, &BTreeMap<i32, OffsetCommitValue>)| {
            let ids = partitions.values().map(|value| value.topic_id);
            OffsetFetchResponseTopics {
                name: name.clone(),
                topic_id: ids.into_iter().find(|id| !id.is_zero()).unwrap_or_default(),
                partitions: partitions.iter().map(|(index, value)| known(*index, value)).collect(),
            }
        };
        self.by_topic.iter().map(of_topic).collect()
    }

    /// Offsets whose time is over, and whether no other remains.
    pub fn expired(
        &self,
        expiry: Expiry,
        now_ms: i64,
        retention_ms: i64,
        is_subscribed: impl Fn(&str) -> bool,
    ) -> (Vec<Place>, bool) {
        let is_over = |value: &OffsetCommitValue| {
            let since = match expiry {
                Expiry::Never => return false,
                _ if value.expire_timestamp >= 0 => return now_ms >= value.expire_timestamp,
                Expiry::Since(since) => since,
                Expiry::SinceCommit => value.commit_timestamp,
            };
            now_ms.saturating_sub(since) >= retention_ms
        };
        let mut over = Vec::new();
        let mut others = false;
        for (topic, partition, value) in self.iter() {
            if is_over(value) && !is_subscribed(topic) {
                over.push((topic.clone(), partition));
            } else {
                others = true;
            }
        }
        (over, !others)
    }

    /// Offsets that were committed to topics which are gone.
    pub fn of_deleted(&self, topics: &[DeletedTopic]) -> Vec<Place> {
        let mut places = Vec::new();
        for topic in topics {
            let partitions = self.by_topic.get(&topic.name).into_iter().flatten();
            let gone = partitions.filter(|(_, value)| is_of(value, topic.id));
            places.extend(gone.map(|(partition, _)| (topic.name.clone(), *partition)));
        }
        places
    }
}

/// Whether an offset was committed to the topic with this id, as far as both are known.
fn is_of(value: &OffsetCommitValue, id: Uuid) -> bool {
    value.topic_id.is_zero() || id.is_zero() || value.topic_id == id
}

fn known(partition_index: i32, value: &OffsetCommitValue) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: value.offset,
        committed_leader_epoch: value.leader_epoch,
        metadata: Some(value.metadata.clone()),
        error_code: 0,
    }
}

fn unknown(partition_index: i32) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(WireStr::default()),
        error_code: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(commit_timestamp: i64, expire_timestamp: i64) -> OffsetCommitValue {
        OffsetCommitValue { commit_timestamp, expire_timestamp, ..Default::default() }
    }

    #[test]
    fn offsets_expire_as_the_group_says() {
        use Expiry::{Never, Since, SinceCommit};
        let table = [
            // expiry, commit, own expiry, subscribed, now -> over
            (Never, 0, -1, false, i64::MAX, false),
            (Never, 0, 5, false, i64::MAX, false),
            (SinceCommit, 100, -1, false, 109, false),
            (SinceCommit, 100, -1, false, 110, true),
            (SinceCommit, 100, -1, true, 110, false),
            (SinceCommit, 100, 500, false, 499, false),
            (SinceCommit, 100, 500, false, 500, true),
            (SinceCommit, 100, 105, false, 105, true),
            (Since(200), 100, -1, false, 209, false),
            (Since(200), 100, -1, false, 210, true),
            (Since(200), 100, 205, false, 205, true),
            (Since(i64::MIN), 100, -1, false, i64::MAX, true),
        ];
        for (expiry, commit, own, subscribed, now, over) in table {
            let mut offsets = Offsets::default();
            offsets.apply(&"t".into(), 0, Some(value(commit, own)));
            let (places, all) = offsets.expired(expiry, now, 10, |_| subscribed);
            let expected = if over { vec![("t".into(), 0)] } else { Vec::new() };
            assert_eq!((places, all), (expected, over), "{expiry:?} {commit} {own} {subscribed} {now}");
        }
    }

    #[test]
    fn an_offset_of_an_earlier_topic_of_that_name_is_none() {
        let (old, new) = (Uuid([1; 16]), Uuid([2; 16]));
        for (stored, asked, offset) in
            [(old, old, 7), (old, new, -1), (Uuid::ZERO, new, 7), (old, Uuid::ZERO, 7)]
        {
            let mut offsets = Offsets::default();
            let value = OffsetCommitValue { offset: 7, topic_id: stored, ..Default::default() };
            offsets.apply(&"t".into(), 0, Some(value));
            let asked =
                OffsetFetchRequestTopics { name: "t".into(), topic_id: asked, partition_indexes: vec![0] };
            assert_eq!(offsets.fetch(&[asked])[0].partitions[0].committed_offset, offset);
        }
    }
}
