//! What an application holds of a group: [`GroupConsumer`].

use super::commits::Commits;
use super::member::{Member, MemberEvent, Presence, Wish};
use super::offsets::{self, CommittedOffset, OnlyStable};
use super::{Coordinator, GroupConfig, Identity};
use crate::admin::PartitionKey;
use crate::cluster::Cluster;
use crate::consumer::{Consumer, ConsumerConfig, FetchedBatch};
use crate::errors::ClientError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What comes out of [`GroupConsumer::next`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    Batch(FetchedBatch),
    /// The group gave these; told after each rebalance, even when it gave nothing new.
    Assigned(Vec<PartitionKey>),
    /// The group takes these back. They are read no more, but still are this member's until `next` is called again:
    /// the time to finish what is under way and to commit. With automatic commits it is already done.
    Revoked(Vec<PartitionKey>),
    /// These are somebody else's already (the session ended, or the application was away for too long). What was not
    /// committed is read again by whoever has them now.
    Lost(Vec<PartitionKey>),
}

/// A consumer of a group. Records, and what the group gives and takes, come from [`GroupConsumer::next`]; between two
/// calls the application may take `max_poll_interval`. [`GroupConsumer::close`] commits (if commits are automatic) and
/// leaves; merely dropping it leaves without a commit.
#[derive(Debug)]
pub struct GroupConsumer {
    coordinator: Arc<Coordinator>,
    config: Arc<GroupConfig>,
    identity: Arc<Mutex<Identity>>,
    consumer: Consumer,
    commits: Commits,
    wish: watch::Sender<Wish>,
    presence: watch::Sender<Presence>,
    events: mpsc::Receiver<MemberEvent>,
    task: JoinHandle<()>,
    assigned: BTreeSet<PartitionKey>,
    /// Announced as revoked; the other half is dropped when the application has come back.
    revoking: Option<(BTreeSet<PartitionKey>, oneshot::Sender<()>)>,
    /// Assigned, and why there is no place to read from.
    unplaced: BTreeMap<PartitionKey, ClientError>,
    commit_due: Instant,
    ended: Option<ClientError>,
}

/// Tells the member's task that the application waits in `next`, for as long as it lives.
struct Inside(watch::Sender<Presence>);

impl Inside {
    fn enter(presence: &watch::Sender<Presence>) -> Self {
        presence.send_replace(Presence::Inside);
        Self(presence.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.send_replace(Presence::Away(Instant::now()));
    }
}

/// How long a consumer that is closed waits for its task.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

impl GroupConsumer {
    pub(crate) fn start(
        cluster: Arc<Cluster>,
        consumer: ConsumerConfig,
        config: GroupConfig,
        topics: &[String],
    ) -> Result<Self, ClientError> {
        config.check()?;
        let config = Arc::new(config);
        let coordinator = Arc::new(Coordinator::new(Arc::clone(&cluster), &config.group_id));
        let identity = Identity { instance_id: config.instance_id.clone(), ..Identity::nobody() };
        let identity = Arc::new(Mutex::new(identity));
        let wish = Wish { topics: topics.iter().cloned().collect(), is_closing: false };
        let (wish, wished) = watch::channel(wish);
        let (presence, present) = watch::channel(Presence::Away(Instant::now()));
        let (sender, events) = mpsc::channel(1);
        let member = Member {
            cluster: Arc::clone(&cluster),
            coordinator: Arc::clone(&coordinator),
            config: Arc::clone(&config),
            consumer: Arc::new(consumer.clone()),
            lane: cluster.own_lane(),
            wish: wished,
            presence: present,
            identity: Arc::clone(&identity),
            events: sender,
            heart: None,
            owned: BTreeSet::new(),
            held: (BTreeSet::new(), -1),
        };
        Ok(Self {
            consumer: Consumer::new(Arc::clone(&cluster), consumer),
            commit_due: Instant::now() + config.auto_commit.unwrap_or_default(),
            commits: Commits::new(cluster, Arc::clone(&coordinator), Arc::clone(&identity)),
            coordinator,
            config,
            identity,
            wish,
            presence,
            events,
            task: tokio::spawn(member.run()),
            assigned: BTreeSet::new(),
            revoking: None,
            unplaced: BTreeMap::new(),
            ended: None,
        })
    }

