//! Checkpoints that are written when a test says so.

use ottla_env::task::{DiskLoop, Threads, Turn, Wait, Work, Workers};
use std::sync::{Arc, Mutex};
use std::{fmt, io};
use tokio::sync::oneshot;

/// Keeps the work that writes checkpoints, and gives it a turn when told. All other work has threads.
#[derive(Clone, Default)]
pub struct CheckpointByHand(Arc<Mutex<Option<Box<dyn Work>>>>);

impl fmt::Debug for CheckpointByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckpointByHand")
    }
}

impl CheckpointByHand {
    pub fn turn(&self) -> Turn {
        self.0.lock().unwrap().as_mut().unwrap().turn(Wait::Never)
    }
}

impl Workers for CheckpointByHand {
    fn start(&self, name: &str, work: Box<dyn Work>) -> io::Result<DiskLoop> {
        if name != "checkpoint" {
            return Threads.start(name, work);
        }
        *self.0.lock().unwrap() = Some(work);
        Ok(DiskLoop::ending_with(oneshot::channel().1))
    }

    fn cores(&self) -> usize {
        Threads.cores()
    }
}
