//! All partitions of this broker: who they are, when their logs open, and what of them a start has to know.
//!
//! A partition comes into being when somebody asks for it and the metadata has it; its log opens on first use. The
//! registry writes the checkpoint, recovers what an unclean stop left, and removes what was deleted.

mod checkpointer;
mod chores;

use super::controls::{self, Control};
use super::deletion::{self, Doomed};
use super::error::{StartError, StopError, StorageFailed};
use super::local::LocalLog;
use super::partition_log::PartitionLog;
use super::pool::{Class, Pool};
use super::start::{Opening, StartReport, io_error};
use super::tail_cache::TailCache;
use super::writer::{Message, OnCompacted, OnOpened, OnRemoved, Open, Tools, Writer};
use crate::metrics::StorageMetrics;
use crate::reserve::Reserve;
use crate::settings::TopicConfig;
use checkpointer::{CheckpointRequest, Checkpointer};
use crossbeam_channel::Sender;
use ottla_env::clock::Clock;
use ottla_env::disk::{Disk, Space};
use ottla_env::net::BoxFuture;
use ottla_env::task::{DiskLoop, Workers};
use ottla_log::checkpoint::{Checkpoint, FILE_NAME, LogKey};
use ottla_log::{Durability, Log, LogPlace, OpenError, OpenFrom, SyncFailed};
use ottla_state::image::{Configs, Topic};
use ottla_state::{Image, TopicId};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Threads that sync files and open logs.
const SYNC_THREADS: usize = 8;
const READ_THREADS: usize = 4;
const CHECKPOINT_BYTES: u64 = 64 << 20;
/// Dirty logs from which on one sync of the file system is cheaper than one of each file.
const SYNC_ALL_FROM: usize = 16;
/// An image is old for milliseconds; so many topics are not deleted in that time.
const DELETED_REMEMBERED: usize = 100_000;

/// What a start needs.
pub struct RegistryStart {
    pub disk: Arc<dyn Disk>,
    pub workers: Arc<dyn Workers>,
    pub clock: Arc<dyn Clock>,
    pub root: PathBuf,
    pub topics_dir: PathBuf,
    pub opening: Opening,
    pub tail_cache_bytes: usize,
    /// The settings of a topic with these overrides.
    pub config_of: Arc<dyn Fn(&Configs) -> TopicConfig + Send + Sync>,
    /// Hears of segments that are removed.
    pub on_removed: Arc<OnRemoved>,
    /// Hears of compactions.
    pub on_compacted: Arc<OnCompacted>,
    pub metrics: StorageMetrics,
}

/// What partitions and the file system hold.
#[derive(Debug, Default)]
pub struct Usage {
    /// Of the logs that were asked for, in their order.
    pub log_bytes: Vec<u64>,
    /// `None` where the file system does not tell.
    pub space: Option<Space>,
}

/// All logs together, and where they lie.
#[derive(Debug, Default)]
pub struct Storage {
    pub open_logs: usize,
    /// Failed, not to be opened, or with damage that was found.
    pub offline_logs: usize,
    /// Of the open ones those with `durability=os`.
    pub os_logs: usize,
    pub segments: usize,
    pub bytes: u64,
    pub checkpoint_age: Duration,
    pub space: Option<Space>,
}

/// One partition that this broker leads.
#[derive(Debug)]
pub struct Partition {
    pub topic_id: TopicId,
    pub index: i32,
    pub log: Arc<dyn PartitionLog>,
    local: Arc<LocalLog>,
}

/// Clones share the partitions.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

/// Tells the metadata that the data of these topics is gone.
pub type Forget = dyn Fn(Vec<TopicId>) -> BoxFuture<'static, ()> + Send + Sync;
type Revision = dyn Fn() -> Option<i64> + Send + Sync;

