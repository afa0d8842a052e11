//! What writes the checkpoint: now and then, when much was appended, and at a stop, with the marker of a clean one.
//!
//! It asks the disk loops for what changed and waits for all their answers, each of which waits for syncs; then the file
//! is replaced as a whole (durability rule R5).

use super::{FILE_NAME, Inner, lock};
use crate::partition::controls::{self, Control};
use crate::partition::error::StopError;
use crate::partition::start;
use crate::partition::writer::{Entries, Message};
use crate::reserve::LEFT_FREE;
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use ottla_env::disk::lacks_room;
use ottla_env::task::{Turn, Wait, Work};
use ottla_state::TopicId;
use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::oneshot;

const EVERY: Duration = Duration::from_secs(10);

type Stopped = oneshot::Sender<Result<(), StopError>>;

pub(super) enum CheckpointRequest {
    Due,
    Stop(Stopped),
}

pub(super) struct Checkpointer {
    requests: Receiver<CheckpointRequest>,
    /// Bytes since the last checkpoint.
    appended: Arc<AtomicU64>,
    inner: Weak<Inner>,
    /// By the monotonic clock, for those who do not wait.
    due: Option<Duration>,
    gathering: Option<Gathering>,
}

/// A checkpoint in the making.
struct Gathering {
    inner: Arc<Inner>,
    answers: Receiver<Entries>,
    missing: usize,
    changed: Entries,
    stopped: Option<Stopped>,
}

impl Checkpointer {
    pub fn new(requests: Receiver<CheckpointRequest>, appended: Arc<AtomicU64>, inner: Weak<Inner>) -> Self {
        Self { requests, appended, inner, due: None, gathering: None }
    }

    /// The next request, if one is there; a request that nobody made when it is time. `Err`: the end.
    fn next(&mut self, wait: Wait) -> Result<Option<CheckpointRequest>, Turn> {
        if wait == Wait::ForWork {
            return match self.requests.recv_timeout(EVERY) {
                Ok(request) => Ok(Some(request)),
                Err(RecvTimeoutError::Timeout) => Ok(Some(CheckpointRequest::Due)),
                Err(RecvTimeoutError::Disconnected) => Err(Turn::Ended),
            };
        }
        match self.requests.try_recv() {
            Ok(request) => return Ok(Some(request)),
            Err(TryRecvError::Disconnected) => return Err(Turn::Ended),
            Err(TryRecvError::Empty) => {}
        }
        let Some(inner) = self.inner.upgrade() else { return Err(Turn::Ended) };
        let now = inner.clock.monotonic();
        let due = *self.due.get_or_insert(now + EVERY);
        Ok((due <= now).then_some(CheckpointRequest::Due))
    }

    fn begin(&mut self, request: CheckpointRequest) -> Turn {
        self.due = None;
        match (request, self.inner.upgrade()) {
            (CheckpointRequest::Due, None) => Turn::Ended,
            (CheckpointRequest::Due, Some(inner)) => {
                if self.appended.swap(0, Ordering::Relaxed) == 0 {
                    inner.is_checkpointed();
                } else {
                    self.gathering = Some(Gathering::begin(inner, Message::Checkpoint, None));
                }
                Turn::Worked
            }
            (CheckpointRequest::Stop(stopped), None) => {
                let _ = stopped.send(Ok(()));
                Turn::Ended
            }
            (CheckpointRequest::Stop(stopped), Some(inner)) => {
                self.gathering = Some(Gathering::begin(inner, Message::Stop, Some(stopped)));
                Turn::Worked
            }
        }
    }
}

