//! The data directory: whose it is, in which layout, and that one process at a time uses it.
//!
//! Opening one creates it, or refuses with one clear line: a file in its place, something else's files, a directory of
//! a newer Ottla, of another node or cluster, one that is in use, one that cannot be written. Invariant: a directory
//! with a format file also has its metadata log; the format file is written last.
//!
//! ```text
//! <data>/.gitignore  "*"
//! <data>/lock        locked while a process uses the directory; holds its pid as text
//! <data>/format      magic "OTTLAFMT" | layout u32 = 1 | node id i32 | directory id 16
//!                    | cluster id (len u32 | UTF-8) | crc32c u32 of all before it
//! <data>/metadata/   the metadata log and its snapshot
//! <data>/topics/     one directory per partition, made with its first record
//! ```

mod look;
mod promises;

pub use look::{Found, Free, look};
pub use promises::Promises;

use crate::cluster::embedded;
use ottla_env::disk::{DirEntry, Disk, DiskLock, OpenMode, lacks_room};
use ottla_env::process;
use ottla_env::rng::Rng;
use ottla_state::fields::{Reader, Writer};
use ottla_state::{NodeId, Uuid};
use ottla_wire::batch::crc32c;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const DEFAULT: &str = "./ottla-data";
const MAGIC: &[u8; 8] = b"OTTLAFMT";
const LAYOUT: u32 = 1;
const MAX_FORMAT: u64 = 4_096;
const FORMAT: &str = "format";
const LOCK: &str = "lock";
const GITIGNORE: &str = ".gitignore";
const METADATA: &str = "metadata";
const TOPICS: &str = "topics";
/// What may be there before the format file is: leftovers of a first start that was cut short.
const FIRST_START: [&str; 4] = [GITIGNORE, LOCK, METADATA, "format.tmp"];
/// Every file system of the ext family has it at its top, and a data directory may be that top.
const LOST_AND_FOUND: &str = "lost+found";

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("{} is a file; choose another place with --data-dir", path.display())]
    NotADirectory { path: PathBuf },
    #[error("{} holds a data directory of Apache Kafka; choose another place with --data-dir", path.display())]
    Kafka { path: PathBuf },
    #[error(
        "{} is not empty and no data directory of Ottla (it holds {found:?}); choose another place with --data-dir",
        path.display()
    )]
    Foreign { path: PathBuf, found: String },
    #[error("{} is in use by pid {pid}; stop that process, or choose another place with --data-dir", path.display())]
    InUse { path: PathBuf, pid: u32 },
    #[error("{} is in use by another process; stop it, or choose another place with --data-dir", path.display())]
    InUseBySomebody { path: PathBuf },
    #[error("{} cannot be written ({source}); choose another place with --data-dir", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("{} has layout {found}, this Ottla knows {LAYOUT}: it was written by a newer Ottla; start that one", path.display())]
    Newer { path: PathBuf, found: u32 },
    #[error("{} has layout {found}, this Ottla knows {LAYOUT}: it was written by an older Ottla; start that one", path.display())]
    Older { path: PathBuf, found: u32 },
    #[error("{} is damaged; restore the data directory from a copy", path.display())]
    Damaged { path: PathBuf },
    #[error("{} belongs to node {found}, node.id is {wanted}; set node.id={found}, or choose another place with --data-dir", path.display())]
    OtherNode { path: PathBuf, found: NodeId, wanted: NodeId },
    #[error(
        "{} belongs to cluster {found}, cluster id {wanted} was asked for; leave that out, or choose another place \
         with --data-dir",
        path.display()
    )]
    OtherCluster { path: PathBuf, found: String, wanted: String },
    #[error("{action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Metadata(#[from] embedded::OpenError),
}

/// What the settings ask for; `None` takes what is there.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub node_id: Option<NodeId>,
    pub cluster_id: Option<String>,
}

/// The identity of a directory, stored in its format file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    pub node_id: NodeId,
    /// Another one for each directory, so that two brokers with one node id are told apart.
    pub directory_id: Uuid,
    pub cluster_id: String,
}

