//! The sync phase, heartbeats and leaving.

use super::*;
use ErrorCode::{
    IllegalGeneration, InconsistentGroupProtocol, InvalidGroupId, RebalanceInProgress, UnknownMemberId,
    UnknownServerError,
};

#[test]
fn an_assignment_is_stored_before_anybody_has_it() {
    let mut desk = Desk::new();
    let first = desk.join_now(&Joiner::default());
    assert!(desk.log.is_empty(), "an unfinished rebalance is in memory alone");
    let ticket = desk.sync(&first.member_id, 1, &[(&first.member_id, b"A")]);
    assert_eq!(desk.log.len(), 1);
    assert_eq!(desk.synced(ticket), Ok(Bytes::from_static(b"A")));
    // Whoever asks later gets the same.
    let again = desk.sync(&first.member_id, 1, &[(&first.member_id, b"other")]);
    assert_eq!(desk.synced(again), Ok(Bytes::from_static(b"A")));
    assert_eq!(desk.log.len(), 1);
}

#[test]
fn only_the_leader_assigns_and_who_is_left_out_gets_nothing() {
    let mut desk = Desk::new();
    let (leader, _) = desk.stable();
    let second = desk.join(&Joiner::default());
    let first = desk.join(&Joiner::known(&leader));
    desk.joined(first);
    let other = desk.joined(second).member_id;
    let follower = desk.sync(&other, 2, &[(&other, b"mine"), (&leader, b"")]);
    assert!(desk.waits(follower));
    let ticket = desk.sync(&leader, 2, &[(&leader, b"all"), (&"gone".into(), b"x")]);
    assert_eq!(desk.synced(ticket), Ok(Bytes::from_static(b"all")));
    assert_eq!(desk.synced(follower), Ok(Bytes::new()));
}

#[test]
fn syncs_that_cannot_be_are_refused_as_kafka_does() {
    let mut desk = Desk::new();
    let ticket = desk.sync(&"m".into(), 1, &[]);
    assert_eq!(desk.synced(ticket), Err(UnknownMemberId));
    let (id, generation) = desk.stable();
    let ask = |desk: &mut Desk, request: SyncGroupRequest, version| {
        let request = SyncGroupRequest { group_id: "g".into(), ..request };
        let ticket = desk.ask(Request::Sync(Sync { version, request }));
        desk.synced(ticket)
    };
    let whole = SyncGroupRequest {
        generation_id: generation,
        member_id: id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        ..Default::default()
    };
    let table = [
        (whole.clone(), 5, Ok(Bytes::from_static(b"A"))),
        (
            SyncGroupRequest { protocol_name: Some("sticky".into()), ..whole.clone() },
            5,
            Err(InconsistentGroupProtocol),
        ),
        (
            SyncGroupRequest { protocol_type: Some("x".into()), ..whole.clone() },
            5,
            Err(InconsistentGroupProtocol),
        ),
        (SyncGroupRequest { protocol_type: None, ..whole.clone() }, 5, Err(InconsistentGroupProtocol)),
        (SyncGroupRequest { protocol_name: None, ..whole.clone() }, 5, Err(InconsistentGroupProtocol)),
        (SyncGroupRequest { protocol_name: None, ..whole.clone() }, 4, Ok(Bytes::from_static(b"A"))),
        (SyncGroupRequest { generation_id: generation + 1, ..whole.clone() }, 5, Err(IllegalGeneration)),
        (SyncGroupRequest { generation_id: generation - 1, ..whole.clone() }, 0, Err(IllegalGeneration)),
        (SyncGroupRequest { member_id: "stranger".into(), ..whole.clone() }, 5, Err(UnknownMemberId)),
        (SyncGroupRequest { group_instance_id: Some("none".into()), ..whole }, 5, Err(UnknownMemberId)),
    ];
    for (request, version, expected) in table {
        assert_eq!(ask(&mut desk, request.clone(), version), expected, "{request:?}");
    }
    desk.join(&Joiner::default());
    let ticket = desk.sync(&id, generation, &[]);
    assert_eq!(desk.synced(ticket), Err(RebalanceInProgress));
    let empty = SyncGroupRequest::default();
    let ticket = desk.ask(Request::Sync(Sync { version: 3, request: empty }));
    assert_eq!(desk.synced(ticket), Err(InvalidGroupId));
}

#[test]
fn a_rebalance_sends_those_home_that_wait_for_an_assignment() {
    let mut desk = Desk::new();
    let (leader, _) = desk.stable();
    let second = desk.join(&Joiner::default());
    let first = desk.join(&Joiner::known(&leader));
    desk.joined(first);
    let other = desk.joined(second).member_id;
    let follower = desk.sync(&other, 2, &[]);
    let third = desk.join(&Joiner::default());
    assert_eq!(desk.synced(follower), Err(RebalanceInProgress));
    assert!(desk.waits(third));
    // The leader's assignment comes too late.
    let late = desk.sync(&leader, 2, &[(&leader, b"A"), (&other, b"B")]);
    assert_eq!(desk.synced(late), Err(RebalanceInProgress));
    assert_eq!(desk.log.len(), 1, "only the first generation was ever stored");
}

