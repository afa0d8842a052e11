//! Settings of groups that have an effect, each seen by a client.

use super::{AT_ONCE, alone, code, commit, committed_when_loaded, committing, find, join, joining, syncing};
use crate::configs::alter_broker;
use crate::harness::{Connection, Machine, ok, patient, start, start_on, start_with};
use crate::topics::creation;
use ottla_env::clock::ManualClock;
use ottla_env::disk::MemoryDisk;
use ottla_wire::ErrorCode;
use ottla_wire::messages::api_versions::ApiVersionsRequest;
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use ottla_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use ottla_wire::messages::offset_commit::OffsetCommitRequest;
use std::sync::Arc;

#[tokio::test]
async fn limits_of_groups_and_of_their_offsets_are_those_of_the_settings() {
    let settings = [
        AT_ONCE[0],
        AT_ONCE[1],
        ("group.min.session.timeout.ms", "7000"),
        ("group.max.session.timeout.ms", "31000"),
        ("group.max.size", "1"),
        ("offset.metadata.max.bytes", "3"),
    ];
    let running = start(&settings).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    for (session_timeout_ms, error) in [
        (6_999, ErrorCode::InvalidSessionTimeout),
        (7_000, ErrorCode::MemberIdRequired),
        (31_000, ErrorCode::MemberIdRequired),
        (31_001, ErrorCode::InvalidSessionTimeout),
    ] {
        let request = JoinGroupRequest { session_timeout_ms, ..joining("sessions", &Default::default()) };
        find(&mut connection, "sessions").await;
        assert_eq!(code(connection.call(9, &request).await.error_code), error, "{session_timeout_ms}");
    }
    let joined = alone(&mut connection, "g").await;
    let second = join(&mut connection, 3, "g").await;
    assert_eq!(code(second.error_code), ErrorCode::GroupMaxSizeReached);
    for (note, error) in [("abc", ErrorCode::None), ("abcd", ErrorCode::OffsetMetadataTooLarge)] {
        let mut request = committing("g", &joined, "t", 1);
        request.topics[0].partitions[0].committed_metadata = Some(note.into());
        let answer = connection.call(9, &request).await;
        assert_eq!(code(answer.topics[0].partitions[0].error_code), error, "{note}");
    }
}

