//! Nothing that was acknowledged or seen is lost, however the broker's partitions stop. See `partition_suite`.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod partition_suite;

#[test]
fn nothing_acknowledged_or_seen_is_lost_however_partitions_stop() {
    let rounds = partition_suite::suite(0..40).unwrap();
    assert_eq!(rounds, 240);
}

#[test]
fn a_stray_directory_is_put_aside() {
    partition_suite::a_stray_is_kept().unwrap();
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_stops_cleanly() {
    assert!(partition_suite::a_full_disk_can_be_left_cleanly().unwrap() >= 5);
}
