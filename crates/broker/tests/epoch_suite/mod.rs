//! A power cut takes the end of an `os` topic that a consumer has read, and others are written in its place: the consumer
//! hears of it by its leader epoch (durability rule R8, KIP-320).

#[path = "../api/harness.rs"]
mod harness;

use harness::{Connection, Running, batch, produce_request, start_on};
use ottla_env::disk::{Lost, MemoryDisk};
use ottla_wire::ErrorCode;
use ottla_wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use ottla_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_wire::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};

/// Records before the cut, which a consumer has read, and after it.
const READ: i64 = 3;
const WRITTEN_ANEW: i64 = 4;

fn creation() -> CreateTopicsRequest {
    let config = CreatableTopicConfig { name: "durability".into(), value: Some("os".into()) };
    let topic = CreatableTopic {
        name: "t".into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![config],
        ..Default::default()
    };
    CreateTopicsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() }
}

async fn write(connection: &mut Connection, count: i64) -> Result<(), String> {
    for number in 0..count {
        let request = produce_request("t", 0, batch(&["value"]), -1);
        let answer = connection.call(9, &request).await.responses[0].partition_responses[0].clone();
        if (answer.error_code, answer.base_offset) != (0, number) {
            return Err(format!("record {number} was answered {answer:?}"));
        }
    }
    Ok(())
}

/// Whether a consumer at this position, which it reached in epoch 0, learns that what it read is gone.
async fn hears(running: &Running, position: i64) -> bool {
    let mut connection = running.connect().await;
    let partition = OffsetForLeaderPartition { current_leader_epoch: -1, ..Default::default() };
    let topics = vec![OffsetForLeaderTopic { topic: "t".into(), partitions: vec![partition] }];
    let answer = connection.call(4, &OffsetForLeaderEpochRequest { replica_id: -1, topics }).await;
    let epoch_ends = answer.topics[0].partitions[0].end_offset;
    let partition = FetchPartition {
        current_leader_epoch: 0,
        fetch_offset: position,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let request = FetchRequest {
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    };
    let fetched = connection.call(12, &request).await.responses[0].partitions[0].error_code;
    fetched == ErrorCode::FencedLeaderEpoch.code() && epoch_ends < position
}

pub fn a_consumer_hears_of_a_cut() -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let disk = MemoryDisk::new();
        let running = start_on(&disk, &[]).await;
        let mut connection = running.connect().await;
        harness::ok(connection.call(7, &creation()).await.topics[0].error_code);
        write(&mut connection, READ).await?;
        disk.cut();
        drop((connection, running));
        let running = start_on(&disk.crash(Lost::AllUnsynced), &[]).await;
        write(&mut running.connect().await, WRITTEN_ANEW).await?;
        if hears(&running, READ).await {
            return Ok(1);
        }
        Err(format!("a consumer of {READ} records that a cut took goes on behind {READ} others"))
    })
}
