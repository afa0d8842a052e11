//! What a start reads before any log is opened: the checkpoint, and whether the last stop was a clean one.
//!
//! ```text
//! clean-stop: "OTTLACS1" | checksum of the checkpoint u32 | CRC-32C of all before u32
//! ```

use super::controls::{self, Control};
use super::error::StartError;
use ottla_env::disk::Disk;
use ottla_log::checkpoint::{self, Checkpoint};
use ottla_wire::batch::crc32c;
use std::io;
use std::path::{Path, PathBuf};

/// The marker of a clean stop, in the data directory.
pub const MARKER: &str = "clean-stop";
const MAGIC: &[u8; 8] = b"OTTLACS1";

/// How a data directory was left.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// Empty when there is none that can be believed; then every log is read from its beginning.
    pub checkpoint: Checkpoint,
    pub clean: bool,
}

/// What a start found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartReport {
    /// Logs that have to be read, because they were written after the last checkpoint.
    pub recovered_logs: usize,
    pub recovered_bytes: u64,
    pub cut_bytes: u64,
    pub kept: Vec<PathBuf>,
    pub strays: Vec<PathBuf>,
    pub offline: usize,
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StartError + use<> {
    let path = path.to_owned();
    move |source| StartError::Io { action, path, source }
}

impl Opening {
    /// Reads the checkpoint and takes the marker away, durably, before anything can be appended (durability rule R1).
    pub fn read(disk: &dyn Disk, root: &Path) -> Result<Self, StartError> {
        let path = root.join(checkpoint::FILE_NAME);
        let found = Checkpoint::read(disk, &path).map_err(io_error("read", &path))?;
        let marked = read_marker(disk, root)?;
        if marked.is_some() && !controls::active(Control::MarkerLeft) {
            let marker = root.join(MARKER);
            disk.remove_file(&marker).map_err(io_error("remove", &marker))?;
            disk.sync_dir(root).map_err(io_error("sync", root))?;
        }
        Ok(match found {
            Some((checkpoint, checksum)) => Self { checkpoint, clean: marked == Some(Some(checksum)) },
            None => Self::default(),
        })
    }
}

/// The checkpoint as it lies there, and what is wrong with it and with the marker beside it, a line each. Nothing is
/// changed. Without a checkpoint nothing is promised.
pub fn look(disk: &dyn Disk, root: &Path) -> Result<(Checkpoint, Vec<String>), StartError> {
    let path = root.join(checkpoint::FILE_NAME);
    let found = Checkpoint::read(disk, &path).map_err(io_error("read", &path))?;
    let is_there = disk.entry(&path).map_err(io_error("look at", &path))?.is_some();
    let mut problems = Vec::new();
    if found.is_none() && is_there {
        problems.push(format!("{} is damaged; a start reads every log from its beginning", path.display()));
    }
    let marker = root.join(MARKER).display().to_string();
    match (read_marker(disk, root)?, &found) {
        (Some(None), _) => problems.push(format!("{marker} is damaged")),
        (Some(Some(_)), None) if !is_there => {
            problems.push(format!("{} is missing, and {marker} says that it was written", path.display()));
        }
        (Some(Some(noted)), Some((_, checksum))) if noted != *checksum => {
            problems.push(format!("{marker} belongs to another checkpoint than {}", path.display()));
        }
        _ => {}
    }
    Ok((found.map_or_else(Checkpoint::default, |(checkpoint, _)| checkpoint), problems))
}

/// `None` without a marker, `Some(None)` for a damaged one.
fn read_marker(disk: &dyn Disk, root: &Path) -> Result<Option<Option<u32>>, StartError> {
    let path = root.join(MARKER);
    let bytes = match disk.read(&path, 64) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(Some(None)),
        Err(error) => return Err(io_error("read", &path)(error)),
    };
    let checksum = bytes.split_last_chunk::<4>().and_then(|(body, crc)| {
        let (magic, checksum) = body.split_first_chunk::<8>()?;
        let whole = magic == MAGIC && u32::from_be_bytes(*crc) == crc32c(body);
        whole.then_some(u32::from_be_bytes(checksum.try_into().ok()?))
    });
    Ok(Some(checksum))
}

/// Says, durably, that everything the checkpoint promises is on disk and nothing beyond it exists.
pub(super) fn write_marker(disk: &dyn Disk, root: &Path, checksum: u32) -> io::Result<()> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes.extend_from_slice(&crc32c(&bytes).to_be_bytes());
    disk.replace(&root.join(MARKER), &bytes)
}
