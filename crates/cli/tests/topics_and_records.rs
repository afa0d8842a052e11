//! `ottla topic`, `produce`, `consume` and `log` against a broker of its own, and the exit codes that scripts rely on.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

mod harness;

use harness::{Broker, Ran, ottla};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn names(listed: &str) -> Vec<&str> {
    listed.lines().map(|line| line.split('\t').next().unwrap()).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_topic_is_created_listed_described_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    let create = ["topic", "create", "orders", "-p", "3", "-c", "retention.ms=86400000"];
    assert_eq!(broker.done(&[&create[..], &["--dry-run"]].concat()), "orders\t3\t1\n");
    assert_eq!(broker.done(&["topic", "ls"]), "", "a dry run creates nothing");
    assert_eq!(broker.done(&create), "orders\t3\t1\n");
    broker.refused(&create, 1, "--if-not-exists");
    assert_eq!(broker.done(&[&create[..], &["--if-not-exists"]].concat()), "");
    broker.done(&["topic", "create", "payments", "stock"]);

    assert_eq!(names(&broker.done(&["topic", "ls"])), ["orders", "payments", "stock"]);
    assert_eq!(names(&broker.done(&["topic", "list", "*s", "stock"])), ["orders", "payments", "stock"]);
    assert_eq!(names(&broker.done(&["topic", "ls", "pay*"])), ["payments"]);
    assert_eq!(names(&broker.done(&["topic", "ls", "--topics-with-overrides"])), ["orders"]);
    assert_eq!(broker.done(&["topic", "ls", "--unavailable-partitions"]), "");
    let listed = json(&broker.done(&["topic", "ls", "orders", "-o", "json"]));
    assert_eq!((&listed[0]["name"], &listed[0]["partitions"]), (&"orders".into(), &3.into()));
    assert!(broker.done(&["topic", "ls", "orders", "-o", "yaml"]).contains("  name: \"orders\"\n"));

    let described = broker.done(&["topic", "describe", "orders"]);
    assert_eq!(described.lines().count(), 3, "{described}");
    let described = json(&broker.done(&["topic", "describe", "orders", "--output", "json"]));
    assert_eq!(described[0]["configs"]["retention.ms"], "86400000");
    broker.refused(&["topic", "describe", "nothing"], 1, "ottla topic ls");
    assert_eq!(broker.done(&["topic", "describe", "nothing", "--if-exists"]), "");

    broker.refused(&["topic", "rm", "stock"], 2, "--yes");
    assert_eq!(broker.done(&["topic", "rm", "stock", "--dry-run"]), "stock\t1\t0\n");
    assert_eq!(names(&broker.done(&["topic", "ls"])).len(), 3);
    assert_eq!(broker.done(&["topic", "rm", "stock", "--yes"]), "stock\n");
    broker.refused(&["topic", "rm", "stock", "--yes"], 1, "stock");
    assert_eq!(broker.done(&["topic", "delete", "stock", "--yes", "--if-exists"]), "");
    assert_eq!(names(&broker.done(&["topic", "ls"])), ["orders", "payments"]);
}

#[test]
fn some_of_several_items_that_fail_are_exit_code_3() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    broker.done(&["topic", "create", "orders"]);
    for arguments in [
        &["topic", "create", "orders", "payments"][..],
        &["topic", "describe", "orders", "nothing"],
        &["topic", "rm", "payments", "nothing", "--yes"],
    ] {
        broker.refused(arguments, 3, "1 of 2 failed");
    }
    assert_eq!(names(&broker.done(&["topic", "ls"])), ["orders"], "the others were done");
    broker.refused(&["topic", "create", "a b", "c d"], 2, "all 2 failed");

    broker.done(&["topic", "create", "small", "-c", "max.message.bytes=100"]);
    let large = format!(r#"{{"topic":"small","payload":"{}"}}"#, "x".repeat(1_000));
    let (_, told, code) =
        broker.run_with(&["produce", "-J"], &format!("{{\"topic\":\"orders\"}}\n{large}\n"));
    assert!(code == Some(3) && told.contains("1 records were written, 1 were not"), "{code:?} {told}");
    assert_eq!(broker.done(&["consume", "orders", "small", "-e", "-f", "%t\\n"]), "orders\n");
}

#[test]
fn a_cluster_that_is_not_there_is_exit_code_4() {
    // Port 1 of loopback: nobody is there.
    for arguments in [&["topic", "ls"][..], &["produce", "t"], &["consume", "t", "-e"], &["cluster", "info"]]
    {
        let nobody = [arguments, &["-b", "127.0.0.1:1", "--timeout", "100ms"]].concat();
        let (out, told, code) = ottla(&nobody, "x\n");
        assert_eq!((out.as_str(), code), ("", Some(4)), "{arguments:?}: {told}");
        assert!(told.contains("127.0.0.1:1") && told.contains("try: "), "{told}");
    }
}

