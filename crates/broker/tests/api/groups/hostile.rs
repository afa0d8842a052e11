//! What no group should be sent: Kafka's errors, and nobody else is hurt.

use super::{alone, code, commit, committed, committing, find, join, joining, ready, syncing};
use crate::harness::ok;
use bytes::Bytes;
use ottla_wire::frame::encode_request;
use ottla_wire::messages::delete_groups::DeleteGroupsRequest;
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use ottla_wire::messages::offset_delete::OffsetDeleteRequest;
use ottla_wire::messages::sync_group::SyncGroupRequest;
use ottla_wire::{ErrorCode, WireStr};

#[tokio::test]
async fn strangers_and_old_generations_are_refused() {
    let (_running, mut connection) = ready().await;
    let joined = alone(&mut connection, "g").await;
    let generation = |generation_id| JoinGroupResponse { generation_id, ..joined.clone() };
    let stranger = JoinGroupResponse { member_id: "stranger".into(), ..joined.clone() };
    for (who, error) in [
        (generation(0), ErrorCode::IllegalGeneration),
        (generation(2), ErrorCode::IllegalGeneration),
        (generation(i32::MAX), ErrorCode::IllegalGeneration),
        (stranger, ErrorCode::UnknownMemberId),
    ] {
        assert_eq!(commit(&mut connection, "g", &who, 1).await, error);
        assert_eq!(super::members::beat(&mut connection, "g", &who).await, error);
        let synced = connection.call(5, &syncing("g", &who, &[])).await;
        assert_eq!(code(synced.error_code), error);
    }
    assert_eq!(committed(&mut connection, "g", "t").await, Ok((-1, String::new())));
    let other = JoinGroupRequest { protocol_type: "connect".into(), ..joining("g", &WireStr::default()) };
    let told = connection.call(9, &other).await;
    assert_eq!(code(told.error_code), ErrorCode::InconsistentGroupProtocol);
    let request = DeleteGroupsRequest { groups_names: vec!["g".into()] };
    let answer = connection.call(2, &request).await;
    assert_eq!(code(answer.results[0].error_code), ErrorCode::NonEmptyGroup);
    let sync = SyncGroupRequest { protocol_name: Some("x".into()), ..syncing("g", &joined, &[]) };
    let answer = connection.call(5, &sync).await;
    assert_eq!(code(answer.error_code), ErrorCode::InconsistentGroupProtocol);
}

#[tokio::test]
async fn names_of_groups_may_be_anything_but_nothing() {
    let (running, mut connection) = ready().await;
    find(&mut connection, "").await;
    let empty = join(&mut connection, 9, "").await;
    assert_eq!(code(empty.error_code), ErrorCode::InvalidGroupId);
    let beat = HeartbeatRequest { generation_id: 1, member_id: "m".into(), ..Default::default() };
    assert_eq!(code(connection.call(4, &beat).await.error_code), ErrorCode::InvalidGroupId);
    let leave = LeaveGroupRequest { members: vec![MemberIdentity::default()], ..Default::default() };
    assert_eq!(code(connection.call(4, &leave).await.error_code), ErrorCode::InvalidGroupId);
    let synced = connection.call(5, &syncing("", &empty, &[])).await;
    assert_eq!(code(synced.error_code), ErrorCode::InvalidGroupId);
    let forget = connection.call(0, &OffsetDeleteRequest::default()).await;
    assert_eq!(code(forget.error_code), ErrorCode::InvalidGroupId);
    // Offsets without members may be kept under it all the same, as in Kafka.
    let by_hand = JoinGroupResponse { generation_id: -1, ..Default::default() };
    assert_eq!(commit(&mut connection, "", &by_hand, 3).await, ErrorCode::None);
    assert_eq!(committed(&mut connection, "", "t").await.unwrap().0, 3);
    let long = "x".repeat(10_000);
    find(&mut connection, &long).await;
    alone(&mut connection, &long).await;
    find(&mut connection, "g\u{fffd}\u{fffd}").await;
    // Not UTF-8: read as Java reads it.
    let bad = JoinGroupRequest {
        group_id: WireStr::from_wire(Bytes::from_static(b"g\xff\xfe")),
        ..joining("", &WireStr::default())
    };
    let told = connection.call(9, &bad).await;
    assert_eq!(code(told.error_code), ErrorCode::MemberIdRequired);
    ok(connection.call(9, &JoinGroupRequest { member_id: told.member_id, ..bad }).await.error_code);
    drop(running);
}

