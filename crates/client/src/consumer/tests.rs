//! Reading from each start, across every trouble on the way, and what is told of damage.

use super::*;
use crate::testing::{FakeCluster, Fault};
use bytes::Bytes;
use ottla_wire::batch::BatchHeader;
use ottla_wire::messages::fetch::AbortedTransaction;
use ottla_wire::record::{BatchBuilder, BuildOptions};
use ottla_wire::{ErrorCode, apis};

fn batch(values: std::ops::Range<i64>) -> Bytes {
    let mut builder = BatchBuilder::new();
    values.for_each(|i| builder.push(1_000 + i, None, Some(i.to_string().as_bytes()), &[]));
    builder.build(BuildOptions::default()).unwrap()
}

/// 30 records in batches of ten in partition 0 of two; record n has the time 1000 + n.
async fn filled() -> FakeCluster {
    let fake = FakeCluster::with_topic(2).await;
    let mut state = fake.state();
    let partition = &mut state.topics.get_mut("t").unwrap()[0];
    for first in [0, 10, 20] {
        partition.append(&batch(first..first + 10)).unwrap();
    }
    drop(state);
    fake
}

fn from(start: Start) -> Assignment {
    Assignment { topic: "t".to_owned(), partition: 0, start }
}

async fn consumer(fake: &FakeCluster, config: ConsumerConfig, start: Start) -> Consumer {
    let mut consumer = fake.client().await.consumer(config);
    consumer.assign(&[from(start)]).await.unwrap();
    consumer
}

/// Offsets up to the one before `end`; each value must be its offset.
async fn read_to(consumer: &mut Consumer, end: i64) -> Result<Vec<i64>, ClientError> {
    let mut offsets = Vec::new();
    while consumer.position("t", 0) < Some(end) {
        for record in consumer.next().await?.records {
            assert_eq!(record.value.unwrap(), record.offset.to_string());
            offsets.push(record.offset);
        }
    }
    Ok(offsets)
}

