//! A member through every trouble that a coordinator or a network can make, on a cluster in memory.

use super::*;
use crate::admin::PartitionKey;
use crate::client::Client;
use crate::consumer::{ConsumerConfig, OffsetReset};
use crate::errors::ClientError;
use crate::testing::{FakeCluster, Fault, Phase};
use ottla_wire::record::{BatchBuilder, BuildOptions};
use ottla_wire::{ErrorCode, apis};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

const PARTITIONS: usize = 4;
const RECORDS: i64 = 10;

fn append(fake: &FakeCluster) {
    let mut state = fake.state();
    for partition in state.topics.get_mut("t").unwrap() {
        let mut builder = BatchBuilder::new();
        (0..RECORDS).for_each(|i| builder.push(i, None, Some(b"v"), &[]));
        partition.append(&builder.build(BuildOptions::default()).unwrap()).unwrap();
    }
}

async fn filled() -> (FakeCluster, Client) {
    let fake = FakeCluster::with_topic(PARTITIONS).await;
    append(&fake);
    let client = fake.client().await;
    (fake, client)
}

fn member(client: &Client, config: GroupConfig) -> GroupConsumer {
    // Long polls are longer than usual: hours of idling are cheap then.
    let consumer = ConsumerConfig { fetch_max_wait: Duration::from_secs(5), ..Default::default() };
    client.group_consumer(consumer, config, &["t".to_owned()]).unwrap()
}

/// Offsets of each partition as they came.
type Read = BTreeMap<i32, Vec<i64>>;

#[derive(Debug, Default)]
struct Seen {
    read: Read,
    assigned: Vec<PartitionKey>,
    revoked: usize,
    lost: usize,
}

impl Seen {
    fn count(&self) -> i64 {
        self.read.values().map(|offsets| offsets.len() as i64).sum()
    }

    fn take(&mut self, event: GroupEvent) {
        match event {
            GroupEvent::Batch(batch) => {
                let offsets = batch.records.iter().map(|record| record.offset);
                self.read.entry(batch.partition).or_default().extend(offsets);
            }
            GroupEvent::Assigned(keys) => self.assigned.extend(keys),
            GroupEvent::Revoked(keys) => self.revoked += keys.len(),
            GroupEvent::Lost(keys) => self.lost += keys.len(),
        }
    }

    async fn until(&mut self, consumer: &mut GroupConsumer, is_enough: impl Fn(&Self) -> bool) {
        while !is_enough(self) {
            self.take(consumer.next().await.unwrap());
        }
    }
}

fn all_once(upto: i64) -> Read {
    (0..PARTITIONS as i32).map(|partition| (partition, (0..upto).collect())).collect()
}

fn committed(fake: &FakeCluster) -> Vec<i64> {
    fake.group("g", |group| group.offsets.values().copied().collect())
}

#[tokio::test(start_paused = true)]
async fn a_member_reads_commits_and_goes_on_where_it_was() {
    let (fake, client) = filled().await;
    let mut seen = Seen::default();
    let mut first = member(&client, GroupConfig::new("g"));
    seen.until(&mut first, |seen| seen.count() == 40).await;
    assert_eq!((first.assignment().count(), first.generation()), (PARTITIONS, Some(1)));
    assert!(committed(&fake).is_empty(), "nothing is committed before its time");
    first.close().await.unwrap();
    assert_eq!(committed(&fake), [RECORDS; PARTITIONS]);
    assert_eq!(fake.group("g", |group| group.phase), Phase::Empty, "it has left");
    append(&fake);
    let mut second = member(&client, GroupConfig::new("g"));
    seen.until(&mut second, |seen| seen.count() == 80).await;
    assert_eq!(seen.read, all_once(2 * RECORDS));
}

#[tokio::test(start_paused = true)]
async fn commits_by_the_clock_cover_what_was_given_before() {
    let (fake, client) = filled().await;
    let mut seen = Seen::default();
    let mut consumer = member(&client, GroupConfig::new("g"));
    seen.until(&mut consumer, |seen| seen.count() == 40).await;
    let waited = tokio::time::timeout(Duration::from_secs(6), consumer.next()).await;
    assert!(waited.is_err(), "there is nothing more to read");
    assert_eq!(committed(&fake), [RECORDS; PARTITIONS]);
    let commits = fake.count(apis::OFFSET_COMMIT);
    let waited = tokio::time::timeout(Duration::from_secs(60), consumer.next()).await;
    assert!(waited.is_err());
    assert_eq!(fake.count(apis::OFFSET_COMMIT), commits, "what is committed is not committed again");
}

