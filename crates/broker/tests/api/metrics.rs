//! What `/metrics` says of a state, and of what was done: as many as there are, and as often as it was.

use crate::by_hand::CheckpointByHand;
use crate::groups::{AT_ONCE, alone, code, committing, find};
use crate::harness::{Machine, Running, batch, fetch_request, ok, patient, start_on, start_with};
use crate::settings::create;
use crate::topics::creation;
use ottla_env::clock::ManualClock;
use ottla_env::disk::{Disk, Lost, MemoryDisk, OpenMode};
use ottla_env::task::Turn;
use ottla_wire::frame::{LENGTH_BYTES, encode_request};
use ottla_wire::messages::api_versions::ApiVersionsRequest;
use ottla_wire::messages::fetch::FetchRequest;
use ottla_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use ottla_wire::messages::offset_commit::OffsetCommitRequestPartition;
use ottla_wire::{ErrorCode, apis};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn segments(disk: &MemoryDisk, dir: &Path) -> Vec<PathBuf> {
    let entries = disk.list(dir).unwrap().into_iter();
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.is_dir);
    let below = dirs.iter().flat_map(|entry| segments(disk, &dir.join(&entry.name)));
    let here = files.iter().filter(|file| file.name.ends_with(".log")).map(|file| dir.join(&file.name));
    here.chain(below).collect()
}

/// Opens a session that reads the topic.
fn fetch(topic: &str) -> FetchRequest {
    FetchRequest { session_epoch: 0, ..fetch_request(topic, 1 << 20, 0) }
}

#[tokio::test]
async fn logs_that_acknowledge_early_damaged_logs_and_sessions_are_counted() {
    const VERSION: i16 = 12;
    assert!(apis::find(apis::FETCH).unwrap().max >= VERSION);
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[]).await;
    ok(connection.produce("t", 0, batch(&["a record"])).await.error_code);
    assert_eq!(running.metric("ottla_os_logs").await, 0);
    let [segment] = &segments(&disk, Path::new("data/topics"))[..] else { panic!("one log") };
    create(&mut connection, "early", &[("durability", "os")]).await;
    ok(connection.produce("early", 0, batch(&["a record"])).await.error_code);
    assert_eq!(running.metric("ottla_os_logs").await, 1);
    assert_eq!(running.metric("ottla_fetch_sessions").await, 0);
    let read = connection.call(VERSION, &fetch("t")).await;
    ok(read.responses[0].partitions[0].error_code);
    assert_eq!(running.metric("ottla_fetch_sessions").await, 1);
    assert_eq!(running.metric("ottla_offline_logs").await, 0);
    assert_eq!(running.metric("ottla_open_listeners").await, 0);
    running.broker.stop().await.unwrap();

    let end = disk.len(segment).unwrap().unwrap();
    disk.open(segment, OpenMode::Write).unwrap().write_all_at(b"!", end - 2).unwrap();
    let running = start_on(&disk, &[]).await;
    let read = running.connect().await.call(VERSION, &fetch("t")).await;
    assert_eq!(
        ErrorCode::from_code(read.responses[0].partitions[0].error_code),
        ErrorCode::KafkaStorageError
    );
    assert_eq!(running.metric("ottla_offline_logs").await, 1);
}

/// Names and labels with what is expected of them.
async fn shows(running: &Running, expected: &[(&str, u64)]) {
    for (name, value) in expected {
        assert_eq!(running.metric(name).await, *value, "{name}");
    }
}

