//! What the broker counts. Names and meanings stand in `metrics.tsv` ([`table`]), and nothing that is not there can be
//! registered. No metric has a label of topics or clients: labels come from closed sets.
//!
//! Handles are made once; counting takes no lock but the one of a family's labels. What is a state rather than an event
//! is looked at when somebody asks (`sampler.rs`).

mod groups;
mod quotas;
pub mod table;

pub use groups::GroupGauges;

use ottla_wire::ErrorCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabel {
    api: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    api: &'static str,
    error: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BudgetLabel {
    budget: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

type Seconds = Gauge<f64, AtomicU64>;
type Timings = Family<ApiLabel, Histogram, fn() -> Histogram>;

/// From a tenth of a millisecond to 26 s, each bucket twice the one before.
fn timing() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 19))
}

/// What partitions count.
#[derive(Debug, Clone)]
pub struct StorageMetrics {
    pub sync_seconds: Histogram,
    pub tail_cache_hits: Counter,
    pub tail_cache_misses: Counter,
}

impl Default for StorageMetrics {
    fn default() -> Self {
        Self {
            sync_seconds: timing(),
            tail_cache_hits: Counter::default(),
            tail_cache_misses: Counter::default(),
        }
    }
}

#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    pub storage: StorageMetrics,
    requests: Family<ApiLabel, Counter>,
    request_seconds: Timings,
    queued_seconds: Histogram,
    send_seconds: Histogram,
    response_errors: Family<ErrorLabels, Counter>,
    bad_requests: Family<KindLabel, Counter>,
    bytes_in: Counter,
    bytes_out: Counter,
    connections: Gauge,
    connections_accepted: Counter,
    connections_refused: Counter,
    accept_failures: Counter,
    produced_bytes: Counter,
    produced_records: Counter,
    produce_errors: Family<KindLabel, Counter>,
    fetched_bytes: Counter,
    fetched_records: Counter,
    fetches_waiting: Gauge,
    fetch_waits: Counter,
    unknown_errors: Counter,
    removed_segments: Counter,
    removed_bytes: Counter,
    compacted_bytes: Counter,
    compaction_kept_bytes: Counter,
    groups: groups::GroupMetrics,
    quotas: quotas::QuotaMetrics,
    sampled: SampledMetrics,
}

/// What is looked at when somebody asks.
#[derive(Debug)]
struct SampledMetrics {
    ready: Gauge,
    cpu_seconds: Counter<f64, AtomicU64>,
    process_memory_bytes: Gauge,
    threads: Gauge,
    open_files: Gauge,
    open_listeners: Gauge,
    fetch_sessions: Gauge,
    fetch_sessions_evicted: Counter,
    topics: Gauge,
    partitions: Gauge,
    open_logs: Gauge,
    offline_logs: Gauge,
    os_logs: Gauge,
    log_segments: Gauge,
    log_bytes: Gauge,
    checkpoint_age_seconds: Seconds,
    disk_free_bytes: Gauge,
    disk_total_bytes: Gauge,
    memory_used_bytes: Family<BudgetLabel, Gauge>,
    memory_limit_bytes: Family<BudgetLabel, Gauge>,
}

/// One look at what changes by itself.
#[derive(Debug, Default)]
pub struct Sample {
    pub ready: bool,
    pub process: Option<ottla_env::process::Usage>,
    pub open_listeners: usize,
    pub fetch_sessions: usize,
    /// Since the start.
    pub fetch_sessions_evicted: u64,
    pub topics: usize,
    pub partitions: usize,
    pub open_logs: usize,
    pub offline_logs: usize,
    pub os_logs: usize,
    pub log_segments: usize,
    pub log_bytes: u64,
    pub checkpoint_age: Duration,
    pub disk: Option<ottla_env::disk::Space>,
    /// Name, bytes used, size.
    pub budgets: Vec<(&'static str, u64, u64)>,
}

/// Registers what the table has, and nothing else.
struct Registrar(Registry);

impl Registrar {
    fn add<M: Metric + Clone>(&mut self, name: &'static str, metric: M) -> M {
        let row = table::find(name).expect("every metric has a row in metrics.tsv");
        self.0.register(name, row.documentation, metric.clone());
        metric
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut all = Registrar(Registry::default());
        let storage = StorageMetrics::default();
        all.add("ottla_sync_seconds", storage.sync_seconds.clone());
        all.add("ottla_tail_cache_hits", storage.tail_cache_hits.clone());
        all.add("ottla_tail_cache_misses", storage.tail_cache_misses.clone());
        let build: Family<VersionLabel, Gauge> = all.add("ottla_build_info", Family::default());
        build.get_or_create(&VersionLabel { version: env!("CARGO_PKG_VERSION") }).set(1);
        let groups = groups::GroupMetrics::new(&mut all);
        let quotas = quotas::QuotaMetrics::new(&mut all);
        let sampled = SampledMetrics::new(&mut all);
        Self {
            storage,
            requests: all.add("ottla_requests", Family::default()),
            request_seconds: all.add("ottla_request_seconds", Family::new_with_constructor(timing)),
            queued_seconds: all.add("ottla_request_queued_seconds", timing()),
            send_seconds: all.add("ottla_response_send_seconds", timing()),
            response_errors: all.add("ottla_response_errors", Family::default()),
            bad_requests: all.add("ottla_bad_requests", Family::default()),
            bytes_in: all.add("ottla_request_bytes", Counter::default()),
            bytes_out: all.add("ottla_response_bytes", Counter::default()),
            connections: all.add("ottla_connections", Gauge::default()),
            connections_accepted: all.add("ottla_connections_accepted", Counter::default()),
            connections_refused: all.add("ottla_connections_refused", Counter::default()),
            accept_failures: all.add("ottla_accept_failures", Counter::default()),
            produced_bytes: all.add("ottla_produced_bytes", Counter::default()),
            produced_records: all.add("ottla_produced_records", Counter::default()),
            produce_errors: all.add("ottla_produce_errors", Family::default()),
            fetched_bytes: all.add("ottla_fetched_bytes", Counter::default()),
            fetched_records: all.add("ottla_fetched_records", Counter::default()),
            fetches_waiting: all.add("ottla_fetches_waiting", Gauge::default()),
            fetch_waits: all.add("ottla_fetch_waits", Counter::default()),
            unknown_errors: all.add("ottla_unknown_server_errors", Counter::default()),
            removed_segments: all.add("ottla_removed_segments", Counter::default()),
            removed_bytes: all.add("ottla_removed_bytes", Counter::default()),
            compacted_bytes: all.add("ottla_compacted_bytes", Counter::default()),
            compaction_kept_bytes: all.add("ottla_compaction_kept_bytes", Counter::default()),
            groups,
            quotas,
            sampled,
            registry: Mutex::new(all.0),
        }
    }

