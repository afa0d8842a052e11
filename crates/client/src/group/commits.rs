//! The commits of one member: in the order they were asked for, in the background, and waited for where it matters.
//!
//! Each commit is a task that waits for the one before it, so that a slow old commit never overwrites a newer one. A
//! commit while the group assigns is refused with REBALANCE_IN_PROGRESS and sent again: the member's own task goes on
//! meanwhile. A consumer that is no member at the moment commits nothing.

use super::offsets::{self, CommittedOffset};
use super::{Coordinator, Identity};
use crate::admin::PartitionKey;
use crate::cluster::Cluster;
use crate::errors::ClientError;
use ottla_wire::ErrorCode;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

type Offsets = BTreeMap<PartitionKey, CommittedOffset>;

#[derive(Debug)]
pub(super) struct Commits {
    shared: Arc<Shared>,
    newest: Option<JoinHandle<Result<(), ClientError>>>,
}

#[derive(Debug)]
struct Shared {
    cluster: Arc<Cluster>,
    coordinator: Arc<Coordinator>,
    identity: Arc<Mutex<Identity>>,
    /// What has been committed by this member.
    done: Mutex<BTreeMap<PartitionKey, i64>>,
}

impl Commits {
    pub fn new(cluster: Arc<Cluster>, coordinator: Arc<Coordinator>, identity: Arc<Mutex<Identity>>) -> Self {
        let shared = Shared { cluster, coordinator, identity, done: Mutex::default() };
        Self { shared: Arc::new(shared), newest: None }
    }

    /// Those positions that are not committed yet.
    pub fn missing<'a>(&self, positions: impl Iterator<Item = (&'a PartitionKey, i64)>) -> Offsets {
        let done = self.shared.done.lock().expect("no holder of this lock can panic");
        let missing = positions.filter(|(key, offset)| done.get(*key) != Some(offset));
        missing.map(|(key, offset)| (key.clone(), CommittedOffset::new(offset))).collect()
    }

    /// The partitions are not this member's any more.
    pub fn forget(&self, keys: &[PartitionKey]) {
        let mut done = self.shared.done.lock().expect("no holder of this lock can panic");
        done.retain(|key, _| !keys.contains(key));
    }

    pub fn is_busy(&self) -> bool {
        self.newest.as_ref().is_some_and(|task| !task.is_finished())
    }

    /// Behind the commits that were started before.
    pub fn start(&mut self, offsets: Offsets) {
        if offsets.is_empty() {
            return;
        }
        let before = self.newest.take();
        let shared = Arc::clone(&self.shared);
        self.newest = Some(tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            let result = shared.commit(&offsets).await;
            if let Err(error) = &result {
                let group = &shared.coordinator.group_id;
                tracing::warn!(group, partitions = offsets.len(), %error, "offsets were not committed");
            }
            result
        }));
    }

    /// Waits for all that were started; the result is the newest one's. Cancel-safe.
    pub async fn finish(&mut self) -> Result<(), ClientError> {
        let Some(task) = &mut self.newest else { return Ok(()) };
        let result = task.await.unwrap_or(Err(ClientError::Closed));
        self.newest = None;
        result
    }

    /// The same where nobody is there to be told; the log has it. Cancel-safe.
    pub async fn settle(&mut self) {
        let _ = self.finish().await;
    }
}

impl Shared {
    async fn commit(&self, offsets: &Offsets) -> Result<(), ClientError> {
        let deadline = self.cluster.call_deadline();
        let mut backoff = self.cluster.backoff();
        let results = loop {
            let identity = self.identity.lock().expect("no holder of this lock can panic").clone();
            let what = || format!("commit offsets of group {}", self.coordinator.group_id);
            if identity.generation < 0 {
                let message = Some("not a member at the moment");
                return Err(ClientError::refused(what(), ErrorCode::UnknownMemberId, message));
            }
            match offsets::commit(&self.coordinator, &identity, offsets).await {
                Ok(results) => break results,
                Err(error) => {
                    let pause = backoff.next_pause();
                    let is_assigning = error.code() == Some(ErrorCode::RebalanceInProgress);
                    if !is_assigning || Instant::now() + pause >= deadline {
                        return Err(error);
                    }
                    tokio::time::sleep(pause).await;
                }
            }
        };
        let mut problem = None;
        let mut done = self.done.lock().expect("no holder of this lock can panic");
        for (key, result) in results {
            match (result, offsets.get(&key)) {
                (Ok(()), Some(committed)) => drop(done.insert(key, committed.offset)),
                (Ok(()), None) => {}
                (Err(error), _) => problem = Some(error),
            }
        }
        problem.map_or(Ok(()), Err)
    }
}
