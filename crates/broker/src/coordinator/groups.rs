//! The coordinator of consumer groups on this broker: one shard for each partition of `__consumer_offsets` that it leads.
//!
//! The topic is made when a client first looks for a coordinator. Shards are those that the metadata asks for at the
//! start and whenever somebody asks; a shard whose partition is gone ends by itself.

use super::replay::Replayed;
use super::shard::{Observe, Shard, ShardClient, ShardStart};
use crate::cluster::{ControllerClient, Metadata};
use crate::error;
use crate::metrics::{GroupGauges, Metrics};
use crate::partition::Registry;
use crate::settings::GroupsConfig;
use ottla_env::clock::Clock;
use ottla_env::rng::Rng;
use ottla_state::group::{self, DeletedTopic, Reply, Request};
use ottla_state::image::Topic;
use ottla_state::{Image, NodeId, TopicId, Uuid, topic_name};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Time that a client waits for the shards of a topic that was just made.
const FIRST_LOAD: Duration = Duration::from_secs(5);

/// What a batch adds to the key and the value of its only record, at most.
const BATCH_ADDS: usize = 61 + 36;

/// Time until a machine is told once more what it may not have stored.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(10);

/// What the coordinator needs.
pub struct GroupsStart {
    pub node: NodeId,
    pub config: GroupsConfig,
    pub registry: Registry,
    pub metadata: Arc<Metadata>,
    pub controller: ControllerClient,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub metrics: Arc<Metrics>,
}

pub struct Groups {
    start: GroupsStart,
    /// Where shards run, whoever asked for them first.
    runtime: Handle,
    shards: Mutex<Shards>,
}

#[derive(Default)]
struct Shards {
    /// The topic that the shards are of.
    topic: Option<TopicId>,
    by_partition: BTreeMap<i32, ShardClient<group::Groups>>,
    /// Ends the shards above.
    ending: watch::Sender<bool>,
    /// No shard is started any more.
    stopped: bool,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

impl Groups {
    /// Shards run on the runtime that this is called on.
    pub fn new(start: GroupsStart) -> Arc<Self> {
        let groups = Arc::new(Self { start, runtime: Handle::current(), shards: Mutex::default() });
        groups.adopt(&groups.start.metadata.image());
        groups
    }

    /// An identifier for a member that has none.
    pub fn new_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.start.rng.fill(&mut bytes);
        Uuid::from_random(bytes)
    }

    /// The broker that coordinates a group. Makes the topic that groups live in when there is none.
    pub async fn locate(&self, group_id: &str) -> Result<NodeId, ErrorCode> {
        let image = self.start.metadata.image();
        let topic = match image.topic(topic_name::CONSUMER_OFFSETS) {
            Some(topic) => Arc::clone(topic),
            None => self.create_topic().await?,
        };
        let partition = group::partition_of(group_id, topic.partitions.len() as i32);
        Ok(topic.partition(partition).map_or(-1, |partition| partition.leader))
    }

