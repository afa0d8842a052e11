//! Switches one planted bug on, in test builds only: `OTTLA_CONTROL` names it. The release build has none of this.

use crate::exit::Failure;
use anyhow::Result;
use ottla_broker::{cluster, partition};

const VARIABLE: &str = "OTTLA_CONTROL";

pub fn activate_from_environment() -> Result<()> {
    let Ok(name) = std::env::var(VARIABLE) else { return Ok(()) };
    use cluster::controls::{Control as Metadata, activate as metadata};
    use ottla_broker::coordinator_controls::{Control as Coordinator, activate as coordinator};
    use ottla_broker::group_controls::{Control as Group, activate as group};
    use ottla_broker::log_controls::{Control as Log, activate as log};
    use partition::controls::{Control as Partition, activate as partition};
    match name.as_str() {
        "" => {}
        "acked-before-write" => partition(Partition::AckedBeforeWrite),
        "stop-at-checkpoint" => log(Log::StopAtCheckpoint),
        "producers-not-rebuilt" => log(Log::ProducersNotRebuilt),
        "torn-tail-accepted" => log(Log::TornTailAccepted),
        "producer-ids-in-memory" => metadata(Metadata::ProducerIdsInMemory),
        "create-answered-early" => metadata(Metadata::AnswerBeforeRecord),
        "groups-answered-before-append" => coordinator(Coordinator::AnsweredBeforeAppend),
        "groups-replay-cut-short" => coordinator(Coordinator::ReplayCutShort),
        "commit-not-written" => group(Group::CommitNotWritten),
        other => return Err(Failure::usage(format!("{VARIABLE}={other}: there is no such bug")).into()),
    }
    tracing::warn!(bug = name, "this is a test build with a planted bug");
    Ok(())
}
