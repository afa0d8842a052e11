//! Builds with planted bugs fail the metadata's crash suite. Only test builds (feature `controls`) have such bugs.

#![cfg(feature = "controls")]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::unwrap_used)]
mod epoch_suite;
#[allow(dead_code)]
mod metadata_suite;

use metadata_suite::{DIR, fresh, suite};
use ottla_broker::cluster::controls::{Control, activate};
use ottla_broker::cluster::coord::Coord;
use ottla_broker::cluster::{Cluster, ClusterStart, Embedded, Registration, Rules, embedded};
use ottla_broker::settings::{Input, LiveSettings, load};
use ottla_env::clock::ManualClock;
use ottla_env::disk::{Disk, Lost, MemoryDisk};
use ottla_env::rng::SeededRng;
use ottla_env::task::Threads;
use ottla_state::Uuid;
use std::path::Path;
use std::sync::Arc;

/// The producer ids that a broker gives before and after its process is killed.
fn ids_around_a_kill() -> (i64, i64) {
    let disk = fresh();
    embedded::create(&disk, Path::new(DIR)).unwrap();
    let next = |disk: &MemoryDisk| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let coord: Arc<dyn Coord> = Arc::new(Embedded::open(shared, Path::new(DIR), 0, &Threads).unwrap().0);
        runtime.block_on(async {
            let cluster = Cluster::start(start(coord)).await.unwrap();
            cluster.producer_ids().next().await.unwrap()
        })
    };
    let first = next(&disk);
    (first, next(&disk.crash(Lost::NothingUnsynced)))
}

fn start(coord: Arc<dyn Coord>) -> ClusterStart {
    ClusterStart {
        coord,
        clock: Arc::new(ManualClock::at(0)),
        rng: Arc::new(SeededRng::new(1)),
        cluster_id: "c".into(),
        registration: Registration {
            node: 1,
            directory: Uuid([1; 16]),
            incarnation: Uuid([1; 16]),
            rack: None,
            endpoints: Vec::new(),
            clean_start: false,
        },
        rules: Rules {
            default_partitions: 1,
            default_replication_factor: 1,
            deletion_enabled: true,
            configs: Arc::new(LiveSettings::new(1, load(&Input::default()).unwrap())),
            internal: Arc::default(),
        },
        broker_defaults: Default::default(),
        on_image: Box::new(|_| {}),
    }
}

// One test alone in its process, because a planted bug is switched on for the whole of it.
#[test]
fn planted_bugs_are_caught() {
    for control in [Control::AnswerBeforeSync, Control::AnswerBeforeRecord] {
        activate(control);
        let caught = suite(|_| {}).expect_err("a build with a planted bug passed");
        println!("{control:?} caught: {caught}");
    }
    activate(Control::EpochsKept);
    let caught = epoch_suite::a_consumer_hears_of_a_cut().expect_err("epochs were kept, and nobody noticed");
    println!("EpochsKept caught: {caught}");
    activate(Control::ProducerIdsInMemory);
    let (before, after) = ids_around_a_kill();
    assert_eq!(before, after, "the planted bug gives an id twice");
    println!("ProducerIdsInMemory caught: producer id {before} was given twice");
    activate(Control::None);
    let (before, after) = ids_around_a_kill();
    assert!(after >= before + 1_000);
    assert_eq!(epoch_suite::a_consumer_hears_of_a_cut(), Ok(1));
}
