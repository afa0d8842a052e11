//! What is done for every log from time to time: old segments go, and compacted topics are compacted.
//!
//! The owner of a log decides; here is who is asked. A log that nobody has opened since the start is judged by what the
//! checkpoint says of it, so that a start opens none for this.

use super::{Inner, Partition, Registry, lock};
use crate::partition::pool::Class;
use crate::partition::writer::{Chore, Message};
use crate::settings::TopicConfig;
use ottla_log::checkpoint::{LogEntry, LogKey};
use ottla_log::compaction::cleanable;
use ottla_log::retention::{self, Extent};
use ottla_state::{Image, TopicId};
use std::collections::HashSet;
use std::sync::Arc;

impl Registry {
    /// Looks after every log, also after those that nobody has asked for since the start. Returns at once.
    pub fn attend(&self, chore: Chore) {
        let mut open: Vec<Arc<Partition>> = lock(&self.0.partitions).open.values().cloned().collect();
        // In an order that a run can be repeated in.
        open.sort_unstable_by_key(|partition| partition.local.key);
        for partition in open {
            self.0.attend(&partition, chore);
        }
        let registry = self.clone();
        self.0.syncs.submit(Class::Background, move || {
            let image = Arc::clone(&lock(&registry.0.partitions).image);
            for (id, index) in registry.0.due(&image, chore) {
                let topic = image.topic_by_id(id);
                if let Some(partition) = topic.and_then(|topic| registry.partition(topic, index)) {
                    registry.0.attend(&partition, chore);
                }
            }
        });
    }
}

impl Inner {
    fn attend(&self, partition: &Partition, chore: Chore) {
        let local = Arc::clone(&partition.local);
        let _ = self.writer(&local.key).send(Message::Do(local, chore));
    }

    /// Logs that are not open and have something to do, by what the checkpoint says of them.
    fn due(&self, image: &Image, chore: Chore) -> Vec<(TopicId, i32)> {
        let now = self.clock.now_ms();
        let open: HashSet<LogKey> = lock(&self.partitions).open.keys().copied().collect();
        let mut config: Option<(TopicId, TopicConfig)> = None;
        let mut due = Vec::new();
        for (key, entry) in &lock(&self.checkpoint).logs {
            let id = ottla_state::Uuid(key.0);
            let Some(topic) = image.topic_by_id(id).filter(|_| !open.contains(key)) else { continue };
            // The logs of a topic stand side by side.
            if config.as_ref().is_none_or(|(of, _)| *of != id) {
                config = Some((id, (self.config_of)(&topic.configs)));
            }
            let Some((_, config)) = &config else { continue };
            if is_due(chore, entry, config, now) {
                due.push((id, key.1));
            }
        }
        due
    }
}

/// Whether a log in this state has something to do.
fn is_due(chore: Chore, entry: &LogEntry, config: &TopicConfig, now_ms: i64) -> bool {
    match chore {
        Chore::Retain => {
            let extent = Extent {
                segments: &entry.segments,
                log_start: entry.log_start,
                high_watermark: entry.end_offset,
                end_offset: entry.end_offset,
            };
            let plan = retention::plan(extent, &config.log, now_ms);
            plan.roll || plan.log_start > entry.log_start
        }
        Chore::Compact => {
            let found = cleanable(&entry.segments, entry.end_offset, &config.log, now_ms);
            let by_age = found.dirty_bytes > 0 && config.log.max_compaction_lag_ms < i64::MAX;
            config.log.compact && (by_age || found.is_due(&config.log))
        }
    }
}
