//! One suite that every coordination engine passes, and the cluster on top of the embedded one.

use super::coord::{Check, Event, Purpose, Transaction, WATCH_BUFFER, Write};
use super::memory::MemoryCoord;
use super::*;
use crate::reserve::{RESERVE_BYTES, Reserve};
use ottla_env::clock::ManualClock;
use ottla_env::disk::{Disk, MemoryDisk, OperationKind};
use ottla_env::rng::SeededRng;
use ottla_env::task::Threads;
use ottla_state::controller::{
    Alteration, ConfigResource, ConfigRules, DeleteTarget, Mode, NewTopic, Refusal,
};
use ottla_state::{Endpoint, Image, Uuid};
use ottla_wire::{ErrorCode, WireStr};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const DIR: &str = "data/metadata";
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn embedded(disk: &MemoryDisk) -> Arc<Embedded> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    disk.create_dir_all(Path::new("data")).unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    if disk.entry(Path::new(DIR)).unwrap().is_none() {
        embedded::create(disk.as_ref(), Path::new(DIR)).unwrap();
    }
    Arc::new(Embedded::open(disk, Path::new(DIR), 0, &Threads).unwrap().0)
}

fn engines() -> Vec<(&'static str, Arc<dyn Coord>)> {
    vec![("memory", Arc::new(MemoryCoord::default())), ("embedded", embedded(&MemoryDisk::new()))]
}

async fn put(coord: &dyn Coord, key: &str, value: &str) -> Revision {
    let writes = vec![Write::put(key, value.to_owned())];
    coord.commit(Transaction { checks: Vec::new(), writes }).await.unwrap()
}

async fn value(coord: &dyn Coord, key: &str) -> Option<String> {
    let entry = coord.get(key).await.unwrap()?;
    Some(String::from_utf8(entry.value.to_vec()).unwrap())
}

#[tokio::test]
async fn revisions_count_commits_and_keys_remember_them() {
    for (engine, coord) in engines() {
        let first = put(coord.as_ref(), "a", "1").await;
        assert_eq!(put(coord.as_ref(), "a", "2").await, first + 1, "{engine}");
        let entry = coord.get("a").await.unwrap().unwrap();
        assert_eq!((entry.created, entry.modified, entry.session), (first, first + 1, None), "{engine}");
        assert_eq!(coord.get("b").await.unwrap(), None);
        put(coord.as_ref(), "a/x", "3").await;
        put(coord.as_ref(), "b", "4").await;
        let listing = coord.list("a").await.unwrap();
        let keys: Vec<&str> = listing.entries.iter().map(|entry| entry.key.as_ref()).collect();
        assert_eq!((keys, listing.revision), (vec!["a", "a/x"], first + 3), "{engine}");
    }
}

#[tokio::test]
async fn a_transaction_happens_whole_or_not_at_all() {
    for (engine, coord) in engines() {
        let first = put(coord.as_ref(), "a", "1").await;
        let attempt = |checks| {
            let writes = vec![Write::put("b", "2"), Write::Delete { key: "a".into() }];
            coord.commit(Transaction { checks, writes })
        };
        let unchanged = |modified| Check::Unchanged { key: "a".into(), modified };
        for bad in [
            vec![Check::Absent("a".into())],
            vec![unchanged(first + 1)],
            vec![unchanged(first), Check::Unchanged { key: "c".into(), modified: first }],
        ] {
            assert!(matches!(attempt(bad).await, Err(CoordError::Conflict { .. })), "{engine}");
            assert_eq!(value(coord.as_ref(), "a").await.as_deref(), Some("1"), "{engine}");
            assert_eq!(coord.list("").await.unwrap().revision, first, "{engine}");
        }
        assert_eq!(attempt(vec![unchanged(first), Check::Absent("b".into())]).await.unwrap(), first + 1);
        assert_eq!(value(coord.as_ref(), "a").await, None, "{engine}");
        assert_eq!(value(coord.as_ref(), "b").await.as_deref(), Some("2"), "{engine}");

        // A key that is created again is another one.
        put(coord.as_ref(), "a", "3").await;
        assert_eq!(coord.get("a").await.unwrap().unwrap().created, first + 2, "{engine}");
    }
}

