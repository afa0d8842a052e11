//! A whole producer against a cluster in memory that breaks on demand: order, count, bounds, and what is told.

use super::*;
use crate::partitioner::RoundRobin;
use crate::testing::{FakeCluster, Fault};
use ottla_wire::compress::Codec;
use ottla_wire::{ErrorCode, apis};
use std::time::Duration;

fn record(value: impl Into<String>) -> ProducerRecord {
    let mut record = ProducerRecord::new("t", None, Some(Bytes::from(value.into())));
    record.partition = Some(0);
    record
}

/// Every record is a batch of its own.
fn one_by_one() -> ProducerConfig {
    ProducerConfig { linger: Duration::ZERO, batch_size: 1, ..Default::default() }
}

async fn producer(fake: &FakeCluster, config: ProducerConfig) -> Producer {
    fake.client().await.producer(config).unwrap()
}

async fn send_all(producer: &Producer, count: usize) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for i in 0..count {
        deliveries.push(producer.send(record(i.to_string())).await.unwrap());
    }
    deliveries
}

async fn offsets(deliveries: Vec<Delivery>) -> Vec<Option<i64>> {
    let mut offsets = Vec::new();
    for delivery in deliveries {
        offsets.push(delivery.await.unwrap().offset);
    }
    offsets
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|i| i.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn records_are_batched_and_answered_with_their_offsets() {
    for codec in Codec::ALL {
        let fake = FakeCluster::with_topic(1).await;
        let producer = producer(&fake, ProducerConfig { codec, ..Default::default() }).await;
        let deliveries = send_all(&producer, 100).await;
        assert_eq!(offsets(deliveries).await, (0..100).map(Some).collect::<Vec<_>>());
        assert_eq!(fake.values(0), numbers(100));
        assert_eq!(fake.count(apis::PRODUCE), 1, "one batch, one request");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_writes_nothing_twice() {
    let fake = FakeCluster::with_topic(1).await;
    let producer = producer(&fake, one_by_one()).await;
    fake.fault(apis::PRODUCE, Fault::CloseAfter);
    let deliveries = send_all(&producer, 20).await;
    producer.flush().await;
    assert_eq!(fake.values(0), numbers(20));
    let offsets = offsets(deliveries).await;
    assert!((0..20).zip(&offsets).all(|(expected, offset)| offset.is_none_or(|offset| offset == expected)));
    assert_eq!(fake.faults_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_trouble_keeps_order_and_count() {
    let faults = [
        Fault::CloseBefore,
        Fault::Refuse(ErrorCode::NotEnoughReplicas),
        Fault::CloseAfter,
        Fault::Refuse(ErrorCode::CorruptMessage),
        Fault::Silence,
        Fault::Refuse(ErrorCode::RequestTimedOut),
    ];
    let fake = FakeCluster::with_topic(1).await;
    let producer = producer(&fake, one_by_one()).await;
    let mut deliveries = Vec::new();
    for (round, fault) in faults.into_iter().enumerate() {
        fake.fault(apis::PRODUCE, fault);
        for i in 0..12 {
            deliveries.push(producer.send(record((round * 12 + i).to_string())).await.unwrap());
        }
        producer.flush().await;
    }
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    assert_eq!(fake.values(0), numbers(72));
    assert_eq!(fake.faults_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_moved_leader_is_followed() {
    let fake = FakeCluster::with_topic(1).await;
    let producer = producer(&fake, one_by_one()).await;
    send_all(&producer, 3).await;
    producer.flush().await;
    fake.state().topics.get_mut("t").unwrap()[0].leader = 2;
    let deliveries = send_all(&producer, 3).await;
    assert_eq!(offsets(deliveries).await, [Some(3), Some(4), Some(5)]);
    assert_eq!(fake.values(0), ["0", "1", "2", "0", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_fails_alone() {
    let fake = FakeCluster::with_topic(1).await;
    let producer = producer(&fake, one_by_one()).await;
    fake.fault(apis::PRODUCE, Fault::Refuse(ErrorCode::InvalidRecord));
    let mut deliveries = send_all(&producer, 8).await;
    let error = deliveries.remove(0).await.unwrap_err();
    assert_eq!(error.cause.code(), Some(ErrorCode::InvalidRecord));
    assert_eq!(error.fate, RecordFate::NotWritten);
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    assert_eq!(fake.values(0), numbers(8)[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_split_until_it_fits() {
    let fake = FakeCluster::with_topic(1).await;
    fake.state().batch_bytes_max = 200;
    let producer = producer(&fake, ProducerConfig::default()).await;
    let mut deliveries = send_all(&producer, 50).await;
    deliveries.push(producer.send(record("x".repeat(500))).await.unwrap());
    let last = deliveries.pop().unwrap().await.unwrap_err();
    assert_eq!(last.cause.code(), Some(ErrorCode::MessageTooLarge));
    assert_eq!(offsets(deliveries).await, (0..50).map(Some).collect::<Vec<_>>());
    assert_eq!(fake.values(0), numbers(50));
    producer.flush().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_identity_is_renewed() {
    let fake = FakeCluster::with_topic(1).await;
    let producer = producer(&fake, one_by_one()).await;
    fake.fault(apis::PRODUCE, Fault::Refuse(ErrorCode::UnknownProducerId));
    let deliveries = send_all(&producer, 10).await;
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    assert_eq!(fake.values(0), numbers(10));
    assert_eq!(fake.state().producer_ids, 2);
}

#[tokio::test(start_paused = true)]
async fn delivery_ends_with_the_last_error_and_what_is_known_of_the_record() {
    let fake = FakeCluster::with_topic(1).await;
    let config = ProducerConfig { delivery_timeout: Duration::from_secs(20), ..one_by_one() };
    let producer = producer(&fake, config).await;
    let faults = |fault: Fault| (0..1_000).for_each(|_| fake.fault(apis::PRODUCE, fault.clone()));
    faults(Fault::Refuse(ErrorCode::NotEnoughReplicas));
    let error = send_all(&producer, 1).await.remove(0).await.unwrap_err();
    assert_eq!(error.cause.code(), Some(ErrorCode::NotEnoughReplicas));
    assert_eq!(error.fate, RecordFate::NotWritten);
    let fake = FakeCluster::with_topic(1).await;
    let config = ProducerConfig { delivery_timeout: Duration::from_secs(20), ..one_by_one() };
    let producer = self::producer(&fake, config).await;
    (0..1_000).for_each(|_| fake.fault(apis::PRODUCE, Fault::CloseBefore));
    let error = send_all(&producer, 1).await.remove(0).await.unwrap_err();
    assert!(error.cause.is_unreachable() && error.fate == RecordFate::Unknown, "{error}");
}

#[tokio::test(start_paused = true)]
async fn after_a_record_of_unknown_fate_the_next_ones_still_arrive() {
    let fake = FakeCluster::with_topic(1).await;
    let config = ProducerConfig { delivery_timeout: Duration::from_secs(3), ..one_by_one() };
    let producer = producer(&fake, config).await;
    (0..100).for_each(|_| fake.fault(apis::PRODUCE, Fault::CloseBefore));
    let mut lost = send_all(&producer, 3).await;
    assert_eq!(lost.remove(0).await.unwrap_err().fate, RecordFate::Unknown);
    for delivery in lost {
        assert!(delivery.await.is_err());
    }
    while fake.faults_left() > 0 {
        let _ = send_all(&producer, 1).await.remove(0).await;
    }
    let before = fake.values(0).len();
    let deliveries = send_all(&producer, 5).await;
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    assert_eq!(fake.values(0)[before..], numbers(5));
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_and_a_full_producer_waits_then_says_so() {
    let fake = FakeCluster::with_topic(1).await;
    let config = ProducerConfig {
        buffer_memory: 8 << 10,
        max_request_size: 4 << 10,
        max_block: Duration::from_secs(2),
        ..Default::default()
    };
    let producer = producer(&fake, config).await;
    let error = producer.send(record("x".repeat(5_000))).await.unwrap_err();
    assert!(matches!(error, ClientError::RecordTooLarge { .. }));
    (0..50).for_each(|_| fake.fault(apis::PRODUCE, Fault::Refuse(ErrorCode::NotEnoughReplicas)));
    let first = producer.send(record("x".repeat(3_900))).await.unwrap();
    let second = producer.send(record("x".repeat(3_900))).await.unwrap();
    let full = producer.send(record("x".repeat(3_900))).await.unwrap_err();
    assert!(matches!(full, ClientError::BufferFull { .. }) && full.is_unreachable());
    first.await.unwrap();
    second.await.unwrap();
    producer.send(record("room again")).await.unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_acks_nobody_tells_an_offset() {
    let fake = FakeCluster::with_topic(1).await;
    let config = ProducerConfig { acks: Acks::None, idempotence: false, ..Default::default() };
    let producer = producer(&fake, config).await;
    let deliveries = send_all(&producer, 10).await;
    assert_eq!(offsets(deliveries).await, [None; 10]);
    let wrong = ProducerConfig { acks: Acks::Leader, ..Default::default() };
    assert!(matches!(fake.client().await.producer(wrong), Err(ClientError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn a_closed_producer_has_sent_everything_and_takes_nothing() {
    let fake = FakeCluster::with_topic(1).await;
    let producer =
        producer(&fake, ProducerConfig { linger: Duration::from_secs(60), ..Default::default() }).await;
    let deliveries = send_all(&producer, 5).await;
    producer.close().await;
    assert_eq!(fake.values(0), numbers(5));
    assert_eq!(offsets(deliveries).await.len(), 5);
    assert_eq!(producer.send(record("late")).await.unwrap_err(), ClientError::Closed);
    let open =
        self::producer(&fake, ProducerConfig { linger: Duration::from_secs(60), ..Default::default() }).await;
    let delivery = open.send(record("dropped")).await.unwrap();
    drop(open);
    assert_eq!(delivery.await.unwrap_err().cause, ClientError::Closed);
}

#[tokio::test(start_paused = true)]
async fn partitions_are_chosen_checked_and_created() {
    let fake = FakeCluster::with_topic(3).await;
    let config = ProducerConfig { partitioner: Some(Arc::new(RoundRobin::default())), ..Default::default() };
    let producer = producer(&fake, config).await;
    let mut places = Vec::new();
    for _ in 0..3 {
        let delivery = producer.send(ProducerRecord::new("t", None, None)).await.unwrap();
        places.push(delivery.await.unwrap().partition);
    }
    assert_eq!(places, [0, 1, 2]);
    let mut nowhere = record("x");
    nowhere.partition = Some(3);
    assert!(matches!(producer.send(nowhere).await, Err(ClientError::NoPartition { partition: 3, .. })));
    fake.state().auto_create = true;
    let fresh = ProducerRecord::new("fresh", None, Some("x".into()));
    assert_eq!(producer.send(fresh).await.unwrap().await.unwrap().offset, Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_old_broker_gets_topics_by_name() {
    let fake = FakeCluster::with_topic(1).await;
    fake.state().versions.insert(apis::PRODUCE, Some((3, 9)));
    fake.state().versions.insert(apis::METADATA, Some((0, 5)));
    let producer = producer(&fake, ProducerConfig::default()).await;
    assert_eq!(offsets(send_all(&producer, 2).await).await, [Some(0), Some(1)]);
    assert!(fake.state().requests.contains(&(apis::PRODUCE, 9)));
}
