//! The keys themselves, in memory: what engines of this process share.
//!
//! [`Store`] decides whether a transaction holds and what it changes; it writes nothing down. [`Published`] is a store
//! that others read and watch. Invariant: commits are published in revision order, without gaps.

use super::coord::{
    Check, Commit, CoordError, Entry, Event, Listing, MAX_WRITES, Revision, SessionId, Transaction,
    WATCH_BUFFER, Watch, Write,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::mpsc;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Store {
    revision: Revision,
    entries: BTreeMap<Arc<str>, Entry>,
}

/// What keys were before some commits, oldest first.
#[derive(Debug, Default)]
pub struct Undo(Vec<(Arc<str>, Option<Entry>)>);

impl Store {
    pub fn restore(revision: Revision, entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { revision, entries: entries.into_iter().map(|entry| (Arc::clone(&entry.key), entry)).collect() }
    }

    pub fn revision(&self) -> Revision {
        self.revision
    }

    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// All entries, by key.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.values()
    }

    pub fn list(&self, prefix: &str) -> Listing {
        let from =
            self.entries.range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded));
        let entries = from.take_while(|(key, _)| key.starts_with(prefix)).map(|(_, entry)| entry.clone());
        Listing { revision: self.revision, entries: entries.collect() }
    }

    /// Whether a transaction would succeed now.
    pub fn check(&self, transaction: &Transaction) -> Result<(), CoordError> {
        let written: BTreeSet<&str> = transaction.writes.iter().map(Write::key).collect();
        if written.len() != transaction.writes.len() || written.len() > MAX_WRITES {
            return Err(CoordError::BadTransaction);
        }
        for check in &transaction.checks {
            let (key, expected) = match check {
                Check::Absent(key) => (key, None),
                Check::Unchanged { key, modified } => (key, Some(*modified)),
            };
            let found = self.get(key).map(|entry| entry.modified);
            if found != expected {
                return Err(CoordError::Conflict { key: key.clone(), found });
            }
        }
        Ok(())
    }

    /// As [`Store::apply`], and notes what it takes to go back.
    pub fn apply_noting(&mut self, writes: &[Write], undo: &mut Undo) -> Revision {
        undo.0.extend(writes.iter().map(|write| (write.key().into(), self.get(write.key()).cloned())));
        self.apply(writes).revision
    }

    /// Goes back to a revision, by what was noted since.
    pub fn undo(&mut self, undo: Undo, revision: Revision) {
        for (key, entry) in undo.0.into_iter().rev() {
            match entry {
                Some(entry) => drop(self.entries.insert(key, entry)),
                None => drop(self.entries.remove(&key)),
            }
        }
        self.revision = revision;
    }

    /// Does what the transaction says; its checks are the caller's.
    pub fn apply(&mut self, writes: &[Write]) -> Commit {
        self.revision += 1;
        let events = writes.iter().map(|write| self.write(write)).collect();
        Commit { revision: self.revision, events }
    }

    fn write(&mut self, write: &Write) -> Event {
        match write {
            Write::Put { key, value, session } => {
                let modified = self.revision;
                let known = self.entries.get(key.as_str());
                let created = known.map_or(modified, |entry| entry.created);
                let key = known.map_or_else(|| Arc::from(key.as_str()), |entry| Arc::clone(&entry.key));
                let value = value.clone();
                let event = Event { key: Arc::clone(&key), value: Some(value.clone()), created };
                let entry = Entry { key: Arc::clone(&key), value, created, modified, session: *session };
                self.entries.insert(key, entry);
                event
            }
            Write::Delete { key } => {
                let entry = self.entries.remove(key.as_str());
                let key = entry.map_or_else(|| Arc::from(key.as_str()), |entry| entry.key);
                Event { key, value: None, created: self.revision }
            }
        }
    }

    /// What ends with a session, or with every session.
    pub fn deletions(&self, session: Option<SessionId>) -> Vec<Write> {
        let ends =
            |entry: &&Entry| entry.session.is_some() && (session.is_none() || entry.session == session);
        self.entries.values().filter(ends).map(|entry| Write::Delete { key: entry.key.to_string() }).collect()
    }
}

impl Write {
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }

    /// Bytes of key and value.
    pub fn size(&self) -> usize {
        match self {
            Self::Put { key, value, .. } => key.len() + value.len(),
            Self::Delete { key } => key.len(),
        }
    }

    pub fn put(key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self::Put { key: key.into(), value: value.into(), session: None }
    }
}

/// A store that many read and watch. The lock is a leaf and never held across a wait.
#[derive(Debug)]
pub struct Published(Mutex<State>);

#[derive(Debug)]
struct State {
    store: Store,
    history: VecDeque<Arc<Commit>>,
    watchers: Vec<mpsc::Sender<Arc<Commit>>>,
}

impl Published {
    pub fn new(store: Store) -> Self {
        Self(Mutex::new(State { store, history: VecDeque::new(), watchers: Vec::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock can panic")
    }

    pub fn read<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.state().store)
    }

    /// Makes a commit visible, and tells the watchers. One that does not keep up is dropped and lists again.
    pub fn publish(&self, writes: &[Write]) -> Revision {
        let mut state = self.state();
        let commit = Arc::new(state.store.apply(writes));
        state.watchers.retain(|watcher| watcher.try_send(Arc::clone(&commit)).is_ok());
        if state.history.len() == WATCH_BUFFER {
            state.history.pop_front();
        }
        state.history.push_back(Arc::clone(&commit));
        commit.revision
    }

    pub fn watch(&self, after: Revision) -> Result<Watch, CoordError> {
        let mut state = self.state();
        let remembered_from =
            state.history.front().map_or(state.store.revision(), |commit| commit.revision - 1);
        if after < remembered_from {
            return Err(CoordError::Forgotten(after));
        }
        // Room for everything remembered and as much again.
        let (sender, receiver) = mpsc::channel(2 * WATCH_BUFFER);
        for commit in state.history.iter().filter(|commit| commit.revision > after) {
            sender.try_send(Arc::clone(commit)).expect("the channel holds more than the history");
        }
        state.watchers.push(sender);
        Ok(Watch::new(receiver))
    }

    /// Ends all watches.
    pub fn close(&self) {
        self.state().watchers.clear();
    }
}
