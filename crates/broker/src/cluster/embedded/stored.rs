//! What the engine's files say, judged before anything is changed.
//!
//! A start goes on from it ([`super::Engine`]); whoever only wants to know whether the metadata is whole reads it as it
//! lies there ([`look`]).

use super::format::{self, Bad, LOG_HEADER_LEN};
use crate::cluster::coord::{Listing, Revision};
use crate::cluster::store::Store;
use ottla_env::disk::{Disk, lacks_room};
use std::io;
use std::path::{Path, PathBuf};

pub const SNAPSHOT: &str = "snapshot";
const LOG_SUFFIX: &str = ".log";
/// A file of metadata beyond this is not ours.
pub const MAX_FILE: u64 = 1 << 30;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{} is damaged at byte {position}: {what}. The cluster's metadata cannot be trusted; restore the data \
         directory from a copy",
        file.display()
    )]
    Damaged { file: PathBuf, position: u64, what: Bad },
    #[error("{} holds no log of the metadata; restore the data directory from a copy", dir.display())]
    Missing { dir: PathBuf },
    #[error(
        "{} ends at revision {found}, but revision {expected} was durable already; restore the data \
         directory from a copy",
        file.display()
    )]
    Behind { file: PathBuf, found: Revision, expected: Revision },
    #[error("{} holds metadata, but its data directory has no format file", dir.display())]
    Unexpected { dir: PathBuf },
}

impl OpenError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The disk had no room for what a start writes.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if lacks_room(source))
    }
}

pub fn log_name(base: Revision) -> String {
    format!("{base:020}{LOG_SUFFIX}")
}

pub fn base_of(name: &str) -> Option<Revision> {
    name.strip_suffix(LOG_SUFFIX)?.parse().ok()
}

#[derive(Debug)]
pub struct Stored {
    pub store: Store,
    pub snapshot_len: u64,
    /// The log in use, or the one in front of it.
    pub path: PathBuf,
    /// The log begins below the snapshot, and ends there: the next one is still to be begun.
    pub is_covered: bool,
    /// Where its whole groups end, and how much of a group that was never promised is behind them.
    pub end: u64,
    pub cut_bytes: u64,
}

/// What a look at the metadata found.
#[derive(Debug)]
pub struct Looked {
    pub listing: Listing,
    pub cut_bytes: u64,
}

/// Reads the metadata and changes nothing. `at_least` is a revision that somebody else noted durably (0: none).
pub fn look(disk: &dyn Disk, dir: &Path, at_least: Revision) -> Result<Looked, OpenError> {
    let content = |path: &Path| disk.read(path, MAX_FILE).map_err(OpenError::io("read", path));
    let Stored { store, cut_bytes, .. } = read(disk, dir, at_least, &content)?;
    Ok(Looked { listing: store.list(""), cut_bytes })
}

/// Reads what `content` gives of the files.
pub fn read(
    disk: &dyn Disk,
    dir: &Path,
    at_least: Revision,
    content: &dyn Fn(&Path) -> Result<Vec<u8>, OpenError>,
) -> Result<Stored, OpenError> {
    let entries = disk.list(dir).map_err(OpenError::io("list", dir))?;
    let snapshot_path = dir.join(SNAPSHOT);
    let (mut store, mut snapshot_len) = (Store::default(), 0);
    if let Some(entry) = entries.iter().find(|entry| entry.name == SNAPSHOT) {
        let bytes = content(&snapshot_path)?;
        let damaged = |what| OpenError::Damaged { file: snapshot_path.clone(), position: 0, what };
        let (revision, entries) = format::read_snapshot(&bytes).map_err(damaged)?;
        store = Store::restore(revision, entries);
        snapshot_len = entry.len;
    }
    let mut bases: Vec<Revision> = entries.iter().filter_map(|entry| base_of(&entry.name)).collect();
    bases.sort_unstable();
    if let [.., before, last] = bases[..]
        && entries.iter().any(|e| e.name == log_name(last) && e.len <= LOG_HEADER_LEN as u64)
        && !(last == store.revision() && has_header(&content(&dir.join(log_name(last)))?, last))
    {
        // The crash came while the log behind a snapshot was begun: nothing is in it, perhaps not even its header.
        // With its header it is the one to use: of the logs before it any may be gone already, the newest too.
        bases = vec![before];
    }
    let base = *bases.last().ok_or_else(|| OpenError::Missing { dir: dir.to_owned() })?;
    let path = dir.join(log_name(base));
    let bytes = content(&path)?;
    let is_covered = base < store.revision();
    let replayed = replay(&mut store, &path, &bytes, base, at_least)?;
    let Replayed { end, cut_bytes } = replayed;
    Ok(Stored { store, snapshot_len, path, is_covered, end, cut_bytes })
}

/// Whether a log was begun durably at this revision.
fn has_header(bytes: &[u8], base: Revision) -> bool {
    matches!(format::read_log_header(bytes), Ok(found) if found == base)
}

struct Replayed {
    end: u64,
    cut_bytes: u64,
}

/// Applies a log to the snapshot; it ends at `at_least` or later. Where it begins below the snapshot, its groups are
/// checked and must end exactly there.
fn replay(
    snapshot: &mut Store,
    file: &Path,
    bytes: &[u8],
    base: Revision,
    at_least: Revision,
) -> Result<Replayed, OpenError> {
    let covered = snapshot.revision();
    let damaged =
        |position: usize, what| OpenError::Damaged { file: file.to_owned(), position: position as u64, what };
    let found = format::read_log_header(bytes).map_err(|what| damaged(0, what))?;
    if found != base || base > covered {
        let expected = covered.min(base);
        return Err(damaged(0, Bad::Revision { found, expected }));
    }
    let mut below = Store::restore(base, []);
    let store = if base < covered { &mut below } else { snapshot };
    let mut position = LOG_HEADER_LEN;
    let mut cut_bytes = 0;
    while position < bytes.len() {
        let next = store.revision() + 1;
        let group = format::read_group(&bytes[position..]).and_then(|group| match group.first {
            first if first == next => Ok(group),
            found => Err(Bad::Revision { found, expected: next }),
        });
        match group {
            Ok(group) => {
                group.transactions.iter().for_each(|writes| drop(store.apply(writes)));
                position += group.len;
            }
            // Below the snapshot everything was promised; and so was what a valid group stands behind.
            Err(what) if base < covered || format::holds_group(&bytes[position + 1..]) => {
                return Err(damaged(position, what));
            }
            Err(what @ Bad::Revision { .. }) => return Err(damaged(position, what)),
            Err(_) => {
                cut_bytes = (bytes.len() - position) as u64;
                break;
            }
        }
    }
    let found = store.revision();
    let behind = |expected| Err(OpenError::Behind { file: file.to_owned(), found, expected });
    if base < covered && found != covered {
        return behind(covered);
    }
    if found < at_least {
        // What is bad here was promised, so it stays as it is.
        return behind(at_least);
    }
    Ok(Replayed { end: position as u64, cut_bytes })
}
