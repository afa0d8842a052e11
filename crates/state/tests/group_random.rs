//! Random clients against the machine of groups, with a broker that loses it. `OTTLA_GROUP_EVENTS` asks for another
//! number of events, `OTTLA_GROUP_SEED` for another first seed; a failure names its seed.

#![allow(clippy::unwrap_used)]

mod group_suite;

use group_suite::{Acks, run_events};

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn groups_hold_their_promises_whatever_happens() {
    let events = from_environment("OTTLA_GROUP_EVENTS", 200_000);
    let seen = run_events(from_environment("OTTLA_GROUP_SEED", 1), events as usize, Acks::Committed).unwrap();
    println!("{events} events: {seen:?}");
    let counts = [
        seen.generations,
        seen.commits,
        seen.commits_refused,
        seen.late,
        seen.crashes,
        seen.records_lost,
        seen.expired,
        seen.displaced,
        seen.fetches,
    ];
    assert!(counts.iter().all(|count| *count > 0), "the run shows nothing: {seen:?}");
}
