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

#[test]
fn what_chance_rarely_brings_is_forced() {
    use partition_suite::forced;
    assert_eq!(forced::an_answer_waits_for_the_sync(), Ok(1));
    assert_eq!(forced::batches_are_written_in_the_order_they_came(), Ok(10));
    assert_eq!(forced::a_duplicate_waits_for_the_original(), Ok(2));
    assert_eq!(forced::a_failed_sync_acknowledges_nothing(), Ok(1));
    assert_eq!(forced::a_marker_is_gone_before_the_first_append(), Ok(6));
    assert_eq!(forced::a_checkpoint_waits_for_the_sync(), Ok(1));
    assert_eq!(forced::a_checkpoint_that_failed_is_written_later(), Ok(2));
    assert_eq!(forced::a_log_that_takes_no_more_is_stopped_cleanly(), Ok(6));
}

#[test]
fn what_found_no_descriptor_is_tried_again() {
    use partition_suite::forced;
    assert_eq!(forced::a_sync_that_finds_no_descriptor_is_tried_again(), Ok(1));
    assert_eq!(forced::a_log_that_could_not_be_opened_is_opened_later(), Ok(5));
}
