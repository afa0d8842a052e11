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
            partitions_max: 1_000_000,
            configs: Arc::new(LiveSettings::new(1, load(&Input::default()).unwrap())),
            internal: Arc::default(),
        },
        broker_defaults: Default::default(),
        on_image: Box::new(|_| {}),
    }
}

/// No producer id is given twice (rule P4).
fn ids_go_on_after_a_kill() -> Result<usize, String> {
    let (before, after) = ids_around_a_kill();
    if after >= before + 1_000 {
        Ok(1)
    } else {
        Err(format!("producer id {before}, and {after} after a kill"))
    }
}

type Scenario = fn() -> Result<usize, String>;

const PLANTED: [(Control, Scenario); 4] = [
    (Control::AnswerBeforeSync, || suite(|_| {})),
    (Control::AnswerBeforeRecord, || suite(|_| {})),
    (Control::EpochsKept, epoch_suite::a_consumer_hears_of_a_cut),
    (Control::ProducerIdsInMemory, ids_go_on_after_a_kill),
];

// One test alone in its process, because a planted bug is switched on for the whole of it.
#[test]
fn planted_bugs_are_caught() {
    let mut missed = Vec::new();
    for (control, scenario) in PLANTED {
        activate(control);
        match scenario() {
            Ok(_) => missed.push(control),
            Err(caught) => println!("{control:?} caught: {caught}"),
        }
    }
    activate(Control::None);
    println!("{} of {} caught", PLANTED.len() - missed.len(), PLANTED.len());
    assert!(missed.is_empty(), "not caught: {missed:?}");
    assert_eq!(ids_go_on_after_a_kill(), Ok(1));
    assert_eq!(epoch_suite::a_consumer_hears_of_a_cut(), Ok(1));
}
