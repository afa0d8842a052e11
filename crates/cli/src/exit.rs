//! How a command ends: the exit codes of the command line and the one line that says what to type next.
//!
//! A command returns `anyhow::Result<Exit>`. A [`Failure`] inside the error chain chooses the code; any other error is
//! code 1. Nothing else in this crate ends the process.

use std::fmt;
use std::io;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    /// Wrong usage, or refused because of what was asked.
    Usage = 2,
    /// Some of several items failed.
    Partly = 3,
    /// The cluster cannot be reached or did not answer in time; trying again may help.
    Unreachable = 4,
    NotAuthorised = 5,
    /// By Ctrl-C, that is SIGINT.
    Interrupted = 130,
    /// By SIGTERM.
    Terminated = 143,
}

/// An error that knows its exit code and the next command.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub problem: String,
    /// What to type or do next, without a full stop.
    pub next: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, problem: impl Into<String>) -> Self {
        Self { exit, problem: problem.into(), next: None }
    }

    pub fn usage(problem: impl Into<String>) -> Self {
        Self::new(Exit::Usage, problem)
    }

    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Failure {}

/// The exit code of an error.
pub fn code_of(error: &anyhow::Error) -> Exit {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>())
        .map_or(Exit::Failed, |failure| failure.exit)
}

/// What a user reads on standard error. Two lines at most.
pub fn message_of(error: &anyhow::Error) -> String {
    let next =
        error.chain().find_map(|cause| cause.downcast_ref::<Failure>()).and_then(|f| f.next.as_deref());
    let next = next.map(|next| format!("\n  try: {next}")).unwrap_or_default();
    format!("ottla: {error:#}{next}")
}

/// A reader that left (`| head`) is no error.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &&(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(|cause| broken(&cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn the_code_and_the_next_command_survive_context() {
        let failure = Failure::new(Exit::Unreachable, "no broker at localhost:9092").next("ottla up");
        let error = Err::<(), _>(failure).context("list topics").unwrap_err();
        assert_eq!(code_of(&error), Exit::Unreachable);
        assert_eq!(message_of(&error), "ottla: list topics: no broker at localhost:9092\n  try: ottla up");
        assert_eq!(code_of(&anyhow::anyhow!("x")), Exit::Failed);
    }

    #[test]
    fn a_broken_pipe_is_seen_through_context() {
        let error = Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)).context("write").unwrap_err();
        assert!(is_broken_pipe(&error) && !is_broken_pipe(&anyhow::anyhow!("x")));
    }
}
