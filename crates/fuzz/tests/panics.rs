//! A panic of a broker's task ends nothing but that task: the target of connections has to see it all the same.

#![allow(clippy::unwrap_used)]

use ottla_fuzz::targets::find;
use std::panic::catch_unwind;

#[test]
fn a_panic_between_two_inputs_is_seen() {
    let connection = find("connection").unwrap().run;
    connection(b"");
    // As a task of the broker whose turn comes when the input was answered.
    std::thread::scope(|scope| scope.spawn(|| panic!("a task of the broker")).join().unwrap_err());
    let why = catch_unwind(|| connection(b"")).unwrap_err();
    assert!(why.downcast_ref::<String>().unwrap().contains("a task of the broker panicked"));
    // The next broker begins without it.
    connection(b"");
}
