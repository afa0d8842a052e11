//! Builds with planted bugs fail the suite of the partitions. Only test builds (feature `controls`) have such bugs.

#![cfg(feature = "controls")]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::unwrap_used)]
mod deletion_suite;
#[allow(dead_code)]
mod partition_suite;

use ottla_broker::partition::controls::{Control, activate};
use partition_suite::{a_full_disk_can_be_left_cleanly, a_stray_is_kept, forced};

type Scenario = fn() -> Result<usize, String>;

/// Each bug beside the situation that it cannot survive; on a build without bugs `partition_crash` and
/// `deletion_crash` run the same ones.
const PLANTED: [(Control, Scenario); 10] = [
    (Control::HighWatermarkAtAppend, forced::an_answer_waits_for_the_sync),
    (Control::AckedBeforeWrite, forced::an_answer_waits_for_the_sync),
    (Control::Overtaken, forced::batches_are_written_in_the_order_they_came),
    (Control::DuplicateAckedEarly, forced::a_duplicate_waits_for_the_original),
    (Control::RetryAfterFailedSync, forced::a_failed_sync_acknowledges_nothing),
    (Control::MarkerLeft, forced::a_marker_is_gone_before_the_first_append),
    (Control::CheckpointOfAppended, forced::a_checkpoint_waits_for_the_sync),
    (Control::StraysDeleted, a_stray_is_kept),
    (Control::NoReserve, a_full_disk_can_be_left_cleanly),
    (Control::UnlinkBeforeRecord, deletion_suite::suite),
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
}
