//! What the tools of an operator ask: log directories, the quorum, features, elections, reassignments, access control.

use crate::harness::{Connection, batch, ok, start, start_on, versions};
use crate::topics::creation;
use ottla_env::disk::MemoryDisk;
use ottla_wire::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use ottla_wire::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest,
};
use ottla_wire::messages::create_acls::{AclCreation, CreateAclsRequest};
use ottla_wire::messages::delete_acls::{DeleteAclsFilter, DeleteAclsRequest};
use ottla_wire::messages::describe_acls::DescribeAclsRequest;
use ottla_wire::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsRequest, DescribeLogDirsResult,
};
use ottla_wire::messages::describe_quorum::{DescribeQuorumRequest, PartitionDataRequest, TopicDataRequest};
use ottla_wire::messages::elect_leaders::{ElectLeadersRequest, ElectLeadersResponse, TopicPartitions};
use ottla_wire::messages::list_partition_reassignments::ListPartitionReassignmentsRequest;
use ottla_wire::messages::unregister_broker::UnregisterBrokerRequest;
use ottla_wire::messages::update_features::{FeatureUpdateKey, UpdateFeaturesRequest};
use ottla_wire::{ErrorCode, Uuid, apis};

async fn with_topics(connection: &mut Connection, topics: &[(&str, i32)]) {
    for (name, partitions) in topics {
        ok(connection.call(7, &creation(name, *partitions)).await.topics[0].error_code);
    }
}

/// Topics with the sizes of their partitions.
fn sizes(result: &DescribeLogDirsResult) -> Vec<(String, Vec<(i32, i64)>)> {
    let topics = result.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|p| (p.partition_index, p.partition_size));
        (topic.name.to_string(), partitions.collect())
    });
    topics.collect()
}

fn described(topics: &[(&str, &[i32])]) -> DescribeLogDirsRequest {
    let one = |(name, partitions): &(&str, &[i32])| DescribableLogDirTopic {
        topic: (*name).into(),
        partitions: partitions.to_vec(),
    };
    DescribeLogDirsRequest { topics: Some(topics.iter().map(one).collect()) }
}

#[tokio::test]
async fn log_dirs_are_told_with_the_bytes_of_each_partition_open_or_not() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(100 << 20));
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    with_topics(&mut connection, &[("u", 3), ("empty", 1)]).await;
    let bytes = batch(&["one", "two"]).len() as i64;
    ok(connection.produce("u", 2, batch(&["one", "two"])).await.error_code);
    ok(connection.produce("u", 2, batch(&["one", "two"])).await.error_code);
    ok(connection.produce("u", 0, batch(&["one", "two"])).await.error_code);
    let u = ("u".to_owned(), vec![(0, bytes), (1, 0), (2, 2 * bytes)]);
    running.broker.stop().await.unwrap();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    for version in versions(apis::DESCRIBE_LOG_DIRS) {
        let answer = connection.call(version, &described(&[("u", &[2, 0, 1, 9, -1, 2]), ("no", &[0])])).await;
        let [result] = &answer.results[..] else { panic!("{answer:?}") };
        ok(result.error_code);
        assert_eq!(sizes(result), std::slice::from_ref(&u));
        let first = &result.topics[0].partitions[0];
        assert_eq!((first.offset_lag, first.is_future_key, result.is_cordoned), (0, false, false));
        assert!(result.log_dir.as_str().starts_with('/') && result.log_dir.as_str().ends_with("data"));
        if version >= 4 {
            assert_eq!(result.total_bytes, 100 << 20);
            assert!((1..100 << 20).contains(&result.usable_bytes));
        }
    }
    let all = connection.call(5, &DescribeLogDirsRequest { topics: None }).await;
    assert_eq!(sizes(&all.results[0]), [("empty".to_owned(), vec![(0, 0)]), u]);
    assert_eq!(sizes(&connection.call(5, &described(&[])).await.results[0]), []);
}

#[tokio::test]
async fn a_move_to_the_only_directory_is_done_and_to_any_other_refused() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    with_topics(&mut connection, &[("t", 2)]).await;
    let dir = connection.call(5, &described(&[])).await.results[0].log_dir.clone();
    for version in versions(apis::ALTER_REPLICA_LOG_DIRS) {
        let to = |path: &str, name: &str, partitions: &[i32]| AlterReplicaLogDir {
            path: path.into(),
            topics: vec![AlterReplicaLogDirTopic { name: name.into(), partitions: partitions.to_vec() }],
        };
        let dirs = vec![
            to(&dir, "t", &[1, 0, 9]),
            to("/elsewhere", "t", &[1]),
            to(&dir, "missing", &[0]),
            to(&format!("{dir}/"), "missing", &[1]),
        ];
        let answer = connection.call(version, &AlterReplicaLogDirsRequest { dirs }).await;
        let told = answer.results.iter().flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|p| (topic.topic_name.to_string(), p.partition_index, p.error_code))
        });
        let told: Vec<_> = told.collect();
        let expected = [("missing", 0, 3), ("missing", 1, 57), ("t", 0, 0), ("t", 1, 57), ("t", 9, 3)];
        assert_eq!(told, expected.map(|(name, index, code)| (name.to_owned(), index, code)));
    }
}