impl Work for Checkpointer {
    fn turn(&mut self, wait: Wait) -> Turn {
        let Some(gathering) = &mut self.gathering else {
            return match self.next(wait) {
                Ok(Some(request)) => self.begin(request),
                Ok(None) => Turn::Idle,
                Err(end) => end,
            };
        };
        let answered = match gathering.next(wait) {
            Ok(answered) => answered,
            Err(idle) => return idle,
        };
        let Some(Gathering { inner, changed, stopped, .. }) = self.gathering.take() else {
            return Turn::Idle;
        };
        // A stop has something to write behind it.
        let left_free = if stopped.is_some() { LEFT_FREE } else { 0 };
        let written = answered.and_then(|()| inner.write_checkpoint(changed, left_free));
        match stopped {
            Some(stopped) => {
                let _ = stopped.send(inner.finish_stop(written));
                Turn::Ended
            }
            None => {
                if let Err(error) = written {
                    // The last one stays valid; a start reads more. It is tried again, whether or not more is appended.
                    tracing::warn!(error = %error, "the checkpoint cannot be written");
                    self.appended.fetch_max(1, Ordering::Relaxed);
                }
                Turn::Worked
            }
        }
    }
}

impl Gathering {
    fn begin(
        inner: Arc<Inner>,
        ask: impl Fn(crossbeam_channel::Sender<Entries>) -> Message,
        stopped: Option<Stopped>,
    ) -> Self {
        let (reply, answers) = crossbeam_channel::unbounded();
        let missing = inner.writers.iter().filter(|writer| writer.send(ask(reply.clone())).is_ok()).count();
        Self { inner, answers, missing, changed: Vec::new(), stopped }
    }

    /// Takes answers until all are there. `Err`: not now.
    fn next(&mut self, wait: Wait) -> Result<io::Result<()>, Turn> {
        while self.missing > 0 {
            let answer = match wait {
                Wait::ForWork => self.answers.recv().map_err(|_| TryRecvError::Disconnected),
                Wait::Never => self.answers.try_recv(),
            };
            match answer {
                Ok(entries) => self.changed.extend(entries),
                Err(TryRecvError::Empty) => return Err(Turn::Idle),
                Err(TryRecvError::Disconnected) => {
                    return Ok(Err(io::Error::other("a disk loop ended")));
                }
            }
            self.missing -= 1;
        }
        Ok(Ok(()))
    }
}

impl Inner {
    /// Replaces the checkpoint. Returns its checksum.
    fn write_checkpoint(&self, changed: Entries, left_free: u64) -> io::Result<u32> {
        let checkpoint = {
            let deleted: Vec<TopicId> = lock(&self.partitions).deleted.iter().copied().collect();
            let mut checkpoint = lock(&self.checkpoint);
            checkpoint.logs.extend(changed);
            if !deleted.is_empty() {
                let deleted: HashSet<[u8; 16]> = deleted.iter().map(|id| id.0).collect();
                checkpoint.logs.retain(|(id, _), _| !deleted.contains(id));
            }
            if let Some(revision) = self.metadata_revision.get().and_then(|revision| revision()) {
                checkpoint.metadata_revision = revision;
            }
            checkpoint.clone()
        };
        let path = self.root.join(FILE_NAME);
        let written = match checkpoint.write(self.disk.as_ref(), &path) {
            Err(error) if lacks_room(&error) && !controls::active(Control::NoReserve) => {
                // This is what the reserve is for (durability rule A8).
                let again = || checkpoint.write(self.disk.as_ref(), &path);
                self.reserve.lend(left_free, again, |written| written.as_ref().is_err_and(lacks_room))?
            }
            other => other,
        };
        if written.is_ok() {
            self.is_checkpointed();
        }
        written
    }

    fn is_checkpointed(&self) {
        *lock(&self.checkpointed) = self.clock.monotonic();
    }

    /// Marks a clean stop, if it was one.
    fn finish_stop(&self, written: io::Result<u32>) -> Result<(), StopError> {
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| StopError::Io { action, path, cause: error.to_string() }
        };
        let checksum = written.map_err(io("write", &self.root.join(FILE_NAME)))?;
        if let Some(failure) = self.failed.borrow().clone() {
            return Err(failure.into());
        }
        start::write_marker(self.disk.as_ref(), &self.root, checksum)
            .map_err(io("mark a clean stop in", &self.root))
    }
}