struct Inner {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    root: PathBuf,
    topics_dir: PathBuf,
    config_of: Arc<dyn Fn(&Configs) -> TopicConfig + Send + Sync>,
    partitions: Mutex<Partitions>,
    tail_cache: TailCache,
    writers: Vec<Sender<Message>>,
    syncs: Pool,
    readers: Pool,
    cleaner: Pool,
    /// Ends a compaction early.
    stopping: Arc<AtomicBool>,
    threads: Mutex<Vec<DiskLoop>>,
    /// What the last checkpoint says; logs that were not used since are opened from it.
    checkpoint: Arc<Mutex<Checkpoint>>,
    clean: bool,
    /// The whole file system was synced since the start: one call for many dirty logs (durability rule R2).
    synced: Arc<AtomicBool>,
    metadata_revision: OnceLock<Box<Revision>>,
    checkpointer: Sender<CheckpointRequest>,
    failed: watch::Sender<Option<StorageFailed>>,
    doomed: mpsc::UnboundedSender<Doomed>,
    doomed_receiver: Mutex<Option<mpsc::UnboundedReceiver<Doomed>>>,
    report: Arc<Mutex<StartReport>>,
    /// When the checkpoint was last written, or nothing had changed since.
    checkpointed: Mutex<Duration>,
    metrics: StorageMetrics,
    reserve: Reserve,
}

#[derive(Default)]
struct Partitions {
    open: HashMap<LogKey, Arc<Partition>>,
    /// The newest image that was heard of, and the settings that the open partitions of a topic have.
    image: Arc<Image>,
    configs: HashMap<TopicId, Arc<Configs>>,
    /// The topics that were deleted last: nothing of them is made again, whatever an older image says.
    deleted: HashSet<TopicId>,
    deleted_order: VecDeque<TopicId>,
}

impl Partitions {
    /// The topics with open partitions whose settings are others now.
    fn take_configs(&mut self, image: &Image) -> Vec<TopicId> {
        let mut changed = Vec::new();
        self.configs.retain(|id, known| {
            let Some(topic) = image.topic_by_id(*id) else { return false };
            if !Arc::ptr_eq(known, &topic.configs) && *known != topic.configs {
                changed.push(*id);
            }
            *known = Arc::clone(&topic.configs);
            true
        });
        changed.sort_unstable();
        changed
    }

    /// False when it is known already.
    fn delete(&mut self, id: TopicId) -> bool {
        if !self.deleted.insert(id) {
            return false;
        }
        self.deleted_order.push_back(id);
        if self.deleted_order.len() > DELETED_REMEMBERED
            && let Some(oldest) = self.deleted_order.pop_front()
        {
            self.deleted.remove(&oldest);
        }
        true
    }
}

/// The directory of a partition: named by what never changes, so that nothing of a topic that was deleted is met by one
/// of the same name.
pub(crate) fn directory_name(topic: TopicId, partition: u32) -> String {
    format!("{topic}-{partition}")
}

