//! Each item of a call has its own answer, and a call finds its way to whoever can answer it.

use super::*;
use crate::consumer::Isolation;
use crate::testing::{FakeCluster, Fault};
use ottla_wire::apis;
use ottla_wire::record::{BatchBuilder, BuildOptions};

fn named(name: &str) -> NewTopic {
    NewTopic { name: name.to_owned(), partitions: Some(2), ..Default::default() }
}

fn key(partition: i32) -> PartitionKey {
    PartitionKey { topic: "t".to_owned(), partition }
}

fn codes<T>(results: &[Result<T, ClientError>]) -> Vec<Option<ErrorCode>> {
    results.iter().map(|result| result.as_ref().err().and_then(ClientError::code)).collect()
}

#[tokio::test(start_paused = true)]
async fn each_topic_has_its_own_answer() {
    let fake = FakeCluster::with_topic(1).await;
    let admin = fake.client().await.admin();
    let results = admin.create_topics(&[named("t"), named("u")], false).await.unwrap();
    assert_eq!(codes(&results), [Some(ErrorCode::TopicAlreadyExists), None]);
    assert_eq!(results[1].as_ref().unwrap().partitions, Some(2));
    admin.create_topics(&[named("dry")], true).await.unwrap();
    let names: Vec<String> = admin.list_topics().await.unwrap().into_iter().map(|t| t.name).collect();
    assert_eq!(names, ["t", "u"]);
    let described = admin.describe_topics(&["u".to_owned(), "dry".to_owned()]).await.unwrap();
    assert_eq!(codes(&described), [None, Some(ErrorCode::UnknownTopicOrPartition)]);
    let deleted = admin.delete_topics(&["u".to_owned(), "dry".to_owned()]).await.unwrap();
    assert_eq!(codes(&deleted), [None, Some(ErrorCode::UnknownTopicOrPartition)]);
}

