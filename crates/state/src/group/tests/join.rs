//! The join phase: who is let in, who waits, when it ends.

use super::*;
use ErrorCode::{
    GroupMaxSizeReached, InconsistentGroupProtocol, InvalidGroupId, InvalidRequest, InvalidSessionTimeout,
    MemberIdRequired, RebalanceInProgress, UnknownMemberId,
};

#[test]
fn q2_an_id_is_asked_for_from_version_4_only() {
    for version in 0..=9 {
        let mut desk = Desk::new();
        let ticket = desk.join(&Joiner { version, ..Joiner::default() });
        desk.settle();
        let first = desk.joined(ticket);
        assert!(first.member_id.starts_with("client-00000000-0000-"), "{}", first.member_id);
        assert_eq!(first.member_id.len(), "client-".len() + 36);
        let response = if version < 4 {
            first
        } else {
            assert_eq!(first.error_code, MemberIdRequired.code());
            assert_eq!((first.generation_id, first.protocol_name), (-1, None));
            desk.join_now(&Joiner { version, ..Joiner::known(&first.member_id) })
        };
        assert_eq!((response.error_code, response.generation_id), (0, 1));
        assert_eq!(response.leader, response.member_id);
        assert_eq!(response.members.len(), 1);
        assert_eq!(response.members[0].metadata, &b"\0\0"[..]);
        assert_eq!(response.protocol_name.as_deref(), Some("range"));
        assert_eq!(response.protocol_type.as_deref(), Some("consumer"));
    }
}

/// What a member says in one protocol may have room; in two it is too much.
static LARGE: [u8; 600_000] = [0; 600_000];

