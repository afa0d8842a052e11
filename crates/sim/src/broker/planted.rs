//! Planted bugs of the broker that the simulation has to catch, each within a few seeds.

use super::seeds::{Failure, Options, run_all};
use ottla_broker::cluster::controls as cluster;
use ottla_broker::partition::controls as partition;
use ottla_log::controls as log;

const SEEDS: u64 = 40;

const PARTITION: [partition::Control; 1] = [partition::Control::HighWatermarkAtAppend];
const LOG: [log::Control; 3] =
    [log::Control::SyncCoversTheEnd, log::Control::ProducersNotRebuilt, log::Control::NoSyncAtRecovery];
const METADATA: [cluster::Control; 1] = [cluster::Control::AnswerBeforeSync];

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
    for control in PARTITION {
        partition::activate(control);
        hunt(format!("{control:?}"));
    }
    partition::activate(partition::Control::None);
    for control in LOG {
        log::activate(control);
        hunt(format!("{control:?}"));
    }
    log::activate(log::Control::None);
    for control in METADATA {
        cluster::activate(control);
        hunt(format!("{control:?}"));
    }
    cluster::activate(cluster::Control::None);
    if missed.is_empty() { Ok(caught) } else { Err(format!("not caught: {}", missed.join(", "))) }
}