#[tokio::test(start_paused = true)]
async fn members_that_come_and_go_read_everything_once() {
    for assignor in Assignor::ALL {
        let (fake, client) = filled().await;
        let config = || GroupConfig { assignors: vec![assignor], ..GroupConfig::new("g") };
        let (mut a, mut b) = (Seen::default(), Seen::default());
        let mut first = member(&client, config());
        a.until(&mut first, |seen| seen.count() >= 20).await;
        let mut second = member(&client, config());
        let both = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                tokio::select! {
                    event = first.next() => a.take(event.unwrap()),
                    event = second.next() => b.take(event.unwrap()),
                }
            }
        });
        assert!(both.await.is_err());
        assert_eq!((first.assignment().count(), second.assignment().count()), (2, 2), "{assignor:?}");
        append(&fake);
        b.until(&mut second, |seen| seen.count() >= 20).await;
        let back = if assignor.is_cooperative() { 2 } else { PARTITIONS };
        assert_eq!((a.revoked, a.lost, b.lost), (back, 0, 0), "{assignor:?}");
        let ((), closed) = tokio::join!(a.until(&mut first, |seen| seen.count() >= 60), second.close());
        closed.unwrap();
        for (partition, offsets) in b.read {
            a.read.entry(partition).or_default().extend(offsets);
        }
        a.read.values_mut().for_each(|offsets| offsets.sort_unstable());
        assert_eq!(a.read, all_once(2 * RECORDS), "{assignor:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_loses_nothing_and_ends_no_membership() {
    let keys = [
        apis::FIND_COORDINATOR,
        apis::JOIN_GROUP,
        apis::SYNC_GROUP,
        apis::HEARTBEAT,
        apis::OFFSET_FETCH,
        apis::OFFSET_COMMIT,
    ];
    for key in keys {
        for fault in [
            Fault::CloseBefore,
            Fault::CloseAfter,
            Fault::Silence,
            Fault::Refuse(ErrorCode::CoordinatorLoadInProgress),
            Fault::Refuse(ErrorCode::CoordinatorNotAvailable),
            Fault::Refuse(ErrorCode::NotCoordinator),
        ] {
            let (fake, client) = filled().await;
            fake.fault(key, fault.clone());
            let config = GroupConfig { max_poll_interval: Duration::from_secs(60), ..GroupConfig::new("g") };
            let mut consumer = member(&client, config);
            let mut seen = Seen::default();
            seen.until(&mut consumer, |seen| seen.count() == 40).await;
            // Time for a heartbeat and a commit.
            let idle = tokio::time::timeout(Duration::from_secs(45), consumer.next()).await;
            assert!(idle.is_err(), "{key} {fault:?}: {idle:?}");
            consumer.close().await.unwrap();
            assert_eq!((seen.read, seen.lost), (all_once(RECORDS), 0), "{key} {fault:?}");
            assert_eq!(committed(&fake), [RECORDS; PARTITIONS], "{key} {fault:?}");
            assert_eq!(fake.faults_left(), 0, "{key} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_moves_is_found_again() {
    let (fake, client) = filled().await;
    let mut seen = Seen::default();
    let mut consumer = member(&client, GroupConfig::new("g"));
    seen.until(&mut consumer, |seen| seen.count() == 40).await;
    fake.state().coordinator = 2;
    append(&fake);
    seen.until(&mut consumer, |seen| seen.count() == 80).await;
    consumer.commit().await.unwrap();
    assert_eq!(committed(&fake), [2 * RECORDS; PARTITIONS]);
    assert_eq!((seen.lost, consumer.generation()), (0, Some(1)), "nobody had to join again");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_was_put_out_is_told_and_joins_as_somebody_else() {
    let (fake, client) = filled().await;
    let mut seen = Seen::default();
    let mut consumer = member(&client, GroupConfig { auto_commit: None, ..GroupConfig::new("g") });
    seen.until(&mut consumer, |seen| seen.count() == 40).await;
    let id = consumer.member_id().unwrap();
    fake.group("g", |group| group.remove(&id));
    let refused = consumer.commit().await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::UnknownMemberId));
    seen.until(&mut consumer, |seen| seen.lost > 0).await;
    assert_eq!((seen.lost, consumer.assignment().count()), (PARTITIONS, 0));
    // Nothing was committed: all of it comes again.
    seen.until(&mut consumer, |seen| seen.count() == 80).await;
    assert_ne!(consumer.member_id().unwrap(), id);
}

#[tokio::test(start_paused = true)]
async fn a_commit_while_the_group_assigns_is_sent_again() {
    let (fake, client) = filled().await;
    let mut seen = Seen::default();
    let mut consumer = member(&client, GroupConfig { auto_commit: None, ..GroupConfig::new("g") });
    seen.until(&mut consumer, |seen| seen.count() == 40).await;
    for _ in 0..3 {
        fake.fault(apis::OFFSET_COMMIT, Fault::Refuse(ErrorCode::RebalanceInProgress));
    }
    consumer.commit().await.unwrap();
    assert_eq!((committed(&fake), fake.faults_left()), (vec![RECORDS; PARTITIONS], 0));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_stays_away_leaves_and_comes_back() {
    let (fake, client) = filled().await;
    let mut seen = Seen::default();
    let mut consumer = member(&client, GroupConfig::new("g"));
    seen.until(&mut consumer, |seen| seen.count() == 40).await;
    let busy = Instant::now();
    tokio::time::advance(Duration::from_secs(200)).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(fake.group("g", |group| group.members.len()), 1, "still a member after {:?}", busy.elapsed());
    fake.until("g", |group| group.phase == Phase::Empty).await;
    assert!(busy.elapsed() >= Duration::from_secs(300));
    seen.until(&mut consumer, |seen| seen.assigned.len() == 2 * PARTITIONS).await;
    assert_eq!(seen.lost, PARTITIONS);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_mended_is_told_again_and_again() {
    let (fake, client) = filled().await;
    fake.fault(apis::JOIN_GROUP, Fault::Refuse(ErrorCode::GroupAuthorizationFailed));
    let mut consumer = member(&client, GroupConfig::new("g"));
    for _ in 0..2 {
        let error = consumer.next().await.unwrap_err();
        assert!(error.is_unauthorised(), "{error}");
    }
    consumer.close().await.unwrap();
    for bad in [
        GroupConfig::new(""),
        GroupConfig { assignors: vec![], ..GroupConfig::new("g") },
        GroupConfig { heartbeat_interval: Duration::from_secs(45), ..GroupConfig::new("g") },
    ] {
        let refused = client.group_consumer(ConsumerConfig::default(), bad, &[]).unwrap_err();
        assert!(matches!(refused, ClientError::Invalid(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_without_offsets_starts_where_the_policy_says() {
    let (_fake, client) = filled().await;
    let with = |offset_reset| ConsumerConfig { offset_reset, ..Default::default() };
    let topics = ["t".to_owned()];
    let mut latest =
        client.group_consumer(with(OffsetReset::Latest), GroupConfig::new("latest"), &topics).unwrap();
    let mut seen = Seen::default();
    seen.until(&mut latest, |seen| seen.assigned.len() == PARTITIONS).await;
    assert_eq!(latest.position("t", 0), Some(RECORDS));
    let mut none = client.group_consumer(with(OffsetReset::Fail), GroupConfig::new("none"), &topics).unwrap();
    let mut seen = Seen::default();
    seen.until(&mut none, |seen| seen.assigned.len() == PARTITIONS).await;
    for partition in 0..PARTITIONS as i32 {
        let error = none.next().await.unwrap_err();
        assert!(matches!(error, ClientError::NoCommittedOffset { .. }), "{error}");
        none.seek("t", partition, 5).unwrap();
    }
    seen.until(&mut none, |seen| seen.count() == 20).await;
    assert!(seen.read.values().all(|offsets| offsets[0] == 5));
}

#[tokio::test(start_paused = true)]
async fn next_may_be_given_up_at_any_moment() {
    let (fake, client) = filled().await;
    let mut seen = Seen::default();
    let mut first = member(&client, GroupConfig::new("g"));
    let mut second = None;
    let mut turns = 0;
    while seen.count() < 40 || turns < 2_000 {
        turns += 1;
        if turns == 1_000 {
            second = Some(member(&client, GroupConfig::new("g")));
        }
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(turns % 7), first.next()).await {
            seen.take(event.unwrap());
        }
        if let Some(second) = &mut second
            && let Ok(event) = tokio::time::timeout(Duration::from_millis(turns % 5), second.next()).await
        {
            seen.take(event.unwrap());
        }
    }
    append(&fake);
    let mut second = second.unwrap();
    let rest = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            tokio::select! {
                event = first.next() => seen.take(event.unwrap()),
                event = second.next() => seen.take(event.unwrap()),
            }
        }
    });
    assert!(rest.await.is_err());
    seen.read.values_mut().for_each(|offsets| offsets.sort_unstable());
    assert_eq!((&seen.read, seen.lost), (&all_once(2 * RECORDS), 0));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_grows_or_comes_later_is_divided_anew() {
    let (fake, client) = filled().await;
    let topics = ["t".to_owned(), "later".to_owned()];
    let mut consumer =
        client.group_consumer(ConsumerConfig::default(), GroupConfig::new("g"), &topics).unwrap();
    let mut seen = Seen::default();
    seen.until(&mut consumer, |seen| seen.assigned.len() == PARTITIONS).await;
    fake.create("later", 2);
    seen.until(&mut consumer, |seen| seen.assigned.len() == PARTITIONS + 2).await;
    consumer.subscribe(&["later".to_owned()]);
    seen.until(&mut consumer, |seen| seen.revoked == PARTITIONS).await;
    let _ = tokio::time::timeout(Duration::from_secs(10), consumer.next()).await;
    assert_eq!(consumer.assignment().map(|key| key.topic.as_str()).collect::<Vec<_>>(), ["later"; 2]);
}
