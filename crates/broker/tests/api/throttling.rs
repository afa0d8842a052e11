//! Clients that do more than their quotas allow.

use crate::harness::{Connection, Running, batch, fetch_request, ok, produce_request, start, versions};
use crate::quotas::alter;
use crate::topics::creation;
use ottla_wire::frame::encode_request;
use ottla_wire::messages::api_versions::ApiVersionsRequest;
use ottla_wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use ottla_wire::messages::create_topics::CreateTopicsRequest;
use ottla_wire::messages::delete_topics::DeleteTopicsRequest;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_wire::messages::produce::ProduceRequest;
use ottla_wire::{ErrorCode, apis};

/// The client id of all connections here.
const CLIENT: &[(&str, Option<&str>)] = &[("client-id", Some("test"))];

async fn limit(admin: &mut Connection, key: &str, limit: Option<f64>) {
    assert_eq!(alter(admin, CLIENT, &[(key, limit)]).await, ErrorCode::None);
}

async fn create(connection: &mut Connection, name: &str) {
    ok(connection.call(7, &creation(name, 1)).await.topics[0].error_code);
}

async fn exists(connection: &mut Connection, name: &str) -> bool {
    let topic = MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
    let request =
        MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: false, ..Default::default() };
    connection.call(9, &request).await.topics[0].error_code == 0
}

fn large() -> ProduceRequest {
    produce_request("t", 0, batch(&[&"x".repeat(10_000)]), 1)
}

fn huge() -> ProduceRequest {
    produce_request("t", 0, batch(&[&"x".repeat(3_000_000)]), 1)
}

/// A broker with so many bytes for requests.
async fn with_memory(bytes: &str) -> Running {
    let largest = [("socket.request.max.bytes", "4194304"), ("message.max.bytes", "4000000")];
    start(&[largest[0], largest[1], ("queued.max.request.bytes", bytes)]).await
}

/// Waits for the first records of `t`.
fn tail() -> FetchRequest {
    fetch_request("t", 1 << 20, 60_000)
}

#[tokio::test]
async fn a_write_beyond_the_quota_is_done_and_its_connection_waits() {
    let running = start(&[]).await;
    let (mut admin, mut slow) = (running.connect().await, running.connect().await);
    create(&mut admin, "t").await;
    limit(&mut admin, "producer_byte_rate", Some(1.0)).await;
    let answer = slow.call(9, &large()).await;
    ok(answer.responses[0].partition_responses[0].error_code);
    // 10,000 bytes at one a second, within 10 s that count already.
    assert!(answer.throttle_time_ms > 9_000_000, "{}", answer.throttle_time_ms);
    slow.send(7, &creation("later", 1)).await;
    for name in ["a", "b", "c"] {
        create(&mut admin, name).await;
    }
    assert!(!exists(&mut admin, "later").await, "nothing is done for a connection that waits");
    // What it sent before it left is done.
    slow.leave().await;
    ok(slow.receive::<CreateTopicsRequest>(7).await.1.topics[0].error_code);
    assert!(slow.is_closed().await && exists(&mut admin, "later").await);
    limit(&mut admin, "producer_byte_rate", None).await;
    for version in versions(apis::PRODUCE).filter(|version| *version < 13) {
        assert_eq!(admin.call(version, &large()).await.throttle_time_ms, 0);
    }
}

#[tokio::test]
async fn a_connection_that_waits_keeps_no_memory_from_others() {
    let running = with_memory("4194304").await;
    let (mut admin, mut slow) = (running.connect().await, running.connect().await);
    create(&mut admin, "t").await;
    limit(&mut admin, "producer_byte_rate", Some(1.0)).await;
    let huge = huge();
    let answer = slow.call(9, &huge).await;
    ok(answer.responses[0].partition_responses[0].error_code);
    assert!(answer.throttle_time_ms > 0);
    // Neither for what it sent nor for what it sends now.
    let next = encode_request(2, "test", 9, &huge).unwrap().to_bytes();
    slow.send_raw(&next[..130_000]).await;
    for name in ["a", "b", "c"] {
        create(&mut admin, name).await;
    }
    let answer = running.connect().await.call(9, &huge).await;
    ok(answer.responses[0].partition_responses[0].error_code);
    assert!(slow.is_silent().await);
}

