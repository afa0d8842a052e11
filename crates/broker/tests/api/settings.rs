//! Settings that are real have an effect that a client, or a look at the disk, can see.

use crate::harness::{Connection, Running, batch, batch_with, ok, start, start_on};
use crate::topics::creation;
use bytes::Bytes;
use ottla_broker::partition::RESERVE_BYTES;
use ottla_env::disk::{Disk, Lost, MemoryDisk};
use ottla_wire::ErrorCode;
use ottla_wire::batch::{BatchHeader, TimestampType, batches};
use ottla_wire::messages::create_topics::CreatableTopicConfig;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_wire::record::BuildOptions;
use std::path::Path;
use std::time::Duration;

pub async fn create(connection: &mut Connection, name: &str, configs: &[(&str, &str)]) {
    let mut request = creation(name, 1);
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: (*name).into(),
        value: Some((*value).into()),
    };
    request.topics[0].configs = configs.iter().map(config).collect();
    let answer = connection.call(7, &request).await;
    assert_eq!(answer.topics[0].error_message, None);
}

/// The header of the first batch of a topic.
async fn first_header(connection: &mut Connection, topic: &str) -> Option<BatchHeader> {
    BatchHeader::parse(&fetched(connection, topic).await).ok()
}

/// What one fetch from the beginning brings.
async fn fetched(connection: &mut Connection, topic: &str) -> Bytes {
    let partition = FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() };
    let request = FetchRequest {
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic { topic: topic.into(), partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    };
    let answer = connection.call(12, &request).await;
    answer.responses[0].partitions[0].records.clone().unwrap().to_bytes()
}

/// Segment files of all partitions.
fn segments(disk: &MemoryDisk) -> usize {
    let topics = Path::new("data/topics");
    let dirs = disk.list(topics).unwrap();
    let logs = dirs.iter().flat_map(|dir| disk.list(&topics.join(&dir.name)).unwrap());
    logs.filter(|file| file.name.ends_with(".log")).count()
}

/// Small index files have few entries.
fn index_bytes(disk: &MemoryDisk) -> u64 {
    let topics = Path::new("data/topics");
    let dirs = disk.list(topics).unwrap();
    let files = dirs.iter().flat_map(|dir| disk.list(&topics.join(&dir.name)).unwrap());
    files.filter(|file| file.name.ends_with(".index")).map(|file| file.len).sum()
}

#[tokio::test]
async fn max_message_bytes_bounds_a_batch() {
    let running = start(&[("message.max.bytes", "2000")]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "default", &[]).await;
    create(&mut connection, "small", &[("max.message.bytes", "300")]).await;
    let value = "x".repeat(1_000);
    ok(connection.produce("default", 0, batch(&[&value])).await.error_code);
    let refused = connection.produce("small", 0, batch(&[&value])).await;
    assert_eq!(refused.error_code, ErrorCode::MessageTooLarge.code());
    let refused = connection.produce("default", 0, batch(&[&value, &value])).await;
    assert_eq!(refused.error_code, ErrorCode::MessageTooLarge.code());
}

#[tokio::test]
async fn the_broker_stamps_batches_where_the_topic_says_so() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[("message.timestamp.type", "LogAppendTime")]).await;
    let answer = connection.produce("t", 0, batch_with(&["a"], 5, BuildOptions::default())).await;
    ok(answer.error_code);
    let header = first_header(&mut connection, "t").await.unwrap();
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert!(answer.log_append_time_ms > 5);
    assert_eq!(header.max_timestamp, answer.log_append_time_ms);
}

#[tokio::test]
async fn timestamps_too_far_away_are_refused_record_by_record() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[("message.timestamp.before.max.ms", "1000")]).await;
    let old = connection.produce("t", 0, batch(&["a", "b"])).await;
    assert_eq!((old.error_code, old.record_errors.len()), (ErrorCode::InvalidTimestamp.code(), 2));
    create(&mut connection, "future", &[("message.timestamp.after.max.ms", "1000")]).await;
    let far = batch_with(&["a"], i64::MAX / 2, BuildOptions::default());
    let far = connection.produce("future", 0, far).await;
    assert_eq!((far.error_code, far.record_errors.len()), (ErrorCode::InvalidTimestamp.code(), 1));
    ok(connection.produce("future", 0, batch(&["a"])).await.error_code);
}