#[tokio::test]
async fn what_is_written_synced_and_read_is_counted_to_the_byte() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    create(&mut connection, "t", &[]).await;
    // Of a large batch in memory the head and the records are apart.
    let batches = [batch(&["one", "two"]), batch(&[&"x".repeat(20_000)])];
    for batch in &batches {
        ok(connection.produce("t", 0, batch.clone()).await.error_code);
    }
    let bytes: u64 = batches.iter().map(|batch| batch.len() as u64).sum();
    let refused = connection.produce("missing", 0, batches[0].clone()).await;
    assert_eq!(refused.error_code, ErrorCode::UnknownTopicOrPartition.code());
    let read = connection.call(12, &fetch_request("t", 1 << 20, 0)).await;
    ok(read.responses[0].partitions[0].error_code);
    let expected = [
        ("ottla_produced_records_total", 3),
        ("ottla_produced_bytes_total", bytes),
        ("ottla_produce_errors_total{kind=\"UNKNOWN_TOPIC_OR_PARTITION\"}", 1),
        ("ottla_response_errors_total{api=\"Produce\",error=\"UNKNOWN_TOPIC_OR_PARTITION\"}", 1),
        ("ottla_fetched_records_total", 3),
        ("ottla_fetched_bytes_total", bytes),
        ("ottla_tail_cache_hits_total", 1),
        ("ottla_tail_cache_misses_total", 0),
        ("ottla_sync_seconds_count", 2),
        ("ottla_requests_total{api=\"CreateTopics\"}", 1),
        ("ottla_requests_total{api=\"Produce\"}", 3),
        ("ottla_requests_total{api=\"Fetch\"}", 1),
        ("ottla_request_seconds_count{api=\"CreateTopics\"}", 1),
        ("ottla_request_seconds_count{api=\"Produce\"}", 3),
        ("ottla_request_seconds_count{api=\"Fetch\"}", 1),
        ("ottla_request_queued_seconds_count", 5),
        ("ottla_open_logs", 1),
        ("ottla_log_segments", 1),
        ("ottla_log_bytes", bytes),
    ];
    shows(&running, &expected).await;

    // Frames are counted with their lengths.
    let request = encode_request(9, "test", 2, &ApiVersionsRequest::default()).unwrap().to_bytes();
    let frames = ["ottla_request_bytes_total", "ottla_response_bytes_total"];
    let before = [running.metric(frames[0]).await, running.metric(frames[1]).await];
    connection.send_raw(&request).await;
    let answer = LENGTH_BYTES + connection.receive_raw().await.unwrap().len();
    let expected = [(frames[0], before[0] + request.len() as u64), (frames[1], before[1] + answer as u64)];
    shows(&running, &expected).await;

    // After a start nothing is in memory.
    disk.cut();
    let running = start_on(&disk.crash(Lost::AllUnsynced), &[]).await;
    let read = running.connect().await.call(12, &fetch_request("t", 1 << 20, 0)).await;
    ok(read.responses[0].partitions[0].error_code);
    let expected = [
        ("ottla_fetched_records_total", 3),
        ("ottla_fetched_bytes_total", bytes),
        ("ottla_tail_cache_hits_total", 0),
        ("ottla_tail_cache_misses_total", 1),
        ("ottla_log_bytes", bytes),
    ];
    shows(&running, &expected).await;
}

#[tokio::test]
async fn connections_topics_and_memory_are_shown_as_they_are() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(100 << 20));
    let settings = [("socket.request.max.bytes", "104857600"), ("queued.max.request.bytes", "268435456")];
    let running = start_on(&disk, &settings).await;
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    assert!(first.is_served().await && second.is_served().await);
    for (name, partitions) in [("a", 3), ("b", 1)] {
        ok(first.call(7, &creation(name, partitions)).await.topics[0].error_code);
    }
    let expected = [
        ("ottla_ready", 1),
        ("ottla_connections", 2),
        ("ottla_connections_accepted_total", 2),
        ("ottla_connections_refused_total", 0),
        ("ottla_topics", 2),
        ("ottla_partitions", 4),
        ("ottla_open_logs", 0),
        ("ottla_log_segments", 0),
        ("ottla_log_bytes", 0),
        ("ottla_disk_total_bytes", 100 << 20),
    ];
    shows(&running, &expected).await;
    for (budget, bytes) in [
        ("medium_frames", 64 << 20),
        ("large_frames_begun", 8 * ((1 << 20) + (64 << 10))),
        ("large_frames", 104_857_600),
        ("requests", 64 << 20),
        ("answers", 128 << 20),
    ] {
        let of = |what: &str| format!("ottla_memory_{what}_bytes{{budget=\"{budget}\"}}");
        shows(&running, &[(&of("limit"), bytes), (&of("used"), 0)]).await;
    }
    drop(second);
    patient(async { while running.metric("ottla_connections").await > 1 {} }).await;
    shows(&running, &[("ottla_connections_accepted_total", 2)]).await;
}

