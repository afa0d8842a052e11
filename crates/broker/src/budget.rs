//! Memory that connections share, for what comes in and for what goes out.
//!
//! It is taken before the memory itself is, so that overload waits instead of growing; who waits is served in turn.
//! Counted in KiB. Whoever drops a [`Memory`] gives it back.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a share is at least; a smaller one would make answers of single batches.
const SHARE_KIB_MIN: u32 = 64;
/// A share is one of so many parts of what is left, so that a few who never read cannot take all.
const SHARE_OF_FREE: usize = 8;

#[derive(Debug, Clone)]
pub struct Budget {
    free: Arc<Semaphore>,
    kib: u32,
}

/// A part of a budget.
#[derive(Debug)]
pub struct Memory(OwnedSemaphorePermit);

impl Budget {
    pub fn new(bytes: u64) -> Self {
        let most = Semaphore::MAX_PERMITS as u64;
        let kib =
            u32::try_from(bytes.div_ceil(1024).clamp(u64::from(SHARE_KIB_MIN), most)).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(kib as usize)), kib }
    }

    pub fn size_bytes(&self) -> u64 {
        u64::from(self.kib) << 10
    }

    pub fn used_bytes(&self) -> u64 {
        self.size_bytes().saturating_sub((self.free.available_permits() as u64) << 10)
    }

    /// So many bytes, or all there are where they are fewer.
    pub async fn take(&self, bytes: usize) -> Memory {
        self.acquire(kib(bytes)).await
    }

    /// So many bytes, or what of them is fair to take now.
    pub async fn share(&self, bytes: usize) -> Memory {
        let fair = u32::try_from(self.free.available_permits() / SHARE_OF_FREE).unwrap_or(u32::MAX);
        self.acquire(kib(bytes).min(fair.max(SHARE_KIB_MIN))).await
    }

    async fn acquire(&self, kib: u32) -> Memory {
        let permit = Arc::clone(&self.free).acquire_many_owned(kib.min(self.kib)).await;
        Memory(permit.expect("nobody closes it"))
    }
}

impl Memory {
    pub fn bytes(&self) -> usize {
        self.0.num_permits() << 10
    }

    /// Gives back what is not needed for so many bytes.
    pub fn keep(&mut self, bytes: usize) {
        let surplus = self.0.num_permits().saturating_sub(kib(bytes) as usize);
        drop(self.0.split(surplus));
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
        let mut whole = budget.take(usize::MAX).await;
        assert_eq!(whole.bytes(), 1 << 20);
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.take(100 << 10).await.bytes() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        whole.keep((1 << 20) - (100 << 10));
        assert_eq!(waiting.await.unwrap(), 100 << 10);
        assert_eq!((budget.used_bytes(), budget.size_bytes()), (924 << 10, 1 << 20));
        drop(whole);
        assert_eq!(budget.free.available_permits(), 1024);
    }

    #[tokio::test]
    async fn those_who_share_never_take_all_of_it() {
        let budget = Budget::new(64 << 20);
        let mut held = Vec::new();
        for _ in 0..40 {
            held.push(budget.share(50 << 20).await);
        }
        assert!(held[0].bytes() == 8 << 20 && held.iter().all(|memory| memory.bytes() >= 64 << 10));
        assert!(budget.free.available_permits() >= SHARE_KIB_MIN as usize, "there is room for one more");
        assert_eq!(budget.share(10).await.bytes(), 1024, "who wants little gets it");
    }
}
