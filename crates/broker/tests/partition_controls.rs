//! Builds with planted bugs fail the suite of the partitions. Only test builds (feature `controls`) have such bugs.

#![cfg(feature = "controls")]
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod partition_suite;

use ottla_broker::partition::controls::{Control, activate};
use partition_suite::{a_full_disk_can_be_left_cleanly, a_stray_is_kept, suite};

/// Threads decide when a bug shows; a disk that is done at once leaves it little room.
const SEEDS: std::ops::Range<u64> = 0..400;

// One test alone in its process, because a planted bug is switched on for the whole of it.
#[test]
fn planted_bugs_are_caught() {
    let mut missed = Vec::new();
    let mut catch = |control: Control, suite: &dyn Fn() -> Result<usize, String>| {
        activate(control);
        match suite() {
            Ok(_) => missed.push(control),
            Err(caught) => println!("{control:?} caught: {caught}"),
        }
    };
    for control in [
        Control::HighWatermarkAtAppend,
        Control::AckedBeforeWrite,
        Control::DuplicateAckedEarly,
        Control::RetryAfterFailedSync,
        Control::MarkerLeft,
        Control::CheckpointOfAppended,
    ] {
        catch(control, &|| suite(SEEDS));
    }
    catch(Control::StraysDeleted, &a_stray_is_kept);
    catch(Control::NoReserve, &a_full_disk_can_be_left_cleanly);
    activate(Control::None);
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
