//! The seam behind which a partition's data lives: one broker's disk today, copies on others later.

use super::error::{AppendError, DeleteError, ReadError};
use super::purgatory::Watchers;
use bytes::Bytes;
use ottla_env::net::BoxFuture;
pub use ottla_log::{EpochEnd, TimestampedOffset};
use ottla_wire::batch::BatchHeader;
use std::fmt::Debug;
use tokio::sync::oneshot;

/// One batch that was checked and may be stored as it is.
#[derive(Debug, Clone)]
pub struct Produced {
    pub header: BatchHeader,
    pub batch: Bytes,
    pub leader_epoch: i32,
    /// Size of the allocation that `batch` is a part of, so that a small part never pins a large whole for long.
    pub frame_bytes: usize,
}

/// Where a batch is, once it may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub base_offset: i64,
    pub log_start: i64,
    pub max_timestamp: i64,
    pub duplicate: bool,
}

/// Four values that are never derived from each other (the last stable offset joins them with transactions).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    pub log_start: i64,
    pub high_watermark: i64,
    pub log_end: i64,
}

/// What the log remembers of an idempotent producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveProducer {
    pub id: i64,
    pub epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp: i64,
}

/// Where the records end that somebody does not want any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteBefore {
    HighWatermark,
    Offset(i64),
}

#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    pub max_bytes: usize,
    /// The first batch is returned even if it alone is larger than `max_bytes`, as long as it is no larger than this.
    pub first_max_bytes: usize,
}

/// Whole batches, ready to be sent.
#[derive(Debug, Clone, Default)]
pub struct Slices {
    pub list: Vec<Bytes>,
    pub bytes: usize,
    /// Nothing was read, because the first batch has so many bytes and the limits are smaller.
    pub over_limit: Option<usize>,
}

impl Slices {
    pub fn over_limit(batch_bytes: usize) -> Self {
        Self { over_limit: Some(batch_bytes), ..Self::default() }
    }

    /// By the heads of the batches.
    pub fn records(&self) -> u64 {
        self.headers().map(|header| u64::from(header.record_count.unsigned_abs())).sum()
    }

    /// Where the log goes on, by the head of the last batch; `None` where nothing was read.
    pub fn next_offset(&self) -> Option<i64> {
        self.headers().last().map(|header| header.next_offset())
    }

    /// A batch begins where the one before ends, in the same slice or in a later one: the head of a large batch may be a
    /// slice of its own.
    fn headers(&self) -> impl Iterator<Item = BatchHeader> {
        let mut list = self.list.iter();
        let mut slice: &[u8] = &[];
        // Bytes until the next batch.
        let mut ahead = 0;
        std::iter::from_fn(move || {
            while ahead >= slice.len() {
                ahead -= slice.len();
                slice = list.next()?;
            }
            slice = &slice[ahead..];
            let header = BatchHeader::parse(slice).ok()?;
            ahead = header.size();
            Some(header)
        })
    }

    pub fn push(&mut self, slice: Bytes) {
        self.bytes += slice.len();
        self.list.push(slice);
    }
}

impl From<Bytes> for Slices {
    fn from(bytes: Bytes) -> Self {
        let mut slices = Self::default();
        if !bytes.is_empty() {
            slices.push(bytes);
        }
        slices
    }
}

pub trait PartitionLog: Debug + Send + Sync {
    /// Queues a batch at once, in the order of the calls. The answer comes when the high watermark covers it, or when
    /// it failed; a sender that is gone means that the log is gone.
    fn append(&self, batch: Produced) -> oneshot::Receiver<Result<Written, AppendError>>;

    /// Moves the log start, never back and never beyond the high watermark. Answered with the log start when it is
    /// durable; a sender that is gone means that the log is gone.
    fn delete_records(&self, before: DeleteBefore) -> oneshot::Receiver<Result<i64, DeleteError>>;

    /// Waits until the log can be read; at once for one that was used before.
    fn ready(&self) -> BoxFuture<'_, Result<(), ReadError>>;

    /// Of a log that is ready.
    fn offsets(&self) -> Result<Offsets, ReadError>;

    /// Whole batches from the one that holds `offset` on, below the high watermark. Empty at the high watermark.
    fn read(&self, offset: i64, limits: ReadLimits) -> BoxFuture<'_, Result<Slices, ReadError>>;

    /// The first record whose timestamp is at least this.
    fn offset_for_timestamp(&self, ms: i64) -> BoxFuture<'_, Result<Option<TimestampedOffset>, ReadError>>;

    fn max_timestamp(&self) -> BoxFuture<'_, Result<Option<TimestampedOffset>, ReadError>>;

    /// The leader epoch that wrote an offset.
    fn epoch_of(&self, offset: i64) -> Option<i32>;

    /// Where a leader epoch ended, at the latest at the high watermark. Of a log that is ready.
    fn end_of_epoch(&self, epoch: i32) -> Result<EpochEnd, ReadError>;

    /// Who wrote lately, by producer id. Of a log that is ready.
    fn producers(&self) -> BoxFuture<'_, Result<Vec<ActiveProducer>, ReadError>>;

    /// Told whenever the high watermark moves, and when the log goes away.
    fn watchers(&self) -> &Watchers;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_wire::batch::HEADER_LEN;
    use ottla_wire::record::{BatchBuilder, BuildOptions};

    fn batch(base_offset: i64, records: usize) -> Bytes {
        let mut builder = BatchBuilder::new();
        for _ in 0..records {
            builder.push(1_000, None, Some(b"value"), &[]);
        }
        builder.build(BuildOptions { base_offset, ..BuildOptions::default() }).unwrap()
    }

    #[test]
    fn batches_are_seen_wherever_slices_end_and_heads_are_slices_of_their_own() {
        let (first, second) = (batch(0, 2), batch(2, 3));
        let parts = |batch: &Bytes| vec![batch.slice(..HEADER_LEN), batch.slice(HEADER_LEN..)];
        let whole = [&first[..], &second[..]].concat();
        for list in [
            vec![Bytes::from(whole)],
            vec![first.clone(), second.clone()],
            [parts(&first), parts(&second)].concat(),
            [parts(&first), vec![second.clone()]].concat(),
            [vec![first.clone()], parts(&second)].concat(),
        ] {
            let count = list.len();
            let mut slices = Slices::default();
            list.into_iter().for_each(|slice| slices.push(slice));
            assert_eq!((slices.records(), slices.next_offset()), (5, Some(5)), "{count} slices");
        }
        assert_eq!((Slices::default().records(), Slices::default().next_offset()), (0, None));
    }
}
