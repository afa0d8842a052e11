//! How a command reaches a cluster: a runtime, a client, signals, and what the client's errors mean to a user.

use crate::args::Global;
use crate::client_settings::{self, ClientSettings};
use crate::exit::{Exit, Failure};
use anyhow::{Context, Result};
use ottla_client::{Client, ClientError, ErrorCode};
use std::future::Future;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs a command on one thread. Ctrl-C ends it with 130 and SIGTERM with 143, at once.
pub fn run(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    block_on(async {
        tokio::select! {
            result = command => result,
            result = interrupted() => result,
        }
    })
}

/// The same for a command that looks after signals itself.
pub fn block_on(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(command)
}

/// What asks the process to end, from when this is made on: a signal that comes while nobody waits is kept for the next
/// who does.
///
/// The first one that is made takes these signals from the system for good: from then on the process ends by them only
/// where somebody waits.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("listen for Ctrl-C")?,
            terminate: signal(SignalKind::terminate()).context("listen for SIGTERM")?,
        })
    }

    /// Resolves when the user presses Ctrl-C, or when something asks the process to end.
    pub async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

/// The first signal from now on, for a command that waits for no second one.
pub async fn interrupted() -> Result<Exit> {
    Ok(Signals::new()?.next().await)
}

/// A client for the brokers and settings of the command line.
pub async fn connect(global: &Global) -> Result<(Client, ClientSettings)> {
    let settings = client_settings::load(global)?;
    let client = Client::connect(settings.client.clone()).await.map_err(|error| failure(&error))?;
    Ok((client, settings))
}

/// An error of the client with its exit code, and what to type next.
pub fn failure(error: &ClientError) -> Failure {
    use ErrorCode as E;
    let failure = |exit| Failure::new(exit, error.to_string());
    match error {
        ClientError::Unreachable { .. } => failure(Exit::Unreachable)
            .next("`ottla up` to start a broker here, or `-b HOST:PORT` to name another"),
        error if error.is_unreachable() => {
            failure(Exit::Unreachable).next("the same again, with a longer `--timeout`")
        }
        error if error.is_unauthorised() => failure(Exit::NotAuthorised),
        ClientError::Invalid(_) => failure(Exit::Usage),
        ClientError::NoPartition { topic, .. } => {
            failure(Exit::Usage).next(format!("`ottla topic describe {topic}` to see its partitions"))
        }
        ClientError::NoCommittedOffset { .. } => {
            failure(Exit::Failed).next("`-X auto.offset.reset=earliest`, or latest")
        }
        error => match error.code() {
            Some(E::GroupIdNotFound) => failure(Exit::Failed).next("`ottla group ls` to see what is there"),
            Some(E::NonEmptyGroup | E::GroupSubscribedToTopic) => failure(Exit::Failed)
                .next("stop its members, which `ottla group describe GROUP --members` names"),
            Some(E::InconsistentGroupProtocol) => failure(Exit::Failed).next(
                "`-X partition.assignment.strategy=range`, or whatever `ottla group describe GROUP --state` shows",
            ),
            Some(E::InvalidGroupId | E::InvalidSessionTimeout) => failure(Exit::Usage),
            Some(E::UnknownTopicOrPartition | E::UnknownTopicId) => {
                failure(Exit::Failed).next("`ottla topic ls` to see what is there")
            }
            Some(E::TopicAlreadyExists) => {
                failure(Exit::Failed).next("the same with `--if-not-exists`, or another name")
            }
            Some(
                E::InvalidTopicException
                | E::InvalidPartitions
                | E::InvalidReplicationFactor
                | E::InvalidReplicaAssignment
                | E::InvalidConfig
                | E::InvalidRequest
                | E::PolicyViolation,
            ) => failure(Exit::Usage),
            Some(E::MessageTooLarge | E::RecordListTooLarge) => {
                failure(Exit::Failed).next("a topic with a larger `max.message.bytes`")
            }
            _ => failure(Exit::Failed),
        },
    }
}

/// The exit code of a command about several items, each failure told on standard error. A single item's error is the
/// command's own.
pub fn exit_of_items(items: usize, mut errors: Vec<ClientError>) -> Result<Exit> {
    match errors.len() {
        0 => Ok(Exit::Done),
        _ if items == 1 => Err(failure(&errors.remove(0)).into()),
        failed => {
            for error in &errors {
                eprintln!("ottla: {error}");
            }
            if failed == items {
                return Err(Failure::new(failure(&errors[0]).exit, format!("all {items} failed")).into());
            }
            Err(Failure::new(Exit::Partly, format!("{failed} of {items} failed")).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::code_of;

    fn refused(code: ErrorCode) -> ClientError {
        ClientError::Refused { what: "x".to_owned(), code, message: None }
    }

    #[test]
    fn each_kind_of_failure_has_its_exit_code() {
        let gone = ClientError::Unreachable { addresses: "a:1".to_owned(), cause: "refused".to_owned() };
        assert_eq!(failure(&gone).exit, Exit::Unreachable);
        assert_eq!(failure(&refused(ErrorCode::TopicAuthorizationFailed)).exit, Exit::NotAuthorised);
        assert_eq!(failure(&refused(ErrorCode::InvalidConfig)).exit, Exit::Usage);
        assert_eq!(failure(&refused(ErrorCode::TopicAlreadyExists)).exit, Exit::Failed);
        assert_eq!(failure(&refused(ErrorCode::RequestTimedOut)).exit, Exit::Unreachable);
    }

    #[tokio::test]
    async fn a_signal_is_kept_for_the_next_who_waits_and_says_which_it_was() {
        let mut signals = Signals::new().unwrap();
        let own = ottla_env::process::id().to_string();
        for (signal, exit) in [
            ("-TERM", Exit::Terminated),
            ("-TERM", Exit::Terminated),
            ("-INT", Exit::Interrupted),
            ("-TERM", Exit::Terminated),
        ] {
            let sent = std::process::Command::new("kill").args([signal, &own]).status().unwrap();
            assert!(sent.success());
            assert_eq!(signals.next().await, exit);
        }
    }

    #[test]
    fn some_of_several_is_not_all_of_them() {
        let error = || refused(ErrorCode::InvalidConfig);
        assert_eq!(exit_of_items(2, vec![]).unwrap(), Exit::Done);
        assert_eq!(code_of(&exit_of_items(2, vec![error()]).unwrap_err()), Exit::Partly);
        assert_eq!(code_of(&exit_of_items(2, vec![error(), error()]).unwrap_err()), Exit::Usage);
        assert_eq!(code_of(&exit_of_items(1, vec![error()]).unwrap_err()), Exit::Usage);
    }
}
