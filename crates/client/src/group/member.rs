//! The task of a member: joins, syncs, beats, gives back, takes over, and joins again, until its consumer is closed.
//!
//! One round is one generation. Whatever may take long (an application that gives partitions back, a coordinator that is
//! away) is waited for by [`Member::attend`], which also watches for the three things that end a membership: the consumer
//! is closed, the heart has stopped, the application has not come back for too long.

use super::assignor::{Assignments, assign};
use super::heart::{Heart, Pulse};
use super::join::{self, Joined, Standing};
use super::place::{Places, place};
use super::verdict::{Verdict, verdict};
use super::{Coordinator, GroupConfig, Identity};
use crate::admin::PartitionKey;
use crate::cluster::{ANY_VERSION, Cluster, Creation};
use crate::connection::Call;
use crate::connections::{Lane, OwnLane};
use crate::consumer::ConsumerConfig;
use crate::errors::ClientError;
use ottla_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// What the application wants.
#[derive(Debug, Clone, Default)]
pub(super) struct Wish {
    pub topics: BTreeSet<String>,
    pub is_closing: bool,
}

/// Where the application is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Presence {
    /// Waiting in `next`.
    Inside,
    /// Busy since then.
    Away(Instant),
}

/// What the application has to hear, in this order.
#[derive(Debug)]
pub(super) enum MemberEvent {
    Assigned(Places),
    /// The task goes on when `done` is dropped.
    Revoked {
        partitions: BTreeSet<PartitionKey>,
        done: oneshot::Sender<()>,
    },
    Lost(BTreeSet<PartitionKey>),
    /// Nothing works for too long; the task goes on trying.
    Trouble(ClientError),
    Ended(ClientError),
}

/// What a membership ends with.
#[derive(Debug)]
enum End {
    Closed,
    Absent,
    Failed(ClientError),
}

#[derive(Debug)]
pub(super) struct Member {
    pub cluster: Arc<Cluster>,
    pub coordinator: Arc<Coordinator>,
    pub config: Arc<GroupConfig>,
    pub consumer: Arc<ConsumerConfig>,
    pub lane: OwnLane,
    pub wish: watch::Receiver<Wish>,
    pub presence: watch::Receiver<Presence>,
    pub identity: Arc<Mutex<Identity>>,
    pub events: mpsc::Sender<MemberEvent>,
    pub heart: Option<Heart>,
    pub owned: BTreeSet<PartitionKey>,
    pub held: (BTreeSet<PartitionKey>, i32),
}

/// A join waits for the slowest member; its answer may come a little after that one's time is up.
const JOIN_GRACE: Duration = Duration::from_secs(5);
/// How long a leader waits for topics that are just being created before it assigns without them.
const TOPICS_WAIT: Duration = Duration::from_secs(5);
/// How often a leader looks for topics that were not there.
const LOOK_FOR_MISSING: Duration = Duration::from_secs(5);
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

async fn closing(mut wish: watch::Receiver<Wish>) {
    // A sender that is gone is a consumer that was dropped.
    let _ = wish.wait_for(|wish| wish.is_closing).await;
}

async fn stopped(heart: Option<watch::Receiver<Pulse>>) -> ClientError {
    let Some(mut pulse) = heart else { return std::future::pending().await };
    match pulse.wait_for(|pulse| matches!(pulse, Pulse::Ended(_))).await.as_deref() {
        Ok(Pulse::Ended(error)) => error.clone(),
        _ => ClientError::Closed,
    }
}

async fn absent(mut presence: watch::Receiver<Presence>, limit: Duration) {
    loop {
        let until = match *presence.borrow_and_update() {
            Presence::Inside => None,
            Presence::Away(since) => Some(since + limit),
        };
        tokio::select! {
            () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return,
            changed = presence.changed() => if changed.is_err() {
                return std::future::pending().await;
            },
        }
    }
}

impl Member {
    pub async fn run(mut self) {
        loop {
            let end = loop {
                if let Err(end) = self.round().await {
                    break end;
                }
            };
            self.heart = None;
            let result = match end {
                End::Closed => {
                    self.leave().await;
                    return;
                }
                End::Absent => self.absent().await,
                End::Failed(error) => self.failed(error).await,
            };
            if result.is_err() {
                self.leave().await;
                return;
            }
        }
    }

