//! What the settings mean for the broker itself, in its own types.

use super::checks;
use super::groups_config::{self, GroupsConfig};
use super::listeners::{self, ListenerConfig};
use super::resolve::Resolved;
use super::{Value, value_of};
use ottla_state::rate::Window;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Memory for requests where `queued.max.request.bytes` sets no limit. Without one, 500 clients with large requests
/// would take all there is.
const QUEUED_BYTES_DEFAULT: u64 = 256 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerConfig {
    /// `None`: the one that the data directory keeps.
    pub node_id: Option<i32>,
    /// For the first start of a cluster, and to compare with later.
    pub cluster_id: Option<String>,
    pub data_dir: PathBuf,
    /// Those for clients; never empty.
    pub listeners: Vec<ListenerConfig>,
    /// Somebody chose the listeners: a busy port is an error then, and not evaded.
    pub listeners_explicit: bool,
    /// As given, by the names of `listeners`; may be empty, and an empty host is for the broker to choose.
    pub advertised: Vec<ListenerConfig>,
    pub http_listen: SocketAddr,
    pub http_listen_explicit: bool,
    pub allow_insecure_listeners: bool,
    pub auto_create_topics: bool,
    pub default_partitions: i32,
    pub default_replication_factor: i16,
    pub delete_topics: bool,
    /// `socket.request.max.bytes`.
    pub max_frame_bytes: usize,
    /// `queued.max.request.bytes`, or what stands for no limit. At least `max_frame_bytes`.
    pub max_queued_bytes: u64,
    /// What quotas and rates are measured over.
    pub quota_window: Window,
    /// What changes of partitions are measured over.
    pub controller_quota_window: Window,
    pub live: LiveConfig,
    /// `connections.max.idle.ms`; negative: idle connections stay.
    pub idle_ms: i64,
    pub fetch_max_bytes: i32,
    pub max_incremental_fetch_sessions: usize,
    /// `max.request.partition.size.limit`.
    pub max_described_partitions: i32,
    pub groups: GroupsConfig,
    /// `log.retention.check.interval.ms`.
    pub retention_check_ms: u64,
    /// `log.cleaner.enable`: compacted topics are compacted.
    pub cleaner_enabled: bool,
    pub rack: Option<String>,
    pub log_level: Option<String>,
}

/// The part of it that may change while the broker runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveConfig {
    pub max_connections: usize,
    pub max_connections_per_ip: usize,
    /// `max.connections.per.ip.overrides`: addresses or names, and how many they may have.
    pub max_connections_overrides: Vec<(String, usize)>,
    /// `max.connection.creation.rate`, per second, of all listeners together.
    pub max_connection_rate: i32,
    pub producer_id_expiration_ms: i64,
    /// `log.cleaner.backoff.ms`: how often logs are looked at for something to compact.
    pub cleaner_backoff_ms: u64,
}

