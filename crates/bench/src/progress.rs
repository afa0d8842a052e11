//! What all loops of a run share: how much is still to be done, what is done, and whether somebody said stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// No order between the counters is promised while a run goes on.
#[derive(Debug)]
pub struct Progress {
    left: AtomicU64,
    requests: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    stopped: AtomicBool,
    /// By partition: the offset behind the last acknowledged record. It is there still when a broker was killed.
    ends: Mutex<BTreeMap<i32, i64>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    pub requests: u64,
    pub records: u64,
    /// Of record batches, as they are on the wire and in the log.
    pub bytes: u64,
}

impl Progress {
    pub fn of_records(records: u64) -> Self {
        Self {
            left: AtomicU64::new(records),
            requests: AtomicU64::new(0),
            records: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            ends: Mutex::default(),
        }
    }

    /// For a run that ends by itself.
    pub fn unlimited() -> Self {
        Self::of_records(u64::MAX)
    }

    /// Takes one batch of so many records out of what is left. False: the run is over.
    pub(crate) fn take(&self, records: u64) -> bool {
        let rest = |left: u64| (left > 0).then(|| left.saturating_sub(records));
        !self.is_stopped() && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).is_ok()
    }

    pub(crate) fn add(&self, records: u64, bytes: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn acknowledge(&self, partition: i32, end: i64) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ends.entry(partition).or_insert(end);
        *known = end.max(*known);
    }

    /// What a producer was told: by partition, the offset behind the last acknowledged record.
    pub fn ends(&self) -> BTreeMap<i32, i64> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nothing new is begun; what is under way is still counted.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub fn done(&self) -> Done {
        Done {
            requests: self.requests.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_taken_until_nothing_is_left_or_somebody_says_stop() {
        let progress = Progress::of_records(5);
        assert!(progress.take(2) && progress.take(2) && progress.take(2));
        assert!(!progress.take(2));
        let progress = Progress::unlimited();
        assert!(progress.take(10));
        progress.add(10, 1_000);
        progress.stop();
        assert!(!progress.take(10));
        assert_eq!(progress.done(), Done { requests: 1, records: 10, bytes: 1_000 });
    }

    #[test]
    fn the_end_of_a_partition_is_the_highest_that_was_acknowledged() {
        let progress = Progress::unlimited();
        for (partition, end) in [(1, 10), (0, 7), (1, 30), (1, 20)] {
            progress.acknowledge(partition, end);
        }
        assert_eq!(progress.ends(), BTreeMap::from([(0, 7), (1, 30)]));
    }
}
