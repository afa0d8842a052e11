//! Situations that chance would rarely bring: each is forced on real threads by a disk that holds syncs until told.
//!
//! Whether a promise holds is decided by what was answered while a sync was under way, never by who was faster; so a
//! planted bug is certainly caught, on any machine.

use super::by_hand::CheckpointByHand;
use super::{contents, fresh, image, produced, start, start_with, topic};
use ottla_broker::partition::{AppendError, Partition, Registry, Written};
use ottla_env::clock::ManualClock;
use ottla_env::disk::{Disk, Lost, MemoryDisk, OperationKind};
use ottla_env::task::{Threads, Turn};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::oneshot::{self, Receiver};

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const PRODUCER: i64 = 1;
/// Far beyond what follows: a batch of this number is refused at once.
const GAP: i64 = 1_000;
/// More than a disk loop takes in one round.
const SEVERAL_ROUNDS: usize = 2_000;

type Answer = Receiver<Result<Written, AppendError>>;

struct Stage {
    disk: MemoryDisk,
    registry: Registry,
    partition: Arc<Partition>,
    runtime: Runtime,
}

impl Stage {
    fn on(disk: MemoryDisk) -> Self {
        let registry = start(&disk);
        Self::of(disk, registry)
    }

    fn of(disk: MemoryDisk, registry: Registry) -> Self {
        let partition = registry.partition(&topic(), 0).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { disk, registry, partition, runtime }
    }

    /// The batch of this number, which is its sequence too.
    fn append(&self, number: i64) -> Answer {
        let batch = super::build(number, 10, PRODUCER, number as i32);
        self.partition.log.append(produced(&batch))
    }

    fn written(&self, number: i64) -> Result<i64, String> {
        let answer = self.runtime.block_on(self.append(number));
        match answer {
            Ok(Ok(written)) => Ok(written.base_offset),
            other => Err(format!("batch {number} was answered {other:?}")),
        }
    }

    /// The disk loop has handled everything that was sent before.
    fn pass(&self) -> Result<(), String> {
        match self.runtime.block_on(self.append(GAP)) {
            Ok(Err(AppendError::OutOfOrderSequence { .. })) => Ok(()),
            other => Err(format!("a sequence with a gap was answered {other:?}")),
        }
    }

    /// Cuts the power, loses what was not synced, and starts again: what is there then.
    fn after_a_cut(self) -> Result<BTreeMap<i64, i64>, String> {
        self.disk.cut();
        if self.runtime.block_on(self.registry.stop()).is_ok() {
            return Err("a stop without a disk was a clean one".to_owned());
        }
        let next = Self::on(self.disk.crash(Lost::AllUnsynced));
        let report = next.runtime.block_on(next.registry.recover(&image()));
        let report = report.map_err(|error| error.to_string())?;
        if report.offline > 0 {
            return Err(format!("a partition is offline after a start: {report:?}"));
        }
        let found = next.runtime.block_on(contents(&next.partition))?;
        next.runtime.block_on(next.registry.stop()).map_err(|error| error.to_string())?;
        Ok(found)
    }
}

fn not_answered(answer: &mut Answer, what: &str) -> Result<(), String> {
    match answer.try_recv() {
        Err(tokio::sync::oneshot::error::TryRecvError::Empty) => Ok(()),
        other => Err(format!("{what} was answered while its sync was under way: {other:?}")),
    }
}

/// An answer, and what a reader sees, wait for the sync (rule A1).
pub fn an_answer_waits_for_the_sync() -> Result<usize, String> {
    let stage = Stage::on(fresh());
    stage.disk.hold_syncs(".log");
    let mut answer = stage.append(0);
    stage.disk.wait_for_held_syncs(1);
    not_answered(&mut answer, "a batch")?;
    if stage.partition.high_watermark() != 0 {
        return Err("the high watermark passed what is not synced".to_owned());
    }
    stage.disk.release_syncs();
    match stage.runtime.block_on(answer) {
        Ok(Ok(_)) => {}
        other => return Err(format!("a synced batch was answered {other:?}")),
    }
    let found = stage.after_a_cut()?;
    if found.len() == 1 { Ok(1) } else { Err(format!("a batch was acknowledged, {found:?} is left")) }
}

