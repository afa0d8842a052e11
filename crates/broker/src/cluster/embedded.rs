//! The coordination engine of a single node: a log of checked groups and a snapshot, in the data directory.
//!
//! One thread owns the files ([`Engine`]) and takes what waits as one group: many commits, one sync. What is durable is
//! published; reads and watches see nothing else. A failed sync ends the engine: every later commit fails, and the
//! process has to end (durability rule A7). On a full disk deletions are committed with the room of the reserve, and
//! nothing else is (rule A8).

mod engine;
mod format;
mod stored;

pub use engine::{Engine, OpenReport, create};
pub use stored::{Looked, OpenError, look};

use super::controls::{self, Control};
use super::coord::{
    Coord, CoordError, Entry, Listing, MAX_WRITES, Purpose, Revision, SessionId, Transaction, Watch, Write,
};
use super::store::Published;
use crate::reserve::Reserve;
use ottla_env::disk::{Disk, lacks_room};
use ottla_env::net::BoxFuture;
use ottla_env::task::{DiskLoop, Turn, Wait, Work, Workers};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use tokio::sync::{mpsc, oneshot};

/// Commits that may wait; callers beyond that wait in turn.
const QUEUE: usize = 256;
/// Bytes behind which a group is full.
const GROUP_BYTES: usize = 4 << 20;

type Outcome = Result<Revision, CoordError>;

#[derive(Debug)]
pub struct Embedded {
    published: Arc<Published>,
    sessions: Mutex<Sessions>,
    queue: Mutex<Option<mpsc::Sender<Asked>>>,
    writer: Mutex<Option<DiskLoop>>,
    reserve: Arc<OnceLock<Reserve>>,
}

/// A transaction that somebody waits for.
struct Asked {
    transaction: Transaction,
    purpose: Purpose,
    reply: oneshot::Sender<Outcome>,
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
        let reserve: Arc<OnceLock<Reserve>> = Arc::default();
        let writer =
            Writer { engine, queue, published: Arc::clone(&published), reserve: Arc::clone(&reserve) };
        let writer = workers.start("metadata", Box::new(writer)).map_err(|source| OpenError::Io {
            action: "start a thread for",
            path: dir.to_owned(),
            source,
        })?;
        let embedded = Self {
            published,
            sessions: Mutex::new(Sessions { last, open: BTreeSet::new() }),
            queue: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
            reserve,
        };
        Ok((embedded, report))
    }

    /// Tells what deletions have on a full disk; they have nothing before. Once.
    pub(crate) fn use_reserve(&self, reserve: Reserve) {
        let _ = self.reserve.set(reserve);
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

    async fn commit_for(&self, purpose: Purpose, transaction: Transaction) -> Outcome {
        let ended = |write: &Write| match write {
            Write::Put { session: Some(session), .. } => !self.sessions().open.contains(session),
            _ => false,
        };
        if transaction.writes.iter().any(ended) {
            return Err(CoordError::SessionEnded);
        }
        self.submit(purpose, transaction).await
    }

    async fn submit(&self, purpose: Purpose, transaction: Transaction) -> Outcome {
        let queue = lock(&self.queue).clone().ok_or(CoordError::Closed)?;
        let (reply, outcome) = oneshot::channel();
        queue.send(Asked { transaction, purpose, reply }).await.map_err(|_| CoordError::Closed)?;
        outcome.await.map_err(|_| CoordError::Closed)?
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock can panic")
}

/// What owns the files. A turn is a group.
struct Writer {
    engine: Engine,
    queue: mpsc::Receiver<Asked>,
    published: Arc<Published>,
    reserve: Arc<OnceLock<Reserve>>,
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
    fn group(&mut self, first: Asked) {
        let (mut transactions, mut deletions, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(Asked { transaction, purpose, reply }) = next {
            bytes += transaction.writes.iter().map(Write::size).sum::<usize>();
            if purpose == Purpose::Deletion {
                deletions.push(transactions.len());
            }
            transactions.push(transaction);
            replies.push(reply);
            let is_full = replies.len() == QUEUE || bytes >= GROUP_BYTES;
            next = if is_full { None } else { self.queue.try_recv().ok() };
        }
        let mut outcomes = self.engine.commit(&transactions);
        if outcomes.iter().any(found_no_room) {
            self.commit_deletions(&transactions, &deletions, &mut outcomes);
        }
        for ((transaction, reply), outcome) in transactions.iter().zip(replies).zip(outcomes) {
            if let Ok(revision) = outcome {
                let published = self.published.publish(&transaction.writes);
                assert_eq!(published, revision, "published is what was synced");
            }
            // Whoever asked may have gone; the commit stands.
            let _ = reply.send(outcome);
        }
        if let Err(failed) = self.engine.snapshot_if_due() {
            // The next commit reports it to somebody who can act.
            tracing::error!(error = %failed, "metadata snapshot failed");
        }
    }

    /// Commits the deletions of a group that found no room once more, alone and with that of the reserve: they are what
    /// makes room, so they must not need any (durability rule A8).
    fn commit_deletions(
        &mut self,
        transactions: &[Transaction],
        deletions: &[usize],
        outcomes: &mut [Outcome],
    ) {
        let Some(reserve) = self.reserve.get().filter(|_| !deletions.is_empty()) else { return };
        let alone: Vec<Transaction> = deletions.iter().map(|nth| transactions[*nth].clone()).collect();
        let engine = &mut self.engine;
        match reserve.lend(0, || engine.commit(&alone), |outcomes| outcomes.iter().any(found_no_room)) {
            Ok(again) => {
                for (nth, outcome) in deletions.iter().zip(again) {
                    outcomes[*nth] = outcome;
                }
            }
            Err(error) => tracing::warn!(error = %error, "the reserve cannot be given up"),
        }
    }
}

/// Nothing of its group was written, because the disk is full.
fn found_no_room(outcome: &Outcome) -> bool {
    matches!(outcome, Err(CoordError::NotWritten(source)) if lacks_room(source))
}

impl Coord for Embedded {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, CoordError>> {
        Box::pin(async move { Ok(self.published.read(|store| store.get(key).cloned())) })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, CoordError>> {
        Box::pin(async move { Ok(self.published.read(|store| store.list(prefix))) })
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Revision, CoordError>> {
        Box::pin(self.commit_for(Purpose::Change, transaction))
    }

    fn commit_deletion(&self, transaction: Transaction) -> BoxFuture<'_, Result<Revision, CoordError>> {
        Box::pin(self.commit_for(Purpose::Deletion, transaction))
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
                let transaction = Transaction { checks: Vec::new(), writes: writes.to_vec() };
                self.submit(Purpose::Change, transaction).await?;
            }
            Ok(())
        })
    }
}
