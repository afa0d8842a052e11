//! Commits, fetches, deletions and expiry of offsets.

use super::*;
use ErrorCode::{
    CoordinatorNotAvailable, GroupIdNotFound, GroupSubscribedToTopic, IllegalGeneration,
    InvalidCommitOffsetSize, NonEmptyGroup, NotCoordinator, OffsetMetadataTooLarge, RebalanceInProgress,
    UnknownMemberId,
};
use ottla_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};

/// A subscription of version 0 to one topic, "t".
const SUBSCRIBED_TO_T: &[u8] = b"\0\0\0\0\0\x01\0\x01t\0\0\0\0";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn subscribed(desk: &mut Desk) -> (WireStr, i32) {
    let first = desk.join_now(&Joiner { protocols: vec![("range", SUBSCRIBED_TO_T)], ..Joiner::default() });
    let ticket = desk.sync(&first.member_id, first.generation_id, &[]);
    desk.synced(ticket).unwrap();
    (first.member_id, first.generation_id)
}

/// Time passes and the member is there.
fn live(desk: &mut Desk, id: &str, generation: i32, ms: i64) {
    let until = desk.elapsed_ms + ms;
    while desk.elapsed_ms < until {
        desk.pass_ms(5_000.min(until - desk.elapsed_ms));
        assert_eq!(desk.heartbeat(id, generation), OK);
    }
}