/// What is handed over first is written first, whoever waits for what (rule A3).
pub fn batches_are_written_in_the_order_they_came() -> Result<usize, String> {
    let stage = Stage::on(fresh());
    let answers: Vec<Answer> = (0..10).map(|number| stage.append(number)).collect();
    for (number, answer) in answers.into_iter().enumerate() {
        match stage.runtime.block_on(answer) {
            Ok(Ok(written)) if written.base_offset == number as i64 => {}
            other => return Err(format!("batch {number} was answered {other:?}")),
        }
    }
    stage.after_a_cut().map(|found| found.len())
}

/// A duplicate waits for the sync of the original (rule P1).
pub fn a_duplicate_waits_for_the_original() -> Result<usize, String> {
    let stage = Stage::on(fresh());
    stage.written(0)?;
    stage.disk.hold_syncs(".log");
    let original = stage.append(1);
    stage.disk.wait_for_held_syncs(1);
    let mut again = stage.append(1);
    stage.pass()?;
    not_answered(&mut again, "a duplicate")?;
    stage.disk.release_syncs();
    for answer in [original, again] {
        match stage.runtime.block_on(answer) {
            Ok(Ok(written)) if written.base_offset == 1 => {}
            other => return Err(format!("a synced batch was answered {other:?}")),
        }
    }
    stage.after_a_cut().map(|found| found.len())
}

/// A failed sync is the end: nothing it covered is acknowledged, and it is not tried again (rule A7).
pub fn a_failed_sync_acknowledges_nothing() -> Result<usize, String> {
    let stage = Stage::on(fresh());
    stage.written(0)?;
    stage.disk.hold_syncs(".log");
    let answer = stage.append(1);
    stage.disk.wait_for_held_syncs(1);
    stage.disk.fail_kind(OperationKind::SyncFile, 1, EIO);
    stage.disk.release_syncs();
    let answer = stage.runtime.block_on(answer);
    if !matches!(answer, Ok(Err(AppendError::Storage(_)))) {
        let found = stage.after_a_cut()?;
        return Err(format!("a batch whose sync failed was answered {answer:?}; {found:?} is left"));
    }
    stage.after_a_cut().map(|found| found.len())
}

/// Three batches, a clean stop, a start, and three more.
fn six_around_a_clean_stop() -> Result<Stage, String> {
    let stage = Stage::on(fresh());
    for number in 0..3 {
        stage.written(number)?;
    }
    stage.runtime.block_on(stage.registry.stop()).map_err(|error| error.to_string())?;
    let stage = Stage::on(stage.disk.crash(Lost::AllUnsynced));
    for number in 3..6 {
        stage.written(number)?;
    }
    Ok(stage)
}

/// The marker of a clean stop says nothing of what was written after it (rule R1).
pub fn a_marker_is_gone_before_the_first_append() -> Result<usize, String> {
    let stage = six_around_a_clean_stop()?;
    let found = stage.after_a_cut()?;
    if found.len() == 6 { Ok(6) } else { Err(format!("six batches were acknowledged, {found:?} is left")) }
}

/// A checkpoint, here that of a stop, names nothing that is only appended (rule R5).
pub fn a_checkpoint_waits_for_the_sync() -> Result<usize, String> {
    let stage = Stage::on(fresh());
    stage.written(0)?;
    stage.disk.hold_syncs(".log");
    let _unanswered = stage.append(1);
    stage.disk.wait_for_held_syncs(1);
    let registry = stage.registry.clone();
    let stopping = stage.runtime.spawn(async move { drop(registry.stop().await) });
    // The disk loop refuses what comes behind the stop, and ends when its logs are in the checkpoint.
    let (mut refused, mut ended) = (0, false);
    while refused < SEVERAL_ROUNDS && !ended {
        match stage.runtime.block_on(stage.append(GAP)) {
            Ok(Err(AppendError::Stopping)) => refused += 1,
            Ok(_) => {}
            Err(_) => ended = true,
        }
    }
    while ended && stage.disk.entry(Path::new("data/clean-stop")).unwrap().is_none() {
        std::thread::yield_now();
    }
    stage.disk.cut();
    stage.runtime.block_on(stopping).unwrap();
    let found = stage.after_a_cut()?;
    if ended {
        return Err(format!("the checkpoint did not wait for a sync; {found:?} is left"));
    }
    Ok(found.len())
}