#[tokio::test]
async fn who_waits_in_the_middle_of_a_request_is_not_kept_for_ever() {
    let running = start(&[("connections.max.idle.ms", "1000")]).await;
    let (mut admin, mut slow) = (running.connect().await, running.connect().await);
    create(&mut admin, "t").await;
    limit(&mut admin, "producer_byte_rate", Some(1.0)).await;
    let answer = slow.call(9, &large()).await;
    assert!(answer.throttle_time_ms > 9_000_000, "{}", answer.throttle_time_ms);
    // Nothing behind this is read, the end of what it sends neither.
    let next = produce_request("t", 0, batch(&[&"x".repeat(200_000)]), 1);
    slow.send_raw(&encode_request(2, "test", 9, &next).unwrap().to_bytes()[..130_000]).await;
    assert!(slow.is_closed().await);
}

#[tokio::test]
async fn a_connection_that_waits_is_given_no_memory_that_it_asked_for_before() {
    let running = with_memory("16777216").await;
    let mut admin = running.connect().await;
    create(&mut admin, "t").await;
    limit(&mut admin, "consumer_byte_rate", Some(1.0)).await;
    let huge = huge();
    let frame = encode_request(1, "test", 9, &huge).unwrap().to_bytes();
    let (begin, rest) = frame.split_at(1_120_000);
    // There is memory for one of them, which the first has.
    let (mut busy, mut slow) = (running.connect().await, running.connect().await);
    busy.send_raw(begin).await;
    for name in ["a", "b", "c"] {
        create(&mut admin, name).await;
    }
    slow.send(12, &tail()).await;
    slow.send_raw(begin).await;
    for name in ["d", "e", "f"] {
        create(&mut admin, name).await;
    }
    ok(admin.call(9, &large()).await.responses[0].partition_responses[0].error_code);
    assert!(slow.receive::<FetchRequest>(12).await.1.throttle_time_ms > 0);
    busy.send_raw(rest).await;
    let answer = busy.receive::<ProduceRequest>(9).await.1;
    ok(answer.responses[0].partition_responses[0].error_code);
    let answer = running.connect().await.call(9, &huge).await;
    ok(answer.responses[0].partition_responses[0].error_code);
    assert!(slow.is_silent().await);
}

#[tokio::test]
async fn a_write_without_acknowledgement_waits_too() {
    let running = start(&[]).await;
    let (mut admin, mut slow) = (running.connect().await, running.connect().await);
    create(&mut admin, "t").await;
    limit(&mut admin, "producer_byte_rate", Some(1.0)).await;
    slow.send(9, &ProduceRequest { acks: 0, ..large() }).await;
    slow.send(2, &ApiVersionsRequest::default()).await;
    ok(admin.call(12, &tail()).await.responses[0].partitions[0].error_code);
    for name in ["a", "b", "c"] {
        create(&mut admin, name).await;
    }
    assert!(slow.is_silent().await);
    slow.leave().await;
    ok(slow.receive::<ApiVersionsRequest>(2).await.1.error_code);
}

