//! Produce, Fetch, ListOffsets, InitProducerId.

use crate::harness::{
    Connection, batch, batch_with, ok, patient, produce_request, start, start_on, versions,
};
use crate::topics::creation;
use ottla_env::disk::MemoryDisk;
use ottla_wire::batch::batches;
use ottla_wire::compress::Codec;
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use ottla_wire::messages::init_producer_id::InitProducerIdRequest;
use ottla_wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use ottla_wire::messages::produce::ProduceRequest;
use ottla_wire::record::BuildOptions;
use ottla_wire::{ErrorCode, Uuid, apis};
use std::time::Duration;

async fn topic(connection: &mut Connection, name: &str) -> Uuid {
    let answer = connection.call(7, &creation(name, 1)).await;
    ok(answer.topics[0].error_code);
    answer.topics[0].topic_id
}

fn fetch(name: &str, topic_id: Uuid, offset: i64, max_wait_ms: i32) -> FetchRequest {
    let partition =
        FetchPartition { fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic { topic: name.into(), topic_id, partitions: vec![partition] }],
        ..Default::default()
    }
}

fn offsets(partition: &PartitionData) -> Vec<i64> {
    batches(partition.records.clone().unwrap().to_bytes()).map(|(header, _)| header.base_offset).collect()
}

#[tokio::test]
async fn every_version_writes_and_reads_the_same_bytes() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let id = topic(&mut connection, "t").await;
    let sent = batch(&["one", "two"]);
    for (i, version) in versions(apis::PRODUCE).enumerate() {
        let mut request = produce_request("t", 0, sent.clone(), 1);
        request.topic_data[0].topic_id = id;
        let answer = connection.call(version, &request).await;
        ok(answer.responses[0].partition_responses[0].error_code);
        assert_eq!(answer.responses[0].partition_responses[0].base_offset, 2 * i as i64);
    }
    for version in versions(apis::FETCH) {
        let answer = connection.call(version, &fetch("t", id, 0, 0)).await;
        let partition = &answer.responses[0].partitions[0];
        ok(partition.error_code);
        assert_eq!((partition.high_watermark, offsets(partition).len()), (22, 11), "version {version}");
        let first = batches(partition.records.clone().unwrap().to_bytes()).next().unwrap().1;
        assert_eq!(first[16..], sent[16..]);
    }
}

#[tokio::test]
async fn q5_a_fetch_from_inside_a_batch_returns_it_whole_whatever_the_limits() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let id = topic(&mut connection, "t").await;
    for _ in 0..3 {
        ok(connection.produce("t", 0, batch(&["a", "b", "c"])).await.error_code);
    }
    let mut request = fetch("t", id, 4, 0);
    // One byte for the answer, for the partition, and for both.
    for (of_answer, of_partition) in [(1, 1 << 20), (1 << 20, 1), (1, 1)] {
        request.topics[0].partitions[0].partition_max_bytes = of_partition;
        request.max_bytes = of_answer;
        let answer = connection.call(12, &request).await;
        assert_eq!(offsets(&answer.responses[0].partitions[0]), [3]);
    }
    let answer = connection.call(12, &fetch("t", id, 10, 0)).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, ErrorCode::OffsetOutOfRange.code());
}

#[tokio::test]
async fn what_is_there_and_does_not_fit_is_not_waited_for() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[("log.segment.bytes", "1048576")]).await;
    let mut connection = running.connect().await;
    let id = topic(&mut connection, "t").await;
    let value = "v".repeat(300 << 10);
    for _ in 0..5 {
        ok(connection.produce("t", 0, batch(&[&value])).await.error_code);
    }
    // From the tail cache, which has the heads of large batches apart.
    let request = FetchRequest { min_bytes: 1 << 20, ..fetch("t", id, 0, 600_000) };
    let answer = patient(connection.call(12, &request)).await;
    assert_eq!(offsets(&answer.responses[0].partitions[0]), [0, 1, 2]);
    running.broker.stop().await.unwrap();
    // Nothing is in the tail cache now, so a read ends with its segment.
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    // Three batches fit into a MiB, and into a segment; what is left of either is less than one more.
    for (offset, min_bytes, of_partition, batches) in
        [(0, 1 << 20, 1 << 20, 3), (0, 1 << 20, 4 << 20, 3), (3, 500 << 10, 500 << 10, 1)]
    {
        let mut request = FetchRequest { min_bytes, max_bytes: 4 << 20, ..fetch("t", id, offset, 600_000) };
        request.topics[0].partitions[0].partition_max_bytes = of_partition;
        let answer = patient(connection.call(12, &request)).await;
        assert_eq!(offsets(&answer.responses[0].partitions[0]).len(), batches);
    }
    let request = FetchRequest { min_bytes: 500 << 10, ..fetch("t", id, 4, 1) };
    let answer = connection.call(12, &request).await;
    assert_eq!(offsets(&answer.responses[0].partitions[0]), [4], "what is not there is waited for");
}

