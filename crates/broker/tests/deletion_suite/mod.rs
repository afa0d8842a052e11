//! A topic is created, written and deleted, and the power goes at every operation of that (durability rule C2).
//!
//! Afterwards the topic is whole, or it has no name any more and the next start removes what is left of it: directories
//! and the record that keeps its id. The same holds when the power goes again inside that start. A build with the planted
//! bug has to fail this.

#[path = "../api/harness.rs"]
mod harness;

use harness::{Connection, Running, batch, produce_request, try_start_on};
use ottla_broker::cluster::embedded::Engine;
use ottla_env::disk::{Disk, Fault, Lost, MemoryDisk};
use ottla_wire::ErrorCode;
use ottla_wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use ottla_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PARTITIONS: i32 = 2;
const RECORDS: i64 = 2;
/// A deletion that takes longer hangs.
const RESUMED: Duration = Duration::from_secs(60);

/// What was answered, and what was asked.
#[derive(Debug, Default)]
struct Promise {
    created: bool,
    acked: [i64; PARTITIONS as usize],
    deletion_asked: bool,
    deleted: bool,
}

async fn create(connection: &mut Connection) -> bool {
    let topic = CreatableTopic {
        name: "t".into(),
        num_partitions: PARTITIONS,
        replication_factor: 1,
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() };
    connection.call(7, &request).await.topics[0].error_code == 0
}

async fn delete(connection: &mut Connection) -> bool {
    let topic = DeleteTopicState { name: Some("t".into()), ..Default::default() };
    let request = DeleteTopicsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() };
    connection.call(6, &request).await.responses[0].error_code == 0
}

/// The life of a topic, until the power goes.
async fn live(disk: &MemoryDisk, running: &Running) -> Promise {
    let mut promise = Promise::default();
    let mut connection = running.connect().await;
    promise.created = create(&mut connection).await;
    for number in 0..RECORDS {
        for partition in 0..PARTITIONS {
            let request = produce_request("t", partition, batch(&["value"]), -1);
            let answer = connection.call(9, &request).await;
            if answer.responses[0].partition_responses[0].error_code == 0 {
                promise.acked[partition as usize] = number + 1;
            }
        }
    }
    promise.deletion_asked = true;
    promise.deleted = delete(&mut connection).await;
    if promise.deleted {
        let left = || left_of_deleted(disk).is_ok_and(|left| !left.is_empty());
        assert!(is_resumed(left).await, "a deletion hangs");
    }
    promise
}

/// Until nothing is left of a deleted topic, or the power is gone. False: it takes too long.
async fn is_resumed(left: impl Fn() -> bool) -> bool {
    let resuming = async {
        while left() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(RESUMED, resuming).await.is_ok()
}

/// Directories of partitions, and records of topics that are being deleted, if the power went now. An error: it went.
fn left_of_deleted(disk: &MemoryDisk) -> std::io::Result<Vec<String>> {
    let topics = Path::new("data/topics");
    disk.list(topics)?;
    let after = disk.crash(Lost::AllUnsynced);
    let mut left: Vec<String> = after.list(topics)?.into_iter().map(|entry| entry.name).collect();
    let after: Arc<dyn Disk> = Arc::new(after);
    let (engine, _) = Engine::open(after, Path::new("data/metadata"), 0).map_err(std::io::Error::other)?;
    let keys = engine.store().entries().map(|entry| entry.key.to_string());
    left.extend(keys.filter(|key| key.starts_with("deleting/")));
    Ok(left)
}

async fn is_there(connection: &mut Connection) -> bool {
    let topic = MetadataRequestTopic { name: Some("t".into()), ..Default::default() };
    let request =
        MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: false, ..Default::default() };
    let code = connection.call(9, &request).await.topics[0].error_code;
    assert!([ErrorCode::None, ErrorCode::UnknownTopicOrPartition].contains(&ErrorCode::from_code(code)));
    code == 0
}

/// Every acknowledged record is readable.
async fn is_whole(connection: &mut Connection, promise: &Promise) -> Result<(), String> {
    for (index, acked) in (0..).zip(promise.acked) {
        let partition =
            FetchPartition { partition: index, partition_max_bytes: 1 << 20, ..Default::default() };
        let topic = FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() };
        let request =
            FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics: vec![topic], ..Default::default() };
        let answer = connection.call(11, &request).await.responses[0].partitions[0].clone();
        if answer.error_code != 0 || answer.high_watermark < acked {
            let (code, end) = (ErrorCode::from_code(answer.error_code), answer.high_watermark);
            return Err(format!(
                "the topic is there, and partition {index} ends at {end} ({code:?}); {acked} records were acknowledged"
            ));
        }
    }
    Ok(())
}

/// What the next start finds. True if it had a deletion to resume.
async fn check(disk: &MemoryDisk, promise: &Promise) -> Result<bool, String> {
    let left = || left_of_deleted(disk).unwrap_or_else(|error| vec![error.to_string()]);
    let resumed = !left().is_empty();
    let running = try_start_on(disk, &[]).await.map_err(|error| format!("no start: {error}"))?;
    let mut connection = running.connect().await;
    if is_there(&mut connection).await {
        if promise.deleted {
            return Err("the topic was deleted, and is there again".to_owned());
        }
        return is_whole(&mut connection, promise).await.map(|()| false);
    }
    if promise.created && !promise.deletion_asked {
        return Err("the topic was created, and is not there".to_owned());
    }
    if !is_resumed(|| !left().is_empty()).await {
        return Err(format!("of a deleted topic {:?} is left", left()));
    }
    drop((connection, running));
    let again = disk.crash(Lost::AllUnsynced);
    match left_of_deleted(&again) {
        Ok(left) if left.is_empty() => Ok(resumed),
        left => Err(format!("a deletion was over, and the next cut left {left:?}")),
    }
}

/// The power goes again at every operation of the start that resumes a deletion.
async fn check_inside(after: &MemoryDisk, promise: &Promise) -> Result<usize, String> {
    let probe = after.crash(Lost::NothingUnsynced);
    let first = probe.operation_count();
    if !check(&probe, promise).await? {
        return Ok(0);
    }
    let operations = probe.operation_count() - first;
    for number in 0..operations {
        let disk = after.crash(Lost::NothingUnsynced);
        disk.fail_at(disk.operation_count() + number, Fault::Cut);
        if let Ok(running) = try_start_on(&disk, &[]).await {
            let left = || left_of_deleted(&disk).is_ok_and(|left| !left.is_empty());
            assert!(is_resumed(left).await, "a deletion hangs");
            drop(running);
        }
        for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
            check(&disk.crash(lost), promise)
                .await
                .map_err(|error| format!("second cut at {number}, {lost:?}: {error}"))?;
        }
    }
    Ok(operations)
}

/// How many cuts were tried, in the life of the topic and in starts that resumed its deletion. The first broken promise
/// is the error.
pub fn suite() -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let (mut cuts, mut inside) = (0, 0);
        loop {
            let disk = MemoryDisk::new();
            let running = try_start_on(&disk, &[]).await?;
            let number = disk.operation_count() + cuts;
            disk.fail_at(number, Fault::Cut);
            let promise = live(&disk, &running).await;
            let is_over = disk.operation_count() <= number;
            disk.cut();
            drop(running);
            for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
                inside += check_inside(&disk.crash(lost), &promise)
                    .await
                    .map_err(|error| format!("cut at operation {cuts}, {lost:?}: {error}; {promise:?}"))?;
            }
            if is_over {
                return Ok(cuts + inside);
            }
            cuts += 1;
        }
    })
}
