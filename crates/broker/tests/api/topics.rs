//! CreateTopics, CreatePartitions, DeleteTopics, Metadata with creation, DescribeConfigs.

use crate::configs::try_alter_topic;
use crate::groups::{AT_ONCE, committing, find};
use crate::harness::{Machine, batch, ok, patient, start, start_on, start_with, versions};
use ottla_broker::partition::RESERVE_BYTES;
use ottla_env::disk::{Disk, Lost, MemoryDisk, OperationKind};
use ottla_wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use ottla_wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use ottla_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use ottla_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use ottla_wire::messages::join_group::JoinGroupResponse;
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_wire::{ErrorCode, Uuid, apis};
use std::path::Path;

const ENOSPC: i32 = 28;

pub fn creation(name: &str, partitions: i32) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        }],
        timeout_ms: 1_000,
        ..Default::default()
    }
}

fn deletion(name: &str) -> DeleteTopicsRequest {
    let topics = vec![DeleteTopicState { name: Some(name.into()), topic_id: Uuid::ZERO }];
    DeleteTopicsRequest { topics, timeout_ms: 1_000, ..Default::default() }
}

fn by_name(name: &str, create: bool) -> MetadataRequest {
    let topic = MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
    MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: create, ..Default::default() }
}

#[tokio::test]
async fn a_topic_is_created_described_and_deleted_in_every_version() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    for version in versions(apis::CREATE_TOPICS) {
        let name = format!("t{version}");
        let answer = connection.call(version, &creation(&name, 2)).await;
        ok(answer.topics[0].error_code);
        let again = connection.call(version, &creation(&name, 2)).await;
        assert_eq!(again.topics[0].error_code, ErrorCode::TopicAlreadyExists.code());
    }
    for version in versions(apis::METADATA) {
        let answer = connection.call(version, &by_name("t7", false)).await;
        ok(answer.topics[0].error_code);
        assert_eq!((answer.topics[0].partitions.len(), answer.brokers[0].host.as_str()), (2, "127.0.0.1"));
    }
    for version in versions(apis::DELETE_TOPICS) {
        let name = format!("t{version}");
        let request = DeleteTopicsRequest {
            topics: vec![DeleteTopicState { name: Some(name.as_str().into()), topic_id: Uuid::ZERO }],
            topic_names: vec![name.as_str().into()],
            timeout_ms: 1_000,
        };
        let request = if version >= 6 {
            DeleteTopicsRequest { topic_names: Vec::new(), ..request }
        } else {
            DeleteTopicsRequest { topics: Vec::new(), ..request }
        };
        ok(connection.call(version, &request).await.responses[0].error_code);
        let answer = connection.call(9, &by_name(&name, false)).await;
        assert_eq!(answer.topics[0].error_code, ErrorCode::UnknownTopicOrPartition.code());
    }
}

