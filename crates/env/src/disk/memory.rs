//! A disk in memory with two images: the live one that a running process sees, and the durable one that a power cut
//! leaves. Only syncs carry something from the first to the second.
//!
//! Every operation that changes something has a number, counted from 0. A test runs its workload once to learn how
//! many there are, then once per number with a [`Fault`] there, takes [`MemoryDisk::crash`] and recovers from it.
//! After a failed sync the dirty bytes are gone for later syncs too, as on Linux: the pages count as clean, the next
//! sync succeeds, and the data was never written.

use super::{DirEntry, Disk, DiskLock, File, OpenMode, Space};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What happens at one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power goes before the operation takes effect; it and all later ones fail.
    Cut,
    /// The first bytes of the write reach the live image, then the power goes. Other operations: as `Cut`.
    TornCut(usize),
    /// The operation fails with this error number and has no effect.
    Error(i32),
    /// The write takes only so many bytes and reports that. Other operations proceed.
    ShortWrite(usize),
}

/// What a power cut does to everything that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    AllUnsynced,
    NothingUnsynced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationKind {
    Create,
    CreateDir,
    Write,
    SetLen,
    SyncFile,
    SyncDir,
    SyncFs,
    Rename,
    Remove,
}

/// One counted operation, for reports and for picking where to strike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub kind: OperationKind,
    pub path: PathBuf,
}

/// Clones share the disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A sync was held, or those that are held may go on.
    held_changed: Condvar,
}

#[derive(Debug, Clone)]
enum Node {
    File { live: Vec<u8>, durable: Vec<u8>, dirty: Vec<Range<usize>> },
    Dir { live: BTreeMap<String, usize>, durable: BTreeMap<String, usize> },
}

#[derive(Debug)]
struct State {
    nodes: Vec<Node>,
    operations: Vec<Operation>,
    opened: Vec<PathBuf>,
    faults: BTreeMap<usize, Fault>,
    kind_faults: BTreeMap<OperationKind, (usize, i32)>,
    locks: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    /// Syncs of files whose names end like this wait; and how many do.
    held_suffix: Option<&'static str>,
    held: usize,
    cut: bool,
    skip_file_sync: bool,
    skip_dir_sync: bool,
}

const ROOT: usize = 0;
const ENOSPC: i32 = 28;

impl Default for State {
    fn default() -> Self {
        Self {
            nodes: vec![Node::Dir { live: BTreeMap::new(), durable: BTreeMap::new() }],
            operations: Vec::new(),
            opened: Vec::new(),
            faults: BTreeMap::new(),
            kind_faults: BTreeMap::new(),
            locks: BTreeSet::new(),
            capacity: None,
            held_suffix: None,
            held: 0,
            cut: false,
            skip_file_sync: false,
            skip_dir_sync: false,
        }
    }
}

impl MemoryDisk {
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of a test thread must not hide behind a second one here.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operations so far; the next one has this number.
    pub fn operation_count(&self) -> usize {
        self.state().operations.len()
    }

    pub fn operations(&self) -> Vec<Operation> {
        self.state().operations.clone()
    }

    /// Every file that was opened, or read as a whole, so far.
    pub fn opened(&self) -> Vec<PathBuf> {
        self.state().opened.clone()
    }

    /// Plants a fault at the operation of that number.
    pub fn fail_at(&self, operation: usize, fault: Fault) {
        self.state().faults.insert(operation, fault);
    }

    /// The next `times` operations of a kind fail with this error number.
    pub fn fail_kind(&self, kind: OperationKind, times: usize, errno: i32) {
        self.state().kind_faults.insert(kind, (times, errno));
    }

    /// Writes that would make all files together longer than this fail with ENOSPC. `None` lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Others take all that is free.
    pub fn fill(&self) {
        let mut state = self.state();
        state.capacity = Some(state.used());
    }

    /// Planted bug: syncs of files (and of the whole file system) do nothing and report success.
    pub fn skip_file_sync(&self, skip: bool) {
        self.state().skip_file_sync = skip;
    }

