//! The cluster's metadata as one immutable value.
//!
//! An image is cheap to clone (its tables are shared) and never changes: [`Image::apply`] makes the next one. Readers
//! hold an `Arc<Image>` and see one consistent instant. Invariant: `names` and `topics` describe the same topics, and
//! every partition's leader epoch already counts the unclean restarts of its leader (durability rule R8). The number of
//! partitions is kept, because every command that makes some compares it with a limit.

use crate::change::Change;
use crate::quota::ClientQuotas;
use crate::{NodeId, TopicId, topic_name};
use ottla_wire::{Uuid, WireStr};
use std::collections::BTreeMap;
use std::sync::Arc;

pub type Configs = BTreeMap<String, String>;

/// What never changes after the first start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// As clients see it: any text, 22 characters of base64 unless somebody chose it.
    pub id: String,
    pub created_ms: i64,
}

/// A listener as other brokers and clients reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub listener: String,
    pub host: String,
    pub port: u16,
}

/// A registered broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    pub id: NodeId,
    /// The revision that created the registration: every session of a broker has another one.
    pub epoch: i64,
    pub endpoints: Vec<Endpoint>,
    pub rack: Option<String>,
    pub directory: Uuid,
    /// Another one at every start of the process.
    pub incarnation: Uuid,
    /// The last stop of this broker was a clean one.
    pub clean_start: bool,
    /// Feature -> lowest and highest level the broker can run with.
    pub features: BTreeMap<String, (i16, i16)>,
}

/// Who makes the copies of a topic's data, and so what moves its high watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StorageClass {
    /// One broker's disk.
    #[default]
    Local,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    pub leader: NodeId,
    /// Raised by every election and by every unclean restart of the leader.
    pub leader_epoch: i32,
    /// Raised by every change of the partition's state.
    pub partition_epoch: i32,
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    /// Unclean restarts of the leader that the two epochs above already count.
    pub restarts: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub id: TopicId,
    pub name: WireStr,
    pub storage: StorageClass,
    /// By partition number, without holes; never empty.
    pub partitions: Arc<Vec<Partition>>,
    /// The topic's own settings, by name.
    pub configs: Arc<Configs>,
}

impl Topic {
    pub fn replication_factor(&self) -> usize {
        self.partitions.first().map_or(0, |partition| partition.replicas.len())
    }

    pub fn is_internal(&self) -> bool {
        topic_name::is_internal(&self.name)
    }

    pub fn partition(&self, index: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(index).ok()?)
    }
}

/// A topic whose data is being removed (durability rule C2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedTopic {
    pub id: TopicId,
    pub name: WireStr,
    pub partitions: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    pub(crate) cluster: Option<Cluster>,
    pub(crate) features: BTreeMap<String, i16>,
    pub(crate) controller: Option<NodeId>,
    pub(crate) controller_epoch: i32,
    pub(crate) brokers: BTreeMap<NodeId, Arc<Broker>>,
    pub(crate) restarts: BTreeMap<NodeId, u32>,
    pub(crate) names: Arc<BTreeMap<WireStr, TopicId>>,
    /// Collision key -> name, for names with dots or underscores.
    pub(crate) collisions: Arc<BTreeMap<String, WireStr>>,
    pub(crate) topics: Arc<BTreeMap<TopicId, Arc<Topic>>>,
    pub(crate) deleting: Arc<BTreeMap<TopicId, Arc<DeletedTopic>>>,
    /// Of all topics, those that are being deleted included.
    pub(crate) partition_count: u64,
    pub(crate) broker_defaults: Arc<Configs>,
    /// Never empty ones; so too the next.
    pub(crate) broker_configs: Arc<BTreeMap<NodeId, Arc<Configs>>>,
    pub(crate) group_configs: Arc<BTreeMap<String, Arc<Configs>>>,
    pub(crate) quotas: Arc<ClientQuotas>,
    pub(crate) next_producer_id: i64,
}

impl Image {
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Finalized feature levels.
    pub fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    pub fn controller(&self) -> Option<NodeId> {
        self.controller
    }

