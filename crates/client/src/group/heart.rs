//! The heartbeats of one generation: a task that runs beside whatever the member and its application do.
//!
//! It goes on while the group rebalances, because the session must not end while an application gives partitions back,
//! and ends when the coordinator does not know the member any more. Dropping the [`Heart`] stops it.

use super::verdict::{Verdict, verdict};
use super::{Coordinator, GroupConfig, Identity, protocol};
use crate::cluster::{ANY_VERSION, Cluster};
use crate::connection::{Call, check};
use crate::connections::Lane;
use crate::errors::ClientError;
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What the coordinator said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pulse {
    Steady,
    Rebalance,
    /// This heart beats no more.
    Ended(ClientError),
}

#[derive(Debug)]
pub(super) struct Heart {
    pub pulse: watch::Receiver<Pulse>,
    task: JoinHandle<()>,
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heart {
    pub fn start(
        cluster: Arc<Cluster>,
        coordinator: Arc<Coordinator>,
        config: Arc<GroupConfig>,
        identity: &Identity,
        lane: Lane,
    ) -> Self {
        let request = HeartbeatRequest {
            group_id: config.group_id.as_str().into(),
            generation_id: identity.generation,
            member_id: identity.member_id.as_str().into(),
            group_instance_id: protocol::optional(identity.instance_id.as_deref()),
        };
        let (sender, pulse) = watch::channel(Pulse::Steady);
        let task = tokio::spawn(async move {
            let call = Call {
                timeout: cluster.config.request_timeout.min(config.session_timeout),
                version_max: ANY_VERSION,
            };
            let mut backoff = cluster.backoff();
            let mut next = Instant::now() + config.heartbeat_interval;
            loop {
                tokio::time::sleep_until(next).await;
                let answer = coordinator.ask(&request, lane, call).await;
                let Err(error) = answer.and_then(|answer| check("heartbeat", answer.error_code)) else {
                    backoff.reset();
                    next = Instant::now() + config.heartbeat_interval;
                    continue;
                };
                coordinator.learn(&error);
                match verdict(&error) {
                    Verdict::Again => {
                        tracing::debug!(group = config.group_id, error = %error, "heartbeat failed");
                        next = Instant::now() + backoff.next_pause();
                    }
                    Verdict::Rejoin => {
                        sender.send_replace(Pulse::Rebalance);
                        next = Instant::now() + config.heartbeat_interval;
                    }
                    Verdict::TakeId | Verdict::Lost | Verdict::LostWithId | Verdict::Fatal => {
                        sender.send_replace(Pulse::Ended(error));
                        return;
                    }
                }
            }
        });
        Self { pulse, task }
    }
}
