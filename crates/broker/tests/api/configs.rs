//! Settings that are changed, described and listed while the broker runs.

use crate::harness::{Connection, batch, ok, start, start_on, versions};
use crate::topics::creation;
use ottla_env::disk::{Lost, MemoryDisk};
use ottla_wire::messages::alter_configs::{self, AlterConfigsRequest};
use ottla_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
};
use ottla_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use ottla_wire::messages::list_config_resources::ListConfigResourcesRequest;
use ottla_wire::{ErrorCode, apis};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

type Item<'a> = (&'a str, i8, Option<&'a str>);

fn incremental(kind: i8, name: &str, items: &[Item<'_>]) -> IncrementalAlterConfigsRequest {
    let config = |(name, operation, value): &Item<'_>| AlterableConfig {
        name: (*name).into(),
        config_operation: *operation,
        value: value.map(Into::into),
    };
    let configs = items.iter().map(config).collect();
    let resource = AlterConfigsResource { resource_type: kind, resource_name: name.into(), configs };
    IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false }
}

fn replacing(kind: i8, name: &str, items: &[(&str, &str)]) -> AlterConfigsRequest {
    let config = |(name, value): &(&str, &str)| alter_configs::AlterableConfig {
        name: (*name).into(),
        value: Some((*value).into()),
    };
    let configs = items.iter().map(config).collect();
    let resource =
        alter_configs::AlterConfigsResource { resource_type: kind, resource_name: name.into(), configs };
    AlterConfigsRequest { resources: vec![resource], validate_only: false }
}

pub async fn alter_broker(connection: &mut Connection, name: &str, text: &str) {
    assert_eq!(alter(connection, BROKER, "", &[(name, SET, Some(text))]).await, ErrorCode::None);
}

pub async fn alter_topic(connection: &mut Connection, topic: &str, name: &str, text: &str) {
    assert_eq!(try_alter_topic(connection, topic, name, text).await, ErrorCode::None);
}

pub async fn try_alter_topic(connection: &mut Connection, topic: &str, name: &str, text: &str) -> ErrorCode {
    alter(connection, TOPIC, topic, &[(name, SET, Some(text))]).await
}

async fn alter(connection: &mut Connection, kind: i8, name: &str, items: &[Item<'_>]) -> ErrorCode {
    let answer = connection.call(1, &incremental(kind, name, items)).await;
    assert_eq!((answer.responses.len(), answer.responses[0].resource_name.as_str()), (1, name));
    let code = ErrorCode::from_code(answer.responses[0].error_code);
    assert_eq!(answer.responses[0].error_message.is_none(), code == ErrorCode::None);
    code
}

async fn describe(
    connection: &mut Connection,
    kind: i8,
    name: &str,
    key: &str,
) -> Option<DescribeConfigsResourceResult> {
    let request = DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: kind,
            resource_name: name.into(),
            configuration_keys: Some(vec![key.into()]),
        }],
        include_synonyms: true,
        include_documentation: false,
    };
    let mut answer = connection.call(4, &request).await;
    ok(answer.results[0].error_code);
    answer.results[0].configs.pop()
}

/// Value and source, and then the sources behind it.
async fn value(connection: &mut Connection, kind: i8, name: &str, key: &str) -> (String, Vec<i8>) {
    let found = describe(connection, kind, name, key).await.unwrap();
    assert_eq!(found.synonyms.first().map_or(5, |s| s.source), found.config_source);
    let value = found.value.map_or_else(|| "null".to_owned(), |value| value.as_str().to_owned());
    (value, found.synonyms.iter().map(|synonym| synonym.source).collect())
}

