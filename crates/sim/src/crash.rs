//! The second crash suite: every moment of a run, and of the recovery behind it, on every kind of state a cut may leave.
//!
//! A workload runs once on a disk that keeps its journal. The image of each moment comes from the journal; the states
//! that a cut may leave there from `power_cut`. Each is recovered and checked against what was promised until that
//! moment; then the power goes again inside the recovery. What a recovery showed has to survive the next cut.

pub mod log;
pub mod metadata;
pub mod partitions;
#[cfg(feature = "controls")]
pub mod planted;

use crate::disk::SimDisk;
use crate::disk::image::Image;
use crate::disk::power_cut::{self, Budget};
use ottla_env::rng::{Rng, SeededRng};
use std::ops::Range;

pub trait Workload {
    /// What was promised, each thing with the moment of the promise.
    type Promise;
    /// What a recovery shows to whoever asks.
    type Shown: PartialEq + std::fmt::Debug;

    fn name(&self) -> &'static str;

    fn run(&self, disk: &SimDisk, seed: u64) -> Self::Promise;

    /// Recovers and checks. What was promised after `until` may be there or not.
    fn recover(
        &self,
        disk: &SimDisk,
        promise: &Self::Promise,
        until: usize,
    ) -> Result<Recovered<Self::Shown>, String>;
}

/// What a recovery showed, and the moment of its journal when it did.
#[derive(Debug)]
pub struct Recovered<S> {
    pub shown: S,
    pub moment: usize,
}

/// How much of a run is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Of so many moments one is looked at.
    pub every: u64,
    pub budget: Budget,
    /// Of so many states one is cut again at every moment of its recovery; the others only at its end.
    pub inside_every: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    pub runs: usize,
    pub moments: usize,
    pub states: usize,
    pub inside_recovery: usize,
}

/// What a disk does wrong, as a planted bug of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiled {
    Nothing,
    FileSyncsLeftOut,
    DirSyncsLeftOut,
}

impl Spoiled {
    fn spoil(self, disk: SimDisk) -> SimDisk {
        match self {
            Self::Nothing => {}
            Self::FileSyncsLeftOut => disk.skip_file_syncs(),
            Self::DirSyncsLeftOut => disk.skip_dir_syncs(),
        }
        disk
    }
}

/// All seeds. The first broken promise is the error.
pub fn explore<W: Workload>(
    workload: &W,
    seeds: Range<u64>,
    effort: Effort,
    spoiled: Spoiled,
) -> Result<Report, String> {
    let mut report = Report::default();
    for seed in seeds {
        one_run(workload, seed, effort, spoiled, &mut report)
            .map_err(|error| format!("{}, seed {seed}, {error}", workload.name()))?;
    }
    Ok(report)
}

fn one_run<W: Workload>(
    workload: &W,
    seed: u64,
    effort: Effort,
    spoiled: Spoiled,
    report: &mut Report,
) -> Result<(), String> {
    let rng = SeededRng::new(seed ^ 0x5EED);
    let disk = spoiled.spoil(SimDisk::default().recording());
    let promise = workload.run(&disk, seed);
    let journal = disk.journal();
    let mut image = Image::default();
    report.runs += 1;
    for moment in 0..=journal.len() {
        if let Some(op) = moment.checked_sub(1).and_then(|last| journal.get(last)) {
            image.apply(op);
        }
        if rng.below(effort.every) > 0 {
            continue;
        }
        report.moments += 1;
        for state in power_cut::states(&image, effort.budget, &rng) {
            let place = |what: &str| format!("cut at {moment} of {}, {state:?}{what}", journal.len());
            let left = image.after_cut(&state);
            let disk = spoiled.spoil(SimDisk::of(left.clone()).recording());
            let recovered = workload
                .recover(&disk, &promise, moment)
                .map_err(|error| format!("{}: {error}", place("")))?;
            report.states += 1;
            let inside = rng.below(effort.inside_every) == 0;
            cut_again(workload, &promise, moment, left, &disk, &recovered, inside, &rng)
                .map_err(|error| format!("{}: {error}", place(", and again")))
                .map(|count| report.inside_recovery += count)?;
        }
    }
    Ok(())
}

/// The power goes at moments of the recovery, and when it has ended.
#[allow(clippy::too_many_arguments)]
fn cut_again<W: Workload>(
    workload: &W,
    promise: &W::Promise,
    until: usize,
    mut image: Image,
    disk: &SimDisk,
    recovered: &Recovered<W::Shown>,
    inside: bool,
    rng: &SeededRng,
) -> Result<usize, String> {
    let mut count = 0;
    let journal = disk.journal();
    for moment in 0..=recovered.moment {
        if let Some(op) = moment.checked_sub(1).and_then(|last| journal.get(last)) {
            image.apply(op);
        }
        let ended = moment == recovered.moment;
        if !inside && !ended {
            continue;
        }
        let state = power_cut::any_state(&image, rng);
        let again = SimDisk::of(image.after_cut(&state)).recording();
        let place = || format!("cut at {moment} of {} of the recovery, {state:?}", recovered.moment);
        let found =
            workload.recover(&again, promise, until).map_err(|error| format!("{}: {error}", place()))?;
        if ended && found.shown != recovered.shown {
            return Err(format!("{}: was shown {:?}, is {:?}", place(), recovered.shown, found.shown));
        }
        count += 1;
    }
    Ok(count)
}