async fn fill(running: &Running, topic: &str, batches: usize, bytes: usize) {
    let mut connection = running.connect().await;
    let value = "x".repeat(bytes);
    for i in 0..batches {
        let batch = batch_with(&[&value], 1_000 * i as i64, BuildOptions::default());
        ok(connection.produce(topic, 0, batch).await.error_code);
    }
}

#[tokio::test]
async fn segments_end_by_size_by_time_and_when_their_index_is_full() {
    for (setting, value, expected) in [
        ("segment.bytes", "1048576", 4),
        ("segment.ms", "15000", 3),
        ("segment.index.bytes", "160", 2),
        ("retention.ms", "1000000", 1),
    ] {
        let disk = MemoryDisk::new();
        let running = start_on(&disk, &[]).await;
        let mut connection = running.connect().await;
        create(&mut connection, "t", &[(setting, value)]).await;
        fill(&running, "t", 40, 100_000).await;
        assert_eq!(segments(&disk), expected, "{setting}={value}");
    }
}

#[tokio::test]
async fn a_wider_index_interval_makes_a_smaller_index() {
    let mut sizes = Vec::new();
    for interval in ["1000", "100000"] {
        let disk = MemoryDisk::new();
        let running = start_on(&disk, &[]).await;
        let mut connection = running.connect().await;
        create(&mut connection, "t", &[("index.interval.bytes", interval), ("segment.bytes", "1048576")])
            .await;
        fill(&running, "t", 120, 10_000).await;
        sizes.push(index_bytes(&disk));
    }
    assert!(sizes[0] > 5 * sizes[1] && sizes[1] > 0, "{sizes:?}");
}

#[tokio::test]
async fn an_os_topic_is_acknowledged_unsynced_and_flushed_by_its_own_settings() {
    let minute = "60000";
    for (configs, kept) in [
        (&[("durability", "os")][..], false),
        (&[("durability", "os"), ("flush.messages", "1")][..], true),
        (&[("durability", "os"), ("flush.ms", "1")][..], true),
        (&[("durability", "os"), ("flush.ms", minute)][..], false),
        (&[("durability", "fsync")][..], true),
    ] {
        let disk = MemoryDisk::new();
        let running = start_on(&disk, &[]).await;
        let mut connection = running.connect().await;
        create(&mut connection, "t", configs).await;
        ok(connection.produce("t", 0, batch(&["a"])).await.error_code);
        // Until the sync of a flush is there, or would have been.
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if kept && segments_synced(&disk) {
                break;
            }
        }
        disk.cut();
        let running = start_on(&disk.crash(Lost::AllUnsynced), &[]).await;
        let found = first_header(&mut running.connect().await, "t").await;
        assert_eq!(found.is_some(), kept, "{configs:?}");
    }
}

fn segments_synced(disk: &MemoryDisk) -> bool {
    let after = disk.crash(Lost::AllUnsynced);
    after.entry(Path::new("data/topics")).unwrap().is_some() && segments(&after) > 0
}

#[tokio::test]
async fn topics_are_made_on_demand_only_where_that_is_allowed() {
    for (allowed, expected) in [("true", ErrorCode::None), ("false", ErrorCode::UnknownTopicOrPartition)] {
        let running = start(&[("auto.create.topics.enable", allowed)]).await;
        let mut connection = running.connect().await;
        let topic = MetadataRequestTopic { name: Some("t".into()), ..Default::default() };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: true,
            ..Default::default()
        };
        let answer = connection.call(4, &request).await;
        assert_eq!(ErrorCode::from_code(answer.topics[0].error_code), expected);
    }
}

