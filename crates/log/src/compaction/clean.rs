//! What is left of one batch: pure.
//!
//! A batch keeps its base offset, its last offset, its producer, epoch and sequence, whatever it loses, so that offsets
//! never move and producers stay known. The first compaction that meets a tombstone stamps its batch with the time until
//! which tombstones stay (KIP-534): bit 6 of the attributes, and the base timestamp is that time.

use super::offset_map::OffsetMap;
use crate::controls::{self, Control};
use crate::error::CompactError;
use bytes::Bytes;
use ottla_wire::batch::BatchHeader;
use ottla_wire::record::{self, Record};

/// Bytes that one batch may have after decompression.
pub(super) const DECOMPRESSED_MAX: usize = 128 << 20;

/// What decides about records.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub map: &'a OffsetMap,
    /// The log start: what lies below goes in any case.
    pub log_start: i64,
    pub now_ms: i64,
    pub delete_retention_ms: i64,
}

/// Looks at the records of a batch that was checked. `last_of_producer`: the batch is the last that its producer wrote, so
/// at least its head stays. `None`: nothing of it stays.
pub(super) fn clean(
    header: &BatchHeader,
    batch: &Bytes,
    rules: &Rules<'_>,
    last_of_producer: LastOfProducer,
) -> Result<Option<Bytes>, CompactError> {
    // Whether a transaction took effect is not known here.
    if header.is_control() || header.is_transactional() {
        return Ok(Some(batch.clone()));
    }
    let mut kept = Vec::new();
    let mut tombstones = false;
    let horizon = header.delete_horizon();
    let expired =
        controls::active(Control::TombstonesDropped) || horizon.is_some_and(|ms| rules.now_ms >= ms);
    for found in record::iterate(batch, DECOMPRESSED_MAX)? {
        let found: Record = found?;
        // Without a key it should not be here; nobody could ever replace it.
        let stays = found.offset >= rules.log_start
            && found.key.as_ref().is_some_and(|key| !rules.map.is_superseded(key, found.offset))
            && (found.value.is_some() || !expired);
        if stays {
            tombstones |= found.value.is_none();
            kept.push(found);
        }
    }
    if kept.is_empty() && last_of_producer == LastOfProducer::No {
        return Ok(None);
    }
    let stamp = match horizon {
        None if tombstones => Some(rules.now_ms.saturating_add(rules.delete_retention_ms)),
        horizon => horizon.filter(|_| tombstones),
    };
    if kept.len() == usize::try_from(header.record_count).unwrap_or(0) && stamp == horizon {
        return Ok(Some(batch.clone()));
    }
    Ok(Some(record::rebuild(header, &kept, stamp)?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastOfProducer {
    Yes,
    No,
}