/// The subscription of a member to so many topics.
fn subscription(topics: usize) -> Vec<JoinGroupRequestProtocol> {
    let topics = (0..topics).flat_map(|i| format!("\0\x11subscribed-{i:06}").into_bytes());
    vec![JoinGroupRequestProtocol { name: "range".into(), metadata: topics.collect() }]
}

#[tokio::test]
async fn what_members_say_of_themselves_is_opaque_and_has_to_fit_into_a_record() {
    let (running, mut connection) = ready().await;
    // The last two have 1.9 and 10 MB.
    for (topics, error) in [
        (40_000, ErrorCode::None),
        (100_000, ErrorCode::InvalidRequest),
        (530_000, ErrorCode::InvalidRequest),
    ] {
        let group = format!("of-{topics}");
        find(&mut connection, &group).await;
        let told = connection.call(9, &joining(&group, &WireStr::default())).await;
        let protocols = subscription(topics);
        let metadata = protocols[0].metadata.clone();
        let request = JoinGroupRequest { protocols, ..joining(&group, &told.member_id) };
        let joined = connection.call(9, &request).await;
        // Apache Kafka lets the member in and answers SyncGroup with UNKNOWN_SERVER_ERROR.
        assert_eq!(code(joined.error_code), error, "{topics} topics");
        if error == ErrorCode::None {
            assert_eq!(joined.members[0].metadata, metadata);
            // What cannot be decoded as an assignment is carried all the same.
            let junk = [(&joined.member_id, &b"\xff\x00junk"[..])];
            let synced = connection.call(5, &syncing(&group, &joined, &junk)).await;
            ok(synced.error_code);
            assert_eq!(&synced.assignment[..], b"\xff\x00junk");
        }
        let mut neighbour = running.connect().await;
        alone(&mut neighbour, &format!("beside-{topics}")).await;
    }
}

#[tokio::test]
async fn texts_beside_offsets_have_their_limit() {
    let (running, mut connection) = ready().await;
    let joined = alone(&mut connection, "g").await;
    for (len, error) in [
        (4_096, ErrorCode::None),
        (4_097, ErrorCode::OffsetMetadataTooLarge),
        (30_000, ErrorCode::OffsetMetadataTooLarge),
    ] {
        let mut request = committing("g", &joined, "t", 1);
        request.topics[0].partitions[0].committed_metadata = Some("x".repeat(len).into());
        let answer = connection.call(7, &request).await;
        assert_eq!(code(answer.topics[0].partitions[0].error_code), error, "{len}");
    }
    // More than the protocol's own text may have closes the connection, as with Kafka.
    let text = "x".repeat(30_000);
    let mut request = committing("g", &joined, "t", 2);
    request.topics[0].partitions[0].committed_metadata = Some(text.as_str().into());
    let frame = encode_request(1, "test", 9, &request).unwrap().to_bytes();
    let at = frame.windows(4).position(|bytes| bytes == b"xxxx").unwrap();
    // The length before it takes three bytes, and four in the place of 10 MB.
    let (head, tail) = (&frame[4..at - 3], &frame[at + text.len()..]);
    let body = [head, &[0x81, 0x80, 0x80, 0x05], &vec![b'x'; 10 << 20], tail].concat();
    let mut sender = running.connect().await;
    sender.send_raw(&(body.len() as u32).to_be_bytes()).await;
    sender.send_raw(&body).await;
    assert!(sender.is_closed().await);
    assert_eq!(committed(&mut connection, "g", "t").await.unwrap().0, 1);
}
