//! Logs that get shorter: DeleteRecords, and retention by age and size.

use crate::configs::{alter_broker, alter_topic};
use crate::harness::{Connection, batch, batch_with, ok, patient, start, start_on, versions};
use crate::settings::create;
use ottla_broker::partition::RESERVE_BYTES;
use ottla_env::disk::{Disk, Lost, MemoryDisk};
use ottla_wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use ottla_wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use ottla_wire::record::BuildOptions;
use ottla_wire::{ErrorCode, apis};
use std::path::Path;

async fn delete(connection: &mut Connection, topic: &str, partition: i32, offset: i64) -> (i64, ErrorCode) {
    delete_by(connection, 2, topic, partition, offset).await
}

async fn delete_by(
    connection: &mut Connection,
    version: i16,
    topic: &str,
    partition_index: i32,
    offset: i64,
) -> (i64, ErrorCode) {
    let partitions = vec![DeleteRecordsPartition { partition_index, offset }];
    let topics = vec![DeleteRecordsTopic { name: topic.into(), partitions }];
    let answer = connection.call(version, &DeleteRecordsRequest { topics, timeout_ms: 5_000 }).await;
    let found = &answer.topics[0].partitions[0];
    assert_eq!(found.partition_index, partition_index);
    (found.low_watermark, ErrorCode::from_code(found.error_code))
}

/// What ListOffsets says of a timestamp: offset and leader epoch.
async fn listed(connection: &mut Connection, topic: &str, timestamp: i64) -> (i64, i32) {
    let partition = ListOffsetsPartition { timestamp, current_leader_epoch: -1, ..Default::default() };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic { name: topic.into(), partitions: vec![partition] }],
        ..Default::default()
    };
    let answer = connection.call(8, &request).await;
    let found = &answer.topics[0].partitions[0];
    ok(found.error_code);
    (found.offset, found.leader_epoch)
}

fn files(disk: &MemoryDisk, ending: &str) -> Vec<String> {
    let topics = Path::new("data/topics");
    let dirs = disk.list(topics).unwrap();
    let names = dirs.iter().flat_map(|dir| disk.list(&topics.join(&dir.name)).unwrap());
    names.map(|file| file.name).filter(|name| name.ends_with(ending)).collect()
}

#[tokio::test]
async fn records_are_deleted_as_kafka_does_and_stay_deleted() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[]).await;
    for _ in 0..2 {
        ok(connection.produce("t", 0, batch(&["a", "b", "c"])).await.error_code);
    }
    for version in versions(apis::DELETE_RECORDS) {
        let start = i64::from(version) + 1;
        assert_eq!(delete_by(&mut connection, version, "t", 0, start).await, (start, ErrorCode::None));
    }
    assert_eq!(delete(&mut connection, "t", 0, 1).await, (3, ErrorCode::None));
    for (topic, partition, offset, error) in [
        ("t", 0, 99, ErrorCode::OffsetOutOfRange),
        ("t", 0, -2, ErrorCode::OffsetOutOfRange),
        ("t", 50, 0, ErrorCode::UnknownTopicOrPartition),
        ("missing", 0, 0, ErrorCode::UnknownTopicOrPartition),
    ] {
        assert_eq!(delete(&mut connection, topic, partition, offset).await, (-1, error));
    }
    assert_eq!(delete(&mut connection, "t", 0, -1).await, (6, ErrorCode::None));
    assert_eq!(listed(&mut connection, "t", -2).await, (6, 0));
    let written = connection.produce("t", 0, batch(&["d"])).await;
    assert_eq!((written.base_offset, written.log_start_offset), (6, 6));

    disk.cut();
    let running = start_on(&disk.crash(Lost::AllUnsynced), &[]).await;
    let mut connection = running.connect().await;
    assert_eq!(listed(&mut connection, "t", -2).await, (6, 0));
    assert_eq!(connection.produce("t", 0, batch(&["e"])).await.base_offset, 7);
}

