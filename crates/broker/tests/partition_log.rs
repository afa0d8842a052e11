//! What every log of a partition does, whatever keeps its data: run on the broker's disk and in memory.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod partition_suite;

use bytes::Bytes;
use ottla_broker::partition::{
    ActiveProducer, AppendError, DeleteBefore, DeleteError, EpochEnd, MemoryLog, PartitionLog, Produced,
    ReadError, ReadLimits, Slices, TimestampedOffset, WaitSet,
};
use ottla_wire::batch::{BatchHeader, batches};
use ottla_wire::record::{BatchBuilder, BuildOptions};

const ALL: ReadLimits = ReadLimits { max_bytes: 1 << 20, first_max_bytes: usize::MAX };

fn batch(timestamp: i64, producer: i64, sequence: i32) -> Produced {
    let mut builder = BatchBuilder::new();
    for i in 0..3 {
        builder.push(timestamp + i, None, Some(b"value"), &[]);
    }
    let options = BuildOptions {
        producer_id: producer,
        producer_epoch: if producer < 0 { -1 } else { 0 },
        base_sequence: sequence,
        ..BuildOptions::default()
    };
    let batch = builder.build(options).unwrap();
    let header = BatchHeader::parse(&batch).unwrap();
    Produced { header, frame_bytes: batch.len(), batch, leader_epoch: 4 }
}

fn offsets(slices: &Slices) -> Vec<i64> {
    batches(Bytes::from(slices.list.concat())).map(|(header, _)| header.base_offset).collect()
}

async fn conformance(log: &dyn PartitionLog) {
    log.ready().await.unwrap();
    let empty = log.offsets().unwrap();
    assert_eq!((empty.log_start, empty.high_watermark, empty.log_end), (0, 0, 0));
    assert!(log.read(0, ALL).await.unwrap().list.is_empty());
    assert_eq!(log.max_timestamp().await.unwrap(), None);

    let mut waiting = WaitSet::new();
    waiting.add(log.watchers());
    for i in 0..4 {
        let written = log.append(batch(100 * i, 7, 3 * i as i32)).await.unwrap().unwrap();
        assert_eq!((written.base_offset, written.duplicate), (3 * i, false));
    }
    waiting.moved().await;
    let again = log.append(batch(300, 7, 9)).await.unwrap().unwrap();
    assert_eq!((again.base_offset, again.duplicate), (9, true));
    let gap = log.append(batch(0, 7, 99)).await.unwrap();
    assert_eq!(gap, Err(AppendError::OutOfOrderSequence { producer_id: 7, sequence: 99, expected: 12 }));

    let found = log.offsets().unwrap();
    assert_eq!((found.high_watermark, found.log_end), (12, 12));
    assert_eq!(offsets(&log.read(0, ALL).await.unwrap()), [0, 3, 6, 9]);
    assert_eq!(offsets(&log.read(4, ALL).await.unwrap()), [3, 6, 9]);
    assert_eq!(
        offsets(&log.read(4, ReadLimits { max_bytes: 1, first_max_bytes: usize::MAX }).await.unwrap()),
        [3]
    );
    let little = log.read(4, ReadLimits { max_bytes: 1, first_max_bytes: 1 }).await.unwrap();
    assert!(little.list.is_empty());
    let batch_bytes = little.over_limit.expect("how large the first batch is");
    let just = log.read(4, ReadLimits { max_bytes: 1, first_max_bytes: batch_bytes }).await.unwrap();
    assert_eq!((just.bytes, just.over_limit), (batch_bytes, None));
    assert!(log.read(12, ALL).await.unwrap().list.is_empty());
    for beyond in [-1, 13] {
        let error = log.read(beyond, ALL).await.unwrap_err();
        assert_eq!(error, ReadError::OutOfRange { offset: beyond, start: 0, end: 12 });
    }
    let at = |offset, timestamp| Some(TimestampedOffset { offset, timestamp });
    assert_eq!(log.offset_for_timestamp(101).await.unwrap(), at(4, 101));
    assert_eq!(log.offset_for_timestamp(103).await.unwrap(), at(6, 200));
    assert_eq!(log.offset_for_timestamp(999).await.unwrap(), None);
    assert_eq!(log.max_timestamp().await.unwrap(), at(11, 302));
    assert_eq!(log.epoch_of(5), Some(4));
    let end = |epoch, end_offset| Ok(EpochEnd { epoch, end_offset });
    assert_eq!(log.end_of_epoch(3), end(3, 0), "older than everything that was written");
    assert_eq!((log.end_of_epoch(4), log.end_of_epoch(9)), (end(4, 12), end(4, 12)));
    let producer = ActiveProducer { id: 7, epoch: 0, last_sequence: 11, last_timestamp: 302 };
    assert_eq!(log.producers().await.unwrap(), [producer]);
    deletion(log).await;
}

/// Of a log that ends at 12, in batches of three.
async fn deletion(log: &dyn PartitionLog) {
    let delete = async |before| log.delete_records(before).await.unwrap();
    let refused = |offset| Err(DeleteError::OutOfRange { offset, high_watermark: 12 });
    assert_eq!(delete(DeleteBefore::Offset(13)).await, refused(13));
    assert_eq!(delete(DeleteBefore::Offset(-2)).await, refused(-2));
    assert_eq!(delete(DeleteBefore::Offset(4)).await, Ok(4));
    assert_eq!(delete(DeleteBefore::Offset(1)).await, Ok(4), "a log start never goes back");
    assert_eq!(log.offsets().unwrap().log_start, 4);
    let error = log.read(3, ALL).await.unwrap_err();
    assert_eq!(error, ReadError::OutOfRange { offset: 3, start: 4, end: 12 });
    assert_eq!(offsets(&log.read(4, ALL).await.unwrap()), [3, 6, 9]);
    let at = |offset, timestamp| Some(TimestampedOffset { offset, timestamp });
    assert_eq!(log.offset_for_timestamp(0).await.unwrap(), at(4, 101));
    assert_eq!(delete(DeleteBefore::HighWatermark).await, Ok(12));
    assert!(log.read(12, ALL).await.unwrap().list.is_empty());
    assert_eq!(
        (log.offset_for_timestamp(0).await.unwrap(), log.max_timestamp().await.unwrap()),
        (None, None)
    );
    // The producer is still known, and offsets go on.
    let written = log.append(batch(400, 7, 12)).await.unwrap().unwrap();
    assert_eq!((written.base_offset, written.log_start), (12, 12));
    assert_eq!(log.max_timestamp().await.unwrap(), at(14, 402));
}

#[tokio::test]
async fn the_log_in_memory_does_what_every_log_does() {
    conformance(&MemoryLog::default()).await;
}

#[tokio::test]
async fn the_log_on_disk_does_what_every_log_does() {
    let registry = partition_suite::start(&partition_suite::fresh());
    let partition = registry.partition(&partition_suite::topic(), 0).unwrap();
    conformance(partition.log.as_ref()).await;
    registry.stop().await.unwrap();
}
