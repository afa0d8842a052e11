//! How logs get shorter: by retention and by request (durability rules C3, C4).
//!
//! A new log start goes to the sync threads, one of a log at a time; when it is durable it is answered, and nobody finds
//! the segments below it any more; their files are unlinked after `file.delete.delay.ms`.

use super::{Chore, DeleteReply, LogKey, Message, Owned, State, Waiting, Writer};
use crate::partition::error::DeleteError;
use crate::partition::partition_log::DeleteBefore;
use crate::partition::pool::Class;
use ottla_env::disk::lacks_room;
use ottla_log::{Removal, StartFailed};

/// Where a log is about to start.
#[derive(Default)]
pub(super) struct Starting {
    under_way: bool,
    wanted: i64,
    waiting: Vec<(i64, DeleteReply)>,
}

impl Starting {
    /// Answers everybody who waits.
    pub fn refuse(self, why: &DeleteError) {
        for (_, reply) in self.waiting {
            let _ = reply.send(Err(why.clone()));
        }
    }

    /// Answers those whose records are gone.
    fn answer(&mut self, log_start: i64) {
        for (_, reply) in self.waiting.extract_if(.., |(wanted, _)| *wanted <= log_start) {
            let _ = reply.send(Ok(log_start));
        }
    }
}

fn found_no_room(result: &Result<(), StartFailed>) -> bool {
    matches!(result, Err(StartFailed::Write { source, .. }) if lacks_room(source))
}

impl Writer {
    pub(super) fn delete_records(&mut self, key: &LogKey, before: DeleteBefore, reply: DeleteReply) {
        if self.stopping {
            return drop(reply.send(Err(DeleteError::Stopping)));
        }
        let Some(owned) = self.logs.get_mut(key) else {
            return drop(reply.send(Err(DeleteError::Deleted)));
        };
        let open = match &mut owned.state {
            State::Opening(waiting) => return waiting.push(Waiting::DeleteRecords(before, reply)),
            State::Failed(why) => return drop(reply.send(Err(DeleteError::Storage(why.clone())))),
            State::Open(open) => open,
        };
        let high_watermark = owned.local.high_watermark();
        let offset = match before {
            DeleteBefore::HighWatermark => high_watermark,
            DeleteBefore::Offset(offset) => offset,
        };
        if !(0..=high_watermark).contains(&offset) {
            return drop(reply.send(Err(DeleteError::OutOfRange { offset, high_watermark })));
        }
        if open.log.is_offline() {
            return drop(reply.send(Err(DeleteError::Storage("the partition is offline".to_owned()))));
        }
        open.starting.wanted = open.starting.wanted.max(offset);
        open.starting.waiting.push((offset, reply));
        self.move_start(key);
    }

    /// Looks after a log, when it is open.
    pub(super) fn attend(&mut self, key: &LogKey, chore: Chore) {
        match self.logs.get_mut(key).filter(|_| !self.stopping).map(|owned| &mut owned.state) {
            Some(State::Opening(waiting)) => waiting.push(Waiting::Do(chore)),
            Some(State::Open(_)) if chore == Chore::Retain => self.retain(key),
            Some(State::Open(_)) => self.compact(key),
            Some(State::Failed(_)) | None => {}
        }
    }

    /// Gives up what is old or too much.
    fn retain(&mut self, key: &LogKey) {
        let now = self.tools.clock.now_ms();
        let Some(owned) = self.logs.get_mut(key) else { return };
        let State::Open(open) = &mut owned.state else { return };
        // A checkpoint does it too, and has no log that nobody writes to any more.
        open.log.expire_producers(now);
        if open.log.is_offline() || open.starting.under_way {
            return;
        }
        match open.log.retain(owned.local.high_watermark(), now) {
            Ok(log_start) => open.starting.wanted = open.starting.wanted.max(log_start),
            Err(error) => {
                let dir = owned.local.place.dir.display();
                return tracing::warn!(error = %error, %dir, "old segments are kept for now");
            }
        }
        self.move_start(key);
    }

    /// Makes the start that is wanted durable, unless another one is on its way.
    fn move_start(&mut self, key: &LogKey) {
        let Some(Owned { state: State::Open(open), .. }) = self.logs.get_mut(key) else { return };
        open.starting.answer(open.log.log_start());
        if open.starting.under_way {
            return;
        }
        let Some(job) = open.log.start_job(open.starting.wanted) else { return };
        open.starting.under_way = true;
        let (own, key, reserve) = (self.own.clone(), *key, self.tools.reserve.clone());
        self.tools.syncs.submit(Class::Urgent, move || {
            let mut result = job.run();
            if found_no_room(&result)
                && let Ok(again) = reserve.lend(0, || job.run(), found_no_room)
            {
                // Deleting is what makes room, so it must not need any (durability rule A8).
                result = again;
            }
            let _ = own.send(Message::Started { key, log_start: job.log_start, result });
        });
    }

    pub(super) fn started(&mut self, key: &LogKey, log_start: i64, result: Result<(), StartFailed>) {
        let Some(Owned { local, state: State::Open(open) }) = self.logs.get_mut(key) else { return };
        open.starting.under_way = false;
        match result {
            Ok(()) => {}
            Err(StartFailed::Sync(failed)) => {
                let cause = failed.source.to_string();
                return self.fail(key, &failed.path, cause);
            }
            Err(error @ StartFailed::Write { .. }) => {
                tracing::warn!(error = %error, "a log keeps its start");
                std::mem::take(&mut open.starting).refuse(&DeleteError::Storage(error.to_string()));
                return;
            }
        }
        let removal = open.log.start_durable(log_start);
        open.changed = true;
        (self.tools.appended)(1);
        if removal.segments() > 0 {
            let dir = local.place.dir.display();
            tracing::debug!(%dir, log_start, segments = removal.segments(), bytes = removal.bytes, "segments removed");
            (self.tools.removed)(removal.segments(), removal.bytes);
            let delay_ms = open.log.config().file_delete_delay_ms;
            self.remove_after(removal, delay_ms);
        }
        self.move_start(key);
    }

    /// Unlinks files when nobody can be on the way to them any more.
    pub(super) fn remove_after(&mut self, removal: Removal, delay_ms: i64) {
        let now = self.tools.clock.now_ms();
        self.removals.entry(now.saturating_add(delay_ms)).or_default().push(removal);
        self.remove_due(now);
    }

    /// Unlinks what nobody can be reading any more.
    pub(super) fn remove_due(&mut self, now_ms: i64) {
        let later = self.removals.split_off(&now_ms.saturating_add(1));
        let due = std::mem::replace(&mut self.removals, later);
        for removal in due.into_values().flatten() {
            let reserve = self.tools.reserve.clone();
            self.tools.syncs.submit(Class::Background, move || {
                if let Err(error) = removal.run() {
                    tracing::warn!(error = %error, "a removed segment stays until the log is opened again");
                }
                reserve.keep();
            });
        }
    }
}