/// An open data directory. Dropping it lets the next process in.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    format: Format,
    is_new: bool,
    _lock: Box<dyn DiskLock>,
}

/// The node id of a directory that was never told one.
const DEFAULT_NODE: NodeId = 1;

impl DataDir {
    pub fn open(
        disk: &Arc<dyn Disk>,
        path: &Path,
        wanted: &Wanted,
        rng: &dyn Rng,
    ) -> Result<Self, DataDirError> {
        let disk = disk.as_ref();
        prepare(disk, path)?;
        check_owner(disk, path)?;
        let lock = lock(disk, path)?;
        // Nobody else writes here from now on; what was read before may be old.
        let is_new = !check_owner(disk, path)?;
        let format_path = path.join(FORMAT);
        let format = if is_new {
            embedded::create(disk, &path.join(METADATA))?;
            let format = Format {
                node_id: wanted.node_id.unwrap_or(DEFAULT_NODE),
                directory_id: random_id(rng),
                cluster_id: wanted.cluster_id.clone().unwrap_or_else(|| random_id(rng).to_string()),
            };
            disk.replace(&format_path, &format.encode()).map_err(io_error("write", &format_path))?;
            format
        } else {
            let bytes = disk.read(&format_path, MAX_FORMAT).map_err(io_error("read", &format_path))?;
            let format = Format::decode(&bytes, path)?;
            format.check(path, wanted)?;
            format
        };
        Ok(Self { path: path.to_owned(), format, is_new, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn metadata_dir(&self) -> PathBuf {
        self.path.join(METADATA)
    }

    pub fn topics_dir(&self) -> PathBuf {
        self.path.join(TOPICS)
    }

    pub fn format(&self) -> &Format {
        &self.format
    }

    /// This open made it.
    pub fn is_new(&self) -> bool {
        self.is_new
    }
}

fn random_id(rng: &dyn Rng) -> Uuid {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    Uuid::from_random(bytes)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError + use<> {
    let path = path.to_owned();
    move |source| DataDirError::Io { action, path, source }
}

/// The directory itself, durable up to its parent.
fn prepare(disk: &dyn Disk, path: &Path) -> Result<(), DataDirError> {
    match disk.entry(path) {
        Ok(Some(entry)) if !entry.is_dir => Err(DataDirError::NotADirectory { path: path.to_owned() }),
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let unwritable = |source| DataDirError::Unwritable { path: path.to_owned(), source };
            disk.create_dir_all(path).map_err(unwritable)?;
            for created in
                path.ancestors().skip(1).filter(|parent| parent.file_name().is_some() || parent.has_root())
            {
                // A parent that is not ours may refuse; then it was there before, and its name is durable.
                if disk.sync_dir(created).is_err() {
                    break;
                }
            }
            let parent = path.parent().unwrap_or(Path::new(""));
            disk.sync_dir(parent).map_err(io_error("sync", parent))
        }
        Err(source) if source.kind() == io::ErrorKind::NotADirectory => {
            Err(DataDirError::NotADirectory { path: path.to_owned() })
        }
        Err(source) => Err(DataDirError::Io { action: "look at", path: path.to_owned(), source }),
    }
}

/// Whether the directory has a format file. An error when it is something else's.
fn check_owner(disk: &dyn Disk, path: &Path) -> Result<bool, DataDirError> {
    let entries = disk.list(path).map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => DataDirError::Unwritable { path: path.to_owned(), source },
        _ => DataDirError::Io { action: "list", path: path.to_owned(), source },
    })?;
    if entries.iter().any(|entry| entry.name == FORMAT) {
        return Ok(true);
    }
    if entries.iter().any(|entry| entry.name == "meta.properties") {
        return Err(DataDirError::Kafka { path: path.to_owned() });
    }
    let is_nobodys = |entry: &DirEntry| match entry.name.as_str() {
        LOST_AND_FOUND => entry.is_dir,
        name => FIRST_START.contains(&name),
    };
    match entries.into_iter().find(|entry| !is_nobodys(entry)) {
        Some(entry) => Err(DataDirError::Foreign { path: path.to_owned(), found: entry.name }),
        None => Ok(false),
    }
}

fn lock(disk: &dyn Disk, path: &Path) -> Result<Box<dyn DiskLock>, DataDirError> {
    let unwritable = |source| DataDirError::Unwritable { path: path.to_owned(), source };
    let lock = hold(disk, &path.join(LOCK)).map_err(unwritable)?.map_err(|pid| match pid {
        Some(pid) => DataDirError::InUse { path: path.to_owned(), pid },
        None => DataDirError::InUseBySomebody { path: path.to_owned() },
    })?;
    let gitignore = path.join(GITIGNORE);
    if disk.entry(&gitignore).map_err(unwritable)?.is_none() {
        note(disk, &gitignore, "*\n").map_err(unwritable)?;
    }
    Ok(lock)
}

/// The lock with this process' pid in it, or the pid of who has it, where that is known.
fn hold(disk: &dyn Disk, lock_path: &Path) -> io::Result<Result<Box<dyn DiskLock>, Option<u32>>> {
    let Some(lock) = disk.try_lock(lock_path)? else {
        let text = disk.read(lock_path, 32).unwrap_or_default();
        return Ok(Err(std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok())));
    };
    note(disk, lock_path, &format!("{}\n", process::id()))?;
    Ok(Ok(lock))
}

