//! A broker of the test's own, and the command line that talks to it.
#![allow(
    dead_code,
    reason = "every file of tests is a crate of its own, and not each of them needs all of this"
)]

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const OTTLA: &str = env!("CARGO_BIN_EXE_ottla");

pub struct Broker {
    process: Child,
    address: String,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that nobody listens on.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// What a command wrote: standard output, standard error, exit code.
pub type Ran = (String, String, Option<i32>);

/// A command that asks whoever is there.
pub fn run_at(address: &str, arguments: &[&str], input: &str) -> Ran {
    ottla(&[arguments, &["-b", address, "--timeout", "60s"]].concat(), input)
}

/// A command that ends by itself.
pub fn ottla(arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::new(OTTLA);
    command.args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // Who fails early reads nothing.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let output = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

impl Broker {
    pub fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    pub fn start_with(dir: &Path, options: &[&str]) -> Self {
        let address = free_address();
        let mut command = Command::new(OTTLA);
        command.arg("broker").arg("--data-dir").arg(dir);
        command.args(["--kafka-listen", &address, "--http-listen", &free_address()]);
        command.args(["-X", "group.initial.rebalance.delay.ms=0"]).args(options);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let broker = Self { process, address };
        for _ in 0..600 {
            // Also where it says wrongly where it is.
            if matches!(broker.run(&["cluster", "info"]).2, Some(0 | 3)) {
                return broker;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the broker at {} does not answer", broker.address);
    }

    /// Where clients reach it.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A command that runs until it is told to end. What it says goes to a pipe.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(OTTLA);
        command.args(arguments).args(["-b", &self.address, "--timeout", "60s"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        run_at(&self.address, arguments, input)
    }

    /// A clean stop; the exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }

    /// Standard output of what must succeed.
    pub fn done(&self, arguments: &[&str]) -> String {
        let (out, told, code) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {told}");
        out
    }

    pub fn refused(&self, arguments: &[&str], exit: i32, told: &str) {
        let (_, error, code) = self.run(arguments);
        assert!(code == Some(exit) && error.contains(told), "{arguments:?}: {code:?} {error}");
    }
}
