//! Disk loops, sync and read threads of the broker without threads: one task gives all of them their turns.
//!
//! In which order, and how long each is busy behind a turn, is drawn. So appends, syncs, reads and checkpoints overlap in
//! many ways, each of which can be repeated. When the host of the broker crashes, the task is dropped, and every loop
//! with it, wherever it was.

use ottla_env::rng::{Rng, SeededRng};
use ottla_env::task::{DiskLoop, Turn, Wait, Work, Workers};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How fast they are.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Milliseconds between two rounds, at most.
    pub gap_ms: u64,
    /// Of a hundred turns so many make the loop busy.
    pub busy_percent: u64,
    /// For so many milliseconds at most.
    pub busy_ms: u64,
    pub cores: usize,
}

/// Clones share the loops.
#[derive(Debug, Clone)]
pub struct SimWorkers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Mutex<Vec<Running>>,
    rng: SeededRng,
    pace: Pace,
    /// Syncs do not go on for so many milliseconds.
    stall_ms: AtomicU64,
}

struct Running {
    name: String,
    work: Box<dyn Work>,
    ended: Option<oneshot::Sender<()>>,
    busy_until: Instant,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl SimWorkers {
    pub fn new(seed: u64, pace: Pace) -> Self {
        Self(Arc::new(Shared {
            started: Mutex::default(),
            rng: SeededRng::new(seed),
            pace,
            stall_ms: AtomicU64::new(0),
        }))
    }

    fn started(&self) -> MutexGuard<'_, Vec<Running>> {
        self.0.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From the next round on no sync goes on for so long.
    pub fn stall_syncs(&self, time: Duration) {
        self.0.stall_ms.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Gives turns for as long as it is polled.
    pub async fn run(self) {
        let (rng, pace) = (&self.0.rng, self.0.pace);
        let mut running: Vec<Running> = Vec::new();
        loop {
            tokio::time::sleep(Duration::from_millis(1 + rng.below(pace.gap_ms))).await;
            let now = Instant::now();
            running.append(&mut self.started());
            let stall = Duration::from_millis(self.0.stall_ms.swap(0, Ordering::SeqCst));
            if !stall.is_zero() {
                for syncing in running.iter_mut().filter(|running| running.name.starts_with("sync")) {
                    syncing.busy_until = now + stall;
                }
            }
            if running.is_empty() {
                continue;
            }
            let first = rng.below(running.len() as u64) as usize;
            running.rotate_left(first);
            for worker in running.iter_mut().filter(|worker| worker.busy_until <= now) {
                match worker.work.turn(Wait::Never) {
                    Turn::Idle => {}
                    Turn::Worked => {
                        if rng.below(100) < pace.busy_percent {
                            worker.busy_until = now + Duration::from_millis(rng.below(pace.busy_ms));
                        }
                    }
                    Turn::Ended => {
                        let _ = worker.ended.take().map(|ended| ended.send(()));
                    }
                }
            }
            running.retain(|worker| worker.ended.is_some());
        }
    }
}

impl Workers for SimWorkers {
    fn start(&self, name: &str, work: Box<dyn Work>) -> io::Result<DiskLoop> {
        let (ending, ended) = oneshot::channel();
        let name = name.to_owned();
        self.started().push(Running { name, work, ended: Some(ending), busy_until: Instant::now() });
        Ok(DiskLoop::ending_with(ended))
    }

    fn cores(&self) -> usize {
        self.0.pace.cores
    }
}
