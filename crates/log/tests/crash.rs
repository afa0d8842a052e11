//! No acknowledged batch is lost, doubled or changed, wherever the power goes. See `crash_suite`.

mod crash_suite;

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_goes() {
    match crash_suite::suite(0..12, |_| {}) {
        Ok(cuts) => {
            println!("{cuts} cuts and failed operations");
            assert!(cuts > 5_000, "only {cuts} cuts: the script got shorter");
        }
        Err(broken) => panic!("{broken}"),
    }
}

#[test]
fn bytes_that_were_cut_do_not_come_back() {
    assert_eq!(crash_suite::cut_bytes_do_not_come_back(), Ok(2));
}

#[test]
fn a_snapshot_knows_no_more_than_its_log() {
    assert_eq!(crash_suite::a_snapshot_ahead_of_the_end_is_cut(), Ok(2));
}
