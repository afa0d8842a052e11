//! Plain threads for disk work. Sockets live on tokio; whatever may wait for a disk lives here.

use std::io;
use std::thread::{Builder, JoinHandle};

/// A running thread. Dropping it detaches the thread; its owner joins it when it stops.
#[derive(Debug)]
pub struct DiskLoop {
    thread: JoinHandle<()>,
}

impl DiskLoop {
    /// Waits for the end of the loop. False when it ended by a panic.
    #[must_use]
    pub fn join(self) -> bool {
        self.thread.join().is_ok()
    }

    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Starts a named thread (the kernel shows the first 15 bytes of the name).
pub fn spawn_disk_loop(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<DiskLoop> {
    Ok(DiskLoop { thread: Builder::new().name(name.to_owned()).spawn(run)? })
}

/// Cores this process may use, at least 1.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_tells_an_end_from_a_panic() {
        assert!(spawn_disk_loop("ends", || {}).unwrap().join());
        assert!(!spawn_disk_loop("panics", || panic!("on purpose")).unwrap().join());
        assert!(cores() >= 1);
    }
}