#[tokio::test]
async fn settings_of_a_topic_are_set_extended_cut_and_removed_in_every_version() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    for version in versions(apis::INCREMENTAL_ALTER_CONFIGS) {
        let set = incremental(TOPIC, "t", &[("retention.bytes", SET, Some(" 777 "))]);
        ok(connection.call(version, &set).await.responses[0].error_code);
        assert_eq!(value(&mut connection, TOPIC, "t", "retention.bytes").await, ("777".into(), vec![1, 5]));
        let unset = incremental(TOPIC, "t", &[("retention.bytes", DELETE, None)]);
        ok(connection.call(version, &unset).await.responses[0].error_code);
        assert_eq!(value(&mut connection, TOPIC, "t", "retention.bytes").await, ("-1".into(), vec![5]));
    }
    let list = "leader.replication.throttled.replicas";
    for (operation, items, expected) in [
        (APPEND, "0:1", "0:1"),
        (APPEND, "1:1,0:1", "0:1,1:1"),
        (SUBTRACT, "7:7", "0:1,1:1"),
        (SUBTRACT, "0:1", "1:1"),
        (SUBTRACT, "1:1", ""),
    ] {
        assert_eq!(
            alter(&mut connection, TOPIC, "t", &[(list, operation, Some(items))]).await,
            ErrorCode::None
        );
        assert_eq!(value(&mut connection, TOPIC, "t", list).await.0, expected);
    }
    for version in versions(apis::ALTER_CONFIGS) {
        let all = replacing(TOPIC, "t", &[("segment.bytes", "1048576"), ("retention.ms", "5")]);
        ok(connection.call(version, &all).await.responses[0].error_code);
        assert_eq!(describe(&mut connection, TOPIC, "t", list).await.unwrap().config_source, 5);
        assert_eq!(value(&mut connection, TOPIC, "t", "retention.ms").await, ("5".into(), vec![1]));
        ok(connection.call(version, &replacing(TOPIC, "t", &[])).await.responses[0].error_code);
        assert_eq!(describe(&mut connection, TOPIC, "t", "retention.ms").await.unwrap().config_source, 5);
    }
}

