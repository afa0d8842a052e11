//! Every planted bug, and the seeds within which the crash suite has to catch it.

use super::log::LogWorkload;
use super::metadata::MetadataWorkload;
use super::{Effort, Spoiled, explore};
use crate::damage;
use ottla_broker::cluster::controls as cluster;
use ottla_log::controls as log;

const SEEDS: std::ops::Range<u64> = 0..150;

/// All but those of single writes and files, which the log's own suite catches by failing every operation in turn, and
/// the suite of damage by breaking what is there.
const LOG: [log::Control; 10] = [
    log::Control::SyncCoversTheEnd,
    log::Control::NewestFileDecides,
    log::Control::TwoSyncsOfAFile,
    log::Control::NoNameSync,
    log::Control::TableMovesFirst,
    log::Control::StopAtCheckpoint,
    log::Control::ProducersNotRebuilt,
    log::Control::NoCrcCheck,
    log::Control::TornTailAccepted,
    log::Control::NoSyncAtRecovery,
];

type Suite = fn(u64) -> Result<usize, String>;

const DAMAGE: [(log::Control, Suite); 4] = [
    (log::Control::CutBelowCheckpoint, damage::flips::suite),
    (log::Control::OrderNotChecked, damage::flips::suite),
    (log::Control::CrcNotChecked, damage::flips::suite),
    (log::Control::StaleIndexTrusted, damage::indexes::suite),
];

const METADATA: [cluster::Control; 2] =
    [cluster::Control::AnswerBeforeSync, cluster::Control::AnswerBeforeRecord];

/// Runs the suite against each bug and prints how it was caught. How many were; or the names of those that were not.
pub fn catch_all(effort: Effort) -> Result<usize, String> {
    let (mut caught, mut missed) = (0, Vec::new());
    let mut note = |name: String, result: Result<super::Report, String>| match result {
        Err(broken) => {
            let line: String = broken.chars().take(200).collect();
            println!("{name} caught: {line}");
            caught += 1;
        }
        Ok(report) => missed.push(format!("{name} ({report:?})")),
    };
    for control in LOG {
        log::activate(control);
        note(format!("{control:?}"), explore(&LogWorkload, SEEDS, effort, Spoiled::Nothing));
    }
    for (control, suite) in DAMAGE {
        log::activate(control);
        let caught = damage::each(SEEDS, suite).map(|_| super::Report::default());
        note(format!("{control:?}"), caught);
    }
    log::activate(log::Control::None);
    for control in METADATA {
        cluster::activate(control);
        note(format!("{control:?}"), explore(&MetadataWorkload, SEEDS, effort, Spoiled::Nothing));
    }
    cluster::activate(cluster::Control::None);
    for spoiled in [Spoiled::FileSyncsLeftOut, Spoiled::DirSyncsLeftOut] {
        note(format!("{spoiled:?} below a log"), explore(&LogWorkload, SEEDS, effort, spoiled));
        note(format!("{spoiled:?} below metadata"), explore(&MetadataWorkload, SEEDS, effort, spoiled));
    }
    if missed.is_empty() { Ok(caught) } else { Err(format!("not caught: {}", missed.join(", "))) }
}
