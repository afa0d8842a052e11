//! The settings of one log, in the log's own units; the border to topic settings is the broker's.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Acknowledged = synced.
    Fsync,
    /// Acknowledged = in the page cache; synced on roll, on a clean stop and beside each checkpoint.
    Os,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Bytes after which a segment is full.
    pub segment_bytes: u32,
    /// Age of a segment's first record after which it is full.
    pub segment_ms: i64,
    /// At most so much is taken off that age, another part for each segment, so that many logs do not roll at once.
    pub segment_jitter_ms: i64,
    /// Bytes between two entries of the sparse index.
    pub index_interval_bytes: u32,
    /// Bytes that a segment's index may take, at 8 bytes an entry as Kafka counts them.
    pub segment_index_bytes: u32,
    pub durability: Durability,
    /// Unsynced records after which an `Os` log is synced.
    pub flush_messages: i64,
    /// Age of an unsynced record after which an `Os` log is synced.
    pub flush_ms: i64,
    /// Of every key the last record stays.
    pub compact: bool,
    /// Dirty bytes of a million of all bytes above which a log is compacted.
    pub min_cleanable_ppm: u32,
    /// Time for which a record stays as it is.
    pub min_compaction_lag_ms: i64,
    /// Time after which a record is compacted whatever the share of dirty bytes; ends segments too.
    pub max_compaction_lag_ms: i64,
    /// How long tombstones stay once a compaction met them.
    pub delete_retention_ms: i64,
    /// Old segments are removed; else only what lies below the log start.
    pub delete: bool,
    /// Age of a segment's newest record above which it is removed; negative: none is too old.
    pub retention_ms: i64,
    /// Bytes of a log above which its oldest segments are removed; negative: no limit.
    pub retention_bytes: i64,
    /// How long a removed segment stays on disk, for readers that are on their way to it.
    pub file_delete_delay_ms: i64,
    /// A producer that wrote nothing for so long is forgotten.
    pub producer_id_expiration_ms: i64,
}

impl LogConfig {
    /// The age at which a segment is full; `seed` tells segments apart.
    pub(crate) fn segment_age_ms(&self, seed: u32) -> i64 {
        // What is in the active segment cannot be compacted.
        let longest = if self.compact { self.max_compaction_lag_ms } else { i64::MAX };
        let age = self.segment_ms.min(longest);
        let most = self.segment_jitter_ms.clamp(0, age.max(0));
        if most == 0 { age } else { age - i64::from(seed) % most }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3600 * 1000,
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            durability: Durability::Fsync,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            compact: false,
            min_cleanable_ppm: 500_000,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: 24 * 3600 * 1000,
            delete: true,
            retention_ms: 7 * 24 * 3600 * 1000,
            retention_bytes: -1,
            file_delete_delay_ms: 60_000,
            producer_id_expiration_ms: 24 * 3600 * 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_takes_a_part_of_the_age_and_never_more() {
        let config = LogConfig { segment_ms: 1_000, segment_jitter_ms: 300, ..LogConfig::default() };
        let ages: Vec<i64> = [0, 299, 300, u32::MAX].map(|seed| config.segment_age_ms(seed)).to_vec();
        assert_eq!(ages, [1_000, 701, 1_000, 1_000 - i64::from(u32::MAX) % 300]);
        assert_eq!(LogConfig { segment_jitter_ms: 0, ..config.clone() }.segment_age_ms(7), 1_000);
        assert!(LogConfig { segment_jitter_ms: i64::MAX, ..config }.segment_age_ms(u32::MAX) > 0);
    }
}
