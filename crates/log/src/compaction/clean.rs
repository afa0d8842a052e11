//! What is left of one batch: pure.
//!
//! A batch keeps its base offset, its last offset, its producer, epoch and sequence, whatever it loses, so that offsets
//! never move and producers stay known. The first compaction that meets a tombstone stamps its batch with the time until
//! which tombstones stay (KIP-534): bit 6 of the attributes, and the base timestamp is that time. The stamp stays when the
//! tombstones are gone, as in Kafka, and goes with the last record.

use super::offset_map::OffsetMap;
use crate::controls::{self, Control};
use crate::error::CompactError;
use bytes::Bytes;
use ottla_wire::batch::BatchHeader;
use ottla_wire::record::{self, Kept, Record};

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
    let mut kept = Kept::default();
    let mut tombstones = false;
    let horizon = header.delete_horizon();
    let expired =
        controls::active(Control::TombstonesDropped) || horizon.is_some_and(|ms| rules.now_ms >= ms);
    // Without a key a record should not be here; nobody could ever replace it.
    let stays = |found: &Record| {
        found.offset >= rules.log_start
            && found.key.as_ref().is_some_and(|key| !rules.map.is_superseded(key, found.offset))
            && (found.value.is_some() || !expired)
    };
    // Twice rather than collected: a small batch may decompress to millions of records.
    let records = record::iterate(batch, DECOMPRESSED_MAX)?;
    for found in records.clone() {
        let found = found?;
        if stays(&found) {
            tombstones |= found.value.is_none();
            kept.note(&found);
        }
    }
    if kept.count == 0 && last_of_producer == LastOfProducer::No {
        return Ok(None);
    }
    let stamp = match horizon {
        None if tombstones => Some(rules.now_ms.saturating_add(rules.delete_retention_ms)),
        horizon => horizon.filter(|_| kept.count > 0),
    };
    if kept.count == header.record_count && stamp == horizon {
        return Ok(Some(batch.clone()));
    }
    let left = records.filter(|found| found.as_ref().map_or(true, &stays));
    Ok(Some(record::rebuild(header, kept, left, stamp)?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastOfProducer {
    Yes,
    No,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ottla_wire::batch::TimestampType;
    use ottla_wire::record::{BatchBuilder, BuildOptions};

    const BASE: i64 = 3;
    const RETENTION_MS: i64 = 1_000;

    /// What a consumer sees of a batch, and what tells the next pass how to treat it.
    #[derive(Debug, PartialEq, Eq)]
    struct Left {
        horizon: Option<i64>,
        base_timestamp: i64,
        max_timestamp: i64,
        /// Offset, key, whether it is a tombstone.
        records: Vec<(i64, &'static str, bool)>,
    }

    fn batch(records: &[(&str, Option<&str>)], timestamp_type: TimestampType) -> Bytes {
        let mut builder = BatchBuilder::new();
        for (i, (key, value)) in (0..).zip(records) {
            builder.push(100 + i, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
        }
        let options =
            BuildOptions { base_offset: BASE, producer_id: 7, timestamp_type, ..BuildOptions::default() };
        builder.build(options).unwrap()
    }

    fn pass(batch: &Bytes, map: &OffsetMap, now_ms: i64, last: LastOfProducer) -> Option<Bytes> {
        let rules = Rules { map, log_start: 0, now_ms, delete_retention_ms: RETENTION_MS };
        clean(&BatchHeader::parse(batch).unwrap(), batch, &rules, last).unwrap()
    }

    fn left(batch: &Bytes) -> Left {
        let header = BatchHeader::parse(batch).unwrap();
        assert_eq!((header.base_offset, header.last_offset(), header.producer_id), (BASE, BASE + 1, 7));
        let records = record::iterate(batch, DECOMPRESSED_MAX).unwrap().map(|record| {
            let record = record.unwrap();
            let key = if record.key.as_deref() == Some(b"a") { "a" } else { "d" };
            (record.offset, key, record.value.is_none())
        });
        Left {
            horizon: header.delete_horizon(),
            base_timestamp: header.base_timestamp,
            max_timestamp: header.max_timestamp,
            records: records.collect(),
        }
    }

    /// Seen on Apache Kafka 4.4.0, on files of a topic with the same records and passes.
    #[test]
    fn the_stamp_of_tombstones_comes_stays_and_goes_as_in_kafka() {
        let nothing_newer = OffsetMap::new(10);
        let (yes, no) = (LastOfProducer::Yes, LastOfProducer::No);
        let fresh = batch(&[("a", None), ("d", Some("1"))], TimestampType::CreateTime);

        let stamped = pass(&fresh, &nothing_newer, 5_000, no).unwrap();
        let both = vec![(3, "a", true), (4, "d", false)];
        let expected =
            Left { horizon: Some(6_000), base_timestamp: 6_000, max_timestamp: 101, records: both };
        assert_eq!(left(&stamped), expected);

        // Whatever passes come before its time change nothing, the stamp included.
        assert_eq!(pass(&stamped, &nothing_newer, 5_999, no).unwrap(), stamped);

        let expired = pass(&stamped, &nothing_newer, 6_000, no).unwrap();
        let expected = Left { records: vec![(4, "d", false)], ..expected };
        assert_eq!(left(&expired), expected);
        assert_eq!(pass(&expired, &nothing_newer, 9_000, no).unwrap(), expired);

        // A neighbour that was superseded takes nothing from the stamp.
        let mut newer = OffsetMap::new(10);
        newer.note(b"d", 9);
        let alone = pass(&stamped, &newer, 5_500, no).unwrap();
        let expected = Left { max_timestamp: 100, records: vec![(3, "a", true)], ..expected };
        assert_eq!(left(&alone), expected);

        // Nothing is left: no batch, or where it is the last of its producer an empty one without a stamp.
        assert_eq!(pass(&alone, &newer, 6_000, no), None);
        let empty = pass(&alone, &newer, 6_000, yes).unwrap();
        let expected = Left { horizon: None, base_timestamp: -1, max_timestamp: 100, records: Vec::new() };
        assert_eq!(left(&empty), expected);
        assert_eq!(pass(&empty, &newer, 9_000, yes).unwrap(), empty);
    }

    #[test]
    fn a_stamp_leaves_the_time_of_the_append() {
        let fresh = batch(&[("a", None), ("d", Some("1"))], TimestampType::LogAppendTime);
        let before = BatchHeader::parse(&fresh).unwrap();
        let stamped = pass(&fresh, &OffsetMap::new(10), 5_000, LastOfProducer::No).unwrap();
        let after = BatchHeader::parse(&stamped).unwrap();
        assert_eq!(
            (after.delete_horizon(), after.timestamp_type()),
            (Some(6_000), TimestampType::LogAppendTime)
        );
        assert_eq!(after.max_timestamp, before.max_timestamp);
        let times: Vec<i64> = record::iterate(&stamped, DECOMPRESSED_MAX)
            .unwrap()
            .map(|record| record.unwrap().timestamp)
            .collect();
        assert_eq!(times, [before.max_timestamp; 2]);
    }
}
