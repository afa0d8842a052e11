//! Planted bugs of the broker that the simulation has to catch, each within 40 seeds.

use super::seeds::{Failure, Options, run_all};
use ottla_broker::cluster::controls as cluster;
use ottla_broker::coordinator_controls as coordinator;
use ottla_broker::group_controls as group;
use ottla_broker::partition::controls as partition;
use ottla_log::controls as log;
use std::fmt::Debug;

const SEEDS: u64 = 40;

/// A planted bug, and the seed that its hunt begins with: one that catches it now. What it is only decides how long the hunt
/// takes; a change of the simulation makes it any seed, and 40 of them have to do whichever comes first.
type Planted<C> = (C, u64);

const PARTITION: [Planted<partition::Control>; 1] = [(partition::Control::HighWatermarkAtAppend, 3)];
const LOG: [Planted<log::Control>; 3] = [
    (log::Control::SyncCoversTheEnd, 37),
    (log::Control::ProducersNotRebuilt, 2),
    (log::Control::CrcNotChecked, 19),
];
const METADATA: [Planted<cluster::Control>; 2] =
    [(cluster::Control::AnswerBeforeSync, 1), (cluster::Control::EpochsKept, 7)];
const COORDINATOR: [Planted<coordinator::Control>; 2] =
    [(coordinator::Control::AnsweredBeforeAppend, 19), (coordinator::Control::ReplayCutShort, 2)];
const GROUP: [Planted<group::Control>; 5] = [
    (group::Control::OldGenerationAccepted, 1),
    (group::Control::DisplacedInstanceBelieved, 12),
    (group::Control::AnyMemberAssigns, 2),
    (group::Control::CommitNotWritten, 2),
    (group::Control::ExpiredWhileRebalancing, 3),
];

/// How many were caught; or the names of those that were not.
pub fn catch_all(options: Options) -> Result<usize, String> {
    let mut caught = 0;
    let mut missed = Vec::new();
    let mut hunt = |name: String, known: u64| match run_all(Options {
        first: options.given.unwrap_or(known),
        seeds: SEEDS,
        ..options
    }) {
        Err(Failure::Broken(violation)) => {
            println!("{name} caught by {}", violation.lines().next().unwrap_or_default());
            caught += 1;
        }
        Err(Failure::Panicked(text) | Failure::Void(text)) => missed.push(format!("{name} ({text})")),
        Ok(total) => missed.push(format!("{name} (in {} seeds)", total.seeds)),
    };
    each(&PARTITION, partition::activate, partition::Control::None, &mut hunt);
    each(&LOG, log::activate, log::Control::None, &mut hunt);
    each(&METADATA, cluster::activate, cluster::Control::None, &mut hunt);
    each(&COORDINATOR, coordinator::activate, coordinator::Control::None, &mut hunt);
    each(&GROUP, group::activate, group::Control::None, &mut hunt);
    if missed.is_empty() { Ok(caught) } else { Err(format!("not caught: {}", missed.join(", "))) }
}

fn each<C: Copy + Debug>(
    planted: &[Planted<C>],
    activate: fn(C),
    none: C,
    hunt: &mut impl FnMut(String, u64),
) {
    for (control, first) in planted {
        activate(*control);
        hunt(format!("{control:?}"), *first);
    }
    activate(none);
}
