//! How a broker starts, and what keeps it from starting: one clear line, an exit code, and nothing changed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

/// Nothing of this machine's environment counts, and the ports are the kernel's choice.
fn ottla(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

const PORTS: [&str; 4] = ["--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Every file below a directory with its content, but the lock, which names who looked last.
fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => found.extend(content(&path)),
            false if path.ends_with("lock") => {}
            false => drop(found.insert(path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found
}

/// A start that ends with 2, and with one line on standard error that says all of this.
#[track_caller]
fn refused(output: &Output, told: &[&str]) {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told:?}: {error}");
    assert!(error.starts_with("ottla: ") && error.lines().count() == 1, "{error}");
    told.iter().for_each(|told| assert!(error.contains(told), "{told}: {error}"));
    assert!(output.stdout.is_empty(), "{:?}", String::from_utf8_lossy(&output.stdout));
}

/// A data directory that was stopped cleanly.
fn stopped(dir: &Path) {
    let mut started = Started::up(&[&["--data-dir", text(dir)], &PORTS[..]].concat(), &[]);
    assert_eq!(started.end(), Some(0));
    assert!(dir.join("clean-stop").exists());
}

/// A broker whose log lines go to the test.
struct Started {
    process: Child,
    lines: BufReader<ChildStdout>,
    seen: Vec<Value>,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Started {
    /// Returns when the broker serves clients.
    fn up(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut started = Self::begin(ottla(&[&["up"], arguments].concat()), environment);
        started.wait_for("Kafka Server started");
        started
    }

    fn begin(mut command: Command, environment: &[(&str, &str)]) -> Self {
        command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines, seen: Vec::new() }
    }

    /// Reads up to a line; what is not JSON fails.
    fn wait_for(&mut self, msg: &str) -> &Value {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "no {msg:?} in {:?}", self.seen);
            self.seen.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
            if self.seen.last().unwrap()["msg"] == msg {
                return self.seen.last().unwrap();
            }
        }
    }

    fn send(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// SIGTERM, all that is still said, and the exit code.
    fn end(&mut self) -> Option<i32> {
        self.send("-TERM");
        self.wait_for("stopped");
        self.process.wait().unwrap().code()
    }

    /// Where Kafka clients reach it.
    fn address(&self) -> String {
        let started = self.seen.iter().find(|line| line["msg"] == "Kafka Server started").unwrap();
        let listeners = started["listeners"].as_str().unwrap();
        listeners.trim_matches(['[', ']']).split(", ").next().unwrap().to_owned()
    }
}

#[test]
fn a_directory_that_is_no_place_for_data_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("file"), "x").unwrap();
    for (name, file) in [("foreign", "letter.txt"), ("kafka", "meta.properties")] {
        std::fs::create_dir(path(name)).unwrap();
        std::fs::write(path(name).join(file), "x").unwrap();
    }
    for (name, layout) in [("newer", 2), ("older", 0)] {
        stopped(&path(name));
        let mut format = std::fs::read(path(name).join("format")).unwrap();
        format[11] = layout;
        std::fs::write(path(name).join("format"), format).unwrap();
    }
    stopped(&path("damaged"));
    std::fs::write(path("damaged/format"), "OTTLAFMT").unwrap();
    let before = content(dir.path());

    for (name, told) in [
        ("file", &["is a file", "--data-dir"][..]),
        ("file/below", &["is a file", "--data-dir"]),
        ("foreign", &["letter.txt", "--data-dir"]),
        ("kafka", &["Apache Kafka", "--data-dir"]),
        ("newer", &["layout 2", "a newer Ottla"]),
        ("older", &["layout 0", "an older Ottla"]),
        ("damaged", &["format is damaged"]),
    ] {
        for command in ["up", "broker"] {
            let place = path(name);
            let arguments = [&[command, "--data-dir", text(&place)], &PORTS[..]].concat();
            refused(&ottla(&arguments).output().unwrap(), told);
        }
    }
    assert_eq!(content(dir.path()), before);
    // Where not even root makes a directory.
    let nowhere = [&["up", "--data-dir", "/proc/ottla-data"], &PORTS[..]].concat();
    refused(&ottla(&nowhere).output().unwrap(), &["cannot be written", "--data-dir"]);
}

#[test]
fn a_directory_of_another_node_or_cluster_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    stopped(dir.path());
    let before = content(dir.path());
    let arguments = [&["up", "--data-dir", text(dir.path())], &PORTS[..]].concat();
    let other_node = [&arguments[..], &["-X", "node.id=7"]].concat();
    refused(&ottla(&other_node).output().unwrap(), &["belongs to node 1", "node.id=1"]);
    let mut other_cluster = ottla(&arguments);
    other_cluster.env("CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw");
    refused(&other_cluster.output().unwrap(), &["belongs to cluster", "4L6g3nShT-eMCtK--X86sw"]);
    assert_eq!(content(dir.path()), before);
}

