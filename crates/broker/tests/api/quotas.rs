//! Quotas of clients: set, described, kept.

use crate::harness::{Connection, ok, start, start_on, versions};
use ottla_env::disk::{Lost, MemoryDisk};
use ottla_wire::messages::alter_client_quotas::{
    AlterClientQuotasRequest, EntityDataRequest, EntryDataRequest, OpData,
};
use ottla_wire::messages::describe_client_quotas::{ComponentData, DescribeClientQuotasRequest};
use ottla_wire::{ErrorCode, apis};

type Parts<'a> = &'a [(&'a str, Option<&'a str>)];

pub fn alteration(entity: Parts<'_>, ops: &[(&str, Option<f64>)]) -> AlterClientQuotasRequest {
    let part = |(kind, name): &(&str, Option<&str>)| EntityDataRequest {
        entity_type: (*kind).into(),
        entity_name: name.map(Into::into),
    };
    let op = |(key, value): &(&str, Option<f64>)| OpData {
        key: (*key).into(),
        value: value.unwrap_or_default(),
        remove: value.is_none(),
    };
    let entry =
        EntryDataRequest { entity: entity.iter().map(part).collect(), ops: ops.iter().map(op).collect() };
    AlterClientQuotasRequest { entries: vec![entry], validate_only: false }
}

pub async fn alter(connection: &mut Connection, entity: Parts<'_>, ops: &[(&str, Option<f64>)]) -> ErrorCode {
    let answer = connection.call(1, &alteration(entity, ops)).await;
    assert_eq!(answer.entries.len(), 1);
    let code = ErrorCode::from_code(answer.entries[0].error_code);
    assert_eq!(answer.entries[0].error_message.is_none(), code == ErrorCode::None);
    assert_eq!(answer.entries[0].entity.len(), entity.len());
    code
}

type Component<'a> = (&'a str, i8, Option<&'a str>);

fn filter(components: &[Component<'_>], strict: bool) -> DescribeClientQuotasRequest {
    let component = |(kind, how, name): &Component<'_>| ComponentData {
        entity_type: (*kind).into(),
        match_type: *how,
        r#match: name.map(Into::into),
    };
    DescribeClientQuotasRequest { components: components.iter().map(component).collect(), strict }
}

