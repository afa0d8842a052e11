//! How a log gets shorter at its beginning: the new start is made durable, then nobody finds the segments below it any
//! more, then they are unlinked (durability rule C3). Each step is the owner's to take, because each may wait for the
//! disk. And in its middle: by compaction, which another thread does.

use super::{Log, disk_error};
use crate::compaction::{self, Compacted, CompactionJob};
use crate::controls::{self, Control};
use crate::error::AppendError;
use crate::log_start::{Removal, StartJob};
use crate::reader::Last;
use crate::retention::{self, Extent};
use crate::segment::{Segment, SegmentEntry};
use std::sync::Arc;

impl Log {
    /// Where the log should start by age, size, and what lies below its start already. Gives the active segment a
    /// successor, which keeps the end offset, if all of it is to go.
    pub fn retain(&mut self, high_watermark: i64, now_ms: i64) -> Result<i64, AppendError> {
        if let Some(reason) = &self.offline {
            return Err(AppendError::Offline(reason.clone()));
        }
        let segments: Vec<SegmentEntry> =
            self.shared.segments().iter().map(|segment| segment.entry()).collect();
        let (log_start, end_offset) = (self.log_start, self.end_offset);
        let extent = Extent { segments: &segments, log_start, high_watermark, end_offset };
        let plan = retention::plan(extent, &self.config, now_ms);
        if plan.roll {
            if controls::active(Control::NoSuccessor) {
                self.active = None;
            } else {
                self.start_segment().map_err(disk_error)?;
            }
        }
        Ok(plan.log_start)
    }

    /// What has to be durable before the log starts at this offset, or later than it does, or loses a file. `None` if
    /// nothing would change. One at a time.
    pub fn start_job(&self, log_start: i64) -> Option<StartJob> {
        let log_start = log_start.clamp(self.log_start, self.end_offset.max(self.log_start));
        let nothing =
            self.offline.is_some() || self.active.is_none() && !controls::active(Control::NoSuccessor);
        if nothing || (log_start == self.log_start && self.shared.count_below(log_start) == 0) {
            return None;
        }
        if controls::active(Control::UnlinkFirst) {
            let _ = self.removal(self.shared.segments_below(log_start)).run();
        }
        Some(StartJob { disk: Arc::clone(&self.disk), place: self.place.clone(), log_start })
    }

    /// The start is durable: nothing below is read any more. Returns the files that nobody needs.
    pub fn start_durable(&mut self, log_start: i64) -> Removal {
        self.log_start = self.log_start.max(log_start);
        self.epochs.trim(self.log_start);
        let last = if self.active.is_none() { Last::Goes } else { Last::Stays };
        self.removal(self.shared.started(self.log_start, last))
    }

    /// What a compaction may gain, if it is due: by the share of dirty bytes, or by the age of the oldest of them.
    pub fn compaction_job(&self, now_ms: i64) -> Option<CompactionJob> {
        if self.offline.is_some() || !self.config.compact {
            return None;
        }
        let segments = self.shared.segments();
        let entries: Vec<SegmentEntry> = segments.iter().map(|segment| segment.entry()).collect();
        let found = compaction::cleanable(&entries, self.durable_offset(), &self.config, now_ms);
        let first_dirty = segments.get(found.clean).filter(|_| found.clean < found.segments)?;
        let overdue = self.config.max_compaction_lag_ms < i64::MAX
            && first_dirty
                .open(self.disk.as_ref())
                .ok()
                .and_then(|source| super::first_timestamp(source.0.as_ref()))
                .is_some_and(|first| now_ms.saturating_sub(first) > self.config.max_compaction_lag_ms);
        if !overdue && !found.is_due(&self.config) {
            return None;
        }
        let last_batches =
            self.producers.iter().filter_map(|(id, p)| Some((id, p.batches.back()?.last_offset)));
        Some(CompactionJob {
            disk: Arc::clone(&self.disk),
            place: self.place.clone(),
            segments: segments[..found.segments].to_vec(),
            clean: found.clean,
            end_offset: segments[found.segments].base_offset,
            log_start: self.log_start,
            config: self.config.clone(),
            last_batches: last_batches.collect(),
        })
    }

    /// Compacted segments are durable: readers find them in place of the old ones. Returns the files that nobody needs.
    pub fn compacted(&mut self, compacted: &Compacted) -> Removal {
        let gone = compacted.segments.iter().flat_map(|segment| self.shared.replaced(segment)).collect();
        self.removal(gone)
    }

    fn removal(&self, segments: Vec<Arc<Segment>>) -> Removal {
        Removal {
            disk: Arc::clone(&self.disk),
            bytes: segments.iter().map(|segment| segment.size()).sum(),
            paths: segments.iter().map(|segment| segment.path.clone()).collect(),
        }
    }
}
