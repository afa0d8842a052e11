//! The page cache of the machine, which whoever measures may want empty.

use super::permissions;
use std::fs;
use std::io;
use std::path::Path;

/// Where Linux is told what to let go of: 1 is the page cache, 2 directories and inodes, 3 both.
const DROP_CACHES: &str = "/proc/sys/vm/drop_caches";

/// Whether this process may [`drop_caches`]: that takes root, and in a container a `/proc/sys` that can be written.
pub fn may_drop_caches() -> bool {
    permissions(Path::new(DROP_CACHES)).is_ok_and(|found| found.is_writable)
}

/// Writes what is dirty to the disks, and lets go of what the whole machine has cached of them. Blocks until that is
/// done.
pub fn drop_caches() -> io::Result<()> {
    // Dirty pages stay in the cache.
    rustix::fs::sync();
    fs::write(DROP_CACHES, "3")
}
