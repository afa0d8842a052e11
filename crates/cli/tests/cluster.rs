//! `ottla cluster info` against a broker of its own, against one that is told wrongly where it is, and against none.
#![allow(clippy::unwrap_used, clippy::disallowed_types)]

mod harness;

use harness::Broker;
use serde_json::Value;

/// The lines of a kind: name and value.
fn of_kind<'a>(out: &'a str, kind: &str) -> Vec<(&'a str, &'a str)> {
    let lines = out.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    lines.filter(|cells| cells[0] == kind).map(|cells| (cells[1], cells[2])).collect()
}

#[test]
fn a_cluster_shows_who_is_in_it_and_what_it_can_do() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(&dir.path().join("data"), &["-X", "broker.rack=zone-1"]);
    let out = broker.done(&["cluster", "info"]);
    let nodes = of_kind(&out, "node");
    let [(id, place)] = nodes[..] else { panic!("{out}") };
    assert_eq!(place, format!("{}, rack zone-1", broker.address()));
    let cluster = of_kind(&out, "cluster");
    assert_eq!((cluster.len(), cluster[0].0, cluster[1]), (2, "id", ("controller", id)));
    assert!(of_kind(&out, "feature").iter().any(|(name, _)| *name == "metadata.version"), "{out}");
    assert!(of_kind(&out, "api").is_empty());

    let with_apis = broker.done(&["cluster", "info", "--apis"]);
    let apis = of_kind(&with_apis, "api");
    assert!(with_apis.starts_with(&out) && apis.len() > 30, "{with_apis}");
    assert!(apis.contains(&("Metadata", "0-13")), "{apis:?}");

    let rows: Value = serde_json::from_str(&broker.done(&["cluster", "info", "--output", "json"])).unwrap();
    let whole = &rows[0];
    assert_eq!((&whole["id"], &whole["nodes"][0]["answers"]), (&cluster[0].1.into(), &true.into()));
    assert_eq!(whole["controller"].to_string(), id);
    assert_eq!(whole["apis"].as_array().unwrap().len(), apis.len());
}

#[test]
fn a_node_that_does_not_answer_where_it_says_it_is_makes_it_partly_done() {
    let dir = tempfile::tempdir().unwrap();
    let gone = harness::free_address();
    let wrong = format!("advertised.listeners=PLAINTEXT://{gone}");
    let broker = Broker::start_with(&dir.path().join("data"), &["-X", &wrong]);
    let (out, told, code) = broker.run(&["cluster", "info"]);
    assert_eq!((code, of_kind(&out, "node")[0].1), (Some(3), format!("{gone}, does not answer").as_str()));
    assert!(told.contains(&gone), "{told}");
    let (out, _, code) = broker.run(&["cluster", "info", "--output", "json"]);
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &rows[0]["nodes"][0]["answers"]), (Some(3), &false.into()));
}

#[test]
fn without_a_broker_it_says_what_to_type_next() {
    let nobody = harness::free_address();
    let (out, told, code) = harness::run_at(&nobody, &["cluster", "info"], "");
    assert_eq!((out.as_str(), code), ("", Some(4)));
    assert!(told.contains(&nobody) && told.contains("ottla up"), "{told}");
}
