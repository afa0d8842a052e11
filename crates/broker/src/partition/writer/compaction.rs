//! Passes of compaction: begun here, run by the cleaner's thread beside appends and reads, and taken over here.

use super::{LogKey, Message, Owned, State, Writer};
use crate::partition::pool::Class;
use ottla_log::CompactError;
use ottla_log::compaction::Compacted;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compacting {
    Idle,
    UnderWay,
    /// Something in the log cannot be read; it would fail again and again. Until the next start.
    Never,
}

impl Writer {
    /// Begins a pass, if it is due.
    pub(super) fn compact(&mut self, key: &LogKey) {
        let now = self.tools.clock.now_ms();
        let Some(Owned { state: State::Open(open), .. }) = self.logs.get_mut(key) else { return };
        if open.compacting != Compacting::Idle {
            return;
        }
        let Some(job) = open.log.compaction_job(now) else { return };
        open.compacting = Compacting::UnderWay;
        let (own, key, stopping) = (self.own.clone(), *key, Arc::clone(&self.tools.stopping));
        let clock = Arc::clone(&self.tools.clock);
        self.tools.cleaner.submit(Class::Background, move || {
            let (compacted, result) = job.run(clock.now_ms(), &|| stopping.load(Ordering::Relaxed));
            let _ = own.send(Message::Compacted { key, compacted, result });
        });
    }

    pub(super) fn compacted(
        &mut self,
        key: &LogKey,
        compacted: &Compacted,
        result: Result<(), CompactError>,
    ) {
        let Some(Owned { local, state: State::Open(open) }) = self.logs.get_mut(key) else { return };
        let dir = local.place.dir.display();
        open.compacting = Compacting::Idle;
        match &result {
            Ok(()) | Err(CompactError::Stopping | CompactError::Sync(_)) => {}
            Err(error @ CompactError::Io { .. }) => {
                tracing::warn!(%dir, error = %error, "a compaction ended early")
            }
            Err(error) => {
                open.compacting = Compacting::Never;
                tracing::error!(%dir, error = %error, "the log is not compacted any more");
            }
        }
        if !compacted.is_empty() {
            // First: batches in memory would go on to show what is gone.
            local.tail.forget(compacted.end_offset());
            let removal = open.log.compacted(compacted);
            open.changed = true;
            let delay_ms = open.log.config().file_delete_delay_ms;
            let (before, after) = (compacted.bytes_before, compacted.bytes_after);
            tracing::debug!(%dir, before, after, "compacted");
            (self.tools.compacted)(before, after);
            (self.tools.appended)(1);
            self.remove_after(removal, delay_ms);
        }
        if let Err(CompactError::Sync(failed)) = result {
            self.fail(key, &failed.path, failed.source.to_string());
        }
    }
}
