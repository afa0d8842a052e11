//! Compacted topics: the last record of every key stays, keyless records are refused, settings decide.

use crate::configs::alter_broker;
use crate::harness::{Connection, Running, batch_with, ok, produce_request, start, start_on};
use crate::topics::creation;
use bytes::Bytes;
use ottla_env::disk::MemoryDisk;
use ottla_wire::ErrorCode;
use ottla_wire::batch::batches;
use ottla_wire::compress::Codec;
use ottla_wire::messages::create_topics::{CreatableTopicConfig, CreateTopicsRequest};
use ottla_wire::messages::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_wire::record::{self, BatchBuilder, BuildOptions};
use std::collections::BTreeMap;
use std::time::Duration;

/// Looks are taken so often before a compaction counts as one that does not come.
const LOOKS: usize = 6_000;
const BROKER: &[(&str, &str)] = &[("log.cleaner.backoff.ms", "1")];

fn compacted(settings: &[(&str, &str)]) -> CreateTopicsRequest {
    let mut request = creation("t", 1);
    let all = [("cleanup.policy", "compact"), ("segment.bytes", "1048576")];
    request.topics[0].configs = all
        .iter()
        .chain(settings)
        .map(|(name, value)| CreatableTopicConfig { name: (*name).into(), value: Some((*value).into()) })
        .collect();
    request
}

/// One record with 100,000 bytes, or a tombstone.
fn keyed(key: &str, value: Option<u8>) -> Bytes {
    let value = value.map(|byte| vec![byte; 100_000]);
    let mut builder = BatchBuilder::new();
    builder.push(1_000, Some(key.as_bytes()), value.as_deref(), &[]);
    builder.build(BuildOptions::default()).unwrap()
}

/// Everything that a consumer sees, from offset 0: offset, key, first byte of the value.
async fn contents(connection: &mut Connection) -> Vec<(i64, String, Option<u8>)> {
    let (mut offset, mut all) = (0, Vec::new());
    loop {
        let partition =
            FetchPartition { fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
        let topics =
            vec![FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() }];
        let request = FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics, ..Default::default() };
        let answer = connection.call(12, &request).await;
        let found = &answer.responses[0].partitions[0];
        ok(found.error_code);
        let before = offset;
        for (header, batch) in batches(found.records.clone().unwrap().to_bytes()) {
            for record in record::iterate(&batch, 1 << 20).unwrap() {
                let record = record.unwrap();
                let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                all.push((record.offset, key, record.value.map(|value| value[0])));
            }
            offset = header.next_offset();
        }
        if offset == before {
            return all;
        }
    }
}

/// Waits until the log has no more bytes than these.
async fn shrinks_to(connection: &mut Connection, most: i64) {
    let topics = Some(vec![DescribableLogDirTopic { topic: "t".into(), partitions: vec![0] }]);
    let request = DescribeLogDirsRequest { topics };
    let mut size = i64::MAX;
    for _ in 0..LOOKS {
        let answer = connection.call(4, &request).await;
        size = answer.results[0].topics[0].partitions[0].partition_size;
        if size <= most {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no compaction came: {size} bytes");
}

async fn fill(running: &Running) -> (Connection, BTreeMap<String, (i64, Option<u8>)>) {
    let mut connection = running.connect().await;
    let mut last = BTreeMap::new();
    for number in 0..60_u8 {
        let key = format!("key-{}", number % 5);
        let value = (number != 58).then_some(number);
        let answer = connection.produce("t", 0, keyed(&key, value)).await;
        ok(answer.error_code);
        last.insert(key, (answer.base_offset, value));
    }
    (connection, last)
}

#[tokio::test]
async fn the_last_record_of_every_key_stays_at_its_offset_also_after_a_power_cut() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, BROKER).await;
    let made = running.connect().await.call(7, &compacted(&[("min.cleanable.dirty.ratio", "0")])).await;
    ok(made.topics[0].error_code);
    let (mut connection, last) = fill(&running).await;
    // The active segment is never compacted: about ten records are in it, and five are left of the others.
    shrinks_to(&mut connection, 1_700_000).await;
    // All of it fits into the memory for the newest batches, which must not show what is gone.
    assert!(contents(&mut connection).await.len() <= 17);
    disk.cut();
    let disk = disk.crash(ottla_env::disk::Lost::AllUnsynced);
    drop((connection, running));
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    let found = contents(&mut connection).await;
    assert!(found.len() <= 17 && found.windows(2).all(|pair| pair[0].0 < pair[1].0), "{found:?}");
    let state: BTreeMap<String, (i64, Option<u8>)> =
        found.into_iter().map(|(offset, key, value)| (key, (offset, value))).collect();
    assert_eq!(state, last);
    let next = connection.produce("t", 0, keyed("new", Some(1))).await;
    assert_eq!((next.error_code, next.base_offset), (0, 60));
}

