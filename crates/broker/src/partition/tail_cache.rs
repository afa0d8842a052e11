//! The newest batches of all partitions in memory, so that consumers at the end never touch the disk.
//!
//! One bound in bytes for all; the oldest batch of the broker goes first, whichever partition it is of. A batch that is
//! a small part of a large frame is copied, so that the bound is what is really held.

use super::partition_log::{ReadLimits, Slices};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory of the bookkeeping for one batch.
const OVERHEAD: usize = 128;

/// Smaller batches are copied in any case: the buffer they were read into may be larger than their frame.
const ALWAYS_COPIED: usize = 16 << 10;

/// Clones share the cache.
#[derive(Debug, Clone)]
pub(crate) struct TailCache(Arc<Mutex<Order>>);

#[derive(Debug)]
struct Order {
    held: usize,
    limit: usize,
    /// Whose oldest batch is the oldest of all, one entry a batch.
    queue: VecDeque<Arc<Batches>>,
}

/// One partition's part of the cache.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    cache: TailCache,
    batches: Arc<Batches>,
}

type Batches = Mutex<VecDeque<Cached>>;

#[derive(Debug)]
struct Cached {
    base_offset: i64,
    next_offset: i64,
    head: Bytes,
    body: Bytes,
}

impl Cached {
    fn size(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TailCache {
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Order { held: 0, limit, queue: VecDeque::new() })))
    }

    pub fn tail(&self) -> Tail {
        Tail { cache: self.clone(), batches: Arc::default() }
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        lock(&self.0).held
    }
}

impl Tail {
    /// Takes a batch that follows the one before. `body` is what stands behind the header in the frame.
    pub fn push(&self, base_offset: i64, next_offset: i64, header: &[u8], body: &Bytes, frame_bytes: usize) {
        let size = header.len() + body.len();
        let (head, body) = if size < frame_bytes / 2 || size < ALWAYS_COPIED {
            let mut copy = BytesMut::with_capacity(size);
            copy.extend_from_slice(header);
            copy.extend_from_slice(body);
            (copy.freeze(), Bytes::new())
        } else {
            (Bytes::copy_from_slice(header), body.clone())
        };
        lock(&self.batches).push_back(Cached { base_offset, next_offset, head, body });
        let mut order = lock(&self.cache.0);
        order.held += size + OVERHEAD;
        order.queue.push_back(Arc::clone(&self.batches));
        while order.held > order.limit
            && let Some(oldest) = order.queue.pop_front()
        {
            if let Some(gone) = lock(&oldest).pop_front() {
                order.held -= gone.size() + OVERHEAD;
            }
        }
    }

    /// Forgets what stands below an offset: the log has other batches there now.
    pub fn forget(&self, below: i64) {
        let mut order = lock(&self.cache.0);
        let mut batches = lock(&self.batches);
        let count = batches.partition_point(|batch| batch.base_offset < below);
        order.held -= batches.drain(..count).map(|batch| batch.size() + OVERHEAD).sum::<usize>();
        // Its oldest batches are the oldest entries of it.
        let mut left = count;
        order.queue.retain(|other| {
            let is_gone = left > 0 && Arc::ptr_eq(other, &self.batches);
            left -= usize::from(is_gone);
            !is_gone
        });
    }

