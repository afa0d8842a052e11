//! `ottla doctor` before, beside and behind a broker of its own: what it finds, and with which exit code.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

mod harness;

use harness::Broker;
use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Level and text of each finding about an area.
fn of<'a>(findings: &'a Value, area: &str) -> Vec<(&'a str, &'a str)> {
    let text = |finding: &'a Value, field: &str| finding[field].as_str().unwrap();
    let all = findings.as_array().unwrap().iter().filter(|finding| finding["area"] == area);
    all.map(|finding| (text(finding, "level"), text(finding, "what"))).collect()
}

/// Nothing of this machine's environment counts.
fn doctor(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.arg("doctor").arg("--data-dir").arg(dir).args(["--output", "json"]).args(arguments).env_clear();
    command
}

/// A start on ports of the kernel's choice.
fn alone(dir: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = doctor(dir, arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let findings = serde_json::from_slice(&output.stdout);
    (findings.unwrap_or_else(|error| panic!("{error}: {told}")), output.status.code())
}

const PORTS: [&str; 4] = ["--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];

#[test]
fn before_the_first_start_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (findings, code) = alone(&data, &PORTS);
    assert_eq!(code, Some(0), "{findings:#}");
    assert!(of(&findings, "data")[0].1.contains("the first start makes it"), "{findings:#}");
    assert!(of(&findings, "logs").is_empty() && of(&findings, "cluster")[0].0 == "skip", "{findings:#}");
    for area in ["settings", "disk", "sync", "files", "memory", "ports"] {
        assert!(!of(&findings, area).is_empty(), "{area}: {findings:#}");
    }
    assert!(!data.exists());
}

#[test]
fn a_broker_is_exposed_to_this_machine_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (findings, _) = alone(dir.path(), &PORTS);
    let exposed = of(&findings, "exposure");
    assert!(
        exposed.len() == 1 && exposed[0].0 == "ok" && exposed[0].1.contains("this machine alone"),
        "{findings:#}"
    );
    assert!(of(&findings, "rights").iter().all(|(level, _)| *level == "ok"), "{findings:#}");

    // More than that has to be meant, and is a failure where it is not.
    let open = ["--kafka-listen", "0.0.0.0:0", "--http-listen", "127.0.0.1:0"];
    let (findings, code) = alone(dir.path(), &open);
    let told = of(&findings, "settings");
    assert!(
        code == Some(1) && told[0].0 == "fail" && told[0].1.contains("reachable from other machines"),
        "{findings:#}"
    );
    assert!(of(&findings, "exposure").is_empty(), "{findings:#}");
}

#[test]
fn what_a_start_would_refuse_fails_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (findings, code) = alone(dir.path(), &["-X", "log.retention.m=5"]);
    assert_eq!(code, Some(1));
    assert!(of(&findings, "settings")[0].1.contains("log.retention.m"), "{findings:#}");
    assert!(findings[0]["next"].as_str().unwrap().contains("log.retention.ms"), "{findings:#}");

    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let (findings, code) = alone(dir.path(), &["--kafka-listen", &address, "--http-listen", "127.0.0.1:0"]);
    let pid = format!("{address} is in use by pid {}", std::process::id());
    assert!(code == Some(1) && of(&findings, "ports").contains(&("fail", &pid)), "{findings:#}");

    std::fs::write(dir.path().join("letter.txt"), "x").unwrap();
    let (findings, code) = alone(dir.path(), &PORTS);
    assert!(code == Some(1) && of(&findings, "data")[0].1.contains("letter.txt"), "{findings:#}");

    // Port 1 of loopback: nobody is there.
    let (findings, code) = alone(&dir.path().join("data"), &[&PORTS[..], &["-b", "127.0.0.1:1"]].concat());
    assert!(code == Some(1) && of(&findings, "reach")[0].0 == "fail", "{findings:#}");
}

#[test]
fn settings_of_the_client_that_are_wrong_are_a_finding_among_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("client.properties");
    std::fs::write(&file, "client.id=me\nnonsense\n").unwrap();
    let asked = ["-b", "127.0.0.1:1", "-F", file.to_str().unwrap()];
    let (findings, code) = alone(&dir.path().join("data"), &[&PORTS[..], &asked].concat());
    let told = of(&findings, "cluster");
    assert!(
        code == Some(1) && told.len() == 1 && told[0].0 == "fail" && told[0].1.contains("line 2"),
        "{findings:#}"
    );
    assert!(!of(&findings, "ports").is_empty(), "{findings:#}");
}

/// A process that does not outlive the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_data_directory_is_free_while_a_cluster_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(Broker::start(&data));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let asked = ["-b", &address, "--timeout", "600s"];
    let mut waiting = doctor(&data, &[&PORTS[..], &asked].concat());
    let _waiting = Ended(waiting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let _connection = silent.accept().unwrap();
    let (findings, code) = alone(&data, &PORTS);
    let told = of(&findings, "data");
    assert!(code == Some(0) && told[0].1.contains("not cleanly stopped"), "{findings:#}");
}

fn log_files(dir: &Path) -> Vec<PathBuf> {
    let partitions = std::fs::read_dir(dir.join("topics")).unwrap().map(|entry| entry.unwrap().path());
    let files = partitions.flat_map(|dir| std::fs::read_dir(dir).unwrap()).map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "log")).collect()
}

#[test]
fn a_broker_is_looked_at_while_it_runs_and_its_logs_when_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let broker = Broker::start(&data);
    broker.done(&["topic", "create", "orders"]);
    assert_eq!(broker.run_with(&["produce", "orders"], "one\ntwo\n").2, Some(0));

    let shown = data.to_str().unwrap();
    let doctor = [&["doctor", "--data-dir", shown, "--output", "json"][..], &PORTS].concat();
    let (out, told, code) = broker.run(&doctor);
    let findings: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0), "{told} {findings:#}");
    assert!(of(&findings, "data")[0].1.contains("in use by pid"), "{findings:#}");
    assert_eq!(of(&findings, "logs")[0].0, "skip", "{findings:#}");
    let exposed = of(&findings, "exposure");
    assert!(
        exposed.len() == 1 && exposed[0].1.starts_with("open to this machine alone: 127.0.0.1:"),
        "{findings:#}"
    );
    for area in ["reach", "cluster", "node 1", "rights", "clock"] {
        let found = of(&findings, area);
        assert!(!found.is_empty() && found.iter().all(|(level, _)| *level == "ok"), "{area}: {findings:#}");
    }
    assert!(of(&findings, "rights").iter().any(|(_, what)| what.contains("ALTER_CONFIGS")), "{findings:#}");
    let (list, _, _) = broker.run(&["doctor", "--data-dir", shown, "--quiet"]);
    assert!(!list.lines().any(|line| line.starts_with("ok ")), "{list}");
    drop(broker);

    let (findings, code) = alone(&data, &PORTS);
    assert_eq!((code, of(&findings, "logs")[0].0), (Some(0), "ok"), "{findings:#}");
    let (findings, _) = alone(&data, &[&PORTS[..], &["--skip-logs"]].concat());
    assert_eq!(of(&findings, "logs")[0].0, "skip");
    let file = log_files(&data).into_iter().find(|file| file.metadata().unwrap().len() > 65).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[65] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (findings, code) = alone(&data, &PORTS);
    let told = of(&findings, "logs");
    assert!(
        code == Some(1) && told[0].0 == "fail" && told[0].1.contains(file.to_str().unwrap()),
        "{findings:#}"
    );
}
