//! What Apache Kafka 4.4.0 itself wrote to `__consumer_offsets`, replayed.
//!
//! `kafka_records.tsv` is the topic of a broker after kafka-python's consumers: a dynamic and a static member that stay,
//! groups that were left and deleted, a commit without a group, and a member of the newer protocol. A line is one record:
//! key and value in hexadecimal digits, `-` for none.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use ottla_state::effects::{Machine, Now, StateRecord, Ticket};
use ottla_state::group::{Config, Describe, Groups, Reply, Request};
use std::collections::BTreeMap;

const RECORDS: &str = include_str!("kafka_records.tsv");

fn bytes(hex: &str) -> Bytes {
    let digits = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn records() -> Vec<StateRecord> {
    let record = |line: &str| {
        let (key, value) = line.split_once('\t').unwrap();
        StateRecord { key: bytes(key), value: (value != "-").then(|| bytes(value)) }
    };
    RECORDS.lines().map(record).collect()
}

#[test]
fn what_kafka_wrote_is_read_and_written_again_byte_for_byte() {
    let mut groups = Groups::new(Config::default());
    let mut log = BTreeMap::new();
    for record in records() {
        groups.apply(&record).unwrap();
        // Of the newer protocol nothing is kept.
        if record.key[1] <= 2 {
            match record.value {
                Some(value) => log.insert(record.key, value),
                None => log.remove(&record.key),
            };
        }
    }
    assert_eq!(groups.durable().unwrap(), log);
    assert!(log.len() >= 8, "{}", log.len());
}

#[test]
fn members_that_kafka_stored_are_there() {
    let mut groups = Groups::new(Config::default());
    for record in records() {
        groups.apply(&record).unwrap();
    }
    let now = Now { wall_ms: 0, monotonic_ms: 0 };
    groups.loaded(now);
    let mut describe = |id: &str| {
        let request = Request::Describe(Describe { version: 5, group_id: id.into() });
        match groups.decide(now, Ticket(1), request).replies.pop() {
            Some((_, Reply::Describe(group))) => group,
            other => panic!("{other:?}"),
        }
    };
    for (id, state, protocol) in [
        ("dynamic", "Stable", "range"),
        ("static", "Stable", "range"),
        ("gone", "Empty", ""),
        ("simple", "Empty", ""),
        ("modern", "Empty", ""),
        ("deleted", "Dead", ""),
    ] {
        let group = describe(id);
        assert_eq!((&*group.group_state, &*group.protocol_data), (state, protocol), "{id}");
    }
    let group = describe("static");
    let member = &group.members[0];
    assert_eq!(member.group_instance_id.as_deref(), Some("i1"));
    assert_eq!((&*member.client_id, &*member.client_host), ("c2", "/127.0.0.1"));
    assert!(!member.member_metadata.is_empty() && !member.member_assignment.is_empty());
}