    /// Planted bug: syncs of directories do nothing and report success.
    pub fn skip_dir_sync(&self, skip: bool) {
        self.state().skip_dir_sync = skip;
    }

    /// From now on syncs of files whose names end like this wait until [`Self::release_syncs`] or the power cut, so
    /// that a test can look at what happens while one is under way.
    pub fn hold_syncs(&self, suffix: &'static str) {
        self.state().held_suffix = Some(suffix);
    }

    pub fn release_syncs(&self) {
        self.state().held_suffix = None;
        self.shared.held_changed.notify_all();
    }

    /// Returns when so many syncs are held.
    pub fn wait_for_held_syncs(&self, count: usize) {
        let mut state = self.state();
        while state.held < count {
            state = self.shared.held_changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn hold(&self, path: &Path) {
        let mut state = self.state();
        let is_held = |state: &State| {
            !state.cut && state.held_suffix.is_some_and(|suffix| path.to_string_lossy().ends_with(suffix))
        };
        if !is_held(&state) {
            return;
        }
        state.held += 1;
        self.shared.held_changed.notify_all();
        while is_held(&state) {
            state = self.shared.held_changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.held -= 1;
    }

    /// Cuts the power now: every later operation on this disk fails.
    pub fn cut(&self) {
        self.state().cut = true;
        self.shared.held_changed.notify_all();
    }

    /// The disk as the next start finds it. The old one stays as it is; its faults and locks do not carry over.
    #[must_use]
    pub fn crash(&self, lost: Lost) -> MemoryDisk {
        let state = self.state();
        let mut nodes = state.nodes.clone();
        for node in &mut nodes {
            match node {
                Node::File { live, durable, dirty } => {
                    match lost {
                        Lost::AllUnsynced => live.clone_from(durable),
                        Lost::NothingUnsynced => durable.clone_from(live),
                    }
                    dirty.clear();
                }
                Node::Dir { live, durable } => match lost {
                    Lost::AllUnsynced => live.clone_from(durable),
                    Lost::NothingUnsynced => durable.clone_from(live),
                },
            }
        }
        let after = State {
            nodes,
            skip_file_sync: state.skip_file_sync,
            skip_dir_sync: state.skip_dir_sync,
            capacity: state.capacity,
            ..State::default()
        };
        MemoryDisk { shared: Arc::new(Shared { state: Mutex::new(after), held_changed: Condvar::new() }) }
    }

    /// Overwrites bytes of a file in both images: rot that no program did.
    pub fn corrupt(&self, path: &Path, position: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let node = state.find(path)?;
        let Node::File { live, durable, .. } = &mut state.nodes[node] else { return Err(not_a_file()) };
        let start = usize::try_from(position).map_err(io::Error::other)?;
        for image in [live, durable] {
            if let Some(target) = image.get_mut(start..start + bytes.len()) {
                target.copy_from_slice(bytes);
            }
        }
        Ok(())
    }
}

fn not_a_file() -> io::Error {
    io::ErrorKind::IsADirectory.into()
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
    /// Counts the operation and says whether it may go on, and how many bytes of a write.
    fn begin(&mut self, kind: OperationKind, path: &Path) -> io::Result<Option<usize>> {
        if self.cut {
            return Err(io::Error::other("the power of this disk is cut"));
        }
        let number = self.operations.len();
        self.operations.push(Operation { kind, path: path.to_owned() });
        if let Some((times, errno)) = self.kind_faults.get_mut(&kind)
            && *times > 0
        {
            *times -= 1;
            return Err(io::Error::from_raw_os_error(*errno));
        }
        match self.faults.remove(&number) {
            None => Ok(None),
            Some(Fault::Error(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::ShortWrite(bytes)) => Ok(Some(bytes)),
            Some(Fault::TornCut(bytes)) if kind == OperationKind::Write => {
                self.cut = true;
                Ok(Some(bytes))
            }
            Some(Fault::Cut | Fault::TornCut(_)) => {
                self.cut = true;
                Err(io::Error::other("the power of this disk is cut"))
            }
        }
    }

    fn alive(&self) -> io::Result<()> {
        if self.cut { Err(io::Error::other("the power of this disk is cut")) } else { Ok(()) }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut node = ROOT;
        for name in names(path)? {
            let Node::Dir { live, .. } = &self.nodes[node] else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            node = *live.get(&name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    /// The directory that holds (or would hold) the last name of a path, and that name.
    fn find_parent(&self, path: &Path) -> io::Result<(usize, String)> {
        let mut names = names(path)?;
        let name = names.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = self.find(&names.iter().collect::<PathBuf>())?;
        match &self.nodes[parent] {
            Node::Dir { .. } => Ok((parent, name)),
            Node::File { .. } => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn children(&mut self, dir: usize) -> &mut BTreeMap<String, usize> {
        match &mut self.nodes[dir] {
            Node::Dir { live, .. } => live,
            Node::File { .. } => unreachable!("find_parent returns directories only"),
        }
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        let (parent, name) = self.find_parent(path)?;
        if self.children(parent).contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = self.nodes.len();
        self.nodes.push(node);
        self.children(parent).insert(name, number);
        Ok(number)
    }

    fn used(&self) -> u64 {
        let len = |node: &Node| match node {
            Node::File { live, .. } => live.len() as u64,
            Node::Dir { .. } => 0,
        };
        // Unlinked nodes stay in the list with their bytes, so only reachable ones are counted.
        let (mut total, mut queue) = (0, vec![ROOT]);
        while let Some(node) = queue.pop() {
            total += len(&self.nodes[node]);
            if let Node::Dir { live, .. } = &self.nodes[node] {
                queue.extend(live.values());
            }
        }
        total
    }

    fn sync_file(&mut self, node: usize) {
        if let Node::File { live, durable, dirty } = &mut self.nodes[node] {
            durable.resize(live.len(), 0);
            for range in dirty.drain(..) {
                let range = range.start.min(live.len())..range.end.min(live.len());
                durable[range.clone()].copy_from_slice(&live[range]);
            }
        }
    }

    fn remove(&mut self, path: &Path, dir: bool) -> io::Result<()> {
        let node = self.find(path)?;
        if matches!(self.nodes[node], Node::Dir { .. }) != dir {
            let kind = if dir { io::ErrorKind::NotADirectory } else { io::ErrorKind::IsADirectory };
            return Err(kind.into());
        }
        self.begin(OperationKind::Remove, path)?;
        let (parent, name) = self.find_parent(path)?;
        self.children(parent).remove(&name);
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        state.alive()?;
        let node = match (state.find(path), mode) {
            (Ok(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Ok(node), _) if matches!(state.nodes[node], Node::Dir { .. }) => return Err(not_a_file()),
            (Ok(node), _) => node,
            (Err(error), OpenMode::Read) => return Err(error),
            (Err(_), _) => {
                state.find_parent(path)?;
                state.begin(OperationKind::Create, path)?;
                state.add(path, Node::File { live: Vec::new(), durable: Vec::new(), dirty: Vec::new() })?
            }
        };
        state.opened.push(path.to_owned());
        let writable = mode != OpenMode::Read;
        Ok(Arc::new(MemoryFile { disk: self.clone(), node, path: path.to_owned(), writable }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.find_parent(path)?;
        state.begin(OperationKind::CreateDir, path)?;
        state.add(path, Node::Dir { live: BTreeMap::new(), durable: BTreeMap::new() }).map(drop)
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
        let Node::Dir { live, .. } = &state.nodes[state.find(dir)?] else {
            return Err(io::ErrorKind::NotADirectory.into());
        };
        Ok(live.iter().map(|(name, node)| describe(name, &state.nodes[*node])).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        let node = state.find(from)?;
        let (source, source_name) = state.find_parent(from)?;
        let (target, target_name) = state.find_parent(to)?;
        state.begin(OperationKind::Rename, to)?;
        state.children(source).remove(&source_name);
        state.children(target).insert(target_name, node);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.state().remove(path, false)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.state().remove(path, true)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        let node = state.find(dir)?;
        state.begin(OperationKind::SyncDir, dir)?;
        if !state.skip_dir_sync
            && let Node::Dir { live, durable } = &mut state.nodes[node]
        {
            durable.clone_from(live);
        }
        Ok(())
    }

    fn sync_fs(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(OperationKind::SyncFs, path)?;
        for node in 0..state.nodes.len() {
            if !state.skip_file_sync {
                state.sync_file(node);
            }
            if !state.skip_dir_sync
                && let Node::Dir { live, durable } = &mut state.nodes[node]
            {
                durable.clone_from(live);
            }
        }
        Ok(())
    }

    fn entry(&self, path: &Path) -> io::Result<Option<DirEntry>> {
        let state = self.state();
        state.alive()?;
        match state.find(path) {
            Ok(node) => {
                let name = names(path)?.pop().unwrap_or_default();
                Ok(Some(describe(&name, &state.nodes[node])))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        drop(self.open(path, OpenMode::Write)?);
        if !self.state().locks.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(MemoryLock { disk: self.clone(), path: path.to_owned() })))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        let state = self.state();
        let total = state.capacity.unwrap_or(u64::MAX);
        Ok(Space { total, free: total.saturating_sub(state.used()) })
    }
}

fn describe(name: &str, node: &Node) -> DirEntry {
    match node {
        Node::File { live, .. } => DirEntry { name: name.to_owned(), is_dir: false, len: live.len() as u64 },
        Node::Dir { .. } => DirEntry { name: name.to_owned(), is_dir: true, len: 0 },
    }
}

#[derive(Debug)]
struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    node: usize,
    path: PathBuf,
    writable: bool,
}

impl MemoryFile {
    fn writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

impl File for MemoryFile {
    fn read_at(&self, buf: &mut [u8], position: u64) -> io::Result<usize> {
        let state = self.disk.state();
        state.alive()?;
        let Node::File { live, .. } = &state.nodes[self.node] else { return Err(not_a_file()) };
        let rest = usize::try_from(position).ok().and_then(|start| live.get(start..)).unwrap_or(&[]);
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_vectored_at(&self, parts: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
        self.writable()?;
        let mut state = self.disk.state();
        let limit = state.begin(OperationKind::Write, &self.path)?;
        let torn = state.cut;
        let start = usize::try_from(position).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            bytes.extend_from_slice(part);
        }
        bytes.truncate(limit.unwrap_or(usize::MAX));
        let room = state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used()));
        let Node::File { live, dirty, .. } = &mut state.nodes[self.node] else { return Err(not_a_file()) };
        let growth = (start + bytes.len()).saturating_sub(live.len()) as u64;
        if growth > room {
            let fits =
                bytes.len() - usize::try_from(growth - room).map_err(io::Error::other)?.min(bytes.len());
            if fits == 0 {
                return Err(io::Error::from_raw_os_error(ENOSPC));
            }
            bytes.truncate(fits);
        }
        let end = start + bytes.len();
        if live.len() < end {
            live.resize(end, 0);
        }
        live[start..end].copy_from_slice(&bytes);
        dirty.push(start..end);
        if torn {
            return Err(io::Error::other("the power of this disk is cut"));
        }
        Ok(bytes.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.hold(&self.path);
        let mut state = self.disk.state();
        match state.begin(OperationKind::SyncFile, &self.path) {
            Ok(_) => {}
            Err(error) => {
                if !state.cut
                    && let Node::File { dirty, .. } = &mut state.nodes[self.node]
                {
                    dirty.clear();
                }
                return Err(error);
            }
        }
        if !state.skip_file_sync {
            state.sync_file(self.node);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.alive()?;
        match &state.nodes[self.node] {
            Node::File { live, .. } => Ok(live.len() as u64),
            Node::Dir { .. } => Err(not_a_file()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?;
        let mut state = self.disk.state();
        state.begin(OperationKind::SetLen, &self.path)?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let Node::File { live, dirty, .. } = &mut state.nodes[self.node] else { return Err(not_a_file()) };
        if len > live.len() {
            dirty.push(live.len()..len);
        }
        live.resize(len, 0);
        Ok(())
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.disk.state().alive()
    }
}
