//! The order in which a broker is built, and the reverse in which it stops.
//!
//! Data directory, sockets (bound, nobody accepted), checkpoint, metadata engine, partitions, cluster, requests,
//! recovery. When [`Broker::start`] returns, clients are served; logs that an unclean stop left unread are recovered
//! beside that, first those that somebody asks for.

use crate::admin::{self, Admin};
use crate::background;
use crate::budget::Budget;
use crate::cluster::embedded::{Embedded, OpenError};
use crate::cluster::{self, Cluster, ClusterStart, Registration, Rules};
use crate::connection::Limits;
use crate::context::Context;
use crate::coordinator::{Groups, GroupsStart};
use crate::data_dir::{DataDir, DataDirError, Wanted};
use crate::handlers::fetch::sessions::FetchSessions;
use crate::metrics::Metrics;
use crate::partition::{self, Chore, Opening, Registry, RegistryStart, StopError};
use crate::quotas::{Quotas, Windows};
use crate::reserve::{LEFT_FREE, Reserve};
use crate::sampler::Sampler;
use crate::server::{self, BindError, Bound};
use crate::settings::{BrokerConfig, LiveSettings, Settings};
use ottla_env::clock::Clock;
use ottla_env::disk::Disk;
use ottla_env::lanes::Lanes;
use ottla_env::net::Net;
use ottla_env::rng::Rng;
use ottla_env::task::{Workers, run_once};
use ottla_log::compaction::KEYS_BYTES_MAX;
use ottla_state::controller::{ConfigRules, MAX_PARTITIONS};
use ottla_state::{Endpoint, Image, TopicId, Uuid, group, topic_name};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

const TAIL_CACHE_BYTES: usize = 64 << 20;
/// What a partition that nobody uses takes of memory: its place in the image and in the stored state, with those of its
/// topic if it is the only one there and has a long name.
const PARTITION_BYTES: u64 = 2 << 10;
/// Partitions beyond which no broker goes. With long names their metadata is still one file that a start reads.
const PARTITIONS_MAX: u64 = 1_000_000;
/// What a broker may take beside requests and answers: the tail cache, the keys of a compaction, and 32 MiB for all that is
/// small.
const MEMORY_BESIDE_REQUESTS: u64 = TAIL_CACHE_BYTES as u64 + KEYS_BYTES_MAX + (32 << 20);
/// Time for answers that are due, when the broker stops.
const DRAIN: Duration = Duration::from_secs(10);