    /// Whole batches from the one that holds `offset` on, below `upto`. `None` when the cache does not reach back so
    /// far.
    pub fn read(&self, offset: i64, upto: i64, limits: ReadLimits) -> Option<Slices> {
        let batches = lock(&self.batches);
        let first = batches.partition_point(|batch| batch.next_offset <= offset);
        if batches.get(first)?.base_offset > offset {
            return None;
        }
        let mut slices = Slices::default();
        for batch in batches.range(first..) {
            if batch.next_offset > upto {
                break;
            }
            let is_first = slices.list.is_empty();
            if slices.bytes + batch.size() > limits.max_bytes
                && !(is_first && batch.size() <= limits.first_max_bytes)
            {
                slices.over_limit = is_first.then(|| batch.size());
                break;
            }
            slices.push(batch.head.clone());
            if !batch.body.is_empty() {
                slices.push(batch.body.clone());
            }
        }
        Some(slices)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let mut order = lock(&self.cache.0);
        let mut batches = lock(&self.batches);
        order.held -= batches.iter().map(|batch| batch.size() + OVERHEAD).sum::<usize>();
        batches.clear();
        order.queue.retain(|other| !Arc::ptr_eq(other, &self.batches));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: ReadLimits = ReadLimits { max_bytes: usize::MAX, first_max_bytes: usize::MAX };

    fn push(tail: &Tail, base: i64, size: usize) {
        tail.push(base, base + 2, &[1; 61], &Bytes::from(vec![7; size - 61]), size);
    }

    #[test]
    fn reads_start_inside_a_batch_and_end_at_the_watermark_and_the_limit() {
        let tail = TailCache::new(1 << 20).tail();
        assert!(tail.read(0, 0, ALL).is_none());
        for i in 0..5 {
            push(&tail, 10 + 2 * i, 5_000);
        }
        assert!(tail.read(9, 20, ALL).is_none() && tail.read(20, 20, ALL).is_none());
        let bytes = |offset, upto, limits| tail.read(offset, upto, limits).map(|slices| slices.bytes);
        assert_eq!(bytes(10, 20, ALL), Some(25_000));
        assert_eq!(bytes(13, 20, ALL), Some(20_000));
        assert_eq!(bytes(10, 15, ALL), Some(10_000), "a batch over the watermark is not visible");
        assert_eq!(
            bytes(10, 20, ReadLimits { max_bytes: 11_000, first_max_bytes: usize::MAX }),
            Some(10_000)
        );
        assert_eq!(bytes(10, 20, ReadLimits { max_bytes: 10, first_max_bytes: usize::MAX }), Some(5_000));
        let little = tail.read(10, 20, ReadLimits { max_bytes: 10, first_max_bytes: 4_999 }).unwrap();
        assert_eq!((little.bytes, little.over_limit), (0, Some(5_000)));
    }

    #[test]
    fn what_is_forgotten_is_not_read_any_more_and_not_held() {
        let cache = TailCache::new(1 << 20);
        let (a, b) = (cache.tail(), cache.tail());
        for i in 0..4 {
            push(&a, 2 * i, 5_000);
            push(&b, 2 * i, 5_000);
        }
        a.forget(4);
        assert!(a.read(0, 10, ALL).is_none() && a.read(3, 10, ALL).is_none());
        assert_eq!(a.read(4, 10, ALL).map(|slices| slices.bytes), Some(10_000));
        assert_eq!(b.read(0, 10, ALL).map(|slices| slices.bytes), Some(20_000));
        assert_eq!(cache.held(), 6 * (5_000 + OVERHEAD));
        a.forget(i64::MAX);
        assert_eq!(cache.held(), 4 * (5_000 + OVERHEAD));
        drop(b);
        assert_eq!((cache.held(), lock(&cache.0).queue.len()), (0, 0));
    }

    #[test]
    fn the_oldest_batch_of_the_broker_goes_first_and_the_bound_holds() {
        let cache = TailCache::new(20_000);
        let (a, b) = (cache.tail(), cache.tail());
        push(&a, 0, 6_000);
        push(&b, 0, 6_000);
        push(&b, 2, 6_000);
        push(&b, 4, 6_000);
        assert!(cache.held() <= 20_000);
        assert!(a.read(0, 10, ALL).is_none() && b.read(0, 10, ALL).is_some());
        drop(b);
        assert_eq!(cache.held(), 0);
        for i in 0..100 {
            push(&a, 2 * i, 6_000);
            assert!(cache.held() <= 20_000);
        }
    }
}
