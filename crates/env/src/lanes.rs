//! Threads that serve connections, each with a runtime of its own.
//!
//! A connection stays on one of them for as long as it lives. Threads that share their tasks wake each other to look for work
//! whenever one of them gets some, and a record that is alone on its way costs more wake-ups than anything else.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Clones share the threads, which end with the last of them. Without any (the default) everything is served by the runtime
/// of whoever spawns it.
#[derive(Debug, Clone, Default)]
pub struct Lanes(Arc<Vec<Lane>>);

#[derive(Debug)]
struct Lane {
    runtime: Handle,
    /// Tasks that have not ended.
    tasks: Arc<AtomicUsize>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// One task of a lane, until it is dropped.
struct Place(Arc<AtomicUsize>);

impl Lanes {
    pub fn start(count: usize) -> io::Result<Self> {
        (0..count).map(Lane::start).collect::<io::Result<_>>().map(|lanes| Self(Arc::new(lanes)))
    }

    /// Runs a task where the fewest are.
    pub fn spawn(&self, set: &mut JoinSet<()>, task: impl Future<Output = ()> + Send + 'static) {
        let Some(lane) = self.0.iter().min_by_key(|lane| lane.tasks.load(Ordering::Relaxed)) else {
            set.spawn(task);
            return;
        };
        lane.tasks.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&lane.tasks));
        let task = async move {
            let _place = place;
            task.await;
        };
        set.spawn_on(task, &lane.runtime);
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = Builder::new().name(format!("net-{number}")).spawn(move || {
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { runtime: handle, tasks: Arc::default(), end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::current;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn tasks_go_to_the_lane_with_the_fewest_and_end_with_it() {
        let lanes = Lanes::start(2).unwrap();
        let (mut set, (names, mut heard)) = (JoinSet::new(), mpsc::unbounded_channel());
        for _ in 0..4 {
            let names = names.clone();
            lanes.spawn(&mut set, async move {
                names.send(current().name().unwrap_or_default().to_owned()).unwrap();
                std::future::pending().await
            });
        }
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(heard.recv().await.unwrap());
        }
        seen.sort();
        assert_eq!(seen, ["net-0", "net-0", "net-1", "net-1"]);
        drop(lanes);
        while let Some(ended) = set.join_next().await {
            assert!(ended.unwrap_err().is_cancelled());
        }
    }

    #[tokio::test]
    async fn without_lanes_tasks_stay_where_they_are_spawned() {
        let (mut set, here) = (JoinSet::new(), current().id());
        Lanes::default().spawn(&mut set, async move { assert_eq!(current().id(), here) });
        set.join_next().await.unwrap().unwrap();
    }
}
