//! What the coordinator of groups counts.

use super::{Metrics, Registrar};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::atomic::AtomicU64;

#[derive(Debug)]
pub(super) struct GroupMetrics {
    groups: Gauge,
    members: Gauge,
    rebalances: Counter,
    commits: Counter,
    records: Counter,
    loads: Counter,
    load_seconds: Counter<f64, AtomicU64>,
}

/// What one part of the groups adds to the gauges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupGauges {
    pub groups: i64,
    pub members: i64,
}

impl GroupMetrics {
    pub fn new(all: &mut Registrar) -> Self {
        Self {
            groups: all.add("ottla_groups", Gauge::default()),
            members: all.add("ottla_group_members", Gauge::default()),
            rebalances: all.add("ottla_group_rebalances", Counter::default()),
            commits: all.add("ottla_offset_commits", Counter::default()),
            records: all.add("ottla_group_records", Counter::default()),
            loads: all.add("ottla_group_loads", Counter::default()),
            load_seconds: all.add("ottla_group_load_seconds", Counter::default()),
        }
    }
}

impl Metrics {
    pub fn groups_loaded(&self, ms: u64) {
        self.groups.loads.inc();
        self.groups.load_seconds.inc_by(ms as f64 / 1_000.0);
    }

    pub fn group_records(&self, records: u64) {
        self.groups.records.inc_by(records);
    }

    pub fn group_rebalanced(&self) {
        self.groups.rebalances.inc();
    }

    pub fn offsets_committed(&self, partitions: u64) {
        self.groups.commits.inc_by(partitions);
    }

    /// Moves the gauges from what a part said last to what it says now.
    pub fn group_gauges(&self, last: &mut GroupGauges, now: GroupGauges) {
        self.groups.groups.inc_by(now.groups - last.groups);
        self.groups.members.inc_by(now.members - last.members);
        *last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Sample;

    #[test]
    fn gauges_of_groups_are_the_sum_of_what_each_part_said_last() {
        let metrics = Metrics::new();
        let text = || metrics.text(&Sample::default()).unwrap();
        let (mut one, mut other) = (GroupGauges::default(), GroupGauges::default());
        metrics.group_gauges(&mut one, GroupGauges { groups: 3, members: 7 });
        metrics.group_gauges(&mut other, GroupGauges { groups: 2, members: 0 });
        metrics.group_gauges(&mut one, GroupGauges { groups: 1, members: 4 });
        assert!(text().contains("ottla_groups 3\n") && text().contains("ottla_group_members 4\n"));
        metrics.group_gauges(&mut one, GroupGauges::default());
        assert!(text().contains("ottla_group_members 0\n"));
    }
}
