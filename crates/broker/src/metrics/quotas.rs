//! What quotas count.

use super::{Metrics, Registrar};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::sync::atomic::AtomicU64;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuotaLabel {
    quota: &'static str,
}

#[derive(Debug)]
pub(super) struct QuotaMetrics {
    throttled: Family<QuotaLabel, Counter>,
    seconds: Family<QuotaLabel, Counter<f64, AtomicU64>>,
}

impl QuotaMetrics {
    pub fn new(all: &mut Registrar) -> Self {
        Self {
            throttled: all.add("ottla_throttled", Family::default()),
            seconds: all.add("ottla_throttle_seconds", Family::default()),
        }
    }
}

impl Metrics {
    /// Somebody has to wait so long because of a quota.
    pub fn throttled(&self, quota: &'static str, ms: i64) {
        let labels = QuotaLabel { quota };
        self.quotas.throttled.get_or_create(&labels).inc();
        self.quotas.seconds.get_or_create(&labels).inc_by(ms as f64 / 1_000.0);
    }
}
