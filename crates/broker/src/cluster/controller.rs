//! The one task that decides about the cluster's metadata.
//!
//! It takes what waits, decides command by command on an image that already holds the decisions before, commits the
//! steps, waits until this broker's image has them (so a created topic takes writes when its creation is answered), and
//! answers. Every commit checks the controller epoch: a controller that was replaced writes nothing. When the metadata
//! cannot be stored any more the task ends with the reason, and the process has to end.

use super::controls::{self, Control};
use super::coord::{
    Check, Coord, CoordError, Entry, MAX_WRITES, Purpose, Revision, SessionId, Transaction, Write,
};
use super::metadata::Metadata;
use ottla_env::clock::Clock;
use ottla_env::rng::Rng;
use ottla_state::change::{CONTROLLER, CONTROLLER_EPOCH};
use ottla_state::controller::{
    self, Answer, Command, ConfigRules, Decision, InternalTopic, Mutations, PRODUCER_ID_BLOCK,
    ProducerIdBlock, Unlimited, decide,
};
use ottla_state::{Change, Image, NodeId, Uuid};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait; callers beyond that wait in turn.
pub(super) const QUEUE: usize = 1_024;
/// Commands that are decided before the first of them is committed.
const BATCH: usize = 256;

/// What the settings say about topics and about each other, owned by the controller.
#[derive(Clone)]
pub struct Rules {
    pub default_partitions: i32,
    pub default_replication_factor: i16,
    pub deletion_enabled: bool,
    /// Partitions that there may be in all.
    pub partitions_max: u64,
    pub configs: Arc<dyn ConfigRules>,
    pub internal: Arc<BTreeMap<String, InternalTopic>>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("default_partitions", &self.default_partitions)
            .field("default_replication_factor", &self.default_replication_factor)
            .finish_non_exhaustive()
    }
}

/// Why a command has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControllerError {
    /// Nothing happened; a later try may succeed.
    #[error("the metadata could not be written: {0}")]
    NotWritten(String),
    /// Whether it happened shows after a restart.
    #[error("the metadata's storage failed: {0}")]
    Failed(String),
    #[error("another broker is the controller now")]
    Replaced,
    #[error("the broker is stopping")]
    Stopping,
}

impl From<&CoordError> for ControllerError {
    fn from(error: &CoordError) -> Self {
        match error {
            CoordError::NotWritten(_) => Self::NotWritten(error.to_string()),
            CoordError::Conflict { .. } | CoordError::SessionEnded => Self::Replaced,
            CoordError::Closed => Self::Stopping,
            CoordError::Failed(_) | CoordError::BadTransaction | CoordError::Forgotten(_) => {
                Self::Failed(error.to_string())
            }
        }
    }
}

pub(super) struct Request {
    pub command: Command,
    /// What whoever asks may change of partitions; `None`: whatever it likes.
    pub mutations: Option<Arc<dyn Mutations>>,
    pub reply: oneshot::Sender<Result<Answer, ControllerError>>,
}

/// Who the controller is, as the engine knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    /// The revision that raised the controller epoch.
    epoch_revision: Revision,
}

/// Becomes the controller: takes the key that ends with the session, and raises the epoch, in one transaction.
pub(super) async fn take_over(
    coord: &dyn Coord,
    session: SessionId,
    node: NodeId,
) -> Result<Term, super::MetadataError> {
    let (check, epoch) = match coord.get(CONTROLLER_EPOCH).await? {
        None => (Check::Absent(CONTROLLER_EPOCH.to_owned()), 1),
        Some(Entry { key, value, modified, created, .. }) => {
            let Change::ControllerEpoch(epoch) = Change::from_entry(&key, Some(&value), created)? else {
                unreachable!("this key is read as an epoch or refused")
            };
            (Check::Unchanged { key: key.to_string(), modified }, epoch.saturating_add(1))
        }
    };
    let transaction = Transaction {
        checks: vec![check, Check::Absent(CONTROLLER.to_owned())],
        writes: vec![
            put(&Change::Controller(Some(node)), Some(session)),
            put(&Change::ControllerEpoch(epoch), None),
        ],
    };
    Ok(Term { epoch_revision: coord.commit(transaction).await? })
}

/// What a change writes.
pub(super) fn put(change: &Change, session: Option<SessionId>) -> Write {
    match change.to_entry() {
        (key, Some(value)) => Write::Put { key, value: value.into(), session },
        (key, None) => Write::Delete { key },
    }
}

/// What a command is for. That a topic is forgotten is the end of its deletion.
fn purpose_of(command: &Command) -> Purpose {
    match command {
        Command::DeleteTopics { .. } | Command::ForgetTopics { .. } => Purpose::Deletion,
        _ => Purpose::Change,
    }
}

#[derive(Debug)]
pub(super) struct Controller {
    pub coord: Arc<dyn Coord>,
    pub metadata: Arc<Metadata>,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub rules: Rules,
    pub term: Term,
    /// Only ever moved by a planted bug.
    pub forgetful_producer_ids: i64,
}