#[tokio::test]
async fn what_may_not_be_changed_is_refused_as_kafka_recorded() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    use ErrorCode::*;
    let session = "consumer.session.timeout.ms";
    let cases: &[(i8, &str, &[Item<'_>], ErrorCode)] = &[
        (TOPIC, "t", &[], None),
        (TOPIC, "t", &[("retention.ms", APPEND, Some("5"))], InvalidConfig),
        (TOPIC, "t", &[("nope", SET, Some("1"))], InvalidConfig),
        (TOPIC, "t", &[("nope", DELETE, Option::None)], None),
        (TOPIC, "t", &[("retention.ms", SET, Some("x"))], InvalidConfig),
        (TOPIC, "t", &[("cleanup.policy", APPEND, Some("x"))], InvalidConfig),
        (TOPIC, "t", &[("retention.ms", SET, Option::None)], InvalidRequest),
        (TOPIC, "t", &[("retention.ms", 9, Some("1"))], InvalidRequest),
        (
            TOPIC,
            "t",
            &[("retention.ms", SET, Some("1")), ("retention.ms", DELETE, Option::None)],
            InvalidRequest,
        ),
        (TOPIC, "t", &[("remote.storage.enable", SET, Some("true"))], InvalidConfig),
        (TOPIC, "t", &[("internal.segment.bytes", SET, Some("9000000"))], InvalidConfig),
        (TOPIC, "nope", &[("retention.ms", SET, Some("1"))], UnknownTopicOrPartition),
        (TOPIC, "nope", &[("retention.ms", SET, Some("x"))], InvalidConfig),
        (TOPIC, "", &[], InvalidRequest),
        (TOPIC, "a/b", &[], InvalidTopicException),
        (BROKER, "1", &[("node.id", SET, Some("5"))], InvalidRequest),
        (BROKER, "", &[("num.partitions", SET, Some("5"))], InvalidRequest),
        (BROKER, "1", &[("node.id", DELETE, Option::None)], None),
        (BROKER, "", &[("listeners", SET, Some("PLAINTEXT://:1"))], InvalidRequest),
        (BROKER, "1", &[("listeners", SET, Some("PLAINTEXT://:1"))], InvalidConfig),
        (BROKER, "1", &[("ssl.key.password", SET, Some("x"))], InvalidConfig),
        (BROKER, "1", &[("no.such.name", SET, Some("x"))], InvalidConfig),
        (BROKER, "", &[("message.max.bytes", SET, Some("x"))], InvalidRequest),
        (BROKER, "", &[("message.max.bytes", SET, Some("-5"))], InvalidRequest),
        (BROKER, "", &[("message.max.bytes", APPEND, Some("5"))], InvalidConfig),
        (BROKER, "", &[("log.retention.ms", SET, Some("0"))], InvalidRequest),
        (BROKER, "", &[("min.insync.replicas", DELETE, Option::None)], InvalidConfig),
        (BROKER, "1", &[("min.insync.replicas", SET, Some("1"))], InvalidConfig),
        (BROKER, "7", &[("message.max.bytes", SET, Some("5"))], InvalidRequest),
        (BROKER, "x", &[], InvalidRequest),
        (GROUP, "g", &[("nope", SET, Some("1"))], InvalidConfig),
        (GROUP, "g", &[(session, SET, Some("1"))], InvalidConfig),
        (GROUP, "g", &[(session, SET, Some("60001"))], InvalidConfig),
        (GROUP, "g", &[("share.session.timeout.ms", SET, Some("50000"))], InvalidConfig),
        (GROUP, "", &[(session, SET, Some("50000"))], InvalidRequest),
        (8, "1", &[("root", SET, Some("INFO"))], InvalidRequest),
        (99, "x", &[], InvalidRequest),
    ];
    for (kind, name, items, expected) in cases {
        assert_eq!(alter(&mut connection, *kind, name, items).await, *expected, "{kind} {name} {items:?}");
    }
    assert_eq!(describe(&mut connection, TOPIC, "t", "retention.ms").await.unwrap().config_source, 5);
    // A resource that is named twice is refused each time, its neighbour is not.
    let mut request = incremental(TOPIC, "t", &[("retention.ms", SET, Some("5"))]);
    request.resources.extend(incremental(BROKER, "", &[]).resources);
    request.resources.extend(incremental(TOPIC, "t", &[("retention.ms", SET, Some("6"))]).resources);
    let codes = connection.call(1, &request).await.responses;
    let codes: Vec<_> = codes.iter().map(|answer| ErrorCode::from_code(answer.error_code)).collect();
    assert_eq!(codes, [InvalidRequest, None, InvalidRequest]);
    let validated = incremental(TOPIC, "t", &[("retention.ms", SET, Some("5"))]);
    let validated = IncrementalAlterConfigsRequest { validate_only: true, ..validated };
    ok(connection.call(1, &validated).await.responses[0].error_code);
    let validated =
        AlterConfigsRequest { validate_only: true, ..replacing(BROKER, "1", &[("node.id", "1")]) };
    let refused = connection.call(2, &validated).await;
    assert_eq!(refused.responses[0].error_code, InvalidRequest.code());
    assert_eq!(describe(&mut connection, TOPIC, "t", "retention.ms").await.unwrap().config_source, 5);
}

#[tokio::test]
async fn what_is_named_twice_is_refused_also_where_all_settings_are_replaced() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    for topic in ["t", "u"] {
        ok(connection.call(7, &creation(topic, 1)).await.topics[0].error_code);
    }
    let name = "retention.ms";
    for version in versions(apis::ALTER_CONFIGS) {
        let mut request = replacing(TOPIC, "t", &[(name, "5")]);
        request.resources.extend(replacing(TOPIC, "u", &[(name, "6")]).resources);
        request.resources.extend(replacing(TOPIC, "t", &[(name, "7")]).resources);
        // One setting twice, beside a resource that is named once.
        let mut twice = replacing(TOPIC, "t", &[(name, "5"), (name, "7")]);
        twice.resources.extend(replacing(TOPIC, "u", &[(name, "6")]).resources);
        let (refused, done) = (ErrorCode::InvalidRequest, ErrorCode::None);
        for (request, expected) in [(request, &[refused, done, refused][..]), (twice, &[refused, done])] {
            let answers = connection.call(version, &request).await.responses;
            let codes: Vec<_> = answers.iter().map(|r| ErrorCode::from_code(r.error_code)).collect();
            assert_eq!(codes, expected, "version {version}");
            assert_eq!(value(&mut connection, TOPIC, "u", name).await, ("6".into(), vec![1]));
            assert_eq!(describe(&mut connection, TOPIC, "t", name).await.unwrap().config_source, 5);
            ok(connection.call(version, &replacing(TOPIC, "u", &[])).await.responses[0].error_code);
        }
    }
}

