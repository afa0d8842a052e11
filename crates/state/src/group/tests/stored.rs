//! What is stored: replay, Kafka's bytes, and bytes that are none of Kafka's.

use super::*;

#[test]
fn a_replayed_group_goes_on_where_it_was() {
    let mut desk = Desk::new();
    let (leader, other, generation) = desk.stable_two();
    desk.commit_as(8, &other, generation, 11);
    desk.groups = desk.replayed();
    assert_eq!(desk.heartbeat(&leader, generation), ErrorCode::None);
    assert_eq!(desk.heartbeat(&other, generation), ErrorCode::None);
    assert_eq!(desk.committed("t"), Some(11));
    let ticket = desk.sync(&other, generation, &[]);
    assert_eq!(desk.synced(ticket), Ok(Bytes::from_static(b"B")));
    // The sessions begin anew: nobody could send heartbeats while the partition was loaded.
    desk.pass_ms(9_999);
    assert_eq!(desk.state(), "Stable");
    desk.pass_ms(1);
    assert_eq!(desk.state(), "Empty");
}

#[test]
fn an_unfinished_rebalance_is_forgotten() {
    let mut desk = Desk::new();
    let (leader, generation) = desk.stable();
    let second = desk.join(&Joiner::default());
    let first = desk.join(&Joiner::known(&leader));
    let new_generation = desk.joined(first).generation_id;
    let other = desk.joined(second).member_id;
    desk.groups = desk.replayed();
    assert_eq!(desk.heartbeat(&leader, new_generation), ErrorCode::IllegalGeneration);
    assert_eq!(desk.heartbeat(&leader, generation), ErrorCode::None);
    assert_eq!(desk.heartbeat(&other, new_generation), ErrorCode::UnknownMemberId);
}

#[test]
fn a_group_that_is_too_large_after_a_restart_is_made_smaller() {
    let mut desk = Desk::new();
    let (leader, other, generation) = desk.stable_two();
    desk.groups.config.max_size = 1;
    desk.groups = desk.replayed();
    assert_eq!(desk.heartbeat(&leader, generation), ErrorCode::RebalanceInProgress);
    let first = desk.join(&Joiner::known(&leader));
    assert!(desk.waits(first));
    let second = desk.join(&Joiner::known(&other));
    assert_eq!(desk.joined(second).error_code, ErrorCode::GroupMaxSizeReached.code());
}

#[test]
fn records_are_kafkas_byte_for_byte() {
    let mut desk = Desk::new();
    assert_eq!(desk.commit_as(8, "", -1, 258), ErrorCode::None);
    let offset = &desk.log[0];
    assert_eq!(&offset.key[..], b"\0\x01\0\x01g\0\x01t\0\0\0\0");
    let mut value = b"\0\x04\0\0\0\0\0\0\x01\x02\0\0\0\x04\x05m258".to_vec();
    value.extend(WALL_MS.to_be_bytes());
    value.extend(b"\x01\0\x10");
    value.extend(TOPIC_ID.0);
    assert_eq!(offset.value.as_deref(), Some(&value[..]));

    let (id, _) = desk.stable();
    let group = &desk.log[1];
    assert_eq!(&group.key[..], b"\0\x02\0\x01g");
    let text = |text: &str| [&(text.len() as i16).to_be_bytes(), text.as_bytes()].concat();
    let mut value = b"\0\x03".to_vec();
    value.extend(text("consumer"));
    value.extend(1_i32.to_be_bytes());
    value.extend(text("range"));
    value.extend(text(&id));
    value.extend(WALL_MS.to_be_bytes());
    value.extend(1_i32.to_be_bytes());
    value.extend(text(&id));
    value.extend(b"\xff\xff");
    value.extend(text("client"));
    value.extend(text("/127.0.0.1"));
    value.extend(20_000_i32.to_be_bytes());
    value.extend(10_000_i32.to_be_bytes());
    value.extend(b"\0\0\0\x02\0\0\0\0\0\x01A");
    assert_eq!(group.value.as_deref(), Some(&value[..]));

    desk.leave(&[(&id, None)]);
    let mut value = b"\0\x03".to_vec();
    value.extend(text("consumer"));
    value.extend(2_i32.to_be_bytes());
    value.extend(b"\xff\xff\xff\xff");
    value.extend(WALL_MS.to_be_bytes());
    value.extend(0_i32.to_be_bytes());
    assert_eq!(desk.log[2].value.as_deref(), Some(&value[..]));
    desk.delete();
    assert!(desk.log[3..].iter().all(|record| record.value.is_none()));
    assert_eq!(desk.log.len(), 5);
}

#[test]
fn records_of_other_groups_are_stepped_over_and_damage_is_an_error() {
    let mut groups = Groups::new(Config::default());
    for kind in 3_i16..30 {
        let key = [&kind.to_be_bytes()[..], b"anything"].concat();
        let record = StateRecord { key: key.into(), value: Some(Bytes::from_static(b"\0\0")) };
        assert_eq!(groups.apply(&record), Ok(()));
    }
    assert_eq!(groups.durable().unwrap(), BTreeMap::new());
    let good = {
        let mut desk = Desk::new();
        let (id, generation) = desk.stable();
        desk.commit_as(8, &id, generation, 1);
        desk.log
    };
    for record in &good {
        for len in 0..record.key.len() {
            let cut = StateRecord { key: record.key.slice(..len), ..record.clone() };
            assert!(matches!(groups.apply(&cut), Err(ApplyError::Key(_))), "{len}");
        }
        let value = record.value.as_ref().unwrap();
        for len in 0..value.len() {
            let cut = StateRecord { value: Some(value.slice(..len)), ..record.clone() };
            assert!(matches!(groups.apply(&cut), Err(ApplyError::Value { .. })), "{len}");
        }
        let newer = [&99_i16.to_be_bytes()[..], &value[2..]].concat();
        let newer = StateRecord { value: Some(newer.into()), ..record.clone() };
        assert!(matches!(groups.apply(&newer), Err(ApplyError::ValueVersion { version: 99, .. })));
        // Any byte may be wrong; nothing but an answer or an error comes of it.
        for i in 0..value.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut bytes = value.to_vec();
                bytes[i] ^= bits;
                let damaged = StateRecord { value: Some(bytes.into()), ..record.clone() };
                let mut groups = Groups::new(Config::default());
                if groups.apply(&damaged).is_ok() {
                    let now = Now { wall_ms: i64::MAX, monotonic_ms: i64::MAX };
                    groups.loaded(now);
                    groups.expire(now);
                    groups.durable().unwrap();
                }
            }
        }
    }
    assert_eq!(groups.durable().unwrap(), BTreeMap::new(), "nothing of a damaged record was taken in");
}