#[tokio::test]
async fn a_transaction_is_bounded_and_writes_a_key_once() {
    for (engine, coord) in engines() {
        let many = (0..=coord::MAX_WRITES).map(|n| Write::put(n.to_string(), "")).collect();
        for writes in [many, vec![Write::put("a", "1"), Write::put("a", "2")]] {
            let outcome = coord.commit(Transaction { checks: Vec::new(), writes }).await;
            assert!(matches!(outcome, Err(CoordError::BadTransaction)), "{engine}");
        }
    }
}

#[tokio::test]
async fn a_watch_sees_every_commit_in_order_from_any_remembered_revision() {
    for (engine, coord) in engines() {
        let first = put(coord.as_ref(), "a", "1").await;
        let mut early = coord.watch(first - 1).await.unwrap();
        let second = put(coord.as_ref(), "a", "2").await;
        let mut late = coord.watch(first).await.unwrap();
        let writes = vec![Write::Delete { key: "a".into() }, Write::put("b", "3")];
        coord.commit(Transaction { checks: Vec::new(), writes }).await.unwrap();
        assert_eq!(early.next().await.unwrap().revision, first, "{engine}");
        assert_eq!(early.next().await.unwrap().revision, second, "{engine}");
        assert_eq!(late.next().await.unwrap().revision, second, "{engine}");
        for watch in [&mut early, &mut late] {
            let commit = watch.next().await.unwrap();
            let event = |key: &str, value: Option<&'static str>| Event {
                key: key.into(),
                value: value.map(Into::into),
                created: second + 1,
            };
            assert_eq!(commit.events, [event("a", None), event("b", Some("3"))], "{engine}");
            assert_eq!(watch.try_next(), None, "{engine}");
        }
    }
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_told_to_list_again() {
    for (engine, coord) in engines() {
        let first = put(coord.as_ref(), "a", "0").await;
        let mut slow = coord.watch(first).await.unwrap();
        for n in 0..=2 * WATCH_BUFFER {
            put(coord.as_ref(), "a", &n.to_string()).await;
        }
        let mut seen = 0;
        while slow.next().await.is_some() {
            seen += 1;
        }
        assert_eq!(seen, 2 * WATCH_BUFFER, "{engine}");
        assert!(matches!(coord.watch(first).await, Err(CoordError::Forgotten(_))), "{engine}");
        let newest = coord.list("").await.unwrap().revision;
        assert!(coord.watch(newest).await.is_ok(), "{engine}");
    }
}

#[tokio::test]
async fn what_belongs_to_a_session_ends_with_it() {
    for (engine, coord) in engines() {
        let (one, two) = (coord.open_session().await.unwrap(), coord.open_session().await.unwrap());
        let put = |key: &str, session| {
            let writes = vec![Write::Put { key: key.into(), value: "v".into(), session: Some(session) }];
            coord.commit(Transaction { checks: Vec::new(), writes })
        };
        put("a", one).await.unwrap();
        put("b", two).await.unwrap();
        coord.end_session(one).await.unwrap();
        coord.end_session(one).await.unwrap();
        assert_eq!(value(coord.as_ref(), "a").await, None, "{engine}");
        assert_eq!(value(coord.as_ref(), "b").await.as_deref(), Some("v"), "{engine}");
        assert!(matches!(put("c", one).await, Err(CoordError::SessionEnded)), "{engine}");
    }
}

fn registration(directory: u8, clean_start: bool) -> Registration {
    Registration {
        node: 1,
        directory: Uuid([directory; 16]),
        incarnation: Uuid([2; 16]),
        rack: None,
        endpoints: vec![Endpoint { listener: "PLAINTEXT".into(), host: "localhost".into(), port: 9092 }],
        clean_start,
    }
}

/// Topics without settings, which stay as they are.
struct NoSettings;

impl ConfigRules for NoSettings {
    fn new_topic(&self, _: &Image, _: &[(WireStr, Option<WireStr>)]) -> Result<Configs, Refusal> {
        Ok(Configs::new())
    }

    fn altered(
        &self,
        _: &Image,
        _: &ConfigResource,
        current: &Configs,
        _: &Alteration,
    ) -> Result<Configs, Refusal> {
        Ok(current.clone())
    }
}

