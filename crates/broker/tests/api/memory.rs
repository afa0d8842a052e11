//! Memory that clients can make the broker hold, and for how long: what is taken for answers and frames stands in the
//! gauges of the budgets.

use crate::groups::{AT_ONCE, alone, commit, find, ready};
use crate::harness::{Connection, Running, batch, fetch_request, ok, start};
use crate::topics::creation;
use futures_util::future::join_all;
use ottla_wire::ErrorCode;
use ottla_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use ottla_wire::messages::describe_groups::DescribeGroupsRequest;
use ottla_wire::messages::fetch::FetchRequest;
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use std::time::Duration;
use tokio::time::Instant;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const GROUP: i8 = 32;
const MIB: u64 = 1 << 20;
/// Frames of at most 1 MiB; as little for all of them as that allows.
const SMALL_FRAMES: (&str, &str) = ("socket.request.max.bytes", "1048576");

/// Bytes taken of a budget.
async fn used(running: &Running, budget: &str) -> u64 {
    running.metric(&format!("ottla_memory_used_bytes{{budget=\"{budget}\"}}")).await
}

async fn until(running: &Running, budget: &str, holds: impl Fn(u64) -> bool) {
    for _ in 0..100_000 {
        if holds(used(running, budget).await) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} bytes of {budget}", used(running, budget).await);
}

fn metadata(names: &[&str]) -> MetadataRequest {
    let topics =
        names.iter().map(|name| MetadataRequestTopic { name: Some((*name).into()), ..Default::default() });
    let topics = Some(topics.collect());
    MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() }
}

fn configs(resources: &[(i8, &str, Option<&str>)]) -> DescribeConfigsRequest {
    let resource = |(kind, name, key): &(i8, &str, Option<&str>)| DescribeConfigsResource {
        resource_type: *kind,
        resource_name: (*name).into(),
        configuration_keys: key.map(|key| vec![key.into()]),
    };
    DescribeConfigsRequest {
        resources: resources.iter().map(resource).collect(),
        include_synonyms: true,
        include_documentation: true,
    }
}

/// All settings of this broker and of some groups, which are more than a socket takes, and need no thread.
async fn ask_for_much(connection: &mut Connection, running: &Running) {
    let broker = running.broker.node_id().to_string();
    let groups: Vec<String> = (0..300).map(|n| format!("g{n}")).collect();
    let mut asked: Vec<_> = groups.iter().map(|group| (GROUP, group.as_str(), None)).collect();
    asked.push((BROKER, &broker, None));
    connection.send(4, &configs(&asked)).await;
}

/// From the beginning of `t`, with room for much.
fn fetch() -> FetchRequest {
    fetch_request("t", 16 << 20, 500)
}

/// A topic `t` with one batch of 900 KiB.
async fn with_large_batch(settings: &[(&str, &str)]) -> (Running, usize) {
    let running = start(settings).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    let large = batch(&[&"x".repeat(900 << 10)]);
    let bytes = large.len();
    ok(connection.produce("t", 0, large).await.error_code);
    (running, bytes)
}

async fn fetched(connection: &mut Connection) -> usize {
    let (_, answer) = connection.receive::<FetchRequest>(12).await;
    let partition = answer.responses.into_iter().next().unwrap().partitions.into_iter().next().unwrap();
    ok(partition.error_code);
    partition.records.unwrap().len()
}

#[tokio::test]
async fn topics_and_resources_are_answered_once_however_often_they_are_named() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let created = connection.call(7, &creation("t", 3)).await;
    let mut request = metadata(&["t", "gone", "t", "t", "gone"]);
    let answer = connection.call(12, &request).await;
    let names: Vec<_> = answer.topics.iter().map(|topic| topic.name.clone().unwrap_or_default()).collect();
    assert_eq!(names, ["t", "gone"]);
    let by_id = |name: Option<&str>| MetadataRequestTopic {
        topic_id: created.topics[0].topic_id,
        name: name.map(Into::into),
    };
    request.topics = Some(vec![by_id(None), by_id(Some("a")), by_id(Some("b"))]);
    assert_eq!(connection.call(12, &request).await.topics.len(), 1);

    let of_topic = |key| (TOPIC, "t", Some(key));
    let asked = [
        of_topic("retention.ms"),
        (GROUP, "g", None),
        of_topic("cleanup.policy"),
        of_topic("retention.ms"),
        (GROUP, "g", Some("consumer.session.timeout.ms")),
    ];
    let answer = connection.call(4, &configs(&asked)).await;
    let names = |n: usize| answer.results[n].configs.iter().map(|config| config.name.to_string());
    assert_eq!(answer.results.len(), 2);
    assert_eq!(names(0).collect::<Vec<_>>(), ["cleanup.policy", "retention.ms"]);
    assert!(names(1).count() > 1, "who asked for all of them once gets all");
}