#[tokio::test]
async fn how_often_logs_are_looked_at_is_changed_while_the_broker_runs() {
    let running = start(&[("log.cleaner.backoff.ms", "9000000000000")]).await;
    let made = running.connect().await.call(7, &compacted(&[("min.cleanable.dirty.ratio", "0")])).await;
    ok(made.topics[0].error_code);
    let (mut connection, _) = fill(&running).await;
    alter_broker(&mut connection, "log.cleaner.backoff.ms", "1").await;
    shrinks_to(&mut connection, 1_700_000).await;
    fill(&running).await;
    shrinks_to(&mut connection, 1_700_000).await;
}

#[tokio::test]
async fn q5_a_compacted_topic_takes_no_record_without_a_key() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &compacted(&[])).await.topics[0].error_code);
    let mut builder = BatchBuilder::new();
    builder.push(1_000, Some(b"k"), Some(b"v"), &[]);
    builder.push(1_000, None, Some(b"v"), &[]);
    let batch = builder.build(BuildOptions::default()).unwrap();
    let answer = connection.call(9, &produce_request("t", 0, batch, -1)).await;
    let refused = &answer.responses[0].partition_responses[0];
    assert_eq!(refused.error_code, ErrorCode::InvalidRecord.code());
    let bad: Vec<i32> = refused.record_errors.iter().map(|record| record.batch_index).collect();
    assert_eq!(bad, [1]);
    assert_eq!(contents(&mut connection).await, []);
}

#[tokio::test]
async fn of_many_records_without_a_key_some_are_named() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &compacted(&[])).await.topics[0].error_code);
    let options = BuildOptions { codec: Codec::Zstd, ..BuildOptions::default() };
    let refused = connection.produce("t", 0, batch_with(&[""; 100_000], 1_000, options)).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidRecord.code());
    let named: Vec<i32> = refused.record_errors.iter().map(|record| record.batch_index).collect();
    assert_eq!(named, (0..1_000).collect::<Vec<i32>>());
}

#[tokio::test]
async fn what_is_younger_than_the_lag_stays() {
    let running = start(BROKER).await;
    let made = compacted(&[("min.cleanable.dirty.ratio", "0"), ("min.compaction.lag.ms", "9000000000000")]);
    ok(running.connect().await.call(7, &made).await.topics[0].error_code);
    let (mut connection, _) = fill(&running).await;
    for _ in 0..20 {
        assert_eq!(contents(&mut connection).await.len(), 60);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_has_waited_too_long_is_compacted_however_little_it_is() {
    let running = start(BROKER).await;
    let made = compacted(&[("min.cleanable.dirty.ratio", "1"), ("max.compaction.lag.ms", "1000")]);
    ok(running.connect().await.call(7, &made).await.topics[0].error_code);
    let (mut connection, _) = fill(&running).await;
    shrinks_to(&mut connection, 1_700_000).await;
}

#[tokio::test]
async fn nothing_is_compacted_without_the_cleaner() {
    let running = start(&[BROKER[0], ("log.cleaner.enable", "false")]).await;
    let made = running.connect().await.call(7, &compacted(&[("min.cleanable.dirty.ratio", "0")])).await;
    ok(made.topics[0].error_code);
    let (mut connection, _) = fill(&running).await;
    for _ in 0..20 {
        assert_eq!(contents(&mut connection).await.len(), 60);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
