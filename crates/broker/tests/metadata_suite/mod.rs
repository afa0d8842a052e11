//! The crash suite of the metadata log: a disk with a live and a durable image, and a cut at every operation.
//!
//! A scripted run commits, reopens and snapshots. For each operation of it the power goes there (before it, or in the
//! middle of a write), everything unsynced is lost or kept, and the next start has to find every commit that was
//! answered, and nothing but the one in hand beyond that; the same once more when the power goes inside that start.
//! Builds with planted bugs have to fail this.

#![allow(clippy::unwrap_used)]

use ottla_broker::cluster::coord::{Check, CoordError, SessionId, Transaction, Write};
use ottla_broker::cluster::embedded::{Engine, create};
use ottla_env::disk::{Disk, Fault, Lost, MemoryDisk, OperationKind};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub const DIR: &str = "data/metadata";

pub type Keys = BTreeMap<String, String>;

/// What was answered, and what may be there beyond it.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    pub answered: Keys,
    pub in_hand: Option<Keys>,
}

impl Promise {
    pub fn check(&self, found: &Keys) -> Result<(), String> {
        if *found == self.answered || Some(found) == self.in_hand.as_ref() {
            return Ok(());
        }
        Err(format!("promised {:?} (or {:?}), found {found:?}", self.answered, self.in_hand))
    }
}

pub fn fresh() -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.create_dir_all(Path::new("data")).unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    disk
}

pub fn open(disk: &MemoryDisk) -> Result<Engine, String> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Engine::open(disk, Path::new(DIR), 0).map(|(engine, _)| engine).map_err(|error| error.to_string())
}

/// All keys but those of sessions, which end with their process.
pub fn keys(engine: &Engine) -> Keys {
    let lasting = engine.store().entries().filter(|entry| entry.session.is_none());
    lasting.map(|e| (e.key.to_string(), String::from_utf8_lossy(&e.value).into_owned())).collect()
}

/// One group of two transactions and a conflict.
pub fn commit(engine: &mut Engine, promise: &mut Promise, step: usize) -> Result<(), CoordError> {
    let put = |key: String, value: String| Write::Put { key, value: value.into(), session: None };
    let first = vec![put(format!("k{}", step % 5), format!("v{step}").repeat(step % 7 + 1))];
    let second = vec![
        Write::Delete { key: format!("k{}", (step + 2) % 5) },
        Write::Put { key: "session".into(), value: "s".into(), session: Some(SessionId(step as u64)) },
    ];
    let mut next = promise.answered.clone();
    for write in first.iter().chain(&second) {
        match write {
            Write::Put { key, value, session: None } => {
                next.insert(key.clone(), String::from_utf8_lossy(value).into_owned());
            }
            Write::Put { .. } => {}
            Write::Delete { key } => drop(next.remove(key)),
        }
    }
    let conflict = Check::Unchanged { key: "no such key".into(), modified: 1 };
    let group = [
        Transaction { checks: Vec::new(), writes: first },
        Transaction { checks: vec![conflict], writes: Vec::new() },
        Transaction { checks: Vec::new(), writes: second },
    ];
    promise.in_hand = Some(next.clone());
    let outcomes = engine.commit(&group);
    if let Some(Err(error)) = outcomes.into_iter().next() {
        return Err(error);
    }
    *promise = Promise { answered: next, in_hand: None };
    Ok(())
}

/// The scripted run. Ends at the first trouble; returns what was promised until then.
pub fn run(disk: &MemoryDisk) -> Promise {
    let mut promise = Promise::default();
    if create(disk, Path::new(DIR)).is_err() {
        return promise;
    }
    let mut step = 0;
    for round in 0..3 {
        let Ok(mut engine) = open(disk) else { return promise };
        for _ in 0..4 {
            step += 1;
            if commit(&mut engine, &mut promise, step).is_err() {
                return promise;
            }
        }
        if round != 1 && engine.snapshot().is_err() {
            return promise;
        }
        step += 1;
        if commit(&mut engine, &mut promise, step).is_err() {
            return promise;
        }
    }
    promise
}

/// The next start: the data directory is made again if it was not finished.
pub fn recover(disk: &MemoryDisk, promise: &Promise) -> Result<Keys, String> {
    if promise.answered.is_empty() && promise.in_hand.is_none() && open(disk).is_err() {
        create(disk, Path::new(DIR)).map_err(|error| error.to_string())?;
    }
    Ok(keys(&open(disk)?))
}

pub fn check_cut(disk: &MemoryDisk, promise: &Promise, lost: Lost) -> Result<(), String> {
    let after = disk.crash(lost);
    let probe = after.crash(Lost::NothingUnsynced);
    let found = recover(&probe, promise)?;
    promise.check(&found)?;
    let promise = if promise.in_hand.as_ref() == Some(&found) || promise.in_hand.is_none() {
        &Promise { answered: found, in_hand: None }
    } else {
        promise
    };
    for operation in 0..probe.operation_count() {
        let again = after.crash(Lost::NothingUnsynced);
        again.fail_at(operation, Fault::TornCut(operation));
        let _ = recover(&again, promise);
        for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
            let found = recover(&again.crash(lost), promise)
                .map_err(|error| format!("second cut at {operation}: {error}"))?;
            promise.check(&found).map_err(|error| format!("second cut at {operation}: {error}"))?;
        }
    }
    Ok(())
}

/// The suite, on disks that a planted bug may have spoiled. The first broken promise is the error.
pub fn suite(spoil: impl Fn(&MemoryDisk)) -> Result<usize, String> {
    let disk = fresh();
    spoil(&disk);
    let start = disk.operation_count();
    run(&disk);
    let operations = disk.operations();
    let mut cuts = 0;
    for (number, operation) in operations.iter().enumerate().skip(start) {
        for fault in [Fault::Cut, Fault::TornCut(1), Fault::TornCut(30), Fault::ShortWrite(7)] {
            if matches!(fault, Fault::TornCut(_) | Fault::ShortWrite(_))
                && operation.kind != OperationKind::Write
            {
                continue;
            }
            for lost in [Lost::AllUnsynced, Lost::NothingUnsynced] {
                let disk = fresh();
                spoil(&disk);
                disk.fail_at(number, fault);
                let promise = run(&disk);
                let place = || format!("{fault:?} at {number} ({operation:?}), {lost:?}");
                check_cut(&disk, &promise, lost).map_err(|error| format!("{}: {error}", place()))?;
                cuts += 1;
            }
        }
    }
    Ok(cuts)
}