#[tokio::test]
async fn the_quorum_is_this_node_alone() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let about = |topic_name: &str, indexes: &[i32]| {
        let partitions =
            indexes.iter().map(|index| PartitionDataRequest { partition_index: *index }).collect();
        TopicDataRequest { topic_name: topic_name.into(), partitions }
    };
    for version in versions(apis::DESCRIBE_QUORUM) {
        let request = DescribeQuorumRequest { topics: vec![about("__cluster_metadata", &[0])] };
        let answer = connection.call(version, &request).await;
        ok(answer.error_code);
        let partition = &answer.topics[0].partitions[0];
        ok(partition.error_code);
        assert_eq!((partition.leader_id, partition.observers.len()), (1, 0));
        let [voter] = &partition.current_voters[..] else { panic!("{partition:?}") };
        assert_eq!((voter.replica_id, voter.log_end_offset), (1, partition.high_watermark));
        assert!(partition.leader_epoch > 0 && partition.high_watermark > 0);
        assert_eq!(voter.last_caught_up_timestamp > 0, version >= 1);
        if version >= 2 {
            assert_ne!(voter.replica_directory_id, Uuid::ZERO);
            assert_eq!((answer.nodes[0].node_id, answer.nodes[0].listeners[0].port), (1, 9092));
        }
        for topics in [
            vec![about("other", &[0])],
            vec![about("__cluster_metadata", &[1])],
            vec![about("__cluster_metadata", &[0, 0])],
            vec![about("__cluster_metadata", &[0]), about("other", &[0])],
        ] {
            let answer = connection.call(version, &DescribeQuorumRequest { topics }).await;
            ok(answer.error_code);
            let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
            assert!(partitions.map(|p| p.error_code).all(|code| code == 3));
        }
    }
    let empty = connection.call(2, &DescribeQuorumRequest::default()).await;
    assert!(empty.topics.is_empty() && empty.nodes.is_empty());
}

#[tokio::test]
async fn features_in_force_may_be_asked_for_and_nothing_else() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let update = |feature: &str, level, upgrade_type| FeatureUpdateKey {
        feature: feature.into(),
        max_version_level: level,
        upgrade_type,
        ..Default::default()
    };
    for version in versions(apis::UPDATE_FEATURES) {
        for (update, error) in [
            (update("metadata.version", 33, 1), ErrorCode::None),
            (update("metadata.version", 34, 1), ErrorCode::InvalidUpdateVersion),
            (update("metadata.version", 30, 1), ErrorCode::InvalidUpdateVersion),
            (update("share.version", 1, 1), ErrorCode::InvalidUpdateVersion),
            (update("", 1, 1), ErrorCode::InvalidUpdateVersion),
        ] {
            let request =
                UpdateFeaturesRequest { feature_updates: vec![update.clone()], ..Default::default() };
            let answer = connection.call(version, &request).await;
            assert_eq!(answer.error_code, error.code(), "{update:?}");
            assert_eq!(answer.error_message.is_some(), error.is_error());
            let results = usize::from(version < 2 && !error.is_error());
            assert_eq!(answer.results.len(), results, "version {version}");
        }
    }
    for (level, upgrade_type) in [(30, 2), (30, 3), (33, 0), (33, 9)] {
        let feature_updates = vec![update("metadata.version", level, upgrade_type)];
        let request = UpdateFeaturesRequest { feature_updates, validate_only: true, ..Default::default() };
        let answer = connection.call(2, &request).await;
        assert_eq!(answer.error_code, ErrorCode::InvalidUpdateVersion.code(), "{level} {upgrade_type}");
    }
    let answer = connection.call(2, &UpdateFeaturesRequest::default()).await;
    ok(answer.error_code);
}

#[tokio::test]
async fn a_broker_that_runs_stays_registered() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    for (broker_id, error) in [
        (99, ErrorCode::BrokerIdNotRegistered),
        (-1, ErrorCode::BrokerIdNotRegistered),
        (1, ErrorCode::PolicyViolation),
    ] {
        let answer = connection.call(0, &UnregisterBrokerRequest { broker_id }).await;
        assert_eq!(answer.error_code, error.code());
    }
    with_topics(&mut connection, &[("t", 1)]).await;
}

