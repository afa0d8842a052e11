//! The disk loop that owns logs: appends in order of arrival, asks for syncs, moves the high watermark, acknowledges.
//!
//! Nothing here waits for a sync: dirty files go to the sync threads, side by side, and the next group of appends runs
//! meanwhile (durability rules A1-A3). An answer leaves when the high watermark covers it. How logs get shorter:
//! [`shorten`].

mod compaction;
mod shorten;

use super::controls::{self, Control};
use super::error::{AppendError, DeleteError, StorageFailed};
use super::local::{LocalLog, Openness};
use super::partition_log::{ActiveProducer, DeleteBefore, Produced, Written};
use super::pool::{Class, Pool};
use crate::metrics::StorageMetrics;
use crate::reserve::Reserve;
use compaction::Compacting;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use ottla_env::clock::Clock;
use ottla_env::disk::lacks_descriptors;
use ottla_env::task::{Turn, Wait, Work};
use ottla_log::checkpoint::{LogEntry, LogKey};
use ottla_log::compaction::Compacted;
use ottla_log::{CompactError, Durability, Log, OpenError, OpenReport, Removal, StartFailed, SyncJob};
use shorten::Starting;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::oneshot;

/// Messages that are handled before dirty files are looked for.
const GROUP: usize = 512;
/// Until a sync for which no descriptor was free is tried again.
const POSTPONED_MS: i64 = 100;
/// A clock that somebody sets must not make a wait endless.
const LOOK_MS: i64 = 60_000;

pub(super) type Reply = oneshot::Sender<Result<Written, AppendError>>;
pub(super) type DeleteReply = oneshot::Sender<Result<i64, DeleteError>>;
pub(super) type Entries = Vec<(LogKey, LogEntry)>;

pub(super) enum Message {
    Open(Arc<LocalLog>),
    Append {
        log: Arc<LocalLog>,
        batch: Produced,
        reply: Reply,
    },
    /// Answered with the log start, once it is durable.
    DeleteRecords {
        log: Arc<LocalLog>,
        before: DeleteBefore,
        reply: DeleteReply,
    },
    /// Look after the log.
    Do(Arc<LocalLog>, Chore),
    /// The settings of the partition are others.
    Configure(LogKey),
    Opened {
        log: Arc<LocalLog>,
        result: Result<(Box<Log>, OpenReport), OpenError>,
    },
    Synced {
        key: LogKey,
        path: PathBuf,
        result: io::Result<()>,
    },
    /// Answered when the log is open.
    Producers {
        key: LogKey,
        reply: oneshot::Sender<Vec<ActiveProducer>>,
    },
    /// A pass of compaction ended.
    Compacted {
        key: LogKey,
        compacted: Compacted,
        result: Result<(), CompactError>,
    },
    /// A new log start is durable, or is not.
    Started {
        key: LogKey,
        log_start: i64,
        result: Result<(), StartFailed>,
    },
    /// Answered with every log that changed, as it is when all of it is synced.
    Checkpoint(crossbeam_channel::Sender<Entries>),
    /// The topic is gone. Answered when nothing of it is used any more.
    Close {
        key: LogKey,
        done: oneshot::Sender<()>,
    },
    /// No more appends; ends the loop when everything is synced. Answered like a checkpoint.
    Stop(crossbeam_channel::Sender<Entries>),
}

pub(super) type Open = dyn Fn(&LocalLog) -> Result<(Log, OpenReport), OpenError> + Send + Sync;
pub(super) type OnOpened = dyn Fn(&LogKey, &LocalLog, &OpenReport) + Send + Sync;

/// Hears of segments, and their bytes, that are not part of a log any more.
pub type OnRemoved = dyn Fn(usize, u64) + Send + Sync;

/// Hears of the bytes that a compaction read and left.
pub type OnCompacted = dyn Fn(u64, u64) + Send + Sync;

/// What is done for a log from time to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chore {
    /// Remove what is old or too much.
    Retain,
    /// Drop records that later ones of their keys superseded.
    Compact,
}

