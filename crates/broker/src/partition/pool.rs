//! A few threads for work that waits for a disk: syncs, opening of logs, reads, unlinking.
//!
//! Urgent work goes first, and work that may take long never holds all threads, so that a sync does not wait behind a
//! recovery. The queues are bounded by what may be asked for: one sync per file, one opening per log, and reads hold a
//! permit. Knows nothing of logs.

use ottla_env::task::{DiskLoop, Turn, Wait, Work, Workers};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Somebody waits, and it takes one disk operation or two.
    Urgent,
    /// Somebody waits, and it may take long.
    Asked,
    /// Nobody waits.
    Background,
}

/// Clones share the threads.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    queues: Mutex<Queues>,
    changed: Condvar,
    /// How many threads may do something that takes long.
    long_max: usize,
    threads: AtomicUsize,
}

#[derive(Default)]
struct Queues {
    urgent: VecDeque<Job>,
    asked: VecDeque<Job>,
    background: VecDeque<Job>,
    long_running: usize,
    closed: bool,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// Threads end when the pool is closed.
    pub fn start(workers: &dyn Workers, name: &str, threads: usize) -> io::Result<(Self, Vec<DiskLoop>)> {
        let shared = Arc::new(Shared {
            queues: Mutex::default(),
            changed: Condvar::new(),
            long_max: (threads / 2).max(1),
            threads: AtomicUsize::new(threads),
        });
        let mut loops = Vec::with_capacity(threads);
        for number in 0..threads {
            let worker = Worker(Arc::clone(&shared));
            loops.push(workers.start(&format!("{name}-{number}"), Box::new(worker))?);
        }
        Ok((Self { shared }, loops))
    }

    /// Work that comes after the pool was closed is dropped.
    pub fn submit(&self, class: Class, work: impl FnOnce() + Send + 'static) {
        let mut queues = self.shared.lock();
        if queues.closed {
            return;
        }
        match class {
            Class::Urgent => queues.urgent.push_back(Box::new(work)),
            Class::Asked => queues.asked.push_back(Box::new(work)),
            Class::Background => queues.background.push_back(Box::new(work)),
        }
        drop(queues);
        self.shared.changed.notify_one();
    }

    /// Drops what waits and lets the threads end.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        // The lock guards queues only; work runs, and may panic, outside of it.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let dropped = {
            let mut queues = self.lock();
            let long_running = queues.long_running;
            std::mem::replace(&mut *queues, Queues { closed: true, long_running, ..Queues::default() })
        };
        self.changed.notify_all();
        drop(dropped);
    }
}

/// One of the threads. A turn is a job.
struct Worker(Arc<Shared>);

impl Drop for Worker {
    /// Whoever waits for work that nobody can do any more hears of it.
    fn drop(&mut self) {
        if self.0.threads.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.close();
        }
    }
}

impl Work for Worker {
    fn turn(&mut self, wait: Wait) -> Turn {
        let shared = &self.0;
        let mut queues = shared.lock();
        loop {
            if queues.closed {
                return Turn::Ended;
            }
            if let Some(job) = queues.urgent.pop_front() {
                drop(queues);
                job();
                return Turn::Worked;
            }
            if queues.long_running < shared.long_max
                && let Some(job) = queues.next_long()
            {
                queues.long_running += 1;
                drop(queues);
                job();
                shared.lock().long_running -= 1;
                return Turn::Worked;
            }
            if wait == Wait::Never {
                return Turn::Idle;
            }
            queues = shared.changed.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Queues {
    fn next_long(&mut self) -> Option<Job> {
        self.asked.pop_front().or_else(|| self.background.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::task::Threads;
    use std::sync::mpsc;

    #[tokio::test]
    async fn urgent_work_runs_while_long_work_holds_its_share_of_the_threads() {
        let (pool, loops) = Pool::start(&Threads, "test", 2).unwrap();
        let (finish, wait) = mpsc::channel::<()>();
        let (sender, done) = mpsc::channel();
        let report = sender.clone();
        pool.submit(Class::Asked, move || {
            wait.recv().unwrap();
            report.send("long").unwrap();
        });
        for (class, name) in
            [(Class::Background, "background"), (Class::Asked, "asked"), (Class::Urgent, "urgent")]
        {
            let report = sender.clone();
            pool.submit(class, move || report.send(name).unwrap());
        }
        assert_eq!(done.recv().unwrap(), "urgent");
        finish.send(()).unwrap();
        let rest: Vec<_> = (0..3).map(|_| done.recv().unwrap()).collect();
        assert_eq!(rest, ["long", "asked", "background"]);
        pool.close();
        pool.submit(Class::Urgent, move || sender.send("late").unwrap());
        for ended in loops {
            assert!(ended.join().await);
        }
        assert!(done.recv().is_err(), "work behind the end is dropped");
    }

    #[test]
    fn work_is_dropped_when_nobody_is_left_to_do_it() {
        #[derive(Debug)]
        struct Nobody;
        impl Workers for Nobody {
            fn start(&self, _name: &str, work: Box<dyn Work>) -> io::Result<DiskLoop> {
                drop(work);
                let (_, ended) = tokio::sync::oneshot::channel();
                Ok(DiskLoop::ending_with(ended))
            }
            fn cores(&self) -> usize {
                1
            }
        }
        let (pool, _loops) = Pool::start(&Nobody, "test", 2).unwrap();
        let (sender, done) = mpsc::channel::<()>();
        pool.submit(Class::Asked, move || sender.send(()).unwrap());
        assert!(done.recv().is_err());
    }
}
