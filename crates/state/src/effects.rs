//! What a replayable machine is, and what it asks its owner to do.
//!
//! A machine is the state of one internal partition. Its owner (a shard of the broker) calls [`Machine::decide`] for
//! each request and [`Machine::expire`] when [`Machine::deadline_ms`] has passed, appends the records of the effects to
//! the partition, calls [`Machine::apply`] for each of them right after the append and before the next decision, and
//! lets the replies go once everything that was appended before or with them is committed. A reply without records
//! waits too while records before it are not committed: it may tell what they say.
//!
//! Durable facts change in `apply` alone, so that the machine that is live and the one that is rebuilt from the
//! partition after a crash are the same. `decide` and `expire` change only what a crash may take: waiting requests,
//! deadlines, and what Kafka itself keeps in memory alone. When an append fails, the owner calls [`Machine::unload`],
//! drops the machine and replays the partition.

use bytes::Bytes;
use ottla_wire::{DecodeError, ErrorCode};

/// A request that waits for its reply; given by the owner, unique while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Two readings of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since the Unix epoch: what is stored, and what retention is counted by.
    pub wall_ms: i64,
    /// Milliseconds since an arbitrary start, never stepping back: what sessions and rebalances are counted by.
    pub monotonic_ms: i64,
}

/// One record of the internal partition, in Kafka's own format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRecord {
    pub key: Bytes,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Effects<Reply> {
    /// To be appended in this order, in one batch where they fit.
    pub records: Vec<StateRecord>,
    /// Of this request, or of ones that waited. Each ticket is answered once.
    pub replies: Vec<(Ticket, Reply)>,
}

impl<Reply> Default for Effects<Reply> {
    fn default() -> Self {
        Self { records: Vec::new(), replies: Vec::new() }
    }
}

impl<Reply> Effects<Reply> {
    pub fn reply(ticket: Ticket, reply: Reply) -> Self {
        Self { records: Vec::new(), replies: vec![(ticket, reply)] }
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.replies.is_empty()
    }
}

/// A stored record that cannot be read. Nothing of it was taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    #[error("the key of a stored record is damaged: {0}")]
    Key(DecodeError),
    #[error("the value of a stored record of type {kind} is damaged: {cause}")]
    Value { kind: i16, cause: DecodeError },
    #[error(
        "the value of a stored record of type {kind} has layout {version}, which is newer than Kafka 4.4's"
    )]
    ValueVersion { kind: i16, version: i16 },
}

pub trait Machine {
    type Request;
    type Reply;

    /// Answers a request, or keeps its ticket until something else answers it.
    fn decide(&mut self, now: Now, ticket: Ticket, request: Self::Request) -> Effects<Self::Reply>;

    /// Does what is due. To be called again while [`Machine::deadline_ms`] is not in the future.
    fn expire(&mut self, now: Now) -> Effects<Self::Reply>;

    /// The monotonic instant at which something is due next.
    fn deadline_ms(&self) -> Option<i64>;

    /// Takes one record in, live or on replay, in the order of the partition.
    fn apply(&mut self, record: &StateRecord) -> Result<(), ApplyError>;

    /// The partition was replayed whole: timers start, and what replay left undone is done.
    fn loaded(&mut self, now: Now) -> Effects<Self::Reply>;

    /// Gives every waiting request its answer, because the machine goes away. One that nothing can be said to is left
    /// out: who asked it asks again.
    fn unload(&mut self, error: ErrorCode) -> Vec<(Ticket, Self::Reply)>;
}