/// What the loops share.
#[derive(Clone)]
pub(super) struct Tools {
    pub clock: Arc<dyn Clock>,
    pub metrics: StorageMetrics,
    pub syncs: Pool,
    /// Opens a log; reads what the last run left.
    pub open: Arc<Open>,
    pub opened: Arc<OnOpened>,
    /// Counts bytes for the next checkpoint.
    pub appended: Arc<dyn Fn(u64) + Send + Sync>,
    /// Counts segments and bytes that retention or a client gave up.
    pub removed: Arc<OnRemoved>,
    pub compacted: Arc<OnCompacted>,
    pub reserve: Reserve,
    /// The thread that compacts, one log at a time, and whether it should come to its end.
    pub cleaner: Pool,
    pub stopping: Arc<AtomicBool>,
    /// Takes the first failure that ends the process.
    pub failed: Arc<dyn Fn(StorageFailed) + Send + Sync>,
}

struct Owned {
    local: Arc<LocalLog>,
    state: State,
}

enum State {
    Opening(Vec<Waiting>),
    Open(Box<OpenLog>),
    Failed(String),
}

/// What waits for a log to be open.
enum Waiting {
    Append(Produced, Reply),
    DeleteRecords(DeleteBefore, DeleteReply),
    Do(Chore),
}

struct OpenLog {
    log: Box<Log>,
    /// Acknowledgements, by the offset that the high watermark has to reach.
    waiting: VecDeque<(i64, Reply, Written)>,
    /// Changed since the last checkpoint took it.
    changed: bool,
    /// The log as a checkpoint wants it, which its sync has to reach.
    pending: Option<LogEntry>,
    /// Records and time since the last sync of an `os` log.
    unsynced: i64,
    unsynced_since_ms: Option<i64>,
    starting: Starting,
    compacting: Compacting,
}

/// A checkpoint in the making.
struct Collecting {
    reply: crossbeam_channel::Sender<Entries>,
    entries: Entries,
    missing: usize,
}

pub(super) struct Writer {
    tools: Tools,
    own: Sender<Message>,
    queue: Receiver<Message>,
    logs: HashMap<LogKey, Owned>,
    touched: Vec<LogKey>,
    collecting: Vec<Collecting>,
    /// Whether any log could be due for a sync by time or count.
    any_os: bool,
    /// Logs with syncs for which there was no descriptor, and when they are tried again.
    postponed: Vec<LogKey>,
    postponed_until_ms: i64,
    /// Files to unlink, by when.
    removals: BTreeMap<i64, Vec<Removal>>,
    disk_full: bool,
    stopping: bool,
    /// Who waits for the end, until every opening has ended.
    stop: Option<crossbeam_channel::Sender<Entries>>,
}

enum Next {
    Message(Message),
    Due,
    Nothing,
    /// Nobody can send any more.
    Nobody,
}

impl Work for Writer {
    fn turn(&mut self, wait: Wait) -> Turn {
        match self.next(wait) {
            Next::Message(message) => self.take(message),
            Next::Due => self.look_at_due(),
            Next::Nothing => return Turn::Idle,
            Next::Nobody => return Turn::Ended,
        }
        for _ in 0..GROUP {
            let Ok(message) = self.queue.try_recv() else { break };
            self.take(message);
        }
        self.finish_openings();
        self.request_syncs();
        if self.stopping && self.stop.is_none() && self.collecting.is_empty() {
            self.end();
            return Turn::Ended;
        }
        Turn::Worked
    }
}

impl Writer {
    pub fn new(tools: Tools, own: Sender<Message>, queue: Receiver<Message>) -> Self {
        Self {
            tools,
            own,
            queue,
            logs: HashMap::new(),
            touched: Vec::new(),
            collecting: Vec::new(),
            any_os: false,
            postponed: Vec::new(),
            postponed_until_ms: 0,
            removals: BTreeMap::new(),
            disk_full: false,
            stopping: false,
            stop: None,
        }
    }

    /// The next message, or that something is due.
    fn next(&mut self, wait: Wait) -> Next {
        let due = self.due();
        let now = self.tools.clock.now_ms();
        let left = due.map(|due| due.saturating_sub(now).clamp(0, LOOK_MS).unsigned_abs());
        let received = match (wait, left) {
            (Wait::ForWork, None) => self.queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (Wait::ForWork, Some(ms)) => self.queue.recv_timeout(Duration::from_millis(ms)),
            (Wait::Never, _) => self.queue.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
        };
        match received {
            Ok(message) => Next::Message(message),
            Err(RecvTimeoutError::Disconnected) => Next::Nobody,
            Err(RecvTimeoutError::Timeout) if wait == Wait::Never && left != Some(0) => Next::Nothing,
            Err(RecvTimeoutError::Timeout) => Next::Due,
        }
    }