/// Durability rule A8: deleting needs no room, and the reserve is for nothing that takes some.
#[tokio::test]
async fn topics_are_deleted_on_a_full_disk_and_others_get_their_room() {
    let full = ErrorCode::KafkaStorageError;
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    for name in ["empty", "large", "other"] {
        ok(connection.call(7, &creation(name, 1)).await.topics[0].error_code);
    }
    let value = "x".repeat(300_000);
    ok(connection.produce("large", 0, batch(&[&value])).await.error_code);
    ok(connection.produce("other", 0, batch(&["kept"])).await.error_code);
    disk.fill();
    assert_eq!(connection.produce("other", 0, batch(&["refused"])).await.error_code, full.code());
    ok(connection.call(6, &deletion("empty")).await.responses[0].error_code);
    assert_eq!(connection.call(7, &creation("new", 1)).await.topics[0].error_code, full.code());
    assert_eq!(try_alter_topic(&mut connection, "other", "retention.ms", "1000").await, full);

    // The name that a directory gets may lack room too.
    disk.fail_kind(OperationKind::Rename, 1, ENOSPC);
    ok(connection.call(6, &deletion("large")).await.responses[0].error_code);
    patient(async {
        let (topics, reserve) = (Path::new("data/topics"), Path::new("data/reserve"));
        while disk.list(topics).unwrap().len() > 1 || disk.len(reserve).unwrap() != Some(RESERVE_BYTES) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(connection.produce("other", 0, batch(&["more"])).await.base_offset, 1);
}

#[tokio::test]
async fn a_topic_whose_offsets_cannot_be_dropped_yet_keeps_no_other_from_going() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &AT_ONCE).await;
    let mut connection = running.connect().await;
    for name in ["committed", "large"] {
        ok(connection.call(7, &creation(name, 1)).await.topics[0].error_code);
    }
    ok(connection.produce("large", 0, batch(&[&"x".repeat(300_000)])).await.error_code);
    find(&mut connection, "g").await;
    let nobody = JoinGroupResponse { generation_id: -1, ..Default::default() };
    let answer = connection.call(9, &committing("g", &nobody, "committed", 0)).await;
    ok(answer.topics[0].partitions[0].error_code);
    disk.fill();
    for name in ["committed", "large"] {
        ok(connection.call(6, &deletion(name)).await.responses[0].error_code);
    }
    // The data of the second one goes.
    patient(async {
        while disk.space(Path::new("data")).unwrap().free < 100_000 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn topics_stay_where_nobody_may_delete_them() {
    let running = start(&[("delete.topic.enable", "false")]).await;
    let mut connection = running.connect().await;
    let created = connection.call(7, &creation("t", 1)).await;
    ok(created.topics[0].error_code);
    for version in versions(apis::DELETE_TOPICS) {
        let mut request = DeleteTopicsRequest { timeout_ms: 1_000, ..Default::default() };
        if version >= 6 {
            let named = DeleteTopicState { name: Some("t".into()), topic_id: Uuid::ZERO };
            let numbered = DeleteTopicState { name: None, topic_id: created.topics[0].topic_id };
            request.topics = vec![named, numbered];
        } else {
            request.topic_names = vec!["t".into(), "missing".into()];
        }
        // Older clients do not know the error that says so.
        let expected = if version < 3 { ErrorCode::InvalidRequest } else { ErrorCode::TopicDeletionDisabled };
        let answer = connection.call(version, &request).await;
        let codes: Vec<_> = answer.responses.iter().map(|r| ErrorCode::from_code(r.error_code)).collect();
        assert_eq!(codes, [expected; 2], "version {version}");
        ok(connection.call(9, &by_name("t", false)).await.topics[0].error_code);
    }
    ok(connection.produce("t", 0, batch(&["kept"])).await.error_code);
}

#[tokio::test]
async fn added_partitions_take_the_next_write_and_survive_in_every_version() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    ok(connection.produce("t", 0, batch(&["old"])).await.error_code);
    let to = |count, validate_only| CreatePartitionsRequest {
        topics: vec![CreatePartitionsTopic { name: "t".into(), count, assignments: None }],
        timeout_ms: 1_000,
        validate_only,
    };
    for (version, count) in versions(apis::CREATE_PARTITIONS).zip(2..) {
        ok(connection.call(version, &to(count, true)).await.results[0].error_code);
        let missing = connection.produce("t", count - 1, batch(&["too early"])).await;
        assert_eq!(missing.error_code, ErrorCode::UnknownTopicOrPartition.code());
        ok(connection.call(version, &to(count, false)).await.results[0].error_code);
        ok(connection.produce("t", count - 1, batch(&["new"])).await.error_code);
        let again = connection.call(version, &to(count, false)).await;
        assert_eq!(again.results[0].error_code, ErrorCode::InvalidPartitions.code());
    }
    disk.cut();
    let running = start_on(&disk.crash(Lost::AllUnsynced), &[]).await;
    let mut connection = running.connect().await;
    let answer = connection.call(9, &by_name("t", false)).await;
    assert_eq!(answer.topics[0].partitions.len(), 5);
    assert_eq!(connection.produce("t", 0, batch(&["next"])).await.base_offset, 1);
    assert_eq!(connection.produce("t", 4, batch(&["next"])).await.base_offset, 1);
}

#[tokio::test]
async fn names_that_no_topic_may_have_are_refused() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let long = "x".repeat(250);
    for name in ["", ".", "..", "a/b", "../etc", "a b", "\u{e4}", long.as_str()] {
        let answer = connection.call(7, &creation(name, 1)).await;
        assert_eq!(answer.topics[0].error_code, ErrorCode::InvalidTopicException.code(), "{name:?}");
        let answer = connection.call(9, &by_name(name, true)).await;
        assert_eq!(answer.topics[0].error_code, ErrorCode::InvalidTopicException.code(), "{name:?}");
    }
}

#[tokio::test]
async fn partitions_beyond_what_the_broker_may_have_are_refused() {
    let settings = [("num.partitions", "2"), ("offsets.topic.num.partitions", "3")];
    let machine = Machine { partitions_max: 10, ..Machine::default() };
    let running = start_with(machine, &MemoryDisk::new(), &settings).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("a", 8)).await.topics[0].error_code);
    let full = ErrorCode::PolicyViolation.code();
    for validate_only in [true, false] {
        let answer = connection.call(7, &CreateTopicsRequest { validate_only, ..creation("b", 3) }).await;
        let refused = &answer.topics[0];
        let message = refused.error_message.as_ref().unwrap().as_str();
        assert_eq!(refused.error_code, full, "{message}");
        assert!(message.contains("at most 10 partitions") && message.contains("there are 8"), "{message}");
        let topics = vec![CreatePartitionsTopic { name: "a".into(), count: 11, assignments: None }];
        let request = CreatePartitionsRequest { topics, timeout_ms: 1_000, validate_only };
        let answer = connection.call(3, &request).await;
        let refused = &answer.results[0];
        assert_eq!(refused.error_code, full);
        assert_eq!(refused.error_message.as_ref().unwrap().as_str(), message);
    }
    ok(connection.call(9, &by_name("auto", true)).await.topics[0].error_code);
    let answer = connection.call(9, &by_name("too-many", true)).await;
    assert_eq!(answer.topics[0].error_code, full);
    // Without it no group would work.
    let answer = connection.call(9, &by_name("__consumer_offsets", true)).await;
    ok(answer.topics[0].error_code);
    assert_eq!(answer.topics[0].partitions.len(), 3);
}