#[test]
fn joins_that_cannot_be_are_refused_as_kafka_does() {
    let ok = Joiner::default();
    let stranger = Joiner::known(&"stranger".into());
    let table = [
        (Joiner { session_ms: 5_999, ..ok.clone() }, InvalidSessionTimeout),
        (Joiner { session_ms: 1_800_001, ..ok.clone() }, InvalidSessionTimeout),
        (Joiner { session_ms: -1, ..ok.clone() }, InvalidSessionTimeout),
        (Joiner { protocols: Vec::new(), ..ok.clone() }, InconsistentGroupProtocol),
        (Joiner { kind: "".into(), ..ok.clone() }, InconsistentGroupProtocol),
        (stranger.clone(), UnknownMemberId),
        (Joiner { protocols: vec![("range", &LARGE), ("sticky", &LARGE)], ..ok.clone() }, InvalidRequest),
        (Joiner { protocols: vec![("range", b""); 20_000], ..ok.clone() }, InvalidRequest),
        (Joiner { instance_id: Some("i".repeat(32_740).into()), version: 5, ..ok.clone() }, InvalidRequest),
    ];
    for (joiner, error) in table {
        let mut desk = Desk::new();
        let ticket = desk.join(&joiner);
        let response = desk.joined(ticket);
        assert_eq!(ErrorCode::from_code(response.error_code), error);
        assert_eq!(response.member_id, joiner.member_id);
        assert_eq!(desk.state(), "Dead", "a refused join makes no group");
    }
    let live = [
        (Joiner { kind: "connect".into(), ..ok.clone() }, InconsistentGroupProtocol),
        (Joiner { protocols: vec![("sticky", b"")], ..ok.clone() }, InconsistentGroupProtocol),
        (stranger.clone(), UnknownMemberId),
        (Joiner { instance_id: Some("none".into()), version: 5, ..stranger }, UnknownMemberId),
    ];
    for (joiner, error) in live {
        let mut desk = Desk::new();
        let (id, generation) = desk.stable();
        let ticket = desk.join(&joiner);
        assert_eq!(ErrorCode::from_code(desk.joined(ticket).error_code), error);
        assert_eq!(desk.heartbeat(&id, generation), OK, "the others go on");
    }
    let request = JoinGroupRequest { session_timeout_ms: 10_000, ..Default::default() };
    let empty = Join { version: 5, caller: Caller::default(), id: Uuid::ZERO, request };
    let mut desk = Desk::new();
    match desk.tell(Request::Join(empty)) {
        Reply::Join(response) => assert_eq!(response.error_code, InvalidGroupId.code()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_rebalance_waits_and_again_while_members_come() {
    let config = Config { initial_rebalance_delay_ms: 3_000, ..Config::default() };
    let mut desk = Desk::with(config.clone());
    let ticket = desk.join(&Joiner::default());
    desk.pass_ms(2_999);
    assert!(desk.waits(ticket));
    desk.pass_ms(1);
    assert_eq!(desk.joined(ticket).generation_id, 1);

    // One more in each delay: until the rebalance timeout of 20 s is used up.
    let mut desk = Desk::with(config);
    let mut tickets = vec![desk.join(&Joiner::default())];
    let mut ended_ms = None;
    for _ in 0..12 {
        desk.pass_ms(2_000);
        if !desk.waits(tickets[0]) {
            ended_ms = Some(desk.elapsed_ms);
            break;
        }
        tickets.push(desk.join(&Joiner::default()));
    }
    assert_eq!(ended_ms, Some(20_000));
    assert_eq!(desk.joined(tickets[0]).generation_id, 1);
    assert!(tickets[1..].iter().all(|ticket| !desk.waits(*ticket)));
}

#[test]
fn a_new_member_waits_until_everybody_has_joined() {
    let mut desk = Desk::new();
    let (leader, generation) = desk.stable();
    let second = desk.join(&Joiner { protocols: vec![("range", b"two")], ..Joiner::default() });
    assert!(desk.waits(second));
    assert_eq!(desk.state(), "PreparingRebalance");
    assert_eq!(desk.heartbeat(&leader, generation), RebalanceInProgress);
    let first = desk.join(&Joiner::known(&leader));
    let (first, second) = (desk.joined(first), desk.joined(second));
    assert_eq!((first.generation_id, second.generation_id), (2, 2));
    assert_eq!((&first.leader, &second.leader), (&leader, &leader));
    assert_eq!((first.members.len(), second.members.len()), (2, 0));
    assert_eq!(desk.state(), "CompletingRebalance");
}

#[test]
fn who_does_not_join_in_time_is_out() {
    let mut desk = Desk::new();
    let (leader, other, generation) = desk.stable_two();
    let ticket = desk.join(&Joiner { protocols: vec![("range", b"new")], ..Joiner::known(&other) });
    // Both keep their sessions; the leader just does not join.
    for _ in 0..19 {
        desk.pass_ms(1_000);
        assert_eq!(desk.heartbeat(&leader, generation), RebalanceInProgress);
    }
    assert!(desk.waits(ticket));
    desk.pass_ms(1_000);
    let response = desk.joined(ticket);
    assert_eq!((response.generation_id, response.leader), (generation + 1, other));
    assert_eq!(response.members.len(), 1);
    assert_eq!(desk.heartbeat(&leader, generation), UnknownMemberId);
}

#[test]
fn a_silent_member_is_out_when_its_session_ends() {
    let mut desk = Desk::new();
    let (leader, other, generation) = desk.stable_two();
    for _ in 0..9 {
        desk.pass_ms(1_000);
        assert_eq!(desk.heartbeat(&leader, generation), OK);
    }
    desk.pass_ms(999);
    assert_eq!(desk.heartbeat(&leader, generation), OK);
    desk.pass_ms(1);
    assert_eq!(desk.heartbeat(&leader, generation), RebalanceInProgress);
    assert_eq!(desk.heartbeat(&other, generation), UnknownMemberId);
    // Nobody is left to wait for.
    let response = desk.join_now(&Joiner::known(&leader));
    assert_eq!((response.generation_id, response.members.len()), (generation + 1, 1));
}

#[test]
fn waiting_keeps_a_member_alive_but_not_a_new_one() {
    let mut desk = Desk::new();
    let long = Joiner { rebalance_ms: 600_000, ..Joiner::default() };
    let first = desk.join_now(&long);
    let (leader, generation) = (first.member_id, first.generation_id);
    let ticket = desk.sync(&leader, generation, &[]);
    assert!(desk.synced(ticket).is_ok());
    let new = desk.join(&long);
    let rejoined = desk.join(&Joiner { rebalance_ms: 600_000, ..Joiner::known(&leader) });
    assert!(!desk.waits(rejoined) && !desk.waits(new));
    let new = desk.joined(new).member_id;
    let leader_generation = desk.joined(rejoined).generation_id;
    // The leader goes on; the follower asks again and waits for longer than its session.
    let ticket = desk.sync(&new, leader_generation, &[]);
    for _ in 0..5 {
        desk.pass_ms(5_000);
        assert_eq!(desk.heartbeat(&leader, leader_generation), OK);
    }
    assert!(desk.waits(ticket));
    // A third comes and is never answered, since the others do not join: it gives up after five minutes.
    let third = desk.join(&long);
    assert_eq!(desk.synced(ticket), Err(RebalanceInProgress));
    for _ in 0..60 {
        desk.pass_ms(5_000);
        desk.heartbeat(&leader, leader_generation);
        desk.heartbeat(&new, leader_generation);
    }
    assert_eq!(ErrorCode::from_code(desk.joined(third).error_code), UnknownMemberId);
}

#[test]
fn the_group_never_grows_beyond_its_bound() {
    let config = Config { max_size: 2, initial_rebalance_delay_ms: 0, ..Config::default() };
    let mut desk = Desk::with(config);
    let (leader, other, generation) = desk.stable_two();
    let third = desk.join(&Joiner::default());
    assert_eq!(ErrorCode::from_code(desk.joined(third).error_code), GroupMaxSizeReached);
    assert_eq!(desk.heartbeat(&leader, generation), OK);
    // While it rebalances too; who is in it may ask again.
    let first = desk.join(&Joiner::known(&leader));
    let second = desk.join(&Joiner { protocols: vec![("range", b"new")], ..Joiner::known(&other) });
    assert_eq!(desk.joined(first).error_code, 0);
    assert_eq!(desk.joined(second).error_code, 0);
}

#[test]
fn a_follower_that_lost_its_answer_gets_it_again() {
    let mut desk = Desk::new();
    let (leader, other, generation) = desk.stable_two();
    let again = desk.join(&Joiner::known(&other));
    let again = desk.joined(again);
    assert_eq!((again.generation_id, again.members.len()), (generation, 0));
    assert_eq!(desk.state(), "Stable");
    // The leader's request is one for a rebalance.
    let ticket = desk.join(&Joiner::known(&leader));
    assert!(desk.waits(ticket));
    assert_eq!(desk.state(), "PreparingRebalance");
    let follower = desk.join(&Joiner::known(&other));
    assert_eq!(desk.joined(ticket).generation_id, generation + 1);
    assert_eq!(desk.joined(follower).generation_id, generation + 1);
    // Before the assignment both may ask again, and the leader learns the members again.
    let ticket = desk.join(&Joiner::known(&leader));
    assert_eq!(desk.joined(ticket).members.len(), 2);
    assert_eq!(desk.state(), "CompletingRebalance");
}

#[test]
fn every_request_is_answered_although_it_is_repeated() {
    let mut desk = Desk::new();
    let (leader, _) = desk.stable();
    let other = desk.join(&Joiner::default());
    let known = Joiner { protocols: vec![("range", b"x")], ..Joiner::known(&leader) };
    let third = desk.join(&Joiner::default());
    let first = desk.join(&known);
    let answers = [other, third, first].map(|ticket| desk.joined(ticket));
    assert!(answers.iter().all(|answer| answer.generation_id == 2));
    // Two joins of one member.
    let one = desk.join(&Joiner { protocols: vec![("range", b"y")], ..known.clone() });
    let two = desk.join(&Joiner { protocols: vec![("range", b"z")], ..known });
    assert_eq!(ErrorCode::from_code(desk.joined(one).error_code), RebalanceInProgress);
    assert!(desk.waits(two));
}

#[test]
fn an_id_that_was_given_is_waited_for_and_forgotten() {
    let mut desk = Desk::new();
    let (leader, generation) = desk.stable();
    let given = desk.join(&Joiner { version: 4, ..Joiner::default() });
    let given = desk.joined(given).member_id;
    assert_eq!(desk.state(), "Stable");
    assert_eq!(desk.heartbeat(&given, generation), UnknownMemberId);
    // A rebalance waits for it.
    let ticket = desk.join(&Joiner::known(&leader));
    assert!(desk.waits(ticket));
    assert_eq!(desk.leave(&[(&given, None)]), [OK]);
    assert_eq!(desk.joined(ticket).generation_id, generation + 1);
    // Or for as long as its session.
    let other = desk.join(&Joiner { version: 4, ..Joiner::default() });
    desk.joined(other);
    let ticket = desk.join(&Joiner { protocols: vec![("range", b"new")], ..Joiner::known(&leader) });
    assert!(desk.waits(ticket));
    desk.pass_ms(10_000);
    assert_eq!(desk.joined(ticket).generation_id, generation + 2);
    // A group that is nothing but such an id leaves nothing behind.
    let mut desk = Desk::new();
    let ticket = desk.join(&Joiner { version: 4, ..Joiner::default() });
    desk.joined(ticket);
    assert_eq!(desk.state(), "Empty");
    desk.pass_ms(10_000);
    assert_eq!(desk.state(), "Dead");
    assert!(desk.log.is_empty());
}