    /// When an `os` log is due for a sync, a sync for another try, or a file for its end.
    fn due(&self) -> Option<i64> {
        if !self.any_os && self.removals.is_empty() && self.postponed.is_empty() {
            return None;
        }
        let due = self.logs.values().filter(|_| self.any_os).filter_map(|owned| match &owned.state {
            State::Open(open) => open.flush_due(),
            _ => None,
        });
        let postponed = (!self.postponed.is_empty()).then_some(self.postponed_until_ms);
        due.chain(self.removals.first_key_value().map(|(due, _)| *due)).chain(postponed).min()
    }

    fn look_at_due(&mut self) {
        let now = self.tools.clock.now_ms();
        let is_due =
            |owned: &Owned| matches!(&owned.state, State::Open(o) if o.flush_due().is_some_and(|d| d <= now));
        self.touched.extend(self.logs.iter().filter(|(_, owned)| is_due(owned)).map(|(key, _)| *key));
        if self.postponed_until_ms <= now {
            self.touched.append(&mut self.postponed);
        }
        self.remove_due(now);
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Open(log) => self.open(&log),
            Message::Append { log, batch, reply } => {
                self.open(&log);
                self.append(&log.key, batch, reply);
            }
            Message::DeleteRecords { log, before, reply } => {
                self.open(&log);
                self.delete_records(&log.key, before, reply);
            }
            Message::Do(log, chore) => {
                self.open(&log);
                self.attend(&log.key, chore);
            }
            Message::Compacted { key, compacted, result } => self.compacted(&key, &compacted, result),
            Message::Configure(key) => self.configure(&key),
            Message::Started { key, log_start, result } => self.started(&key, log_start, result),
            Message::Opened { log, result } => self.opened(log, result),
            Message::Synced { key, path, result } => self.synced(&key, &path, result),
            Message::Producers { key, reply } => self.producers(&key, reply),
            Message::Checkpoint(reply) => self.collect(reply),
            Message::Close { key, done } => {
                self.close(&key);
                let _ = done.send(());
            }
            Message::Stop(reply) => {
                self.stopping = true;
                self.stop = Some(reply);
            }
        }
    }

    /// A stop begins when nothing is being opened any more.
    fn finish_openings(&mut self) {
        let opening = self.logs.values().any(|owned| matches!(owned.state, State::Opening(_)));
        if self.stop.is_some()
            && !opening
            && let Some(reply) = self.stop.take()
        {
            let mut logs: Vec<_> = self.logs.iter().collect();
            logs.sort_unstable_by_key(|(key, _)| **key);
            for (_, owned) in logs {
                if let State::Open(open) = &owned.state {
                    open.log.write_index();
                }
            }
            self.collect(reply);
        }
    }

    fn open(&mut self, log: &Arc<LocalLog>) {
        if self.stopping || self.logs.contains_key(&log.key) {
            return;
        }
        if !matches!(*log.openness.borrow(), Openness::Unopened | Openness::NotOpened(_)) {
            return;
        }
        log.openness.send_replace(Openness::Unopened);
        self.logs.insert(log.key, Owned { local: Arc::clone(log), state: State::Opening(Vec::new()) });
        let (log, own, open) = (Arc::clone(log), self.own.clone(), Arc::clone(&self.tools.open));
        self.tools.syncs.submit(Class::Asked, move || {
            let result = open(&log).map(|(log, report)| (Box::new(log), report));
            let _ = own.send(Message::Opened { log, result });
        });
    }

    fn opened(&mut self, local: Arc<LocalLog>, result: Result<(Box<Log>, OpenReport), OpenError>) {
        let key = local.key;
        let Some(owned) = self.logs.get_mut(&key) else { return };
        let State::Opening(waiting) = &mut owned.state else { return };
        let waiting = std::mem::take(waiting);
        match result {
            Ok((mut log, report)) => {
                (self.tools.opened)(&key, &local, &report);
                // They may have changed while it was opened.
                log.set_config(local.config().log.clone());
                // A checkpoint of an idle log remembers those that were forgotten since.
                log.expire_producers(self.tools.clock.now_ms());
                local.advance(log.end_offset());
                local.set_openness(Openness::Open(log.reader()));
                self.any_os |= log.config().durability == Durability::Os;
                let changed = report.scanned_bytes > 0 || report.cut_bytes > 0;
                if changed {
                    (self.tools.appended)(report.scanned_bytes.max(1));
                }
                owned.state = State::Open(Box::new(OpenLog {
                    log,
                    waiting: VecDeque::new(),
                    changed,
                    pending: None,
                    unsynced: 0,
                    unsynced_since_ms: None,
                    starting: Starting::default(),
                    compacting: Compacting::Idle,
                }));
            }
            Err(error @ OpenError::Io { .. }) => {
                tracing::error!(error = %error, "a log cannot be opened; that is tried again");
                let why = error.to_string();
                local.set_openness(Openness::NotOpened(why.clone()));
                self.logs.remove(&key);
                return refuse(waiting, &AppendError::Storage(why.clone()), &DeleteError::Storage(why));
            }
            Err(error @ OpenError::Sync(_)) => {
                tracing::error!(error = %error, "a log cannot be opened");
                local.set_openness(Openness::Failed(error.to_string()));
                owned.state = State::Failed(error.to_string());
            }
        }
        for waiting in waiting {
            match waiting {
                Waiting::Append(batch, reply) => self.append(&key, batch, reply),
                Waiting::DeleteRecords(before, reply) => self.delete_records(&key, before, reply),
                Waiting::Do(chore) => self.attend(&key, chore),
            }
        }
    }

    /// What the settings are now. A topic that turns from `os` to `fsync` is synced to its end first: what its high
    /// watermark covered already is not durable yet (durability rule A2).
    fn configure(&mut self, key: &LogKey) {
        let Some(Owned { local, state: State::Open(open) }) = self.logs.get_mut(key) else { return };
        open.log.set_config(local.config().log.clone());
        self.any_os |= open.log.config().durability == Durability::Os;
        self.touched.push(*key);
    }

    fn append(&mut self, key: &LogKey, batch: Produced, reply: Reply) {
        if self.stopping {
            let _ = reply.send(Err(AppendError::Stopping));
            return;
        }
        let Some(owned) = self.logs.get_mut(key) else {
            let _ = reply.send(Err(AppendError::Deleted));
            return;
        };
        let open = match &mut owned.state {
            State::Opening(waiting) => return waiting.push(Waiting::Append(batch, reply)),
            State::Failed(why) => return drop(reply.send(Err(AppendError::Storage(why.clone())))),
            State::Open(open) => open,
        };
        let reply = if controls::active(Control::AckedBeforeWrite) {
            let written = Written {
                base_offset: open.log.end_offset(),
                log_start: 0,
                max_timestamp: batch.header.max_timestamp,
                duplicate: false,
            };
            let _ = reply.send(Ok(written));
            std::thread::sleep(Duration::from_millis(20));
            oneshot::channel().0
        } else {
            reply
        };
        let now = self.tools.clock.now_ms();
        let appended = match open.log.append(&batch.header, &batch.batch, batch.leader_epoch, now) {
            Ok(appended) => appended,
            Err(error) => {
                let error = append_error(error);
                // Once, not for every batch that is refused.
                if error == AppendError::DiskFull && !std::mem::replace(&mut self.disk_full, true) {
                    tracing::warn!("the disk is full; writes are refused until there is room, reads go on");
                }
                return drop(reply.send(Err(error)));
            }
        };
        if std::mem::take(&mut self.disk_full) {
            tracing::info!("the disk has room again; writes go on");
        }
        let next = appended.last_offset + 1;
        let written = Written {
            base_offset: appended.base_offset,
            log_start: open.log.log_start(),
            max_timestamp: appended.max_timestamp,
            duplicate: appended.duplicate,
        };
        if !appended.duplicate {
            let body = batch.batch.slice(appended.header.len()..);
            owned.local.tail.push(appended.base_offset, next, &appended.header, &body, batch.frame_bytes);
            open.changed = true;
            (self.tools.appended)(batch.batch.len() as u64);
            open.unsynced += next - appended.base_offset;
            open.unsynced_since_ms.get_or_insert(now);
        }
        let early = appended.duplicate && controls::active(Control::DuplicateAckedEarly);
        if early || next <= open.acknowledged(&owned.local) {
            let _ = reply.send(Ok(written));
        } else {
            open.waiting.push_back((next, reply, written));
            self.touched.push(*key);
        }
    }

    /// Hands every dirty file to the sync threads, and moves what moves without one.
    fn request_syncs(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        let now = self.tools.clock.now_ms();
        for key in touched.drain(..) {
            let Some(Owned { local, state: State::Open(open) }) = self.logs.get_mut(&key) else { continue };
            let os = open.log.config().durability == Durability::Os;
            if os || controls::active(Control::HighWatermarkAtAppend) {
                open.acknowledge(local, open.log.end_offset());
            }
            // An `os` log is synced on roll, beside a checkpoint, and when its own settings say so (rule A9).
            let due = open.pending.is_some()
                || open.log.is_sealed_dirty()
                || open.flush_due().is_some_and(|due| due <= now);
            if !os || due {
                for job in open.log.take_sync_jobs() {
                    open.unsynced = 0;
                    open.unsynced_since_ms = None;
                    submit(&self.tools, &self.own, key, job);
                }
            }
        }
        self.touched = touched;
    }

    fn synced(&mut self, key: &LogKey, path: &PathBuf, result: io::Result<()>) {
        let Some(Owned { local, state: State::Open(open) }) = self.logs.get_mut(key) else { return };
        if let Err(error) = result
            && !controls::active(Control::RetryAfterFailedSync)
        {
            if lacks_descriptors(&error) {
                open.log.sync_not_tried(path);
                return self.postpone(key, path);
            }
            return self.fail(key, path, error.to_string());
        }
        let durable = open.log.sync_done(path);
        open.acknowledge(local, durable);
        if open.log.is_dirty() {
            self.touched.push(*key);
        }
        if let Some(entry) = open.pending.take_if(|entry| entry.end_offset <= durable) {
            self.settle(key, Some(entry));
        }
    }

    /// A sync is tried again soon.
    fn postpone(&mut self, key: &LogKey, path: &Path) {
        if self.postponed.is_empty() {
            tracing::warn!(path = %path.display(), "no descriptor is free for a sync; it is tried again");
            self.postponed_until_ms = self.tools.clock.now_ms().saturating_add(POSTPONED_MS);
        }
        self.postponed.push(*key);
    }

    fn producers(&self, key: &LogKey, reply: oneshot::Sender<Vec<ActiveProducer>>) {
        let Some(Owned { state: State::Open(open), .. }) = self.logs.get(key) else { return };
        let producers = open.log.producers().iter().filter_map(|(id, producer)| {
            let last = producer.batches.back()?;
            Some(ActiveProducer {
                id,
                epoch: producer.epoch,
                last_sequence: last.last_sequence,
                last_timestamp: last.max_timestamp,
            })
        });
        let _ = reply.send(producers.collect());
    }

    /// A sync failed: nothing of the log is answered any more, and the process ends (durability rule A7).
    fn fail(&mut self, key: &LogKey, path: &Path, cause: String) {
        (self.tools.failed)(StorageFailed { action: "sync", path: path.to_owned(), cause: cause.clone() });
        let Some(owned) = self.logs.get_mut(key) else { return };
        let before = std::mem::replace(&mut owned.state, State::Failed(cause.clone()));
        owned.local.set_openness(Openness::Failed(cause.clone()));
        let State::Open(open) = before else { return };
        for (_, reply, _) in open.waiting {
            let _ = reply.send(Err(AppendError::Storage(cause.clone())));
        }
        open.starting.refuse(&DeleteError::Storage(cause));
        if open.pending.is_some() {
            self.settle(key, None);
        }
    }

    /// Asks every log that changed for its state, to be given when it is synced.
    fn collect(&mut self, reply: crossbeam_channel::Sender<Entries>) {
        let mut superseded = 0;
        let mut collecting = Collecting { reply, entries: Vec::new(), missing: 0 };
        let now = self.tools.clock.now_ms();
        let mut logs: Vec<(&LogKey, &mut Owned)> = self.logs.iter_mut().collect();
        // In an order that a run can be repeated in.
        logs.sort_unstable_by_key(|(key, _)| **key);
        for (key, owned) in logs {
            let State::Open(open) = &mut owned.state else { continue };
            if !std::mem::take(&mut open.changed) || !open.log.is_whole() {
                continue;
            }
            open.log.expire_producers(now);
            let entry = open.log.entry();
            if open.log.durable_offset() >= entry.end_offset
                || controls::active(Control::CheckpointOfAppended)
            {
                collecting.entries.push((*key, entry));
            } else {
                superseded += usize::from(open.pending.replace(entry).is_some());
                collecting.missing += 1;
                self.touched.push(*key);
            }
        }
        // What an earlier checkpoint waited for comes with this one.
        for _ in 0..superseded {
            if let Some(earlier) = self.collecting.iter_mut().find(|earlier| earlier.missing > 0) {
                earlier.missing -= 1;
            }
        }
        self.collecting.push(collecting);
        self.deliver();
    }

    /// A log that a checkpoint waited for is synced, or will never be.
    fn settle(&mut self, key: &LogKey, entry: Option<LogEntry>) {
        if let Some(collecting) = self.collecting.iter_mut().find(|collecting| collecting.missing > 0) {
            collecting.missing -= 1;
            collecting.entries.extend(entry.map(|entry| (*key, entry)));
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        while self.collecting.first().is_some_and(|collecting| collecting.missing == 0) {
            let Collecting { reply, entries, .. } = self.collecting.remove(0);
            let _ = reply.send(entries);
        }
    }

    fn close(&mut self, key: &LogKey) {
        let Some(owned) = self.logs.remove(key) else { return };
        owned.local.set_openness(Openness::Deleted);
        match owned.state {
            State::Opening(waiting) => refuse(waiting, &AppendError::Deleted, &DeleteError::Deleted),
            State::Open(open) => {
                for (_, reply, _) in open.waiting {
                    let _ = reply.send(Err(AppendError::Deleted));
                }
                open.starting.refuse(&DeleteError::Deleted);
                if open.pending.is_some() {
                    self.settle(key, None);
                }
            }
            State::Failed(_) => {}
        }
    }

    fn end(&mut self) {
        for owned in self.logs.values() {
            owned.local.set_openness(Openness::Stopping);
        }
    }
}

