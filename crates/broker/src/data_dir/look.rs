//! What a data directory is, found out without making or changing one.

use super::{DataDirError, FORMAT, Format, LOCK, MAX_FORMAT, Wanted, check_owner, hold, io_error};
use crate::partition::CLEAN_STOP;
use ottla_env::disk::{Disk, DiskLock};
use std::io;
use std::path::Path;

#[derive(Debug)]
pub enum Found {
    /// Nothing is there, or an empty directory; a start makes it one of Ottla's.
    Nothing,
    /// Nobody uses it, and nobody can as long as this is held.
    Free(Free),
    /// A process uses it; `None` of one that did not write its pid yet.
    InUse { format: Format, pid: Option<u32> },
}

#[derive(Debug)]
pub struct Free {
    pub format: Format,
    /// The last stop left the marker of a clean one.
    pub is_clean: bool,
    _lock: Box<dyn DiskLock>,
}

/// Refuses what a start would refuse, with the same words.
pub fn look(disk: &dyn Disk, path: &Path, wanted: &Wanted) -> Result<Found, DataDirError> {
    match disk.entry(path) {
        Ok(None) => return Ok(Found::Nothing),
        Ok(Some(entry)) if entry.is_dir => {}
        Ok(Some(_)) => return Err(DataDirError::NotADirectory { path: path.to_owned() }),
        Err(source) if source.kind() == io::ErrorKind::NotADirectory => {
            return Err(DataDirError::NotADirectory { path: path.to_owned() });
        }
        Err(source) => return Err(io_error("look at", path)(source)),
    }
    if !check_owner(disk, path)? {
        return Ok(Found::Nothing);
    }
    let format_path = path.join(FORMAT);
    let bytes = disk.read(&format_path, MAX_FORMAT).map_err(io_error("read", &format_path))?;
    let format = Format::decode(&bytes, path)?;
    format.check(path, wanted)?;
    match hold(disk, &path.join(LOCK)) {
        Ok(Ok(lock)) => {
            let marker = path.join(CLEAN_STOP);
            let is_clean = disk.entry(&marker).map_err(io_error("look at", &marker))?.is_some();
            Ok(Found::Free(Free { format, is_clean, _lock: lock }))
        }
        Ok(Err(pid)) => Ok(Found::InUse { format, pid }),
        Err(source) => Err(DataDirError::Unwritable { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::DataDir;
    use ottla_env::disk::{MemoryDisk, OpenMode};
    use ottla_env::rng::OsRng;
    use std::sync::Arc;

    const PATH: &str = "/ottla-data";

    fn see(disk: &MemoryDisk) -> Result<Found, DataDirError> {
        look(disk, Path::new(PATH), &Wanted::default())
    }

    fn open(disk: &MemoryDisk) -> DataDir {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        DataDir::open(&disk, Path::new(PATH), &Wanted::default(), &OsRng).unwrap()
    }

    #[test]
    fn what_is_not_there_is_not_made() {
        let disk = MemoryDisk::new();
        assert!(matches!(see(&disk), Ok(Found::Nothing)));
        assert!(disk.entry(Path::new(PATH)).unwrap().is_none());
        disk.create_dir_all(Path::new(PATH)).unwrap();
        assert!(matches!(see(&disk), Ok(Found::Nothing)));
        assert_eq!(disk.list(Path::new(PATH)).unwrap(), []);
        disk.create_dir(&Path::new(PATH).join("lost+found")).unwrap();
        assert!(matches!(see(&disk), Ok(Found::Nothing)), "the top of an ext4 is as good as empty");
        disk.open(&Path::new(PATH).join("letter.txt"), OpenMode::Write).unwrap();
        assert!(matches!(see(&disk), Err(DataDirError::Foreign { .. })));
    }

    #[test]
    fn a_directory_is_free_or_in_use_and_held_while_it_is_looked_at() {
        let disk = MemoryDisk::new();
        let dir = open(&disk);
        let format = dir.format().clone();
        let Ok(Found::InUse { format: seen, pid }) = see(&disk) else { panic!("it is in use") };
        assert_eq!((seen, pid), (format.clone(), Some(ottla_env::process::id())));
        drop(dir);
        let Ok(Found::Free(free)) = see(&disk) else { panic!("it is free") };
        assert!(free.format == format && !free.is_clean);
        assert!(matches!(see(&disk), Ok(Found::InUse { .. })), "one look at a time");
        drop(free);
        disk.open(&Path::new(PATH).join(CLEAN_STOP), OpenMode::Write).unwrap();
        assert!(matches!(see(&disk), Ok(Found::Free(Free { is_clean: true, .. }))));
        assert_eq!(open(&disk).format(), &format);
    }

    #[test]
    fn what_a_start_would_refuse_is_refused() {
        let disk = MemoryDisk::new();
        drop(open(&disk));
        let wanted = Wanted { node_id: Some(7), ..Wanted::default() };
        let error = look(&disk, Path::new(PATH), &wanted).unwrap_err();
        assert!(matches!(error, DataDirError::OtherNode { found: 1, wanted: 7, .. }), "{error}");
        // Whatever is drawn for it: another byte.
        let format = disk.read(&Path::new(PATH).join(FORMAT), 1 << 10).unwrap();
        disk.corrupt(&Path::new(PATH).join(FORMAT), 20, &[!format[20]]).unwrap();
        assert!(matches!(see(&disk), Err(DataDirError::Damaged { .. })));
    }
}
