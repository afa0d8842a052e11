//! What a client knows of its cluster: brokers, controller, and the topics it asked about.
//!
//! [`View`] is a value that is replaced as a whole, so a reader never sees half of an answer. A topic is stale when it
//! is too old, or when a broker said that somebody else leads it; nothing here asks anybody, that is `cluster`.

use crate::errors::ClientError;
use ottla_wire::messages::metadata::{MetadataResponse, MetadataResponseTopic};
use ottla_wire::{ErrorCode, Uuid, WireStr};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Topics that are remembered; a client that touches more asks again.
const TOPICS_MAX: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerMetadata {
    pub node_id: i32,
    pub host: String,
    pub port: u16,
    pub rack: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionMetadata {
    pub partition: i32,
    /// `None` while there is none.
    pub leader: Option<i32>,
    /// -1 where the broker is too old to say.
    pub leader_epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub offline: Vec<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMetadata {
    pub name: String,
    /// Zero where the broker is too old to have them.
    pub id: Uuid,
    pub is_internal: bool,
    /// In order, without gaps.
    pub partitions: Vec<PartitionMetadata>,
}

impl TopicMetadata {
    pub fn partition(&self, partition: i32) -> Option<&PartitionMetadata> {
        usize::try_from(partition).ok().and_then(|index| self.partitions.get(index))
    }

    /// A topic of an answer, or the error it stands for. The name is given for answers that carry only the id.
    pub(crate) fn of(topic: &MetadataResponseTopic) -> Result<Self, ClientError> {
        let name = topic.name.as_deref().unwrap_or_default().to_owned();
        match ErrorCode::from_code(topic.error_code) {
            ErrorCode::None => {}
            code => return Err(ClientError::refused(format!("topic {name}"), code, None)),
        }
        let mut partitions: Vec<_> = topic
            .partitions
            .iter()
            .map(|partition| PartitionMetadata {
                partition: partition.partition_index,
                leader: (partition.leader_id >= 0).then_some(partition.leader_id),
                leader_epoch: partition.leader_epoch,
                replicas: partition.replica_nodes.clone(),
                isr: partition.isr_nodes.clone(),
                offline: partition.offline_replicas.clone(),
            })
            .collect();
        partitions.sort_by_key(|partition| partition.partition);
        let in_order = partitions.iter().zip(0..).all(|(partition, index)| partition.partition == index);
        if !in_order || partitions.is_empty() {
            let code = ErrorCode::LeaderNotAvailable;
            return Err(ClientError::refused(format!("topic {name}"), code, Some("partitions are missing")));
        }
        Ok(Self { name, id: topic.topic_id, is_internal: topic.is_internal, partitions })
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub cluster_id: Option<WireStr>,
    pub controller_id: Option<i32>,
    pub brokers: BTreeMap<i32, BrokerMetadata>,
    topics: BTreeMap<String, Known>,
}

#[derive(Debug, Clone)]
struct Known {
    topic: Arc<TopicMetadata>,
    at: Instant,
    is_stale: bool,
}

/// The view in force. The lock guards the exchange of the pointer and is never held across a wait.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    view: Mutex<Arc<View>>,
}

impl Metadata {
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.lock().expect("no holder of this lock can panic"))
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.lock().expect("no holder of this lock can panic");
        change(Arc::make_mut(&mut view));
    }

    /// Takes an answer in: brokers as a whole, topics one by one. Topics with an error are forgotten.
    pub fn merge(&self, response: &MetadataResponse) {
        let at = Instant::now();
        self.change(|view| {
            view.cluster_id = response.cluster_id.as_ref().map(WireStr::detach).or(view.cluster_id.take());
            view.controller_id = (response.controller_id >= 0).then_some(response.controller_id);
            view.brokers = response
                .brokers
                .iter()
                .filter_map(|broker| {
                    let port = u16::try_from(broker.port).ok()?;
                    let rack = broker.rack.as_deref().map(str::to_owned);
                    let host = broker.host.to_string();
                    Some((broker.node_id, BrokerMetadata { node_id: broker.node_id, host, port, rack }))
                })
                .collect();
            for topic in &response.topics {
                let Some(name) = topic.name.as_deref() else { continue };
                match TopicMetadata::of(topic) {
                    Ok(topic) if view.topics.len() < TOPICS_MAX || view.topics.contains_key(name) => {
                        let known = Known { topic: Arc::new(topic), at, is_stale: false };
                        view.topics.insert(name.to_owned(), known);
                    }
                    _ => drop(view.topics.remove(name)),
                }
            }
        });
    }

    /// A topic that may be used without asking.
    pub fn fresh_topic(&self, name: &str, max_age: Duration) -> Option<Arc<TopicMetadata>> {
        let view = self.view.lock().expect("no holder of this lock can panic");
        let known = view.topics.get(name)?;
        (!known.is_stale && known.at.elapsed() < max_age).then(|| Arc::clone(&known.topic))
    }

    /// The topic as last heard of, however long ago.
    pub fn topic(&self, name: &str) -> Option<Arc<TopicMetadata>> {
        let view = self.view.lock().expect("no holder of this lock can panic");
        view.topics.get(name).map(|known| Arc::clone(&known.topic))
    }

    /// The next user of the topic asks first.
    pub fn mark_stale(&self, name: &str) {
        self.change(|view| {
            if let Some(known) = view.topics.get_mut(name) {
                known.is_stale = true;
            }
        });
    }

    pub fn forget_topic(&self, name: &str) {
        self.change(|view| drop(view.topics.remove(name)));
    }

    /// Another cluster answers at the addresses we knew: only the bootstrap list can be trusted.
    pub fn forget_brokers(&self) {
        self.change(|view| *view = View::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_wire::messages::metadata::{MetadataResponseBroker, MetadataResponsePartition};

    fn partition(index: i32, leader: i32) -> MetadataResponsePartition {
        MetadataResponsePartition { partition_index: index, leader_id: leader, ..Default::default() }
    }

    fn topic(name: &str, code: ErrorCode, partitions: &[(i32, i32)]) -> MetadataResponseTopic {
        MetadataResponseTopic {
            error_code: code.code(),
            name: Some(name.into()),
            partitions: partitions.iter().map(|(index, leader)| partition(*index, *leader)).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn partitions_are_sorted_and_gaps_count_as_not_there_yet() {
        let of = |partitions: &[(i32, i32)]| TopicMetadata::of(&topic("t", ErrorCode::None, partitions));
        let sorted = of(&[(1, 7), (0, -1)]).unwrap();
        assert_eq!(sorted.partitions.iter().map(|p| p.leader).collect::<Vec<_>>(), [None, Some(7)]);
        assert!(sorted.partition(2).is_none() && sorted.partition(-1).is_none());
        for missing in [&[][..], &[(1, 7)], &[(0, 7), (0, 7)]] {
            assert!(of(missing).unwrap_err().is_retriable(), "{missing:?}");
        }
        let error = TopicMetadata::of(&topic("t", ErrorCode::InvalidTopicException, &[])).unwrap_err();
        assert!(!error.is_retriable());
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_is_fresh_until_it_is_old_stale_or_gone() {
        let metadata = Metadata::default();
        let age = Duration::from_secs(60);
        let answer = |code| MetadataResponse {
            brokers: vec![MetadataResponseBroker { node_id: 7, port: 9092, ..Default::default() }],
            topics: vec![topic("t", code, &[(0, 7)])],
            ..Default::default()
        };
        metadata.merge(&answer(ErrorCode::None));
        assert_eq!(metadata.view().brokers[&7].port, 9092);
        assert!(metadata.fresh_topic("t", age).is_some());
        tokio::time::advance(age).await;
        assert!(metadata.fresh_topic("t", age).is_none() && metadata.topic("t").is_some());
        metadata.merge(&answer(ErrorCode::None));
        metadata.mark_stale("t");
        assert!(metadata.fresh_topic("t", age).is_none());
        metadata.merge(&answer(ErrorCode::UnknownTopicOrPartition));
        assert!(metadata.topic("t").is_none());
    }
}
