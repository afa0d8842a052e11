//! The broker under test: started, waited for, killed. It is a child of this process and ends with it.
//!
//! Apache Kafka can stand in, started by its script, to show that the harness itself accuses nobody wrongly.

use super::violation::{Promise, Violation};
use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(1);
/// A new group does not wait for more members.
const GROUPS_AT_ONCE: &str = "group.initial.rebalance.delay.ms=0";
/// What every broker prints once it takes requests.
const READY_LINE: &str = "Kafka Server started";

#[derive(Debug, Clone)]
pub enum Program {
    Ottla {
        binary: PathBuf,
        /// The planted bug of a test build.
        control: Option<&'static str>,
    },
    /// `kafka.sh` as the interop run has it.
    Kafka { script: PathBuf },
}

/// The process to kill. Shared with whoever may pull the trigger, and at most one at a time.
#[derive(Debug, Clone, Default)]
pub struct Victim(Arc<Mutex<Option<Process>>>);

#[derive(Debug)]
enum Process {
    Child(Child),
    /// Started by a script that is the child.
    Script {
        script: Child,
        pid_file: PathBuf,
    },
}

impl Victim {
    /// SIGKILL, now. Nothing happens when it is dead already.
    pub fn kill(&self) {
        match &mut *self.lock() {
            Some(Process::Child(child)) => {
                let _ = child.kill();
            }
            Some(Process::Script { pid_file, .. }) => {
                if let Some(pid) = pid_of(pid_file) {
                    signal("-KILL", pid);
                }
            }
            None => {}
        }
    }

