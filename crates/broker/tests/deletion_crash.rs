//! A deleted topic is gone, and one that is not is whole, wherever the power goes. See `deletion_suite`.

#[allow(dead_code, clippy::unwrap_used)]
mod deletion_suite;

#[test]
fn a_topic_is_whole_or_gone_wherever_the_power_goes() {
    let cuts = deletion_suite::suite().unwrap();
    assert!(cuts > 60, "only {cuts} cuts were tried");
    println!("{cuts} cuts");
}