    async fn absent(&mut self) -> Result<(), End> {
        tracing::warn!(
            group = self.config.group_id,
            max_poll_interval_ms = self.config.max_poll_interval.as_millis(),
            "the application did not come back in time: leaving the group"
        );
        self.leave().await;
        self.forget(Verdict::LostWithId);
        self.lose().await?;
        let mut presence = self.presence.clone();
        let back =
            async move { presence.wait_for(|presence| matches!(presence, Presence::Inside)).await.is_ok() };
        tokio::select! {
            () = closing(self.wish.clone()) => Err(End::Closed),
            is_back = back => if is_back { Ok(()) } else { Err(End::Closed) },
        }
    }

    /// Membership is over, by the coordinator's word. An error: for good.
    async fn failed(&mut self, error: ClientError) -> Result<(), End> {
        let verdict = verdict(&error);
        self.forget(verdict);
        self.lose().await?;
        if matches!(verdict, Verdict::Lost | Verdict::LostWithId) {
            tracing::info!(group = self.config.group_id, %error, "no member any more, joining again");
            return Ok(());
        }
        self.tell(MemberEvent::Ended(error.clone())).await?;
        Err(End::Failed(error))
    }

    fn forget(&self, verdict: Verdict) {
        let mut identity = self.identity.lock().expect("no holder of this lock can panic");
        identity.generation = -1;
        if verdict == Verdict::LostWithId {
            identity.member_id.clear();
        }
    }

    async fn lose(&mut self) -> Result<(), End> {
        let lost = std::mem::take(&mut self.owned);
        if lost.is_empty() { Ok(()) } else { self.tell(MemberEvent::Lost(lost)).await }
    }

    /// Waits for the future, unless the membership ends first.
    async fn attend<T>(&self, future: impl Future<Output = T>) -> Result<T, End> {
        let heart = self.heart.as_ref().map(|heart| heart.pulse.clone());
        tokio::select! {
            biased;
            () = closing(self.wish.clone()) => Err(End::Closed),
            error = stopped(heart) => Err(End::Failed(error)),
            result = future => Ok(result),
            () = absent(self.presence.clone(), self.config.max_poll_interval) => Err(End::Absent),
        }
    }

    /// Waits until there is room for the event, however long the application is away.
    async fn tell(&self, event: MemberEvent) -> Result<(), End> {
        tokio::select! {
            () = closing(self.wish.clone()) => Err(End::Closed),
            sent = self.events.send(event) => sent.map_err(|_| End::Closed),
        }
    }

    /// One generation, from joining it until it is time for the next.
    async fn round(&mut self) -> Result<(), End> {
        let topics = self.wish.borrow_and_update().topics.clone();
        let is_cooperative = self.config.is_cooperative();
        let goes = |key: &&PartitionKey| !is_cooperative || !topics.contains(&key.topic);
        let back = self.owned.iter().filter(goes).cloned().collect();
        self.give_back(back).await?;
        let joined = self.join(&topics).await?;
        let (assigned, counts) = match self.sync(joined).await? {
            Some(synced) => synced,
            None => return Ok(()),
        };
        let back: BTreeSet<_> = self.owned.difference(&assigned).cloned().collect();
        let gives_back = !back.is_empty();
        self.give_back(back).await?;
        let added: BTreeSet<_> = assigned.difference(&self.owned).cloned().collect();
        let places = self.places(&added).await?;
        let generation = self.identity.lock().expect("no holder of this lock can panic").generation;
        self.owned.clone_from(&assigned);
        self.held = (assigned, generation);
        let told = self.events.send(MemberEvent::Assigned(places));
        self.attend(told).await?.map_err(|_| End::Closed)?;
        if gives_back {
            // Who is to have them gets them in the next generation.
            return Ok(());
        }
        self.stay(&topics, counts).await
    }

    async fn give_back(&mut self, partitions: BTreeSet<PartitionKey>) -> Result<(), End> {
        if partitions.is_empty() {
            return Ok(());
        }
        let (done, is_done) = oneshot::channel();
        let event = MemberEvent::Revoked { partitions: partitions.clone(), done };
        self.attend(self.events.send(event)).await?.map_err(|_| End::Closed)?;
        let _ = self.attend(is_done).await?;
        self.owned.retain(|key| !partitions.contains(key));
        Ok(())
    }

