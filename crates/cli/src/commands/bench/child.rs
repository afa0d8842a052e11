//! A broker as a child process: started, watched, killed. It never outlives the value that stands for it.
//!
//! The child leads a process group of its own, so that a shell around a broker dies with it, and so that Ctrl-C reaches
//! us and not the broker.

use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::units::parse_duration;
use anyhow::{Context, Result};
use ottla_env::process;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How often it is looked whether the child still lives.
const LOOK: Duration = Duration::from_millis(20);

/// How a command that starts and kills a broker is told which one, where, and how long it may take.
#[derive(Debug, Clone, clap::Args)]
pub struct Started {
    /// How long a start may take
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "120s")]
    pub patience: Duration,

    /// Where the data goes, in a new directory that is removed again [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Another broker, started by this line of sh with $DIR and $PORT set; it must stay in the foreground
    #[arg(long, value_name = "LINE")]
    pub broker_command: Option<String>,
}

impl Started {
    pub fn program(&self, global: &Global) -> Program {
        match &self.broker_command {
            Some(line) => Program::Foreign { line: line.clone() },
            None => Program::Own { settings: global.settings.clone() },
        }
    }
}

/// What is started.
#[derive(Debug, Clone)]
pub enum Program {
    /// This executable, with settings for its broker.
    Own { settings: Vec<String> },
    /// A line for `sh`, which finds directory and port in `$DIR` and `$PORT`.
    Foreign { line: String },
}

impl Program {
    pub fn command(&self, dir: &Path, port: u16) -> Result<Command> {
        let mut command = match self {
            Self::Own { settings } => {
                let mut command = Command::new(std::env::current_exe().context("find this executable")?);
                command.arg("broker").arg("--data-dir").arg(dir);
                command.args(["--kafka-listen", &format!("127.0.0.1:{port}")]);
                command.args(["--http-listen", &format!("127.0.0.1:{}", port + 1)]);
                settings.iter().for_each(|setting| {
                    command.args(["-X", setting]);
                });
                command
            }
            Self::Foreign { line } => {
                let mut command = Command::new("sh");
                command.args(["-c", line]);
                command
            }
        };
        command.env("DIR", dir).env("PORT", port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(command)
    }
}

#[derive(Debug)]
pub struct BrokerChild {
    child: Child,
    port: u16,
}

impl BrokerChild {
    pub fn start(program: &Program, dir: &Path, port: u16) -> Result<Self> {
        let child = program.command(dir, port)?.process_group(0).spawn().context("start the broker")?;
        Ok(Self { child, port })
    }

    /// The broker itself, which may stand behind a shell.
    pub fn pid(&self) -> u32 {
        process::listening_on(self.port).unwrap_or_else(|| self.child.id())
    }

    /// Resolves when the broker ends by itself, which it should not.
    pub async fn ended(&mut self) -> anyhow::Error {
        loop {
            match self.child.try_wait() {
                Ok(None) => tokio::time::sleep(LOOK).await,
                Ok(Some(status)) => return ended(status),
                Err(error) => return anyhow::Error::new(error).context("look after the broker"),
            }
        }
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        // A group that is gone already is what was wanted.
        let _ = process::kill_group(self.child.id());
        self.child.wait().context("wait for the broker to be gone")?;
        Ok(())
    }
}

impl Drop for BrokerChild {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn ended(status: ExitStatus) -> anyhow::Error {
    Failure::new(Exit::Failed, format!("the broker ended by itself: {status}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(line: &str) -> Program {
        Program::Foreign { line: line.to_owned() }
    }

    #[tokio::test]
    async fn a_broker_that_ends_by_itself_is_told_with_its_status() {
        let mut child = BrokerChild::start(&foreign("exit 7"), Path::new("/"), 1).unwrap();
        let error = child.ended().await;
        assert!(error.to_string().contains("exit status: 7"), "{error}");
        child.kill().unwrap();
    }

    #[test]
    fn a_child_dies_with_its_value() {
        let child = BrokerChild::start(&foreign("sleep 600; true"), Path::new("/"), 1).unwrap();
        let pid = child.pid();
        assert!(process::is_alive(pid));
        drop(child);
        assert!(!process::is_alive(pid));
    }

    #[test]
    fn the_own_broker_gets_directory_ports_and_settings() {
        let own = Program::Own { settings: vec!["a=b".to_owned()] };
        let command = own.command(Path::new("/data"), 1000).unwrap();
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_str().unwrap()).collect();
        let expected = [
            "broker",
            "--data-dir",
            "/data",
            "--kafka-listen",
            "127.0.0.1:1000",
            "--http-listen",
            "127.0.0.1:1001",
            "-X",
            "a=b",
        ];
        assert_eq!(arguments, expected);
    }
}
