//! A partition of the cluster in memory: whole batches, and what brokers remember of producers.

use bytes::Bytes;
use ottla_wire::ErrorCode;
use ottla_wire::batch::{BatchHeader, HEADER_LEN, add_sequence, patched_header, validate};
use ottla_wire::record::iterate;
use std::collections::BTreeMap;

/// Batches of a producer that are known again.
const REMEMBERED: usize = 5;

#[derive(Debug, Clone)]
pub struct FakePartition {
    pub leader: i32,
    pub batches: Vec<Bytes>,
    pub log_start: i64,
    pub next_offset: i64,
    producers: BTreeMap<i64, Producer>,
}

#[derive(Debug, Clone)]
struct Producer {
    epoch: i16,
    /// First sequence, last sequence and base offset of the last batches.
    last: Vec<(i32, i32, i64)>,
}

impl FakePartition {
    pub fn led_by(leader: i32) -> Self {
        Self { leader, batches: Vec::new(), log_start: 0, next_offset: 0, producers: BTreeMap::new() }
    }

    /// The rules of a real broker, as far as a producer can notice them.
    pub fn append(&mut self, bytes: &Bytes) -> Result<i64, ErrorCode> {
        let header = validate(bytes).map_err(|_| ErrorCode::CorruptMessage)?;
        let base_offset = self.next_offset;
        if header.has_producer() {
            self.check_sequence(&header, base_offset)?;
        }
        self.push(&header, bytes);
        Ok(base_offset)
    }

    fn check_sequence(&mut self, header: &BatchHeader, base_offset: i64) -> Result<(), ErrorCode> {
        let span = (header.base_sequence, header.last_sequence());
        let epoch = header.producer_epoch;
        let producer =
            self.producers.entry(header.producer_id).or_insert(Producer { epoch, last: Vec::new() });
        if epoch < producer.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if epoch > producer.epoch {
            if span.0 != 0 {
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            }
            *producer = Producer { epoch, last: Vec::new() };
        }
        if producer.last.iter().any(|(first, last, _)| (*first, *last) == span) {
            return Err(ErrorCode::DuplicateSequenceNumber);
        }
        if let Some((_, last, _)) = producer.last.last()
            && span.0 != add_sequence(*last, 1)
        {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        producer.last.push((span.0, span.1, base_offset));
        if producer.last.len() > REMEMBERED {
            producer.last.remove(0);
        }
        Ok(())
    }

    /// A batch as it is, at the end of the log.
    pub fn push(&mut self, header: &BatchHeader, bytes: &Bytes) {
        let mut stored = bytes.to_vec();
        stored[..HEADER_LEN].copy_from_slice(&patched_header(header, self.next_offset, 0));
        self.next_offset += i64::from(header.last_offset_delta) + 1;
        self.batches.push(stored.into());
    }

    /// The batches from the one that holds `offset`.
    pub fn read(&self, offset: i64) -> Result<Bytes, ErrorCode> {
        if offset < self.log_start || offset > self.next_offset {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let behind = |batch: &&Bytes| BatchHeader::parse(batch).is_ok_and(|h| h.next_offset() <= offset);
        Ok(self.batches.iter().skip_while(behind).flatten().copied().collect::<Vec<u8>>().into())
    }

    pub fn at_or_after(&self, ms: i64) -> Option<(i64, i64)> {
        let records = self.batches.iter().flat_map(|batch| iterate(batch, 1 << 20).unwrap());
        let found = records.map(Result::unwrap).find(|record| record.timestamp >= ms)?;
        Some((found.offset, found.timestamp))
    }

    pub fn values(&self) -> Vec<String> {
        let records = self.batches.iter().flat_map(|batch| iterate(batch, 1 << 20).unwrap());
        let text = |value: Bytes| String::from_utf8(value.to_vec()).unwrap();
        records.map(|record| record.unwrap().value.map_or_else(|| "null".to_owned(), text)).collect()
    }
}
