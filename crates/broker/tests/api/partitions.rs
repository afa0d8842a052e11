//! What is told about partitions: OffsetForLeaderEpoch, DescribeTopicPartitions, DescribeProducers.

use crate::harness::{Connection, Running, batch, batch_with, ok, start, start_on, versions};
use crate::topics::creation;
use ottla_env::disk::{Lost, MemoryDisk};
use ottla_wire::messages::describe_producers::{DescribeProducersRequest, TopicRequest as ProducersOf};
use ottla_wire::messages::describe_topic_partitions::{
    CursorRequest, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicRequest,
};
use ottla_wire::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use ottla_wire::record::BuildOptions;
use ottla_wire::{ErrorCode, apis};

async fn topics(running: &Running, names: &[(&str, i32)]) -> Connection {
    let mut connection = running.connect().await;
    for (name, partitions) in names {
        ok(connection.call(7, &creation(name, *partitions)).await.topics[0].error_code);
    }
    connection
}

async fn epoch_end(connection: &mut Connection, version: i16, current: i32, epoch: i32) -> EpochEndOffset {
    let partition =
        OffsetForLeaderPartition { partition: 0, current_leader_epoch: current, leader_epoch: epoch };
    let topics = vec![OffsetForLeaderTopic { topic: "t".into(), partitions: vec![partition] }];
    let answer = connection.call(version, &OffsetForLeaderEpochRequest { replica_id: -1, topics }).await;
    answer.topics[0].partitions[0].clone()
}

#[tokio::test]
async fn an_epoch_ends_where_the_next_one_began_to_write() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = topics(&running, &[("t", 1)]).await;
    let empty = epoch_end(&mut connection, 4, -1, 0).await;
    assert_eq!((empty.error_code, empty.leader_epoch, empty.end_offset), (0, 0, 0));
    ok(connection.produce("t", 0, batch(&["a", "b", "c"])).await.error_code);
    drop(running);
    // Two unclean restarts: the second epoch writes nothing, the third one does.
    let disk = disk.crash(Lost::AllUnsynced);
    drop(start_on(&disk, &[]).await);
    let disk = disk.crash(Lost::AllUnsynced);
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    ok(connection.produce("t", 0, batch(&["d"])).await.error_code);
    for version in versions(apis::OFFSET_FOR_LEADER_EPOCH) {
        for (current, epoch, error, found, end) in [
            (-1, 0, ErrorCode::None, 0, 3),
            (2, 0, ErrorCode::None, 0, 3),
            (-1, 1, ErrorCode::None, 0, 3),
            (-1, 2, ErrorCode::None, 2, 4),
            (-1, 3, ErrorCode::None, -1, -1),
            (-1, -1, ErrorCode::None, -1, -1),
            (-1, -2, ErrorCode::None, -2, 0),
            (1, 0, ErrorCode::FencedLeaderEpoch, -1, -1),
            (-2, 0, ErrorCode::FencedLeaderEpoch, -1, -1),
            (3, 0, ErrorCode::UnknownLeaderEpoch, -1, -1),
        ] {
            let answer = epoch_end(&mut connection, version, current, epoch).await;
            assert_eq!(
                (answer.error_code, answer.leader_epoch, answer.end_offset),
                (error.code(), found, end),
                "version {version}, current {current}, epoch {epoch}"
            );
        }
    }
}

#[tokio::test]
async fn the_end_of_an_epoch_is_asked_for_each_partition_alone() {
    let running = start(&[]).await;
    let mut connection = topics(&running, &[("t", 1)]).await;
    let one = |partition| OffsetForLeaderPartition { partition, ..Default::default() };
    let topics = vec![
        OffsetForLeaderTopic { topic: "missing".into(), partitions: vec![one(0)] },
        OffsetForLeaderTopic { topic: "t".into(), partitions: vec![one(7), one(0)] },
    ];
    let answer = connection.call(4, &OffsetForLeaderEpochRequest { replica_id: -1, topics }).await;
    let codes = answer.topics.iter().flat_map(|topic| &topic.partitions).map(|p| (p.partition, p.error_code));
    assert_eq!(codes.collect::<Vec<_>>(), [(0, 3), (7, 3), (0, 0)]);
}

fn described(names: &[&str], limit: i32, cursor: Option<(&str, i32)>) -> DescribeTopicPartitionsRequest {
    DescribeTopicPartitionsRequest {
        topics: names.iter().map(|name| TopicRequest { name: (*name).into() }).collect(),
        response_partition_limit: limit,
        cursor: cursor.map(|(name, index)| CursorRequest { topic_name: name.into(), partition_index: index }),
    }
}

type Page = (Vec<(String, i16, Vec<i32>)>, Option<(String, i32)>);

/// Topics with their error and partitions, and where the next page begins.
fn page(answer: &DescribeTopicPartitionsResponse) -> Page {
    let topics = answer.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| partition.partition_index).collect();
        (topic.name.clone().unwrap().to_string(), topic.error_code, partitions)
    });
    let next = answer.next_cursor.as_ref();
    (topics.collect(), next.map(|next| (next.topic_name.to_string(), next.partition_index)))
}