    /// How the process ended, if it has.
    pub fn ended(&self) -> Option<String> {
        match &mut *self.lock() {
            Some(Process::Child(child)) => child.try_wait().ok().flatten().map(|status| status.to_string()),
            Some(Process::Script { script, pid_file }) => match script.try_wait() {
                Ok(Some(status)) if !status.success() => Some(status.to_string()),
                Ok(Some(_)) => pid_of(pid_file).is_none_or(|pid| !lives(pid)).then(|| "an end".to_owned()),
                _ => None,
            },
            None => Some("no start".to_owned()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pid_of(file: &Path) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn lives(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status();
}

#[derive(Debug)]
pub struct Broker {
    program: Program,
    pub data: PathBuf,
    /// What the broker printed, all starts together.
    output: PathBuf,
    pub port: u16,
    http: u16,
    pub victim: Victim,
    started: Instant,
    /// Length of the output when the last start began.
    printed: u64,
}

impl Broker {
    pub fn new(program: Program, folder: &Path) -> Result<Self> {
        let output = folder.join("broker.log");
        let (port, http) = (free_port()?, free_port()?);
        let (victim, started) = (Victim::default(), Instant::now());
        Ok(Self { program, data: folder.join("data"), output, port, http, victim, started, printed: 0 })
    }

    pub fn start(&mut self) -> Result<()> {
        let output = OpenOptions::new().create(true).append(true).open(&self.output)?;
        self.printed = output.metadata()?.len();
        let process = match &self.program {
            Program::Ottla { binary, control } => {
                let mut command = Command::new(binary);
                command.arg("broker").arg("--data-dir").arg(&self.data);
                for setting in self.settings() {
                    command.arg("-X").arg(setting);
                }
                if let Some(control) = control {
                    command.env("OTTLA_CONTROL", control);
                }
                Process::Child(spawn(command, output).with_context(|| format!("start {}", binary.display()))?)
            }
            Program::Kafka { script } => {
                let pid_file = self.data.join("pid");
                let _ = std::fs::remove_file(&pid_file);
                let mut command = Command::new(script);
                command.arg("start").arg(&self.data).args([
                    &format!("PORT={}", self.port),
                    "HEAP=1g",
                    "log.segment.bytes=1048576",
                    GROUPS_AT_ONCE,
                ]);
                Process::Script { script: spawn(command, output)?, pid_file }
            }
        };
        self.started = Instant::now();
        *self.victim.lock() = Some(process);
        Ok(())
    }

    fn settings(&self) -> [String; 5] {
        [
            format!("listeners=PLAINTEXT://127.0.0.1:{}", self.port),
            format!("http.listen=127.0.0.1:{}", self.http),
            "log.segment.bytes=1048576".to_owned(),
            "auto.create.topics.enable=false".to_owned(),
            GROUPS_AT_ONCE.to_owned(),
        ]
    }

    /// Every log is recovered and requests are taken.
    pub fn is_ready(&self) -> bool {
        if let Program::Kafka { .. } = self.program {
            let mut process = self.victim.lock();
            let Some(Process::Script { script, .. }) = &mut *process else { return false };
            return script.try_wait().is_ok_and(|status| status.is_some_and(|s| s.success()));
        }
        // The text is asked for first: a refused connection costs more than a look at a file.
        self.said().contains(READY_LINE) && self.answers_ready()
    }

    /// What it printed since its last start.
    pub fn said(&self) -> String {
        let Ok(text) = std::fs::read(&self.output) else { return String::new() };
        let from = usize::try_from(self.printed).unwrap_or(0).min(text.len());
        String::from_utf8_lossy(&text[from..]).into_owned()
    }

    fn answers_ready(&self) -> bool {
        let Ok(mut socket) = TcpStream::connect(("127.0.0.1", self.http)) else { return false };
        let _ = socket.set_read_timeout(Some(Duration::from_secs(1)));
        let request =
            format!("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.http);
        let mut answer = [0; 12];
        socket.write_all(request.as_bytes()).is_ok()
            && socket.read_exact(&mut answer).is_ok()
            && answer.ends_with(b" 200")
    }

    /// Waits until the broker is ready; returns the time since its start.
    pub fn wait_ready(&self) -> Result<Duration> {
        while !self.is_ready() {
            self.check_alive()?;
            if self.started.elapsed() > READY_WITHIN {
                let text = format!("the broker was not ready after {READY_WITHIN:?}; {}", self.last_words());
                bail!(Violation::new(Promise::Ended, text));
            }
            std::thread::sleep(POLL);
        }
        Ok(self.started.elapsed())
    }

    pub fn check_alive(&self) -> Result<()> {
        match self.victim.ended() {
            Some(status) => {
                let text = format!("the broker ended by itself with {status}; {}", self.last_words());
                Err(Violation::new(Promise::Ended, text).into())
            }
            None => Ok(()),
        }
    }

    fn last_words(&self) -> String {
        let text = self.said();
        let lines: Vec<&str> = text.lines().rev().take(6).collect();
        format!("it said: {}", lines.into_iter().rev().collect::<Vec<_>>().join(" | "))
    }

    /// Waits until the killed process is gone.
    pub fn wait_dead(&self) {
        self.victim.kill();
        let process = self.victim.lock().take();
        match process {
            Some(Process::Child(mut child)) => {
                let _ = child.wait();
            }
            Some(Process::Script { mut script, pid_file }) => {
                while pid_of(&pid_file).is_some_and(lives) {
                    std::thread::sleep(POLL);
                }
                let _ = script.wait();
            }
            None => {}
        }
    }

    /// SIGTERM, and an exit code of 0 within the time that the product promises. No answer so far was an unknown error.
    pub fn stop(&self) -> Result<()> {
        if self.is_ottla() && self.victim.ended().is_none() {
            crate::metrics::no_unknown_errors(self.http)?;
        }
        let process = self.victim.lock().take();
        match process {
            Some(Process::Child(mut child)) => {
                signal("-TERM", child.id());
                match wait(&mut child, STOP_WITHIN)? {
                    Some(status) if status.success() => Ok(()),
                    end => {
                        let _ = child.kill();
                        let _ = child.wait();
                        let end = end.map_or("no end".to_owned(), |status| status.to_string());
                        let text = format!("SIGTERM led to {end}; {}", self.last_words());
                        Err(Violation::new(Promise::Ended, text).into())
                    }
                }
            }
            Some(Process::Script { pid_file, .. }) => {
                let Some(pid) = pid_of(&pid_file) else { return Ok(()) };
                signal("-TERM", pid);
                while lives(pid) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// `ottla log verify` of the stopped broker's data.
    pub fn verify(&self) -> Result<()> {
        let Program::Ottla { binary, .. } = &self.program else { return Ok(()) };
        let output = Command::new(binary)
            .args(["log", "verify"])
            .arg(&self.data)
            .stdin(Stdio::null())
            .output()
            .context("start ottla log verify")?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().rev().take(6).collect();
        let text = format!("{}: {}", output.status, lines.into_iter().rev().collect::<Vec<_>>().join(" | "));
        Err(Violation::new(Promise::Verify, text).into())
    }

    /// How long a ready broker may refuse what it must have.
    pub fn settles_within(&self) -> Duration {
        if self.is_ottla() { Duration::ZERO } else { Duration::from_secs(20) }
    }

    pub fn is_ottla(&self) -> bool {
        matches!(self.program, Program::Ottla { .. })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.wait_dead();
    }
}

fn spawn(mut command: Command, output: File) -> Result<Child> {
    let errors = output.try_clone()?;
    Ok(command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn()?)
}

pub fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(POLL);
    }
    Ok(None)
}

/// A port nobody listens on, below the range from which the system takes ports for outgoing connections: a client
/// that connects again and again while the broker is down must not get, or meet, its own port.
fn free_port() -> Result<u16> {
    let begin = u64::from(std::process::id()) * 7;
    for step in 0..10_000 {
        let port = u16::try_from(20_000 + (begin + step) % 10_000)?;
        let taken = USED.lock().unwrap_or_else(PoisonError::into_inner).contains(&port);
        if !taken && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            USED.lock().unwrap_or_else(PoisonError::into_inner).push(port);
            return Ok(port);
        }
    }
    bail!("no free port between 20000 and 30000")
}

/// Ports this process gave out.
static USED: Mutex<Vec<u16>> = Mutex::new(Vec::new());