#[tokio::test]
async fn q4_an_auto_created_topic_takes_the_next_write() {
    let running = start(&[("num.partitions", "3")]).await;
    let mut connection = running.connect().await;
    for i in 0..20 {
        let name = format!("auto{i}");
        let answer = connection.call(4, &by_name(&name, true)).await;
        ok(answer.topics[0].error_code);
        assert_eq!(answer.topics[0].partitions.len(), 3);
        ok(connection.produce(&name, 2, batch(&["first"])).await.error_code);
    }
    let answer = connection.call(4, &by_name("not", false)).await;
    assert_eq!(answer.topics[0].error_code, ErrorCode::UnknownTopicOrPartition.code());
}

#[tokio::test]
async fn a_topic_of_the_brokers_own_has_its_own_settings_and_takes_no_client_s_records() {
    let settings = [("offsets.topic.num.partitions", "3"), ("offsets.topic.segment.bytes", "2000000")];
    let running = start(&settings).await;
    let mut connection = running.connect().await;
    let answer = connection.call(9, &by_name("__consumer_offsets", true)).await;
    ok(answer.topics[0].error_code);
    assert_eq!((answer.topics[0].partitions.len(), answer.topics[0].is_internal), (3, true));
    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: "__consumer_offsets".into(),
        configuration_keys: None,
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer = connection.call(4, &request).await;
    for (name, value) in
        [("cleanup.policy", "compact"), ("segment.bytes", "2000000"), ("compression.type", "producer")]
    {
        let config = answer.results[0].configs.iter().find(|config| config.name.as_str() == name).unwrap();
        assert_eq!(config.value.as_deref(), Some(value));
    }
    let refused = connection.produce("__consumer_offsets", 0, batch(&["x"])).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidTopicException.code());
}

#[tokio::test]
async fn c1_a_created_topic_and_its_records_survive_a_power_cut_right_after_the_answer() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("kept", 1)).await.topics[0].error_code);
    ok(connection.produce("kept", 0, batch(&["a", "b"])).await.error_code);
    disk.cut();
    let running = start_on(&disk.crash(Lost::AllUnsynced), &[]).await;
    let mut connection = running.connect().await;
    let answer = connection.call(9, &by_name("kept", false)).await;
    ok(answer.topics[0].error_code);
    assert_eq!(answer.topics[0].partitions[0].leader_epoch, 1, "an unclean restart raises the epoch");
    assert_eq!(connection.produce("kept", 0, batch(&["c"])).await.base_offset, 2);
}

#[tokio::test]
async fn q6_settings_are_described_with_their_sources() {
    let running = start(&[("num.partitions", "3")]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    for version in versions(apis::DESCRIBE_CONFIGS) {
        let resource = |resource_type, name: &str| DescribeConfigsResource {
            resource_type,
            resource_name: name.into(),
            configuration_keys: None,
        };
        let request = DescribeConfigsRequest {
            resources: vec![resource(2, "t"), resource(4, "1"), resource(2, "missing"), resource(4, "9")],
            include_synonyms: true,
            include_documentation: true,
        };
        let answer = connection.call(version, &request).await;
        let codes: Vec<_> = answer.results.iter().map(|r| ErrorCode::from_code(r.error_code)).collect();
        let missing = [ErrorCode::UnknownTopicOrPartition, ErrorCode::InvalidRequest];
        assert_eq!(codes, [[ErrorCode::None; 2], missing].concat());
        let found = |i: usize, name: &str| {
            answer.results[i].configs.iter().find(|c| c.name.as_str() == name).cloned()
        };
        assert_eq!(found(0, "segment.bytes").unwrap().value.as_deref(), Some("1073741824"));
        assert_eq!(found(1, "num.partitions").unwrap().value.as_deref(), Some("3"));
        assert!(found(1, "delete.topic.enable").is_some());
    }
}
