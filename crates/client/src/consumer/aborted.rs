//! Which batches of a fetched range belong to aborted transactions.
//!
//! A broker lists producers with the offset where their aborted transaction begins; it ends with that producer's abort
//! marker. Batches are looked at in the order of their offsets.

use ottla_wire::batch::BatchHeader;
use ottla_wire::messages::fetch::AbortedTransaction;
use std::collections::{BTreeSet, VecDeque};

#[derive(Debug, Default)]
pub(super) struct Aborted {
    /// Not begun yet, by first offset.
    ahead: VecDeque<AbortedTransaction>,
    /// Producers whose transaction at this place will be aborted.
    open: BTreeSet<i64>,
}

impl Aborted {
    pub fn new(mut transactions: Vec<AbortedTransaction>) -> Self {
        transactions.sort_by_key(|transaction| transaction.first_offset);
        Self { ahead: transactions.into(), open: BTreeSet::new() }
    }

    /// Whether the records of this batch are to be skipped. `is_abort` says that it is an abort marker.
    pub fn skips(&mut self, header: &BatchHeader, is_abort: bool) -> bool {
        while self.ahead.front().is_some_and(|next| next.first_offset <= header.last_offset()) {
            self.open.extend(self.ahead.pop_front().map(|transaction| transaction.producer_id));
        }
        if is_abort {
            self.open.remove(&header.producer_id);
        }
        header.is_transactional() && self.open.contains(&header.producer_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_wire::record::{BatchBuilder, BuildOptions};

    fn header(base_offset: i64, producer_id: i64, transactional: bool) -> BatchHeader {
        let mut builder = BatchBuilder::new();
        (0..10).for_each(|_| builder.push(0, None, None, &[]));
        let options = BuildOptions { base_offset, producer_id, transactional, ..Default::default() };
        BatchHeader::parse(&builder.build(options).unwrap()).unwrap()
    }

    #[test]
    fn a_producer_is_skipped_from_its_first_aborted_offset_to_its_marker() {
        let aborted = |producer_id, first_offset| AbortedTransaction { producer_id, first_offset };
        let mut aborted = Aborted::new(vec![aborted(1, 60), aborted(1, 10), aborted(2, 20)]);
        let cases = [
            (header(0, 1, true), false, false),
            (header(10, 1, true), false, true),
            (header(20, 2, true), false, true),
            (header(20, 3, true), false, false),
            (header(30, 1, false), false, false),
            (header(40, 1, true), true, false),
            (header(50, 1, true), false, false),
            (header(60, 1, true), false, true),
        ];
        for (header, is_abort, skipped) in cases {
            let (at, producer) = (header.base_offset, header.producer_id);
            assert_eq!(aborted.skips(&header, is_abort), skipped, "{producer} at {at}");
        }
    }
}