#[test]
fn records_are_written_and_read_in_the_forms_of_kcat() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    broker.done(&["topic", "create", "orders", "-p", "2"]);
    let write = |arguments: &[&str], input: &str| {
        let (_, told, code) = broker.run_with(&[&["produce", "orders"], arguments].concat(), input);
        assert_eq!(code, Some(0), "{arguments:?}: {told}");
    };
    write(&["-p", "0", "-K:", "-z", "zstd"], "a:1\nb:2\n");
    write(&["-p", "0", "-k", "c", "-H", "source=shell", "-H", "empty"], "3\n");
    write(&["-p", "1", "-K:", "-Z"], "d:\n");
    write(&["-p", "1", "-D;", "-c", "2"], "5;6;7");
    let read = |arguments: &[&str]| broker.done(&[&["consume", "orders", "-e"], arguments].concat());
    assert_eq!(read(&["-p", "0"]), "1\n2\n3\n");
    assert_eq!(read(&["-p", "0", "-K", "="]), "a=1\nb=2\nc=3\n");
    assert_eq!(
        read(&["-p", "0", "-f", "%t/%p@%o %k %S %h\\n", "-o", "2"]),
        "orders/0@2 c 1 source=shell,empty=NULL\n"
    );
    assert_eq!(read(&["-p", "1", "-Z", "-K", "="]), "d=NULL\nNULL=5\nNULL=6\n");
    assert_eq!(read(&["-p", "1", "-o", "-1"]), "6\n");
    assert_eq!(read(&["-p", "0", "-c", "1", "-D", "|"]), "1|");
    assert_eq!(read(&["-o", "end"]), "");
    broker.refused(&["consume", "orders", "-p", "2", "-e"], 2, "topic describe orders");
    broker.refused(&["consume", "nothing", "-e"], 1, "topic ls");
    broker.refused(&["consume", "orders", "--output", "json"], 2, "-J");
}

#[test]
fn what_consume_writes_as_json_produce_reads_back_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    broker.done(&["topic", "create", "orders", "copy"]);
    let records = [
        r#"{"ts":1000,"key":"k","payload":"text, \"quoted\" and a line\n","headers":["a","1","a",null,"","2"]}"#,
        r#"{"ts":2000,"key":null,"payload":null}"#,
        r#"{"ts":3000,"key":"/wA=","key_encoding":"base64","payload":"gIE=","payload_encoding":"base64"}"#,
        r#"{"ts":4000,"key":"","payload":"12345678901234567890","headers":["/w==","AA=="],"headers_encoding":"base64"}"#,
    ];
    let (_, told, code) = broker.run_with(&["produce", "orders", "-J"], &(records.join("\n") + "\n"));
    assert_eq!(code, Some(0), "{told}");
    let written = broker.done(&["consume", "orders", "-J", "-e"]);
    assert_eq!(broker.run_with(&["produce", "copy", "-J"], &written).2, Some(0));
    let copied = broker.done(&["consume", "copy", "-J", "-e"]);
    assert_eq!(written.replace("\"topic\":\"orders\"", "\"topic\":\"copy\""), copied);
    for (line, record) in copied.lines().zip(records) {
        let (line, record) = (json(line), json(record));
        record
            .as_object()
            .unwrap()
            .iter()
            .for_each(|(field, value)| assert_eq!(&line[field], value, "{field}"));
    }
    let (_, told, code) = broker.run_with(&["produce", "orders", "-J"], "{\"payloda\":\"x\"}\n");
    assert!(code == Some(2) && told.contains("record 1") && told.contains("payloda"), "{told}");
}

/// The data of a broker that was stopped cleanly, with a topic of several segments, and its files from the oldest on.
struct Stopped {
    _dir: tempfile::TempDir,
    data: PathBuf,
    segments: Vec<PathBuf>,
}