#[tokio::test]
async fn q5_of_many_partitions_the_first_that_has_a_batch_gives_one_whatever_its_limit() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let answer = connection.call(7, &creation("t", 20)).await;
    ok(answer.topics[0].error_code);
    let sizes = [0, 500, 0, 500, 10, 500];
    for (partition, size) in sizes.into_iter().enumerate().filter(|(_, size)| *size > 0) {
        let partition = i32::try_from(partition).unwrap();
        ok(connection.produce("t", partition, batch(&[&"x".repeat(size)])).await.error_code);
    }
    let mut request = fetch("t", Uuid::default(), 0, 0);
    let wanted = |(partition, limit): &(i32, i32)| FetchPartition {
        partition: *partition,
        partition_max_bytes: *limit,
        ..Default::default()
    };
    let all: Vec<i32> = (0..20).collect();
    for (order, limit, of_answer, given) in [
        // The limit of a partition is too small for the large batches.
        (&[0, 1, 2, 3, 4, 5][..], 100, 1 << 20, &[1, 4][..]),
        (&[0, 2, 3, 1, 5, 4], 100, 1 << 20, &[3, 4]),
        (&[4, 5, 3, 1], 100, 1 << 20, &[4]),
        (&all, 100, 1 << 20, &[1, 4]),
        // The one of the answer is.
        (&all, 1 << 20, 1, &[1]),
        (&all, 1_000, 1_000, &[1, 4]),
        (&[5, 3, 1], 1_000, 600, &[5]),
        (&[5, 3, 1], 1_000, 1 << 20, &[5, 3, 1]),
    ] {
        request.max_bytes = of_answer;
        let limits: Vec<_> = order.iter().map(|partition| (*partition, limit)).collect();
        request.topics[0].partitions = limits.iter().map(wanted).collect();
        let answer = connection.call(12, &request).await;
        let partitions = &answer.responses[0].partitions;
        assert!(partitions.iter().all(|partition| partition.error_code == 0));
        let found: Vec<_> =
            partitions.iter().filter(|p| !offsets(p).is_empty()).map(|p| p.partition_index).collect();
        assert_eq!(found, given, "{order:?}, {limit} of a partition, {of_answer} of the answer");
    }
}

#[tokio::test]
async fn q12_a_long_poll_is_woken_by_the_write_it_waits_for() {
    let running = start(&[]).await;
    let mut writer = running.connect().await;
    let id = topic(&mut writer, "t").await;
    let mut reader = running.connect().await;
    reader.send(12, &fetch("t", id, 0, 60_000)).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    ok(writer.produce("t", 0, batch(&["a"])).await.error_code);
    let (_, answer) = reader.receive::<FetchRequest>(12).await;
    assert_eq!(offsets(&answer.responses[0].partitions[0]), [0]);
}

#[tokio::test]
async fn q14_answers_leave_in_the_order_of_the_requests() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t").await;
    for i in 0..30 {
        connection.send(9, &produce_request("t", 0, batch(&[&i.to_string()]), -1)).await;
    }
    for i in 0..30_i64 {
        let (correlation, answer) = connection.receive::<ProduceRequest>(9).await;
        assert_eq!(i64::from(correlation), i + 2);
        assert_eq!(answer.responses[0].partition_responses[0].base_offset, i);
    }
}

#[tokio::test]
async fn q15_a_write_without_acknowledgement_has_no_answer_and_an_error_ends_the_connection() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t").await;
    connection.send(9, &produce_request("t", 0, batch(&["quiet"]), 0)).await;
    // The next answer is that of the next request.
    assert_eq!(connection.produce("t", 0, batch(&["loud"])).await.base_offset, 1);
    connection.send(9, &produce_request("missing", 0, batch(&["lost"]), 0)).await;
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn of_many_records_with_a_time_that_is_refused_some_are_named() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t").await;
    let options = BuildOptions { codec: Codec::Zstd, ..BuildOptions::default() };
    // Thousands of years from now.
    let refused = connection.produce("t", 0, batch_with(&[""; 100_000], 1 << 50, options)).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidTimestamp.code());
    let named: Vec<i32> = refused.record_errors.iter().map(|record| record.batch_index).collect();
    assert_eq!(named, (0..1_000).collect::<Vec<i32>>());
    // However many batches a request has.
    let mut request = produce_request("t", 0, batch_with(&[""; 600], 1 << 50, options), -1);
    let partitions = &mut request.topic_data[0].partition_data;
    partitions.extend([partitions[0].clone(), partitions[0].clone()]);
    let answer = connection.call(9, &request).await;
    let all = &answer.responses[0].partition_responses;
    assert!(all.iter().all(|refused| refused.error_code == ErrorCode::InvalidTimestamp.code()));
    let named: Vec<usize> = all.iter().map(|refused| refused.record_errors.len()).collect();
    assert_eq!(named, [600, 400, 0]);
}

