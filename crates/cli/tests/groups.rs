//! `ottla group`, `ottla consume -G` and `ottla bench groups` against a broker of its own: what is committed, shown,
//! moved and removed. No figure and no time is looked at.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

mod harness;

use harness::Broker;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Command;

#[test]
fn what_a_group_reads_is_committed_shown_moved_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    broker.done(&["topic", "create", "orders"]);
    let lines: String = (0..10).map(|number| format!("{number}\n")).collect();
    assert_eq!(broker.run_with(&["produce", "orders"], &lines).2, Some(0));

    // Exactly what was written is committed, although the broker gave more.
    let consume = ["consume", "-G", "readers", "orders", "-e"];
    assert_eq!(broker.done(&[&consume[..], &["-c", "4"]].concat()), "0\n1\n2\n3\n");
    let described = broker.done(&["group", "describe", "readers"]);
    assert_eq!(described, "readers\torders\t0\t4\t10\t6\t-\t-\t-\n");
    assert_eq!(broker.done(&consume), "4\n5\n6\n7\n8\n9\n");
    assert_eq!(broker.done(&["group", "ls"]), "readers\tclassic\tEmpty\n");

    let reset = ["group", "reset", "readers", "--topic", "orders", "--shift-by", "-3"];
    assert_eq!(broker.done(&reset), "readers\torders\t0\t10\t7\t3\n");
    let described = broker.done(&["group", "describe", "readers"]);
    assert_eq!(described, "readers\torders\t0\t10\t10\t0\t-\t-\t-\n", "a preview changes nothing");
    broker.done(&[&reset[..], &["--execute"]].concat());
    assert_eq!(broker.done(&consume), "7\n8\n9\n");

    let saved = dir.path().join("saved.csv");
    let export =
        broker.done(&["group", "reset", "readers", "--topic", "orders", "--to-offset", "5", "--export"]);
    assert_eq!(export, "orders,0,5\n");
    std::fs::write(&saved, export).unwrap();
    let saved = saved.to_str().unwrap();
    broker.done(&["group", "reset", "readers", "--from-file", saved, "--execute"]);
    assert_eq!(broker.done(&consume), "5\n6\n7\n8\n9\n");

    broker.refused(&["group", "rm", "readers"], 2, "no terminal to ask at");
    broker.refused(&["group", "describe", "nobody"], 1, "GROUP_ID_NOT_FOUND");
    broker.refused(&["consume", "-G", "readers", "orders", "-p", "0"], 2, "the group decides");
    broker.refused(&["group", "reset", "readers", "--topic", "orders"], 2, "--to-earliest");
    let forget = ["group", "delete-offsets", "readers", "--topic", "orders", "--yes"];
    assert_eq!(broker.done(&forget), "readers\torders\t0\t10\n");
    broker.refused(&forget, 1, "has committed nothing of these");
    // A group without members and offsets is gone by itself.
    broker.done(&["group", "rm", "readers", "--yes", "--if-exists"]);
    assert_eq!(broker.done(&["group", "ls"]), "");
}

#[test]
fn a_signal_ends_a_reader_with_its_commit_and_out_of_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    broker.done(&["topic", "create", "orders"]);
    assert_eq!(broker.run_with(&["produce", "orders"], "0\n1\n2\n").2, Some(0));
    // No commit comes by the clock, and no session ends while this runs.
    let settings = ["-X", "auto.commit.interval.ms=3600000", "-X", "session.timeout.ms=1800000"];
    for (signal, exit) in [("-TERM", 143), ("-INT", 130)] {
        let group = format!("readers{signal}");
        let consume = ["consume", "-G", &group, "orders", "-o", "beginning"];
        let mut reader = broker.begin(&[&consume[..], &settings].concat());
        let output = BufReader::new(reader.stdout.take().unwrap());
        let lines: Vec<String> = output.lines().take(3).map(Result::unwrap).collect();
        assert_eq!(lines, ["0", "1", "2"]);
        let told = Command::new("kill").args([signal, &reader.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert_eq!(reader.wait().unwrap().code(), Some(exit), "{signal}");
        let described = broker.done(&["group", "describe", &group]);
        assert_eq!(described, format!("{group}\torders\t0\t3\t3\t0\t-\t-\t-\n"));
    }
}

#[test]
fn members_of_the_load_come_and_go_and_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    let bench = ["bench", "groups", "--members", "3", "--partitions", "7", "--output", "json"];
    let figures: Value = serde_json::from_str(&broker.done(&bench)).unwrap();
    let names: Vec<_> =
        figures.as_array().unwrap().iter().map(|row| row["figure"].as_str().unwrap()).collect();
    for name in ["joinAll", "leaveOne", "joinOne"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(broker.done(&["group", "ls"]), "");
    assert_eq!(broker.done(&["topic", "ls", "--exclude-internal"]), "");
}