#[tokio::test]
async fn a_fetch_beyond_the_quota_is_empty_and_its_session_goes_on() {
    let running = start(&[]).await;
    let (mut admin, mut reader) = (running.connect().await, running.connect().await);
    create(&mut admin, "t").await;
    for _ in 0..4 {
        ok(admin.produce("t", 0, batch(&[&"x".repeat(600)])).await.error_code);
    }
    limit(&mut admin, "consumer_byte_rate", Some(100.0)).await;
    let fetch = |session_id, session_epoch, fetch_offset| {
        let partition = FetchPartition { fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() };
        let topic = FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() };
        FetchRequest {
            max_bytes: 1 << 20,
            session_id,
            session_epoch,
            topics: vec![topic],
            ..Default::default()
        }
    };
    let first = reader.call(12, &fetch(0, 0, 0)).await;
    let bytes = first.responses[0].partitions[0].records.clone().unwrap().to_bytes().len();
    assert!((600..1_000).contains(&bytes), "{bytes}: not more than a window allows");
    assert!(first.throttle_time_ms == 0 && first.session_id > 0);
    let second = reader.call(12, &fetch(first.session_id, 1, 1)).await;
    assert_eq!((second.error_code, second.session_id), (0, first.session_id));
    assert!(second.throttle_time_ms > 0 && second.responses.is_empty());
    // In a session that goes on nothing of it was shown.
    limit(&mut admin, "consumer_byte_rate", None).await;
    let third = admin.call(12, &fetch(first.session_id, 2, 1)).await;
    assert_eq!((third.error_code, third.throttle_time_ms), (0, 0));
    let bytes = third.responses[0].partitions[0].records.clone().unwrap().to_bytes().len();
    assert!(bytes > 1_800, "{bytes}");
}

#[tokio::test]
async fn a_fetch_at_the_end_waits_for_a_record_also_where_the_quota_leaves_no_byte() {
    let running = start(&[("quota.window.num", "1")]).await;
    let (mut admin, mut reader) = (running.connect().await, running.connect().await);
    create(&mut admin, "t").await;
    limit(&mut admin, "consumer_byte_rate", Some(1_000.0)).await;
    reader.send(12, &tail()).await;
    for name in ["a", "b", "c"] {
        create(&mut admin, name).await;
    }
    assert!(reader.is_silent().await);
    ok(admin.produce("t", 0, batch(&["late"])).await.error_code);
    let answer = reader.receive::<FetchRequest>(12).await.1;
    assert!(!answer.responses[0].partitions[0].records.clone().unwrap().is_empty());
}

#[tokio::test]
async fn changes_of_partitions_beyond_the_quota_are_refused_where_clients_know_it() {
    let running = start(&[]).await;
    let mut admin = running.connect().await;
    limit(&mut admin, "controller_mutation_rate", Some(0.001)).await;
    // The burst of the window is far less than one partition, and may be overdrawn once.
    let first = admin.call(7, &creation("t", 1)).await;
    assert_eq!((first.topics[0].error_code, first.throttle_time_ms), (0, 0));
    let refused = ErrorCode::ThrottlingQuotaExceeded.code();
    for version in versions(apis::CREATE_TOPICS) {
        let name = format!("t{version}");
        let answer = running.connect().await.call(version, &creation(&name, 1)).await;
        assert_eq!(answer.topics[0].error_code, if version >= 6 { refused } else { 0 }, "version {version}");
        assert!(version < 2 || answer.throttle_time_ms > 0);
        assert_eq!(exists(&mut admin, &name).await, version < 6);
    }
    for version in versions(apis::CREATE_PARTITIONS) {
        let topic =
            CreatePartitionsTopic { name: "t".into(), count: i32::from(version) + 2, assignments: None };
        let request =
            CreatePartitionsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() };
        let answer = running.connect().await.call(version, &request).await;
        assert_eq!(answer.results[0].error_code, if version >= 3 { refused } else { 0 }, "version {version}");
        assert!(answer.throttle_time_ms > 0);
    }
    for version in versions(apis::DELETE_TOPICS).filter(|version| *version < 6) {
        let request = DeleteTopicsRequest {
            topic_names: vec![format!("t{}", version.min(4)).as_str().into()],
            timeout_ms: 1_000,
            ..Default::default()
        };
        let answer = running.connect().await.call(version, &request).await;
        let expected = if version >= 5 { refused } else { 0 };
        // The last one asks for a topic that is gone, and a topic that is not there costs nothing.
        let expected = if version == 5 { ErrorCode::UnknownTopicOrPartition.code() } else { expected };
        assert_eq!(answer.responses[0].error_code, expected, "version {version}");
    }
    let request = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
    assert_eq!(running.connect().await.call(5, &request).await.responses[0].error_code, refused);
    // A topic that is only asked for comes later.
    let topic = MetadataRequestTopic { name: Some("auto".into()), ..Default::default() };
    let request =
        MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: true, ..Default::default() };
    let answer = running.connect().await.call(9, &request).await;
    assert_eq!(answer.topics[0].error_code, ErrorCode::UnknownTopicOrPartition.code());
    limit(&mut admin, "controller_mutation_rate", None).await;
    create(&mut running.connect().await, "free").await;
}

