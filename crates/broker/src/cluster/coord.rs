//! What the cluster's metadata is kept in: a small store of keys that several processes could share.
//!
//! [`Coord`] is the seam to a coordination engine: consistent reads, transactions with checks, watches in revision
//! order, and sessions whose keys end with them. Every commit has a revision one above the last. The engine of a single
//! node is [`super::embedded`]; one conformance suite runs on every engine. Engines know keys and bytes, never topics.

use bytes::Bytes;
use ottla_env::net::BoxFuture;
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Counts commits; 0 is the empty store.
pub type Revision = i64;

/// Keys that one transaction may write: what every engine we plan for can take.
pub const MAX_WRITES: usize = 100;
/// Commits that a watcher may lag behind before it has to list again.
pub const WATCH_BUFFER: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: Arc<str>,
    pub value: Bytes,
    /// The revision that created the key, and the one that wrote it last.
    pub created: Revision,
    pub modified: Revision,
    /// The key ends with this session.
    pub session: Option<SessionId>,
}

/// All entries under a prefix at one revision, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub revision: Revision,
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    Absent(String),
    /// The key was last written by this revision.
    Unchanged {
        key: String,
        modified: Revision,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    Put {
        key: String,
        value: Bytes,
        session: Option<SessionId>,
    },
    /// Of a key that is not there: no effect.
    Delete {
        key: String,
    },
}

/// All or nothing; checks see the store before the writes. Each key is written once at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    pub checks: Vec<Check>,
    pub writes: Vec<Write>,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Change,
    /// Makes room, sooner or later.
    Deletion,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub key: Arc<str>,
    /// `None`: the key is gone.
    pub value: Option<Bytes>,
    pub created: Revision,
}

/// What one transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub revision: Revision,
    pub events: Vec<Event>,
}

/// Nothing that was written since the last sync can be trusted any more: the process has to end.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{action} {}: {source}", path.display())]
pub struct StorageFailed {
    pub action: &'static str,
    pub path: PathBuf,
    pub source: Arc<io::Error>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum CoordError {
    #[error("somebody else changed {key:?} (now of revision {found:?})")]
    Conflict { key: String, found: Option<Revision> },
    #[error("the session has ended")]
    SessionEnded,
    #[error("a transaction writes each of at most {MAX_WRITES} keys once")]
    BadTransaction,
    /// Nothing of it was written (a full disk, mostly); later commits may succeed.
    #[error("write metadata: {0}")]
    NotWritten(Arc<io::Error>),
    #[error(transparent)]
    Failed(#[from] StorageFailed),
    #[error("the metadata store is closed")]
    Closed,
    /// A watch asked for a revision that is no longer remembered: list, and watch from there.
    #[error("revision {0} is no longer remembered")]
    Forgotten(Revision),
}

pub trait Coord: Debug + Send + Sync {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, CoordError>>;

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, CoordError>>;

    /// Returns when the transaction is durable. Commits are applied in the order of the calls of one caller.
    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Revision, CoordError>>;

    /// As [`Coord::commit`], for what makes room: an engine that has a reserve for a full disk uses it (durability rule
    /// A8).
    fn commit_deletion(&self, transaction: Transaction) -> BoxFuture<'_, Result<Revision, CoordError>> {
        self.commit(transaction)
    }

    /// Every commit behind a revision, in order and without a gap.
    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Watch, CoordError>>;

    fn open_session(&self) -> BoxFuture<'_, Result<SessionId, CoordError>>;

    /// Ends a session and its keys. Ending it twice is no error.
    fn end_session(&self, session: SessionId) -> BoxFuture<'_, Result<(), CoordError>>;
}

#[derive(Debug)]
pub struct Watch(mpsc::Receiver<Arc<Commit>>);

impl Watch {
    pub fn new(receiver: mpsc::Receiver<Arc<Commit>>) -> Self {
        Self(receiver)
    }

    /// The next commit. `None` when this watcher fell too far behind, or the engine closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<Commit>> {
        self.0.recv().await
    }

    /// The next commit if there is one already.
    pub fn try_next(&mut self) -> Option<Arc<Commit>> {
        self.0.try_recv().ok()
    }
}
