//! `ottla bench` against a broker of its own: what is sent is there, is read back, and survives the kill. No figure is
//! looked at, only counts and names.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

mod harness;

use harness::Broker;
use serde_json::Value;
use std::process::Command;

const OTTLA: &str = env!("CARGO_BIN_EXE_ottla");

fn ottla(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(OTTLA).args(arguments).args(["--output", "json"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {shown}"));
    (output.status.code(), json)
}

#[test]
fn drain_reads_back_what_replay_sent() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    let address = broker.address();
    let sizes = ["--record", "100", "--batch", "5000", "-c", "2000", "--warm-up", "10kB"];
    let replay = ["bench", "replay", "orders", "-b", address, "-p", "3", "--connections", "2"];
    for codec in ["none", "zstd"] {
        let (code, sent) = ottla(&[&replay[..], &sizes, &["--codec", codec]].concat());
        assert_eq!(code, Some(0));
        let (sent, per_batch) = (&sent[0], sent[0]["recordsPerBatch"].as_u64().unwrap());
        // Whole batches: the last one may go beyond what was asked for.
        let records = sent["records"].as_u64().unwrap();
        assert!((2_000..2_000 + per_batch).contains(&records), "{sent}");
        assert_eq!(sent["requests"].as_u64().unwrap() * per_batch, records);
        assert_eq!((&sent["partitions"], sent["brokerPid"].as_u64()), (&3.into(), Some(broker.pid().into())));
    }
    let (code, read) = ottla(&["bench", "drain", "orders", "-b", address, "--partition-bytes", "20000"]);
    assert_eq!(code, Some(0));
    // Two runs of 2,000 records and two warm-ups of 100, each rounded up to whole batches.
    let records = read[0]["records"].as_u64().unwrap();
    assert!((4_200..4_500).contains(&records), "{read}");
    assert!(read[0]["p99Ms"].is_number() && read[0]["brokerCpuSecondsPerGb"].is_number());

    let (code, topics) = ottla(&["bench", "replay", "-b", address, "--acks", "0", "-c", "10"]);
    assert_eq!((code, &topics[0]["p50Ms"]), (Some(0), &Value::Null));
    let (_, topics) = ottla(&["topic", "ls", "-b", address]);
    assert_eq!(topics.as_array().map(Vec::len), Some(1), "a topic without a name is removed: {topics}");
}

/// The figures of a run that lists one a row, by name.
fn steps(figures: &Value) -> Vec<(&str, f64)> {
    let rows = figures.as_array().unwrap().iter();
    rows.map(|row| (row["figure"].as_str().unwrap(), row["median"].as_f64().unwrap())).collect()
}

fn step(figures: &Value, name: &str) -> Option<f64> {
    steps(figures).into_iter().find(|(figure, _)| *figure == name).map(|(_, median)| median)
}

#[test]
fn every_load_does_what_it_says_and_leaves_no_topic() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    let address = broker.address();
    let open_loop =
        ["bench", "openloop", "-b", address, "--rate", "500", "--time", "1s", "--connections", "2"];
    let (code, sent) = ottla(&open_loop);
    assert_eq!((code, &sent[0]["records"]), (Some(0), &500.into()), "{sent}");
    let (code, read) = ottla(&["bench", "e2e", "-b", address, "--rate", "200", "--time", "1s"]);
    assert_eq!((code, &read[0]["records"]), (Some(0), &200.into()), "{read}");
    assert!(read[0]["p99Ms"].is_number() && read[0]["brokerCpuUsPerRecord"].is_number());
    let (code, synced) =
        ottla(&["bench", "fsync", "-b", address, "--acks", "200", "--warm-up", "10", "--connections", "4"]);
    assert_eq!((code, &synced[0]["durability"]), (Some(0), &"durability=fsync".into()), "{synced}");
    let of = |name: &str| step(&synced, name);
    assert!(of("acks") > Some(0.0) && of("p50") > Some(0.0) && of("p50") <= of("max"), "{synced}");
    // Not every machine shows its disks, nor every disk its flushes.
    let flushes = of("deviceFlushes").zip(of("flushesPerAck"));
    assert_eq!(of("deviceFlushes").or(of("flushesPerAck")).is_some(), flushes.is_some(), "{synced}");
    assert!(flushes.is_none_or(|(all, each)| (all / 200.0 - each).abs() < 0.006), "{synced}");
    let (code, crowd) = ottla(&["bench", "conns", "-b", address, "--count", "50", "--idle", "1ms"]);
    assert_eq!((code, steps(&crowd)[0]), (Some(0), ("connections", 50.0)), "{crowd}");
    let (code, many) = ottla(&["bench", "partitions", "-b", address, "--count", "40"]);
    let names: Vec<&str> = steps(&many).iter().map(|(name, _)| *name).collect();
    assert_eq!(code, Some(0));
    assert_eq!(names[..4], ["created", "allLed", "metadataOfAll", "allWritten"]);
    let compare = ["bench", "compare", "-b", address, "--against", address, "--pairs", "2", "--anyway"];
    let small = ["-c", "100", "--record", "100", "--warm-up-records", "1000"];
    let (code, pairs) = ottla(&[&compare[..], &small].concat());
    assert_eq!(code, Some(0));
    let ratio = pairs.as_array().unwrap().iter().find(|row| row["figure"] == "mbPerSecondRatio").unwrap();
    assert_eq!(ratio["runs"].as_array().map(Vec::len), Some(2), "{pairs}");
    let (_, topics) = ottla(&["topic", "ls", "-b", address]);
    assert_eq!(topics.as_array().map(Vec::len), Some(0), "{topics}");
}