/// Durability rule A8: deleting needs no room, and the reserve is there again for the stop.
#[tokio::test]
async fn records_are_deleted_on_a_full_disk_which_keeps_its_reserve() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[]).await;
    for _ in 0..2 {
        ok(connection.produce("t", 0, batch(&["a"])).await.error_code);
    }
    disk.fill();
    assert_eq!(delete(&mut connection, "t", 0, 1).await, (1, ErrorCode::None));
    let reserve = disk.len(Path::new("data/reserve")).unwrap();
    assert!(reserve > Some(RESERVE_BYTES / 2), "{reserve:?} bytes are left");
    let refused = connection.produce("t", 0, batch(&["a"])).await;
    assert_eq!(refused.error_code, ErrorCode::KafkaStorageError.code());
    running.broker.stop().await.unwrap();

    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    assert_eq!(listed(&mut connection, "t", -2).await, (1, 0));
    assert_eq!(listed(&mut connection, "t", -1).await.0, 2);
}

#[tokio::test]
async fn old_segments_go_by_age_and_by_size_and_their_files_after_a_while() {
    let settings = [("log.retention.check.interval.ms", "1")];
    for (name, value, kept) in [("retention.ms", "1000", 0), ("retention.bytes", "1200000", 2)] {
        let disk = MemoryDisk::new();
        let running = start_on(&disk, &settings).await;
        let mut connection = running.connect().await;
        let (small, soon) = (("segment.bytes", "1048576"), ("file.delete.delay.ms", "0"));

        let unlimited =
            if name == "retention.ms" { ("retention.bytes", "-1") } else { ("retention.ms", "-1") };
        create(&mut connection, "t", &[(name, value), unlimited, small, soon]).await;
        let value = "x".repeat(600_000);
        for _ in 0..4 {
            let old = batch_with(&[&value], 1_000, BuildOptions::default());
            ok(connection.produce("t", 0, old).await.error_code);
        }
        patient(async {
            while listed(&mut connection, "t", -2).await.0 < 4 - kept
                || files(&disk, ".log").len() > kept.max(1) as usize
            {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(listed(&mut connection, "t", -1).await.0, 4);
        assert_eq!(connection.produce("t", 0, batch(&["new"])).await.base_offset, 4, "{name}");
    }
}

/// Until a log starts there, or later.
async fn starts_at(connection: &mut Connection, topic: &str, offset: i64) {
    patient(async {
        while listed(connection, topic, -2).await.0 < offset {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_retention_that_is_lowered_takes_records_of_logs_that_are_open() {
    let running = start(&[("log.retention.check.interval.ms", "1"), ("log.retention.ms", "-1")]).await;
    let mut connection = running.connect().await;
    let c = &mut connection;
    for topic in ["by_topic", "by_brokers", "own"] {
        create(c, topic, &[]).await;
        ok(c.produce(topic, 0, batch(&["old"])).await.error_code);
        ok(c.produce(topic, 0, batch(&["old"])).await.error_code);
    }
    alter_topic(c, "own", "retention.ms", "-1").await;
    alter_topic(c, "by_topic", "retention.ms", "1000").await;
    starts_at(c, "by_topic", 2).await;
    assert_eq!(listed(c, "by_brokers", -2).await.0, 0);
    alter_broker(c, "log.retention.ms", "1000").await;
    starts_at(c, "by_brokers", 2).await;
    assert_eq!(listed(c, "own", -2).await.0, 0, "its own value wins");
    // As many bytes as one batch has, and a segment for each.
    alter_topic(c, "own", "retention.bytes", "700000").await;
    alter_topic(c, "own", "segment.bytes", "1048576").await;
    for _ in 0..4 {
        ok(c.produce("own", 0, batch(&[&"x".repeat(600_000)])).await.error_code);
    }
    starts_at(c, "own", 4).await;
    assert_eq!(listed(c, "own", -1).await.0, 6);
}

#[tokio::test]
async fn a_log_that_nobody_asks_for_gets_shorter_too_and_files_stay_for_their_delay() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[("retention.ms", "1000"), ("file.delete.delay.ms", "600000")]).await;
    ok(connection.produce("t", 0, batch(&["old"])).await.error_code);
    running.broker.stop().await.unwrap();

    let running = start_on(&disk, &[("log.retention.check.interval.ms", "1")]).await;
    patient(async {
        while files(&disk, "log-start").is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut connection = running.connect().await;
    while listed(&mut connection, "t", -2).await.0 < 1 {}
    assert_eq!(files(&disk, ".log").len(), 2, "the old file is kept for readers that are on their way");
    running.broker.stop().await.unwrap();

    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    assert_eq!(listed(&mut connection, "t", -2).await, (1, 0));
    assert_eq!(files(&disk, ".log").len(), 1, "opening the log removes what it finds");
}