fn delete_offset(desk: &mut Desk, topic: &str) -> Result<ErrorCode, ErrorCode> {
    let partitions = vec![OffsetDeleteRequestPartition { partition_index: 0 }];
    let topics = vec![OffsetDeleteRequestTopic { name: topic.into(), partitions }];
    match desk.tell(Request::OffsetDelete(OffsetDeleteRequest { group_id: "g".into(), topics })) {
        Reply::OffsetDelete(response) if response.error_code == 0 => {
            Ok(ErrorCode::from_code(response.topics[0].partitions[0].error_code))
        }
        Reply::OffsetDelete(response) => Err(ErrorCode::from_code(response.error_code)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn commits_are_checked_as_kafka_does() {
    for version in 2..=10 {
        let mut desk = Desk::new();
        let missing = if version >= 9 { GroupIdNotFound } else { IllegalGeneration };
        assert_eq!(desk.commit_as(version, "m", 3, 1), missing);
        assert_eq!(desk.state(), "Dead");
        // Whoever is in no group commits without one, and it is there from then on.
        assert_eq!(desk.commit_as(version, "", -1, 2), OK);
        assert_eq!((desk.state(), desk.committed("t")), ("Empty".to_owned(), Some(2)));
        let (id, generation) = desk.stable();
        let table = [
            (&*id, generation, 3, OK),
            (&id, generation + 1, 4, IllegalGeneration),
            (&id, generation - 1, 4, IllegalGeneration),
            (&id, -1, 4, IllegalGeneration),
            ("stranger", generation, 4, UnknownMemberId),
            ("", -1, 4, UnknownMemberId),
            ("", generation, 4, UnknownMemberId),
        ];
        for (member, generation, offset, error) in table {
            assert_eq!(desk.commit_as(version, member, generation, offset), error, "{member} {generation}");
        }
        assert_eq!(desk.committed("t"), Some(3));
        // While the others join, the member may still commit what it has done; then it has to wait.
        desk.join(&Joiner::default());
        assert_eq!(desk.commit_as(version, &id, generation, 5), OK);
        desk.join(&Joiner::known(&id));
        assert_eq!(desk.state(), "CompletingRebalance");
        assert_eq!(desk.commit_as(version, &id, generation, 6), IllegalGeneration);
        assert_eq!(desk.commit_as(version, &id, generation + 1, 6), RebalanceInProgress);
        assert_eq!(desk.committed("t"), Some(5));
    }
}

#[test]
fn q13_what_a_commit_says_comes_back_unchanged() {
    let mut desk = Desk::new();
    let partition = |metadata: Option<WireStr>| OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: 9,
        committed_leader_epoch: 4,
        committed_metadata: metadata,
    };
    let long = "x".repeat(4_096);
    let wide = "\u{20ac}".repeat(4_096);
    for (metadata, error) in [
        (Some("{\"a\": \"\u{e4}\"}"), OK),
        (Some(""), OK),
        (None, OK),
        (Some(&*long), OK),
        (Some(&*wide), OK),
        (Some(&*format!("{long}x")), OffsetMetadataTooLarge),
        (Some(&*format!("{wide}x")), OffsetMetadataTooLarge),
    ] {
        assert_eq!(desk.commit(8, "", -1, "t", partition(metadata.map(WireStr::from))), error);
        if error != OK {
            continue;
        }
        let request = OffsetFetchRequestGroup { group_id: "g".into(), topics: None, ..Default::default() };
        let fetch = OffsetFetch { version: 10, request, require_stable: false };
        let Reply::OffsetFetch(group) = desk.tell(Request::OffsetFetch(fetch)) else { panic!() };
        let topic = &group.topics[0];
        assert_eq!((&*topic.name, topic.topic_id), ("t", TOPIC_ID));
        let committed = &topic.partitions[0];
        assert_eq!((committed.committed_offset, committed.committed_leader_epoch), (9, 4));
        assert_eq!(committed.metadata.as_deref(), Some(metadata.unwrap_or_default()));
    }
}

#[test]
fn a_group_that_is_not_there_has_no_offsets_and_no_error() {
    let mut desk = Desk::new();
    assert_eq!(desk.committed("t"), None);
    let request = OffsetFetchRequestGroup { group_id: "g".into(), topics: None, ..Default::default() };
    let fetch = OffsetFetch { version: 8, request, require_stable: false };
    let Reply::OffsetFetch(group) = desk.tell(Request::OffsetFetch(fetch)) else { panic!() };
    assert_eq!((group.error_code, group.topics.len()), (0, 0));
}

#[test]
fn a_commit_is_a_heartbeat() {
    let mut desk = Desk::new();
    let (id, generation) = desk.stable();
    for offset in 0..5 {
        desk.pass_ms(9_000);
        assert_eq!(desk.commit_as(8, &id, generation, offset), OK);
    }
    assert_eq!(desk.heartbeat(&id, generation), OK);
}

#[test]
fn offsets_of_an_empty_group_expire_when_it_was_empty_long_enough() {
    let mut desk = Desk::new();
    let (id, generation) = subscribed(&mut desk);
    assert_eq!(desk.commit_as(8, &id, generation, 5), OK);
    desk.pass_ms(1_000);
    desk.leave(&[(&id, None)]);
    desk.pass_ms(7 * DAY_MS - 1);
    assert_eq!(desk.committed("t"), Some(5));
    desk.pass_ms(600_001);
    assert_eq!(desk.committed("t"), None);
    assert_eq!(desk.state(), "Dead", "nothing is left of it");
    assert!(desk.replayed().durable().unwrap().is_empty());
}

#[test]
fn offsets_of_topics_nobody_reads_expire_and_others_stay() {
    let config = Config {
        initial_rebalance_delay_ms: 0,
        offsets_retention_ms: 60_000,
        offsets_retention_check_interval_ms: 1_000,
        ..Config::default()
    };
    let mut desk = Desk::with(config);
    let (id, generation) = subscribed(&mut desk);
    let partition = OffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
    for topic in ["t", "unread"] {
        assert_eq!(desk.commit(8, &id, generation, topic, partition.clone()), OK);
    }
    live(&mut desk, &id, generation, 59_000);
    assert_eq!((desk.committed("t"), desk.committed("unread")), (Some(1), Some(1)));
    live(&mut desk, &id, generation, 3_000);
    assert_eq!((desk.committed("t"), desk.committed("unread")), (Some(1), None));
    // Members that do not say what they read are taken to read everything.
    let mut desk = Desk::with(desk.groups.config.clone());
    let (id, generation) = desk.stable();
    assert_eq!(desk.commit(8, &id, generation, "unread", partition), OK);
    live(&mut desk, &id, generation, 120_000);
    assert_eq!(desk.committed("unread"), Some(1));
}

#[test]
fn g2_nothing_expires_while_the_group_rebalances() {
    let config = Config {
        initial_rebalance_delay_ms: 0,
        offsets_retention_ms: 60_000,
        offsets_retention_check_interval_ms: 1_000,
        ..Config::default()
    };
    let mut desk = Desk::with(config);
    let long = Joiner { session_ms: 600_000, rebalance_ms: 600_000, ..Joiner::default() };
    let first = desk.join_now(&long);
    let ticket = desk.sync(&first.member_id, 1, &[]);
    desk.synced(ticket).unwrap();
    let partition = OffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
    assert_eq!(desk.commit(8, &first.member_id, 1, "unread", partition), OK);
    desk.join(&long);
    desk.pass_ms(200_000);
    assert_eq!(desk.state(), "PreparingRebalance");
    assert_eq!(desk.committed("unread"), Some(1));
}

#[test]
fn offsets_without_a_group_expire_by_their_commits() {
    let config = Config {
        offsets_retention_ms: 60_000,
        offsets_retention_check_interval_ms: 1_000,
        ..Config::default()
    };
    let mut desk = Desk::with(config);
    assert_eq!(desk.commit_as(8, "", -1, 1), OK);
    desk.pass_ms(50_000);
    assert_eq!(desk.commit_as(8, "", -1, 2), OK);
    desk.pass_ms(59_000);
    assert_eq!(desk.committed("t"), Some(2));
    desk.pass_ms(2_000);
    assert_eq!(desk.committed("t"), None);
    assert_eq!(desk.state(), "Dead");
}

#[test]
fn a_commit_of_versions_2_to_4_may_name_its_own_retention() {
    let mut desk = Desk::new();
    let topic = OffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![OffsetCommitRequestPartition { committed_offset: 3, ..Default::default() }],
        ..Default::default()
    };
    let request = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: -1,
        retention_time_ms: 5_000,
        topics: vec![topic],
        ..Default::default()
    };
    desk.tell(Request::OffsetCommit(OffsetCommit { version: 4, request }));
    assert_eq!(&desk.log[0].value.as_ref().unwrap()[..2], b"\0\x01", "the layout that has a place for it");
    desk.pass_ms(599_999);
    assert_eq!(desk.committed("t"), Some(3));
    desk.pass_ms(1);
    assert_eq!(desk.committed("t"), None);
}

