//! The metadata engine under the crash suite: groups of commits, restarts, snapshots.

use super::{Recovered, Workload};
use crate::disk::SimDisk;
use ottla_broker::cluster::coord::{Check, Revision, Transaction, Write};
use ottla_broker::cluster::embedded::{Engine, create};
use ottla_env::disk::Disk;
use ottla_env::rng::{Rng, SeededRng};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub const DIR: &str = "/data/metadata";
const STEPS: usize = 14;

type Keys = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, Default)]
pub struct MetadataWorkload;

/// One step of what the store should hold: from `begun` on it may, from `answered` on it does.
#[derive(Debug)]
struct Step {
    begun: usize,
    answered: Option<usize>,
    keys: Keys,
}

#[derive(Debug, Default)]
pub struct Promise {
    /// When the store had been made.
    made: Option<usize>,
    steps: Vec<Step>,
}

/// Opens the metadata, of which the start was told this revision.
pub fn open(disk: &SimDisk, at_least: Revision) -> Result<Engine, String> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Engine::open(disk, Path::new(DIR), at_least).map(|(engine, _)| engine).map_err(|error| error.to_string())
}

fn keys(engine: &Engine) -> Keys {
    engine
        .store()
        .entries()
        .map(|entry| (entry.key.to_string(), String::from_utf8_lossy(&entry.value).into_owned()))
        .collect()
}

fn prepare(disk: &SimDisk) -> Result<(), String> {
    let data = Path::new("/data");
    let prepared = disk.create_dir_all(data).and_then(|()| disk.sync_dir(Path::new("/")));
    prepared.map_err(|error| error.to_string())
}

fn group(number: usize, rng: &SeededRng) -> Vec<Transaction> {
    let key = |offset: usize| format!("k{}", (number + offset) % 5);
    let value = format!("v{number}").repeat(1 + rng.below(200) as usize);
    let put = Write::Put { key: key(0), value: value.into(), session: None };
    let conflict = Check::Unchanged { key: "no such key".into(), modified: 1 };
    vec![
        Transaction { checks: Vec::new(), writes: vec![put] },
        Transaction { checks: vec![conflict], writes: Vec::new() },
        Transaction { checks: Vec::new(), writes: vec![Write::Delete { key: key(2) }] },
    ]
}

fn after(mut keys: Keys, group: &[Transaction]) -> Keys {
    for write in group.iter().filter(|t| t.checks.is_empty()).flat_map(|t| &t.writes) {
        match write {
            Write::Put { key, value, .. } => {
                keys.insert(key.clone(), String::from_utf8_lossy(value).into_owned());
            }
            Write::Delete { key } => drop(keys.remove(key)),
        }
    }
    keys
}

impl Workload for MetadataWorkload {
    type Promise = Promise;
    type Shown = Keys;

    fn name(&self) -> &'static str {
        "metadata"
    }

    fn run(&self, disk: &SimDisk, seed: u64) -> Promise {
        let rng = SeededRng::new(seed);
        let mut promise = Promise::default();
        if prepare(disk).is_err() || create(disk, Path::new(DIR)).is_err() {
            return promise;
        }
        promise.made = Some(disk.moment());
        let Ok(mut engine) = open(disk, 0) else { return promise };
        let mut now = Keys::new();
        for number in 0..STEPS {
            let group = group(number, &rng);
            now = after(now, &group);
            promise.steps.push(Step { begun: disk.moment(), answered: None, keys: now.clone() });
            let outcomes = engine.commit(&group);
            if !matches!(outcomes.first(), Some(Ok(_))) {
                return promise;
            }
            if let Some(step) = promise.steps.last_mut() {
                step.answered = Some(disk.moment());
            }
            match rng.below(4) {
                0 if engine.snapshot().is_err() => return promise,
                1 => match open(disk, 0) {
                    Ok(again) => engine = again,
                    Err(_) => return promise,
                },
                _ => {}
            }
        }
        promise
    }

    fn recover(&self, disk: &SimDisk, promise: &Promise, until: usize) -> Result<Recovered<Keys>, String> {
        prepare(disk)?;
        let engine = match open(disk, 0) {
            Ok(engine) => engine,
            // Its making was not finished; the next start makes it anew.
            Err(error) if promise.made.is_none_or(|made| until < made) => {
                create(disk, Path::new(DIR)).map_err(|again| format!("{error}; made again: {again}"))?;
                open(disk, 0)?
            }
            Err(error) => return Err(error),
        };
        let found = keys(&engine);
        let answered = promise.steps.iter().rev().find(|step| step.answered.is_some_and(|at| at <= until));
        let in_hand = promise
            .steps
            .iter()
            .find(|step| step.begun <= until && step.answered.is_none_or(|at| at > until));
        let nothing = Keys::new();
        let promised = answered.map_or(&nothing, |step| &step.keys);
        if found != *promised && in_hand.is_none_or(|step| step.keys != found) {
            return Err(format!("promised {promised:?} (or {in_hand:?}), found {found:?}"));
        }
        Ok(Recovered { shown: found, moment: disk.moment() })
    }
}