#[tokio::test(start_paused = true)]
async fn every_start_finds_its_record() {
    let fake = filled().await;
    for (start, first) in [
        (Start::Beginning, 0),
        (Start::Offset(17), 17),
        (Start::BeforeEnd(4), 26),
        (Start::BeforeEnd(99), 0),
        (Start::Timestamp(1_012), 12),
    ] {
        let mut consumer = consumer(&fake, ConsumerConfig::default(), start).await;
        let offsets = read_to(&mut consumer, 30).await.unwrap();
        assert_eq!(offsets, (first..30).collect::<Vec<_>>(), "{start:?}");
        assert_eq!(consumer.high_watermark("t", 0), Some(30));
    }
    for start in [Start::End, Start::Timestamp(9_999)] {
        let consumer = consumer(&fake, ConsumerConfig::default(), start).await;
        assert_eq!(consumer.position("t", 0), Some(30), "{start:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_later_is_read_and_partitions_are_told_apart() {
    let fake = filled().await;
    let mut consumer = fake.client().await.consumer(ConsumerConfig::default());
    let second = Assignment { partition: 1, ..from(Start::Beginning) };
    consumer.assign(&[from(Start::End), second]).await.unwrap();
    fake.state().topics.get_mut("t").unwrap()[1].append(&batch(0..3)).unwrap();
    let batch = consumer.next().await.unwrap();
    assert_eq!((batch.partition, batch.records.len(), batch.next_offset), (1, 3, 3));
    let missing = Assignment { partition: 2, ..from(Start::End) };
    assert!(matches!(consumer.assign(&[missing]).await, Err(ClientError::NoPartition { .. })));
}

#[tokio::test(start_paused = true)]
async fn seek_pause_and_resume_take_effect_at_once() {
    let fake = filled().await;
    fake.state().topics.get_mut("t").unwrap()[1].append(&batch(0..3)).unwrap();
    let mut consumer = fake.client().await.consumer(ConsumerConfig::default());
    let second = Assignment { partition: 1, ..from(Start::Beginning) };
    consumer.assign(&[from(Start::Beginning), second]).await.unwrap();
    while consumer.position("t", 0) == Some(0) {
        consumer.next().await.unwrap();
    }
    // The rest of the answer is there already and must not come.
    consumer.seek("t", 0, 25).unwrap();
    let mut first = None;
    while first.is_none() {
        let batch = consumer.next().await.unwrap();
        first = batch.records.into_iter().find(|_| batch.partition == 0).map(|record| record.offset);
    }
    assert_eq!((first, consumer.position("t", 0)), (Some(25), Some(30)));
    consumer.pause("t", 0).unwrap();
    consumer.seek("t", 0, 0).unwrap();
    consumer.seek("t", 1, 0).unwrap();
    assert_eq!(consumer.next().await.unwrap().partition, 1, "nothing of a paused partition");
    let next = tokio::time::timeout(Duration::from_secs(5), consumer.next()).await;
    assert!(next.is_err() && consumer.is_paused("t", 0));
    consumer.resume("t", 0).unwrap();
    assert_eq!(read_to(&mut consumer, 30).await.unwrap(), (0..30).collect::<Vec<_>>());
    assert!(matches!(consumer.seek("t", 7, 0), Err(ClientError::NotAssigned { .. })));
}

#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_loses_and_repeats_nothing() {
    let fake = filled().await;
    for fault in [
        Fault::CloseBefore,
        Fault::Refuse(ErrorCode::NotLeaderOrFollower),
        Fault::CloseAfter,
        Fault::Silence,
        Fault::Refuse(ErrorCode::UnknownTopicOrPartition),
    ] {
        fake.fault(apis::FETCH, fault);
    }
    let mut consumer = consumer(&fake, ConsumerConfig::default(), Start::Beginning).await;
    assert_eq!(read_to(&mut consumer, 30).await.unwrap(), (0..30).collect::<Vec<_>>());
    fake.state().topics.get_mut("t").unwrap()[0].leader = 2;
    fake.state().topics.get_mut("t").unwrap()[0].append(&batch(30..40)).unwrap();
    assert_eq!(read_to(&mut consumer, 40).await.unwrap(), (30..40).collect::<Vec<_>>());
    assert_eq!(fake.faults_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_offset_that_is_gone_follows_the_policy() {
    let fake = filled().await;
    fake.state().topics.get_mut("t").unwrap()[0].log_start = 10;
    let with = |offset_reset| ConsumerConfig { offset_reset, ..Default::default() };
    for gone in [Start::Offset(3), Start::Offset(99)] {
        let mut earliest = consumer(&fake, with(OffsetReset::Earliest), gone).await;
        assert_eq!(earliest.next().await.unwrap().records[0].offset, 10);
        let mut fail = consumer(&fake, with(OffsetReset::Fail), gone).await;
        let error = fail.next().await.unwrap_err();
        assert!(matches!(error, ClientError::OffsetOutOfRange { log_start: 10, high_watermark: 30, .. }));
    }
    let mut latest = consumer(&fake, with(OffsetReset::Latest), Start::Offset(3)).await;
    let next = tokio::time::timeout(Duration::from_secs(5), latest.next()).await;
    assert!(next.is_err(), "there is nothing behind the end");
    fake.state().topics.get_mut("t").unwrap()[0].append(&batch(30..31)).unwrap();
    assert_eq!(latest.next().await.unwrap().records[0].offset, 30);
}

#[tokio::test(start_paused = true)]
async fn damage_is_told_with_its_place() {
    let fake = filled().await;
    {
        let mut state = fake.state();
        let stored = &mut state.topics.get_mut("t").unwrap()[0].batches[1];
        let mut damaged = stored.to_vec();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        *stored = damaged.into();
    }
    let mut reader = consumer(&fake, ConsumerConfig::default(), Start::Beginning).await;
    assert_eq!(reader.next().await.unwrap().next_offset, 10);
    for _ in 0..2 {
        let error = reader.next().await.unwrap_err();
        assert!(matches!(error, ClientError::CorruptBatch { offset: 10, .. }), "{error}");
        assert_eq!(reader.position("t", 0), Some(10), "nothing is skipped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_compacted_log_has_gaps_and_is_read() {
    let fake = FakeCluster::with_topic(1).await;
    let bytes = batch(0..1);
    let mut header = BatchHeader::parse(&bytes).unwrap();
    // One record is left of ten: the offsets of the batch are still ten.
    header.last_offset_delta = 9;
    let mut bytes = bytes.to_vec();
    bytes[..ottla_wire::batch::HEADER_LEN].copy_from_slice(&header.to_bytes());
    let crc = ottla_wire::batch::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let header = BatchHeader::parse(&bytes).unwrap();
    fake.state().topics.get_mut("t").unwrap()[0].push(&header, &bytes.into());
    let mut consumer = consumer(&fake, ConsumerConfig::default(), Start::Beginning).await;
    let read = consumer.next().await.unwrap();
    assert_eq!((read.records.len(), read.next_offset), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_deleted_while_it_is_read_is_told() {
    let fake = filled().await;
    let mut consumer = consumer(&fake, ConsumerConfig::default(), Start::End).await;
    fake.state().topics.clear();
    let error = consumer.next().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
}

#[test]
fn aborted_records_are_left_out_where_only_committed_ones_are_wanted() {
    let transactional = |value: i64, base_offset| {
        let mut builder = BatchBuilder::new();
        builder.push(0, None, Some(value.to_string().as_bytes()), &[]);
        let options = BuildOptions { base_offset, producer_id: 9, transactional: true, ..Default::default() };
        builder.build(options).unwrap()
    };
    let records = [transactional(0, 0), transactional(1, 1)].concat();
    let fetched = || Fetched {
        key: PartitionKey { topic: "t".to_owned(), partition: 0 },
        turn: 1,
        broker: 1,
        offset: 0,
        records: records.clone().into(),
        aborted: vec![AbortedTransaction { producer_id: 9, first_offset: 1 }],
        high_watermark: 2,
    };
    for (isolation, expected) in
        [(Isolation::ReadUncommitted, vec![1, 1]), (Isolation::ReadCommitted, vec![1, 0])]
    {
        let config = ConsumerConfig { isolation, ..Default::default() };
        let mut undecoded = Undecoded::new(fetched());
        let mut counts = Vec::new();
        while let Some(batch) = undecoded.next(&config) {
            counts.push(batch.unwrap().records.len());
        }
        assert_eq!(counts, expected, "{isolation:?}");
    }
}
