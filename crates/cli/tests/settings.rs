//! `ottla topic alter`, `ottla topic purge` and `ottla config` against a broker of its own: what changes, what is only
//! shown, and what is refused.
#![allow(clippy::unwrap_used, clippy::disallowed_types)]

mod harness;

use harness::Broker;
use serde_json::Value;

#[test]
fn a_topic_gets_partitions_and_settings_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    broker.done(&["topic", "create", "orders", "-p", "1", "-c", "retention.ms=1000000"]);

    let alter = ["topic", "alter", "orders", "-p", "3", "-c", "retention.ms=86400000"];
    let shown = "topic/orders\tpartitions\t1\tset\t3\ntopic/orders\tretention.ms\t1000000\tset\t86400000\n";
    assert_eq!(broker.done(&[&alter[..], &["--dry-run"]].concat()), shown);
    let own = ["config", "get", "topic/orders"];
    assert_eq!(broker.done(&own), "retention.ms\t1000000\ttopic\n", "a dry run changes nothing");
    // What is wrong with one of them keeps the other from being done.
    broker.refused(
        &["topic", "alter", "orders", "-p", "3", "-c", "retention.ms=soon"],
        2,
        "config get topic",
    );
    broker.refused(&["topic", "alter", "orders", "-p", "1", "-c", "retention.ms=5"], 2, "a larger number");
    assert_eq!(broker.done(&own), "retention.ms\t1000000\ttopic\n");
    assert_eq!(broker.done(&["topic", "describe", "orders"]).lines().count(), 1);

    assert_eq!(broker.done(&alter), shown);
    assert_eq!(broker.done(&["topic", "describe", "orders"]).lines().count(), 3);
    assert_eq!(broker.done(&own), "retention.ms\t86400000\ttopic\n");
    let unset = broker.done(&["topic", "alter", "orders", "--unset", "retention.ms"]);
    assert_eq!(unset, "topic/orders\tretention.ms\t86400000\tunset\t-\n");
    assert_eq!(broker.done(&own), "");

    broker.refused(&["topic", "alter", "orders"], 2, "--partitions");
    broker.refused(&["topic", "alter", "orders", "-c", "retention.ms"], 2, "NAME=VALUE");
    broker.refused(&["topic", "alter", "orders", "-c", "a=1", "--unset", "a"], 2, "changed twice");
    broker.refused(&["topic", "alter", "nothing", "-p", "2"], 1, "ottla topic ls");
}

#[test]
fn records_of_a_topic_go_and_the_topic_stays() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    broker.done(&["topic", "create", "orders", "-p", "2"]);
    for (partition, count) in [("0", 5), ("1", 3)] {
        let lines: String = (0..count).map(|number| format!("{number}\n")).collect();
        assert_eq!(broker.run_with(&["produce", "orders", "-p", partition], &lines).2, Some(0));
    }

    let purge = ["topic", "purge", "orders"];
    broker.refused(&purge, 2, "no terminal to ask at");
    let part = [&purge[..], &["--before", "0:2"]].concat();
    assert_eq!(broker.done(&[&part[..], &["--dry-run"]].concat()), "orders\t0\t0\t2\t2\n");
    assert_eq!(broker.done(&["consume", "orders", "-p", "0", "-e"]), "0\n1\n2\n3\n4\n");
    assert_eq!(broker.done(&[&part[..], &["--yes"]].concat()), "orders\t0\t0\t2\t2\n");
    assert_eq!(broker.done(&["consume", "orders", "-p", "0", "-e"]), "2\n3\n4\n");
    broker.refused(&[&purge[..], &["--before", "0:6", "--yes"]].concat(), 2, "ends at 5");
    broker.refused(&[&purge[..], &["--before", "2:0", "--yes"]].concat(), 2, "no partition 2");

    let out = broker.done(&[&purge[..], &["--yes", "--output", "json"]].concat());
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&rows[0]["records"], &rows[1]["newEarliestOffset"]), (&3.into(), &3.into()));
    assert_eq!(broker.done(&["consume", "orders", "-e"]), "");
    assert_eq!(broker.run_with(&["produce", "orders", "-p", "0"], "next\n").2, Some(0));
    assert_eq!(broker.done(&["consume", "orders", "-p", "0", "-e", "-f", "%o %s\\n"]), "5 next\n");
}

#[test]
fn settings_are_read_set_and_taken_back_where_they_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(&dir.path().join("data"));
    broker.done(&["topic", "create", "orders"]);
    let id = broker.done(&["topic", "describe", "orders"]).split('\t').nth(2).unwrap().to_owned();
    let this = format!("broker/{id}");

    for (resource, name, value, source) in [
        ("topic/orders", "retention.ms", "86400000", "topic"),
        ("brokers", "log.retention.ms", "7200000", "all brokers"),
        (this.as_str(), "log.retention.ms", "3600000", "broker"),
        ("group/a/b", "consumer.session.timeout.ms", "50000", "group"),
    ] {
        let setting = format!("{name}={value}");
        let set = ["config", "set", resource, &setting];
        let get = ["config", "get", resource];
        let before = broker.done(&get);
        broker.done(&[&set[..], &["--dry-run"]].concat());
        assert_eq!(broker.done(&get), before);
        let changed = broker.done(&set);
        assert!(
            changed.starts_with(resource) && changed.ends_with(&format!("\tset\t{value}\n")),
            "{changed}"
        );
        let line = format!("{name}\t{value}\t{source}\n");
        assert!(broker.done(&get).contains(&line), "{resource}");
        assert_eq!(broker.done(&["config", "get", resource, name]), line);
    }
    for resource in ["topic/orders", "brokers", &this, "group/a/b"] {
        let name = match resource {
            "topic/orders" => "retention.ms",
            "group/a/b" => "consumer.session.timeout.ms",
            _ => "log.retention.ms",
        };
        assert!(broker.done(&["config", "unset", resource, name]).contains("\tunset\t-\n"));
        assert!(!broker.done(&["config", "get", resource]).contains(name), "{resource}");
    }

    let list = "leader.replication.throttled.replicas";
    let shown = ["config", "get", "topic/orders", list, "--output", "json"];
    for (change, expected) in [("=0:1", "0:1"), ("+=1:1", "0:1,1:1"), ("-=0:1", "1:1")] {
        broker.done(&["config", "set", "topic/orders", &format!("{list}{change}")]);
        let rows: Value = serde_json::from_str(&broker.done(&shown)).unwrap();
        assert_eq!((&rows[0]["value"], &rows[0]["source"]), (&expected.into(), &"topic".into()));
    }

    broker.refused(&["config", "get", "orders"], 2, "topic/NAME");
    broker.refused(&["config", "get", "topic/orders", "nothing"], 1, "config get topic/orders --all");
    broker.refused(&["config", "get", "topic/nothing"], 1, "ottla topic ls");
    broker.refused(&["config", "set", "topic/orders", "nothing=1"], 2, "config get topic/orders --all");
    broker.refused(&["config", "set", "broker/4711", "log.retention.ms=5"], 1, "ottla cluster info");
}
