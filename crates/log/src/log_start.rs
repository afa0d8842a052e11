//! Where a log starts, durably, in a file of its own: it must outlive a lost checkpoint and never go back (durability
//! rule C3).
//!
//! ```text
//! log-start: magic "OTTLALS1" | log start i64 | CRC-32C of all before u32
//! ```
//! A log without the file starts where its first segment does, or where the checkpoint says.

use crate::error::{StartFailed, SyncFailed};
use crate::log::LogPlace;
use ottla_env::disk::{Disk, OpenMode, lacks_descriptors};
use ottla_wire::batch::crc32c;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const FILE_NAME: &str = "log-start";
const MAGIC: &[u8; 8] = b"OTTLALS1";
const MAX_FILE: u64 = 64;

/// `None` when there is none, or none that can be believed.
pub(crate) fn read(disk: &dyn Disk, dir: &Path) -> io::Result<Option<i64>> {
    match disk.read(&dir.join(FILE_NAME), MAX_FILE) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8]) -> Option<i64> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    let (magic, start) = body.split_first_chunk::<8>()?;
    let whole = magic == MAGIC && u32::from_be_bytes(*crc) == crc32c(body);
    whole.then_some(i64::from_be_bytes(start.try_into().ok()?)).filter(|start| *start >= 0)
}

fn to_bytes(log_start: i64) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&log_start.to_be_bytes());
    out.extend_from_slice(&crc32c(&out).to_be_bytes());
    out
}

/// Makes a log start durable, and with it every name in the log's directory; waits for the disk.
#[derive(Debug)]
pub struct StartJob {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) place: LogPlace,
    pub log_start: i64,
}

impl StartJob {
    pub fn run(&self) -> Result<(), StartFailed> {
        let path = self.place.dir.join(FILE_NAME);
        let temporary = path.with_added_extension("tmp");
        let file = (|| {
            let file = self.disk.open(&temporary, OpenMode::Write)?;
            file.set_len(0)?;
            file.write_all_at(&to_bytes(self.log_start), 0)?;
            Ok(file)
        })()
        .map_err(|source| StartFailed::Write { path: temporary.clone(), source })?;
        let synced = |path: &Path, result: io::Result<()>| {
            result.map_err(|source| SyncFailed { path: path.to_owned(), source })
        };
        synced(&temporary, file.sync_data())?;
        let renamed = self.disk.rename(&temporary, &path);
        renamed.map_err(|source| StartFailed::Write { path, source })?;
        for dir in self.place.names() {
            match self.disk.sync_dir(&dir) {
                Err(source) if lacks_descriptors(&source) => {
                    return Err(StartFailed::Write { path: dir, source });
                }
                result => synced(&dir, result)?,
            }
        }
        Ok(())
    }
}

/// Segments that no reader finds any more. What a stop leaves of them, the next opening of the log removes.
#[derive(Debug)]
pub struct Removal {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) paths: Vec<PathBuf>,
    pub bytes: u64,
}

impl Removal {
    pub fn segments(&self) -> usize {
        self.paths.len()
    }

    /// Unlinks the files; waits for the disk. The first failure ends it.
    pub fn run(&self) -> io::Result<()> {
        self.paths.iter().try_for_each(|path| remove_segment(self.disk.as_ref(), path))
    }
}

/// The index goes first, so that none is left without its segment.
pub(crate) fn remove_segment(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    [path.with_extension("index"), path.to_owned()].iter().try_for_each(|file| match disk.remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_read_back_and_no_damaged_one_is_believed() {
        let bytes = to_bytes(4_711);
        assert_eq!(parse(&bytes), Some(4_711));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            assert_eq!(parse(&damaged), None, "byte {at}");
            assert_eq!(parse(&bytes[..at]), None, "cut at {at}");
        }
        assert_eq!(parse(&to_bytes(-1)), None);
    }
}