#[test]
fn a_directory_in_use_is_refused_with_the_pid_of_its_user() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = [&["--data-dir", text(dir.path())], &PORTS[..]].concat();
    let mut first = Started::up(&arguments, &[]);
    let pid = format!("in use by pid {}", first.process.id());
    refused(&ottla(&[&["up"], &arguments[..]].concat()).output().unwrap(), &[&pid, "--data-dir"]);
    assert_eq!(first.end(), Some(0), "nobody was disturbed");
}

#[test]
fn a_port_in_use_is_refused_with_its_owner_and_the_option_and_a_clean_stop_stays_clean() {
    let dir = tempfile::tempdir().unwrap();
    stopped(dir.path());
    let before = content(dir.path());
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let port = format!("port {}", held.local_addr().unwrap().port());
    let owner = format!("in use by pid {}", std::process::id());
    let data = ["up", "--data-dir", text(dir.path())];
    let kafka = [&data[..], &["--kafka-listen", &address, "--http-listen", "127.0.0.1:0"]].concat();
    refused(&ottla(&kafka).output().unwrap(), &[&port, &owner, "--kafka-listen"]);
    let http = [&data[..], &["--kafka-listen", "127.0.0.1:0", "--http-listen", &address]].concat();
    refused(&ottla(&http).output().unwrap(), &[&port, &owner, "--http-listen"]);
    assert_eq!(content(dir.path()), before);
}

#[test]
fn a_wrong_setting_is_refused_with_the_place_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    };
    let misspelt = file("misspelt.toml", "[log.retention]\nm = 5\n");
    let no_toml = file("no.toml", "log.retention.ms 5\n");
    let bad_toml = file("bad.toml", "num.partitions = \"many\"\n");
    let bad = file("bad.properties", "# Kafka's\nnum.partitions=many\n");
    let missing = dir.path().join("missing.properties");
    for (arguments, told) in [
        (&["-X", "log.retention.m=5"][..], &["log.retention.m", "log.retention.ms"][..]),
        (&["-X", "num.partitions=0"], &["num.partitions"]),
        (&["-X", "num.partitions"], &["NAME=VALUE"]),
        (&["--kafka-listen", "localhost"], &["--kafka-listen", "HOST:PORT"]),
        (&["--kafka-listen", "0.0.0.0:0"], &["--insecure-listen"]),
        (&["--bind", "0.0.0.0"], &["--insecure-listen"]),
        (&["-X", "listeners=SSL://localhost:0"], &["only PLAINTEXT"]),
        (&["--log", "storage=loud"], &["log.level"]),
        (&["--config", &misspelt], &["misspelt.toml:2", "log.retention.ms"]),
        (&["--config", &no_toml], &["no.toml"]),
        (&["--config", &bad_toml], &["bad.toml:1", "num.partitions"]),
        (&["--config", &bad], &["bad.properties:2", "num.partitions"]),
        (&["--config", text(&missing)], &["cannot read", "missing.properties"]),
    ] {
        let start = [&["up", "--data-dir", text(&data)], arguments].concat();
        let output = ottla(&start).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        told.iter().for_each(|told| assert!(error.contains(told), "{arguments:?}: {error}"));
        assert!(output.stdout.is_empty() && !data.exists(), "{arguments:?}");
    }
    let mut by_environment = ottla(&[&["up", "--data-dir", text(&data)], &PORTS[..]].concat());
    by_environment.env("KAFKA_NUM_PARTITIONS", "many");
    refused(&by_environment.output().unwrap(), &["KAFKA_NUM_PARTITIONS"]);
    assert!(!data.exists());
}

