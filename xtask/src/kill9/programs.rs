//! The client programs: built once, started once, and read line by line into the ledger.

use super::ledger::{Ledger, Seen};
use super::record::{log_index, writer_of};
use super::violation::Promise;
use crate::process::run;
use crate::{clients, toolchains};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

const SOURCES: &str = "crates/cli/tests/kill9";

/// Where the built programs are.
#[derive(Debug)]
pub struct Built {
    classes: PathBuf,
    jars: PathBuf,
    go: PathBuf,
    python: PathBuf,
    script: PathBuf,
}

/// Builds the programs, below `target/`.
pub fn build(root: &Path) -> Result<Built> {
    toolchains::ensure(root, &[toolchains::PYTHON, toolchains::JAVA, toolchains::MAVEN, toolchains::GO])?;
    let (sources, target) = (root.join(SOURCES), clients::folder(root).join("kill9"));
    std::fs::create_dir_all(&target)?;
    let jar = clients::kafka_clients_jar(root)?;
    let built = Built {
        classes: target.join("classes"),
        jars: jar.parent().context("find the folder of kafka-clients")?.to_owned(),
        go: target.join("kill9-go"),
        python: clients::python(root)?,
        script: sources.join("confluent-kafka/kill9.py"),
    };
    let jars = format!("{}/*", built.jars.display());
    let classes = built.classes.display().to_string();
    run(&sources.join("java"), "javac", &["-d", &classes, "-cp", &jars, "Kill9.java"])?;
    let go = built.go.display().to_string();
    run(&sources.join("kafka-go"), "go", &["build", "-o", &go, "."])?;
    Ok(built)
}

impl Built {
    /// A writer by its name in [`super::record::WRITERS`].
    pub fn writer(&self, name: &str) -> Result<Command> {
        Ok(match name {
            "java" => self.java("write"),
            "librdkafka" => self.python("write"),
            "kafka-go" => {
                let mut command = Command::new(&self.go);
                command.arg("write");
                command
            }
            _ => bail!("no writer {name}"),
        })
    }

    /// The reader that runs throughout.
    pub fn reader(&self) -> Command {
        self.python("read")
    }

    /// The reader of ranges.
    pub fn checker(&self) -> Command {
        self.java("check")
    }

    fn java(&self, role: &str) -> Command {
        let mut command = Command::new("java");
        let path = format!("{}:{}/*", self.classes.display(), self.jars.display());
        command.args([
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            &path,
            "Kill9",
            role,
        ]);
        command
    }

    fn python(&self, role: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg(role);
        command
    }
}

/// Whose lines `read` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Writer,
    Tail,
    Check,
}

#[derive(Debug)]
pub struct Program {
    pub name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Option<JoinHandle<()>>,
    /// A message for each line `checked`.
    pub checked: Receiver<()>,
}

impl Program {
    /// Starts a program; its errors go to `FOLDER/NAME.log`.
    pub fn start(
        name: &str,
        mut command: Command,
        args: &[&str],
        role: Role,
        folder: &Path,
        ledger: &Arc<Mutex<Ledger>>,
    ) -> Result<Self> {
        let errors = File::create(folder.join(format!("{name}.log")))?;
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().with_context(|| format!("start {name}"))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("a child without output")?;
        let (sender, checked) = channel();
        let ledger = Arc::clone(ledger);
        let lines = std::thread::spawn(move || read_lines(output, role, &ledger, &sender));
        Ok(Self { name: name.to_owned(), child, input, lines: Some(lines), checked })
    }

    pub fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("a program that was ended")?;
        writeln!(input, "{line}").and_then(|()| input.flush()).with_context(|| format!("tell {}", self.name))
    }

    /// Whether the process is gone; then its last lines are in the ledger.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.child.try_wait().ok().flatten().is_some();
        if let Some(lines) = self.lines.take_if(|_| ended) {
            let _ = lines.join();
        }
        ended
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(lines) = self.lines.take() {
            let _ = lines.join();
        }
    }
}

fn read_lines(output: ChildStdout, role: Role, ledger: &Mutex<Ledger>, checked: &Sender<()>) {
    for line in BufReader::with_capacity(1 << 16, output).lines() {
        let Ok(line) = line else { return };
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if line == "checked" {
            let _ = checked.send(());
        } else if take_line(&line, role, &mut ledger).is_none() {
            ledger.violate(Promise::Reader, format!("a line nobody expects: {line}"));
        }
    }
}

/// One line of a program; `None` if it is not one of the lines of README.md.
fn take_line(line: &str, role: Role, ledger: &mut Ledger) -> Option<()> {
    let (verb, rest) = line.split_once(' ')?;
    let mut words = rest.split(' ');
    match verb {
        "ack" => {
            let log = log_index(words.next()?, words.next()?)?;
            let offset: i64 = words.next()?.parse().ok()?;
            let writer = writer_of(words.next()?)?;
            ledger.acked(log, usize::try_from(offset).ok(), writer, words.next()?.parse().ok()?);
        }
        "fail" => {
            let (writer, seq) = (writer_of(words.next()?)?, words.next()?.parse().ok()?);
            let reason: Vec<&str> = words.collect();
            ledger.failed(writer, seq, &reason.join(" "));
        }
        "done" => {
            let writer = writer_of(words.next()?)?;
            ledger.done[writer] = Some(words.next()?.parse().ok()?);
        }
        "read" => {
            let log = log_index(words.next()?, words.next()?)?;
            let offset = words.next()?.parse().ok()?;
            let (writer, seq) = (writer_of(words.next()?)?, words.next()?.parse().ok()?);
            let crc = words.next()?.parse().ok()?;
            let time: i64 = words.next()?.parse().ok()?;
            let seen = Seen { log, offset, writer, seq, crc, time: time as u32 };
            match role {
                Role::Check => ledger.checked(seen),
                Role::Tail | Role::Writer => ledger.tailed(seen),
            }
        }
        "error" => ledger.violate(Promise::Reader, rest.to_owned()),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kill9::record::crc;

    #[test]
    fn lines_reach_the_ledger() {
        let mut ledger = Ledger::new();
        let crc = crc(2, 0);
        let lines = [
            "ack kill9-0 0 -1 java 0",
            "ack kill9-0 0 0 kafka-go 0",
            &format!("read kill9-0 0 0 kafka-go 0 {crc} 1700000000000"),
            "fail kafka-go 17 broken pipe",
            "done java 1",
        ];
        for line in lines {
            assert_eq!(take_line(line, Role::Tail, &mut ledger), Some(()), "{line}");
        }
        assert_eq!((ledger.acks, ledger.fails, ledger.tail_records), ([1, 0, 1], [0, 0, 1], 1));
        assert_eq!(ledger.done[0], Some(1));
        assert!(ledger.violation.is_none());
        for line in ["nonsense", "ack kill9-9 0 0 java 0", "read kill9-0 0 x java 0 0 0"] {
            assert_eq!(take_line(line, Role::Tail, &mut ledger), None, "{line}");
        }
        take_line("error reset", Role::Tail, &mut ledger);
        assert_eq!(ledger.violation.map(|v| v.text).as_deref(), Some("reset"));
    }
}