#[tokio::test]
async fn a_fetch_brings_no_more_than_the_broker_allows() {
    for (most, expected) in [("1024", 1), ("4000", 2)] {
        let running = start(&[("fetch.max.bytes", most)]).await;
        let mut connection = running.connect().await;
        create(&mut connection, "t", &[]).await;
        fill(&running, "t", 3, 1_500).await;
        let records = fetched(&mut connection, "t").await;
        assert_eq!(batches(records).count(), expected, "{most}");
    }
}

#[tokio::test]
async fn a_broker_tells_its_rack() {
    for rack in [None, Some("zone-1")] {
        let setting = rack.map(|rack| ("broker.rack", rack));
        let running = start(setting.as_slice()).await;
        let answer = running.connect().await.call(8, &MetadataRequest::default()).await;
        assert_eq!(answer.brokers[0].rack.as_deref(), rack);
    }
}

#[tokio::test]
async fn a_topic_has_as_many_replicas_as_the_broker_says_where_nobody_says_it() {
    let refused = ErrorCode::InvalidReplicationFactor.code();
    for (factor, of_default) in [("1", 0), ("2", refused)] {
        let running = start(&[("default.replication.factor", factor)]).await;
        let mut connection = running.connect().await;
        for (name, replication_factor, expected) in [("default", -1, of_default), ("own", 1, 0)] {
            let mut request = creation(name, 1);
            request.topics[0].replication_factor = replication_factor;
            let answer = connection.call(7, &request).await;
            assert_eq!(answer.topics[0].error_code, expected, "{factor}: {name}");
        }
    }
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_connection() {
    let running = start(&[("socket.request.max.bytes", "1000")]).await;
    let mut connection = running.connect().await;
    connection.send_raw(&1_001_i32.to_be_bytes()).await;
    assert!(connection.is_closed().await);
}

/// Durability rule A8: what a start writes has its room.
#[tokio::test]
async fn a_broker_that_was_killed_starts_on_a_full_disk() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[]).await;
    ok(connection.produce("t", 0, batch(&["kept"])).await.error_code);
    let mut disk = disk.crash(Lost::NothingUnsynced);
    for start in 0..3 {
        disk.fill();
        let running = start_on(&disk, &[]).await;
        let mut connection = running.connect().await;
        create(&mut connection, &format!("t{start}"), &[]).await;
        disk.set_capacity(None);
        disk = disk.crash(Lost::NothingUnsynced);
    }
}

/// Durability rule A8: whichever of its writes finds no room.
#[tokio::test]
async fn a_broker_starts_with_any_few_bytes_free() {
    let mut disk = MemoryDisk::new();
    drop(start_on(&disk, &[]).await);
    for free in (0..1_000).step_by(20) {
        disk = disk.crash(Lost::NothingUnsynced);
        let space = disk.space(Path::new("data")).unwrap();
        disk.set_capacity(Some(space.total - space.free + free));
        drop(start_on(&disk, &[]).await);
    }
}

/// Durability rule A8: each start uses the reserve, and the next one needs it as much.
#[tokio::test]
async fn starts_on_a_disk_that_stays_full_use_little_of_the_reserve() {
    let mut disk = MemoryDisk::new();
    drop(start_on(&disk, &[]).await);
    for start in 0..20 {
        disk = disk.crash(Lost::NothingUnsynced);
        // What the last one left free is written full.
        disk.fill();
        let running = start_on(&disk, &[]).await;
        create(&mut running.connect().await, &format!("t{start}"), &[]).await;
        let reserve = disk.len(Path::new("data/reserve")).unwrap();
        assert!(reserve > Some(RESERVE_BYTES / 2), "{reserve:?} bytes are left after start {start}");
    }
}

/// Durability rule A8: nothing has to be written to open this metadata, and something to start.
#[tokio::test]
async fn a_start_that_writes_late_has_the_reserve_too() {
    let disk = MemoryDisk::new();
    start_on(&disk, &[]).await.broker.stop().await.unwrap();
    disk.fill();
    create(&mut start_on(&disk, &[]).await.connect().await, "t", &[]).await;
}
