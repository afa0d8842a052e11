//! FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, ListGroups, DescribeGroups, DeleteGroups.

use super::{AT_ONCE, alone, code, commit, find, join, joining, ready, syncing};
use crate::harness::{Connection, ok, start, versions};
use ottla_wire::messages::delete_groups::DeleteGroupsRequest;
use ottla_wire::messages::describe_groups::{DescribeGroupsRequest, DescribedGroup};
use ottla_wire::messages::find_coordinator::FindCoordinatorRequest;
use ottla_wire::messages::heartbeat::HeartbeatRequest;
use ottla_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use ottla_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use ottla_wire::messages::list_groups::ListGroupsRequest;
use ottla_wire::messages::sync_group::SyncGroupRequest;
use ottla_wire::{ErrorCode, WireStr, apis};

async fn describe(connection: &mut Connection, version: i16, group: &str) -> DescribedGroup {
    let request = DescribeGroupsRequest { groups: vec![group.into()], ..Default::default() };
    connection.call(version, &request).await.groups[0].clone()
}

pub async fn beat(connection: &mut Connection, group: &str, joined: &JoinGroupResponse) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        ..Default::default()
    };
    code(connection.call(4, &request).await.error_code)
}

#[tokio::test]
async fn the_coordinator_of_a_group_is_found_in_every_version_and_others_are_refused() {
    let running = start(&AT_ONCE).await;
    let mut connection = running.connect().await;
    for version in versions(apis::FIND_COORDINATOR) {
        for (key_type, error) in [
            (0, ErrorCode::None),
            (1, ErrorCode::UnsupportedVersion),
            (2, ErrorCode::InvalidRequest),
            (9, ErrorCode::InvalidRequest),
        ] {
            if version == 0 && key_type != 0 {
                continue;
            }
            let request = FindCoordinatorRequest {
                key: if version < 4 { "g".into() } else { WireStr::default() },
                key_type,
                coordinator_keys: if version < 4 { Vec::new() } else { vec!["g".into(), "".into()] },
            };
            let answer = connection.call(version, &request).await;
            let found = if version < 4 {
                vec![(answer.error_code, answer.node_id, answer.host, answer.port)]
            } else {
                let of = answer.coordinators.into_iter();
                of.map(|found| (found.error_code, found.node_id, found.host, found.port)).collect()
            };
            for (found, node, host, port) in found {
                assert_eq!(code(found), error, "version {version}, type {key_type}");
                let expected = if error == ErrorCode::None { (1, "127.0.0.1", 9092) } else { (-1, "", -1) };
                assert_eq!((node, host.as_str(), port), expected);
            }
        }
    }
}

#[tokio::test]
async fn the_first_search_makes_the_coordinators_of_all_groups() {
    let running = start(&AT_ONCE).await;
    let mut connection = running.connect().await;
    let request = FindCoordinatorRequest { coordinator_keys: vec!["g".into()], ..Default::default() };
    ok(connection.call(6, &request).await.coordinators[0].error_code);
    ok(connection.call(5, &ListGroupsRequest::default()).await.error_code);
    for number in 0..20 {
        let request = HeartbeatRequest { group_id: format!("g{number}").into(), ..Default::default() };
        let told = code(connection.call(4, &request).await.error_code);
        assert_eq!(told, ErrorCode::UnknownMemberId, "g{number}");
    }
}

