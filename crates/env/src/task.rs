//! Work that may wait for a disk. Sockets live on tokio; whatever waits for a disk lives here, on plain threads.
//!
//! Such work is a [`Work`]: something that is given turns. Who gives them is a [`Workers`]: [`Threads`] of the operating
//! system, one for each work, or a simulation that gives all turns itself, on one thread, in an order that it draws.

use std::fmt::Debug;
use std::io;
use std::thread::{Builder, JoinHandle};
use tokio::sync::oneshot;

/// What a turn may do when there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Block until there is something.
    ForWork,
    /// Return [`Turn::Idle`].
    Never,
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Worked,
    Idle,
    /// There will be nothing more to do.
    Ended,
}

pub trait Work: Send {
    fn turn(&mut self, wait: Wait) -> Turn;
}

pub trait Workers: Debug + Send + Sync {
    /// Gives turns to the work until it ends.
    fn start(&self, name: &str, work: Box<dyn Work>) -> io::Result<DiskLoop>;
    /// Works that can run at once, at least 1.
    fn cores(&self) -> usize;
}

/// Work that has been started. Dropping this detaches it; its owner joins it when it stops.
#[derive(Debug)]
pub struct DiskLoop {
    thread: Option<JoinHandle<()>>,
    ended: oneshot::Receiver<()>,
}

impl DiskLoop {
    /// Work that is no thread: it ended when this is sent, and by a panic when it is dropped.
    pub fn ending_with(ended: oneshot::Receiver<()>) -> Self {
        Self { thread: None, ended }
    }

    /// Waits for the end of the work. False when it ended by a panic.
    pub async fn join(self) -> bool {
        let ended = self.ended.await.is_ok();
        // It has nothing left to do but to end.
        self.thread.is_none_or(|thread| thread.join().is_ok()) && ended
    }
}

/// Threads of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Threads;

impl Workers for Threads {
    fn start(&self, name: &str, mut work: Box<dyn Work>) -> io::Result<DiskLoop> {
        spawn_disk_loop(name, move || while work.turn(Wait::ForWork) != Turn::Ended {})
    }

    fn cores(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}

/// Starts a named thread (the kernel shows the first 15 bytes of the name).
pub fn spawn_disk_loop(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<DiskLoop> {
    let (ending, ended) = oneshot::channel();
    let thread = Builder::new().name(name.to_owned()).spawn(move || {
        run();
        let _ = ending.send(());
    })?;
    Ok(DiskLoop { thread: Some(thread), ended })
}

/// Has something done that waits for a disk, beside the sockets.
pub async fn run_once<T: Send + 'static>(
    workers: &dyn Workers,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (reply, answer) = oneshot::channel();
    let once = Once(Some(move || {
        let _ = reply.send(work());
    }));
    workers.start(name, Box::new(once))?;
    answer.await.map_err(|_| io::Error::other("it panicked"))
}

struct Once<F>(Option<F>);

impl<F: FnOnce() + Send> Work for Once<F> {
    fn turn(&mut self, _wait: Wait) -> Turn {
        if let Some(work) = self.0.take() {
            work();
        }
        Turn::Ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three turns, the last of which is its end.
    struct Countdown(u32, oneshot::Sender<Wait>);

    impl Work for Countdown {
        fn turn(&mut self, wait: Wait) -> Turn {
            self.0 -= 1;
            if self.0 > 0 {
                return Turn::Worked;
            }
            let _ = std::mem::replace(&mut self.1, oneshot::channel().0).send(wait);
            Turn::Ended
        }
    }

    #[tokio::test]
    async fn join_tells_an_end_from_a_panic() {
        assert!(spawn_disk_loop("ends", || {}).unwrap().join().await);
        assert!(!spawn_disk_loop("panics", || panic!("on purpose")).unwrap().join().await);
        let (_, dropped) = oneshot::channel();
        assert!(!DiskLoop::ending_with(dropped).join().await);
    }

    #[tokio::test]
    async fn threads_give_turns_until_the_end() {
        let (sender, last) = oneshot::channel();
        assert!(Threads.start("work", Box::new(Countdown(3, sender))).unwrap().join().await);
        assert_eq!(last.await, Ok(Wait::ForWork));
        assert_eq!(run_once(&Threads, "once", || 7).await.unwrap(), 7);
        assert!(run_once(&Threads, "once", || panic!("on purpose")).await.is_err());
        assert!(Threads.cores() >= 1);
    }
}
