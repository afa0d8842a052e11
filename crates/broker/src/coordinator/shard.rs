//! One task that owns the machine of one internal partition.
//!
//! ```text
//! replay -> [ decide -> apply -> append ] ... -> commit -> answers, in order
//! ```
//! A decision is applied at once and its answers are held until the high watermark covers its records, so the machine may
//! run ahead of what is durable and no client sees that it does. When an append fails, everybody who waits is told that
//! the coordinator is not here, the machine is dropped, and the partition is replayed: what is in the log is what is true.
//! Requests that come while a replay runs are told so; none is answered from half a machine.

use super::controls::{Control, active};
use super::replay::{ReplayError, Replayed, replay};
use crate::partition::{AppendError, PartitionLog, Produced, ReadError, Written};
use ottla_env::clock::Clock;
use ottla_state::effects::{Effects, Machine, Now, StateRecord, Ticket};
use ottla_wire::ErrorCode;
use ottla_wire::batch::BatchHeader;
use ottla_wire::compress::Codec;
use ottla_wire::record::{BatchBuilder, BuildOptions, record_size_max};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Requests that may wait for the machine; callers beyond that wait in turn.
const QUEUE: usize = 1_024;
/// Requests that are decided before their records are appended.
const DECISIONS: usize = 256;
/// Bytes from which on records of further decisions go into another batch.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes that the records of one decision may have: they are never torn apart, and a segment has to take them.
const DECISION_BYTES_MAX: usize = 64 << 20;
/// Batches that may be on their way to the disk.
const IN_FLIGHT: usize = 64;
/// Time between two tries to replay what could not be read.
const RETRY: Duration = Duration::from_secs(10);

/// Why a machine was not asked, or its answer is not known to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The partition is being replayed.
    Loading,
    /// Nobody here owns the machine now; another try may find it.
    NotHere,
    /// Its records are not durable yet. They may become so.
    TimedOut,
    /// Its records are more than one batch may hold.
    TooLarge,
}

/// How far the shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Loading,
    Ready,
    /// The partition cannot be read; tried again later.
    Failed,
    Ended,
}

type Reply<M> = oneshot::Sender<Result<<M as Machine>::Reply, Refused>>;

struct Asked<M: Machine> {
    request: M::Request,
    reply: Reply<M>,
}

/// What happens to a shard, for whoever counts.
pub(super) trait Observe<M>: Send {
    fn loaded(&self, index: i32, time: Duration, replayed: Replayed);
    /// The machine as it is, and how many records were appended since the last call.
    fn changed(&mut self, machine: &M, records: u64);
    /// There is no machine any more.
    fn unloaded(&mut self);
}

pub(super) struct ShardStart<M> {
    pub index: i32,
    pub log: Arc<dyn PartitionLog>,
    pub leader_epoch: i32,
    pub codec: Codec,
    /// How long an answer waits for its records to be durable.
    pub commit_timeout: Duration,
    pub clock: Arc<dyn Clock>,
    /// An empty machine.
    pub make: Box<dyn Fn() -> M + Send>,
    /// Gives it the settings in force, whenever it is about to decide.
    pub configure: Box<dyn Fn(&mut M) + Send>,
    pub observe: Box<dyn Observe<M>>,
    /// True from the moment the shard has to end.
    pub stopping: watch::Receiver<bool>,
}

/// How everybody asks a shard. Dropping a question does not take it back.
pub(super) struct ShardClient<M: Machine> {
    queue: mpsc::Sender<Asked<M>>,
    phase: watch::Receiver<Phase>,
}

impl<M: Machine> Clone for ShardClient<M> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), phase: self.phase.clone() }
    }
}

impl<M: Machine> ShardClient<M> {
    pub async fn ask(&self, request: M::Request) -> Result<M::Reply, Refused> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Asked { request, reply }).await.map_err(|_| Refused::NotHere)?;
        answer.await.unwrap_or(Err(Refused::NotHere))
    }

    /// Waits until the machine is there. False when it will not be for a while.
    pub async fn ready(&self) -> bool {
        let mut phase = self.phase.clone();
        let reached = phase.wait_for(|phase| *phase != Phase::Loading).await;
        reached.is_ok_and(|phase| *phase == Phase::Ready)
    }
}

