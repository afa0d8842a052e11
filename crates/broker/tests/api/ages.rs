//! Settings of age: when a segment ends early, when a producer is forgotten.

use crate::harness::{Connection, Machine, batch_with, ok, patient, produce_request, start_on, start_with};
use crate::settings::create;
use crate::topics::creation;
use bytes::Bytes;
use ottla_env::clock::ManualClock;
use ottla_env::disk::{Disk, MemoryDisk};
use ottla_wire::ErrorCode;
use ottla_wire::messages::create_topics::CreatableTopicConfig;
use ottla_wire::messages::describe_producers::{DescribeProducersRequest, TopicRequest};
use ottla_wire::messages::produce::PartitionProduceData;
use ottla_wire::record::BuildOptions;
use std::path::Path;
use std::sync::Arc;

const HOUR: &str = "3600000";
const HOUR_MS: i64 = 3_600_000;
/// So many that each of two halves of an hour has the end of some.
const PARTITIONS: i32 = 40;

/// A record of this time for every partition of `t`.
async fn write_all(connection: &mut Connection, timestamp: i64) {
    let mut request = produce_request("t", 0, batch_with(&["v"], timestamp, BuildOptions::default()), -1);
    let first = request.topic_data[0].partition_data[0].clone();
    let of = |index| PartitionProduceData { index, ..first.clone() };
    request.topic_data[0].partition_data = (0..PARTITIONS).map(of).collect();
    let answer = connection.call(9, &request).await;
    answer.responses[0].partition_responses.iter().for_each(|partition| ok(partition.error_code));
}

/// Segments of each partition, always in the same order.
fn segments(disk: &MemoryDisk) -> Vec<usize> {
    let topics = Path::new("data/topics");
    let of = |name: &str| {
        let files = disk.list(&topics.join(name)).unwrap().into_iter();
        files.filter(|file| file.name.ends_with(".log")).count()
    };
    disk.list(topics).unwrap().iter().map(|dir| of(&dir.name)).collect()
}

#[tokio::test]
async fn jitter_ends_segments_early_each_at_its_own_time_and_none_late() {
    let none: &[(&str, &str)] = &[];
    let hours = [("log.roll.hours", "1"), ("log.roll.jitter.hours", "1")];
    let ms = [("log.roll.ms", HOUR), ("log.roll.jitter.ms", HOUR)];
    let own = [("segment.ms", HOUR), ("segment.jitter.ms", HOUR)];
    for (of_broker, of_topic, is_early) in [
        (&hours[..], none, true),
        (&ms[..], none, true),
        (none, &own[..], true),
        (&hours[..], &[("segment.jitter.ms", "0")][..], false),
        (&hours[..1], none, false),
    ] {
        let disk = MemoryDisk::new();
        let running = start_on(&disk, of_broker).await;
        let mut connection = running.connect().await;
        let mut request = creation("t", PARTITIONS);
        // The records are old.
        let configs = of_topic.iter().chain(&[("retention.ms", "-1")]);
        let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
            name: (*name).into(),
            value: Some((*value).into()),
        };
        request.topics[0].configs = configs.map(config).collect();
        ok(connection.call(7, &request).await.topics[0].error_code);

        let born = 1_000;
        write_all(&mut connection, born).await;
        assert_eq!(segments(&disk), vec![1; PARTITIONS as usize]);
        write_all(&mut connection, born + HOUR_MS / 2).await;
        let early = segments(&disk);
        let count = early.iter().filter(|segments| **segments == 2).count();
        let is_expected = if is_early { (1..PARTITIONS as usize).contains(&count) } else { count == 0 };
        assert!(is_expected, "{of_broker:?} {of_topic:?}: {count} ended in the first half");
        if !is_early {
            write_all(&mut connection, born + HOUR_MS).await;
            assert_eq!(segments(&disk), vec![1; PARTITIONS as usize], "{of_broker:?} {of_topic:?}");
        }
        write_all(&mut connection, born + HOUR_MS + 1).await;
        for (before, after) in early.into_iter().zip(segments(&disk)) {
            assert!(after >= 2 && after >= before, "{of_broker:?} {of_topic:?}: {before}, {after}");
        }
    }
}

/// Who wrote to `t`, as far as that is remembered.
async fn producers(connection: &mut Connection) -> Vec<i64> {
    let topics = vec![TopicRequest { name: "t".into(), partition_indexes: vec![0] }];
    let answer = connection.call(0, &DescribeProducersRequest { topics }).await;
    let partition = &answer.topics[0].partitions[0];
    ok(partition.error_code);
    partition.active_producers.iter().map(|producer| producer.producer_id).collect()
}

/// Waits until others are remembered than these, and says which.
async fn others(connection: &mut Connection, known: &[i64]) -> Vec<i64> {
    patient(async {
        loop {
            let found = producers(connection).await;
            if found != known {
                return found;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_producer_that_wrote_nothing_for_long_is_forgotten_also_where_nobody_else_writes() {
    const NOW: i64 = 1_700_000_000_000;
    let written = |producer_id, base_sequence, timestamp| -> Bytes {
        let options =
            BuildOptions { producer_id, producer_epoch: 0, base_sequence, ..BuildOptions::default() };
        batch_with(&["v"], timestamp, options)
    };
    let clock = Arc::new(ManualClock::at(NOW));
    let settings = [("producer.id.expiration.ms", "60000"), ("log.retention.check.interval.ms", "1")];
    let running = start_with(Machine::with_clock(&clock), &MemoryDisk::new(), &settings).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[]).await;
    // The second one a millisecond later.
    for (id, timestamp) in [(7, NOW), (8, NOW + 1)] {
        ok(connection.produce("t", 0, written(id, 0, timestamp)).await.error_code);
    }
    let gap = connection.produce("t", 0, written(7, 5, NOW)).await;
    assert_eq!(gap.error_code, ErrorCode::OutOfOrderSequenceNumber.code());
    clock.advance_ms(60_000);
    assert_eq!(producers(&mut connection).await, [7, 8]);
    clock.advance_ms(1);
    assert_eq!(others(&mut connection, &[7, 8]).await, [8]);
    clock.advance_ms(1);
    assert_eq!(others(&mut connection, &[8]).await, [0; 0]);
    // Who is not known may begin anywhere.
    ok(connection.produce("t", 0, written(7, 5, NOW + 60_002)).await.error_code);
    assert_eq!(producers(&mut connection).await, [7]);
}