fn start(coord: Arc<dyn Coord>, seed: u64, clean_start: bool, on_image: Box<OnImage>) -> ClusterStart {
    ClusterStart {
        coord,
        clock: Arc::new(ManualClock::at(1_000)),
        rng: Arc::new(SeededRng::new(seed)),
        cluster_id: "cluster".into(),
        registration: registration(1, clean_start),
        rules: Rules {
            default_partitions: 4,
            default_replication_factor: 1,
            deletion_enabled: true,
            partitions_max: 1_000_000,
            configs: Arc::new(NoSettings),
            internal: Arc::default(),
        },
        broker_defaults: Configs::new(),
        on_image,
    }
}

async fn quiet(coord: Arc<dyn Coord>, seed: u64, clean_start: bool) -> Cluster {
    Cluster::start(start(coord, seed, clean_start, Box::new(|_| {}))).await.unwrap()
}

fn new_topic(name: &str) -> NewTopic {
    NewTopic {
        name: name.into(),
        partitions: 2,
        replication_factor: 1,
        assignments: Vec::new(),
        configs: Vec::new(),
    }
}

async fn create(cluster: &Cluster, name: &str) -> Result<ErrorCode, ControllerError> {
    let answers = cluster.controller().create_topics(vec![new_topic(name)], Mode::Commit, None).await?;
    Ok(answers[0].result.as_ref().map_or_else(|refusal| refusal.code, |_| ErrorCode::None))
}

#[tokio::test]
async fn a_created_topic_is_in_the_image_and_was_shown_to_the_partitions_when_the_answer_comes() {
    for (engine, coord) in engines() {
        let shown: Arc<Mutex<Arc<Image>>> = Arc::default();
        let on_image = {
            let shown = Arc::clone(&shown);
            Box::new(move |image: &Arc<Image>| *shown.lock().unwrap() = Arc::clone(image))
        };
        let cluster = Cluster::start(start(coord, 1, true, on_image)).await.unwrap();
        assert_eq!(create(&cluster, "t").await.unwrap(), ErrorCode::None, "{engine}");
        for image in [cluster.metadata().image(), Arc::clone(&shown.lock().unwrap())] {
            let topic = image.topic("t").unwrap();
            assert_eq!((topic.partitions.len(), topic.partitions[1].leader), (2, 1), "{engine}");
        }
        let image = cluster.metadata().image();
        assert_eq!(image.broker(1).map(|broker| broker.epoch), Some(cluster.broker_epoch()));
        assert_eq!((image.controller(), image.controller_epoch()), (Some(1), 1));
        assert_eq!(image.features()["metadata.version"], 33);
        assert_eq!(create(&cluster, "t").await.unwrap(), ErrorCode::TopicAlreadyExists);
    }
}

#[tokio::test]
async fn concurrent_auto_creations_of_one_name_all_get_the_topic() {
    let disk = MemoryDisk::new();
    let coord = embedded(&disk);
    let cluster = Arc::new(quiet(coord, 1, true).await);
    let before = disk.operation_count();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let cluster = Arc::clone(&cluster);
        tasks.spawn(async move {
            let name = format!("t{}", n % 50);
            let answers = cluster.controller().auto_create(vec![name.as_str().into()], None).await.unwrap();
            let id = answers[0].result.as_ref().unwrap().id;
            assert_eq!(cluster.metadata().image().topic(&name).map(|topic| topic.id), Some(id));
        });
    }
    tasks.join_all().await;
    assert_eq!(cluster.metadata().image().topic_count(), 50);
    let syncs =
        disk.operations().split_off(before).iter().filter(|o| o.kind == OperationKind::SyncFile).count();
    assert!(syncs < 50, "commands that wait share a sync, but there were {syncs}");
}

#[tokio::test]
async fn a_thousand_topics_of_one_request_are_committed_in_several_transactions() {
    let cluster = quiet(Arc::new(MemoryCoord::default()), 1, true).await;
    let topics = (0..1_000).map(|n| new_topic(&format!("t{n}"))).collect();
    let answers = cluster.controller().create_topics(topics, Mode::Commit, None).await.unwrap();
    assert!(answers.iter().all(|answer| answer.result.is_ok()));
    let targets =
        answers.iter().map(|a| DeleteTarget { name: Some(a.name.clone()), id: Uuid::ZERO }).collect();
    assert!(
        cluster.controller().delete_topics(targets, None).await.unwrap().iter().all(|a| a.result.is_ok())
    );
    let ids: Vec<Uuid> = cluster.metadata().image().deleting().map(|topic| topic.id).collect();
    assert_eq!(ids.len(), 1_000);
    cluster.controller().forget_topics(ids).await.unwrap();
    assert_eq!(cluster.metadata().image().deleting().len(), 0);
}