#[tokio::test]
async fn what_groups_do_is_counted() {
    let settings = [AT_ONCE[0], ("offsets.topic.num.partitions", "1")];
    let machine = Machine::with_clock(&Arc::new(ManualClock::at(1_000)));
    let running = start_with(machine, &MemoryDisk::new(), &settings).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 2)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    let empty = [
        ("ottla_topics", 2),
        ("ottla_partitions", 3),
        ("ottla_group_loads_total", 1),
        ("ottla_groups", 0),
        ("ottla_group_members", 0),
        ("ottla_group_rebalances_total", 0),
        ("ottla_offset_commits_total", 0),
        ("ottla_group_records_total", 0),
    ];
    shows(&running, &empty).await;
    let joined = alone(&mut connection, "g").await;
    let syncs = running.metric("ottla_sync_seconds_count").await;
    let mut request = committing("g", &joined, "t", 5);
    let partitions = &mut request.topics[0].partitions;
    for partition_index in [1, 9] {
        let partition = OffsetCommitRequestPartition { partition_index, ..partitions[0].clone() };
        partitions.push(partition);
    }
    let answer = connection.call(9, &request).await;
    let codes: Vec<_> = answer.topics[0].partitions.iter().map(|p| code(p.error_code)).collect();
    assert_eq!(codes, [ErrorCode::None, ErrorCode::None, ErrorCode::UnknownTopicOrPartition]);
    let stable = [
        ("ottla_groups", 1),
        ("ottla_group_members", 1),
        ("ottla_group_rebalances_total", 1),
        ("ottla_offset_commits_total", 2),
        // The generation, and two offsets in one batch.
        ("ottla_group_records_total", 3),
        ("ottla_sync_seconds_count", syncs + 1),
        ("ottla_requests_total{api=\"JoinGroup\"}", 2),
        ("ottla_requests_total{api=\"SyncGroup\"}", 1),
        ("ottla_requests_total{api=\"OffsetCommit\"}", 1),
        ("ottla_request_seconds_count{api=\"OffsetCommit\"}", 1),
    ];
    shows(&running, &stable).await;
    let member = MemberIdentity { member_id: joined.member_id.clone(), ..Default::default() };
    let leaving = LeaveGroupRequest { group_id: "g".into(), members: vec![member], ..Default::default() };
    ok(connection.call(5, &leaving).await.error_code);
    let left = [
        ("ottla_groups", 1),
        ("ottla_group_members", 0),
        ("ottla_group_rebalances_total", 1),
        ("ottla_group_records_total", 4),
        ("ottla_group_loads_total", 1),
    ];
    shows(&running, &left).await;
    assert_eq!(running.seconds("ottla_group_load_seconds_total").await, 0.0, "the clock stands still");
}

#[tokio::test]
async fn the_checkpoint_is_as_old_as_the_clock_says_until_the_next_one() {
    let (by_hand, clock) = (CheckpointByHand::default(), Arc::new(ManualClock::at(1_000)));
    let machine = Machine { workers: Arc::new(by_hand.clone()), ..Machine::with_clock(&clock) };
    let disk = MemoryDisk::new();
    let running = start_with(machine, &disk, &[]).await;
    let mut connection = running.connect().await;
    let age = "ottla_checkpoint_age_seconds";
    for is_written in [false, true] {
        // The time to the next one begins here.
        assert_eq!((by_hand.turn(), running.seconds(age).await), (Turn::Idle, 0.0));
        if is_written {
            create(&mut connection, "t", &[]).await;
            ok(connection.produce("t", 0, batch(&["a record"])).await.error_code);
        }
        clock.advance_ms(9_500);
        assert_eq!((by_hand.turn(), running.seconds(age).await), (Turn::Idle, 9.5));
        clock.advance_ms(500);
        assert_eq!(running.seconds(age).await, 10.0);
        // Without an append since the last one, there is nothing to write.
        let renewed = async {
            while running.seconds(age).await > 0.0 {
                by_hand.turn();
            }
        };
        patient(renewed).await;
        assert_eq!(disk.entry(Path::new("data/checkpoint")).unwrap().is_some(), is_written);
    }
}