    fn identity(&self) -> Identity {
        self.identity.lock().expect("no holder of this lock can panic").clone()
    }

    fn call(&self) -> Call {
        let timeout = self.cluster.config.request_timeout.max(self.config.max_poll_interval + JOIN_GRACE);
        Call { timeout, version_max: ANY_VERSION }
    }

    async fn join(&mut self, topics: &BTreeSet<String>) -> Result<Joined, End> {
        self.heart = None;
        let mut backoff = self.cluster.backoff();
        let mut failing_since = None;
        loop {
            let standing = Standing { topics, owned: &self.owned, held: &self.held };
            let request =
                join::join_request(&self.config, &self.identity(), &standing).map_err(End::Failed)?;
            let answer = self.attend(self.coordinator.ask(&request, self.lane.lane, self.call())).await?;
            let mut member_id = None;
            let result = answer.and_then(|answer| {
                member_id = Some(answer.member_id.to_string());
                join::joined(&self.config, &answer)
            });
            let error = match result {
                Ok(joined) => {
                    let mut identity = self.identity.lock().expect("no holder of this lock can panic");
                    identity.member_id.clone_from(&joined.member_id);
                    identity.generation = joined.generation;
                    return Ok(joined);
                }
                Err(error) => error,
            };
            self.coordinator.learn(&error);
            match verdict(&error) {
                Verdict::TakeId => {
                    let mut identity = self.identity.lock().expect("no holder of this lock can panic");
                    identity.member_id = member_id.unwrap_or_default();
                    continue;
                }
                Verdict::Again | Verdict::Rejoin => {}
                Verdict::Lost | Verdict::LostWithId | Verdict::Fatal => return Err(End::Failed(error)),
            }
            tracing::debug!(group = self.config.group_id, %error, "joining again");
            let since = *failing_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.consumer.failing_max {
                failing_since = None;
                self.tell(MemberEvent::Trouble(error)).await?;
            }
            self.attend(tokio::time::sleep(backoff.next_pause())).await?;
        }
    }

    /// What this member is given, and for the leader how many partitions it divided. `None`: the group has moved on.
    async fn sync(
        &mut self,
        joined: Joined,
    ) -> Result<Option<(BTreeSet<PartitionKey>, Option<Counts>)>, End> {
        let mut counts = None;
        let mut assignments = Assignments::new();
        if let Some(members) = &joined.members {
            let topics: BTreeSet<String> =
                members.iter().flat_map(|member| member.subscription.topics.iter().cloned()).collect();
            let found = self.attend(count(&self.cluster, &self.config, &topics)).await?;
            if !joined.skips_assignment {
                assignments = assign(joined.assignor, members, &found.partitions);
            }
            counts = Some(found);
        }
        let request = join::sync_request(&self.config, &self.identity(), joined.assignor, &assignments);
        let request = request.map_err(End::Failed)?;
        let answer = self.attend(self.coordinator.ask(&request, self.lane.lane, self.call())).await?;
        let error = match answer.and_then(|answer| join::assigned(&self.config, &answer)) {
            Ok(assigned) => {
                tracing::debug!(
                    group = self.config.group_id,
                    member = joined.member_id,
                    generation = joined.generation,
                    assignor = joined.assignor.name(),
                    partitions = assigned.len(),
                    "joined"
                );
                let (cluster, config) = (Arc::clone(&self.cluster), Arc::clone(&self.config));
                let coordinator = Arc::clone(&self.coordinator);
                let identity = self.identity();
                self.heart = Some(Heart::start(cluster, coordinator, config, &identity, self.lane.lane));
                return Ok(Some((assigned, counts)));
            }
            Err(error) => error,
        };
        self.coordinator.learn(&error);
        match verdict(&error) {
            Verdict::Rejoin => Ok(None),
            Verdict::Again => {
                let pause = self.cluster.backoff().next_pause();
                self.attend(tokio::time::sleep(pause)).await?;
                Ok(None)
            }
            Verdict::TakeId | Verdict::Lost | Verdict::LostWithId | Verdict::Fatal => Err(End::Failed(error)),
        }
    }