#[test]
fn what_only_kafka_knows_is_a_warning_and_the_check_of_settings_starts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = dir.path().join("server.properties");
    std::fs::write(&file, "num.partitions=3\nlog.retention.m=5\n").unwrap();
    let check = ["up", "--data-dir", text(&data), "--config", text(&file), "--check-config"];
    let mut checked = ottla(&check);
    checked.env("KAFKA_NUM_PARTITION", "3");
    let output = checked.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    for warning in ["server.properties:2", "log.retention.ms", "KAFKA_NUM_PARTITION"] {
        assert!(told.contains(warning), "{warning}: {told}");
    }
    assert!(output.stdout.is_empty() && !data.exists());
    let output = ottla(&[&check[..], &["-X", "num.partitions=0"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn log_lines_are_json_in_the_order_that_others_wait_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut started = Started::up(&[&["--data-dir", text(dir.path())], &PORTS[..]].concat(), &[]);
    started.wait_for("ready");
    assert_eq!(started.end(), Some(0));
    let said: Vec<&str> = started.seen.iter().map(|line| line["msg"].as_str().unwrap()).collect();
    let at = |msg: &str| {
        let places: Vec<usize> = (0..said.len()).filter(|i| said[*i] == msg).collect();
        assert_eq!(places.len(), 1, "{msg:?} in {said:?}");
        places[0]
    };
    let order = ["Transitioning from RECOVERY to RUNNING", "Kafka Server started", "stopping", "stopped"];
    assert!(order.map(at).is_sorted(), "{said:?}");
    for line in &started.seen {
        assert!(["time", "level"].iter().all(|field| line[field].is_string()), "{line}");
    }
    assert!(dir.path().join("clean-stop").exists());
}

#[test]
fn what_clients_do_wrong_is_logged_where_the_level_asks_for_it() {
    let told = "a frame of an impossible length; the connection is closed";
    for (level, times) in [
        (None, 0),
        (Some("info"), 0),
        (Some("debug"), 1),
        (Some("info,broker=debug"), 1),
        (Some("info,storage=debug"), 0),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let setting = level.map(|level| format!("log.level={level}"));
        let mut arguments = [&["--data-dir", text(dir.path())], &PORTS[..]].concat();
        arguments.extend(setting.iter().flat_map(|setting| ["-X", setting.as_str()]));
        let mut started = Started::up(&arguments, &[]);
        let mut client = TcpStream::connect(started.address()).unwrap();
        client.write_all(&[0xff; 4]).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "the broker closes the connection");
        assert_eq!(started.end(), Some(0));
        let levels = started.seen.iter().filter(|line| line["msg"] == told).map(|line| &line["level"]);
        assert_eq!(levels.collect::<Vec<_>>(), vec!["debug"; times], "{level:?}");
    }
}

#[test]
fn ottla_alone_takes_the_options_of_up() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("ottla.toml"));
    std::fs::write(&file, "num.partitions = 3\n").unwrap();
    let alone = [&["--data-dir", text(&data), "--config", text(&file)], &PORTS[..]].concat();
    let mut started = Started::begin(ottla(&alone), &[]);
    started.wait_for("Kafka Server started");
    let address = started.address();
    let client = |arguments: &[&str]| {
        let output = ottla(&[arguments, &["-b", &address]].concat()).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    assert_eq!(client(&["topic", "create", "orders"]), ("orders\t3\t1\n".to_owned(), Some(0)));
    assert_eq!(started.end(), Some(0));
    assert!(data.join("clean-stop").exists());

    let misplaced = ottla(&["--data-dir", text(&data), "topic", "ls"]).output().unwrap();
    let told = String::from_utf8(misplaced.stderr).unwrap();
    assert!(misplaced.status.code() == Some(2) && told.contains("in front of another command"), "{told}");
    // Global options stand where they like.
    let before = ottla(&["-b", "127.0.0.1:1", "--timeout", "10ms", "topic", "ls"]).output().unwrap();
    assert_eq!(before.status.code(), Some(4));
}

#[test]
fn a_terminal_is_shown_the_banner_and_no_json() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let command = format!(
        "{} up --no-color --data-dir {} {}",
        env!("CARGO_BIN_EXE_ottla"),
        text(&data),
        PORTS.join(" ")
    );
    // It gives the command a terminal of its own.
    let mut script = Command::new("script");
    script.args(["-qefc", &format!("exec {command}"), "/dev/null"]);
    let mut process = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`script` is there");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let mut shown: Vec<String> = Vec::new();
    while !shown.last().is_some_and(|line| line.contains("Ctrl-C stops")) {
        shown.push(lines.next().unwrap_or_else(|| panic!("no banner: {shown:?}")));
    }
    process.stdin.take().unwrap().write_all(&[3]).unwrap();
    shown.extend(lines);
    assert_eq!(process.wait().unwrap().code(), Some(0), "{shown:?}");
    let shown = shown.join("\n");
    for part in
        ["info  Kafka Server started", "  ottla ", &format!("data in {} (new)", text(&data)), "stopped"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.contains("Kafka     localhost:") && shown.contains("/healthz"), "{shown}");
    assert!(!shown.contains("\"msg\""), "{shown}");
}

