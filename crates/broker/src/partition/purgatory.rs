//! Where long polls wait: woken when a high watermark moves, never by a timer that looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Who wants to hear of one partition.
#[derive(Debug, Default, Clone)]
pub struct Watchers(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

impl Watchers {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody; who still wants to wait waits again.
    pub fn wake(&self) {
        for notify in self.lock().waiting.values() {
            notify.notify_one();
        }
    }

    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One wait for several partitions. Registered *before* the partitions are looked at, so that no move is missed.
#[derive(Debug, Default)]
pub struct WaitSet {
    notify: Arc<Notify>,
    places: Vec<(Watchers, u64)>,
}

impl WaitSet {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&mut self, watchers: &Watchers) {
        let id = {
            let mut inner = watchers.lock();
            let id = inner.next;
            inner.next += 1;
            inner.waiting.insert(id, Arc::clone(&self.notify));
            id
        };
        self.places.push((watchers.clone(), id));
    }

    /// Waits for a move since the last return (or since a partition was added).
    pub async fn moved(&self) {
        self.notify.notified().await;
    }
}

impl Drop for WaitSet {
    fn drop(&mut self) {
        for (watchers, id) in &self.places {
            watchers.lock().waiting.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_move_between_registration_and_wait_is_not_missed_and_nothing_is_left_behind() {
        let partitions = [Watchers::default(), Watchers::default()];
        let mut set = WaitSet::new();
        partitions.iter().for_each(|watchers| set.add(watchers));
        partitions[1].wake();
        set.moved().await;
        let waiting = tokio::spawn(async move {
            set.moved().await;
            drop(set);
        });
        tokio::task::yield_now().await;
        partitions[0].wake();
        waiting.await.unwrap();
        assert!(partitions.iter().all(Watchers::is_empty));
    }
}