/// A command that was decided, and how many transactions have to succeed for its answer.
struct Decided {
    reply: oneshot::Sender<Result<Answer, ControllerError>>,
    answer: Answer,
    transactions: usize,
}

impl Controller {
    /// Ends when all clients are gone (`Ok`), or when the metadata cannot be written any more.
    pub async fn run(mut self, mut queue: mpsc::Receiver<Request>) -> Result<(), CoordError> {
        let mut next = queue.recv().await;
        while let Some(first) = next.take() {
            let purpose = purpose_of(&first.command);
            let mut requests = vec![first];
            // A change that finds no room takes along what was decided on top of it, so no deletion may be.
            while requests.len() < BATCH
                && next.is_none()
                && let Ok(request) = queue.try_recv()
            {
                if purpose_of(&request.command) == purpose {
                    requests.push(request);
                } else {
                    next = Some(request);
                }
            }
            self.serve(purpose, requests).await?;
            if next.is_none() {
                next = queue.recv().await;
            }
        }
        Ok(())
    }

    async fn serve(&mut self, purpose: Purpose, requests: Vec<Request>) -> Result<(), CoordError> {
        let (decided, transactions) = self.decide_all(requests);
        let mut outcome = Ok(());
        let mut done = 0;
        let mut revision = 0;
        for transaction in transactions {
            let commit = match purpose {
                Purpose::Change => self.coord.commit(transaction),
                Purpose::Deletion => self.coord.commit_deletion(transaction),
            };
            match commit.await {
                Ok(committed) => (done, revision) = (done + 1, committed),
                // What follows was decided on top of what did not happen.
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let applied = done == 0 || self.metadata.wait_for(revision).await;
        for decided in decided {
            let result = match &outcome {
                Err(error) if decided.transactions > done => Err(error.into()),
                _ if !applied => Err(ControllerError::Stopping),
                _ => Ok(decided.answer),
            };
            // Whoever asked may have gone; what was committed stands.
            let _ = decided.reply.send(result);
        }
        match outcome {
            Ok(()) | Err(CoordError::NotWritten(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn decide_all(&mut self, requests: Vec<Request>) -> (Vec<Decided>, Vec<Transaction>) {
        let mut image: Image = self.metadata.image().as_ref().clone();
        let rng = Arc::clone(&self.rng);
        let mut ids = move || {
            let mut bytes = [0; 16];
            rng.fill(&mut bytes);
            Uuid::from_random(bytes)
        };
        let own = self.rules.clone();
        let mut transactions: Vec<Transaction> = Vec::new();
        let mut decided = Vec::with_capacity(requests.len());
        for Request { command, mutations, reply } in requests {
            let rules = controller::Rules {
                default_partitions: own.default_partitions,
                default_replication_factor: own.default_replication_factor,
                deletion_enabled: own.deletion_enabled,
                partitions_max: own.partitions_max,
                configs: own.configs.as_ref(),
                mutations: mutations.as_deref().unwrap_or(&Unlimited),
                internal: own.internal.as_ref(),
            };
            let Decision { steps, answer } = if controls::active(Control::ProducerIdsInMemory)
                && command == Command::AllocateProducerIds
            {
                self.allocate_in_memory()
            } else {
                decide(&image, &command, &rules, self.clock.now_ms(), &mut ids)
            };
            let writes_something = !steps.is_empty();
            for step in steps {
                image.advance(&step);
                self.add_step(&mut transactions, &step);
            }
            // An answer that rests on an earlier command of this batch waits for it too.
            let rests = writes_something || !transactions.is_empty();
            decided.push(Decided { reply, answer, transactions: if rests { transactions.len() } else { 0 } });
        }
        (decided, transactions)
    }

    /// Adds a step to the last transaction, or begins another one where it does not fit. A key that is written twice
    /// needs another one too.
    fn add_step(&self, transactions: &mut Vec<Transaction>, step: &[Change]) {
        let writes: Vec<Write> = step.iter().map(|change| put(change, None)).collect();
        let fits = |transaction: &Transaction| {
            transaction.writes.len() + writes.len() <= MAX_WRITES
                && writes.iter().all(|new| transaction.writes.iter().all(|write| write.key() != new.key()))
        };
        if !transactions.last().is_some_and(fits) {
            let key = CONTROLLER_EPOCH.to_owned();
            let check = Check::Unchanged { key, modified: self.term.epoch_revision };
            transactions.push(Transaction { checks: vec![check], writes: Vec::new() });
        }
        transactions.last_mut().expect("one was just pushed").writes.extend(writes);
    }

    fn allocate_in_memory(&mut self) -> Decision {
        let first = self.forgetful_producer_ids;
        self.forgetful_producer_ids += PRODUCER_ID_BLOCK;
        let block = ProducerIdBlock { first, count: PRODUCER_ID_BLOCK };
        Decision { steps: Vec::new(), answer: Answer::ProducerIds(Ok(block)) }
    }
}
