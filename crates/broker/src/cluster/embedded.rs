//! The coordination engine of a single node: a log of checked groups and a snapshot, in the data directory.
//!
//! One thread owns the files ([`Engine`]) and takes what waits as one group: many commits, one sync. What is durable is
//! published; reads and watches see nothing else. A failed sync ends the engine: every later commit fails, and the
//! process has to end (durability rule A7).

mod engine;
mod format;
mod stored;

pub use engine::{Engine, OpenReport, create};
pub use stored::{Looked, OpenError, look};

use super::controls::{self, Control};
use super::coord::{
    Coord, CoordError, Entry, Listing, MAX_WRITES, Revision, SessionId, Transaction, Watch, Write,
};
use super::store::Published;
use ottla_env::disk::Disk;
use ottla_env::net::BoxFuture;
use ottla_env::task::{DiskLoop, Turn, Wait, Work, Workers};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{mpsc, oneshot};

/// Commits that may wait; callers beyond that wait in turn.
const QUEUE: usize = 256;
/// Bytes behind which a group is full.
const GROUP_BYTES: usize = 4 << 20;

type Reply = oneshot::Sender<Result<Revision, CoordError>>;

#[derive(Debug)]
pub struct Embedded {
    published: Arc<Published>,
    sessions: Mutex<Sessions>,
    queue: Mutex<Option<mpsc::Sender<(Transaction, Reply)>>>,
    writer: Mutex<Option<DiskLoop>>,
}

#[derive(Debug)]
struct Sessions {
    /// Sessions of earlier runs have smaller numbers or no keys left.
    last: u64,
    open: BTreeSet<SessionId>,
}

impl Embedded {
    /// Opens what [`create`] made. Reads and syncs files: not for a thread that serves sockets.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        at_least: Revision,
        workers: &dyn Workers,
    ) -> Result<(Self, OpenReport), OpenError> {
        let (engine, report) = Engine::open(disk, dir, at_least)?;
        let published = Arc::new(Published::new(engine.store().clone()));
        let (sender, queue) = mpsc::channel(QUEUE);
        let last = engine.store().revision().unsigned_abs();
        let writer = workers
            .start("metadata", Box::new(Writer { engine, queue, published: Arc::clone(&published) }))
            .map_err(|source| OpenError::Io { action: "start a thread for", path: dir.to_owned(), source })?;
        let embedded = Self {
            published,
            sessions: Mutex::new(Sessions { last, open: BTreeSet::new() }),
            queue: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
        };
        Ok((embedded, report))
    }

    /// Ends the engine after everything that waits.
    pub async fn close(&self) {
        drop(lock(&self.queue).take());
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer
            && !writer.join().await
        {
            tracing::error!("the metadata thread panicked");
        }
        self.published.close();
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }

    async fn submit(&self, transaction: Transaction) -> Result<Revision, CoordError> {
        let queue = lock(&self.queue).clone().ok_or(CoordError::Closed)?;
        let (reply, outcome) = oneshot::channel();
        queue.send((transaction, reply)).await.map_err(|_| CoordError::Closed)?;
        outcome.await.map_err(|_| CoordError::Closed)?
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock can panic")
}

/// What owns the files. A turn is a group.
struct Writer {
    engine: Engine,
    queue: mpsc::Receiver<(Transaction, Reply)>,
    published: Arc<Published>,
}

impl Work for Writer {
    fn turn(&mut self, wait: Wait) -> Turn {
        let first = match wait {
            Wait::ForWork => self.queue.blocking_recv(),
            Wait::Never => match self.queue.try_recv() {
                Ok(first) => Some(first),
                Err(mpsc::error::TryRecvError::Empty) => return Turn::Idle,
                Err(mpsc::error::TryRecvError::Disconnected) => None,
            },
        };
        if let Some(first) = first {
            self.group(first);
            return Turn::Worked;
        }
        if controls::active(Control::AnswerBeforeRecord) {
            // A clean stop loses nothing, even with the planted bug.
            let _ = self.engine.commit(&[Transaction::default()]);
        }
        Turn::Ended
    }
}

impl Writer {
    /// Commits this transaction and those that wait behind it.
    fn group(&mut self, first: (Transaction, Reply)) {
        let Self { engine, queue, published } = self;
        let mut transactions = Vec::new();
        let mut replies = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some((transaction, reply)) = next {
            bytes += transaction.writes.iter().map(Write::size).sum::<usize>();
            transactions.push(transaction);
            replies.push(reply);
            next = if replies.len() < QUEUE && bytes < GROUP_BYTES { queue.try_recv().ok() } else { None };
        }
        let outcomes = engine.commit(&transactions);
        for ((transaction, reply), outcome) in transactions.iter().zip(replies).zip(outcomes) {
            if let Ok(revision) = outcome {
                assert_eq!(published.publish(&transaction.writes), revision, "published is what was synced");
            }
            // Whoever asked may have gone; the commit stands.
            let _ = reply.send(outcome);
        }
        if let Err(failed) = engine.snapshot_if_due() {
            // The next commit reports it to somebody who can act.
            tracing::error!(error = %failed, "metadata snapshot failed");
        }
    }
}

impl Coord for Embedded {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, CoordError>> {
        Box::pin(async move { Ok(self.published.read(|store| store.get(key).cloned())) })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, CoordError>> {
        Box::pin(async move { Ok(self.published.read(|store| store.list(prefix))) })
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Revision, CoordError>> {
        Box::pin(async move {
            let ended = |write: &Write| match write {
                Write::Put { session: Some(session), .. } => !self.sessions().open.contains(session),
                _ => false,
            };
            if transaction.writes.iter().any(ended) {
                return Err(CoordError::SessionEnded);
            }
            self.submit(transaction).await
        })
    }

    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Watch, CoordError>> {
        Box::pin(async move { self.published.watch(after) })
    }

    fn open_session(&self) -> BoxFuture<'_, Result<SessionId, CoordError>> {
        Box::pin(async move {
            let mut sessions = self.sessions();
            sessions.last += 1;
            let session = SessionId(sessions.last);
            sessions.open.insert(session);
            Ok(session)
        })
    }

    fn end_session(&self, session: SessionId) -> BoxFuture<'_, Result<(), CoordError>> {
        Box::pin(async move {
            self.sessions().open.remove(&session);
            let deletions = self.published.read(|store| store.deletions(Some(session)));
            for writes in deletions.chunks(MAX_WRITES) {
                self.submit(Transaction { checks: Vec::new(), writes: writes.to_vec() }).await?;
            }
            Ok(())
        })
    }
}
