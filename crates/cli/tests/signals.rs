//! Signals end every command with the exit code of the signal, whatever it waits for.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

mod harness;

use harness::Broker;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

/// A command whose standard error is read by the test.
fn begin(arguments: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let told = BufReader::new(process.stderr.take().unwrap());
    (process, told)
}

/// Reads what is told until this line.
fn wait_told(told: &mut BufReader<ChildStderr>, line: &str) {
    let found = told.lines().map(Result::unwrap).any(|told| told == line);
    assert!(found, "{line} is not told");
}

fn send(signal: &str, process: &Child) {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_load_that_waits_in_silence_hears_signals() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    let conns = ["bench", "conns", "-b", broker.address(), "--count", "1", "--idle", "600s"];
    for (signal, exit) in [("-TERM", 143), ("-INT", 130)] {
        let (mut load, mut told) = begin(&conns);
        wait_told(&mut told, "idle");
        send(signal, &load);
        assert_eq!(load.wait().unwrap().code(), Some(exit), "{signal}");
    }
    assert_eq!(broker.done(&["topic", "ls"]), "", "the topic of the load is removed");
}

#[test]
fn a_cluster_that_hangs_when_the_topic_of_a_load_is_removed_keeps_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    let (mut load, mut told) =
        begin(&["bench", "conns", "-b", broker.address(), "--count", "1", "--idle", "600s"]);
    wait_told(&mut told, "idle");
    let stopped = Command::new("kill").args(["-STOP", &broker.pid().to_string()]).status().unwrap();
    assert!(stopped.success());
    let status = loop {
        match load.try_wait().unwrap() {
            Some(status) => break status,
            None => send("-TERM", &load),
        }
    };
    assert_eq!(status.code(), Some(143));
    let told: Vec<_> = told.lines().map(Result::unwrap).collect();
    assert!(told.iter().any(|line| line.ends_with("may be left")), "{told:?}");
}