#[tokio::test]
async fn requests_that_take_more_time_than_the_quota_allows_wait_whatever_they_are() {
    let running = start(&[]).await;
    let mut admin = running.connect().await;
    limit(&mut admin, "request_percentage", Some(1e-9)).await;
    let answer = running.connect().await.call(2, &ApiVersionsRequest::default()).await;
    assert!((1..=1_000).contains(&answer.throttle_time_ms), "{}", answer.throttle_time_ms);
    let answer = running.connect().await.call(9, &MetadataRequest::default()).await;
    assert!((1..=1_000).contains(&answer.throttle_time_ms), "{}", answer.throttle_time_ms);
}

#[tokio::test]
async fn connections_beyond_the_quota_of_their_address_are_closed() {
    let running = start(&[]).await;
    let mut admin = running.connect().await;
    let key = "connection_creation_rate";
    assert_eq!(alter(&mut admin, &[("ip", None)], &[(key, Some(1.0))]).await, ErrorCode::None);
    let mut welcome = 0;
    loop {
        let mut next = running.connect().await;
        next.send(2, &ApiVersionsRequest::default()).await;
        if next.receive_raw().await.is_none() {
            break;
        }
        welcome += 1;
    }
    assert!(welcome >= 10, "{welcome}: a window of 10 s holds one a second");
    ok(admin.call(2, &ApiVersionsRequest::default()).await.error_code);
    let other: &[(&str, Option<&str>)] = &[("ip", Some("127.0.0.1"))];
    assert_eq!(alter(&mut admin, other, &[(key, Some(1_000.0))]).await, ErrorCode::None);
    ok(running.connect().await.call(2, &ApiVersionsRequest::default()).await.error_code);
}

#[tokio::test]
async fn a_longer_window_allows_more_at_once() {
    let mut waits = Vec::new();
    for seconds in ["1", "100"] {
        let running = start(&[("quota.window.size.seconds", seconds)]).await;
        let (mut admin, mut slow) = (running.connect().await, running.connect().await);
        create(&mut admin, "t").await;
        limit(&mut admin, "producer_byte_rate", Some(1.0)).await;
        waits.push(slow.call(9, &large()).await.throttle_time_ms);
    }
    // 10 s, and 1,000 s, count already when nothing was done before.
    assert!(waits[0] - waits[1] > 900_000, "{waits:?}");
}

#[tokio::test]
async fn a_burst_of_changes_is_as_large_as_their_window() {
    let refused = ErrorCode::ThrottlingQuotaExceeded.code();
    for (window, is_enough) in [
        (("controller.quota.window.num", "11"), false),
        (("controller.quota.window.num", "1000"), true),
        (("controller.quota.window.size.seconds", "100"), true),
    ] {
        let running = start(&[window]).await;
        let mut admin = running.connect().await;
        limit(&mut admin, "controller_mutation_rate", Some(0.01)).await;
        create(&mut admin, "a").await;
        let second = running.connect().await.call(7, &creation("b", 1)).await;
        assert_eq!(second.topics[0].error_code, if is_enough { 0 } else { refused }, "{window:?}");
    }
}