#[tokio::test]
async fn groups_and_their_offsets_are_answered_once_however_often_they_are_named() {
    let (_running, mut connection) = ready().await;
    let joined = alone(&mut connection, "g").await;
    assert_eq!(commit(&mut connection, "g", &joined, 7).await, ErrorCode::None);
    let groups = vec!["g".into(), "gone".into(), "g".into()];
    let described = connection.call(5, &DescribeGroupsRequest { groups, ..Default::default() }).await;
    let ids: Vec<_> = described.groups.iter().map(|group| group.group_id.to_string()).collect();
    assert_eq!(ids, ["g", "gone"]);
    let topic = OffsetFetchRequestTopics {
        name: "t".into(),
        partition_indexes: vec![0, 0, 1, 0],
        ..Default::default()
    };
    let group = OffsetFetchRequestGroup {
        group_id: "g".into(),
        member_epoch: -1,
        topics: Some(vec![topic.clone(), topic]),
        ..Default::default()
    };
    let request = OffsetFetchRequest { groups: vec![group.clone(), group], ..Default::default() };
    let answer = connection.call(9, &request).await;
    assert_eq!(answer.groups.len(), 1);
    let partitions = answer.groups[0].topics.iter().flat_map(|topic| &topic.partitions);
    let offsets: Vec<_> = partitions.map(|p| (p.partition_index, p.committed_offset)).collect();
    assert_eq!(offsets, [(0, 7), (1, -1)]);
}

#[tokio::test]
async fn settings_of_more_groups_than_fit_into_an_answer_are_refused() {
    let running = start(&[SMALL_FRAMES, ("queued.max.request.bytes", "1048576")]).await;
    let mut connection = running.connect().await;
    let names: Vec<String> = (0..300).map(|n| format!("g{n}")).collect();
    let asked: Vec<_> = names.iter().map(|name| (GROUP, name.as_str(), None)).collect();
    let answer = connection.call(4, &configs(&asked)).await;
    assert_eq!(answer.results.len(), names.len());
    let answered = answer.results.iter().take_while(|result| result.error_code == 0).count();
    assert!((1..names.len()).contains(&answered));
    let refused = &answer.results[answered..];
    assert!(refused.iter().all(|result| result.error_code == ErrorCode::InvalidRequest.code()));
}

#[tokio::test]
async fn an_answer_that_is_large_holds_memory_until_it_is_sent() {
    let running = start(&AT_ONCE).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 5_000)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    assert_eq!(used(&running, "answers").await, 0);
    connection.send(12, &metadata(&["t"])).await;
    until(&running, "answers", |bytes| bytes > 96 << 10).await;
    let (_, answer) = connection.receive::<MetadataRequest>(12).await;
    assert_eq!(answer.topics[0].partitions.len(), 5_000);
    until(&running, "answers", |bytes| bytes == 0).await;
    ask_for_much(&mut connection, &running).await;
    until(&running, "answers", |bytes| bytes > 64 << 10).await;
    let (_, answer) = connection.receive::<DescribeConfigsRequest>(4).await;
    ok(answer.results[0].error_code);
    until(&running, "answers", |bytes| bytes == 0).await;
}

#[tokio::test]
async fn readers_who_do_not_read_hold_memory_for_all_that_was_read_for_them() {
    // A fair share is less than a batch, and there is room for six of them.
    let settings = [SMALL_FRAMES, ("queued.max.request.bytes", "12582912")];
    let (running, batch_bytes) = with_large_batch(&settings).await;
    let mut readers = Vec::new();
    for n in 1..=6 {
        let mut reader = running.connect().await;
        reader.send(12, &fetch()).await;
        until(&running, "answers", |bytes| bytes >= n * batch_bytes as u64).await;
        readers.push(reader);
    }
    for mut reader in readers {
        assert_eq!(fetched(&mut reader).await, batch_bytes);
    }
    until(&running, "answers", |bytes| bytes == 0).await;
}