fn elections(answer: &ElectLeadersResponse) -> Vec<(String, i32, i16)> {
    let results = answer.replica_election_results.iter().flat_map(|topic| {
        topic.partition_result.iter().map(|p| (topic.topic.to_string(), p.partition_id, p.error_code))
    });
    results.collect()
}

#[tokio::test]
async fn no_election_is_needed_where_the_only_replica_leads() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    with_topics(&mut connection, &[("t", 2)]).await;
    let topics = |names: &[(&str, &[i32])]| {
        let one = |(topic, partitions): &(&str, &[i32])| TopicPartitions {
            topic: (*topic).into(),
            partitions: partitions.to_vec(),
        };
        Some(names.iter().map(one).collect())
    };
    for version in versions(apis::ELECT_LEADERS) {
        for election_type in if version >= 1 { 0..2 } else { 0..1 } {
            let topic_partitions = topics(&[("t", &[0, 9]), ("no", &[0])]);
            let request = ElectLeadersRequest { election_type, topic_partitions, ..Default::default() };
            let answer = connection.call(version, &request).await;
            ok(answer.error_code);
            let expected = [("t", 0, 84), ("t", 9, 3), ("no", 0, 3)];
            assert_eq!(
                elections(&answer),
                expected.map(|(name, index, code)| (name.to_owned(), index, code))
            );
            let all = ElectLeadersRequest { topic_partitions: None, ..request };
            let answer = connection.call(version, &all).await;
            ok(answer.error_code);
            assert_eq!(answer.replica_election_results.len(), 1);
            assert_eq!(elections(&answer), []);
        }
    }
    let topic_partitions = topics(&[("t", &[0])]);
    let request = ElectLeadersRequest { election_type: 2, topic_partitions, ..Default::default() };
    let answer = connection.call(2, &request).await;
    let code = ErrorCode::InvalidRequest.code();
    assert_eq!((answer.error_code, elections(&answer)), (code, vec![("t".to_owned(), 0, code)]));
}

#[tokio::test]
async fn a_partition_may_only_be_assigned_to_where_it_is() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    with_topics(&mut connection, &[("t", 2)]).await;
    let invalid = ErrorCode::InvalidReplicaAssignment;
    let unknown = ErrorCode::UnknownTopicOrPartition;
    for version in versions(apis::ALTER_PARTITION_REASSIGNMENTS) {
        for (name, partition_index, replicas, error) in [
            ("t", 0, Some(vec![1]), ErrorCode::None),
            ("t", 0, Some(vec![5]), invalid),
            ("t", 0, Some(vec![1, 5]), invalid),
            ("t", 0, Some(vec![1, 1]), invalid),
            ("t", 0, Some(vec![]), invalid),
            ("t", 0, Some(vec![-1]), invalid),
            ("t", 0, None, ErrorCode::NoReassignmentInProgress),
            ("t", 9, Some(vec![1]), unknown),
            ("t", 9, None, unknown),
            ("no", 0, Some(vec![1]), unknown),
        ] {
            let partitions = vec![ReassignablePartition { partition_index, replicas: replicas.clone() }];
            let request = AlterPartitionReassignmentsRequest {
                topics: vec![ReassignableTopic { name: name.into(), partitions }],
                ..Default::default()
            };
            let answer = connection.call(version, &request).await;
            ok(answer.error_code);
            let code = answer.responses[0].partitions[0].error_code;
            assert_eq!(code, error.code(), "{name} {partition_index} {replicas:?}");
        }
    }
    let answer = connection.call(0, &ListPartitionReassignmentsRequest::default()).await;
    ok(answer.error_code);
    assert!(answer.topics.is_empty());
}

#[tokio::test]
async fn access_control_says_that_it_is_off() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let code = ErrorCode::SecurityDisabled.code();
    for version in versions(apis::DESCRIBE_ACLS) {
        let request = DescribeAclsRequest {
            resource_type_filter: 1,
            pattern_type_filter: 1,
            operation: 1,
            permission_type: 1,
            ..Default::default()
        };
        let answer = connection.call(version, &request).await;
        assert_eq!((answer.error_code, answer.resources.len()), (code, 0));
    }
    for version in versions(apis::CREATE_ACLS) {
        let creations = vec![AclCreation::default(); 2];
        let answer = connection.call(version, &CreateAclsRequest { creations }).await;
        assert_eq!(answer.results.iter().map(|r| r.error_code).collect::<Vec<_>>(), [code; 2]);
    }
    for version in versions(apis::DELETE_ACLS) {
        let filters = vec![DeleteAclsFilter::default()];
        let answer = connection.call(version, &DeleteAclsRequest { filters }).await;
        assert_eq!(answer.filter_results.iter().map(|r| r.error_code).collect::<Vec<_>>(), [code]);
    }
}