pub(super) struct Shard<M: Machine> {
    start: ShardStart<M>,
    queue: mpsc::Receiver<Asked<M>>,
    phase: watch::Sender<Phase>,
}

/// How serving ended.
enum End {
    /// An append failed: the partition has to be replayed.
    Failed,
    Stopping,
}

impl<M> Shard<M>
where
    M: Machine + Send + 'static,
    M::Request: Send,
    M::Reply: Send,
{
    pub fn new(start: ShardStart<M>) -> (Self, ShardClient<M>) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let (phase, seen) = watch::channel(Phase::Loading);
        (Self { start, queue, phase }, ShardClient { queue: sender, phase: seen })
    }

    /// Ends with `stopping`, with the partition, or with the last client.
    pub async fn run(mut self) {
        loop {
            self.phase.send_replace(Phase::Loading);
            match self.load().await {
                Some(Ok(machine)) => {
                    let end = self.serve(machine).await;
                    self.start.observe.unloaded();
                    if matches!(end, End::Stopping) {
                        break;
                    }
                }
                Some(Err(ReplayError::Read(
                    ReadError::Deleted | ReadError::Stopping | ReadError::NotLeader,
                )))
                | None => break,
                Some(Err(error)) => {
                    tracing::error!(partition = self.start.index, error = %error, "groups cannot be loaded");
                    self.phase.send_replace(Phase::Failed);
                    let wait = tokio::time::sleep(RETRY);
                    if !self.refuse_during(wait, Refused::NotHere).await {
                        break;
                    }
                }
            }
        }
        self.phase.send_replace(Phase::Ended);
        self.queue.close();
        while let Some(asked) = self.queue.recv().await {
            let _ = asked.reply.send(Err(Refused::NotHere));
        }
    }

    /// A machine that holds the whole partition; `None` when the shard has to end.
    async fn load(&mut self) -> Option<Result<M, ReplayError>> {
        let mut machine = (self.start.make)();
        let log = Arc::clone(&self.start.log);
        let began = self.start.clock.monotonic();
        let mut loaded = None;
        let replaying = async {
            let replayed = replay(&mut machine, log.as_ref()).await;
            loaded = Some(replayed.map(|replayed| (machine, replayed)));
        };
        if !self.refuse_during(replaying, Refused::Loading).await {
            return None;
        }
        Some(loaded?.map(|(machine, replayed)| {
            let time = self.start.clock.monotonic().saturating_sub(began);
            self.start.observe.loaded(self.start.index, time, replayed);
            machine
        }))
    }

    /// Refuses all requests until something is done. False when the shard has to end instead.
    async fn refuse_during(&mut self, doing: impl Future<Output = ()>, refused: Refused) -> bool {
        tokio::pin!(doing);
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut self.start.stopping) => return false,
                () = &mut doing => return true,
                asked = self.queue.recv() => match asked {
                    Some(asked) => drop(asked.reply.send(Err(refused))),
                    None => return false,
                },
            }
        }
    }

    async fn serve(&mut self, machine: M) -> End {
        let mut serving = Serving::new(machine, &self.start);
        let effects = serving.machine.loaded(serving.now());
        let mut failed = serving.absorb(effects).and_then(|()| serving.flush()).is_err();
        self.phase.send_replace(Phase::Ready);
        while !failed {
            self.start.observe.changed(&serving.machine, std::mem::take(&mut serving.appended));
            let due = serving.due();
            let late = serving.late(self.start.commit_timeout);
            let has_room = serving.held.len() < IN_FLIGHT;
            tokio::select! {
                biased;
                () = stopped(&mut self.start.stopping) => {
                    serving.finish(self.start.commit_timeout).await;
                    return End::Stopping;
                }
                committed = committed(serving.held.front_mut()) => failed = serving.committed(committed),
                () = sleep(late) => serving.give_up(self.start.commit_timeout),
                () = sleep(due), if has_room => {
                    (self.start.configure)(&mut serving.machine);
                    failed = serving.expire().is_err();
                }
                asked = self.queue.recv(), if has_room => match asked {
                    Some(asked) => {
                        (self.start.configure)(&mut serving.machine);
                        failed = serving.take(asked, &mut self.queue).is_err();
                    }
                    None => {
                        serving.finish(self.start.commit_timeout).await;
                        return End::Stopping;
                    }
                },
            }
        }
        serving.fail().await;
        End::Failed
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

type Committed = oneshot::Receiver<Result<Written, AppendError>>;

/// Cancel-safe: the receiver keeps what came.
async fn committed<M: Machine>(held: Option<&mut Held<M>>) -> Result<Written, AppendError> {
    match held {
        Some(held) => (&mut held.committed).await.unwrap_or(Err(AppendError::Stopping)),
        None => std::future::pending().await,
    }
}

/// Answers that wait for one batch to be durable, and for those before it.
struct Held<M: Machine> {
    committed: Committed,
    replies: Vec<(Reply<M>, M::Reply)>,
    since: Instant,
}

/// The records could not be handed to the log; the machine may be ahead of it for good.
struct Broken;

/// A machine with everybody who waits for it.
struct Serving<M: Machine> {
    machine: M,
    index: i32,
    log: Arc<dyn PartitionLog>,
    leader_epoch: i32,
    codec: Codec,
    clock: Arc<dyn Clock>,
    next_ticket: u64,
    /// In the order of the requests, in which they are told too when there is no machine any more.
    waiting: BTreeMap<Ticket, Reply<M>>,
    /// Applied, and not handed to the log yet.
    batch: BatchBuilder,
    replies: Vec<(Reply<M>, M::Reply)>,
    held: VecDeque<Held<M>>,
    appended: u64,
}

impl<M: Machine> Serving<M> {
    fn new(machine: M, start: &ShardStart<M>) -> Self {
        Self {
            machine,
            index: start.index,
            log: Arc::clone(&start.log),
            leader_epoch: start.leader_epoch,
            codec: start.codec,
            clock: Arc::clone(&start.clock),
            next_ticket: 0,
            waiting: BTreeMap::new(),
            batch: BatchBuilder::new(),
            replies: Vec::new(),
            held: VecDeque::new(),
            appended: 0,
        }
    }

    fn now(&self) -> Now {
        let monotonic_ms = i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        Now { wall_ms: self.clock.now_ms(), monotonic_ms }
    }

    /// Time until the machine has something to do by itself.
    fn due(&self) -> Option<Duration> {
        let deadline_ms = self.machine.deadline_ms()?;
        Some(Duration::from_millis(deadline_ms.saturating_sub(self.now().monotonic_ms).max(0).unsigned_abs()))
    }

    /// Time until the oldest answers have waited too long.
    fn late(&self, timeout: Duration) -> Option<Duration> {
        let oldest = self.held.iter().find(|held| !held.replies.is_empty())?;
        Some(timeout.saturating_sub(oldest.since.elapsed()))
    }

    /// Decides what is asked, and what else waits, and hands the records of all of it to the log.
    fn take(&mut self, first: Asked<M>, queue: &mut mpsc::Receiver<Asked<M>>) -> Result<(), Broken> {
        let mut next = Some(first);
        let mut decisions = 0;
        while let Some(asked) = next {
            let ticket = Ticket(self.next_ticket);
            self.next_ticket += 1;
            self.waiting.insert(ticket, asked.reply);
            let effects = self.machine.decide(self.now(), ticket, asked.request);
            self.absorb(effects)?;
            decisions += 1;
            next = if decisions < DECISIONS { queue.try_recv().ok() } else { None };
        }
        self.flush()
    }

    fn expire(&mut self) -> Result<(), Broken> {
        let effects = self.machine.expire(self.now());
        self.absorb(effects)?;
        self.flush()
    }

    /// Takes one decision in: its records into the machine and the batch, its answers behind them.
    fn absorb(&mut self, effects: Effects<M::Reply>) -> Result<(), Broken> {
        let Effects { records, replies } = effects;
        let bytes: usize = records.iter().map(size_of_record).sum();
        if bytes > DECISION_BYTES_MAX {
            tracing::warn!(
                partition = self.index,
                bytes,
                "a decision about groups is too large to be stored"
            );
            for (ticket, _) in replies {
                if let Some(reply) = self.waiting.remove(&ticket) {
                    let _ = reply.send(Err(Refused::TooLarge));
                }
            }
            return Err(Broken);
        }
        if !self.batch.is_empty() && self.batch.size() + bytes > BATCH_BYTES {
            self.flush()?;
        }
        let now_ms = self.clock.now_ms();
        for record in &records {
            if let Err(error) = self.machine.apply(record) {
                tracing::error!(partition = self.index, error = %error, "a group's own record cannot be taken");
                return Err(Broken);
            }
            self.batch.push(now_ms, Some(&record.key), record.value.as_deref(), &[]);
        }
        for (ticket, answer) in replies {
            let Some(reply) = self.waiting.remove(&ticket) else { continue };
            if !self.batch.is_empty() {
                self.replies.push((reply, answer));
            } else if let Some(held) = self.held.back_mut() {
                // It may tell what the records before it say.
                held.replies.push((reply, answer));
            } else {
                let _ = reply.send(Ok(answer));
            }
        }
        Ok(())
    }

    /// Hands what was decided to the log.
    fn flush(&mut self) -> Result<(), Broken> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let mut replies = std::mem::take(&mut self.replies);
        if active(Control::AnsweredBeforeAppend) {
            for (reply, answer) in replies.drain(..) {
                let _ = reply.send(Ok(answer));
            }
            // Whoever is answered may run meanwhile; on one thread they do so by themselves, before the log is done.
            if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
                tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(20)));
            }
        }
        self.appended += batch.count().unsigned_abs() as u64;
        let built = batch.build(BuildOptions { codec: self.codec, ..BuildOptions::default() });
        let header = built.as_ref().ok().and_then(|batch| BatchHeader::parse(batch).ok());
        let (Ok(batch), Some(header)) = (built, header) else {
            tracing::error!(partition = self.index, "the records of groups do not make a batch");
            return Err(Broken);
        };
        let frame_bytes = batch.len();
        let produced = Produced { header, batch, leader_epoch: self.leader_epoch, frame_bytes };
        let committed = self.log.append(produced);
        self.held.push_back(Held { committed, replies, since: Instant::now() });
        Ok(())
    }

    /// Lets the answers of the oldest batch go. True when the batch failed.
    fn committed(&mut self, committed: Result<Written, AppendError>) -> bool {
        let held = self.held.pop_front();
        if let Err(error) = committed {
            tracing::warn!(partition = self.index, error = %error, "records of groups cannot be stored");
            return true;
        }
        for (reply, answer) in held.into_iter().flat_map(|held| held.replies) {
            // Whoever asked may have gone; what was decided stands.
            let _ = reply.send(Ok(answer));
        }
        false
    }

    /// Tells those who have waited too long that the outcome is not known. The order of the rest stays.
    fn give_up(&mut self, timeout: Duration) {
        for held in self.held.iter_mut().filter(|held| held.since.elapsed() >= timeout) {
            for (reply, _) in held.replies.drain(..) {
                let _ = reply.send(Err(Refused::TimedOut));
            }
        }
    }

    fn unload(&mut self) {
        for (ticket, answer) in self.machine.unload(ErrorCode::NotCoordinator) {
            if let Some(reply) = self.waiting.remove(&ticket) {
                let _ = reply.send(Ok(answer));
            }
        }
    }

    /// Ends in order: nobody is parked any more, and what is on its way to the disk is answered.
    async fn finish(mut self, timeout: Duration) {
        self.unload();
        let all = async {
            while let Some(held) = self.held.front_mut() {
                let result = committed(Some(held)).await;
                if self.committed(result) {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(timeout, all).await;
    }

    /// Everybody learns that there is no coordinator here. Returns when the log has taken or refused all that was handed
    /// to it, so that a replay sees the whole of it.
    async fn fail(mut self) {
        self.unload();
        let outstanding: Vec<Committed> =
            self.held.drain(..).map(|Held { committed, .. }| committed).collect();
        self.waiting.clear();
        self.replies.clear();
        for committed in outstanding {
            let _ = committed.await;
        }
    }
}

fn size_of_record(record: &StateRecord) -> usize {
    record_size_max(Some(&record.key), record.value.as_deref(), &[])
}

#[cfg(test)]
mod tests;
