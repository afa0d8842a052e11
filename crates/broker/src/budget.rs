//! Memory that connections share, for what comes in and for what goes out.
//!
//! It is taken before the memory itself is, so that overload waits instead of growing; who waits is served in turn, and
//! who holds some while others wait is asked to hurry ([`Memory::is_wanted`]). Counted in KiB. Whoever drops a [`Memory`]
//! gives it back.
//!
//! Nobody waits for a share while holding one of the same budget: two who did would wait for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What every connection may hold of an answer without a share, and of a frame.
pub const OWN_BYTES: usize = 64 << 10;
/// A budget has room for one who needs more than what every connection has.
const BUDGET_KIB_MIN: u64 = 64;
/// A share is one of so many parts of what is left, so that a few who never read cannot take all.
const SHARE_OF_FREE: usize = 8;

#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    free: Arc<Semaphore>,
    kib: u32,
    waiting: AtomicUsize,
}

/// A part of a budget.
#[derive(Debug)]
pub struct Memory {
    permit: OwnedSemaphorePermit,
    budget: Budget,
}

/// Counts one who waits until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Budget {
    pub fn new(bytes: u64) -> Self {
        let most = Semaphore::MAX_PERMITS as u64;
        let kib = u32::try_from(bytes.div_ceil(1024).clamp(BUDGET_KIB_MIN, most)).unwrap_or(u32::MAX);
        let free = Arc::new(Semaphore::new(kib as usize));
        Self(Arc::new(Inner { free, kib, waiting: AtomicUsize::new(0) }))
    }

    pub fn size_bytes(&self) -> u64 {
        u64::from(self.0.kib) << 10
    }

    pub fn used_bytes(&self) -> u64 {
        self.size_bytes().saturating_sub((self.0.free.available_permits() as u64) << 10)
    }

    /// So many bytes, or all there are where they are fewer.
    pub async fn take(&self, bytes: usize) -> Memory {
        let kib = kib(bytes).min(self.0.kib);
        if let Some(memory) = self.now(kib) {
            return memory;
        }
        let _waiting = Waiting::new(&self.0.waiting);
        let permit = Arc::clone(&self.0.free).acquire_many_owned(kib).await;
        Memory { permit: permit.expect("nobody closes it"), budget: self.clone() }
    }

    /// Memory for an answer of so many bytes; `None` where that is no more than every connection has for itself.
    pub async fn room(&self, bytes: usize) -> Option<Memory> {
        if bytes > OWN_BYTES { Some(self.take(bytes).await) } else { None }
    }

    /// So many bytes, if it is fair to take them now.
    pub fn try_fair(&self, bytes: usize) -> Option<Memory> {
        if bytes <= self.fair() { self.now(kib(bytes)) } else { None }
    }

    fn fair(&self) -> usize {
        (self.0.free.available_permits() / SHARE_OF_FREE) << 10
    }

    /// So many bytes, or what of them is fair to take now. `None` where that is no more than every connection has for
    /// itself, which has to do then.
    pub fn share(&self, bytes: usize) -> Option<Memory> {
        let bytes = bytes.min(self.fair());
        if bytes > OWN_BYTES { self.now(kib(bytes)) } else { None }
    }

    fn now(&self, kib: u32) -> Option<Memory> {
        let permit = Arc::clone(&self.0.free).try_acquire_many_owned(kib).ok()?;
        Some(Memory { permit, budget: self.clone() })
    }
}

impl Memory {
    pub fn bytes(&self) -> usize {
        self.permit.num_permits() << 10
    }

    /// All that the budget has.
    pub fn is_whole(&self) -> bool {
        self.permit.num_permits() == self.budget.0.kib as usize
    }

    /// Others wait for it.
    pub fn is_wanted(&self) -> bool {
        self.budget.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Gives back what is not needed for so many bytes.
    #[must_use]
    pub fn keeping(mut self, bytes: usize) -> Self {
        let surplus = self.permit.num_permits().saturating_sub(kib(bytes) as usize);
        drop(self.permit.split(surplus));
        self
    }
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_missing_until_it_is_given_back() {
        let budget = Budget::new(1 << 20);
        let whole = budget.take(usize::MAX).await;
        assert!(whole.bytes() == 1 << 20 && whole.is_whole() && !whole.is_wanted());
        assert!(budget.try_fair(1).is_none());
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.take(100 << 10).await.bytes() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished() && whole.is_wanted());
        let whole = whole.keeping((1 << 20) - (100 << 10));
        assert_eq!(waiting.await.unwrap(), 100 << 10);
        assert!(!whole.is_wanted() && !whole.is_whole());
        assert_eq!((budget.used_bytes(), budget.size_bytes()), (924 << 10, 1 << 20));
        drop(whole);
        assert_eq!(budget.0.free.available_permits(), 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_is_not_waited_for() {
        let budget = Budget::new(1 << 20);
        let whole = budget.take(usize::MAX).await;
        let waiting = budget.take(1);
        let over = tokio::time::timeout(std::time::Duration::from_millis(1), waiting).await;
        assert!(over.is_err() && !whole.is_wanted());
    }

    #[tokio::test]
    async fn those_who_share_never_take_all_of_it() {
        let budget = Budget::new(64 << 20);
        let held: Vec<_> = (0..100).map_while(|_| budget.share(50 << 20)).collect();
        assert!(held[0].bytes() == 8 << 20 && held.iter().all(|memory| memory.bytes() > OWN_BYTES));
        assert!(held.len() < 40, "there are no shares as small as what everybody has");
        assert!(budget.try_fair(OWN_BYTES / 2).is_some(), "there is room for one more");
        assert!(budget.share(OWN_BYTES).is_none() && Budget::new(64 << 20).share(OWN_BYTES).is_none());
    }
}