pub(crate) fn parse_directory(name: &str) -> Option<(TopicId, i32)> {
    let (id, partition) = name.rsplit_once('-')?;
    let key = (id.parse().ok()?, partition.parse().ok()?);
    (directory_name(key.0, u32::try_from(key.1).ok()?) == name).then_some(key)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    pub fn start(start: RegistryStart) -> Result<Self, StartError> {
        let RegistryStart {
            disk,
            workers,
            clock,
            root,
            topics_dir,
            opening,
            tail_cache_bytes,
            config_of,
            on_removed,
            on_compacted,
            metrics,
        } = start;
        if disk.entry(&topics_dir).map_err(io_error("look at", &topics_dir))?.is_none() {
            disk.create_dir(&topics_dir).map_err(io_error("create", &topics_dir))?;
            disk.sync_dir(&root).map_err(io_error("sync", &root))?;
        }
        let reserve = Reserve::new(Arc::clone(&disk), &root);
        reserve.keep();
        let (syncs, mut threads) =
            Pool::start(workers.as_ref(), "sync", SYNC_THREADS).map_err(StartError::Thread)?;
        let (readers, read_threads) =
            Pool::start(workers.as_ref(), "read", READ_THREADS).map_err(StartError::Thread)?;
        threads.extend(read_threads);
        let (cleaner, cleaner_threads) =
            Pool::start(workers.as_ref(), "cleaner", 1).map_err(StartError::Thread)?;
        threads.extend(cleaner_threads);
        let stopping = Arc::new(AtomicBool::new(false));
        let failed = watch::Sender::new(None);
        let checkpoint = Arc::new(Mutex::new(opening.checkpoint));
        let report: Arc<Mutex<StartReport>> = Arc::default();
        let synced = Arc::new(AtomicBool::new(false));
        let appended = Arc::new(AtomicU64::new(0));
        let (checkpointer, requests) = crossbeam_channel::unbounded();
        let tools = Tools {
            clock: Arc::clone(&clock),
            metrics: metrics.clone(),
            syncs: syncs.clone(),
            open: opener(Arc::clone(&disk), Arc::clone(&checkpoint), opening.clean, Arc::clone(&synced)),
            opened: reporter(Arc::clone(&report)),
            appended: counter(Arc::clone(&appended), checkpointer.clone()),
            removed: on_removed,
            compacted: on_compacted,
            reserve: reserve.clone(),
            cleaner: cleaner.clone(),
            stopping: Arc::clone(&stopping),
            failed: {
                let failed = failed.clone();
                Arc::new(move |failure: StorageFailed| {
                    failed
                        .send_if_modified(|known| known.is_none().then(|| *known = Some(failure)).is_some());
                })
            },
        };
        let mut writers = Vec::new();
        for number in 0..workers.cores().clamp(1, 4) {
            let (sender, queue) = crossbeam_channel::unbounded();
            let writer = Writer::new(tools.clone(), sender.clone(), queue);
            let thread = workers.start(&format!("writer-{number}"), Box::new(writer));
            threads.push(thread.map_err(StartError::Thread)?);
            writers.push(sender);
        }
        let (doomed, doomed_receiver) = mpsc::unbounded_channel();
        let checkpointed = Mutex::new(clock.monotonic());
        let inner = Arc::new(Inner {
            disk,
            clock,
            root,
            topics_dir,
            config_of,
            partitions: Mutex::default(),
            tail_cache: TailCache::new(tail_cache_bytes),
            writers,
            syncs,
            readers,
            cleaner,
            stopping,
            threads: Mutex::new(threads),
            checkpoint,
            clean: opening.clean,
            synced,
            metadata_revision: OnceLock::new(),
            checkpointer,
            failed,
            doomed,
            doomed_receiver: Mutex::new(Some(doomed_receiver)),
            report,
            checkpointed,
            metrics,
            reserve,
        });
        let checkpointer = Checkpointer::new(requests, appended, Arc::downgrade(&inner));
        let thread = workers.start("checkpoint", Box::new(checkpointer));
        lock(&inner.threads).push(thread.map_err(StartError::Thread)?);
        Ok(Self(inner))
    }

    /// Whether the last stop was a clean one.
    pub fn is_clean(&self) -> bool {
        self.0.clean
    }

    /// A partition of a topic that the metadata has; `None` when the topic was deleted meanwhile.
    pub fn partition(&self, topic: &Topic, index: i32) -> Option<Arc<Partition>> {
        let inner = &self.0;
        let key = (topic.id.0, index);
        let mut partitions = lock(&inner.partitions);
        if let Some(partition) = partitions.open.get(&key) {
            return Some(Arc::clone(partition));
        }
        if partitions.deleted.contains(&topic.id) {
            return None;
        }
        // The caller's image may be older than the newest one.
        let newest = partitions.image.topic_by_id(topic.id);
        let configs = Arc::clone(&newest.map_or(topic, Arc::as_ref).configs);
        let config = (inner.config_of)(&configs);
        partitions.configs.insert(topic.id, configs);
        let place = LogPlace {
            dir: inner.topics_dir.join(directory_name(topic.id, index.unsigned_abs())),
            root: inner.root.clone(),
        };
        let local = Arc::new(LocalLog::new(
            key,
            place,
            config,
            inner.tail_cache.tail(),
            inner.writer(&key).clone(),
            inner.readers.clone(),
            inner.metrics.clone(),
        ));
        let log = Arc::new(Arc::clone(&local));
        let partition = Arc::new(Partition { topic_id: topic.id, index, log, local });
        partitions.open.insert(key, Arc::clone(&partition));
        Some(partition)
    }

    /// The data directory, as an operator may type it anywhere.
    pub fn directory(&self) -> PathBuf {
        std::path::absolute(&self.0.root).unwrap_or_else(|_| self.0.root.clone())
    }

    /// Looks at the disk where a log is not open.
    pub async fn usage(&self, wanted: Vec<(TopicId, i32)>) -> Usage {
        let inner = Arc::clone(&self.0);
        let (reply, answer) = oneshot::channel();
        self.0.readers.submit(Class::Asked, move || {
            let log_bytes = wanted.iter().map(|(id, index)| inner.log_bytes((id.0, *index))).collect();
            let _ = reply.send(Usage { log_bytes, space: inner.disk.space(&inner.root).ok() });
        });
        answer.await.unwrap_or_default()
    }

    /// Logs that are not open are counted as the checkpoint has them.
    pub async fn storage(&self) -> Storage {
        let inner = Arc::clone(&self.0);
        let (reply, answer) = oneshot::channel();
        self.0.readers.submit(Class::Asked, move || {
            let _ = reply.send(inner.storage());
        });
        answer.await.unwrap_or_default()
    }

    /// Hears of every image before it is published; starts the removal of what it says is deleted, and gives open
    /// partitions the settings that it says they have.
    pub fn on_image(&self, image: &Arc<Image>) {
        let mut partitions = lock(&self.0.partitions);
        partitions.image = Arc::clone(image);
        let changed = partitions.take_configs(image);
        self.0.configure(&partitions, &changed);
        for topic in image.deleting() {
            if partitions.delete(topic.id) {
                let _ = self.0.doomed.send(Doomed { id: topic.id, partitions: topic.partitions });
            }
        }
    }

    /// Hears that what topics inherit from the broker's settings may be different now.
    pub fn on_settings(&self) {
        let partitions = lock(&self.0.partitions);
        let mut all: Vec<TopicId> = partitions.configs.keys().copied().collect();
        all.sort_unstable();
        self.0.configure(&partitions, &all);
    }

    /// Tells which revision of the metadata is stored, for the checkpoint.
    pub fn set_metadata_revision(&self, revision: impl Fn() -> Option<i64> + Send + Sync + 'static) {
        let _ = self.0.metadata_revision.set(Box::new(revision));
    }

    /// Removes deleted topics for as long as it is polled, and tells the metadata to forget them. Once.
    pub async fn run_deletions(&self, forget: Box<Forget>) {
        let receiver = lock(&self.0.doomed_receiver).take();
        if let Some(receiver) = receiver {
            deletion::run(self.clone(), forget, receiver).await;
        }
    }

    pub(super) async fn close_topic(&self, topic: Doomed) {
        for index in 0..topic.partitions {
            let key = (topic.id.0, index as i32);
            lock(&self.0.partitions).open.remove(&key);
            let (done, closed) = oneshot::channel();
            let _ = self.0.writer(&key).send(Message::Close { key, done });
            let _ = closed.await;
        }
    }

    /// The planted bug of rule C2: nothing says yet that the topic is deleted, and its data goes.
    pub(crate) async fn unlink(&self, topic: &Topic) {
        let doomed = Doomed { id: topic.id, partitions: topic.partitions.len() as u32 };
        self.close_topic(doomed).await;
        let _ = self.remove_data(doomed).await;
    }

    pub(super) async fn remove_data(&self, topic: Doomed) -> io::Result<()> {
        let (disk, dir) = (Arc::clone(&self.0.disk), self.0.topics_dir.clone());
        let reserve = self.0.reserve.clone();
        let (reply, answer) = oneshot::channel();
        self.0.syncs.submit(Class::Background, move || {
            let removed = deletion::remove(disk.as_ref(), &reserve, &dir, topic);
            // What was unlinked may be its room again.
            reserve.keep();
            let _ = reply.send(removed);
        });
        answer.await.unwrap_or_else(|_| Err(io::Error::other("the broker stops")))
    }

    /// Opens every log that an unclean stop left unread and puts strays aside; returns when all is done. Partitions
    /// that are asked for meanwhile are opened first.
    pub async fn recover(&self, image: &Image) -> Result<StartReport, StartError> {
        let registry = self.clone();
        let (reply, answer) = oneshot::channel();
        let image_for_scan = image.clone();
        self.0.syncs.submit(Class::Asked, move || {
            let _ = reply.send(registry.survey(&image_for_scan));
        });
        let (dirty, strays) = answer.await.unwrap_or_else(|_| Ok((Vec::new(), Vec::new())))?;
        lock(&self.0.report).strays = strays;
        let mut opening = Vec::new();
        for (id, index) in dirty {
            if let Some(topic) = image.topic_by_id(id)
                && let Some(partition) = self.partition(topic, index)
            {
                opening.push(tokio::spawn(async move { partition.log.ready().await }));
            }
        }
        let count = opening.len();
        for opened in opening {
            // A log that cannot be opened says so itself, and to whoever asks for it.
            let _ = opened.await;
        }
        let mut report = lock(&self.0.report);
        report.recovered_logs = count;
        Ok(report.clone())
    }

    /// Which logs have to be read, and directories that nobody knows (durability rule R10), put aside.
    #[allow(clippy::type_complexity)]
    fn survey(&self, image: &Image) -> Result<(Vec<(TopicId, i32)>, Vec<PathBuf>), StartError> {
        let inner = &self.0;
        let (disk, dir) = (inner.disk.as_ref(), &inner.topics_dir);
        let (mut dirty, mut strays) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for entry in disk.list(dir).map_err(io_error("list", dir))? {
            let Some((id, index)) = parse_directory(&entry.name) else { continue };
            let path = dir.join(&entry.name);
            if image.is_deleting(id) {
                continue;
            }
            if image.topic_by_id(id).and_then(|topic| topic.partition(index)).is_none() {
                if controls::active(Control::StraysDeleted) {
                    disk.remove_dir_all(&path).map_err(io_error("remove", &path))?;
                    continue;
                }
                let aside = path.with_added_extension("stray");
                disk.rename(&path, &aside).map_err(io_error("rename", &path))?;
                strays.push(aside);
                continue;
            }
            seen.insert((id.0, index));
            if inner.clean {
                continue;
            }
            let known = lock(&inner.checkpoint).logs.get(&(id.0, index)).cloned();
            if Log::is_dirty_on_disk(disk, &path, known.as_ref()).map_err(open_error)? {
                dirty.push((id, index));
            }
        }
        if !strays.is_empty() {
            disk.sync_dir(dir).map_err(io_error("sync", dir))?;
        }
        // Promised logs whose directory is gone are opened too, so that the loss is told at the start.
        for (id, index) in lock(&inner.checkpoint).logs.keys().filter(|key| !seen.contains(*key)) {
            if image.topic_by_id(ottla_state::Uuid(*id)).is_some() {
                dirty.push((ottla_state::Uuid(*id), *index));
            }
        }
        if dirty.len() >= SYNC_ALL_FROM {
            disk.sync_fs(&inner.root).map_err(io_error("sync the file system of", &inner.root))?;
            inner.synced.store(true, Ordering::Release);
        }
        Ok((dirty, strays))
    }

    /// Returns when something that was written cannot be trusted any more; the process has to end.
    pub async fn failed(&self) -> StorageFailed {
        let mut failed = self.0.failed.subscribe();
        match failed.wait_for(Option::is_some).await.map(|failure| failure.clone()) {
            Ok(Some(failure)) => failure,
            _ => std::future::pending().await,
        }
    }

    /// That of the data directory, for what else is written there.
    pub(crate) fn reserve(&self) -> Reserve {
        self.0.reserve.clone()
    }

    /// Syncs everything, writes the checkpoint and the marker of a clean stop, and ends all threads.
    pub async fn stop(&self) -> Result<(), StopError> {
        self.0.stopping.store(true, Ordering::Relaxed);
        self.0.cleaner.close();
        let (reply, done) = oneshot::channel();
        let _ = self.0.checkpointer.send(CheckpointRequest::Stop(reply));
        let result = done.await.unwrap_or_else(|_| {
            Err(StopError::NotSynced("the thread that writes the checkpoint is gone".to_owned()))
        });
        self.0.syncs.close();
        self.0.readers.close();
        let threads = std::mem::take(&mut *lock(&self.0.threads));
        for thread in threads {
            if !thread.join().await {
                tracing::error!("a storage thread panicked");
            }
        }
        result
    }
}

