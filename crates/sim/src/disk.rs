//! A disk that remembers every operation, so that each state a power cut may leave can be made, and that fails on demand.
//!
//! [`image`] holds the two views and what is between them, [`power_cut`] chooses what a cut leaves. This file is the
//! disk as the product sees it: paths, descriptors, and faults (errors by number, a full disk, short writes, rot, a
//! read-only remount). A run's journal gives the image at each of its moments, so one run serves all its crash points.

pub mod image;
pub mod power_cut;

use bytes::Bytes;
use image::{Content, Image, Kind, Node, Op, ROOT};
use ottla_env::disk::{DirEntry, Disk, DiskLock, File, OpenMode, Space};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

/// Operations as faults tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpKind {
    Name,
    Write,
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Error(i32),
    /// A write takes only so many bytes, and says so.
    Short(usize),
}

/// Clones share the disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    image: Image,
    journal: Option<Vec<Op>>,
    /// Operations so far: every change and every sync, failed ones too.
    count: usize,
    faults: Vec<(usize, Fault)>,
    next_of_kind: Vec<(OpKind, Fault)>,
    next_read: Option<i32>,
    /// Handles that somebody holds, by file.
    handles: BTreeMap<Node, usize>,
    locks: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    read_only_from: Option<usize>,
    cut: bool,
    skip_file_syncs: bool,
    skip_dir_syncs: bool,
}

impl SimDisk {
    /// A disk with this content.
    pub fn of(image: Image) -> Self {
        Self(Arc::new(Mutex::new(State { image, ..State::default() })))
    }

    /// From now on every operation is kept.
    #[must_use]
    pub fn recording(self) -> Self {
        self.state().journal = Some(Vec::new());
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn image(&self) -> Image {
        self.state().image.clone()
    }

    /// What was done since [`Self::recording`].
    pub fn journal(&self) -> Vec<Op> {
        self.state().journal.clone().unwrap_or_default()
    }

    /// Length of the journal: the moment that an acknowledgement belongs to.
    pub fn moment(&self) -> usize {
        self.state().journal.as_ref().map_or(0, Vec::len)
    }

    /// Operations so far; the next one has this number.
    pub fn operation_count(&self) -> usize {
        self.state().count
    }

    /// The operation of that number fails.
    pub fn fail_at(&self, number: usize, errno: i32) {
        self.state().faults.push((number, Fault::Error(errno)));
    }

    /// The operation of that number, if it is a write, takes only so many bytes.
    pub fn shorten_at(&self, number: usize, bytes: usize) {
        self.state().faults.push((number, Fault::Short(bytes)));
    }

    /// The next operation of a kind fails.
    pub fn fail_next(&self, kind: OpKind, errno: i32) {
        self.state().next_of_kind.push((kind, Fault::Error(errno)));
    }

    /// The next read fails. Reads are no operations, which have numbers.
    pub fn fail_next_read(&self, errno: i32) {
        self.state().next_read = Some(errno);
    }

    /// The next write takes only so many bytes.
    pub fn shorten_next(&self, bytes: usize) {
        self.state().next_of_kind.push((OpKind::Write, Fault::Short(bytes)));
    }

    /// Writes that would make all files together longer than this fail with ENOSPC. `None` lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    pub fn used_bytes(&self) -> u64 {
        self.state().image.used_bytes()
    }

    /// Every change and sync fails with EROFS from now on, as after the kernel found an error of the file system.
    pub fn set_read_only(&self, read_only: bool) {
        let mut state = self.state();
        state.read_only_from = read_only.then_some(state.count);
    }

    /// The same from the operation of that number on.
    pub fn set_read_only_from(&self, number: usize) {
        self.state().read_only_from = Some(number);
    }

    pub fn is_read_only(&self) -> bool {
        let state = self.state();
        state.read_only_from.is_some_and(|from| state.count >= from)
    }

    /// Everything fails from now on.
    pub fn cut_power(&self) {
        self.state().cut = true;
    }

    /// Everything fails from now on, and nothing is kept for whoever still holds the disk.
    pub fn discard(&self) {
        let mut state = self.state();
        state.cut = true;
        state.image = Image::default();
    }

    /// Planted bugs: syncs that do nothing and report success.
    pub fn skip_file_syncs(&self) {
        self.state().skip_file_syncs = true;
    }

    pub fn skip_dir_syncs(&self) {
        self.state().skip_dir_syncs = true;
    }