#[tokio::test]
async fn a_record_of_a_group_is_as_large_as_its_topic_allows_now() {
    let running = start(&[AT_ONCE[0], AT_ONCE[1]]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    let joined = alone(&mut connection, "g").await;
    let mut request = committing("g", &joined, "t", 1);
    request.topics[0].partitions[0].committed_metadata = Some("x".repeat(1_000).as_str().into());
    for (bytes, error) in
        [("2000", ErrorCode::None), ("1000", ErrorCode::OffsetMetadataTooLarge), ("2000", ErrorCode::None)]
    {
        alter_broker(&mut connection, "message.max.bytes", bytes).await;
        let answer = connection.call(9, &request).await;
        assert_eq!(code(answer.topics[0].partitions[0].error_code), error, "{bytes}");
    }
}

#[tokio::test]
async fn a_commit_waits_for_its_sync_as_long_as_the_setting_says() {
    for (ms, is_answered) in [("1", true), ("3600000", false)] {
        let disk = MemoryDisk::new();
        let settings = [AT_ONCE[0], AT_ONCE[1], ("offsets.commit.timeout.ms", ms)];
        let running = start_on(&disk, &settings).await;
        let (mut connection, mut other) = (running.connect().await, running.connect().await);
        ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
        find(&mut connection, "g").await;
        // Of nobody, because a group would have to be stored in that time too.
        let nobody = JoinGroupResponse { generation_id: -1, ..Default::default() };
        disk.hold_syncs(".log");
        connection.send(9, &committing("g", &nobody, "t", 1)).await;
        if is_answered {
            let (_, answer) = connection.receive::<OffsetCommitRequest>(9).await;
            let error = answer.topics[0].partitions[0].error_code;
            assert_eq!(code(error), ErrorCode::CoordinatorNotAvailable);
        } else {
            for _ in 0..10 {
                ok(other.call(2, &ApiVersionsRequest::default()).await.error_code);
            }
            assert!(connection.is_silent().await);
        }
        disk.release_syncs();
    }
}

#[tokio::test]
async fn offsets_that_expire_are_looked_for_as_often_as_the_setting_says() {
    let running = start(&[AT_ONCE[0], AT_ONCE[1], ("offsets.retention.check.interval.ms", "1")]).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    find(&mut connection, "g").await;
    let nobody = JoinGroupResponse { generation_id: -1, ..Default::default() };
    let request = OffsetCommitRequest { retention_time_ms: 1, ..committing("g", &nobody, "t", 1) };
    ok(connection.call(4, &request).await.topics[0].partitions[0].error_code);
    expires(&mut connection, "g").await;
}

/// Waits until a group has no offset any more.
async fn expires(connection: &mut Connection, group: &str) {
    patient(async { while committed_when_loaded(connection, group).await.0 != -1 {} }).await;
}

#[tokio::test]
async fn offsets_are_kept_as_long_as_the_setting_says_and_while_their_group_has_members() {
    let clock = Arc::new(ManualClock::at(1_700_000_000_000));
    let settings = [
        AT_ONCE[0],
        // One look is at all groups.
        ("offsets.topic.num.partitions", "1"),
        ("offsets.retention.minutes", "2"),
        ("offsets.retention.check.interval.ms", "1"),
    ];
    let running = start_with(Machine::with_clock(&clock), &MemoryDisk::new(), &settings).await;
    let mut connection = running.connect().await;
    ok(connection.call(7, &creation("t", 1)).await.topics[0].error_code);
    find(&mut connection, "held").await;
    // Its session is longer than the offsets of others are kept.
    let request = JoinGroupRequest { session_timeout_ms: 1_000_000, ..joining("held", &Default::default()) };
    let held = connection.call(3, &request).await;
    ok(held.error_code);
    let assignment: &[u8] = b"mine";
    let synced = connection.call(5, &syncing("held", &held, &[(&held.member_id, assignment)])).await;
    ok(synced.error_code);
    let left = alone(&mut connection, "left").await;
    let nobody = JoinGroupResponse { generation_id: -1, ..Default::default() };
    for (group, committer, offset) in [("held", &held, 1), ("left", &left, 2), ("old", &nobody, 3)] {
        assert_eq!(commit(&mut connection, group, committer, offset).await, ErrorCode::None);
    }
    let member = MemberIdentity { member_id: left.member_id.clone(), ..Default::default() };
    let leaving = LeaveGroupRequest { group_id: "left".into(), members: vec![member], ..Default::default() };
    ok(connection.call(5, &leaving).await.error_code);
    clock.advance_ms(1);
    assert_eq!(commit(&mut connection, "young", &nobody, 4).await, ErrorCode::None);

    clock.advance_ms(119_999);
    expires(&mut connection, "old").await;
    for (group, offset) in [("left", -1), ("young", 4), ("held", 1)] {
        assert_eq!(committed_when_loaded(&mut connection, group).await.0, offset, "{group}");
    }
    clock.advance_ms(1);
    expires(&mut connection, "young").await;
    assert_eq!(committed_when_loaded(&mut connection, "held").await.0, 1);
}

#[tokio::test]
async fn records_of_groups_are_kept_in_the_codec_of_the_settings_and_read_in_any() {
    let disk = MemoryDisk::new();
    for (codec, offset) in [("4", 1), ("0", 2), ("1", 3)] {
        let settings = [AT_ONCE[0], AT_ONCE[1], ("offsets.topic.compression.codec", codec)];
        let running = start_on(&disk, &settings).await;
        let mut connection = running.connect().await;
        let _ = connection.call(7, &creation("t", 1)).await;
        find(&mut connection, "g").await;
        if offset > 1 {
            assert_eq!(committed_when_loaded(&mut connection, "g").await.0, offset - 1);
        }
        let by_hand = JoinGroupResponse { generation_id: -1, ..Default::default() };
        assert_eq!(commit(&mut connection, "g", &by_hand, offset).await, ErrorCode::None);
        running.broker.stop().await.unwrap();
    }
    let bad = [("offsets.topic.compression.codec".to_owned(), "9".to_owned())];
    let input = ottla_broker::settings::Input { flags: bad.to_vec(), ..Default::default() };
    assert!(ottla_broker::settings::load(&input).is_err());
}
