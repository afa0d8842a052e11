//! A partition's log in memory: the second implementation of the seam, for tests and simulation. What is appended is
//! committed at once.

use super::error::{AppendError, DeleteError, ReadError};
use super::partition_log::{
    ActiveProducer, DeleteBefore, EpochEnd, Offsets, PartitionLog, Produced, ReadLimits, Slices,
    TimestampedOffset, Written,
};
use super::purgatory::Watchers;
use bytes::Bytes;
use ottla_env::net::BoxFuture;
use ottla_log::LeaderEpochs;
use ottla_log::producer_state::{ProducerTable, Verdict};
use ottla_wire::batch::{BatchHeader, HEADER_LEN, patched_header};
use ottla_wire::record;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

const DECOMPRESSED_MAX: usize = 128 << 20;

#[derive(Debug, Default)]
pub struct MemoryLog {
    state: Mutex<State>,
    watchers: Watchers,
}

#[derive(Debug, Default)]
struct State {
    batches: Vec<(BatchHeader, Bytes)>,
    start: i64,
    end: i64,
    producers: ProducerTable,
    epochs: LeaderEpochs,
}

impl MemoryLog {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All records, with their times.
    fn stamps(&self) -> Result<Vec<TimestampedOffset>, ReadError> {
        let state = self.state();
        let storage = |error: record::RecordError| ReadError::Storage(error.to_string());
        let mut stamps = Vec::new();
        for (_, bytes) in &state.batches {
            for record in record::iterate(bytes, DECOMPRESSED_MAX).map_err(storage)? {
                let record = record.map_err(storage)?;
                if record.offset >= state.start {
                    stamps.push(TimestampedOffset { offset: record.offset, timestamp: record.timestamp });
                }
            }
        }
        Ok(stamps)
    }
}

impl State {
    fn append(&mut self, produced: &Produced) -> Result<Written, AppendError> {
        let Produced { header, batch, leader_epoch, .. } = produced;
        let producer_id = header.producer_id;
        match self.producers.check(header) {
            Verdict::Append => {}
            Verdict::Duplicate(first) => {
                let (base_offset, max_timestamp) = (first.base_offset, first.max_timestamp);
                return Ok(Written { base_offset, log_start: self.start, max_timestamp, duplicate: true });
            }
            Verdict::OutOfOrder { expected } => {
                let sequence = header.base_sequence;
                return Err(AppendError::OutOfOrderSequence { producer_id, sequence, expected });
            }
            Verdict::StaleEpoch { current } => {
                let epoch = header.producer_epoch;
                return Err(AppendError::StaleProducerEpoch { producer_id, epoch, current });
            }
        }
        let base_offset = self.end;
        let stored = [&patched_header(header, base_offset, *leader_epoch)[..], &batch[HEADER_LEN..]].concat();
        let placed = BatchHeader { base_offset, leader_epoch: *leader_epoch, ..*header };
        self.end = placed.next_offset();
        self.producers.note(header, base_offset);
        self.epochs.note(*leader_epoch, base_offset);
        self.batches.push((placed, stored.into()));
        let (log_start, max_timestamp) = (self.start, header.max_timestamp);
        Ok(Written { base_offset, log_start, max_timestamp, duplicate: false })
    }
}

impl PartitionLog for MemoryLog {
    fn append(&self, batch: Produced) -> oneshot::Receiver<Result<Written, AppendError>> {
        let (reply, answer) = oneshot::channel();
        let written = self.state().append(&batch);
        let _ = reply.send(written);
        self.watchers.wake();
        answer
    }

    fn delete_records(&self, before: DeleteBefore) -> oneshot::Receiver<Result<i64, DeleteError>> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.state();
        let high_watermark = state.end;
        let offset = match before {
            DeleteBefore::HighWatermark => high_watermark,
            DeleteBefore::Offset(offset) => offset,
        };
        let result = if (0..=high_watermark).contains(&offset) {
            state.start = state.start.max(offset);
            let start = state.start;
            state.batches.retain(|(header, _)| header.last_offset() >= start);
            Ok(start)
        } else {
            Err(DeleteError::OutOfRange { offset, high_watermark })
        };
        let _ = reply.send(result);
        answer
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn offsets(&self) -> Result<Offsets, ReadError> {
        let (start, end) = {
            let state = self.state();
            (state.start, state.end)
        };
        Ok(Offsets { log_start: start, high_watermark: end, log_end: end })
    }

    fn read(&self, offset: i64, limits: ReadLimits) -> BoxFuture<'_, Result<Slices, ReadError>> {
        let state = self.state();
        if offset < state.start || offset > state.end {
            let error = ReadError::OutOfRange { offset, start: state.start, end: state.end };
            return Box::pin(std::future::ready(Err(error)));
        }
        let mut slices = Slices::default();
        for (_, bytes) in state.batches.iter().filter(|(header, _)| header.last_offset() >= offset) {
            let is_first = slices.list.is_empty();
            if slices.bytes + bytes.len() > limits.max_bytes
                && !(is_first && bytes.len() <= limits.first_max_bytes)
            {
                slices.over_limit = is_first.then(|| bytes.len());
                break;
            }
            slices.push(bytes.clone());
        }
        Box::pin(std::future::ready(Ok(slices)))
    }

    fn offset_for_timestamp(&self, ms: i64) -> BoxFuture<'_, Result<Option<TimestampedOffset>, ReadError>> {
        let found = self.stamps().map(|stamps| stamps.into_iter().find(|stamp| stamp.timestamp >= ms));
        Box::pin(std::future::ready(found))
    }

    fn max_timestamp(&self) -> BoxFuture<'_, Result<Option<TimestampedOffset>, ReadError>> {
        // Of several equal ones `max_by_key` takes the last.
        let found = self.stamps().map(|stamps| stamps.into_iter().rev().max_by_key(|stamp| stamp.timestamp));
        Box::pin(std::future::ready(found))
    }

    fn epoch_of(&self, offset: i64) -> Option<i32> {
        self.state().epochs.epoch_of(offset)
    }

    fn end_of_epoch(&self, epoch: i32) -> Result<EpochEnd, ReadError> {
        let state = self.state();
        Ok(state.epochs.end_of(epoch, state.end))
    }

    fn producers(&self) -> BoxFuture<'_, Result<Vec<ActiveProducer>, ReadError>> {
        let state = self.state();
        let producers = state.producers.iter().filter_map(|(id, producer)| {
            let last = producer.batches.back()?;
            Some(ActiveProducer {
                id,
                epoch: producer.epoch,
                last_sequence: last.last_sequence,
                last_timestamp: last.max_timestamp,
            })
        });
        let producers = producers.collect();
        Box::pin(std::future::ready(Ok(producers)))
    }

    fn watchers(&self) -> &Watchers {
        &self.watchers
    }
}