    /// Handles that somebody holds, apart from one on any file of each of these groups.
    pub fn open_handles(&self, but: &[Vec<PathBuf>]) -> usize {
        let state = self.state();
        let held = |path: &PathBuf| state.find(path).is_ok_and(|node| state.handles.contains_key(&node));
        let known = but.iter().filter(|group| group.iter().any(held)).count();
        state.handles.values().sum::<usize>() - known
    }

    /// Flips bits of one byte in both views: rot that no program did.
    pub fn rot(&self, path: &Path, position: usize, mask: u8) -> io::Result<()> {
        let mut state = self.state();
        let node = state.find(path)?;
        if let Content::File { live, durable } = &mut state.image.nodes[node] {
            for view in [live, durable] {
                if let Some(byte) = view.get_mut(position) {
                    *byte ^= mask;
                }
            }
        }
        Ok(())
    }
}

fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(names)
}

impl State {
    fn alive(&self) -> io::Result<()> {
        if self.cut { Err(io::Error::other("the power of this disk is cut")) } else { Ok(()) }
    }

    /// Counts an operation; how many bytes of a write may go on.
    fn begin(&mut self, kind: OpKind) -> io::Result<usize> {
        self.alive()?;
        let number = self.count;
        self.count += 1;
        let at = self.faults.iter().position(|(at, _)| *at == number);
        let of_kind = self.next_of_kind.iter().position(|(of, _)| *of == kind);
        let fault = match (at, of_kind) {
            (Some(i), _) => Some(self.faults.swap_remove(i).1),
            (None, Some(i)) => Some(self.next_of_kind.remove(i).1),
            (None, None) => None,
        };
        match fault {
            Some(Fault::Error(errno)) => Err(io::Error::from_raw_os_error(errno)),
            _ if self.read_only_from.is_some_and(|from| number >= from) => {
                Err(io::Error::from_raw_os_error(EROFS))
            }
            Some(Fault::Short(bytes)) => Ok(bytes),
            None => Ok(usize::MAX),
        }
    }

    fn apply(&mut self, op: Op) {
        self.image.apply(&op);
        if let Some(journal) = &mut self.journal {
            journal.push(op);
        }
    }

