//! What a run costs: CPU time of the broker's process, where it is visible, and of the generator itself.

use crate::connection::Connection;
use crate::layout::Layout;
use ottla_client::ClientError;
use ottla_client::config::Surroundings;
use ottla_env::process::{self, Usage};
use std::io;
use std::time::Duration;

/// One moment. Two of them make a cost.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub broker: Option<Usage>,
    pub generator: Option<Usage>,
    /// Of the machine: bytes that nothing uses, and the load of the last minute.
    pub free_memory: Option<u64>,
    pub load: Option<f64>,
}

impl Sample {
    /// The broker that is given, and this process.
    pub fn take(broker: Option<u32>) -> Self {
        Self {
            broker: broker.and_then(|pid| process::usage(pid).ok()),
            generator: process::usage(process::id()).ok(),
            free_memory: process::free_memory_bytes(),
            load: process::load_average(),
        }
    }
}

pub fn cpu(usage: Usage) -> Duration {
    usage.user + usage.system
}

/// CPU time between two moments; `None` when one of them was not seen.
pub fn spent(before: Option<Usage>, after: Option<Usage>) -> Option<Duration> {
    Some(cpu(after?).saturating_sub(cpu(before?)))
}

/// The one broker's process, where it runs on this machine: who listens on its port of the loopback interface. `None`
/// for a cluster of several brokers, one that is elsewhere, or one of another user.
pub async fn find_broker(layout: &Layout, surroundings: &Surroundings) -> Result<Option<u32>, ClientError> {
    let [broker] = layout.brokers.as_slice() else { return Ok(None) };
    let connection = Connection::open(surroundings.net.as_ref(), &broker.address).await?;
    let local = connection.peer_address.is_some_and(|address| address.ip().is_loopback());
    Ok(if local { process::listening_on(broker.address.port) } else { None })
}

/// A broker that nobody asks anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Idle {
    /// At the end.
    pub rss_bytes: u64,
    pub threads: u64,
    /// Share of one core.
    pub cpu: f64,
}

pub async fn idle(pid: u32, time: Duration) -> io::Result<Idle> {
    let before = process::usage(pid)?;
    tokio::time::sleep(time).await;
    let after = process::usage(pid)?;
    let spent = cpu(after).saturating_sub(cpu(before));
    let share = if time.is_zero() { 0.0 } else { spent.as_secs_f64() / time.as_secs_f64() };
    Ok(Idle { rss_bytes: after.rss_bytes, threads: after.threads, cpu: share })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_needs_both_moments() {
        let usage = |ms| Usage {
            user: Duration::from_millis(ms),
            system: Duration::from_millis(ms),
            rss_bytes: 1,
            rss_peak_bytes: 1,
            threads: 1,
            open_files: 1,
            disk: None,
        };
        assert_eq!(spent(Some(usage(10)), Some(usage(25))), Some(Duration::from_millis(30)));
        assert_eq!(spent(Some(usage(25)), Some(usage(10))), Some(Duration::ZERO));
        assert_eq!((spent(None, Some(usage(1))), spent(Some(usage(1)), None)), (None, None));
        let own = Sample::take(None);
        assert!(own.broker.is_none() && own.generator.is_some());
    }
}
