//! Rebuilds a machine from its partition: every record from the log's start to the high watermark, in order.

use super::controls::{Control, active};
use crate::partition::{PartitionLog, ReadError, ReadLimits};
use bytes::Bytes;
use ottla_state::effects::{Machine, StateRecord};
use ottla_wire::batch::batches;
use ottla_wire::record::{self, RecordError};

/// Bytes of one read; a larger batch comes whole.
const READ_BYTES: usize = 1 << 20;
/// Bytes that one batch may have after decompression.
const DECOMPRESSED_MAX: usize = 128 << 20;

/// Why a partition cannot be replayed. A machine that lacks a record would tell a group that it has no offset, so there
/// is none at all then.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the batch at offset {offset} cannot be read: {source}")]
    Batch { offset: i64, source: RecordError },
    #[error("the record at offset {offset} cannot be taken: {cause}")]
    Record { offset: i64, cause: String },
}

/// What was replayed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Replayed {
    pub records: u64,
    pub bytes: u64,
}

/// Feeds an empty machine. Everything that was appended before is committed or has failed when this is called.
pub(super) async fn replay<M: Machine>(
    machine: &mut M,
    log: &dyn PartitionLog,
) -> Result<Replayed, ReplayError> {
    log.ready().await?;
    let mut replayed = Replayed::default();
    let mut offset = log.offsets()?.log_start;
    let limits = ReadLimits { max_bytes: READ_BYTES, first_max_bytes: usize::MAX };
    while offset < log.offsets()?.high_watermark {
        let before = offset;
        // A batch may come in several slices.
        let read = log.read(offset, limits).await?;
        replayed.bytes += read.bytes as u64;
        for (header, batch) in batches(Bytes::from(read.list.concat())) {
            if active(Control::ReplayCutShort) && offset > before {
                break;
            }
            offset = header.next_offset();
            // Ends of transactions; they say nothing to a machine.
            if header.is_control() {
                continue;
            }
            let batch_error = |source| ReplayError::Batch { offset: header.base_offset, source };
            for record in record::iterate(&batch, DECOMPRESSED_MAX).map_err(batch_error)? {
                let record = record.map_err(batch_error)?;
                // Nothing of ours; a tool may have written it.
                let Some(key) = record.key else { continue };
                replayed.records += 1;
                machine.apply(&StateRecord { key, value: record.value }).map_err(|error| {
                    ReplayError::Record { offset: record.offset, cause: error.to_string() }
                })?;
            }
        }
        if offset == before || active(Control::ReplayCutShort) {
            // Nothing is left below the high watermark.
            break;
        }
        // A long replay leaves room for the requests that wait for its end.
        tokio::task::yield_now().await;
    }
    Ok(replayed)
}
