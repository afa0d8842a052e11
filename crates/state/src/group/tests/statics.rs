//! Static members (KIP-345): a member that comes back takes its own place.

use super::*;
use ErrorCode::{FencedInstanceId, RebalanceInProgress, UnknownMemberId};

/// A stable group of one static member.
fn stable_static(desk: &mut Desk) -> (WireStr, i32) {
    let first = desk.join_now(&Joiner::instance("i1"));
    assert!(first.member_id.starts_with("i1-"));
    let ticket = desk.sync(&first.member_id, first.generation_id, &[(&first.member_id, b"S")]);
    assert_eq!(desk.synced(ticket), Ok(Bytes::from_static(b"S")));
    (first.member_id, first.generation_id)
}

#[test]
fn q17_a_rejoin_keeps_the_assignment_and_fences_the_old_id() {
    for version in 5..=9 {
        let mut desk = Desk::new();
        let (old, generation) = stable_static(&mut desk);
        let back = desk.join_now(&Joiner { version, ..Joiner::instance("i1") });
        assert_ne!(back.member_id, old);
        assert_eq!(back.generation_id, generation);
        if version >= 9 {
            assert!(back.skip_assignment);
            assert_eq!((&back.leader, back.members.len()), (&back.member_id, 1));
        } else {
            // It must not take itself for the leader, which would assign.
            assert!(!back.skip_assignment);
            assert_eq!((&back.leader, back.members.len()), (&old, 0));
        }
        assert_eq!(desk.heartbeat_as(&old, Some("i1"), generation), FencedInstanceId);
        assert_eq!(desk.heartbeat(&old, generation), UnknownMemberId);
        let ticket = desk.sync(&back.member_id, generation, &[]);
        assert_eq!(desk.synced(ticket), Ok(Bytes::from_static(b"S")));
        assert_eq!(desk.heartbeat_as(&back.member_id, Some("i1"), generation), OK);
        assert_eq!(desk.commit_as(7, &old, generation, 1), UnknownMemberId);
        assert_eq!(desk.commit_as(7, &back.member_id, generation, 1), OK);
        assert_eq!(desk.log.len(), 3, "assignment, new id, commit");
        // The old one knocks with its id: fenced too.
        let ticket = desk.join(&Joiner { member_id: old, ..Joiner::instance("i1") });
        assert_eq!(ErrorCode::from_code(desk.joined(ticket).error_code), FencedInstanceId);
    }
}

#[test]
fn a_follower_that_comes_back_disturbs_nobody() {
    let mut desk = Desk::new();
    let (leader, _) = stable_static(&mut desk);
    let second = desk.join(&Joiner::instance("i2"));
    let first = desk.join(&Joiner { member_id: leader.clone(), ..Joiner::instance("i1") });
    assert_eq!(desk.joined(first).members.len(), 2);
    let other = desk.joined(second).member_id;
    let ticket = desk.sync(&leader, 2, &[(&leader, b"A"), (&other, b"B")]);
    desk.synced(ticket).unwrap();
    let back = desk.join_now(&Joiner { version: 9, ..Joiner::instance("i2") });
    assert_eq!((back.generation_id, back.skip_assignment, back.members.len()), (2, false, 0));
    assert_eq!(back.leader, leader);
    let ticket = desk.sync(&back.member_id, 2, &[]);
    assert_eq!(desk.synced(ticket), Ok(Bytes::from_static(b"B")));
    assert_eq!(desk.heartbeat(&leader, 2), OK);
}

#[test]
fn a_rejoin_that_changes_the_protocol_rebalances() {
    let mut desk = Desk::new();
    let both = vec![("range", &b"r"[..]), ("sticky", &b"s"[..])];
    let first = desk.join_now(&Joiner { protocols: both.clone(), ..Joiner::instance("i1") });
    let ticket = desk.sync(&first.member_id, 1, &[]);
    desk.synced(ticket).unwrap();
    let back =
        desk.join_now(&Joiner { protocols: both.into_iter().rev().collect(), ..Joiner::instance("i1") });
    assert_eq!((back.generation_id, back.protocol_name.as_deref()), (2, Some("sticky")));
}

#[test]
fn who_is_displaced_while_it_waits_is_told_so() {
    let mut desk = Desk::new();
    let (old, generation) = stable_static(&mut desk);
    let other = desk.join(&Joiner::default());
    assert!(desk.waits(other));
    let again = desk.join(&Joiner { member_id: old.clone(), ..Joiner::instance("i1") });
    assert_eq!(desk.joined(again).generation_id, generation + 1);
    let other = desk.joined(other).member_id;
    // In the sync phase a new id makes the leader's assignments void.
    let waiting = desk.sync(&other, generation + 1, &[]);
    let back = desk.join(&Joiner::instance("i1"));
    assert_eq!(desk.synced(waiting), Err(RebalanceInProgress));
    assert!(desk.waits(back));
    // And in the join phase it takes the place in the queue.
    let third = desk.join(&Joiner::instance("i1"));
    assert_eq!(ErrorCode::from_code(desk.joined(back).error_code), FencedInstanceId);
    assert!(desk.waits(third));
    let rejoined = desk.join(&Joiner::known(&other));
    assert_eq!(desk.joined(rejoined).generation_id, generation + 2);
    assert_eq!(desk.joined(third).generation_id, generation + 2);
}

#[test]
fn a_static_member_is_not_out_for_missing_a_join_phase() {
    let mut desk = Desk::new();
    let long = Joiner { session_ms: 60_000, ..Joiner::instance("i1") };
    let first = desk.join_now(&long);
    let ticket = desk.sync(&first.member_id, 1, &[]);
    desk.synced(ticket).unwrap();
    let other = desk.join(&Joiner::default());
    desk.pass_ms(20_000);
    let response = desk.joined(other);
    assert_eq!((response.generation_id, response.members.len()), (2, 2));
    assert_eq!(response.leader, response.member_id, "one that joined leads");
}

#[test]
fn leaving_by_instance_needs_no_id() {
    let mut desk = Desk::new();
    let (old, _) = stable_static(&mut desk);
    let table = [
        (("", Some("none")), UnknownMemberId),
        (("", None), UnknownMemberId),
        (("stranger", Some("i1")), FencedInstanceId),
        (("", Some("i1")), OK),
        ((&*old, Some("i1")), UnknownMemberId),
    ];
    for (member, error) in table {
        assert_eq!(desk.leave(&[member]), [error], "{member:?}");
    }
    assert_eq!(desk.state(), "Empty");
}