    pub fn request(&self, api: &'static str) {
        self.requests.get_or_create(&ApiLabel { api }).inc();
    }

    /// A request had its turn after waiting so long, and was done after so long.
    pub fn handled(&self, api: &'static str, queued: Duration, handled: Duration) {
        self.queued_seconds.observe(queued.as_secs_f64());
        self.request_seconds.get_or_create(&ApiLabel { api }).observe(handled.as_secs_f64());
    }

    /// An answer went out, with these error codes and how often each.
    pub fn answered(&self, api: &'static str, bytes: usize, errors: &[(i16, u32)]) {
        self.bytes_out.inc_by(bytes as u64);
        for (code, count) in errors {
            let error = ErrorCode::from_code(*code);
            let labels = ErrorLabels { api, error: error.name() };
            self.response_errors.get_or_create(&labels).inc_by(u64::from(*count));
            if error == ErrorCode::UnknownServerError {
                self.unknown_errors.inc_by(u64::from(*count));
            }
        }
    }

    pub fn sent(&self, took: Duration) {
        self.send_seconds.observe(took.as_secs_f64());
    }

    pub fn bad_request(&self, kind: &'static str) {
        self.bad_requests.get_or_create(&KindLabel { kind }).inc();
    }

    pub fn bytes_in(&self, bytes: usize) {
        self.bytes_in.inc_by(bytes as u64);
    }

    pub fn connection_opened(&self) {
        self.connections_accepted.inc();
        self.connections.inc();
    }

    pub fn connection_closed(&self) {
        self.connections.dec();
    }

    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    pub fn accept_failed(&self) {
        self.accept_failures.inc();
    }

    pub fn produced(&self, bytes: usize, records: i32) {
        self.produced_bytes.inc_by(bytes as u64);
        self.produced_records.inc_by(u64::from(records.unsigned_abs()));
    }

    pub fn fetched(&self, bytes: usize, records: u64) {
        self.fetched_bytes.inc_by(bytes as u64);
        self.fetched_records.inc_by(records);
    }

    /// Counts one that waits until the answer is dropped.
    pub fn fetch_waits(&self) -> Waiting {
        self.fetch_waits.inc();
        self.fetches_waiting.inc();
        Waiting(self.fetches_waiting.clone())
    }

    pub fn removed(&self, segments: usize, bytes: u64) {
        self.removed_segments.inc_by(segments as u64);
        self.removed_bytes.inc_by(bytes);
    }

    pub fn produce_error(&self, error: ErrorCode) {
        self.produce_errors.get_or_create(&KindLabel { kind: error.name() }).inc();
    }

    pub fn compacted(&self, before: u64, after: u64) {
        self.compacted_bytes.inc_by(before);
        self.compaction_kept_bytes.inc_by(after);
    }