#[test]
fn brokers_that_acknowledge_different_things_are_compared_only_when_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Broker::start(&dir.path().join("disk"));
    let cache = Broker::start_with(&dir.path().join("cache"), &["-X", "log.durability=os"]);
    let brokers = ["bench", "compare", "-b", disk.address(), "--against", cache.address()];
    let small = ["--pairs", "1", "-c", "100", "--record", "100", "--warm-up-records", "0"];
    let compare = [&brokers[..], &small, &["--anyway"]].concat();
    let (figures, told, code) = harness::ottla(&compare, "");
    assert_eq!((code, figures.as_str(), told.lines().count()), (Some(2), "", 1), "{told}");
    for part in ["(durability=fsync)", "(durability=os)", "--durability os or", "--unequal"] {
        assert!(told.contains(part), "{told}");
    }
    let equal = ["durability=os", "durability=os"];
    let unequal = ["durability=fsync", "durability=os"];
    for (option, expected) in [(&["--durability", "os"][..], equal), (&["--unequal"][..], unequal)] {
        let (code, pairs) = ottla(&[&compare[..], option].concat());
        assert_eq!(code, Some(0));
        let rows = pairs.as_array().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            assert_eq!([&row["durabilityA"], &row["durabilityB"]], expected, "{row}");
        }
    }
    for broker in [&disk, &cache] {
        let (_, topics) = ottla(&["topic", "ls", "-b", broker.address()]);
        assert_eq!(topics.as_array().map(Vec::len), Some(0), "{topics}");
    }
}

#[test]
fn restart_finds_every_record_again_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let run = ["bench", "restart", "--runs", "2", "--bytes", "3MB", "--idle", "1ms", "--data-dir", data];
    let (code, figures) = ottla(&run);
    assert_eq!(code, Some(0));
    let of = |name: &str| {
        let figure = figures.as_array().unwrap().iter().find(|figure| figure["figure"] == name);
        figure.and_then(|figure| figure["runs"].as_array()).map(Vec::len)
    };
    for name in
        ["startToFirstAck", "startToAllAcks", "idleRss", "fill", "restartToFirstAck", "restartToAllAcks"]
    {
        assert_eq!(of(name), Some(2), "{name}: {figures}");
    }
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[test]
fn every_commit_of_the_load_is_known_after_each_kill() {
    // Segments that roll, and a cleaner that comes at once.
    let cleaner = ["-X", "offsets.topic.segment.bytes=1048576", "-X", "log.cleaner.backoff.ms=1"];
    let bench =
        ["bench", "commits", "--commits", "3001", "--groups", "3", "--partitions", "5", "--settle", "10ms"];
    let (code, figures) = ottla(&[&bench[..], &cleaner].concat());
    assert_eq!(code, Some(0));
    let names: Vec<&str> = steps(&figures).iter().map(|(name, _)| *name).collect();
    for name in ["commits", "log", "startToAllOffsets", "cleanedLog", "cleanedStartToAllOffsets"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn a_broker_that_does_not_start_ends_the_command() {
    let output = Command::new(OTTLA)
        .args(["bench", "restart", "--broker-command", "exit 3", "--output", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the broker ended by itself: exit status: 3"), "{told}");
}
