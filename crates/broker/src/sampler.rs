//! Looks at what metrics show of a state, when somebody asks for them: sizes, memory in use, the process itself.

use crate::connection::Limits;
use crate::context::Context;
use crate::metrics::Sample;
use ottla_env::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Clone)]
pub struct Sampler {
    pub context: Arc<Context>,
    pub limits: Arc<Limits>,
    pub ready: Arc<AtomicBool>,
}

impl Sampler {
    pub fn new(context: &Arc<Context>, limits: &Arc<Limits>, ready: &Arc<AtomicBool>) -> Self {
        Self { context: Arc::clone(context), limits: Arc::clone(limits), ready: Arc::clone(ready) }
    }

    pub async fn sample(&self) -> Sample {
        let image = self.context.image();
        let storage = self.context.registry.storage().await;
        let budgets = [
            ("medium_frames", &self.limits.medium_frames),
            ("large_frames_begun", &self.limits.large_frames_begun),
            ("large_frames", &self.limits.large_frames),
            ("requests", &self.context.requests),
            ("answers", &self.context.answers),
        ];
        let settings = self.context.settings.load();
        let sessions = self.context.fetch_sessions.count();
        Sample {
            ready: self.ready.load(Ordering::Acquire),
            process: process::usage(process::id()).ok(),
            open_listeners: settings.broker().listeners.iter().filter(|one| !one.is_loopback()).count(),
            fetch_sessions: sessions.open,
            fetch_sessions_evicted: sessions.evicted,
            topics: image.topic_count(),
            partitions: image.topics().map(|topic| topic.partitions.len()).sum(),
            open_logs: storage.open_logs,
            offline_logs: storage.offline_logs,
            os_logs: storage.os_logs,
            log_segments: storage.segments,
            log_bytes: storage.bytes,
            checkpoint_age: storage.checkpoint_age,
            disk: storage.space,
            budgets: budgets.map(|(name, budget)| (name, budget.used_bytes(), budget.size_bytes())).to_vec(),
        }
    }
}
