//! What tools ask: lists, descriptions, deletion.

use super::*;
use ErrorCode::{CoordinatorLoadInProgress, GroupIdNotFound, NonEmptyGroup, NotCoordinator};
use ottla_wire::messages::list_groups::ListGroupsRequest;

fn listed(desk: &mut Desk, states: &[&str], types: &[&str]) -> usize {
    let texts = |list: &[&str]| list.iter().map(|text| WireStr::from(*text)).collect();
    let request = ListGroupsRequest { states_filter: texts(states), types_filter: texts(types) };
    match desk.tell(Request::List(request)) {
        Reply::List(response) => {
            for group in &response.groups {
                assert_eq!((&*group.group_type, &*group.protocol_type), ("classic", "consumer"));
            }
            response.groups.len()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn lists_filter_by_state_and_type() {
    let mut desk = Desk::new();
    assert_eq!(listed(&mut desk, &[], &[]), 0);
    desk.stable();
    for (states, types, count) in [
        (&[][..], &[][..], 1),
        (&["Stable"], &[], 1),
        (&["stable"], &["CLASSIC"], 1),
        (&["Empty", "Stable"], &["consumer", "classic"], 1),
        (&["Empty"], &[], 0),
        (&["Nonsense"], &[], 0),
        (&[], &["consumer"], 0),
        (&[], &["nonsense"], 0),
    ] {
        assert_eq!(listed(&mut desk, states, types), count, "{states:?} {types:?}");
    }
}

#[test]
fn a_description_has_what_members_said_while_the_group_is_stable() {
    let mut desk = Desk::new();
    let (leader, _, _) = desk.stable_two();
    let group = desk.describe();
    assert_eq!(
        (&*group.group_state, &*group.protocol_type, &*group.protocol_data),
        ("Stable", "consumer", "range")
    );
    assert_eq!(group.authorized_operations, i32::MIN);
    let member = group.members.iter().find(|member| member.member_id == leader).unwrap();
    assert_eq!((&*member.client_id, &*member.client_host), ("client", "/127.0.0.1"));
    assert_eq!((&member.member_metadata[..], &member.member_assignment[..]), (&b"\0\0"[..], &b"A"[..]));
    desk.join(&Joiner::default());
    let group = desk.describe();
    assert_eq!((&*group.group_state, &*group.protocol_data), ("PreparingRebalance", ""));
    assert!(group.members.iter().all(|member| member.member_metadata.is_empty()));
}

#[test]
fn a_group_that_is_not_there_is_dead_or_from_version_6_on_not_found() {
    for version in 0..=6 {
        let mut desk = Desk::new();
        match desk.tell(Request::Describe(Describe { version, group_id: "g".into() })) {
            Reply::Describe(group) => {
                let expected = if version < 6 { OK } else { GroupIdNotFound };
                assert_eq!(ErrorCode::from_code(group.error_code), expected);
                assert_eq!(group.error_message.is_some(), version >= 6);
                assert_eq!(&*group.group_state, "Dead");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn q21_only_an_empty_group_is_deleted_and_then_everything_of_it() {
    let mut desk = Desk::new();
    assert_eq!(desk.delete(), GroupIdNotFound);
    let (id, generation) = desk.stable();
    desk.commit_as(8, &id, generation, 1);
    assert_eq!(desk.delete(), NonEmptyGroup);
    desk.join(&Joiner::default());
    assert_eq!(desk.delete(), NonEmptyGroup);
    let members = desk.describe().members;
    for member in members {
        desk.leave(&[(&member.member_id, None)]);
    }
    desk.settle();
    assert_eq!(desk.state(), "Empty");
    assert_eq!(desk.delete(), OK);
    assert_eq!((desk.state(), desk.committed("t")), ("Dead".to_owned(), None));
    assert_eq!(desk.delete(), GroupIdNotFound);
    assert!(desk.replayed().durable().unwrap().is_empty());
    // One that is only offsets too.
    desk.commit_as(8, "", -1, 1);
    assert_eq!(desk.delete(), OK);
    assert_eq!(desk.state(), "Dead");
    assert!(desk.replayed().durable().unwrap().is_empty());
}

#[test]
fn whoever_waits_is_answered_when_the_machine_goes_away() {
    let mut desk = Desk::new();
    let (leader, _, generation) = desk.stable_two();
    let third = desk.join(&Joiner::default());
    let fourth = desk.join(&Joiner::known(&leader));
    let mut replies = desk.groups.unload(NotCoordinator);
    replies.sort_by_key(|(ticket, _)| *ticket);
    assert_eq!(replies.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [third, fourth]);
    for (_, reply) in replies {
        let Reply::Join(response) = reply else { panic!("{reply:?}") };
        assert_eq!(response.error_code, NotCoordinator.code());
    }
    assert_eq!(generation, 2);
}

#[test]
fn a_refusal_has_the_shape_of_the_answer() {
    let commit = OffsetCommit {
        version: 8,
        request: OffsetCommitRequest {
            topics: vec![OffsetCommitRequestTopic {
                name: "t".into(),
                partitions: vec![OffsetCommitRequestPartition { partition_index: 3, ..Default::default() }],
                ..Default::default()
            }],
            ..Default::default()
        },
    };
    match Request::OffsetCommit(commit).refuse(CoordinatorLoadInProgress) {
        Reply::OffsetCommit(response) => {
            let partition = &response.topics[0].partitions[0];
            assert_eq!(
                (partition.partition_index, partition.error_code),
                (3, CoordinatorLoadInProgress.code())
            );
        }
        other => panic!("{other:?}"),
    }
    let describe = Request::Describe(Describe { version: 5, group_id: "g".into() });
    match describe.refuse(NotCoordinator) {
        Reply::Describe(group) => {
            assert_eq!((group.error_code, &*group.group_id), (NotCoordinator.code(), "g"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn groups_and_members_are_counted() {
    let mut desk = Desk::new();
    let counts = |desk: &Desk| (desk.groups.counts().groups, desk.groups.counts().members);
    assert_eq!(counts(&desk), (0, 0));
    let one = desk.join_now(&Joiner { version: 3, ..Joiner::default() });
    assert_eq!(counts(&desk), (1, 1));
    assert_eq!(desk.leave(&[("stranger", None)]), [ErrorCode::UnknownMemberId]);
    assert_eq!(counts(&desk), (1, 1));
    assert_eq!(desk.leave(&[(&one.member_id, None)]), [ErrorCode::None]);
    assert_eq!(counts(&desk).1, 0);
    let replayed = desk.log.clone();
    let mut again = Desk::new();
    again.take(Effects { records: replayed, replies: Vec::new() });
    assert_eq!(counts(&again), counts(&desk));
}