/// Writes what is of use to people alone; on a full disk it is left out, because a start must not need it (durability
/// rule A8).
fn note(disk: &dyn Disk, path: &Path, text: &str) -> io::Result<()> {
    // Written before it is cut: the room of the old text is there, and may be all that is.
    let written = disk.open(path, OpenMode::Write).and_then(|file| {
        file.write_all_at(text.as_bytes(), 0)?;
        file.set_len(text.len() as u64)
    });
    match written {
        Err(error) if lacks_room(&error) => Ok(()),
        other => other,
    }
}

impl Format {
    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.u32(LAYOUT).i32(self.node_id).id(self.directory_id.0).text(&self.cluster_id);
        let mut bytes = [MAGIC.as_slice(), &w.finish()].concat();
        bytes.extend(crc32c(&bytes).to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8], dir: &Path) -> Result<Self, DataDirError> {
        let damaged = || DataDirError::Damaged { path: dir.join(FORMAT) };
        let body = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let layout = Reader::new(body).u32().map_err(|_| damaged())?;
        // Told before the checksum, because another layout may have it elsewhere.
        match layout {
            LAYOUT => {}
            found if found > LAYOUT => return Err(DataDirError::Newer { path: dir.to_owned(), found }),
            found => return Err(DataDirError::Older { path: dir.to_owned(), found }),
        }
        let (covered, crc) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
        if u32::from_be_bytes(*crc) != crc32c(covered) {
            return Err(damaged());
        }
        let mut r = Reader::new(&covered[MAGIC.len()..]);
        let mut fields = || {
            r.u32()?;
            let (node_id, directory_id) = (r.i32()?, Uuid(r.id()?));
            Ok::<_, ottla_state::fields::FieldError>(Self {
                node_id,
                directory_id,
                cluster_id: r.text()?.to_owned(),
            })
        };
        let format = fields().map_err(|_| damaged())?;
        r.finish().map_err(|_| damaged())?;
        Ok(format)
    }

    fn check(&self, path: &Path, wanted: &Wanted) -> Result<(), DataDirError> {
        if let Some(wanted) = wanted.node_id.filter(|wanted| *wanted != self.node_id) {
            return Err(DataDirError::OtherNode { path: path.to_owned(), found: self.node_id, wanted });
        }
        match &wanted.cluster_id {
            Some(wanted) if *wanted != self.cluster_id => Err(DataDirError::OtherCluster {
                path: path.to_owned(),
                found: self.cluster_id.clone(),
                wanted: wanted.clone(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