    /// Reads these topics and no others, from the next rebalance on, which this starts.
    pub fn subscribe(&self, topics: &[String]) {
        self.wish.send_modify(|wish| wish.topics = topics.iter().cloned().collect());
    }

    /// The next batch or change, as soon as there is one. Everything that was given before counts as processed from now
    /// on: it is what automatic commits commit. An error does not end the membership, unless it is told again.
    /// Cancel-safe.
    pub async fn next(&mut self) -> Result<GroupEvent, ClientError> {
        let _inside = Inside::enter(&self.presence);
        if self.revoking.is_some() {
            // Whoever gets them next has to find what was committed.
            self.commits.settle().await;
            self.finish_revocation();
        }
        loop {
            if let Some(error) = &self.ended {
                return Err(error.clone());
            }
            let is_unplaced =
                |(key, error): (&PartitionKey, &ClientError)| (!self.is_revoking(key)).then(|| error.clone());
            // What the group has to say comes first: it may take the partition away.
            let unplaced = self.unplaced.iter().find_map(is_unplaced);
            let is_auto = self.config.auto_commit.is_some();
            tokio::select! {
                biased;
                event = self.events.recv() => {
                    if let Some(event) = self.take(event.unwrap_or(MemberEvent::Ended(ClientError::Closed)))? {
                        return Ok(event);
                    }
                }
                () = std::future::ready(()), if unplaced.is_some() => {
                    return Err(unplaced.unwrap_or(ClientError::Closed));
                }
                () = tokio::time::sleep_until(self.commit_due), if is_auto => self.commit_by_the_clock(),
                batch = self.consumer.next() => return batch.map(GroupEvent::Batch),
            }
        }
    }

    fn is_revoking(&self, key: &PartitionKey) -> bool {
        self.revoking.as_ref().is_some_and(|(revoking, _)| revoking.contains(key))
    }

    /// `None`: nothing that the application has to know.
    fn take(&mut self, event: MemberEvent) -> Result<Option<GroupEvent>, ClientError> {
        match event {
            MemberEvent::Assigned(places) => {
                let keys: Vec<_> = places.iter().map(|(key, _)| key.clone()).collect();
                self.assigned.extend(keys.iter().cloned());
                let mut offsets = Vec::new();
                for (key, place) in places {
                    match place {
                        Ok(offset) => offsets.push((key, offset)),
                        // Deleted this moment: the group's leader will see it.
                        Err(error)
                            if error.is_retriable() || matches!(error, ClientError::NoPartition { .. }) =>
                        {
                            tracing::warn!(topic = key.topic, partition = key.partition, %error, "not read");
                        }
                        Err(error) => drop(self.unplaced.insert(key, error)),
                    }
                }
                self.consumer.add(offsets);
                Ok(Some(GroupEvent::Assigned(keys)))
            }
            MemberEvent::Revoked { partitions, done } => {
                for key in &partitions {
                    // One that has no place is not read anyway.
                    let _ = self.consumer.pause(&key.topic, key.partition);
                }
                let keys = partitions.iter().cloned().collect();
                self.revoking = Some((partitions, done));
                if self.config.auto_commit.is_some() {
                    self.commits.start(self.uncommitted());
                }
                Ok(Some(GroupEvent::Revoked(keys)))
            }
            MemberEvent::Lost(partitions) => {
                self.finish_revocation();
                let keys: Vec<_> = partitions.into_iter().filter(|key| self.assigned.contains(key)).collect();
                self.forget(&keys);
                Ok((!keys.is_empty()).then_some(GroupEvent::Lost(keys)))
            }
            MemberEvent::Trouble(error) => Err(error),
            MemberEvent::Ended(error) => {
                self.ended = Some(error.clone());
                Err(error)
            }
        }
    }

    /// The application has come back: what it was told to give back is given back.
    fn finish_revocation(&mut self) {
        if let Some((partitions, done)) = self.revoking.take() {
            let keys: Vec<_> = partitions.into_iter().collect();
            self.forget(&keys);
            drop(done);
        }
    }

