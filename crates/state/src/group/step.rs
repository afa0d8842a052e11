//! One decision while it is made: when, by which settings, about which group, and what comes of it.

use super::request::Reply;
use super::{Config, records};
use crate::effects::{Effects, Now, StateRecord, Ticket};
use ottla_wire::WireStr;
use ottla_wire::codec::EncodeError;
use ottla_wire::messages::records::GroupMetadataValue;

#[derive(Debug)]
pub struct Step<'a> {
    pub now: Now,
    pub config: &'a Config,
    pub group_id: &'a WireStr,
    pub effects: &'a mut Effects<Reply>,
    /// Bytes of records so far.
    pub written: usize,
}

/// Bytes of records from which on a decision is done in several steps, or refused: the log takes those of one decision
/// together.
const DECISION_BYTES: usize = 16 << 20;

/// A record that the log could not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl From<EncodeError> for TooLarge {
    fn from(_: EncodeError) -> Self {
        Self
    }
}

impl Step<'_> {
    pub fn is_full(&self) -> bool {
        self.written >= DECISION_BYTES
    }

    /// The monotonic instant that many milliseconds from now.
    pub fn after(&self, ms: i64) -> i64 {
        self.now.monotonic_ms.saturating_add(ms.max(0))
    }

    pub fn max_size(&self) -> usize {
        usize::try_from(self.config.max_size).unwrap_or(0)
    }

    pub fn reply(&mut self, ticket: Ticket, reply: Reply) {
        self.effects.replies.push((ticket, reply));
    }

    pub fn record(&mut self, record: StateRecord) -> Result<(), TooLarge> {
        let len = record.key.len() + record.value.as_ref().map_or(0, bytes::Bytes::len);
        if len > self.config.max_record_bytes {
            return Err(TooLarge);
        }
        self.written += len;
        self.effects.records.push(record);
        Ok(())
    }

    pub fn outcome(&mut self, value: &GroupMetadataValue) -> Result<(), TooLarge> {
        let record = records::group(self.group_id, value)?;
        self.record(record)
    }
}
