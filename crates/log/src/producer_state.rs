//! Idempotence: what each producer wrote last, so that a batch that comes twice is stored once.
//!
//! The last five batches of each (producer id, epoch) are remembered (durability rules P1-P3). [`ProducerTable::check`]
//! decides and changes nothing; [`ProducerTable::note`] is called when the batch is in the log.

use ottla_wire::batch::{BatchHeader, add_sequence};
use std::collections::{BTreeMap, VecDeque};

/// Batches that a producer may have in flight.
const REMEMBERED: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenBatch {
    pub first_sequence: i32,
    pub last_sequence: i32,
    pub base_offset: i64,
    pub last_offset: i64,
    pub max_timestamp: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    pub epoch: i16,
    /// Oldest first; never empty.
    pub batches: VecDeque<WrittenBatch>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProducerTable {
    producers: BTreeMap<i64, Producer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Append,
    /// One of the remembered batches came again.
    Duplicate(WrittenBatch),
    OutOfOrder {
        expected: i32,
    },
    StaleEpoch {
        current: i16,
    },
}

impl ProducerTable {
    pub fn check(&self, header: &BatchHeader) -> Verdict {
        if !header.has_producer() {
            return Verdict::Append;
        }
        // A producer the partition does not know may start at any sequence (KIP-360).
        let Some(producer) = self.producers.get(&header.producer_id) else { return Verdict::Append };
        if header.producer_epoch < producer.epoch {
            return Verdict::StaleEpoch { current: producer.epoch };
        }
        if header.producer_epoch > producer.epoch {
            return if header.base_sequence == 0 {
                Verdict::Append
            } else {
                Verdict::OutOfOrder { expected: 0 }
            };
        }
        let (first, last) = (header.base_sequence, header.last_sequence());
        if let Some(batch) =
            producer.batches.iter().find(|b| b.first_sequence == first && b.last_sequence == last)
        {
            return Verdict::Duplicate(*batch);
        }
        let expected = producer.batches.back().map_or(0, |batch| add_sequence(batch.last_sequence, 1));
        if first == expected { Verdict::Append } else { Verdict::OutOfOrder { expected } }
    }

    /// Remembers a batch that is in the log at `base_offset`.
    pub fn note(&mut self, header: &BatchHeader, base_offset: i64) {
        if !header.has_producer() || header.is_control() {
            return;
        }
        let batch = WrittenBatch {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset,
            last_offset: base_offset + i64::from(header.last_offset_delta),
            max_timestamp: header.max_timestamp,
        };
        let fresh = || Producer { epoch: header.producer_epoch, batches: VecDeque::new() };
        let producer = self.producers.entry(header.producer_id).or_insert_with(fresh);
        if producer.epoch != header.producer_epoch {
            *producer = fresh();
        }
        if producer.batches.len() == REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(batch);
    }

    /// Takes a note back, so that a failed append leaves no trace.
    pub fn restore(&mut self, producer_id: i64, before: Option<Producer>) {
        match before {
            Some(producer) => drop(self.producers.insert(producer_id, producer)),
            None => drop(self.producers.remove(&producer_id)),
        }
    }

    pub fn get(&self, producer_id: i64) -> Option<&Producer> {
        self.producers.get(&producer_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.producers.iter().map(|(id, producer)| (*id, producer))
    }

    pub fn len(&self) -> usize {
        self.producers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    pub fn insert(&mut self, producer_id: i64, producer: Producer) {
        self.producers.insert(producer_id, producer);
    }

    /// Forgets batches at or behind an offset: a table never knows more than its log holds (rule R9).
    pub fn cut(&mut self, end_offset: i64) {
        for producer in self.producers.values_mut() {
            producer.batches.retain(|batch| batch.last_offset < end_offset);
        }
        self.producers.retain(|_, producer| !producer.batches.is_empty());
    }

    /// Forgets producers whose last batch is older than the expiration.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        let old = |batch: &WrittenBatch| now_ms.saturating_sub(batch.max_timestamp) > expiration_ms;
        self.producers.retain(|_, producer| producer.batches.back().is_some_and(|batch| !old(batch)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(epoch: i16, sequence: i32, count: i32) -> BatchHeader {
        BatchHeader {
            base_offset: 0,
            batch_length: 49,
            leader_epoch: 0,
            crc: 0,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp: 0,
            max_timestamp: 100,
            producer_id: 7,
            producer_epoch: epoch,
            base_sequence: sequence,
            record_count: count,
        }
    }

    #[test]
    fn verdicts_are_those_of_the_reference_broker() {
        use Verdict::*;
        let mut table = ProducerTable::default();
        let mut offset = 0;
        let mut write = |table: &mut ProducerTable, h: BatchHeader| {
            let verdict = table.check(&h);
            if verdict == Append {
                table.note(&h, offset);
                offset += i64::from(h.record_count);
            }
            verdict
        };
        assert_eq!(write(&mut table, header(0, 5, 3)), Append, "unknown: any sequence");
        assert_eq!(write(&mut table, header(0, 0, 3)), OutOfOrder { expected: 8 });
        for i in 0..6 {
            assert_eq!(write(&mut table, header(0, 8 + 3 * i, 3)), Append);
        }
        assert_eq!(
            write(&mut table, header(0, 8, 3)),
            OutOfOrder { expected: 26 },
            "out of the memory of five"
        );
        assert!(matches!(
            write(&mut table, header(0, 11, 3)),
            Duplicate(WrittenBatch { base_offset: 6, .. })
        ));
        assert_eq!(write(&mut table, header(0, 11, 2)), OutOfOrder { expected: 26 }, "part of a duplicate");
        assert_eq!(write(&mut table, header(1, 50, 3)), OutOfOrder { expected: 0 });
        assert_eq!(write(&mut table, header(1, 0, 3)), Append);
        assert_eq!(write(&mut table, header(0, 26, 3)), StaleEpoch { current: 1 });
        assert_eq!(write(&mut table, header(1, 50, 3)), OutOfOrder { expected: 3 });
    }

    #[test]
    fn a_wrap_of_the_sequence_goes_on_at_zero() {
        let mut table = ProducerTable::default();
        table.note(&header(0, i32::MAX - 1, 3), 0);
        assert_eq!(table.check(&header(0, 1, 1)), Verdict::Append);
        assert!(matches!(table.check(&header(0, i32::MAX - 1, 3)), Verdict::Duplicate(_)));
    }

    #[test]
    fn a_cut_forgets_what_the_log_lost_and_time_forgets_the_silent() {
        let mut table = ProducerTable::default();
        table.note(&header(0, 0, 3), 0);
        table.note(&header(0, 3, 3), 3);
        table.cut(3);
        assert_eq!(table.check(&header(0, 3, 3)), Verdict::Append);
        table.expire(1_000, 900);
        assert_eq!(table.len(), 1);
        table.expire(1_001, 900);
        assert_eq!(table.len(), 0);
        table.note(&header(0, 0, 3), 0);
        table.cut(2);
        assert_eq!(table.len(), 0, "a batch that is half gone is gone");
    }
}
