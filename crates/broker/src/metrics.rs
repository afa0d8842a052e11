//! What the broker counts. Names and meanings stand in docs/operating.md.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Mutex;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabel {
    api: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<ApiLabel, Counter>,
    bad_requests: Family<KindLabel, Counter>,
    bytes_in: Counter,
    connections: Gauge,
    connections_refused: Counter,
    records_produced_bytes: Counter,
    records_fetched_bytes: Counter,
    produce_errors: Family<KindLabel, Counter>,
    unknown_errors: Counter,
    removed_segments: Counter,
    removed_bytes: Counter,
    groups: Gauge,
    group_members: Gauge,
    group_rebalances: Counter,
    group_commits: Counter,
    group_records: Counter,
    group_loads: Counter,
    group_load_ms: Counter,
}

/// What one part of the groups adds to the gauges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupGauges {
    pub groups: i64,
    pub members: i64,
}

impl Metrics {
    pub fn new() -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            requests: Family::default(),
            bad_requests: Family::default(),
            bytes_in: Counter::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            records_produced_bytes: Counter::default(),
            records_fetched_bytes: Counter::default(),
            produce_errors: Family::default(),
            unknown_errors: Counter::default(),
            groups: Gauge::default(),
            group_members: Gauge::default(),
            group_rebalances: Counter::default(),
            group_commits: Counter::default(),
            group_records: Counter::default(),
            group_loads: Counter::default(),
            group_load_ms: Counter::default(),
            removed_segments: Counter::default(),
            removed_bytes: Counter::default(),
        };
        let build: Family<VersionLabel, Gauge> = Family::default();
        build.get_or_create(&VersionLabel { version: env!("CARGO_PKG_VERSION") }).set(1);
        let mut registry = Registry::default();
        registry.register("ottla_build_info", "The version that runs", build);
        registry.register("ottla_requests", "Requests, by API", metrics.requests.clone());
        registry.register(
            "ottla_bad_requests",
            "Requests that could not be answered and closed their connection, by kind",
            metrics.bad_requests.clone(),
        );
        registry.register("ottla_request_bytes", "Bytes of all request frames", metrics.bytes_in.clone());
        registry.register("ottla_connections", "Open client connections", metrics.connections.clone());
        registry.register(
            "ottla_connections_refused",
            "Connections closed at once because there were too many",
            metrics.connections_refused.clone(),
        );
        registry.register(
            "ottla_produced_bytes",
            "Bytes of record batches that producers sent and that were taken",
            metrics.records_produced_bytes.clone(),
        );
        registry.register(
            "ottla_fetched_bytes",
            "Bytes of record batches in answers to consumers",
            metrics.records_fetched_bytes.clone(),
        );
        registry.register(
            "ottla_produce_errors",
            "Batches that were refused, by Kafka's error",
            metrics.produce_errors.clone(),
        );
        registry.register(
            "ottla_unknown_server_errors",
            "Answers with UNKNOWN_SERVER_ERROR; each one is a bug",
            metrics.unknown_errors.clone(),
        );
        metrics.register_groups(&mut registry);
        registry.register(
            "ottla_removed_segments",
            "Log segments that retention or DeleteRecords gave up",
            metrics.removed_segments.clone(),
        );
        registry.register(
            "ottla_removed_bytes",
            "Bytes of the log segments that retention or DeleteRecords gave up",
            metrics.removed_bytes.clone(),
        );
        *metrics.lock() = registry;
        metrics
    }

    fn register_groups(&self, registry: &mut Registry) {
        registry.register("ottla_groups", "Consumer groups that are known here", self.groups.clone());
        registry.register("ottla_group_members", "Members of all groups", self.group_members.clone());
        registry.register(
            "ottla_group_rebalances",
            "Generations of groups that were completed",
            self.group_rebalances.clone(),
        );
        registry.register(
            "ottla_offset_commits",
            "Partitions whose offset was committed",
            self.group_commits.clone(),
        );
        registry.register(
            "ottla_group_records",
            "Records that were appended to keep groups and their offsets",
            self.group_records.clone(),
        );
        registry.register(
            "ottla_group_loads",
            "Partitions of groups that were replayed",
            self.group_loads.clone(),
        );
        registry.register(
            "ottla_group_load_milliseconds",
            "Time of all those replays",
            self.group_load_ms.clone(),
        );
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn request(&self, api: &'static str) {
        self.requests.get_or_create(&ApiLabel { api }).inc();
    }

    pub fn bad_request(&self, kind: &'static str) {
        self.bad_requests.get_or_create(&KindLabel { kind }).inc();
    }

    pub fn bytes_in(&self, bytes: usize) {
        self.bytes_in.inc_by(bytes as u64);
    }

    pub fn connection_opened(&self) {
        self.connections.inc();
    }

    pub fn connection_closed(&self) {
        self.connections.dec();
    }

    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    pub fn produced(&self, bytes: usize) {
        self.records_produced_bytes.inc_by(bytes as u64);
    }

    pub fn fetched(&self, bytes: usize) {
        self.records_fetched_bytes.inc_by(bytes as u64);
    }

    pub fn produce_error(&self, error: ottla_wire::ErrorCode) {
        self.produce_errors.get_or_create(&KindLabel { kind: error.name() }).inc();
        if error == ottla_wire::ErrorCode::UnknownServerError {
            self.unknown_errors.inc();
        }
    }

    pub fn groups_loaded(&self, ms: u64) {
        self.group_loads.inc();
        self.group_load_ms.inc_by(ms);
    }

    pub fn group_records(&self, records: u64) {
        self.group_records.inc_by(records);
    }

    pub fn group_rebalanced(&self) {
        self.group_rebalances.inc();
    }

    pub fn offsets_committed(&self, partitions: u64) {
        self.group_commits.inc_by(partitions);
    }

    /// Moves the gauges from what a part said last to what it says now.
    pub fn group_gauges(&self, last: &mut GroupGauges, now: GroupGauges) {
        self.groups.inc_by(now.groups - last.groups);
        self.group_members.inc_by(now.members - last.members);
        *last = now;
    }

    pub fn removed(&self, segments: usize, bytes: u64) {
        self.removed_segments.inc_by(segments as u64);
        self.removed_bytes.inc_by(bytes);
    }

    /// The OpenMetrics text.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.lock())?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_of_groups_are_the_sum_of_what_each_part_said_last() {
        let metrics = Metrics::new();
        let (mut one, mut other) = (GroupGauges::default(), GroupGauges::default());
        metrics.group_gauges(&mut one, GroupGauges { groups: 3, members: 7 });
        metrics.group_gauges(&mut other, GroupGauges { groups: 2, members: 0 });
        metrics.group_gauges(&mut one, GroupGauges { groups: 1, members: 4 });
        let text = metrics.text().unwrap();
        assert!(text.contains("ottla_groups 3\n") && text.contains("ottla_group_members 4\n"), "{text}");
        metrics.group_gauges(&mut one, GroupGauges::default());
        assert!(metrics.text().unwrap().contains("ottla_group_members 0\n"));
    }
}
