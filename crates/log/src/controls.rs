//! Planted bugs, for proving that the crash suite would find them. Only test builds (feature `controls`) have any.

/// One bug a rule of docs/durability.md is tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Control {
    None,
    /// A sync that ends moves the durable offset to the end of the file, not to where the file ended as it began.
    SyncCoversTheEnd,
    /// After a roll the newest file alone decides what is durable.
    NewestFileDecides,
    /// A file is synced again while a sync of it is under way.
    TwoSyncsOfAFile,
    /// A failed append leaves its bytes in the file.
    NoCutBack,
    /// What recovery cuts off stays in the file, to be written over.
    CutBytesStay,
    /// The name of a new segment is not synced.
    NoNameSync,
    /// The producer table moves before the write.
    TableMovesFirst,
    /// Recovery trusts the checkpoint's end and looks at nothing behind it.
    StopAtCheckpoint,
    /// Recovery does not rebuild the producers it meets.
    ProducersNotRebuilt,
    /// Recovery does not check CRCs.
    NoCrcCheck,
    /// Recovery sees a torn tail and leaves it.
    TornTailAccepted,
    /// Recovery takes damage below the checkpoint for the end of the log.
    CutBelowCheckpoint,
    /// Reads do not check what the CRC does not cover: that offsets continue, and the leader epochs.
    OrderNotChecked,
    /// Reads do not check CRCs.
    CrcNotChecked,
    /// An index file is believed although it is of other bytes.
    StaleIndexTrusted,
    /// Producers and leader epochs of a checkpoint are believed although the log ends before them.
    SnapshotAheadTrusted,
    /// Recovery does not sync what it found in the page cache.
    NoSyncAtRecovery,
    /// Segments are unlinked before the new log start is durable.
    UnlinkFirst,
    /// The last segment goes although no other one carries the end offset.
    NoSuccessor,
    /// Compaction drops tombstones at once.
    TombstonesDropped,
    /// A compacted segment takes the place of others before its bytes are synced.
    SwapUnsynced,
}

ottla_env::control_switch!();