impl Stopped {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let broker = Broker::start(&data);
        broker.done(&["topic", "create", "orders", "-c", "segment.bytes=1048576"]);
        for _ in 0..3 {
            let lines = format!("{}\n", "x".repeat(100)).repeat(6_000);
            assert_eq!(broker.run_with(&["produce", "orders"], &lines).2, Some(0));
        }
        assert_eq!(broker.stop(), Some(0));
        let partitions = std::fs::read_dir(data.join("topics")).unwrap();
        let files = partitions.flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap());
        let files = files.map(|entry| entry.unwrap().path());
        let mut segments: Vec<PathBuf> =
            files.filter(|file| file.extension().is_some_and(|extension| extension == "log")).collect();
        segments.sort();
        assert!(segments.len() > 1, "{segments:?}");
        Self { _dir: dir, data, segments }
    }

    fn verify(&self) -> Ran {
        ottla(&["log", "verify", self.data.to_str().unwrap()], "")
    }

    /// Bytes at which the segment's batches end.
    fn ends(&self, segment: &Path) -> Vec<u64> {
        let (out, _, _) = ottla(&["log", "dump", segment.parent().unwrap().to_str().unwrap()], "");
        let lines = out.lines().skip_while(|line| *line != segment.to_str().unwrap()).skip(1);
        let batches = lines.take_while(|line| line.starts_with("  position "));
        let number = |line: &str, at: usize| line.split_whitespace().nth(at).unwrap().parse::<u64>().unwrap();
        batches.map(|line| number(line, 1) + number(line, 3)).collect()
    }

    #[track_caller]
    fn fails(&self, told: &[&str]) {
        let (out, error, code) = self.verify();
        assert_eq!(code, Some(1), "{out}{error}");
        told.iter().for_each(|told| assert!(out.contains(told), "{told}: {out}"));
        assert!(out.lines().count() <= 3 && error.contains("problems"), "{out}{error}");
    }
}

fn cut(file: &Path, len: u64) {
    std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(len).unwrap();
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn whole_data_is_clean_and_its_records_can_be_looked_at() {
    let stopped = Stopped::new();
    let (out, told, code) = stopped.verify();
    assert_eq!((out.as_str(), code), ("", Some(0)), "{told}");
    assert!(told.contains("18000 records") && told.ends_with(": clean\n"), "{told}");
    let partition = stopped.segments[0].parent().unwrap().to_str().unwrap();
    assert_eq!(ottla(&["log", "verify", partition], "").2, Some(0));
    let (out, _, code) = ottla(&["log", "dump", partition, "--records"], "");
    assert!(code == Some(0) && out.contains("    offset 0 timestamp "), "{}", &out[..200]);
    assert!(out.lines().any(|line| line.starts_with("    offset 17999 ")));
    let nowhere = stopped.data.join("nowhere");
    assert_eq!(ottla(&["log", "verify", nowhere.to_str().unwrap()], "").2, Some(2));
}

#[test]
fn a_segment_that_is_gone_or_short_is_found_by_what_the_checkpoint_promises() {
    for whose in ["first", "last"] {
        let stopped = Stopped::new();
        let of = |files: &[PathBuf]| {
            if whose == "first" { files[0].clone() } else { files[files.len() - 1].clone() }
        };
        let segment = of(&stopped.segments);
        // At the border of a batch nothing in the file itself says that something is missing.
        let ends = stopped.ends(&segment);
        cut(&segment, ends[ends.len() - 2]);
        stopped.fails(&[segment.to_str().unwrap(), "were promised"]);
        let partition = segment.parent().unwrap().to_str().unwrap();
        assert_eq!(ottla(&["log", "verify", partition], "").2, Some(1), "the partition alone");
        std::fs::remove_file(&segment).unwrap();
        stopped.fails(&[segment.to_str().unwrap(), "the file is missing"]);
    }
    let stopped = Stopped::new();
    std::fs::remove_dir_all(stopped.segments[0].parent().unwrap()).unwrap();
    stopped.fails(&[stopped.segments[0].to_str().unwrap(), "the file is missing"]);
}

#[test]
fn damage_outside_of_the_logs_is_found_and_a_topic_that_was_removed_is_not_missed() {
    let stopped = Stopped::new();
    let metadata = stopped.data.join("metadata/00000000000000000000.log");
    flip(&metadata, 60);
    stopped.fails(&[metadata.to_str().unwrap(), "damaged at byte 24"]);
    flip(&metadata, 60);
    assert_eq!(stopped.verify().2, Some(0));
    std::fs::rename(&metadata, stopped.data.join("elsewhere")).unwrap();
    stopped.fails(&["holds no log of the metadata"]);
    std::fs::rename(stopped.data.join("elsewhere"), &metadata).unwrap();
    cut(&metadata, 24);
    stopped.fails(&["ends at revision 0"]);

    let stopped = Stopped::new();
    flip(&stopped.data.join("checkpoint"), 30);
    stopped.fails(&["checkpoint is damaged"]);
    flip(&stopped.data.join("checkpoint"), 30);
    flip(&stopped.data.join("format"), 20);
    stopped.fails(&["format is damaged"]);
    flip(&stopped.data.join("format"), 20);
    std::fs::remove_file(stopped.data.join("checkpoint")).unwrap();
    stopped.fails(&["checkpoint is missing"]);

    let stopped = Stopped::new();
    let broker = Broker::start(&stopped.data);
    broker.done(&["topic", "rm", "orders", "--yes"]);
    // Killed, so that the checkpoint may still name what is gone.
    drop(broker);
    assert_eq!(stopped.verify().2, Some(0));
}