#[tokio::test]
async fn a_value_of_this_broker_wins_over_one_of_all_and_that_over_the_file() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[("message.max.bytes", "900")]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    let (name, large) = ("message.max.bytes", "x".repeat(600));
    ok(connection.produce("t", 0, batch(&[&large])).await.error_code);
    for (broker, text, expected) in
        [("", "700", ("700", vec![3, 4, 5])), ("1", "500", ("500", vec![2, 3, 4, 5]))]
    {
        assert_eq!(alter(&mut connection, BROKER, broker, &[(name, SET, Some(text))]).await, ErrorCode::None);
        let expected = (expected.0.to_owned(), expected.1);
        assert_eq!(value(&mut connection, BROKER, "1", name).await, expected);
        assert_eq!(value(&mut connection, TOPIC, "t", "max.message.bytes").await, expected);
    }
    assert_eq!(
        connection.produce("t", 0, batch(&[&large])).await.error_code,
        ErrorCode::MessageTooLarge.code()
    );
    // A partition that is open already has it too, until it goes.
    assert_eq!(
        alter(&mut connection, TOPIC, "t", &[("max.message.bytes", SET, Some("900"))]).await,
        ErrorCode::None
    );
    ok(connection.produce("t", 0, batch(&[&large])).await.error_code);
    assert_eq!(
        alter(&mut connection, TOPIC, "t", &[("max.message.bytes", DELETE, None)]).await,
        ErrorCode::None
    );
    let retention = "log.retention.ms";
    assert_eq!(
        alter(&mut connection, BROKER, "", &[(retention, SET, Some("100000"))]).await,
        ErrorCode::None
    );
    assert_eq!(value(&mut connection, BROKER, "1", retention).await, ("100000".into(), vec![3, 5]));

    disk.cut();
    let running = start_on(&disk.crash(Lost::AllUnsynced), &[("message.max.bytes", "900")]).await;
    let mut connection = running.connect().await;
    assert_eq!(value(&mut connection, BROKER, "1", name).await, ("500".into(), vec![2, 3, 4, 5]));
    assert_eq!(value(&mut connection, BROKER, "", name).await, ("700".into(), vec![3]));
    assert_eq!(value(&mut connection, TOPIC, "t", "retention.ms").await, ("100000".into(), vec![3, 5]));
    assert_eq!(alter(&mut connection, BROKER, "1", &[(name, DELETE, None)]).await, ErrorCode::None);
    assert_eq!(value(&mut connection, TOPIC, "t", "max.message.bytes").await, ("700".into(), vec![3, 4, 5]));
}

#[tokio::test]
async fn limits_of_connections_hold_from_the_next_connection_on() {
    let running = start(&[]).await;
    let (mut connection, mut second) = (running.connect().await, running.connect().await);
    ok(second.call(7, &creation("t", 1)).await.topics[0].error_code);
    let name = "max.connections";
    assert_eq!(alter(&mut connection, BROKER, "1", &[(name, SET, Some("2"))]).await, ErrorCode::None);
    assert!(running.connect().await.is_closed().await);
    ok(second.call(7, &creation("u", 1)).await.topics[0].error_code);
    assert_eq!(alter(&mut connection, BROKER, "1", &[(name, DELETE, None)]).await, ErrorCode::None);
    ok(running.connect().await.call(7, &creation("v", 1)).await.topics[0].error_code);
}