impl OpenLog {
    /// Moves the high watermark and answers what it covers.
    fn acknowledge(&mut self, local: &LocalLog, high_watermark: i64) {
        local.advance(high_watermark);
        while self.waiting.front().is_some_and(|(needs, _, _)| *needs <= high_watermark) {
            if let Some((_, reply, written)) = self.waiting.pop_front() {
                let _ = reply.send(Ok(written));
            }
        }
    }

    /// Everything below may be acknowledged: an `fsync` log's high watermark is ahead of its syncs if it was an `os` log
    /// before.
    fn acknowledged(&self, local: &LocalLog) -> i64 {
        match self.log.config().durability {
            Durability::Os => local.high_watermark(),
            Durability::Fsync => local.high_watermark().min(self.log.durable_offset()),
        }
    }

    /// When an `os` log has to be synced by its own settings.
    fn flush_due(&self) -> Option<i64> {
        let since = self.unsynced_since_ms?;
        let config = self.log.config();
        if config.durability != Durability::Os {
            return None;
        }
        if self.unsynced >= config.flush_messages {
            return Some(since);
        }
        (config.flush_ms != i64::MAX).then(|| since.saturating_add(config.flush_ms))
    }
}

/// Answers those who waited for a log that does not open.
fn refuse(waiting: Vec<Waiting>, append: &AppendError, delete: &DeleteError) {
    for waiting in waiting {
        match waiting {
            Waiting::Append(_, reply) => drop(reply.send(Err(append.clone()))),
            Waiting::DeleteRecords(_, reply) => drop(reply.send(Err(delete.clone()))),
            Waiting::Do(_) => {}
        }
    }
}

fn submit(tools: &Tools, own: &Sender<Message>, key: LogKey, job: SyncJob) {
    let (own, clock, seconds) = (own.clone(), Arc::clone(&tools.clock), tools.metrics.sync_seconds.clone());
    tools.syncs.submit(Class::Urgent, move || {
        let began = clock.monotonic();
        let result = job.run();
        seconds.observe(clock.monotonic().saturating_sub(began).as_secs_f64());
        let _ = own.send(Message::Synced { key, path: job.path.clone(), result });
    });
}

fn append_error(error: ottla_log::AppendError) -> AppendError {
    use ottla_log::AppendError as Log;
    match error {
        Log::OutOfOrderSequence { producer_id, sequence, expected } => {
            AppendError::OutOfOrderSequence { producer_id, sequence, expected }
        }
        Log::StaleProducerEpoch { producer_id, epoch, current } => {
            AppendError::StaleProducerEpoch { producer_id, epoch, current }
        }
        Log::DiskFull => AppendError::DiskFull,
        Log::Io(error) => {
            tracing::error!(error = %error, "a write failed");
            AppendError::Storage(error.to_string())
        }
        Log::Offline(why) => AppendError::Storage(why),
    }
}