#[test]
fn members_that_never_sync_do_not_hold_the_others_up() {
    let mut desk = Desk::new();
    let (leader, _) = desk.stable();
    let second = desk.join(&Joiner::default());
    let first = desk.join(&Joiner::known(&leader));
    desk.joined(first);
    let other = desk.joined(second).member_id;
    let follower = desk.sync(&other, 2, &[]);
    for _ in 0..4 {
        desk.pass_ms(4_000);
        assert_eq!(desk.heartbeat(&leader, 2), OK, "the leader is there, it only does not assign");
    }
    desk.pass_ms(4_000);
    assert_eq!(desk.synced(follower), Err(RebalanceInProgress));
    assert_eq!(desk.heartbeat(&leader, 2), UnknownMemberId);
    let response = desk.join_now(&Joiner::known(&other));
    assert_eq!((response.generation_id, response.leader), (3, other));
}

#[test]
fn heartbeats_are_answered_as_kafka_does() {
    let mut desk = Desk::new();
    assert_eq!(desk.heartbeat("m", 1), UnknownMemberId);
    let (id, generation) = desk.stable();
    assert_eq!(desk.heartbeat(&id, generation), OK);
    assert_eq!(desk.heartbeat(&id, generation - 1), IllegalGeneration);
    assert_eq!(desk.heartbeat(&id, generation + 1), IllegalGeneration);
    assert_eq!(desk.heartbeat("stranger", generation), UnknownMemberId);
    let empty = HeartbeatRequest::default();
    match desk.tell(Request::Heartbeat(empty)) {
        Reply::Heartbeat(response) => assert_eq!(response.error_code, InvalidGroupId.code()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_assignment_that_the_log_cannot_take_starts_over() {
    let config = Config { initial_rebalance_delay_ms: 0, max_record_bytes: 600, ..Config::default() };
    let mut desk = Desk::with(config);
    let first = desk.join_now(&Joiner::default());
    static LARGE: [u8; 601] = [1; 601];
    let ticket = desk.sync(&first.member_id, 1, &[(&first.member_id, &LARGE)]);
    assert_eq!(desk.synced(ticket), Err(UnknownServerError));
    assert!(desk.log.is_empty());
    assert_eq!(desk.state(), "PreparingRebalance");
    let again = desk.join_now(&Joiner::known(&first.member_id));
    let ticket = desk.sync(&again.member_id, again.generation_id, &[(&again.member_id, b"small")]);
    assert_eq!(desk.synced(ticket), Ok(Bytes::from_static(b"small")));
}

#[test]
fn leaving_is_answered_one_by_one_and_rebalances_once() {
    let mut desk = Desk::new();
    let (leader, other, generation) = desk.stable_two();
    assert_eq!(desk.leave(&[("stranger", None)]), [UnknownMemberId]);
    assert_eq!(desk.state(), "Stable");
    assert_eq!(desk.leave(&[(&other, None), ("stranger", None)]), [OK, UnknownMemberId]);
    assert_eq!(desk.heartbeat(&leader, generation), RebalanceInProgress);
    assert_eq!(desk.leave(&[(&leader, None)]), [OK]);
    assert_eq!(desk.state(), "Empty");
    let described = desk.describe();
    assert_eq!((&*described.protocol_type, &*described.protocol_data), ("consumer", ""));
    // The next generation is one above the empty one.
    assert_eq!(desk.join_now(&Joiner::default()).generation_id, generation + 2);
}

#[test]
fn a_member_that_leaves_is_answered_what_it_waited_for() {
    let mut desk = Desk::new();
    let (leader, _) = desk.stable();
    let second = desk.join(&Joiner::default());
    let first = desk.join(&Joiner::known(&leader));
    desk.joined(first);
    let other = desk.joined(second).member_id;
    let follower = desk.sync(&other, 2, &[]);
    assert_eq!(desk.leave(&[(&other, None)]), [OK]);
    assert_eq!(desk.synced(follower), Err(UnknownMemberId));
    let waiting = desk.join(&Joiner::default());
    let leaving = desk.join(&Joiner { protocols: vec![("range", b"x")], ..Joiner::known(&leader) });
    assert!(!desk.waits(waiting) && !desk.waits(leaving));
}

#[test]
fn old_versions_leave_one_at_a_time() {
    for version in 0..=2 {
        let mut desk = Desk::new();
        let (id, _) = desk.stable();
        for (member, error) in [("stranger", UnknownMemberId), (&*id, OK), (&*id, UnknownMemberId)] {
            let request =
                LeaveGroupRequest { group_id: "g".into(), member_id: member.into(), ..Default::default() };
            match desk.tell(Request::Leave(Leave { version, request })) {
                Reply::Leave(response) => {
                    assert_eq!(ErrorCode::from_code(response.error_code), error);
                    assert!(response.members.is_empty());
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let mut desk = Desk::new();
    assert_eq!(desk.leave(&[("m", None), ("", Some("i"))]), [UnknownMemberId, UnknownMemberId]);
}