    fn forget(&mut self, keys: &[PartitionKey]) {
        self.consumer.remove(keys);
        for key in keys {
            self.assigned.remove(key);
            self.unplaced.remove(key);
        }
        self.commits.forget(keys);
    }

    /// Positions that this consumer has not committed yet.
    fn uncommitted(&self) -> BTreeMap<PartitionKey, CommittedOffset> {
        self.commits.missing(self.consumer.assignment())
    }

    fn commit_by_the_clock(&mut self) {
        self.commit_due = Instant::now() + self.config.auto_commit.unwrap_or_default();
        if !self.commits.is_busy() {
            self.commits.start(self.uncommitted());
        }
    }

    /// Commits the positions of all partitions and waits for it: everything that `next` has given counts as processed.
    pub async fn commit(&mut self) -> Result<(), ClientError> {
        self.commits.start(self.uncommitted());
        self.commits.finish().await
    }

    /// Commits these offsets and waits for it.
    pub async fn commit_offsets(
        &mut self,
        offsets: BTreeMap<PartitionKey, CommittedOffset>,
    ) -> Result<(), ClientError> {
        self.commits.start(offsets);
        self.commits.finish().await
    }

    /// Commits these offsets in the background, after the commits that were asked for before. A failure is a log line,
    /// and the error of the next commit that is waited for.
    pub fn commit_later(&mut self, offsets: BTreeMap<PartitionKey, CommittedOffset>) {
        self.commits.start(offsets);
    }

    /// What the group has committed of these partitions; those without a commit are left out.
    pub async fn committed(
        &self,
        partitions: &[PartitionKey],
    ) -> Result<BTreeMap<PartitionKey, CommittedOffset>, ClientError> {
        let found = offsets::committed(&self.coordinator, Some(partitions), OnlyStable::No).await?;
        found.into_iter().map(|(key, result)| Ok((key, result?))).collect()
    }

    /// Goes on at this offset in an assigned partition.
    pub fn seek(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(), ClientError> {
        let key = PartitionKey { topic: topic.to_owned(), partition };
        if self.unplaced.remove(&key).is_some() {
            self.consumer.add([(key, offset)]);
            return Ok(());
        }
        self.consumer.seek(topic, partition, offset)
    }

    /// Keeps the partition and reads nothing of it until [`GroupConsumer::resume`], or until the group moves it.
    pub fn pause(&mut self, topic: &str, partition: i32) -> Result<(), ClientError> {
        self.consumer.pause(topic, partition)
    }

    pub fn resume(&mut self, topic: &str, partition: i32) -> Result<(), ClientError> {
        let key = PartitionKey { topic: topic.to_owned(), partition };
        if self.is_revoking(&key) {
            return Err(ClientError::NotAssigned { topic: key.topic, partition });
        }
        self.consumer.resume(topic, partition)
    }

    /// The offset of the next record that `next` will give.
    pub fn position(&self, topic: &str, partition: i32) -> Option<i64> {
        self.consumer.position(topic, partition)
    }

    /// The end of the partition when it was last read.
    pub fn high_watermark(&self, topic: &str, partition: i32) -> Option<i64> {
        self.consumer.high_watermark(topic, partition)
    }

    pub fn assignment(&self) -> impl Iterator<Item = &PartitionKey> {
        self.assigned.iter()
    }

    /// `None` while the coordinator has given none.
    pub fn member_id(&self) -> Option<String> {
        let identity = self.identity.lock().expect("no holder of this lock can panic");
        (!identity.member_id.is_empty()).then(|| identity.member_id.clone())
    }

    /// Of the group, as far as this member has joined it.
    pub fn generation(&self) -> Option<i32> {
        let identity = self.identity.lock().expect("no holder of this lock can panic");
        (identity.generation >= 0).then_some(identity.generation)
    }

    /// Commits the positions if commits are automatic, waits for commits under way, and leaves the group. A static member
    /// stays one until its session ends.
    pub async fn close(mut self) -> Result<(), ClientError> {
        if self.config.auto_commit.is_some() && self.ended.is_none() {
            self.commits.start(self.uncommitted());
        }
        let committed = self.commits.finish().await;
        self.wish.send_modify(|wish| wish.is_closing = true);
        if tokio::time::timeout(CLOSE_WITHIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
        committed
    }
}
