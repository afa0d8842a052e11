//! Machines with planted bugs fail the random run. Only test builds (feature `controls`) have such bugs.

#![cfg(feature = "controls")]
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod group_suite;

use group_suite::{Acks, run_events};
use ottla_state::controls::{Control, activate};

const EVENTS: usize = 400_000;

// One test alone in its process, because a planted bug is switched on for the whole of it.
#[test]
fn planted_bugs_are_caught() {
    let planted = [
        (Control::OldGenerationAccepted, Acks::Committed),
        (Control::ExpiredWhileRebalancing, Acks::Committed),
        (Control::AnyMemberAssigns, Acks::Committed),
        (Control::DisplacedInstanceBelieved, Acks::Committed),
        (Control::CommitNotWritten, Acks::Committed),
        (Control::None, Acks::Appended),
    ];
    let mut missed = Vec::new();
    for (control, acks) in planted {
        activate(control);
        match run_events(1, EVENTS, acks) {
            Ok(_) => missed.push((control, acks)),
            Err(caught) => println!("{control:?}, acknowledged when {acks:?}, caught: {caught}"),
        }
    }
    activate(Control::None);
    println!("{} of {} caught", planted.len() - missed.len(), planted.len());
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
