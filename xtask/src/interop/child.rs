//! A client as a child process: fed, read to its end, and killed when it takes too long.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Far above what a cell takes on two busy cores; a client that waits for ever ends here.
const LIMIT: Duration = Duration::from_secs(180);
const ERROR_BYTES_SHOWN: usize = 600;

/// Runs it with `input` on standard input and returns its standard output. A failure carries what it said.
pub fn run(mut command: Command, input: Vec<u8>) -> Result<Vec<u8>> {
    run_within(&mut command, input, LIMIT)
}

pub fn run_within(command: &mut Command, input: Vec<u8>, limit: Duration) -> Result<Vec<u8>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    let mut stdin = child.stdin.take().context("take the child's input")?;
    let mut stdout = child.stdout.take().context("take the child's output")?;
    let mut stderr = child.stderr.take().context("take the child's errors")?;
    // A child that ends early closes its input; its status and its errors say why, not the broken pipe.
    let feed = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = thread::spawn(move || read_all(&mut stdout));
    let errors = thread::spawn(move || read_all(&mut stderr));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("wait for a child")? {
            break Some(status);
        }
        if begin.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let _ = feed.join();
    let output = output.join().unwrap_or_default();
    let errors = errors.join().unwrap_or_default();
    let said =
        String::from_utf8_lossy(&errors[errors.len().saturating_sub(ERROR_BYTES_SHOWN)..]).into_owned();
    match status {
        Some(status) if status.success() => Ok(output),
        Some(status) => bail!("ended with {status}: {}", said.trim()),
        None => bail!("did not end within {} s: {}", limit.as_secs(), said.trim()),
    }
}

fn read_all(source: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = source.read_to_end(&mut bytes);
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn output_status_and_limit_come_back() {
        assert_eq!(run(Command::new("cat"), b"abc".to_vec()).unwrap(), b"abc");
        let mut failing = Command::new("sh");
        failing.args(["-c", "echo why >&2; exit 3"]);
        let error = run(failing, Vec::new()).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("why"), "{error}");
        let mut endless = Command::new("sleep");
        endless.arg("1000");
        let error = run_within(&mut endless, Vec::new(), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("did not end"), "{error}");
    }
}