#[tokio::test]
async fn a_refused_write_says_why() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t").await;
    let request = || produce_request("t", 0, batch(&["a"]), -1);
    let transactional = ProduceRequest { transactional_id: Some("id".into()), ..request() };
    let odd_acks = ProduceRequest { acks: 2, ..request() };
    let mut without_records = request();
    without_records.topic_data[0].partition_data[0].records = None;
    for version in versions(apis::PRODUCE).filter(|version| *version < 13) {
        for (request, error, why) in [
            (&transactional, ErrorCode::InvalidTxnState, "transactional.id"),
            (&odd_acks, ErrorCode::InvalidRequiredAcks, "acks"),
            (&without_records, ErrorCode::InvalidRecord, "no records"),
        ] {
            let answer = connection.call(version, request).await;
            let refused = &answer.responses[0].partition_responses[0];
            assert_eq!(refused.error_code, error.code(), "version {version}");
            let told = refused.error_message.as_deref().unwrap_or_default();
            assert_eq!(told.contains(why), version >= 8, "version {version}: {told}");
        }
    }
    disk.set_capacity(Some(0));
    let refused = connection.produce("t", 0, batch(&["a"])).await;
    assert_eq!(refused.error_code, ErrorCode::KafkaStorageError.code());
    assert!(refused.error_message.is_some_and(|told| told.contains("full")));
    disk.set_capacity(None);
    let stored = connection.produce("t", 0, batch(&["a"])).await;
    ok(stored.error_code);
    assert_eq!(stored.base_offset, 0, "nothing of what was refused is stored");
}

#[tokio::test]
async fn a_transactional_id_gets_no_producer_id() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    for version in versions(apis::INIT_PRODUCER_ID) {
        for (id, error) in [("id", ErrorCode::UnsupportedVersion), ("", ErrorCode::InvalidRequest)] {
            let request = InitProducerIdRequest {
                transactional_id: Some(id.into()),
                transaction_timeout_ms: 1_000,
                producer_id: -1,
                producer_epoch: -1,
                ..Default::default()
            };
            let answer = connection.call(version, &request).await;
            let (code, producer) = (answer.error_code, (answer.producer_id, answer.producer_epoch));
            assert_eq!((code, producer), (error.code(), (-1, -1)), "version {version}, {id:?}");
        }
    }
}

#[tokio::test]
async fn p1_a_batch_that_comes_twice_is_stored_once() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t").await;
    for version in versions(apis::INIT_PRODUCER_ID) {
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 1_000,
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        };
        let answer = connection.call(version, &request).await;
        ok(answer.error_code);
        let options = |sequence| BuildOptions {
            producer_id: answer.producer_id,
            producer_epoch: answer.producer_epoch,
            base_sequence: sequence,
            ..BuildOptions::default()
        };
        let first = batch_with(&["a"], 0, options(0));
        let stored = connection.produce("t", 0, first.clone()).await;
        assert_eq!(connection.produce("t", 0, first).await.base_offset, stored.base_offset);
        let gap = connection.produce("t", 0, batch_with(&["c"], 0, options(7))).await;
        assert_eq!(gap.error_code, ErrorCode::OutOfOrderSequenceNumber.code());
    }
}

#[tokio::test]
async fn q13_offsets_are_found_by_time_exactly() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    topic(&mut connection, "t").await;
    for i in 0..4 {
        let batch = batch_with(&["a", "b", "c"], 1_000 * i, BuildOptions::default());
        ok(connection.produce("t", 0, batch).await.error_code);
    }
    for version in versions(apis::LIST_OFFSETS) {
        for (timestamp, expected) in [(-1, 12), (-2, 0), (0, 0), (1_001, 4), (1_003, 6), (99_999, -1)] {
            let partition = ListOffsetsPartition {
                timestamp,
                max_num_offsets: 1,
                current_leader_epoch: -1,
                ..Default::default()
            };
            let request = ListOffsetsRequest {
                replica_id: -1,
                topics: vec![ListOffsetsTopic { name: "t".into(), partitions: vec![partition] }],
                ..Default::default()
            };
            let answer = connection.call(version, &request).await;
            let found = &answer.topics[0].partitions[0];
            ok(found.error_code);
            let offset = if version == 0 {
                found.old_style_offsets.first().copied().unwrap_or(-1)
            } else {
                found.offset
            };
            assert_eq!(offset, expected, "version {version}, timestamp {timestamp}");
        }
    }
}