impl Partition {
    /// The offset below which everything may be read.
    pub fn high_watermark(&self) -> i64 {
        self.local.high_watermark()
    }

    /// The settings in force.
    pub fn config(&self) -> Arc<TopicConfig> {
        self.local.config()
    }
}

impl Inner {
    /// Gives the open partitions of some topics the settings that they have now.
    fn configure(&self, partitions: &Partitions, topics: &[TopicId]) {
        for topic in topics.iter().filter_map(|id| partitions.image.topic_by_id(*id)) {
            let config = (self.config_of)(&topic.configs);
            for index in 0..topic.partitions.len() as i32 {
                if let Some(partition) = partitions.open.get(&(topic.id.0, index)) {
                    partition.local.configure(config.clone());
                }
            }
        }
    }

    fn writer(&self, key: &LogKey) -> &Sender<Message> {
        let hash = key.0.iter().fold(key.1 as usize, |hash, byte| hash.wrapping_mul(31) + usize::from(*byte));
        &self.writers[hash % self.writers.len()]
    }

    fn storage(&self) -> Storage {
        let open: Vec<Arc<Partition>> = lock(&self.partitions).open.values().cloned().collect();
        let age = self.clock.monotonic().saturating_sub(*lock(&self.checkpointed));
        let mut storage = Storage { checkpoint_age: age, ..Storage::default() };
        let mut seen = HashSet::new();
        for partition in open {
            storage.offline_logs += usize::from(partition.local.is_offline());
            if let Some((segments, bytes)) = partition.local.extent() {
                storage.os_logs += usize::from(partition.local.config().log.durability == Durability::Os);
                seen.insert(partition.local.key);
                storage.open_logs += 1;
                storage.segments += segments;
                storage.bytes += bytes;
            }
        }
        for (_, entry) in lock(&self.checkpoint).logs.iter().filter(|(key, _)| !seen.contains(*key)) {
            storage.segments += entry.segments.len();
            let bytes = entry.segments.iter().map(|segment| segment.size);
            storage.bytes = bytes.fold(storage.bytes, u64::saturating_add);
        }
        storage.space = self.disk.space(&self.root).ok();
        storage
    }

