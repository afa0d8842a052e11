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
    /// Bytes between two entries of the sparse index.
    pub index_interval_bytes: u32,
    /// Bytes that a segment's index may take, at 8 bytes an entry as Kafka counts them.
    pub segment_index_bytes: u32,
    pub durability: Durability,
    /// Unsynced records after which an `Os` log is synced.
    pub flush_messages: i64,
    /// Age of an unsynced record after which an `Os` log is synced.
    pub flush_ms: i64,
    /// A producer that wrote nothing for so long is forgotten.
    pub producer_id_expiration_ms: i64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3600 * 1000,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            durability: Durability::Fsync,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            producer_id_expiration_ms: 24 * 3600 * 1000,
        }
    }
}