#[test]
fn data_that_was_to_be_ephemeral_is_gone_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let place = [("TMPDIR", text(dir.path()))];
    let count = || std::fs::read_dir(dir.path()).unwrap().count();
    let mut started = Started::up(&[&["--ephemeral"], &PORTS[..]].concat(), &place);
    assert_eq!(count(), 1);
    assert_eq!(started.end(), Some(0));
    assert_eq!(count(), 0);
    let both = ottla(&["up", "--ephemeral", "--data-dir", text(dir.path())]).output().unwrap();
    assert_eq!((both.status.code(), count()), (Some(2), 0));
}

/// A client that asks and never reads, so that a stop waits for it. What is not taken for 2 s is not taken on a busy machine
/// either.
fn never_reads(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    // ApiVersions 0 without a client id, again and again, until nothing is taken any more.
    let request = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    while stream.write_all(&request.repeat(4_096)).is_ok() {}
    stream
}

#[test]
fn a_second_signal_ends_a_broker_that_stops_with_the_code_of_the_signal() {
    for (signal, exit) in [("-INT", 130), ("-TERM", 143)] {
        let dir = tempfile::tempdir().unwrap();
        let mut started = Started::up(&[&["--data-dir", text(dir.path())], &PORTS[..]].concat(), &[]);
        let _client = never_reads(&started.address());
        started.send("-TERM");
        started.wait_for("stopping");
        started.send(signal);
        started.wait_for("stopped at once; the next start recovers");
        assert_eq!(started.process.wait().unwrap().code(), Some(exit), "{signal}");
        assert!(!dir.path().join("clean-stop").exists());
    }
}

#[test]
fn settings_are_shown_with_their_origins() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.properties");
    std::fs::write(&file, "num.partitions=3\nlog.retention.ms=1000\nlog.segment.bytes=2097152\n").unwrap();
    let show = ["config", "show", "--origin", "--config", text(&file), "-X", "log.segment.bytes=1048576"];
    let mut command = ottla(&show);
    command.env("KAFKA_LOG_RETENTION_MS", "2000");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8(output.stdout).unwrap();
    let at = format!("{}:1", text(&file));
    for (name, value, origin) in [
        ("num.partitions", "3", at.as_str()),
        ("log.retention.ms", "2000", "environment KAFKA_LOG_RETENTION_MS"),
        ("log.segment.bytes", "1048576", "command line"),
    ] {
        assert!(shown.contains(&format!("{name}\t{value}\t{origin}\n")), "{shown}");
    }
    let all = ottla(&["config", "show", "--origin", "--all"]).output().unwrap();
    assert!(String::from_utf8(all.stdout).unwrap().contains("num.partitions\t1\tdefault\n"));
}

#[test]
fn another_address_is_listened_on_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let show = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command =
            ottla(&[&["doctor", "--output", "json", "--data-dir", text(dir.path())], arguments].concat());
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let ports = findings.as_array().unwrap().iter().filter(|finding| finding["area"] == "ports");
        ports.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("\n")
    };
    for ports in [show(&["--bind", "127.0.0.9"], &[]), show(&[], &[("OTTLA_BIND", "127.0.0.9")])] {
        for port in [9092, 9093, 9644] {
            assert!(ports.contains(&format!("127.0.0.9:{port}")), "{ports}");
        }
    }
    let chosen = show(&["--kafka-listen", "127.0.0.1:0"], &[("OTTLA_BIND", "127.0.0.9")]);
    assert!(!chosen.contains("127.0.0.9:9092") && chosen.contains("127.0.0.9:9644"), "{chosen}");
    // The command line wins over the environment, and an empty variable is none.
    let listeners = ["-X", "listeners=PLAINTEXT://127.0.0.8:9092", "-X", "http.listen=127.0.0.8:9644"];
    let told = show(&listeners, &[("OTTLA_BIND", "127.0.0.9")]);
    assert!(told.contains("127.0.0.8:9092") && told.contains("127.0.0.8:9644"), "{told}");
    assert!(!told.contains("127.0.0.9"), "{told}");
    assert_eq!(show(&[], &[("OTTLA_BIND", "")]), show(&[], &[]));
}

#[test]
fn every_shell_has_its_completions_and_every_command_its_help() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = ottla(&["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(script.contains("ottla") && script.contains("kafka-listen"), "{shell}");
    }
    assert_eq!(ottla(&["completions", "csh"]).output().unwrap().status.code(), Some(2));
    let help = ottla(&["--help"]).output().unwrap();
    assert!(help.status.code() == Some(0) && String::from_utf8(help.stdout).unwrap().contains("Examples:"));
    let unknown = ottla(&["topics"]).output().unwrap();
    let told = String::from_utf8(unknown.stderr).unwrap();
    assert!(unknown.status.code() == Some(2) && told.contains("'topic'"), "{told}");
}