    fn log_bytes(&self, key: LogKey) -> u64 {
        let open = lock(&self.partitions).open.get(&key).cloned();
        if let Some((_, bytes)) = open.and_then(|partition| partition.local.extent()) {
            return bytes;
        }
        let dir = self.topics_dir.join(directory_name(ottla_state::Uuid(key.0), key.1.unsigned_abs()));
        // A partition that was never written to has no directory.
        let files = self.disk.list(&dir).unwrap_or_default();
        files.iter().filter(|file| file.name.ends_with(".log")).map(|file| file.len).sum()
    }
}

/// Opens logs from what the checkpoint says of them.
fn opener(
    disk: Arc<dyn Disk>,
    checkpoint: Arc<Mutex<Checkpoint>>,
    clean: bool,
    synced: Arc<AtomicBool>,
) -> Arc<Open> {
    Arc::new(move |local| {
        let entry = lock(&checkpoint).logs.get(&local.key).cloned();
        let from = if clean {
            OpenFrom::Clean(entry.as_ref())
        } else {
            OpenFrom::Unclean { entry: entry.as_ref(), synced: synced.load(Ordering::Acquire) }
        };
        Log::open(Arc::clone(&disk), local.place.clone(), local.config().log.clone(), from)
    })
}

/// Adds up what recoveries found, and says what an operator has to know.
fn reporter(report: Arc<Mutex<StartReport>>) -> Arc<OnOpened> {
    Arc::new(move |key, local, opened| {
        let mut all = lock(&report);
        all.recovered_bytes += opened.scanned_bytes;
        all.cut_bytes += opened.cut_bytes;
        all.kept.extend(opened.kept.iter().cloned());
        let (topic_id, partition) = (ottla_state::Uuid(key.0), key.1);
        if let Some(damage) = &opened.damage {
            all.offline += 1;
            tracing::error!(%topic_id, partition, "the partition is offline: {damage}");
        } else if opened.cut_bytes > 0 {
            let why = opened.cut_because.as_deref().unwrap_or_default();
            tracing::warn!(%topic_id, partition, cut_bytes = opened.cut_bytes, dir = %local.place.dir.display(), "an incomplete end was cut: {why}");
        }
    })
}

fn counter(appended: Arc<AtomicU64>, due: Sender<CheckpointRequest>) -> Arc<dyn Fn(u64) + Send + Sync> {
    Arc::new(move |bytes| {
        let before = appended.fetch_add(bytes, Ordering::Relaxed);
        if before < CHECKPOINT_BYTES && before + bytes >= CHECKPOINT_BYTES {
            let _ = due.send(CheckpointRequest::Due);
        }
    })
}

fn open_error(error: OpenError) -> StartError {
    match error {
        OpenError::Io { action, path, source } => StartError::Io { action, path, source },
        OpenError::Sync(SyncFailed { path, source }) => StartError::Io { action: "sync", path, source },
    }
}