#[tokio::test]
async fn a_group_of_one_lives_in_every_version() {
    let (_running, mut connection) = ready().await;
    for version in versions(apis::JOIN_GROUP) {
        let group = format!("g{version}");
        let joined = join(&mut connection, version, &group).await;
        ok(joined.error_code);
        assert_eq!((joined.generation_id, joined.members.len()), (1, 1), "version {version}");
        assert_eq!(joined.leader, joined.member_id);
        let mine = [(&joined.member_id, &b"mine"[..])];
        for version in versions(apis::SYNC_GROUP) {
            let synced = connection.call(version, &syncing(&group, &joined, &mine)).await;
            assert_eq!((code(synced.error_code), &synced.assignment[..]), (ErrorCode::None, &b"mine"[..]));
        }
        for version in versions(apis::HEARTBEAT) {
            let request = HeartbeatRequest {
                group_id: group.as_str().into(),
                generation_id: 1,
                member_id: joined.member_id.clone(),
                ..Default::default()
            };
            ok(connection.call(version, &request).await.error_code);
        }
        for version in versions(apis::DESCRIBE_GROUPS) {
            let described = describe(&mut connection, version, &group).await;
            ok(described.error_code);
            assert_eq!((described.group_state.as_str(), described.members.len()), ("Stable", 1));
            let member = &described.members[0];
            assert_eq!((member.client_id.as_str(), member.client_host.as_str()), ("test", "/127.0.0.1"));
        }
        let leaving = version.min(5);
        let member = MemberIdentity { member_id: joined.member_id.clone(), ..Default::default() };
        let request = LeaveGroupRequest {
            group_id: group.as_str().into(),
            member_id: if leaving < 3 { joined.member_id.clone() } else { WireStr::default() },
            members: if leaving < 3 { Vec::new() } else { vec![member] },
        };
        ok(connection.call(leaving, &request).await.error_code);
        assert_eq!(describe(&mut connection, 5, &group).await.group_state, "Empty");
    }
    for version in versions(apis::LIST_GROUPS) {
        let answer = connection.call(version, &ListGroupsRequest::default()).await;
        ok(answer.error_code);
        assert_eq!(answer.groups.len(), 10, "the groups of all partitions");
    }
    for (group, version) in (0..10).zip(versions(apis::DELETE_GROUPS).cycle()) {
        let name = WireStr::from(format!("g{group}"));
        let request = DeleteGroupsRequest { groups_names: vec![name] };
        ok(connection.call(version, &request).await.results[0].error_code);
        let again = connection.call(version, &request).await;
        assert_eq!(code(again.results[0].error_code), ErrorCode::GroupIdNotFound);
    }
}

#[tokio::test]
async fn q2_a_new_member_is_told_its_id_first_from_version_4_on() {
    let (_running, mut connection) = ready().await;
    for version in versions(apis::JOIN_GROUP) {
        let answer = connection.call(version, &joining(&format!("g{version}"), &WireStr::default())).await;
        let expected = if version < 4 { ErrorCode::None } else { ErrorCode::MemberIdRequired };
        assert_eq!(code(answer.error_code), expected, "version {version}");
        assert!(!answer.member_id.is_empty());
    }
}