/// What a filter finds, one line each: `user=u client-id=<default> consumer_byte_rate=5`.
async fn describe(connection: &mut Connection, components: &[Component<'_>], strict: bool) -> Vec<String> {
    let answer = connection.call(1, &filter(components, strict)).await;
    ok(answer.error_code);
    let lines = answer.entries.unwrap().into_iter().map(|entry| {
        let name = |name: Option<ottla_wire::WireStr>| name.map_or("<default>".into(), |n| n.to_string());
        let entity = entry.entity.into_iter().map(|e| format!("{}={}", e.entity_type, name(e.entity_name)));
        let values = entry.values.into_iter().map(|v| format!("{}={}", v.key, v.value));
        entity.chain(values).collect::<Vec<_>>().join(" ")
    });
    lines.collect()
}

#[tokio::test]
async fn quotas_are_found_by_every_kind_of_filter() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let c = &mut connection;
    for (entity, key, value) in [
        (&[("client-id", Some("a"))] as Parts<'_>, "producer_byte_rate", 1000.0),
        (&[("client-id", None)], "producer_byte_rate", 2000.0),
        (&[("user", Some("u"))], "request_percentage", 50.5),
        (&[("client-id", Some("a")), ("user", Some("u"))], "consumer_byte_rate", 5.0),
        (&[("ip", Some("127.0.0.9"))], "connection_creation_rate", 6.0),
        (&[("ip", None)], "connection_creation_rate", 50.0),
    ] {
        assert_eq!(alter(c, entity, &[(key, Some(value))]).await, ErrorCode::None);
    }
    let user = "user=u request_percentage=50.5";
    let [a, default] = ["client-id=a producer_byte_rate=1000", "client-id=<default> producer_byte_rate=2000"];
    let both = "user=u client-id=a consumer_byte_rate=5";
    let [ip, any_ip] =
        ["ip=127.0.0.9 connection_creation_rate=6", "ip=<default> connection_creation_rate=50"];
    let all = [user, default, a, both, any_ip, ip];
    let cases: &[(&[Component<'_>], bool, &[&str])] = &[
        (&[], false, &all),
        (&[], true, &[]),
        (&[("client-id", 0, Some("a"))], false, &[a, both]),
        (&[("client-id", 0, Some("a"))], true, &[a]),
        (&[("client-id", 0, Some("b"))], false, &[]),
        (&[("client-id", 1, None)], false, &[default]),
        (&[("client-id", 2, None)], false, &[default, a, both]),
        (&[("client-id", 2, None)], true, &[default, a]),
        (&[("client-id", 2, None), ("user", 2, None)], true, &[both]),
        (&[("client-id", 2, None), ("user", 1, None)], false, &[]),
        (&[("ip", 2, None)], false, &[any_ip, ip]),
    ];
    for (components, strict, expected) in cases {
        assert_eq!(describe(c, components, *strict).await, *expected, "{components:?} {strict}");
    }
    for version in versions(apis::DESCRIBE_CLIENT_QUOTAS) {
        assert_eq!(c.call(version, &filter(&[], false)).await.entries.unwrap().len(), 6);
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_is_refused() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let bad: &[(&[Component<'_>], ErrorCode)] = &[
        (&[("", 0, Some("a"))], ErrorCode::InvalidRequest),
        (&[("client-id", 0, Some("a")), ("client-id", 0, Some("b"))], ErrorCode::InvalidRequest),
        (&[("group", 0, Some("a"))], ErrorCode::UnsupportedVersion),
        (&[("client-id", 0, None)], ErrorCode::InvalidRequest),
        (&[("client-id", 1, Some("a"))], ErrorCode::InvalidRequest),
        (&[("client-id", 2, Some("a"))], ErrorCode::InvalidRequest),
        (&[("client-id", 7, None)], ErrorCode::InvalidRequest),
        (&[("ip", 2, None), ("user", 2, None)], ErrorCode::InvalidRequest),
    ];
    for (components, expected) in bad {
        let answer = connection.call(1, &filter(components, false)).await;
        assert_eq!(ErrorCode::from_code(answer.error_code), *expected, "{components:?}");
        assert!(answer.entries.is_none() && answer.error_message.is_some());
    }
}

#[tokio::test]
async fn only_so_many_names_of_hosts_are_looked_up() {
    let running = start(&[]).await;
    let mut connection = running.connect().await;
    let key: &[(&str, Option<f64>)] = &[("connection_creation_rate", Some(1.0))];
    let named = |name: String| alteration(&[("ip", Some(&name))], key).entries.remove(0);
    let mut entries: Vec<_> = (0..101).map(|host| named(format!("host-{host}.invalid"))).collect();
    entries.push(named("10.0.0.1".to_owned()));
    let request = AlterClientQuotasRequest { entries, validate_only: false };
    let mut answer = connection.call(1, &request).await;
    assert_eq!(answer.entries.len(), 102);
    answer.entries.retain(|entry| {
        let name = entry.entity[0].entity_name.as_ref().unwrap();
        let expected = if name.ends_with(".invalid") { ErrorCode::InvalidRequest } else { ErrorCode::None };
        assert_eq!(ErrorCode::from_code(entry.error_code), expected, "{name}");
        expected != ErrorCode::None
    });
    for entry in answer.entries {
        let why = entry.error_message.unwrap();
        assert_eq!(why, "101 names of hosts are more than the 100 that one request may have looked up");
    }
    assert_eq!(describe(&mut connection, &[], false).await, ["ip=10.0.0.1 connection_creation_rate=1"]);
}

#[tokio::test]
async fn a_name_that_no_answer_has_room_for_is_not_kept() {
    let running = start(&[]).await;
    let ops: &[(&str, Option<f64>)] = &[("producer_byte_rate", Some(1.0))];
    for kind in ["client-id", "user", "ip"] {
        let mut connection = running.connect().await;
        connection.send(1, &alteration(&[(kind, Some("a"))], ops)).await;
        connection.receive::<AlterClientQuotasRequest>(1).await;
        connection.send_raw(&long_name(kind, 40_000)).await;
        assert!(connection.is_closed().await, "{kind}");
    }
    let mut connection = running.connect().await;
    let kept = ["user=a producer_byte_rate=1", "client-id=a producer_byte_rate=1"];
    assert_eq!(describe(&mut connection, &[], false).await, kept);
    let long = "x".repeat(32_760);
    let c = &mut connection;
    for (entity, key) in [
        (&[("client-id", Some("a"))] as Parts<'_>, long.as_str()),
        (&[("client-id", Some(&long))], "nope"),
        (&[("ip", Some(&long))], "connection_creation_rate"),
        (&[(&long, Some("a"))], "producer_byte_rate"),
    ] {
        assert_eq!(alter(c, entity, &[(key, Some(1.0))]).await, ErrorCode::InvalidRequest);
    }
    let answer = c.call(1, &filter(&[(&long, 2, None)], false)).await;
    assert_eq!(ErrorCode::from_code(answer.error_code), ErrorCode::UnsupportedVersion);
}

/// An AlterClientQuotas 1 that sets a quota of a name which our own encoder does not write.
fn long_name(kind: &str, len: usize) -> Vec<u8> {
    // Lengths of texts and arrays are one more than they are.
    let compact = |len: usize| match len + 1 {
        len @ ..0x80 => vec![len as u8],
        len @ ..0x4000 => vec![len as u8 | 0x80, (len >> 7) as u8],
        len => vec![len as u8 | 0x80, (len >> 7) as u8 | 0x80, (len >> 14) as u8],
    };
    let text = |text: &str| [compact(text.len()), text.as_bytes().to_vec()].concat();
    // The head: key, version, correlation id, no client id, no tagged fields.
    let mut frame = vec![0, 49, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0];
    // One entry with one part.
    frame.extend([2, 2]);
    frame.extend([text(kind), text(&"x".repeat(len)), vec![0]].concat());
    let op = [text("producer_byte_rate"), 1_f64.to_be_bytes().to_vec(), vec![0, 0]].concat();
    frame.extend([vec![2], op, vec![0, 0, 0]].concat());
    [(frame.len() as i32).to_be_bytes().to_vec(), frame].concat()
}

#[tokio::test]
async fn quotas_are_changed_in_every_version_and_outlive_a_crash() {
    let disk = MemoryDisk::new();
    let running = start_on(&disk, &[]).await;
    let mut connection = running.connect().await;
    for version in versions(apis::ALTER_CLIENT_QUOTAS) {
        let entity: Parts<'_> = &[("client-id", Some("a/b % c")), ("user", None)];
        let set = alteration(entity, &[("producer_byte_rate", Some(7.0)), ("request_percentage", Some(0.5))]);
        ok(connection.call(version, &set).await.entries[0].error_code);
        let dry = AlterClientQuotasRequest {
            validate_only: true,
            ..alteration(entity, &[("producer_byte_rate", None)])
        };
        ok(connection.call(version, &dry).await.entries[0].error_code);
        let kept = "user=<default> client-id=a/b % c producer_byte_rate=7 request_percentage=0.5";
        assert_eq!(describe(&mut connection, &[], false).await, [kept]);
        let unset = alteration(entity, &[("producer_byte_rate", None), ("request_percentage", None)]);
        ok(connection.call(version, &unset).await.entries[0].error_code);
        assert!(describe(&mut connection, &[], false).await.is_empty());
    }
    let c = &mut connection;
    assert_eq!(
        alter(c, &[("client-id", Some("k"))], &[("consumer_byte_rate", Some(9.0))]).await,
        ErrorCode::None
    );
    for (entity, key) in [
        (&[] as Parts<'_>, "consumer_byte_rate"),
        (&[("ip", Some("not an address"))], "connection_creation_rate"),
        (&[("ip", Some("127.0.0.1")), ("user", None)], "connection_creation_rate"),
        (&[("client-id", Some("k"))], "nope"),
    ] {
        assert_eq!(alter(c, entity, &[(key, Some(1.0))]).await, ErrorCode::InvalidRequest, "{entity:?}");
    }
    drop((connection, running));
    let restarted = start_on(&disk.crash(Lost::AllUnsynced), &[]).await;
    let mut connection = restarted.connect().await;
    assert_eq!(describe(&mut connection, &[], false).await, ["client-id=k consumer_byte_rate=9"]);
}