    fn find(&self, path: &Path) -> io::Result<Node> {
        let mut node = ROOT;
        for name in names(path)? {
            let Content::Dir { live, .. } = &self.image.nodes[node] else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            node = *live.get(&name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    fn parent(&self, path: &Path) -> io::Result<(Node, String)> {
        let mut names = names(path)?;
        let name = names.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let dir = self.find(&names.iter().collect::<PathBuf>())?;
        match &self.image.nodes[dir] {
            Content::Dir { .. } => Ok((dir, name)),
            Content::File { .. } => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn create(&mut self, path: &Path, kind: Kind) -> io::Result<Node> {
        let (dir, name) = self.parent(path)?;
        self.begin(OpKind::Name)?;
        let node = self.image.nodes.len();
        self.apply(Op::Create { dir, name, node, kind });
        Ok(node)
    }

    fn remove(&mut self, path: &Path, kind: Kind) -> io::Result<()> {
        let node = self.find(path)?;
        let found = match &self.image.nodes[node] {
            Content::File { .. } => Kind::File,
            Content::Dir { .. } => Kind::Dir,
        };
        match (kind, found) {
            (Kind::File, Kind::Dir) => return Err(io::ErrorKind::IsADirectory.into()),
            (Kind::Dir, Kind::File) => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        let (dir, name) = self.parent(path)?;
        self.begin(OpKind::Name)?;
        self.apply(Op::Unlink { dir, name });
        Ok(())
    }

    fn entry(&self, name: &str, node: Node) -> DirEntry {
        match &self.image.nodes[node] {
            Content::File { live, .. } => {
                DirEntry { name: name.to_owned(), is_dir: false, len: live.len() as u64 }
            }
            Content::Dir { .. } => DirEntry { name: name.to_owned(), is_dir: true, len: 0 },
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        state.alive()?;
        let node = match (state.find(path), mode) {
            (Ok(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Ok(node), _) if matches!(state.image.nodes[node], Content::Dir { .. }) => {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            (Ok(node), _) => node,
            (Err(error), OpenMode::Read) => return Err(error),
            (Err(_), _) => state.create(path, Kind::File)?,
        };
        *state.handles.entry(node).or_default() += 1;
        drop(state);
        Ok(Arc::new(SimFile { disk: self.clone(), node, writable: mode != OpenMode::Read }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.create(path, Kind::Dir).map(drop)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut ancestors: Vec<&Path> = path.ancestors().filter(|p| p.file_name().is_some()).collect();
        ancestors.reverse();
        for dir in ancestors {
            match self.create_dir(dir) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other?,
            }
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.state();
        state.alive()?;
        match &state.image.nodes[state.find(dir)?] {
            Content::Dir { live, .. } => {
                Ok(live.iter().map(|(name, node)| state.entry(name, *node)).collect())
            }
            Content::File { .. } => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        let node = state.find(from)?;
        let (from, from_name) = state.parent(from)?;
        let (to, to_name) = state.parent(to)?;
        state.begin(OpKind::Name)?;
        state.apply(Op::Rename { from, from_name, to, to_name, node });
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.state().remove(path, Kind::File)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.state().remove(path, Kind::Dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let node = state.find(dir)?;
        state.begin(OpKind::Sync)?;
        if !state.skip_dir_syncs {
            state.apply(Op::SyncDir { node });
        }
        Ok(())
    }

    fn sync_fs(&self, _path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(OpKind::Sync)?;
        if !state.skip_file_syncs && !state.skip_dir_syncs {
            state.apply(Op::SyncAll);
        }
        Ok(())
    }

    fn entry(&self, path: &Path) -> io::Result<Option<DirEntry>> {
        let state = self.state();
        state.alive()?;
        match state.find(path) {
            Ok(node) => Ok(Some(state.entry(&names(path)?.pop().unwrap_or_default(), node))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        drop(self.open(path, OpenMode::Write)?);
        if !self.state().locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(SimLock { disk: self.clone(), path: path.to_owned() })))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        let state = self.state();
        state.alive()?;
        let total = state.capacity.unwrap_or(u64::MAX);
        Ok(Space { total, free: total.saturating_sub(state.image.used_bytes()) })
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl DiskLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    node: Node,
    writable: bool,
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if let Some(count) = state.handles.get_mut(&self.node) {
            *count -= 1;
            if *count == 0 {
                state.handles.remove(&self.node);
            }
        }
    }
}

impl SimFile {
    fn writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    fn live<T>(&self, look: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let state = self.disk.state();
        state.alive()?;
        match &state.image.nodes[self.node] {
            Content::File { live, .. } => Ok(look(live)),
            Content::Dir { .. } => Err(io::ErrorKind::IsADirectory.into()),
        }
    }
}

impl File for SimFile {
    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize> {
        if let Some(errno) = self.disk.state().next_read.take() {
            return Err(io::Error::from_raw_os_error(errno));
        }
        self.live(|live| {
            let rest = usize::try_from(position).ok().and_then(|start| live.get(start..)).unwrap_or(&[]);
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            n
        })
    }

    fn write_vectored_at(&self, parts: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
        self.writable()?;
        let len = usize::try_from(self.len()?).map_err(io::Error::other)?;
        let mut state = self.disk.state();
        let limit = state.begin(OpKind::Write)?;
        let position = usize::try_from(position).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            bytes.extend_from_slice(part);
        }
        bytes.truncate(limit);
        if let Some(capacity) = state.capacity {
            let room =
                usize::try_from(capacity.saturating_sub(state.image.used_bytes())).unwrap_or(usize::MAX);
            let fits = len.saturating_add(room).saturating_sub(position);
            if fits == 0 && !bytes.is_empty() {
                return Err(io::Error::from_raw_os_error(ENOSPC));
            }
            bytes.truncate(fits);
        }
        let written = bytes.len();
        state.apply(Op::Write { node: self.node, position, bytes: Bytes::from(bytes) });
        Ok(written)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        if let Err(error) = state.begin(OpKind::Sync) {
            if !state.cut {
                state.apply(Op::FailedSync { node: self.node });
            }
            return Err(error);
        }
        if !state.skip_file_syncs {
            state.apply(Op::SyncFile { node: self.node });
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.live(|live| live.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let mut state = self.disk.state();
        state.begin(OpKind::Write)?;
        state.apply(Op::SetLen { node: self.node, len });
        Ok(())
    }

    fn drop_cache(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.alive()?;
        if state.image.has_abandoned(self.node) {
            state.apply(Op::DropCache { node: self.node });
        }
        Ok(())
    }
}