#[tokio::test]
async fn two_members_share_a_group_and_the_second_waits_for_the_first_to_come_back() {
    let (running, mut first) = ready().await;
    let mut second = running.connect().await;
    let one = alone(&mut first, "g").await;
    let told = second.call(9, &joining("g", &WireStr::default())).await;
    second.send(9, &joining("g", &told.member_id)).await;
    while beat(&mut first, "g", &one).await != ErrorCode::RebalanceInProgress {}
    let again = first.call(9, &joining("g", &one.member_id)).await;
    let (_, other) = second.receive::<JoinGroupRequest>(9).await;
    assert_eq!((again.generation_id, other.generation_id), (2, 2));
    assert_eq!((again.members.len(), other.members.len()), (2, 0), "only the leader knows the members");
    assert_eq!(&again.leader, &again.member_id);
    second.send(5, &syncing("g", &other, &[])).await;
    let shares: [(&WireStr, &'static [u8]); 2] = [(&again.member_id, b"A"), (&other.member_id, b"B")];
    let mine = first.call(5, &syncing("g", &again, &shares)).await;
    let (_, theirs) = second.receive::<SyncGroupRequest>(5).await;
    assert_eq!((&mine.assignment[..], &theirs.assignment[..]), (&b"A"[..], &b"B"[..]));
    assert_eq!(commit(&mut first, "g", &one, 5).await, ErrorCode::IllegalGeneration);
    assert_eq!(commit(&mut second, "g", &other, 5).await, ErrorCode::None);
}

#[tokio::test]
async fn q17_a_static_member_keeps_its_share_and_fences_its_former_self() {
    let (_running, mut connection) = ready().await;
    let instance =
        |member: &WireStr| JoinGroupRequest { group_instance_id: Some("i1".into()), ..joining("g", member) };
    let first = connection.call(9, &instance(&WireStr::default())).await;
    ok(first.error_code);
    let sync = |joined: &JoinGroupResponse, share: &'static [u8]| SyncGroupRequest {
        group_instance_id: Some("i1".into()),
        ..syncing("g", joined, &[(&joined.member_id.clone(), share)])
    };
    ok(connection.call(5, &sync(&first, b"mine")).await.error_code);
    let back = connection.call(9, &instance(&WireStr::default())).await;
    ok(back.error_code);
    assert_eq!(back.generation_id, first.generation_id, "nothing was rebalanced");
    assert_ne!(back.member_id, first.member_id);
    assert_eq!(&connection.call(5, &sync(&back, b"")).await.assignment[..], b"mine");
    let old = HeartbeatRequest {
        group_id: "g".into(),
        generation_id: 1,
        member_id: first.member_id.clone(),
        group_instance_id: Some("i1".into()),
    };
    assert_eq!(code(connection.call(4, &old).await.error_code), ErrorCode::FencedInstanceId);
}

#[tokio::test]
async fn q14_a_request_behind_a_waiting_join_finds_the_group_as_the_join_leaves_it() {
    let (running, mut first) = ready().await;
    let mut second = running.connect().await;
    let one = alone(&mut first, "g").await;
    let told = second.call(9, &joining("g", &WireStr::default())).await;
    second.send(9, &joining("g", &told.member_id)).await;
    while beat(&mut first, "g", &one).await != ErrorCode::RebalanceInProgress {}
    // Behind the join that waits: asked when generation 2 is there, whatever was there when it was sent.
    let beat = HeartbeatRequest {
        group_id: "g".into(),
        generation_id: 2,
        member_id: told.member_id.clone(),
        ..Default::default()
    };
    second.send(4, &beat).await;
    ok(first.call(9, &joining("g", &one.member_id)).await.error_code);
    ok(second.receive::<JoinGroupRequest>(9).await.1.error_code);
    ok(second.receive::<HeartbeatRequest>(4).await.1.error_code);
}

#[tokio::test]
async fn a_join_that_waits_ends_with_its_connection() {
    let settings = [("group.initial.rebalance.delay.ms", "600000"), ("max.connections.per.ip", "2")];
    let running = start(&settings).await;
    let mut kept = running.connect().await;
    find(&mut kept, "g").await;
    {
        let mut leaves = running.connect().await;
        let told = leaves.call(9, &joining("g", &WireStr::default())).await;
        leaves.send(9, &joining("g", &told.member_id)).await;
        while describe(&mut kept, 5, "g").await.group_state != "PreparingRebalance" {}
    }
    // Its place is free again, long before the join would be answered.
    loop {
        let mut next = running.connect().await;
        next.send(5, &DescribeGroupsRequest { groups: vec!["g".into()], ..Default::default() }).await;
        if next.receive_raw().await.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn a_member_that_says_nothing_loses_its_place_and_a_stop_answers_who_waits() {
    let settings = [
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.min.session.timeout.ms", "1"),
        ("offsets.topic.num.partitions", "1"),
    ];
    let running = start(&settings).await;
    let mut connection = running.connect().await;
    find(&mut connection, "g").await;
    let short = JoinGroupRequest { session_timeout_ms: 1, ..joining("g", &WireStr::default()) };
    let told = connection.call(9, &short).await;
    let short = JoinGroupRequest { member_id: told.member_id, ..short };
    let _ = connection.call(9, &short).await;
    // "Dead" where even the id that it was told was forgotten before it came back.
    while !["Empty", "Dead"].contains(&describe(&mut connection, 5, "g").await.group_state.as_str()) {}
    let one = alone(&mut connection, "other").await;
    let mut second = running.connect().await;
    let told = second.call(9, &joining("other", &WireStr::default())).await;
    second.send(9, &joining("other", &told.member_id)).await;
    while beat(&mut connection, "other", &one).await != ErrorCode::RebalanceInProgress {}
    let stopping = tokio::spawn(running.broker.stop());
    let (_, answer) = second.receive::<JoinGroupRequest>(9).await;
    assert_eq!(code(answer.error_code), ErrorCode::NotCoordinator);
    stopping.await.unwrap().unwrap();
}
