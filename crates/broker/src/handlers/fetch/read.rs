//! The reads of one Fetch: partition by partition under the limits of the request, side by side where they fit.
//!
//! A limit of the request that is large enough for several partitions binds none of them, so they are read at the same
//! time: what the tail cache does not have comes from several read threads, and the answer waits for the slowest of them
//! instead of all. The outcome is that of one read after the other.
//!
//! The first batch of an answer comes whatever the limits of the request are, so that every consumer makes progress
//! (quirk Q5), but not before there is memory for it.

use super::Found;
use super::sessions::{News, Shown, Wanted};
use crate::error;
use crate::partition::{Offsets, Partition, ReadLimits, Slices};
use futures_util::future::join_all;
use ottla_wire::ErrorCode;

/// Reads of one request at the same time; there are not many more read threads.
const TOGETHER: usize = 8;

pub(super) struct Read {
    pub error: ErrorCode,
    pub offsets: Offsets,
    pub slices: Slices,
    /// The high watermark before the read: what came since is no reason to answer.
    readable_to: i64,
    /// There are records, and no room was left to look at them.
    left_out: bool,
}

/// How much may be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// By the limits of the request, and no more than `granted`.
    pub max_bytes: usize,
    /// What there is memory for.
    pub granted: usize,
}

/// The first batch of an answer has so many bytes, and there is less memory.
pub(super) struct TooLittle(pub usize);

pub(super) async fn read_all(room: Room, wanted: &[Wanted], found: &[Found]) -> Result<Vec<Read>, TooLittle> {
    let mut left = room.max_bytes;
    let mut at_least_one = true;
    let mut reads = Vec::with_capacity(found.len());
    while reads.len() < found.len() {
        let rest = &wanted[reads.len()..];
        let together = fitting(rest, left);
        let group = rest[..together].iter().zip(&found[reads.len()..]).enumerate();
        let group = group.map(|(nth, (wanted, found))| {
            let max_bytes = limit(wanted).min(left);
            let first_max_bytes = if at_least_one && nth == 0 { room.granted } else { 0 };
            read(found, wanted, ReadLimits { max_bytes, first_max_bytes })
        });
        for (nth, read) in all(group).await.into_iter().enumerate() {
            match read.slices.over_limit.filter(|_| at_least_one) {
                Some(batch_bytes) if nth == 0 => return Err(TooLittle(batch_bytes)),
                // That this one is the first was not known when it was read.
                Some(_) => break,
                None => {}
            }
            left = left.saturating_sub(read.slices.bytes);
            at_least_one &= read.slices.list.is_empty();
            reads.push(read);
        }
    }
    Ok(reads)
}

/// How many partitions from the first on can have all they may have.
fn fitting(wanted: &[Wanted], left: usize) -> usize {
    let mut sum = 0_usize;
    let fits = |wanted: &&Wanted| {
        sum = sum.saturating_add(limit(wanted));
        sum <= left
    };
    wanted.iter().take(TOGETHER).take_while(fits).count().max(1)
}

fn limit(wanted: &Wanted) -> usize {
    usize::try_from(wanted.partition.partition_max_bytes).unwrap_or(0)
}

async fn all(mut reads: impl ExactSizeIterator<Item = impl Future<Output = Read>>) -> Vec<Read> {
    match reads.len() {
        1 => match reads.next() {
            Some(only) => vec![only.await],
            None => Vec::new(),
        },
        _ => join_all(reads).await,
    }
}

async fn read(found: &Found, wanted: &Wanted, limits: ReadLimits) -> Read {
    match found {
        Ok(partition) => read_partition(partition, wanted.partition.fetch_offset, limits).await,
        Err(error) => Read::failed(*error),
    }
}

async fn read_partition(partition: &Partition, offset: i64, limits: ReadLimits) -> Read {
    let log = &partition.log;
    if let Err(error) = log.ready().await {
        return Read::failed(error::of_read(&error));
    }
    let readable_to = match log.offsets() {
        Ok(offsets) => offsets.high_watermark,
        Err(error) => return Read::failed(error::of_read(&error)),
    };
    let is_full = limits.max_bytes == 0 && limits.first_max_bytes == 0;
    let slices = if is_full { Ok(Slices::default()) } else { log.read(offset, limits).await };
    match (slices, log.offsets()) {
        (Ok(slices), Ok(offsets)) => {
            let left_out = is_full && offset < readable_to;
            Read { error: ErrorCode::None, offsets, slices, readable_to, left_out }
        }
        (Err(error), _) | (_, Err(error)) => Read::failed(error::of_read(&error)),
    }
}

impl Read {
    fn failed(error: ErrorCode) -> Self {
        let offsets = Offsets { log_start: -1, high_watermark: -1, log_end: -1 };
        Self { error, offsets, slices: Slices::default(), readable_to: -1, left_out: false }
    }

    /// Bytes that are there for the reader, or, where it did not get all of them, what the request wants of this partition
    /// at most. Batches, segments or memory end before that, and waiting would bring no more.
    pub fn available(&self, wanted: &Wanted) -> usize {
        let goes_on = match self.slices.next_offset() {
            Some(next) => next < self.readable_to,
            None => self.left_out || self.slices.over_limit.is_some(),
        };
        if goes_on { limit(wanted).max(self.slices.bytes) } else { self.slices.bytes }
    }

    pub fn news(&self) -> News {
        let Offsets { high_watermark, log_start, .. } = self.offsets;
        News {
            shown: Shown { high_watermark, log_start },
            has_records: !self.slices.list.is_empty(),
            is_error: self.error.is_error(),
        }
    }
}