#[tokio::test(start_paused = true)]
async fn an_old_broker_is_asked_to_delete_by_its_own_form() {
    let fake = FakeCluster::with_topic(1).await;
    fake.state().versions.insert(apis::DELETE_TOPICS, Some((0, 3)));
    let admin = fake.client().await.admin();
    assert_eq!(codes(&admin.delete_topics(&["t".to_owned()]).await.unwrap()), [None]);
    assert!(fake.state().topics.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_creation_follows_the_controller() {
    let fake = FakeCluster::start().await;
    let admin = fake.client().await.admin();
    fake.state().controller = 2;
    assert_eq!(codes(&admin.create_topics(&[named("t")], false).await.unwrap()), [None]);
    assert!(fake.count(apis::CREATE_TOPICS) >= 2);
}

#[tokio::test(start_paused = true)]
async fn more_partitions_follow_the_controller_and_are_seen_at_once() {
    let fake = FakeCluster::with_topic(1).await;
    let admin = fake.client().await.admin();
    admin.describe_topics(&["t".to_owned()]).await.unwrap();
    fake.state().controller = 2;
    let more = |topic: &str, count| NewPartitions { topic: topic.to_owned(), count };
    assert_eq!(codes(&admin.create_partitions(&[more("t", 3)], true).await.unwrap()), [None]);
    assert_eq!(fake.state().topics["t"].len(), 1);
    let results = admin.create_partitions(&[more("t", 3), more("u", 2)], false).await.unwrap();
    assert_eq!(codes(&results), [None, Some(ErrorCode::UnknownTopicOrPartition)]);
    let described = admin.describe_topics(&["t".to_owned()]).await.unwrap();
    assert_eq!(described[0].as_ref().unwrap().partitions.len(), 3);
    let results = admin.create_partitions(&[more("t", 3)], false).await.unwrap();
    assert_eq!(codes(&results), [Some(ErrorCode::InvalidPartitions)]);
}

#[tokio::test(start_paused = true)]
async fn settings_change_where_they_are_kept() {
    let fake = FakeCluster::with_topic(1).await;
    let admin = fake.client().await.admin();
    let resources = [
        ConfigResource::topic("t"),
        ConfigResource::broker(2),
        ConfigResource::all_brokers(),
        ConfigResource::group("g"),
    ];
    let change = |change: ConfigChange| {
        let each = |resource: &ConfigResource| {
            (resource.clone(), vec![("cleanup.policy".to_owned(), change.clone())])
        };
        resources.iter().map(each).collect::<Vec<_>>()
    };
    // Nobody but broker 2 takes its settings; one that is not there is not waited for.
    fake.fault(apis::INCREMENTAL_ALTER_CONFIGS, Fault::Refuse(ErrorCode::NotController));
    fake.fault(apis::INCREMENTAL_ALTER_CONFIGS, Fault::CloseAfter);
    for (change, value) in [
        (change(ConfigChange::Set("delete".to_owned())), Some("delete")),
        (change(ConfigChange::Append("compact".to_owned())), Some("delete,compact")),
        (change(ConfigChange::Subtract("delete".to_owned())), Some("compact")),
        (change(ConfigChange::Delete), None),
    ] {
        admin.incremental_alter_configs(&change, true).await.unwrap();
        let results = admin.incremental_alter_configs(&change, false).await.unwrap();
        assert_eq!(codes(&results), [None; 4]);
        for described in admin.describe_configs(&resources).await.unwrap() {
            assert_eq!(described.unwrap().first().and_then(|entry| entry.value.as_deref()), value);
        }
    }
    assert_eq!(fake.faults_left(), 0);
    let absent = [(ConfigResource::broker(9), Vec::new())];
    let results = admin.incremental_alter_configs(&absent, false).await.unwrap();
    assert_eq!(codes(&results), [Some(ErrorCode::BrokerNotAvailable)]);
}

#[tokio::test(start_paused = true)]
async fn records_are_deleted_at_whoever_leads_them() {
    let fake = FakeCluster::with_topic(3).await;
    {
        let mut state = fake.state();
        let partitions = state.topics.get_mut("t").unwrap();
        for partition in partitions.iter_mut() {
            let mut batch = BatchBuilder::new();
            (0..5).for_each(|i| batch.push(i, None, Some(b"v"), &[]));
            partition.append(&batch.build(BuildOptions::default()).unwrap()).unwrap();
        }
        partitions[1].leader = 2;
    }
    let admin = fake.client().await.admin();
    admin.describe_topics(&["t".to_owned()]).await.unwrap();
    fake.state().topics.get_mut("t").unwrap()[0].leader = 2;
    fake.fault(apis::DELETE_RECORDS, Fault::CloseAfter);
    let wanted = [
        (key(0), DeleteBefore::End),
        (key(1), DeleteBefore::Offset(3)),
        (key(2), DeleteBefore::Offset(6)),
        (key(3), DeleteBefore::End),
    ];
    let deleted = admin.delete_records(&wanted).await.unwrap();
    assert_eq!((deleted[0].clone(), deleted[1].clone()), (Ok(5), Ok(3)));
    assert_eq!(codes(&deleted[2..3]), [Some(ErrorCode::OffsetOutOfRange)]);
    assert!(matches!(deleted[3], Err(ClientError::NoPartition { partition: 3, .. })));
    assert_eq!(fake.faults_left(), 0);
    let negative = admin.delete_records(&[(key(0), DeleteBefore::Offset(-1))]).await;
    assert!(matches!(negative, Err(ClientError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn without_describe_cluster_metadata_tells_the_brokers() {
    let fake = FakeCluster::start().await;
    fake.state().versions.insert(apis::DESCRIBE_CLUSTER, None);
    let described = fake.client().await.admin().describe_cluster().await.unwrap();
    assert_eq!((described.brokers.len(), described.controller_id), (2, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn offsets_are_found_through_every_detour() {
    let fake = FakeCluster::with_topic(3).await;
    {
        let mut state = fake.state();
        let partitions = state.topics.get_mut("t").unwrap();
        let mut batch = BatchBuilder::new();
        (0..5).for_each(|i| batch.push(100 + i, None, Some(b"v"), &[]));
        partitions[0].append(&batch.build(BuildOptions::default()).unwrap()).unwrap();
        partitions[1].leader = 2;
    }
    let admin = fake.client().await.admin();
    fake.fault(apis::LIST_OFFSETS, Fault::CloseBefore);
    fake.fault(apis::LIST_OFFSETS, Fault::Refuse(ErrorCode::NotLeaderOrFollower));
    let wanted = [
        (key(0), OffsetSpec::AtOrAfter(103)),
        (key(1), OffsetSpec::Latest),
        (key(2), OffsetSpec::AtOrAfter(1)),
        (key(3), OffsetSpec::Earliest),
    ];
    let found = admin.list_offsets(&wanted, Isolation::ReadUncommitted).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().offset, Some(3));
    assert_eq!(found[1].as_ref().unwrap().offset, Some(0));
    assert_eq!(found[2].as_ref().unwrap().offset, None);
    assert!(matches!(found[3], Err(ClientError::NoPartition { partition: 3, .. })));
    assert_eq!(fake.faults_left(), 0);
}
