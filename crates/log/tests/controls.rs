//! Builds with planted bugs fail the crash suite. Only test builds (feature `controls`) have such bugs.

#![cfg(feature = "controls")]
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod compaction_suite;
#[allow(dead_code)]
mod crash_suite;

use crash_suite::suite;
use ottla_env::disk::MemoryDisk;
use ottla_log::controls::{Control, activate};

const SEEDS: std::ops::Range<u64> = 0..30;

// One test alone in its process, because a planted bug is switched on for the whole of it.
#[test]
fn planted_bugs_are_caught() {
    let planted = [
        Control::SyncCoversTheEnd,
        Control::NewestFileDecides,
        Control::TwoSyncsOfAFile,
        Control::NoCutBack,
        Control::NoNameSync,
        Control::TableMovesFirst,
        Control::StopAtCheckpoint,
        Control::ProducersNotRebuilt,
        Control::TornTailAccepted,
        Control::NoSyncAtRecovery,
        Control::UnlinkFirst,
        Control::NoSuccessor,
    ];
    let (mut all, mut missed) = (0, Vec::new());
    let mut catch = |name: String, result: Result<usize, String>| {
        all += 1;
        match result {
            Ok(cuts) => missed.push(format!("{name} ({cuts} cuts)")),
            Err(caught) => println!("{name} caught: {caught}"),
        }
    };
    for control in planted {
        activate(control);
        catch(format!("{control:?}"), suite(SEEDS, |_| {}));
    }
    activate(Control::TombstonesDropped);
    catch(
        "TombstonesDropped".to_owned(),
        (0..40).try_for_each(compaction_suite::random_workload).map(|()| 0),
    );
    activate(Control::SwapUnsynced);
    catch("SwapUnsynced".to_owned(), compaction_suite::crash_at_every_step(0..4));
    activate(Control::StaleIndexTrusted);
    catch("StaleIndexTrusted".to_owned(), crash_suite::reads_beside_a_stale_index());
    activate(Control::NoCrcCheck);
    catch("NoCrcCheck".to_owned(), crash_suite::recovery_meets_rot());
    activate(Control::CutBytesStay);
    catch("CutBytesStay".to_owned(), crash_suite::cut_bytes_do_not_come_back());
    activate(Control::SnapshotAheadTrusted);
    catch("SnapshotAheadTrusted".to_owned(), crash_suite::a_snapshot_ahead_of_the_end_is_cut());
    activate(Control::None);
    catch("fdatasync left out".to_owned(), suite(SEEDS, |disk: &MemoryDisk| disk.skip_file_sync(true)));
    catch(
        "sync of directories left out".to_owned(),
        suite(SEEDS, |disk: &MemoryDisk| disk.skip_dir_sync(true)),
    );
    assert!(crash_suite::recovery_meets_rot().is_ok());
    assert!(crash_suite::reads_beside_a_stale_index().is_ok());
    assert!(crash_suite::cut_bytes_do_not_come_back().is_ok());
    assert!(crash_suite::a_snapshot_ahead_of_the_end_is_cut().is_ok());
    println!("{} of {all} caught", all - missed.len());
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
