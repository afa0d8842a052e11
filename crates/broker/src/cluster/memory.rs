//! A coordination engine that forgets everything when it goes: for tests of what stands on the seam.

use super::coord::{Coord, CoordError, Entry, Listing, Revision, SessionId, Transaction, Watch, Write};
use super::store::{Published, Store};
use ottla_env::net::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Mutex;

#[derive(Debug)]
pub struct MemoryCoord {
    published: Published,
    /// Guards the sessions, and makes check and publication one step.
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    last: u64,
    open: BTreeSet<SessionId>,
}

impl Default for MemoryCoord {
    fn default() -> Self {
        Self { published: Published::new(Store::default()), sessions: Mutex::default() }
    }
}

impl MemoryCoord {
    fn commit_now(&self, transaction: &Transaction) -> Result<Revision, CoordError> {
        let sessions = self.sessions.lock().expect("no holder of this lock can panic");
        let ended = |write: &Write| match write {
            Write::Put { session: Some(session), .. } => !sessions.open.contains(session),
            _ => false,
        };
        if transaction.writes.iter().any(ended) {
            return Err(CoordError::SessionEnded);
        }
        self.published.read(|store| store.check(transaction))?;
        Ok(self.published.publish(&transaction.writes))
    }

    fn end_now(&self, session: SessionId) {
        let mut sessions = self.sessions.lock().expect("no holder of this lock can panic");
        sessions.open.remove(&session);
        for writes in
            self.published.read(|store| store.deletions(Some(session))).chunks(super::coord::MAX_WRITES)
        {
            self.published.publish(writes);
        }
    }
}

impl Coord for MemoryCoord {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, CoordError>> {
        Box::pin(async move { Ok(self.published.read(|store| store.get(key).cloned())) })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, CoordError>> {
        Box::pin(async move { Ok(self.published.read(|store| store.list(prefix))) })
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Revision, CoordError>> {
        Box::pin(async move { self.commit_now(&transaction) })
    }

    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Watch, CoordError>> {
        Box::pin(async move { self.published.watch(after) })
    }

    fn open_session(&self) -> BoxFuture<'_, Result<SessionId, CoordError>> {
        Box::pin(async move {
            let mut sessions = self.sessions.lock().expect("no holder of this lock can panic");
            sessions.last += 1;
            let session = SessionId(sessions.last);
            sessions.open.insert(session);
            Ok(session)
        })
    }

    fn end_session(&self, session: SessionId) -> BoxFuture<'_, Result<(), CoordError>> {
        Box::pin(async move {
            self.end_now(session);
            Ok(())
        })
    }
}
