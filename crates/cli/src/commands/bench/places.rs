//! Where a broker under test lives: an empty directory that is removed again, and free ports.

use anyhow::{Context, Result};
use ottla_env::disk::{Disk, OsDisk};
use ottla_env::net::{Net, OsNet};
use ottla_env::process;
use ottla_env::rng::{OsRng, Rng};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Removed with everything in it when dropped.
#[derive(Debug)]
pub struct TemporaryDir {
    path: PathBuf,
}

impl TemporaryDir {
    /// A new directory inside `parent`, which is created where it is missing and is never removed.
    pub fn new(parent: Option<&Path>) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let parent = std::path::absolute(&parent).context("find the directory for data")?;
        let create = || format!("create a directory in {}", parent.display());
        OsDisk.create_dir_all(&parent).with_context(create)?;
        let name = format!("ottla-bench-{}-{:08x}", process::id(), OsRng.next_u64() as u32);
        let path = parent.join(name);
        OsDisk.create_dir(&path).with_context(create)?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        if let Err(error) = OsDisk.remove_dir_all(&self.path) {
            eprintln!("ottla: {} could not be removed: {error}", self.path.display());
        }
    }
}

const ATTEMPTS: usize = 100;

/// A port on 127.0.0.1 that is free, as is the one behind it (for metrics, or a controller).
pub async fn free_ports() -> Result<u16> {
    let listen = |port| OsNet.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    for _ in 0..ATTEMPTS {
        let first = listen(0).await.context("find a free port")?;
        let port = first.local_addr().context("find a free port")?.port();
        if let Some(next) = port.checked_add(1)
            && listen(next).await.is_ok()
        {
            return Ok(port);
        }
    }
    anyhow::bail!("no two free ports in a row on 127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_directory_is_new_and_goes_with_its_contents() {
        let parent = tempfile::tempdir().unwrap();
        let dir = TemporaryDir::new(Some(parent.path())).unwrap();
        let path = dir.path().to_path_buf();
        assert!(path.is_absolute() && OsDisk.list(&path).unwrap().is_empty());
        OsDisk.create_dir_all(&path.join("a/b")).unwrap();
        drop(dir);
        assert!(OsDisk.entry(&path).unwrap().is_none());
        assert!(OsDisk.entry(parent.path()).unwrap().is_some());
    }

    #[tokio::test]
    async fn the_ports_are_free() {
        let port = free_ports().await.unwrap();
        for port in [port, port + 1] {
            OsNet.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.unwrap();
        }
    }
}