#[tokio::test]
async fn a_group_has_settings_before_it_exists_and_they_are_listed() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[("group.consumer.session.timeout.ms", "46000")]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    let name = "consumer.session.timeout.ms";
    assert_eq!(value(&mut connection, GROUP, "g/1", name).await, ("46000".into(), vec![4, 5]));
    assert_eq!(alter(&mut connection, GROUP, "g/1", &[(name, SET, Some("50000"))]).await, ErrorCode::None);
    assert_eq!(value(&mut connection, GROUP, "g/1", name).await, ("50000".into(), vec![8, 4, 5]));
    let listed = async |connection: &mut Connection, version, types: &[i8]| {
        let request = ListConfigResourcesRequest { resource_types: types.to_vec() };
        let answer = connection.call(version, &request).await;
        let all = answer.config_resources.iter().map(|r| (r.resource_type, r.resource_name.to_string()));
        (ErrorCode::from_code(answer.error_code), all.collect::<Vec<_>>())
    };
    let (group, broker) = ((GROUP, "g/1".to_owned()), (BROKER, "1".to_owned()));
    let all = vec![group.clone(), broker.clone(), (TOPIC, "t".to_owned())];
    assert_eq!(listed(&mut connection, 1, &[]).await, (ErrorCode::None, all));
    assert_eq!(listed(&mut connection, 1, &[BROKER, GROUP]).await.1, [group, broker]);
    assert_eq!(listed(&mut connection, 1, &[TOPIC, 99]).await, (ErrorCode::UnsupportedVersion, vec![]));
    assert_eq!(listed(&mut connection, 0, &[]).await, (ErrorCode::None, vec![]));

    disk.cut();
    let running = start_on(&disk.crash(Lost::AllUnsynced), &[]).await;
    let mut connection = running.connect().await;
    assert_eq!(value(&mut connection, GROUP, "g/1", name).await.0, "50000");
    ok(connection.call(2, &replacing(GROUP, "g/1", &[])).await.responses[0].error_code);
    assert!(listed(&mut connection, 1, &[GROUP]).await.1.is_empty());
}

#[tokio::test]
async fn every_setting_is_documented_for_those_who_ask() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    for (kind, name, count) in
        [(TOPIC, "t", 30), (BROKER, "1", 300), (GROUP, "g", 15), (CLIENT_METRICS, "s", 3)]
    {
        for (version, include_documentation) in [(2, false), (3, true), (4, false), (4, true)] {
            let resource = DescribeConfigsResource {
                resource_type: kind,
                resource_name: name.into(),
                configuration_keys: None,
            };
            let request = DescribeConfigsRequest {
                resources: vec![resource],
                include_synonyms: false,
                include_documentation,
            };
            let answer = connection.call(version, &request).await;
            let configs = &answer.results[0].configs;
            assert!(configs.len() >= count, "{} of {name}", configs.len());
            for config in configs {
                let text = config.documentation.as_ref().map_or("", |text| text.as_str());
                assert_eq!(text.ends_with('.'), include_documentation, "{}: `{text}`", config.name.as_str());
            }
        }
    }
}

#[tokio::test]
async fn synonyms_are_those_that_kafka_tells() {
    let running = start(&[("log.retention.hours", "100"), ("log.roll.jitter.hours", "2")]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    // Rates that exist only on a running broker have no default to fall back to.
    let rate = "leader.replication.throttled.rate";
    assert!(describe(&mut connection, BROKER, "1", rate).await.is_none());
    assert_eq!(alter(&mut connection, BROKER, "1", &[(rate, SET, Some("1000"))]).await, ErrorCode::None);
    assert_eq!(value(&mut connection, BROKER, "1", rate).await, ("1000".into(), vec![2]));
    for name in ["interval.ms", "match", "metrics"] {
        assert_eq!(value(&mut connection, CLIENT_METRICS, "m", name).await.1, Vec::<i8>::new(), "{name}");
    }
    // The names behind milliseconds count only where those are asked for themselves.
    assert_eq!(value(&mut connection, BROKER, "1", "log.retention.hours").await, ("100".into(), vec![4, 5]));
    let jitter = value(&mut connection, TOPIC, "t", "segment.jitter.ms").await;
    assert_eq!(jitter, ("7200000".into(), vec![]));
}