    pub fn controller_epoch(&self) -> i32 {
        self.controller_epoch
    }

    /// Registered brokers, by number.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = &Arc<Broker>> {
        self.brokers.values()
    }

    pub fn broker(&self, id: NodeId) -> Option<&Arc<Broker>> {
        self.brokers.get(&id)
    }

    /// How often a broker started after an unclean stop.
    pub fn restarts(&self, id: NodeId) -> u32 {
        self.restarts.get(&id).copied().unwrap_or(0)
    }

    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(self.names.get(name)?)
    }

    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.topics.get(&id)
    }

    /// The topic whose name differs from this one in dots and underscores only.
    pub fn colliding(&self, name: &str) -> Option<&WireStr> {
        self.collisions.get(&topic_name::collision_key(name)?).filter(|other| other.as_str() != name)
    }

    /// All topics, by name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.names.values().filter_map(|id| self.topics.get(id))
    }

    pub fn topic_count(&self) -> usize {
        self.names.len()
    }

    /// Partitions of all topics, and of those whose data still has to go.
    pub fn partition_count(&self) -> u64 {
        self.partition_count
    }

    /// Topics whose data still has to go, by id.
    pub fn deleting(&self) -> impl ExactSizeIterator<Item = &Arc<DeletedTopic>> {
        self.deleting.values()
    }

    pub fn is_deleting(&self, id: TopicId) -> bool {
        self.deleting.contains_key(&id)
    }

    /// Settings that hold for every broker of the cluster, set while it runs.
    pub fn broker_defaults(&self) -> &Arc<Configs> {
        &self.broker_defaults
    }

    /// Settings that one broker was given while it runs; `None`: it has none.
    pub fn broker_configs(&self, node: NodeId) -> Option<&Arc<Configs>> {
        self.broker_configs.get(&node)
    }

    /// A group's settings; `None`: it has none, whether it exists or not.
    pub fn group_configs(&self, group: &str) -> Option<&Arc<Configs>> {
        self.group_configs.get(group)
    }

    /// Groups that have settings, by name.
    pub fn groups_with_configs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.group_configs.keys().map(String::as_str)
    }

    /// What clients and addresses are held to.
    pub fn quotas(&self) -> &Arc<ClientQuotas> {
        &self.quotas
    }

    /// The first producer id that was never handed out.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    /// Takes some changes in their order, in place.
    pub fn advance<'a>(&mut self, changes: impl IntoIterator<Item = &'a Change>) {
        changes.into_iter().for_each(|change| self.take(change));
    }

    /// The image after some changes, in their order.
    #[must_use]
    pub fn apply<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut next = self.clone();
        next.advance(changes);
        next
    }

    /// An image from the stored state, in any order of the entries.
    pub fn from_state(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut changes: Vec<Change> = changes.into_iter().collect();
        // Restarts first, because topics count them; a topic's settings behind the topic.
        changes.sort_by_key(|change| match change {
            Change::Restarts { .. } => 0,
            Change::TopicConfigs { .. } => 2,
            _ => 1,
        });
        Self::default().apply(&changes)
    }

    fn take(&mut self, change: &Change) {
        match change {
            Change::Cluster(cluster) => self.cluster = Some(cluster.clone()),
            Change::Features(features) => self.features = features.clone(),
            Change::Controller(node) => self.controller = *node,
            Change::ControllerEpoch(epoch) => self.controller_epoch = *epoch,
            Change::Broker(broker) => drop(self.brokers.insert(broker.id, Arc::clone(broker))),
            Change::BrokerGone(id) => drop(self.brokers.remove(id)),
            Change::Restarts { node, count } => {
                self.restarts.insert(*node, *count);
                self.raise_epochs(*node);
            }
            Change::TopicName { name, id: Some(id) } => {
                Arc::make_mut(&mut self.names).insert(name.clone(), *id);
                if let Some(key) = topic_name::collision_key(name) {
                    Arc::make_mut(&mut self.collisions).insert(key, name.clone());
                }
            }
            Change::TopicName { name, id: None } => {
                Arc::make_mut(&mut self.names).remove(name);
                if let Some(key) = topic_name::collision_key(name) {
                    Arc::make_mut(&mut self.collisions).remove(&key);
                }
            }
            Change::Topic(topic) => {
                let topic = self.counted(topic);
                let new = topic.partitions.len() as u64;
                let old = Arc::make_mut(&mut self.topics).insert(topic.id, topic);
                self.recount(old.map(|topic| topic.partitions.len() as u64), new);
            }
            Change::TopicGone(id) => {
                let old = Arc::make_mut(&mut self.topics).remove(id);
                self.recount(old.map(|topic| topic.partitions.len() as u64), 0);
            }
            Change::TopicConfigs { id, configs } => {
                if let Some(topic) = Arc::make_mut(&mut self.topics).get_mut(id) {
                    Arc::make_mut(topic).configs = Arc::clone(configs);
                }
            }
            Change::BrokerConfigs { node, configs } => set(&mut self.broker_configs, *node, configs),
            Change::GroupConfigs { group, configs } => set(&mut self.group_configs, group.clone(), configs),
            Change::Quotas { entity, limits } => {
                Arc::make_mut(&mut self.quotas).set(entity.clone(), limits);
            }
            Change::Deleting(topic) => {
                let old = Arc::make_mut(&mut self.deleting).insert(topic.id, Arc::clone(topic));
                self.recount(old.map(|topic| topic.partitions.into()), topic.partitions.into());
            }
            Change::Forgotten(id) => {
                let old = Arc::make_mut(&mut self.deleting).remove(id);
                self.recount(old.map(|topic| topic.partitions.into()), 0);
            }
            Change::BrokerDefaults(configs) => self.broker_defaults = Arc::clone(configs),
            Change::NextProducerId(next) => self.next_producer_id = *next,
        }
    }

    /// What had `old` partitions has `new` ones now.
    fn recount(&mut self, old: Option<u64>, new: u64) {
        self.partition_count = self.partition_count + new - old.unwrap_or(0);
    }

    /// The topic with the restarts of its leaders counted, and with the settings that are known of it.
    fn counted(&self, topic: &Arc<Topic>) -> Arc<Topic> {
        let behind = |p: &Partition| self.restarts(p.leader) > p.restarts;
        let configs = self.topics.get(&topic.id).map(|known| &known.configs);
        if configs.is_none() && !topic.partitions.iter().any(behind) {
            return Arc::clone(topic);
        }
        let mut topic = topic.as_ref().clone();
        if let Some(configs) = configs {
            topic.configs = Arc::clone(configs);
        }
        for partition in Arc::make_mut(&mut topic.partitions) {
            partition.count_restarts(self.restarts(partition.leader));
        }
        Arc::new(topic)
    }

    fn raise_epochs(&mut self, node: NodeId) {
        let count = self.restarts(node);
        for topic in Arc::make_mut(&mut self.topics).values_mut() {
            if topic.partitions.iter().any(|partition| partition.leader == node) {
                let partitions = Arc::make_mut(&mut Arc::make_mut(topic).partitions);
                partitions.iter_mut().filter(|p| p.leader == node).for_each(|p| p.count_restarts(count));
            }
        }
    }
}

/// Puts the settings in their place; empty ones have none.
fn set<K: Ord + Clone>(all: &mut Arc<BTreeMap<K, Arc<Configs>>>, key: K, configs: &Arc<Configs>) {
    let all = Arc::make_mut(all);
    if configs.is_empty() {
        all.remove(&key);
    } else {
        all.insert(key, Arc::clone(configs));
    }
}

impl Partition {
    fn count_restarts(&mut self, count: u32) {
        let missing = i32::try_from(count.saturating_sub(self.restarts)).unwrap_or(i32::MAX);
        self.leader_epoch = self.leader_epoch.saturating_add(missing);
        self.partition_epoch = self.partition_epoch.saturating_add(missing);
        self.restarts = self.restarts.max(count);
    }
}