#[test]
fn offsets_are_deleted_unless_somebody_reads_the_topic() {
    let mut desk = Desk::new();
    assert_eq!(delete_offset(&mut desk, "t"), Err(GroupIdNotFound));
    let (id, generation) = subscribed(&mut desk);
    let partition = OffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
    for topic in ["t", "unread"] {
        desk.commit(8, &id, generation, topic, partition.clone());
    }
    assert_eq!(delete_offset(&mut desk, "t"), Ok(GroupSubscribedToTopic));
    assert_eq!(delete_offset(&mut desk, "unread"), Ok(OK));
    assert_eq!(delete_offset(&mut desk, "never"), Ok(OK));
    assert_eq!((desk.committed("t"), desk.committed("unread")), (Some(1), None));
    desk.leave(&[(&id, None)]);
    assert_eq!(delete_offset(&mut desk, "t"), Ok(OK));
    assert_eq!(desk.committed("t"), None);
    assert_eq!(desk.state(), "Empty");

    let mut desk = Desk::new();
    let joined = desk.join_now(&Joiner { kind: "connect".into(), ..Joiner::default() });
    assert_eq!(joined.error_code, 0);
    assert_eq!(delete_offset(&mut desk, "t"), Err(NonEmptyGroup));
}

#[test]
fn offsets_of_a_deleted_topic_go_and_those_of_its_successor_stay() {
    let mut desk = Desk::new();
    assert_eq!(desk.commit_as(8, "", -1, 1), OK);
    let deleted = |id| Request::TopicsDeleted(vec![DeletedTopic { name: "t".into(), id }]);
    assert_eq!(desk.tell(deleted(Uuid([9; 16]))), Reply::TopicsDeleted);
    assert_eq!(desk.committed("t"), Some(1));
    assert_eq!(desk.tell(deleted(TOPIC_ID)), Reply::TopicsDeleted);
    assert_eq!(desk.committed("t"), None);
}

#[test]
fn a_commit_beyond_what_one_decision_may_write_changes_nothing() {
    let mut desk = Desk::new();
    assert_eq!(desk.commit_as(8, "", -1, 1), OK);
    let partition = OffsetCommitRequestPartition {
        committed_offset: 2,
        committed_metadata: Some("x".repeat(4_096).into()),
        ..Default::default()
    };
    let topic = OffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![partition; 5_000],
        ..Default::default()
    };
    let request = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    let Reply::OffsetCommit(response) =
        desk.tell(Request::OffsetCommit(OffsetCommit { version: 8, request }))
    else {
        panic!()
    };
    let codes = response.topics[0].partitions.iter().map(|partition| partition.error_code);
    assert!(codes.into_iter().all(|code| code == InvalidCommitOffsetSize.code()));
    assert_eq!((desk.committed("t"), desk.log.len()), (Some(1), 1));
}

#[test]
fn more_offsets_than_one_decision_forgets_go_step_by_step() {
    // Names as long as they may be make few offsets a lot of bytes.
    let group: WireStr = "g".repeat(32_000).into();
    let fill = |desk: &mut Desk| {
        let partition =
            |partition_index| OffsetCommitRequestPartition { partition_index, ..Default::default() };
        for first in [0, 400] {
            let request = OffsetCommitRequest {
                group_id: group.clone(),
                generation_id_or_member_epoch: -1,
                topics: vec![OffsetCommitRequestTopic {
                    name: "t".into(),
                    topic_id: TOPIC_ID,
                    partitions: (first..first + 400).map(partition).collect(),
                }],
                ..Default::default()
            };
            desk.tell(Request::OffsetCommit(OffsetCommit { version: 8, request }));
        }
        assert_eq!(desk.groups.durable().unwrap().len(), 800);
    };
    let mut desk = Desk::new();
    fill(&mut desk);
    let deleted = Request::TopicsDeleted(vec![DeletedTopic { name: "t".into(), id: TOPIC_ID }]);
    let ticket = desk.ask(deleted);
    assert!(desk.waits(ticket));
    assert!(desk.groups.unload(NotCoordinator).is_empty(), "whoever asked asks again");
    desk.settle();
    assert_eq!(desk.answer(ticket), Some(Reply::TopicsDeleted));
    assert!(desk.groups.durable().unwrap().is_empty());

    fill(&mut desk);
    let mut codes = Vec::new();
    for _ in 0..2 {
        let delete = Request::Delete(Delete { group_id: group.clone() });
        let Reply::Delete(result) = desk.tell(delete) else { panic!() };
        codes.push(ErrorCode::from_code(result.error_code));
    }
    assert_eq!(codes, [CoordinatorNotAvailable, OK]);
    assert!(desk.groups.durable().unwrap().is_empty());

    fill(&mut desk);
    desk.pass_ms(8 * DAY_MS);
    assert!(desk.groups.durable().unwrap().is_empty());
}
