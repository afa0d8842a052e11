//! OffsetCommit, OffsetFetch, OffsetDelete.

use super::{alone, code, commit, committed, committing, find, ready};
use crate::harness::{Connection, ok, versions};
use crate::topics::creation;
use ottla_wire::messages::delete_topics::DeleteTopicsRequest;
use ottla_wire::messages::join_group::JoinGroupResponse;
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_wire::messages::offset_commit::{OffsetCommitRequest, OffsetCommitRequestTopic};
use ottla_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use ottla_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use ottla_wire::{ErrorCode, Uuid, apis};

async fn id_of(connection: &mut Connection, topic: &str) -> Uuid {
    let topic = MetadataRequestTopic { name: Some(topic.into()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    connection.call(12, &request).await.topics[0].topic_id
}

/// A commit without a group's members, as tools send it.
fn by_hand() -> JoinGroupResponse {
    JoinGroupResponse { generation_id: -1, ..Default::default() }
}

#[tokio::test]
async fn q13_offsets_and_their_texts_come_back_in_every_version() {
    let (_running, mut connection) = ready().await;
    let id = id_of(&mut connection, "t").await;
    let joined = alone(&mut connection, "g").await;
    for version in versions(apis::OFFSET_COMMIT) {
        let mut request = committing("g", &joined, "t", i64::from(version));
        request.topics[0].partitions[0].committed_metadata = Some("\u{fc}ber".into());
        request.topics[0].topic_id = if version < 10 { Uuid::ZERO } else { id };
        let answer = connection.call(version, &request).await;
        ok(answer.topics[0].partitions[0].error_code);
        assert_eq!(committed(&mut connection, "g", "t").await, Ok((version.into(), "\u{fc}ber".to_owned())));
    }
    for version in versions(apis::OFFSET_FETCH) {
        let topics = vec![OffsetFetchRequestTopics {
            name: if version < 10 { "t".into() } else { Default::default() },
            topic_id: if version < 10 { Uuid::ZERO } else { id },
            partition_indexes: vec![0, 1],
        }];
        let group = OffsetFetchRequestGroup {
            group_id: "g".into(),
            member_epoch: -1,
            topics: Some(topics),
            ..Default::default()
        };
        let mut request = OffsetFetchRequest::default();
        let offsets: Vec<i64> = if version < 8 {
            request.group_id = "g".into();
            request.topics =
                Some(vec![OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0, 1] }]);
            let answer = connection.call(version, &request).await;
            answer.topics[0].partitions.iter().map(|partition| partition.committed_offset).collect()
        } else {
            request.groups = vec![group];
            let answer = connection.call(version, &request).await;
            let topic = &answer.groups[0].topics[0];
            assert_eq!(topic.topic_id, if version < 10 { Uuid::ZERO } else { id });
            topic.partitions.iter().map(|partition| partition.committed_offset).collect()
        };
        assert_eq!(offsets, [10, -1], "version {version}");
    }
}

#[tokio::test]
async fn all_offsets_of_a_group_are_told_and_each_group_has_its_own() {
    let (_running, mut connection) = ready().await;
    for (group, offset) in [("a", 1), ("b", 2)] {
        find(&mut connection, group).await;
        assert_eq!(commit(&mut connection, group, &by_hand(), offset).await, ErrorCode::None);
    }
    let groups = ["a", "b", "none"].map(|group| OffsetFetchRequestGroup {
        group_id: group.into(),
        member_epoch: -1,
        topics: None,
        ..Default::default()
    });
    for version in 8..=10 {
        let request = OffsetFetchRequest { groups: groups.to_vec(), ..Default::default() };
        let answer = connection.call(version, &request).await;
        let offsets: Vec<Vec<i64>> = answer
            .groups
            .iter()
            .map(|group| group.topics.iter().map(|topic| topic.partitions[0].committed_offset).collect())
            .collect();
        assert_eq!(offsets, [vec![1], vec![2], vec![]]);
    }
}

#[tokio::test]
async fn what_does_not_exist_is_refused_alone() {
    let (_running, mut connection) = ready().await;
    let mut request = committing("g", &by_hand(), "t", 7);
    let mut missing = request.topics[0].partitions[0].clone();
    missing.partition_index = 9;
    request.topics[0].partitions.insert(0, missing);
    let unknown = OffsetCommitRequestTopic { name: "nope".into(), ..request.topics[0].clone() };
    request.topics.insert(0, unknown);
    let codes = |answer: ottla_wire::messages::offset_commit::OffsetCommitResponse| -> Vec<Vec<ErrorCode>> {
        let topics = answer.topics.iter();
        topics.map(|topic| topic.partitions.iter().map(|p| code(p.error_code)).collect()).collect()
    };
    let gone = ErrorCode::UnknownTopicOrPartition;
    let answer = connection.call(9, &request).await;
    assert_eq!(codes(answer), [vec![gone, gone], vec![gone, ErrorCode::None]]);
    let id = id_of(&mut connection, "t").await;
    for topic in &mut request.topics {
        topic.topic_id = if topic.name == "t" { id } else { Uuid([9; 16]) };
    }
    let answer = connection.call(10, &request).await;
    let no_id = ErrorCode::UnknownTopicId;
    assert_eq!(codes(answer), [vec![no_id, no_id], vec![gone, ErrorCode::None]]);
    let nothing = OffsetCommitRequest { topics: Vec::new(), ..request };
    assert!(connection.call(10, &nothing).await.topics.is_empty());
}

#[tokio::test]
async fn offsets_are_deleted_alone_and_with_their_topic() {
    let (_running, mut connection) = ready().await;
    assert_eq!(commit(&mut connection, "g", &by_hand(), 7).await, ErrorCode::None);
    let partition = |partition_index| OffsetDeleteRequestPartition { partition_index };
    let request = OffsetDeleteRequest {
        group_id: "g".into(),
        topics: vec![OffsetDeleteRequestTopic {
            name: "t".into(),
            partitions: vec![partition(0), partition(7)],
        }],
    };
    let answer = connection.call(0, &request).await;
    ok(answer.error_code);
    let codes: Vec<_> = answer.topics[0].partitions.iter().map(|p| code(p.error_code)).collect();
    assert_eq!(codes, [ErrorCode::None, ErrorCode::UnknownTopicOrPartition]);
    assert_eq!(committed(&mut connection, "g", "t").await, Ok((-1, String::new())));

    assert_eq!(commit(&mut connection, "g", &by_hand(), 8).await, ErrorCode::None);
    let deletion = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
    ok(connection.call(1, &deletion).await.responses[0].error_code);
    ok(connection.call(7, &creation("t", 2)).await.topics[0].error_code);
    // Gone with the data of the first topic; a commit to the second one stays.
    while committed(&mut connection, "g", "t").await != Ok((-1, String::new())) {}
    assert_eq!(commit(&mut connection, "g", &by_hand(), 3).await, ErrorCode::None);
    assert_eq!(committed(&mut connection, "g", "t").await, Ok((3, "note".to_owned())));
}
