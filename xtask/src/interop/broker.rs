//! A broker that a check starts, and that is gone when the check ends, however it ends.
//!
//! Ottla is the release build; Apache Kafka is started by `crates/cli/tests/kafka/kafka.sh run`, which ends in the JVM
//! itself. Both get loopback ports that were free a moment before, and a directory of their own under `target/`.

use crate::clients;
use crate::metrics;
use crate::process::{cargo, run};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// The line that both brokers print when records can be produced.
const READY: &str = "Kafka Server started";
const LOG_LINES_SHOWN: usize = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ottla,
    Kafka,
}

impl Kind {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "ottla" => Ok(Self::Ottla),
            "kafka" => Ok(Self::Kafka),
            other => bail!("`{other}` is no broker; ottla or kafka"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ottla => "Ottla",
            Self::Kafka => "Apache Kafka",
        }
    }
}

#[derive(Debug)]
pub struct Broker {
    child: Child,
    folder: PathBuf,
    pub bootstrap: String,
    /// The port of health and metrics, of Ottla alone.
    pub http: Option<u16>,
}

impl Broker {
    /// Starts on an empty directory with these settings (`name=value`) and returns when records can be produced.
    pub fn start(root: &Path, kind: Kind, check: &str, settings: &[&str]) -> Result<Self> {
        let (folder, port) = (new_folder(root, check)?, free_ports()?);
        let mut command = match kind {
            Kind::Ottla => ottla(root, &folder, port)?,
            Kind::Kafka => kafka(root, &folder, port),
        };
        for setting in settings {
            if kind == Kind::Ottla {
                command.arg("-X");
            }
            command.arg(setting);
        }
        Self::spawn(command, kind, folder, port)
    }

    /// The same with a build of Ottla that is there already.
    pub fn start_binary(root: &Path, binary: &Path, check: &str, settings: &[&str]) -> Result<Self> {
        let (folder, port) = (new_folder(root, check)?, free_ports()?);
        let mut command = ottla_at(binary, &folder, port);
        for setting in settings {
            command.args(["-X", setting]);
        }
        Self::spawn(command, Kind::Ottla, folder, port)
    }

    fn spawn(mut command: Command, kind: Kind, folder: PathBuf, port: u16) -> Result<Self> {
        let log = File::create(folder.join("log")).context("create the broker's log file")?;
        let errors = log.try_clone().context("share the broker's log file")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("start {}", kind.name()))?;
        let http = (kind == Kind::Ottla).then_some(port + 1);
        let mut broker = Self { child, folder, bootstrap: format!("127.0.0.1:{port}"), http };
        broker.wait_until_ready().with_context(|| format!("start {}", kind.name()))?;
        Ok(broker)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        loop {
            if self.log().contains(READY) && TcpStream::connect(&self.bootstrap).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status} before it was ready:\n{}", self.log_tail());
            }
            if begin.elapsed() > START_LIMIT {
                bail!("it was not ready after {} s:\n{}", START_LIMIT.as_secs(), self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits; a broker that has to be killed is an error, and so is one that answered with an unknown
    /// error meanwhile.
    pub fn stop(mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            self.http.map_or(Ok(()), metrics::no_unknown_errors)?;
        }
        self.stop_whatever_it_answered()
    }

    pub fn stop_whatever_it_answered(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the broker had ended with {status}:\n{}", self.log_tail());
        }
        run(&self.folder, "kill", &["-TERM", &self.child.id().to_string()])?;
        let begin = Instant::now();
        while begin.elapsed() < STOP_LIMIT {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the broker did not stop within {} s:\n{}", STOP_LIMIT.as_secs(), self.log_tail())
    }

    /// All that it printed.
    pub fn log(&self) -> String {
        fs::read(self.folder.join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of what it printed, for the report of a failure.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn ottla(root: &Path, folder: &Path, port: u16) -> Result<Command> {
    run(root, &cargo(), &["build", "--release", "--locked", "--quiet"])?;
    Ok(ottla_at(&root.join("target/release/ottla"), folder, port))
}

fn ottla_at(binary: &Path, folder: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    command.arg("broker").arg("--data-dir").arg(folder.join("data"));
    command.args(["-X", &format!("listeners=PLAINTEXT://127.0.0.1:{port}")]);
    command.args(["-X", &format!("http.listen=127.0.0.1:{}", port + 1)]);
    command
}

/// An empty directory for a broker.
fn new_folder(root: &Path, check: &str) -> Result<PathBuf> {
    let folder = root.join(format!("target/{check}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context("create the broker's directory")?;
    Ok(folder)
}

fn kafka(root: &Path, folder: &Path, port: u16) -> Command {
    let mut command = Command::new("bash");
    command.arg(root.join("crates/cli/tests/kafka/kafka.sh")).arg("run").arg(folder.join("kafka"));
    command.arg(format!("PORT={port}"));
    command
        .env("KAFKA_VERSION", clients::KAFKA_VERSION)
        .env("OTTLA_LAB", clients::folder(root).join("kafka"));
    command
}

/// A port that is free together with the one behind it, which Kafka's controller takes, and Ottla's health and metrics.
fn free_ports() -> Result<u16> {
    for _ in 0..100 {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("look for a free port")?;
        let port = first.local_addr()?.port();
        if port < u16::MAX && TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no two free ports side by side on loopback")
}