pub struct BrokerStart {
    pub settings: Settings,
    pub disk: Arc<dyn Disk>,
    pub net: Arc<dyn Net>,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub workers: Arc<dyn Workers>,
    /// Where connections are served.
    pub lanes: Lanes,
    /// Partitions that may be made: [`partitions_max`] of the memory there is.
    pub partitions_max: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Storage(#[from] partition::StartError),
    #[error(transparent)]
    Metadata(#[from] OpenError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("port {} of the HTTP listener is in use by {owner}; choose another one with --http-listen HOST:PORT", address.port())]
    HttpInUse { address: SocketAddr, owner: String },
    #[error("cannot listen on {address} for HTTP: {source}")]
    Http { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Cluster(#[from] cluster::StartError),
    #[error("start a thread: {0}")]
    Thread(io::Error),
}

/// Why a broker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    Storage(#[from] partition::StorageFailed),
    #[error(transparent)]
    Cluster(#[from] cluster::ClusterFailed),
}

#[derive(Debug)]
pub struct Broker {
    pub data_dir: PathBuf,
    /// This start made the data directory.
    pub is_new: bool,
    pub kafka: Vec<SocketAddr>,
    pub http: Option<SocketAddr>,
    context: Arc<Context>,
    registry: Registry,
    cluster: Option<Cluster>,
    engine: Arc<Embedded>,
    stopping: watch::Sender<bool>,
    ready: Arc<AtomicBool>,
    sampler: Sampler,
    server: Option<tokio::task::JoinHandle<()>>,
    /// The lock of the data directory is held as long as this is.
    _dir: DataDir,
    background: JoinSet<()>,
}

/// What the disk had to say, before anybody is accepted.
struct Opened {
    opening: Opening,
    engine: Embedded,
}

impl Broker {
    pub async fn start(start: BrokerStart) -> Result<Self, StartError> {
        let dir = open_dir(&start).await?;
        let BrokerStart { settings, disk, net, clock, rng, workers, lanes, partitions_max } = start;
        let format = dir.format().clone();
        let live = Arc::new(LiveSettings::new(format.node_id, settings));
        let settings = live.load();
        let config = settings.broker();
        // Before anything is changed: a clean stop stays one when a port is taken.
        let bound = server::bind(net.as_ref(), &config.listeners, config.listeners_explicit).await?;
        let http = bind_http(net.as_ref(), config.http_listen, config.http_listen_explicit).await?;
        let Opened { opening, engine } = open(&dir, &disk, &workers).await?;
        let engine = Arc::new(engine);

        let clean_start = opening.clean || dir.is_new();
        let metrics = Arc::new(Metrics::new());
        let registry = start_registry(disk, workers, &clock, &dir, opening, &live, &metrics).await?;
        engine.use_reserve(registry.reserve());
        let quotas = quotas(config, &clock, &metrics);
        let cluster = Cluster::start(ClusterStart {
            coord: Arc::clone(&engine) as Arc<dyn cluster::Coord>,
            clock: Arc::clone(&clock),
            rng: Arc::clone(&rng),
            cluster_id: format.cluster_id.clone(),
            registration: registration(&settings, &bound, &format, clean_start, rng.as_ref()),
            rules: rules(&live, partitions_max),
            broker_defaults: settings.first_cluster_defaults(),
            on_image: on_image(&live, &registry, &quotas),
        })
        .await?;
        {
            // Not to be kept: the metadata tells the registry of each image, and so keeps it.
            let metadata = Arc::downgrade(cluster.metadata());
            registry.set_metadata_revision(move || metadata.upgrade().map(|metadata| metadata.revision()));
        }

        let (stopping, stopped) = watch::channel(false);
        let groups = Groups::new(GroupsStart {
            node: format.node_id,
            config: config.groups.clone(),
            registry: registry.clone(),
            metadata: Arc::clone(cluster.metadata()),
            controller: cluster.controller().clone(),
            clock: Arc::clone(&clock),
            rng: Arc::clone(&rng),
            metrics: Arc::clone(&metrics),
        });
        let context = Arc::new(Context {
            node: format.node_id,
            settings: live,
            registry: registry.clone(),
            metadata: Arc::clone(cluster.metadata()),
            controller: cluster.controller().clone(),
            producer_ids: Arc::clone(cluster.producer_ids()),
            fetch_sessions: FetchSessions::new(
                config.max_incremental_fetch_sessions,
                Arc::clone(&clock),
                Arc::clone(&rng),
            ),
            requests: Budget::new(requests_max(config.max_queued_bytes)),
            answers: Budget::new(answers_max(config.max_queued_bytes)),
            groups: Arc::clone(&groups),
            quotas,
            clock,
            metrics,
            stopping: stopped,
        });
        let mut background = JoinSet::new();
        attend_logs(&mut background, &context);
        let (ready, limits) = (Arc::new(AtomicBool::new(false)), limits(&settings));
        let http_address = http.as_ref().map(|(_, address)| *address);
        let sampler = Sampler::new(&context, &limits, &ready);
        if let Some((listener, _)) = http {
            let admin = Admin { sampler: sampler.clone() };
            let files = ottla_env::process::open_file_limit().unwrap_or(u64::MAX);
            let connections = usize::try_from(server::files_for_http(files)).unwrap_or(usize::MAX);
            background.spawn(admin::serve(admin, listener, connections, context.stopped()));
        }
        let kafka = bound.iter().map(|bound| bound.address).collect();
        let server = tokio::spawn(server::run(Arc::clone(&context), limits, bound, lanes));
        Ok(Self {
            data_dir: dir.path().to_owned(),
            is_new: dir.is_new(),
            kafka,
            http: http_address,
            context,
            registry,
            cluster: Some(cluster),
            engine,
            stopping,
            ready,
            sampler,
            server: Some(server),
            _dir: dir,
            background,
        })
    }

    pub fn node_id(&self) -> i32 {
        self.context.node
    }

    pub fn cluster_id(&self) -> String {
        self.context.image().cluster().map(|cluster| cluster.id.clone()).unwrap_or_default()
    }

    /// The text that `/metrics` answers with.
    pub async fn metrics(&self) -> Result<String, fmt::Error> {
        self.context.metrics.text(&self.sampler.sample().await)
    }

    /// Reads what an unclean stop left unread; afterwards the broker says that it is ready.
    pub async fn recover(&self) -> Result<partition::StartReport, partition::StartError> {
        let report = self.registry.recover(&self.context.image()).await?;
        self.ready.store(true, Ordering::Release);
        Ok(report)
    }

    /// Returns when the broker cannot go on; the process has to end with exit code 1.
    pub async fn failed(&self) -> Failed {
        let metadata = async {
            match &self.cluster {
                Some(cluster) => cluster.failed().await.into(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            failed = self.registry.failed() => failed.into(),
            failed = metadata => failed,
        }
    }

    /// Stops in order: no new requests, the answers that are due, everything synced, the marker of a clean stop.
    pub async fn stop(mut self) -> Result<(), StopError> {
        self.ready.store(false, Ordering::Release);
        self.stopping.send_replace(true);
        // Members that wait for others would hold their connections for minutes.
        self.context.groups.stop().await;
        if let Some(server) = self.server.take()
            && tokio::time::timeout(DRAIN, server).await.is_err()
        {
            tracing::warn!("some connections did not take their answers in time");
        }
        let stopped = self.registry.stop().await;
        self.background.shutdown().await;
        if let Some(cluster) = self.cluster.take()
            && let Err(error) = cluster.stop().await
        {
            tracing::warn!(error = %error, "the registration ends with the process");
        }
        self.engine.close().await;
        stopped
    }
}

/// What is done when the data of deleted topics is gone: their offsets go, then the metadata forgets them. A topic is
/// forgotten last, so that a crash leaves no offset behind for a later topic of its name.
fn forget(context: &Arc<Context>) -> Box<partition::Forget> {
    let context = Arc::clone(context);
    Box::new(move |ids: Vec<TopicId>| {
        let context = Arc::clone(&context);
        Box::pin(async move {
            let image = context.image();
            let deleted = image.deleting().filter(|topic| ids.contains(&topic.id));
            let deleted = deleted.map(|topic| group::DeletedTopic { name: topic.name.clone(), id: topic.id });
            context.groups.topics_deleted(deleted.collect()).await;
            if let Err(error) = context.controller.forget_topics(ids).await {
                tracing::debug!(error = %error, "deleted topics are forgotten at the next start");
            }
        })
    })
}

/// Has old segments removed and compacted topics compacted for as long as the broker runs.
fn attend_logs(background: &mut JoinSet<()>, context: &Arc<Context>) {
    let (registry, forget) = (context.registry.clone(), forget(context));
    background.spawn(async move { registry.run_deletions(forget).await });
    background
        .spawn(background::attend(Arc::clone(context), Chore::Retain, |config| config.retention_check_ms));
    if context.settings.load().broker().cleaner_enabled {
        background.spawn(background::attend(Arc::clone(context), Chore::Compact, |config| {
            config.live.cleaner_backoff_ms
        }));
    }
}

fn quotas(config: &BrokerConfig, clock: &Arc<dyn Clock>, metrics: &Arc<Metrics>) -> Arc<Quotas> {
    let windows = Windows { clients: config.quota_window, mutations: config.controller_quota_window };
    Arc::new(Quotas::new(windows, Arc::clone(clock), Arc::clone(metrics)))
}

async fn start_registry(
    disk: Arc<dyn Disk>,
    workers: Arc<dyn Workers>,
    clock: &Arc<dyn Clock>,
    dir: &DataDir,
    opening: Opening,
    settings: &Arc<LiveSettings>,
    metrics: &Arc<Metrics>,
) -> Result<Registry, StartError> {
    let (removed, compacted) = (Arc::clone(metrics), Arc::clone(metrics));
    let topics = Arc::clone(settings);
    let start = RegistryStart {
        disk,
        workers: Arc::clone(&workers),
        clock: Arc::clone(clock),
        root: dir.path().to_owned(),
        topics_dir: dir.topics_dir(),
        opening,
        tail_cache_bytes: TAIL_CACHE_BYTES,
        config_of: Arc::new(move |overrides| topics.load().topic(overrides)),
        metrics: metrics.storage.clone(),
        on_removed: Arc::new(move |segments, bytes| removed.removed(segments, bytes)),
        on_compacted: Arc::new(move |before, after| compacted.compacted(before, after)),
    };
    let started = run_once(workers.as_ref(), "start", move || Registry::start(start)).await;
    Ok(started.map_err(StartError::Thread)??)
}

/// Makes the directory, or takes it: nobody else writes there from then on.
async fn open_dir(start: &BrokerStart) -> Result<DataDir, StartError> {
    let (disk, rng, config) = (Arc::clone(&start.disk), Arc::clone(&start.rng), start.settings.broker());
    let path = config.data_dir.clone();
    let wanted = Wanted { node_id: config.node_id, cluster_id: config.cluster_id.clone() };
    let open = move || DataDir::open(&disk, &path, &wanted, rng.as_ref());
    Ok(run_once(start.workers.as_ref(), "start", open).await.map_err(StartError::Thread)??)
}

async fn open(dir: &DataDir, disk: &Arc<dyn Disk>, workers: &Arc<dyn Workers>) -> Result<Opened, StartError> {
    let (disk, starter) = (Arc::clone(disk), Arc::clone(workers));
    let (root, metadata) = (dir.path().to_owned(), dir.metadata_dir());
    let read = move || read(&disk, &root, &metadata, starter.as_ref());
    run_once(workers.as_ref(), "start", read).await.map_err(StartError::Thread)?
}

fn read(
    disk: &Arc<dyn Disk>,
    root: &Path,
    metadata: &Path,
    workers: &dyn Workers,
) -> Result<Opened, StartError> {
    let opening = Opening::read(disk.as_ref(), root)?;
    let at_least = opening.checkpoint.metadata_revision;
    let mut engine = Embedded::open(Arc::clone(disk), metadata, at_least, workers);
    // A start writes a little, on a full disk too (durability rule A8), and not always as early as here.
    let has_room = disk.space(root).map_or(true, |space| space.free >= LEFT_FREE);
    let is_full = engine.as_ref().is_err_and(OpenError::is_full);
    if is_full || !has_room {
        tracing::warn!("the disk is full; the reserve is used to start");
        Reserve::new(Arc::clone(disk), root).give_up().map_err(|source| OpenError::Io {
            action: "remove the reserve in",
            path: root.to_owned(),
            source,
        })?;
    }
    if is_full {
        engine = Embedded::open(Arc::clone(disk), metadata, at_least, workers);
    }
    let (engine, report) = engine?;
    if report.cut_bytes > 0 {
        tracing::warn!(cut_bytes = report.cut_bytes, "an incomplete end of the metadata was cut");
    }
    Ok(Opened { opening, engine })
}

/// A default port that is busy moves to a free one; an explicit one is an error.
async fn bind_http(
    net: &dyn Net,
    address: SocketAddr,
    explicit: bool,
) -> Result<Option<(admin::HttpListener, SocketAddr)>, StartError> {
    let listener = match net.listen(address).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !explicit => {
            let free = net.listen(SocketAddr::new(address.ip(), 0)).await;
            let free = free.map_err(|source| StartError::Http { address, source })?;
            tracing::warn!(
                port = address.port(),
                "the default port for health and metrics is in use; another one is taken"
            );
            free
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            return Err(StartError::HttpInUse { address, owner: server::owner_of(address) });
        }
        other => other.map_err(|source| StartError::Http { address, source })?,
    };
    let local = listener.local_addr().map_err(|source| StartError::Http { address, source })?;
    Ok(listener.into_tcp().map(|listener| (listener, local)))
}

fn registration(
    settings: &Settings,
    bound: &[Bound],
    format: &crate::data_dir::Format,
    clean_start: bool,
    rng: &dyn Rng,
) -> Registration {
    let mut incarnation = [0; 16];
    rng.fill(&mut incarnation);
    let config = settings.broker();
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for bound in bound {
        if endpoints.iter().any(|endpoint| *endpoint.listener == *bound.name) {
            continue;
        }
        let own =
            crate::advertise::resolve(&bound.name, &config.listeners, &config.advertised, bound.address);
        endpoints.push(Endpoint {
            listener: bound.name.to_string(),
            host: own.host.to_string(),
            port: own.port,
        });
    }
    Registration {
        node: format.node_id,
        directory: format.directory_id,
        incarnation: Uuid::from_random(incarnation),
        rack: config.rack.clone(),
        endpoints,
        clean_start,
    }
}

/// Settings first: partitions take theirs from them.
fn on_image(live: &Arc<LiveSettings>, registry: &Registry, quotas: &Arc<Quotas>) -> Box<cluster::OnImage> {
    let (live, registry, quotas) = (Arc::clone(live), registry.clone(), Arc::clone(quotas));
    Box::new(move |image: &Arc<Image>| {
        quotas.on_image(image);
        let changed = live.on_image(image);
        registry.on_image(image);
        if changed {
            registry.on_settings();
        }
    })
}

fn rules(live: &Arc<LiveSettings>, partitions_max: u64) -> Rules {
    let settings = live.load();
    let config = settings.broker();
    Rules {
        default_partitions: config.default_partitions,
        default_replication_factor: config.default_replication_factor,
        deletion_enabled: config.delete_topics,
        partitions_max,
        configs: Arc::clone(live) as Arc<dyn ConfigRules>,
        internal: Arc::new(BTreeMap::from([(
            topic_name::CONSUMER_OFFSETS.to_owned(),
            config.groups.topic.clone(),
        )])),
    }
}

/// Partitions that a broker may have where there is so much memory (`None`: nobody knows): a quarter of it is for their
/// metadata. One topic of the largest size always has room.
pub fn partitions_max(memory_bytes: Option<u64>) -> u64 {
    let room = memory_bytes.map_or(u64::MAX, |bytes| bytes / 4 / PARTITION_BYTES);
    room.clamp(MAX_PARTITIONS as u64, PARTITIONS_MAX)
}

/// What answers may take beside the requests, by `queued.max.request.bytes`.
fn answers_max(max_queued_bytes: u64) -> u64 {
    max_queued_bytes / 2
}

/// What requests may take beside frames above 64 KiB, by `queued.max.request.bytes`.
fn requests_max(max_queued_bytes: u64) -> u64 {
    // A request of 10,000 partitions always has room.
    (max_queued_bytes / 4).max(32 << 20)
}

/// What a broker with these `queued.max.request.bytes` and `socket.request.max.bytes` may take under full load, beside
/// what every connection has for itself: a frame and an answer of up to 64 KiB, and its requests of up to 4 KiB.
pub fn memory_max(max_queued_bytes: u64, max_frame_bytes: usize) -> u64 {
    Limits::new(max_queued_bytes, max_frame_bytes, Duration::ZERO)
        .memory_bytes()
        .saturating_add(requests_max(max_queued_bytes))
        .saturating_add(answers_max(max_queued_bytes))
        .saturating_add(MEMORY_BESIDE_REQUESTS)
}

fn limits(settings: &Settings) -> Arc<Limits> {
    let config = settings.broker();
    let idle = match u64::try_from(config.idle_ms) {
        Ok(ms) => Duration::from_millis(ms),
        Err(_) => Duration::from_secs(u64::from(u32::MAX)),
    };
    Arc::new(Limits::new(config.max_queued_bytes, config.max_frame_bytes, idle))
}