#[tokio::test]
async fn batches_are_read_in_turn_where_memory_is_short_and_alone_where_it_is_too_little() {
    for queued in ["4194304", "1048576"] {
        let settings = [SMALL_FRAMES, ("queued.max.request.bytes", queued)];
        let (running, batch_bytes) = with_large_batch(&settings).await;
        let reads = (0..8).map(|_| async {
            let mut reader = running.connect().await;
            for _ in 0..3 {
                reader.send(12, &fetch()).await;
            }
            for _ in 0..3 {
                assert_eq!(fetched(&mut reader).await, batch_bytes);
                assert!(used(&running, "answers").await <= 2 * MIB);
            }
        });
        join_all(reads).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_its_time_as_a_whole() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    ask_for_much(&mut connection, &running).await;
    let begin = Instant::now();
    for _ in 0..4 {
        assert!(connection.receive_bytes(1).await.is_some());
        tokio::time::sleep(Duration::from_secs(9)).await;
    }
    assert_eq!(begin.elapsed().as_secs(), 36);
    // What was written before can still be read: the length is gone, and what follows it does not come to an end.
    assert!(connection.receive_bytes(60 << 10).await.is_some());
    assert!(connection.receive_bytes(10 << 10).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_frame_has_its_time_and_a_connection_its_first_byte() {
    let running = start(&[]).await;
    let closed_after = async |bytes: usize, claimed: i32| {
        let mut connection = running.connect().await;
        let begin = Instant::now();
        let mut frame = claimed.to_be_bytes().to_vec();
        frame.resize(bytes.max(4), 0);
        connection.send_raw(&frame[..bytes]).await;
        assert!(connection.is_closed().await);
        begin.elapsed().as_secs()
    };
    assert_eq!(closed_after(0, 0).await, 30, "not a byte");
    assert_eq!(closed_after(1, 1_000).await, 30, "a part of the length");
    assert_eq!(closed_after(500, 1_000).await, 30, "a part of a small frame");
    assert_eq!(
        closed_after(70 << 10, 1 << 20).await,
        30,
        "of a medium one, of which less than 1 MiB is left"
    );
    assert_eq!(closed_after(1_200 << 10, 100 << 20).await, 128, "of a large one");
}

#[tokio::test(start_paused = true)]
async fn frames_that_stand_still_give_way_to_those_that_move() {
    // Two frames of 1 MiB fit.
    let settings = [("socket.request.max.bytes", "4194304"), ("queued.max.request.bytes", "8912896")];
    let running = start(&settings).await;
    let mut slow = Vec::new();
    for claimed in [1 << 20, 1 << 20, 4 << 20, 4 << 20] {
        let mut connection = running.connect().await;
        let mut frame = i32::to_be_bytes(claimed).to_vec();
        frame.resize(if claimed > 1 << 20 { 1_200 << 10 } else { 100 << 10 }, 0);
        connection.send_raw(&frame).await;
        slow.push(connection);
    }
    // A request of 1 MiB whose topics cannot be.
    let name = "x".repeat(30_000);
    let names: Vec<_> = (0..34).map(|n| format!("{n}{name}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let begin = Instant::now();
    let mut good = running.connect().await;
    assert_eq!(good.call(12, &metadata(&names)).await.topics.len(), 34);
    assert!(begin.elapsed() < Duration::from_secs(10), "long before their time is over");
    let mut closed = 0;
    for mut connection in slow {
        assert!(connection.is_closed().await);
        closed += 1;
    }
    assert_eq!(closed, 4);
}

#[tokio::test]
async fn a_request_that_decodes_to_much_takes_memory_for_it() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    assert_eq!(used(&running, "requests").await, 0);
    let mut request = fetch();
    // Waits for records that nobody writes.
    request.max_wait_ms = i32::MAX;
    request.topics[0].partitions = vec![request.topics[0].partitions[0].clone(); 10_000];
    let mut waiting = Vec::new();
    for n in 1..=4 {
        let mut connection = running.connect().await;
        connection.send(12, &request).await;
        until(&running, "requests", |bytes| bytes > n * 10_000 * 32).await;
        waiting.push(connection);
    }
    for mut connection in waiting {
        connection.leave().await;
        assert!(connection.receive_raw().await.is_some());
    }
    until(&running, "requests", |bytes| bytes == 0).await;
}

#[tokio::test]
async fn requests_that_are_read_ahead_take_memory() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    let mut request = fetch();
    request.max_wait_ms = i32::MAX;
    request.rack_id = "r".repeat(20_000).into();
    for _ in 0..9 {
        connection.send(12, &request).await;
    }
    until(&running, "requests", |bytes| bytes >= 6 * 20_000).await;
    connection.leave().await;
    for _ in 0..9 {
        assert!(connection.receive_raw().await.is_some());
    }
    until(&running, "requests", |bytes| bytes == 0).await;
}