    async fn places(&self, added: &BTreeSet<PartitionKey>) -> Result<Places, End> {
        let mut backoff = self.cluster.backoff();
        loop {
            let place = place(&self.cluster, &self.coordinator, &self.config, &self.consumer, added);
            match self.attend(place).await? {
                Ok(places) => return Ok(places),
                Err(error) if error.is_retriable() => {
                    tracing::warn!(group = self.config.group_id, %error, "where to start is not known yet");
                    self.attend(tokio::time::sleep(backoff.next_pause())).await?;
                }
                Err(error) => return Err(End::Failed(error)),
            }
        }
    }

    /// Until the group rebalances, the subscription changes, or the leader sees other partitions than it has divided.
    async fn stay(&self, topics: &BTreeSet<String>, counts: Option<Counts>) -> Result<(), End> {
        let Some(heart) = &self.heart else { return Ok(()) };
        let (mut pulse, mut wish) = (heart.pulse.clone(), self.wish.clone());
        let others = async {
            let Some(counts) = counts else { return std::future::pending().await };
            let age = self.cluster.config.metadata_max_age;
            let pause = if counts.is_whole() { age } else { age.min(LOOK_FOR_MISSING) };
            loop {
                tokio::time::sleep(pause).await;
                let now = count(&self.cluster, &self.config, &counts.topics).await;
                if now.is_known && now.partitions != counts.partitions {
                    return;
                }
            }
        };
        self.attend(async {
            tokio::select! {
                _ = pulse.wait_for(|pulse| matches!(pulse, Pulse::Rebalance)) => {}
                _ = wish.wait_for(|wish| wish.topics != *topics) => {}
                () = others => {}
            }
        })
        .await
    }

    /// Tells the coordinator, so that others need not wait for the session to end. A static member stays a member.
    async fn leave(&mut self) {
        let identity = self.identity();
        if identity.member_id.is_empty() || identity.instance_id.is_some() {
            return;
        }
        let member_id = identity.member_id.as_str();
        let request = LeaveGroupRequest {
            group_id: self.config.group_id.as_str().into(),
            member_id: member_id.into(),
            members: vec![MemberIdentity { member_id: member_id.into(), ..Default::default() }],
        };
        // Not on the member's own lane, where a join may still be waiting for its answer.
        let call = Call { timeout: LEAVE_WITHIN, version_max: ANY_VERSION };
        let left = self.coordinator.ask(&request, Lane::Calls, call);
        match tokio::time::timeout(LEAVE_WITHIN, left).await {
            Ok(Ok(_)) => {}
            _ => tracing::debug!(group = self.config.group_id, "the coordinator was not told of the leaving"),
        }
    }
}

/// How many partitions the topics of a group have.
#[derive(Debug)]
struct Counts {
    topics: BTreeSet<String>,
    /// Without those that are not there.
    partitions: BTreeMap<String, i32>,
    /// Whether the cluster could be asked.
    is_known: bool,
}

impl Counts {
    fn is_whole(&self) -> bool {
        self.partitions.len() == self.topics.len()
    }
}

async fn count(cluster: &Cluster, config: &GroupConfig, topics: &BTreeSet<String>) -> Counts {
    let creation = if config.creates_topics { Creation::Allowed } else { Creation::Never };
    let names: Vec<String> = topics.iter().cloned().collect();
    let mut attempts = cluster.attempts(Instant::now() + TOPICS_WAIT);
    let is_known = loop {
        let error = match cluster.ask(Some(&names), creation).await {
            Ok(answer) => {
                let problems = answer.topics.iter().filter_map(|topic| crate::TopicMetadata::of(topic).err());
                let mut passing = problems.filter(|error| {
                    let is_missing = error.code() == Some(ottla_wire::ErrorCode::UnknownTopicOrPartition);
                    error.is_retriable() && (!is_missing || config.creates_topics)
                });
                match passing.next() {
                    None => break true,
                    Some(error) => error,
                }
            }
            Err(error) => error,
        };
        if attempts.after(error).await.is_err() {
            break false;
        }
    };
    let known = |name: &String| {
        let count = cluster.metadata.topic(name)?.partitions.len();
        Some((name.clone(), i32::try_from(count).unwrap_or(i32::MAX)))
    };
    Counts { topics: topics.clone(), partitions: names.iter().filter_map(known).collect(), is_known }
}
