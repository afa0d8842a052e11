//! The open connections of a client, by node and purpose; dialled on first use, dialled again when they ended.
//!
//! A broker answers one connection's requests one after another, so a long-polling fetch would hold up everything
//! behind it. Hence purposes ([`Lane`]): calls share one connection per node, each producer and each consumer has its
//! own. Two callers that need the same connection wait for one dial.

use crate::config::ClientConfig;
use crate::connection::{Connection, Target};
use crate::errors::ClientError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Metadata and admin calls.
    Calls,
    /// Of one producer or one consumer.
    Own(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The n-th bootstrap address; which node answers there is not known.
    Bootstrap(usize),
    Node(i32),
}

type Slot = Arc<tokio::sync::Mutex<Option<(Target, Connection)>>>;

#[derive(Debug)]
pub(crate) struct Connections {
    config: Arc<ClientConfig>,
    /// Guards the map only; a dial holds its slot.
    slots: Mutex<BTreeMap<(Lane, Place), Slot>>,
    lanes: AtomicU64,
}

impl Connections {
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self { config, slots: Mutex::new(BTreeMap::new()), lanes: AtomicU64::new(0) }
    }

    /// A lane for one producer or consumer. Its connections are closed when the guard is dropped.
    pub fn own_lane(self: &Arc<Self>) -> OwnLane {
        let lane = Lane::Own(self.lanes.fetch_add(1, Ordering::Relaxed));
        OwnLane { lane, connections: Arc::clone(self) }
    }

    pub async fn get(&self, lane: Lane, place: Place, target: Target) -> Result<Connection, ClientError> {
        let slot = {
            let mut slots = self.slots.lock().expect("no holder of this lock can panic");
            Arc::clone(slots.entry((lane, place)).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some((known, connection)) = slot.as_ref()
            && *known == target
            && connection.is_open()
        {
            return Ok(connection.clone());
        }
        *slot = None;
        let connection = Connection::open(&target, &self.config).await?;
        *slot = Some((target, connection.clone()));
        Ok(connection)
    }

    fn forget(&self, lane: Lane) {
        let mut slots = self.slots.lock().expect("no holder of this lock can panic");
        slots.retain(|(other, _), _| *other != lane);
    }
}

#[derive(Debug)]
pub(crate) struct OwnLane {
    pub lane: Lane,
    connections: Arc<Connections>,
}

impl Drop for OwnLane {
    fn drop(&mut self) {
        self.connections.forget(self.lane);
    }
}
