//! What of a log is old or too much: pure, and Kafka's rules but for the active segment, which is given up by age only.
//!
//! Segments go whole and from the oldest on, never beyond the high watermark. A segment is old when its newest record is;
//! one whose records carry no time is kept by age, and goes by size. Sizes bound what timestamps in the future would
//! keep for ever (durability rule C4).

use crate::config::LogConfig;
use crate::segment::SegmentEntry;

/// What a log is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Extent<'a> {
    /// Oldest first; the last one is written.
    pub segments: &'a [SegmentEntry],
    pub log_start: i64,
    pub high_watermark: i64,
    pub end_offset: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Where the log should start: where it does, or later.
    pub log_start: i64,
    /// The active segment goes too, so another one has to be there first.
    pub roll: bool,
}

/// Where a log should start.
pub fn plan(extent: Extent<'_>, config: &LogConfig, now_ms: i64) -> Plan {
    let Extent { segments, log_start, high_watermark, end_offset } = extent;
    let limit = u64::try_from(config.retention_bytes).ok().filter(|_| config.delete);
    let total: u64 = segments.iter().map(|segment| segment.size).sum();
    let mut excess = limit.map_or(0, |limit| total.saturating_sub(limit));
    let mut plan = Plan { log_start, roll: false };
    for (i, segment) in segments.iter().enumerate() {
        let next = segments.get(i + 1).map(|next| next.base_offset);
        let end = next.unwrap_or(end_offset);
        let below = end <= log_start;
        let too_much = next.is_some() && limit.is_some() && excess >= segment.size;
        let goes = below || too_much || (config.delete && is_old(segment, config, now_ms));
        if !goes || end > high_watermark || (segment.size == 0 && next.is_none()) {
            break;
        }
        excess = excess.saturating_sub(segment.size);
        plan = Plan { log_start: log_start.max(end), roll: next.is_none() };
    }
    plan
}

fn is_old(segment: &SegmentEntry, config: &LogConfig, now_ms: i64) -> bool {
    // Compaction may leave nothing of a segment, or heads of batches that have no time.
    let empty = segment.size == 0 || segment.compacted.is_some() && segment.max_timestamp == i64::MIN;
    config.retention_ms >= 0
        && (empty
            || segment.max_timestamp >= 0
                && now_ms.saturating_sub(segment.max_timestamp) > config.retention_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments of ten offsets each, by size and newest timestamp.
    fn judge(sizes: &[(u64, i64)], log_start: i64, high_watermark: i64, config: &LogConfig) -> Plan {
        let segments: Vec<SegmentEntry> = (0..)
            .zip(sizes)
            .map(|(i, (size, max_timestamp))| SegmentEntry {
                base_offset: 10 * i,
                compacted: None,
                size: *size,
                max_timestamp: *max_timestamp,
                crc: 0,
            })
            .collect();
        let end_offset = 10 * segments.len() as i64;
        plan(Extent { segments: &segments, log_start, high_watermark, end_offset }, config, 1_000)
    }

    fn by_time(retention_ms: i64) -> LogConfig {
        LogConfig { retention_ms, ..LogConfig::default() }
    }

    fn by_size(retention_bytes: i64) -> LogConfig {
        LogConfig { retention_ms: -1, retention_bytes, ..LogConfig::default() }
    }

    #[test]
    fn whole_segments_go_from_the_oldest_on_by_age() {
        let kept = |log_start| Plan { log_start, roll: false };
        let segments = [(100, 100), (100, 500), (100, 300), (100, 900)];
        assert_eq!(judge(&segments, 0, 40, &by_time(500)), kept(10), "500 is not older than 500");
        assert_eq!(
            judge(&segments, 0, 40, &by_time(499)),
            kept(30),
            "behind an old one another old one goes"
        );
        assert_eq!(judge(&segments, 25, 40, &by_time(499)), kept(30));
        assert_eq!(judge(&segments, 0, 15, &by_time(499)), kept(10), "nothing goes beyond the watermark");
        assert_eq!(judge(&segments, 0, 40, &by_time(-1)), kept(0));
        assert_eq!(judge(&segments, 0, 40, &by_time(50)), Plan { log_start: 40, roll: true });
        assert_eq!(judge(&segments, 0, 39, &by_time(50)), kept(30));
        assert_eq!(judge(&[(100, 100), (0, i64::MIN)], 0, 10, &by_time(50)), kept(10), "an empty one stays");
        let future = [(100, 100), (100, i64::MAX), (100, 300)];
        assert_eq!(judge(&future, 0, 30, &by_time(0)), kept(10));
        assert_eq!(
            judge(&[(100, -1), (100, 1)], 0, 20, &by_time(0)),
            kept(0),
            "without a time there is no age"
        );
    }

    #[test]
    fn what_compaction_emptied_holds_nothing_back() {
        let range = |end_offset| Some(crate::segment::CompactedRange { end_offset, generation: 1 });
        let segment = |base_offset, compacted, size, max_timestamp| SegmentEntry {
            base_offset,
            compacted,
            size,
            max_timestamp,
            crc: 0,
        };
        // The head of a batch that is its producer's last, and nothing else.
        let segments =
            [segment(0, range(10), 61, i64::MIN), segment(10, None, 100, 100), segment(20, None, 100, 990)];
        let extent = Extent { segments: &segments, log_start: 0, high_watermark: 30, end_offset: 30 };
        assert_eq!(plan(extent, &by_time(50), 1_000), Plan { log_start: 20, roll: false });
    }

    #[test]
    fn bytes_bound_a_log_whatever_its_timestamps_say_and_never_take_the_active_segment() {
        let future = [(100, i64::MAX); 4];
        for (bytes, log_start) in [(400, 0), (301, 0), (300, 10), (299, 10), (100, 30), (0, 30)] {
            assert_eq!(judge(&future, 0, 40, &by_size(bytes)), Plan { log_start, roll: false }, "{bytes}");
        }
    }

    #[test]
    fn without_the_policy_only_what_lies_below_the_start_goes() {
        let config = LogConfig { delete: false, retention_bytes: 0, retention_ms: 0, ..LogConfig::default() };
        let segments = [(100, 1), (100, 1), (100, 1)];
        assert_eq!(judge(&segments, 0, 30, &config), Plan { log_start: 0, roll: false });
        assert_eq!(judge(&segments, 15, 30, &config), Plan { log_start: 15, roll: false });
        assert_eq!(judge(&segments, 30, 30, &config), Plan { log_start: 30, roll: true });
    }
}