impl LiveConfig {
    /// From the values in force.
    pub(super) fn of(value: impl Fn(&str) -> Option<Value>) -> Self {
        let number = |name: &str| value(name).and_then(|value| value.as_number());
        let count = |name: &str| number(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        Self {
            max_connections: count("max.connections"),
            max_connections_per_ip: count("max.connections.per.ip"),
            max_connections_overrides: value("max.connections.per.ip.overrides")
                .and_then(|value| parse_overrides(value.as_text()?).ok())
                .unwrap_or_default(),
            max_connection_rate: number("max.connection.creation.rate")
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or(i32::MAX),
            producer_id_expiration_ms: number("producer.id.expiration.ms").unwrap_or(i64::MAX),
            cleaner_backoff_ms: number("log.cleaner.backoff.ms")
                .and_then(|ms| u64::try_from(ms).ok())
                .unwrap_or(u64::MAX),
        }
    }
}

pub(super) fn build(resolved: &mut Resolved) -> BrokerConfig {
    checks::check(resolved);
    let listeners = listeners::build(resolved);
    let http_listen = http_listen(resolved);
    let groups = groups_config::build(resolved);
    let data_dir = data_dir(resolved);
    let max_frame_bytes = count(resolved, "socket.request.max.bytes");
    let max_queued_bytes = match resolved.number("queued.max.request.bytes").map(u64::try_from) {
        Some(Ok(bytes)) => bytes,
        _ => QUEUED_BYTES_DEFAULT.max(2 * max_frame_bytes as u64),
    };
    BrokerConfig {
        node_id: node_id(resolved),
        cluster_id: resolved.text("cluster.id").map(str::to_owned),
        data_dir,
        listeners: listeners.listeners,
        listeners_explicit: resolved.is_explicit("listeners"),
        advertised: listeners.advertised,
        http_listen,
        http_listen_explicit: resolved.is_explicit("http.listen"),
        allow_insecure_listeners: resolved.flag("allow.insecure.listeners"),
        auto_create_topics: resolved.flag("auto.create.topics.enable"),
        default_partitions: int(resolved, "num.partitions"),
        default_replication_factor: i16::try_from(int(resolved, "default.replication.factor"))
            .unwrap_or(i16::MAX),
        delete_topics: resolved.flag("delete.topic.enable"),
        max_frame_bytes,
        max_queued_bytes,
        quota_window: window(resolved, "quota.window.num", "quota.window.size.seconds"),
        controller_quota_window: window(
            resolved,
            "controller.quota.window.num",
            "controller.quota.window.size.seconds",
        ),
        live: LiveConfig::of(|name| value_of(&resolved.explicit, name).cloned()),
        idle_ms: resolved.number("connections.max.idle.ms").unwrap_or(-1),
        fetch_max_bytes: int(resolved, "fetch.max.bytes"),
        max_incremental_fetch_sessions: count(resolved, "max.incremental.fetch.session.cache.slots"),
        max_described_partitions: int(resolved, "max.request.partition.size.limit"),
        groups,
        retention_check_ms: resolved
            .number("log.retention.check.interval.ms")
            .and_then(|ms| u64::try_from(ms).ok())
            .unwrap_or(u64::MAX),
        cleaner_enabled: resolved.flag("log.cleaner.enable"),
        rack: resolved.text("broker.rack").map(str::to_owned),
        log_level: resolved.text("log.level").map(str::to_owned),
    }
}

/// The table holds numbers of this type to the range of an i32.
fn int(resolved: &Resolved, name: &str) -> i32 {
    resolved.number(name).and_then(|number| i32::try_from(number).ok()).unwrap_or_default()
}

fn window(resolved: &Resolved, samples: &str, seconds: &str) -> Window {
    Window {
        samples: u32::try_from(int(resolved, samples)).unwrap_or(1),
        sample_ms: i64::from(int(resolved, seconds)).saturating_mul(1_000),
    }
}

fn count(resolved: &Resolved, name: &str) -> usize {
    resolved.number(name).and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}

/// `HOST:COUNT,HOST:COUNT`; the host may be an address of IPv6, which has colons of its own.
/// `HOST:COUNT` separated by commas; or the entry that is something else.
pub(super) fn parse_overrides(text: &str) -> Result<Vec<(String, usize)>, &str> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let parse = |entry| match str::rsplit_once(entry, ':').map(|(host, count)| (host, count.parse())) {
        Some((host, Ok(count))) if !host.is_empty() => Ok((host.to_owned(), count)),
        _ => Err(entry),
    };
    entries.map(parse).collect()
}

fn node_id(resolved: &Resolved) -> Option<i32> {
    let id = |name| resolved.number(name).and_then(|id| i32::try_from(id).ok()).filter(|id| *id >= 0);
    id("node.id").or_else(|| id("broker.id"))
}

fn data_dir(resolved: &mut Resolved) -> PathBuf {
    let name = if resolved.list("log.dirs").is_empty() { "log.dir" } else { "log.dirs" };
    let dirs: Vec<String> = resolved.list(name).iter().filter(|dir| !dir.is_empty()).cloned().collect();
    match &dirs[..] {
        [dir] => PathBuf::from(dir),
        [] => {
            resolved.problem(name, "names no directory");
            PathBuf::new()
        }
        several => {
            resolved.problem(
                name,
                format!("names {} directories, and Ottla keeps its data in one; choose one", several.len()),
            );
            PathBuf::new()
        }
    }
}

fn http_listen(resolved: &mut Resolved) -> SocketAddr {
    const NAME: &str = "http.listen";
    let text = resolved.text(NAME).unwrap_or_default().to_owned();
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.clone(),
    };
    match numeric.parse::<SocketAddr>() {
        Ok(address) => {
            if !address.ip().is_loopback() && !resolved.flag("allow.insecure.listeners") {
                resolved.problem(
                    NAME,
                    format!(
                        "{address} is reachable from other machines without encryption and authentication; if that \
                         is meant, start with --insecure-listen (or set allow.insecure.listeners=true)"
                    ),
                );
            }
            address
        }
        Err(_) => {
            resolved.problem(NAME, format!("{text} is not ADDRESS:PORT"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        }
    }
}