    /// The OpenMetrics text.
    pub fn text(&self, sample: &Sample) -> Result<String, fmt::Error> {
        self.sampled.set(sample);
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A fetch that waits.
#[derive(Debug)]
pub struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl SampledMetrics {
    fn new(all: &mut Registrar) -> Self {
        Self {
            ready: all.add("ottla_ready", Gauge::default()),
            cpu_seconds: all.add("ottla_process_cpu_seconds", Counter::default()),
            process_memory_bytes: all.add("ottla_process_memory_bytes", Gauge::default()),
            threads: all.add("ottla_process_threads", Gauge::default()),
            open_files: all.add("ottla_process_open_files", Gauge::default()),
            open_listeners: all.add("ottla_open_listeners", Gauge::default()),
            fetch_sessions: all.add("ottla_fetch_sessions", Gauge::default()),
            fetch_sessions_evicted: all.add("ottla_fetch_sessions_evicted", Counter::default()),
            topics: all.add("ottla_topics", Gauge::default()),
            partitions: all.add("ottla_partitions", Gauge::default()),
            open_logs: all.add("ottla_open_logs", Gauge::default()),
            offline_logs: all.add("ottla_offline_logs", Gauge::default()),
            os_logs: all.add("ottla_os_logs", Gauge::default()),
            log_segments: all.add("ottla_log_segments", Gauge::default()),
            log_bytes: all.add("ottla_log_bytes", Gauge::default()),
            checkpoint_age_seconds: all.add("ottla_checkpoint_age_seconds", Seconds::default()),
            disk_free_bytes: all.add("ottla_disk_free_bytes", Gauge::default()),
            disk_total_bytes: all.add("ottla_disk_total_bytes", Gauge::default()),
            memory_used_bytes: all.add("ottla_memory_used_bytes", Family::default()),
            memory_limit_bytes: all.add("ottla_memory_limit_bytes", Family::default()),
        }
    }

    fn set(&self, sample: &Sample) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.ready.set(i64::from(sample.ready));
        if let Some(process) = &sample.process {
            let so_far = (process.user + process.system).as_secs_f64();
            self.cpu_seconds.inc_by((so_far - self.cpu_seconds.get()).max(0.0));
            self.process_memory_bytes.set(number(process.rss_bytes));
            self.threads.set(number(process.threads));
            self.open_files.set(number(process.open_files));
        }
        self.open_listeners.set(number(sample.open_listeners as u64));
        self.fetch_sessions.set(number(sample.fetch_sessions as u64));
        let evicted = sample.fetch_sessions_evicted;
        self.fetch_sessions_evicted.inc_by(evicted.saturating_sub(self.fetch_sessions_evicted.get()));
        self.topics.set(number(sample.topics as u64));
        self.partitions.set(number(sample.partitions as u64));
        self.open_logs.set(number(sample.open_logs as u64));
        self.offline_logs.set(number(sample.offline_logs as u64));
        self.os_logs.set(number(sample.os_logs as u64));
        self.log_segments.set(number(sample.log_segments as u64));
        self.log_bytes.set(number(sample.log_bytes));
        self.checkpoint_age_seconds.set(sample.checkpoint_age.as_secs_f64());
        if let Some(disk) = sample.disk {
            self.disk_free_bytes.set(number(disk.free));
            self.disk_total_bytes.set(number(disk.total));
        }
        for (budget, used, size) in &sample.budgets {
            self.memory_used_bytes.get_or_create(&BudgetLabel { budget }).set(number(*used));
            self.memory_limit_bytes.get_or_create(&BudgetLabel { budget }).set(number(*size));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// One of everything, so that families with labels appear too.
    fn everything() -> String {
        let metrics = Metrics::new();
        metrics.request("Fetch");
        metrics.handled("Fetch", Duration::from_millis(1), Duration::from_secs(2));
        metrics.answered("Fetch", 10, &[(3, 2), (-1, 1)]);
        metrics.bad_request("unreadable");
        metrics.produce_error(ErrorCode::CorruptMessage);
        drop(metrics.fetch_waits());
        metrics.throttled("producer_byte_rate", 5);
        let budgets = vec![("answers", 1, 2)];
        metrics.text(&Sample { budgets, ready: true, ..Sample::default() }).unwrap()
    }

    /// The names and kinds, as the exposition declares them.
    fn declared(text: &str) -> BTreeSet<(String, String)> {
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.filter_map(|line| line.split_once(' ')).map(|(n, k)| (n.to_owned(), k.to_owned())).collect()
    }

    #[test]
    fn what_is_shown_is_what_the_table_says() {
        let text = everything();
        let table = table::rows().iter().map(|row| (row.name.to_owned(), row.kind.name().to_owned()));
        assert_eq!(declared(&text), table.collect());
        for row in table::rows() {
            let sample = text.lines().find(|line| line.starts_with(row.name)).unwrap();
            for label in &row.labels {
                assert!(sample.contains(&format!("{label}=\"")), "{sample} has no {label}");
            }
        }
    }

    #[test]
    fn errors_are_counted_by_api_and_name() {
        let text = everything();
        let error = "ottla_response_errors_total{api=\"Fetch\",error=\"UNKNOWN_TOPIC_OR_PARTITION\"} 2";
        for line in [error, "ottla_unknown_server_errors_total 1", "ottla_fetches_waiting 0", "ottla_ready 1"]
        {
            assert!(text.contains(line), "{line}");
        }
    }
}