    /// Returns when every shard of the new topic takes requests: clients of other groups wait for nothing else.
    async fn create_topic(&self) -> Result<Arc<Topic>, ErrorCode> {
        let names = vec![WireStr::from_static(topic_name::CONSUMER_OFFSETS)];
        let answers = self.start.controller.auto_create(names, None).await;
        let answers = answers.map_err(|failure| error::of_coordinator_topic(&failure))?;
        if let Some(Err(refusal)) = answers.into_iter().next().map(|answer| answer.result) {
            tracing::error!(code = %refusal.code, "the topic of groups cannot be made: {}", refusal.message);
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let image = self.start.metadata.image();
        let topic = image.topic(topic_name::CONSUMER_OFFSETS).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        self.adopt(&image);
        let shards: Vec<_> = self.lock().by_partition.values().cloned().collect();
        let all_ready = async {
            for shard in shards {
                shard.ready().await;
            }
        };
        let _ = tokio::time::timeout(FIRST_LOAD, all_ready).await;
        Ok(Arc::clone(topic))
    }

    /// Asks the machine of the request's group.
    pub async fn ask(&self, request: Request) -> Result<Reply, ErrorCode> {
        let group_id = request.group_id().map(WireStr::as_str).unwrap_or_default();
        let Some(shard) = self.shard_of(group_id) else { return Err(ErrorCode::NotCoordinator) };
        shard.ask(request).await.map_err(error::of_coordinator)
    }

    /// Asks every machine of this broker; the answers in the order of the partitions.
    pub async fn ask_all(&self, request: &Request) -> Vec<Result<Reply, ErrorCode>> {
        self.adopt(&self.start.metadata.image());
        let shards: Vec<_> = self.lock().by_partition.values().cloned().collect();
        let mut asking = JoinSet::new();
        for (number, shard) in shards.into_iter().enumerate() {
            let request = request.clone();
            asking.spawn(async move { (number, shard.ask(request).await.map_err(error::of_coordinator)) });
        }
        let mut answers = asking.join_all().await;
        answers.sort_unstable_by_key(|(number, _)| *number);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    fn shard_of(&self, group_id: &str) -> Option<ShardClient<group::Groups>> {
        let image = self.start.metadata.image();
        let topic = image.topic(topic_name::CONSUMER_OFFSETS)?;
        self.adopt(&image);
        let partition = group::partition_of(group_id, topic.partitions.len() as i32);
        self.lock().by_partition.get(&partition).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Shards> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the shards that the metadata asks for, and ends those of a topic that is gone.
    fn adopt(&self, image: &Image) {
        let topic = image.topic(topic_name::CONSUMER_OFFSETS);
        let mut shards = self.lock();
        if shards.stopped {
            return;
        }
        while shards.tasks.try_join_next().is_some() {}
        if shards.topic != topic.map(|topic| topic.id) {
            shards.ending.send_replace(true);
            shards.by_partition.clear();
            shards.ending = watch::Sender::new(false);
            shards.topic = topic.map(|topic| topic.id);
        }
        let Some(topic) = topic else { return };
        if shards.by_partition.len() == topic.partitions.len() {
            return;
        }
        for (index, state) in (0..).zip(topic.partitions.iter()) {
            if state.leader == self.start.node && !shards.by_partition.contains_key(&index) {
                self.start_shard(&mut shards, topic, index, state.leader_epoch);
            }
        }
    }

    fn start_shard(&self, shards: &mut Shards, topic: &Topic, index: i32, leader_epoch: i32) {
        let Some(partition) = self.start.registry.partition(topic, index) else { return };
        let (log, machine) = (Arc::clone(&partition.log), self.start.config.machine.clone());
        // As in Kafka a record is as large as the topic allows now.
        let config = move || group::Config {
            max_record_bytes: partition.config().max_message_bytes.saturating_sub(BATCH_ADDS),
            ..machine.clone()
        };
        let newest = config.clone();
        let (shard, client) = Shard::new(ShardStart {
            index,
            log,
            leader_epoch,
            codec: self.start.config.codec,
            commit_timeout: self.start.config.commit_timeout,
            clock: Arc::clone(&self.start.clock),
            make: Box::new(move || group::Groups::new(config())),
            configure: Box::new(move |groups: &mut group::Groups| groups.configure(newest())),
            observe: Box::new(Counted {
                metrics: Arc::clone(&self.start.metrics),
                gauges: GroupGauges::default(),
            }),
            stopping: shards.ending.subscribe(),
        });
        shards.by_partition.insert(index, client);
        shards.tasks.spawn_on(shard.run(), &self.runtime);
    }

    /// Drops the offsets of topics that are gone; returns when that is durable.
    pub async fn topics_deleted(&self, topics: Vec<DeletedTopic>) {
        let request = Request::TopicsDeleted(topics);
        let shards: Vec<_> = self.lock().by_partition.values().cloned().collect();
        let mut telling = JoinSet::new();
        for shard in shards {
            let request = request.clone();
            telling.spawn(async move {
                let mut pause = AGAIN;
                // One that cannot be loaded keeps offsets that nobody can ask for.
                while shard.ready().await && shard.ask(request.clone()).await.is_err() {
                    tokio::time::sleep(pause).await;
                    // Each time that nothing can be written costs all of its groups their coordinator.
                    pause = (pause * 2).min(AGAIN_MAX);
                }
            });
        }
        telling.join_all().await;
    }

    /// Ends the shards: whoever waits is told, and what is on its way to the disk is answered.
    pub async fn stop(&self) {
        let mut tasks = {
            let mut shards = self.lock();
            shards.stopped = true;
            shards.ending.send_replace(true);
            std::mem::take(&mut shards.tasks)
        };
        while tasks.join_next().await.is_some() {}
    }
}

/// Counts for the metrics what one shard does.
struct Counted {
    metrics: Arc<Metrics>,
    gauges: GroupGauges,
}

impl Observe<group::Groups> for Counted {
    fn loaded(&self, index: i32, time: Duration, replayed: Replayed) {
        let Replayed { records, bytes } = replayed;
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if records > 0 {
            tracing::debug!(partition = index, records, bytes, ms, "groups loaded");
        }
        self.metrics.groups_loaded(ms);
    }

    fn changed(&mut self, machine: &group::Groups, records: u64) {
        let group::Counts { groups, members } = machine.counts();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.group_records(records);
        let now = GroupGauges { groups: count(groups), members: count(members) };
        self.metrics.group_gauges(&mut self.gauges, now);
    }

    fn unloaded(&mut self) {
        self.metrics.group_gauges(&mut self.gauges, GroupGauges::default());
    }
}