#[tokio::test]
async fn pages_of_partitions_are_those_of_the_reference_broker() {
    let running = start(&[]).await;
    let mut connection = topics(&running, &[("tb", 3), ("ta", 2), ("tc", 4)]).await;
    let t = |name: &str, partitions: &[i32]| (name.to_owned(), 0, partitions.to_vec());
    let bad = |name: &str, error: ErrorCode| (name.to_owned(), error.code(), Vec::new());
    let next = |name: &str, index| Some((name.to_owned(), index));
    let all = ["tc", "ta", "tb"];
    let cases = [
        (
            described(&all, 2000, None),
            vec![t("ta", &[0, 1]), t("tb", &[0, 1, 2]), t("tc", &[0, 1, 2, 3])],
            None,
        ),
        (described(&["ta", "ta"], 2000, None), vec![t("ta", &[0, 1])], None),
        (described(&["ta"], 0, None), vec![t("ta", &[0])], next("ta", 1)),
        (described(&["ta"], -1, None), vec![t("ta", &[0])], next("ta", 1)),
        (described(&all, 2, None), vec![t("ta", &[0, 1])], next("tb", 0)),
        (described(&all, 4, None), vec![t("ta", &[0, 1]), t("tb", &[0, 1])], next("tb", 2)),
        (described(&["ta", "tz"], 2, None), vec![t("ta", &[0, 1])], next("tz", 0)),
        (described(&["ta", "tb"], 9, Some(("ta", 1))), vec![t("ta", &[1]), t("tb", &[0, 1, 2])], None),
        (described(&all, 2, Some(("tb", 1))), vec![t("tb", &[1, 2])], next("tc", 0)),
        (described(&["ta", "tb"], 9, Some(("ta", 2))), vec![t("ta", &[]), t("tb", &[0, 1, 2])], None),
        (described(&[], 3, None), vec![t("ta", &[0, 1]), t("tb", &[0])], next("tb", 1)),
        (described(&[], 3, Some(("tb", 1))), vec![t("tb", &[1, 2]), t("tc", &[0])], next("tc", 1)),
        (described(&[], 9, Some(("tbb", 1))), vec![t("tc", &[0, 1, 2, 3])], None),
        (
            described(&["no", "ta", "no2"], 2, None),
            vec![
                bad("no", ErrorCode::UnknownTopicOrPartition),
                bad("no2", ErrorCode::UnknownTopicOrPartition),
                t("ta", &[0, 1]),
            ],
            None,
        ),
        (
            described(&["a/b", "", "ta"], 9, None),
            vec![
                bad("", ErrorCode::InvalidTopicException),
                bad("a/b", ErrorCode::InvalidTopicException),
                t("ta", &[0, 1]),
            ],
            None,
        ),
        (described(&["tb"], 9, Some(("ta", 0))), vec![bad("tb", ErrorCode::InvalidRequest)], None),
        (
            described(&["tb", "ta"], 9, Some(("tb", -1))),
            vec![bad("tb", ErrorCode::InvalidRequest), bad("ta", ErrorCode::InvalidRequest)],
            None,
        ),
    ];
    for (request, topics, next) in cases {
        let answer = connection.call(0, &request).await;
        assert_eq!(page(&answer), (topics, next), "{request:?}");
    }
    let answer = connection.call(0, &described(&["ta"], 9, None)).await;
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(
        (partition.leader_id, &partition.replica_nodes, &partition.isr_nodes),
        (1, &vec![1], &vec![1])
    );
    assert_eq!(answer.topics[0].topic_authorized_operations, 3576);
}

#[tokio::test]
async fn a_page_is_never_larger_than_the_setting() {
    let running = start(&[("max.request.partition.size.limit", "3")]).await;
    let mut connection = topics(&running, &[("t", 5)]).await;
    let answer = connection.call(0, &described(&["t"], 2000, None)).await;
    assert_eq!(page(&answer), (vec![("t".to_owned(), 0, vec![0, 1, 2])], Some(("t".to_owned(), 3))));
}

#[tokio::test]
async fn producers_are_told_by_their_last_batch() {
    let running = start(&[]).await;
    let mut connection = topics(&running, &[("t", 2)]).await;
    for (producer_id, producer_epoch, base_sequence) in [(9, 0, 0), (4, 0, 0), (9, 0, 2), (4, 1, 0)] {
        let options = BuildOptions { producer_id, producer_epoch, base_sequence, ..BuildOptions::default() };
        ok(connection.produce("t", 0, batch_with(&["x", "y"], 5_000, options)).await.error_code);
    }
    let of = |name: &str, partition_indexes| ProducersOf { name: name.into(), partition_indexes };
    let topics = vec![of("t", vec![0, 1, 7]), of("missing", vec![0]), of("a/b", vec![0])];
    let answer = connection.call(0, &DescribeProducersRequest { topics }).await;
    let codes = answer.topics.iter().flat_map(|topic| &topic.partitions).map(|p| p.error_code);
    assert_eq!(codes.collect::<Vec<_>>(), [0, 0, 3, 3, 17]);
    let producers = answer.topics[0].partitions[0].active_producers.iter();
    let told = producers.map(|p| (p.producer_id, p.producer_epoch, p.last_sequence, p.last_timestamp));
    assert_eq!(told.collect::<Vec<_>>(), [(4, 1, 1, 5_001), (9, 0, 3, 5_001)]);
    assert!(answer.topics[0].partitions[1].active_producers.is_empty());
    let open = &answer.topics[0].partitions[0].active_producers[0];
    assert_eq!((open.coordinator_epoch, open.current_txn_start_offset), (-1, -1));
}
