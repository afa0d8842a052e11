//! Compaction against a model: a map of last values, slow readers that must never be left with a key that was deleted, and
//! a power cut at every operation of a pass.

#![allow(clippy::unwrap_used)]

mod compaction_suite;

use compaction_suite::{crash_at_every_step, random_workload, shape};

#[test]
fn the_last_value_of_every_key_stays_and_what_was_deleted_stays_deleted() {
    for seed in 0..40 {
        random_workload(seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn a_power_cut_at_any_step_of_the_swap_loses_nothing() {
    let cuts = crash_at_every_step(0..2).unwrap();
    assert!(cuts > 100, "only {cuts} cuts");
}

#[test]
fn many_records_of_few_keys_become_a_handful() {
    shape(20_000, 10).unwrap();
}
