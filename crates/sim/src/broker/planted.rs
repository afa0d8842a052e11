//! Planted bugs of the broker that the simulation has to catch, each within 40 seeds.

use super::seeds::{Failure, Options, run_all};
use ottla_broker::cluster::controls as cluster;
use ottla_broker::coordinator_controls as coordinator;
use ottla_broker::group_controls as group;
use ottla_broker::partition::controls as partition;
use ottla_log::controls as log;
use std::fmt::Debug;

const SEEDS: u64 = 40;

const PARTITION: [partition::Control; 1] = [partition::Control::HighWatermarkAtAppend];
const LOG: [log::Control; 3] =
    [log::Control::SyncCoversTheEnd, log::Control::ProducersNotRebuilt, log::Control::CrcNotChecked];
const METADATA: [cluster::Control; 2] = [cluster::Control::AnswerBeforeSync, cluster::Control::EpochsKept];
const COORDINATOR: [coordinator::Control; 2] =
    [coordinator::Control::AnsweredBeforeAppend, coordinator::Control::ReplayCutShort];
const GROUP: [group::Control; 5] = [
    group::Control::OldGenerationAccepted,
    group::Control::DisplacedInstanceBelieved,
    group::Control::AnyMemberAssigns,
    group::Control::CommitNotWritten,
    group::Control::ExpiredWhileRebalancing,
];

/// How many were caught; or the names of those that were not.
pub fn catch_all(options: Options) -> Result<usize, String> {
    let mut caught = 0;
    let mut missed = Vec::new();
    let mut hunt = |name: String| match run_all(Options { seeds: SEEDS, ..options }) {
        Err(Failure::Broken(violation)) => {
            println!("{name} caught by {}", violation.lines().next().unwrap_or_default());
            caught += 1;
        }
        Err(Failure::Panicked(text)) => missed.push(format!("{name} ({text})")),
        Ok(total) => missed.push(format!("{name} (in {} seeds)", total.seeds)),
    };
    each(&PARTITION, partition::activate, partition::Control::None, &mut hunt);
    each(&LOG, log::activate, log::Control::None, &mut hunt);
    each(&METADATA, cluster::activate, cluster::Control::None, &mut hunt);
    each(&COORDINATOR, coordinator::activate, coordinator::Control::None, &mut hunt);
    each(&GROUP, group::activate, group::Control::None, &mut hunt);
    if missed.is_empty() { Ok(caught) } else { Err(format!("not caught: {}", missed.join(", "))) }
}

fn each<C: Copy + Debug>(controls: &[C], activate: fn(C), none: C, hunt: &mut impl FnMut(String)) {
    for control in controls {
        activate(*control);
        hunt(format!("{control:?}"));
    }
    activate(none);
}