#[tokio::test]
async fn metadata_outlives_clean_and_unclean_stops() {
    let disk = MemoryDisk::new();
    let coord = embedded(&disk);
    let cluster = quiet(Arc::clone(&coord) as _, 1, true).await;
    create(&cluster, "t").await.unwrap();
    let first_epoch = cluster.broker_epoch();
    let first_id = cluster.producer_ids().next().await.unwrap();
    let id = cluster.metadata().image().topic("t").unwrap().id;
    cluster.stop().await.unwrap();
    coord.close().await;

    let coord = embedded(&disk);
    let cluster = quiet(Arc::clone(&coord) as _, 2, true).await;
    let image = cluster.metadata().image();
    let topic = image.topic("t").unwrap();
    assert_eq!((topic.id, topic.partitions[0].leader_epoch, image.controller_epoch()), (id, 0, 2));
    assert!(cluster.broker_epoch() > first_epoch);
    assert!(cluster.producer_ids().next().await.unwrap() >= first_id + 1_000);

    // The power goes without a word, twice.
    for epoch in 1..=2 {
        let disk = disk.crash(ottla_env::disk::Lost::AllUnsynced);
        for restart in 1..=epoch {
            let coord = embedded(&disk);
            let cluster = quiet(Arc::clone(&coord) as _, 3 + restart, false).await;
            let image = cluster.metadata().image();
            let epochs = image.topic("t").unwrap().partitions.iter().map(|p| p.leader_epoch as u64);
            assert_eq!(epochs.collect::<Vec<_>>(), [restart; 2]);
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_commands_and_takes_them_again_when_there_is_room() {
    let disk = MemoryDisk::new();
    let cluster = quiet(embedded(&disk), 1, true).await;
    disk.fail_kind(OperationKind::Write, 1, ENOSPC);
    assert!(matches!(create(&cluster, "t").await, Err(ControllerError::NotWritten(_))));
    assert!(cluster.metadata().image().topic("t").is_none());
    assert_eq!(create(&cluster, "t").await.unwrap(), ErrorCode::None);
}

/// An engine with a reserve.
fn with_reserve(disk: &MemoryDisk) -> Arc<Embedded> {
    let coord = embedded(disk);
    let reserve = Reserve::new(Arc::new(disk.clone()), Path::new("data"));
    reserve.keep();
    coord.use_reserve(reserve);
    coord
}

/// Durability rule A8.
#[tokio::test]
async fn a_full_disk_takes_deletions_and_refuses_what_is_asked_beside_them() {
    let disk = MemoryDisk::new();
    let cluster = quiet(with_reserve(&disk), 1, true).await;
    create(&cluster, "t").await.unwrap();
    disk.fill();
    let target = DeleteTarget { name: Some("t".into()), id: Uuid::ZERO };
    let deletion = cluster.controller().delete_topics(vec![target], None);
    let (before, deleted, behind) = tokio::join!(create(&cluster, "u"), deletion, create(&cluster, "v"));
    for refused in [before, behind] {
        assert!(matches!(refused, Err(ControllerError::NotWritten(_))), "{refused:?}");
    }
    assert!(deleted.unwrap()[0].result.is_ok());
    let ids: Vec<Uuid> = cluster.metadata().image().deleting().map(|topic| topic.id).collect();
    assert_eq!(ids.len(), 1);
    cluster.controller().forget_topics(ids).await.unwrap();
    assert_eq!(cluster.metadata().image().deleting().len(), 0);
    let reserve = disk.len(Path::new("data/reserve")).unwrap();
    assert!(reserve > Some(RESERVE_BYTES / 2), "{reserve:?} bytes are left");
}

/// Durability rule A8: a group has one write, and not everybody in it may use the reserve.
#[tokio::test]
async fn of_a_group_that_finds_no_room_only_deletions_are_committed() {
    let disk = MemoryDisk::new();
    let coord = with_reserve(&disk);
    put(&*coord, "gone", "1").await;
    disk.hold_syncs(".log");
    let commit = |purpose: Purpose, write: Write| {
        let coord = Arc::clone(&coord);
        let transaction = Transaction { checks: Vec::new(), writes: vec![write] };
        tokio::spawn(async move {
            match purpose {
                Purpose::Change => coord.commit(transaction).await,
                Purpose::Deletion => coord.commit_deletion(transaction).await,
            }
        })
    };
    let before = disk.operation_count();
    let first = commit(Purpose::Change, Write::put("a", "1"));
    while disk.operation_count() == before {
        tokio::task::yield_now().await;
    }
    disk.wait_for_held_syncs(1);
    // They wait together while the first one is synced.
    let changed = commit(Purpose::Change, Write::put("b", "2"));
    let deleted = commit(Purpose::Deletion, Write::Delete { key: "gone".into() });
    tokio::task::yield_now().await;
    disk.fill();
    disk.release_syncs();
    let first = first.await.unwrap().unwrap();
    assert!(matches!(changed.await.unwrap(), Err(CoordError::NotWritten(_))));
    assert_eq!(deleted.await.unwrap().unwrap(), first + 1);
    assert_eq!(value(&*coord, "gone").await, None);
    assert_eq!(value(&*coord, "b").await, None);
}

#[tokio::test]
async fn a_failed_sync_ends_the_cluster() {
    let disk = MemoryDisk::new();
    let cluster = quiet(embedded(&disk), 1, true).await;
    disk.fail_kind(OperationKind::SyncFile, 1, EIO);
    assert!(matches!(create(&cluster, "t").await, Err(ControllerError::Failed(_))));
    let ClusterFailed::Metadata(reason) = cluster.failed().await else { panic!("another reason") };
    assert!(reason.to_string().starts_with("sync data/metadata/"), "{reason}");
    assert!(matches!(create(&cluster, "t").await, Err(ControllerError::Stopping)));
    assert!(cluster.metadata().image().topic("t").is_none());
}

#[tokio::test]
async fn a_replaced_controller_writes_nothing() {
    let coord: Arc<dyn Coord> = Arc::new(MemoryCoord::default());
    let cluster = quiet(Arc::clone(&coord), 1, true).await;
    put(coord.as_ref(), "controller_epoch", "\u{1}\0\0\0\u{9}").await;
    let revision = coord.list("").await.unwrap().revision;
    assert!(matches!(create(&cluster, "t").await, Err(ControllerError::Replaced)));
    assert_eq!(coord.list("").await.unwrap().revision, revision);
    assert!(matches!(cluster.failed().await, ClusterFailed::Metadata(_)));
}

#[tokio::test]
async fn a_registration_replaces_its_own_predecessor_and_refuses_a_stranger() {
    let coord: Arc<dyn Coord> = Arc::new(MemoryCoord::default());
    let session = coord.open_session().await.unwrap();
    let register = |directory| registration::register(coord.as_ref(), session, registration(directory, true));
    let first = register(1).await.unwrap();
    // The session of the first start has not ended yet, as after a fast restart.
    assert!(register(1).await.unwrap() > first);
    assert!(matches!(register(9).await, Err(RegistrationError::NodeIdTaken { node: 1, .. })));
}

#[tokio::test]
async fn metadata_of_another_cluster_is_refused() {
    let disk = MemoryDisk::new();
    let coord = embedded(&disk);
    quiet(Arc::clone(&coord) as _, 1, true).await.stop().await.unwrap();
    let other = ClusterStart { cluster_id: "other".into(), ..start(coord, 2, true, Box::new(|_| {})) };
    assert!(matches!(Cluster::start(other).await, Err(StartError::OtherCluster { .. })));
}

#[tokio::test]
async fn an_entry_of_a_newer_ottla_stops_the_cluster_instead_of_being_guessed_at() {
    let coord: Arc<dyn Coord> = Arc::new(MemoryCoord::default());
    let images = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&images);
    let on_image = Box::new(move |_: &Arc<Image>| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let cluster = Cluster::start(start(Arc::clone(&coord), 1, true, on_image)).await.unwrap();
    let before = images.load(Ordering::SeqCst);
    put(coord.as_ref(), "lanes/1", "?").await;
    assert!(matches!(cluster.failed().await, ClusterFailed::Metadata(MetadataError::Entry(_))));
    assert_eq!(images.load(Ordering::SeqCst), before);
    assert!(matches!(create(&cluster, "t").await, Err(ControllerError::Stopping)));
}
