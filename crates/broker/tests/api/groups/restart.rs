//! What a restart keeps: the last acknowledged commit of every group, and its members.

use super::members::beat;
use super::{AT_ONCE, alone, code, commit, committed, committed_when_loaded, find};
use crate::harness::{ok, start_on};
use crate::topics::creation;
use ottla_env::disk::{Lost, MemoryDisk};
use ottla_wire::ErrorCode;
use ottla_wire::messages::delete_topics::DeleteTopicsRequest;
use ottla_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};

#[tokio::test]
async fn g1_a_power_cut_takes_no_acknowledged_commit_and_a_group_goes_on() {
    let mut disk = MemoryDisk::new();
    let mut joined = None;
    for round in 0..4_i64 {
        let running = start_on(&disk, &AT_ONCE).await;
        let mut connection = running.connect().await;
        if round == 0 {
            ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
            find(&mut connection, "g").await;
            joined = Some(alone(&mut connection, "g").await);
        } else {
            let (offset, note) = committed_when_loaded(&mut connection, "g").await;
            assert_eq!((offset, note.as_str()), (round * 10 + 9 - 10, "note"));
        }
        let member = joined.as_ref().unwrap();
        assert_eq!(beat(&mut connection, "g", member).await, ErrorCode::None, "round {round}");
        for offset in round * 10..round * 10 + 10 {
            assert_eq!(commit(&mut connection, "g", member, offset).await, ErrorCode::None);
        }
        disk.cut();
        disk = disk.crash(Lost::AllUnsynced);
    }
}

#[tokio::test]
async fn g3_no_group_is_told_that_it_has_no_offset_while_groups_are_loaded() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &AT_ONCE).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    let joined = alone(&mut connection, "g").await;
    for offset in 0..200 {
        assert_eq!(commit(&mut connection, "g", &joined, offset).await, ErrorCode::None);
    }
    running.broker.stop().await.unwrap();
    let running = start_on(&disk, &AT_ONCE).await;
    let mut connection = running.connect().await;
    assert_eq!(committed_when_loaded(&mut connection, "g").await.0, 199);
    // The oldest form has no place for the error but beside each partition.
    let topics =
        vec![OffsetFetchRequestTopics { name: "t".into(), partition_indexes: vec![0], ..Default::default() }];
    let group = OffsetFetchRequestGroup {
        group_id: "g".into(),
        member_epoch: -1,
        topics: Some(topics),
        ..Default::default()
    };
    let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..Default::default() };
    assert_eq!(connection.call(8, &request).await.groups[0].topics[0].partitions[0].committed_offset, 199);
}

#[tokio::test]
async fn offsets_of_a_deleted_topic_are_gone_however_the_deletion_was_cut_short() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &AT_ONCE).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    let joined = alone(&mut connection, "g").await;
    assert_eq!(commit(&mut connection, "g", &joined, 5).await, ErrorCode::None);
    let deletion = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
    ok(connection.call(1, &deletion).await.responses[0].error_code);
    disk.cut();
    let running = start_on(&disk.crash(Lost::AllUnsynced), &AT_ONCE).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    while committed(&mut connection, "g", "t").await != Ok((-1, String::new())) {}
}

#[tokio::test]
async fn a_coordinator_that_has_lost_its_topic_is_not_here() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &AT_ONCE).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    let joined = alone(&mut connection, "g").await;
    let deletion =
        DeleteTopicsRequest { topic_names: vec!["__consumer_offsets".into()], ..Default::default() };
    ok(connection.call(1, &deletion).await.responses[0].error_code);
    assert_eq!(beat(&mut connection, "g", &joined).await, ErrorCode::NotCoordinator);
    // Whoever looks for the coordinator finds a new one, which knows nobody.
    find(&mut connection, "g").await;
    assert_eq!(beat(&mut connection, "g", &joined).await, ErrorCode::UnknownMemberId);
    assert_eq!(code(0), ErrorCode::None);
}