/// A checkpoint that could not be written is written when it is due again, though nothing was appended since, and leaves
/// nothing of the failed one. Returns how often it was due.
pub fn a_checkpoint_that_failed_is_written_later() -> Result<usize, String> {
    let (by_hand, clock) = (CheckpointByHand::default(), Arc::new(ManualClock::at(1_000)));
    let disk = fresh();
    let registry = start_with(&disk, Arc::new(by_hand.clone()), Arc::clone(&clock));
    let stage = Stage::of(disk, registry);
    stage.written(0)?;
    turns(&by_hand);
    let names = || -> Vec<String> {
        let entries = stage.disk.list(Path::new("data")).unwrap();
        entries.into_iter().map(|entry| entry.name).filter(|name| name.starts_with("checkpoint")).collect()
    };
    for due in 1..=3 {
        if due == 1 {
            stage.disk.fail_kind(OperationKind::Rename, 1, EIO);
        }
        clock.advance_ms(10_000);
        turns(&by_hand);
        match names().as_slice() {
            [] => {}
            [name] if name == "checkpoint" => return Ok(due),
            other => return Err(format!("{other:?} is left")),
        }
    }
    Err("the checkpoint was not tried again".to_owned())
}

/// Until a checkpoint that is due is written or has failed.
fn turns(by_hand: &CheckpointByHand) {
    // Its first turn asks the disk loops, which answer on their own threads.
    if by_hand.turn() == Turn::Worked {
        while by_hand.turn() != Turn::Worked {
            std::thread::yield_now();
        }
        // The time to the next one begins.
        by_hand.turn();
    }
}

/// An append can be neither written nor undone: the log takes no more, and a clean stop still says what it holds (rules
/// A4, R1).
pub fn a_log_that_takes_no_more_is_stopped_cleanly() -> Result<usize, String> {
    let stage = six_around_a_clean_stop()?;
    stage.disk.fail_kind(OperationKind::Write, 1, EIO);
    stage.disk.fail_kind(OperationKind::SetLen, 1, EIO);
    for number in [6, 7] {
        match stage.runtime.block_on(stage.append(number)) {
            Ok(Err(AppendError::Storage(_))) => {}
            other => return Err(format!("a batch that could not be undone was answered {other:?}")),
        }
    }
    stage.runtime.block_on(stage.registry.stop()).map_err(|error| error.to_string())?;
    let next = Stage::on(stage.disk.crash(Lost::AllUnsynced));
    let found = next.runtime.block_on(contents(&next.partition))?;
    next.runtime.block_on(next.registry.stop()).map_err(|error| error.to_string())?;
    if found.len() == 6 { Ok(6) } else { Err(format!("six batches were acknowledged, {found:?} is left")) }
}

/// A directory that cannot be opened is not a failed sync: nothing was tried, so it is tried again.
pub fn a_sync_that_finds_no_descriptor_is_tried_again() -> Result<usize, String> {
    let (disk, clock) = (fresh(), Arc::new(ManualClock::at(1_000)));
    let registry = start_with(&disk, Arc::new(Threads), Arc::clone(&clock));
    let stage = Stage::of(disk, registry);
    stage.disk.fail_kind(OperationKind::SyncDir, 3, EMFILE);
    let mut answer = stage.append(0);
    let answer = loop {
        match answer.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => clock.advance_ms(100),
            other => break other,
        }
        std::thread::yield_now();
    };
    if !matches!(answer, Ok(Ok(_))) {
        return Err(format!("a batch whose directory could not be opened was answered {answer:?}"));
    }
    stage.after_a_cut().map(|found| found.len())
}

/// The next one who asks for a log has its opening tried again.
pub fn a_log_that_could_not_be_opened_is_opened_later() -> Result<usize, String> {
    let mut stage = Stage::on(fresh());
    for number in 0..4 {
        stage.written(number)?;
        stage.disk.cut();
        let _ = stage.runtime.block_on(stage.registry.stop());
        stage = Stage::on(stage.disk.crash(Lost::NothingUnsynced));
        stage.disk.fail_kind(OperationKind::SyncDir, 1, EMFILE);
        let refused = if number % 2 == 0 {
            stage.runtime.block_on(stage.partition.log.ready()).is_err()
        } else {
            stage.written(number + 1).is_err()
        };
        if !refused {
            return Err("a log was opened without a descriptor".to_owned());
        }
    }
    stage.runtime.block_on(stage.partition.log.ready()).map_err(|error| error.to_string())?;
    stage.written(4)?;
    stage.after_a_cut().map(|found| found.len())
}
