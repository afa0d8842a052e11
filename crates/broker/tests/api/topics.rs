//! CreateTopics, CreatePartitions, DeleteTopics, Metadata with creation, DescribeConfigs.

use crate::harness::{batch, ok, start, start_on, versions};
use ottla_env::disk::{Lost, MemoryDisk};
use ottla_wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use ottla_wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use ottla_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use ottla_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_wire::{ErrorCode, Uuid, apis};

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
