//! Order and sequence numbers of one partition. No IO: the sender asks what may leave and tells what came of it.
//!
//! Up to `max_in_flight` batches are under way. When one comes back to be tried again, nothing else leaves until all of
//! them are answered; then they go again, oldest first, so a retry overtakes nobody. Brokers refuse a batch whose
//! sequence number does not follow the last one, so a batch that is given up leaves a gap: everything behind it would be
//! refused for ever. The gap is closed by the next epoch, in which numbers start at 0 (KIP-360). Before that, each
//! batch that *may* be in the log is sent once more under its old identity: a new one could write it twice.
//!
//! A broker takes any number from a producer that its log does not know yet. If the first batch were refused (a leader
//! that is not ready, a batch too large) and the second one taken, the first could never follow, so the first goes alone.

use super::batch::{Ack, Batch, Fate, Identity};
use super::verdict::Verdict;
use crate::errors::ClientError;
use crate::retry::Backoff;
use ottla_wire::batch::add_sequence;
use std::collections::{BTreeSet, VecDeque};
use tokio::time::Instant;

/// The producer's id and first epoch, given by the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProducerId {
    pub id: i64,
    pub epoch: i16,
}

#[derive(Debug)]
pub(super) struct PartitionQueue {
    /// In order. What comes back takes its old place.
    pending: VecDeque<Batch>,
    in_flight: BTreeSet<(u64, i32)>,
    /// Of this partition; its epoch may be ahead of the producer's.
    identity: Option<ProducerId>,
    next_sequence: i32,
    /// The log has a batch of this producer id, so the broker insists on the order of numbers.
    is_known: bool,
    /// Something came back: nothing leaves before all is answered.
    draining: bool,
    /// A number was given away that the log will never see.
    gap: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
}

/// A batch that is over.
#[derive(Debug)]
pub(super) struct Finished {
    pub batch: Batch,
    pub result: Result<Ack, ClientError>,
}

/// What an answer led to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub finished: Option<Finished>,
    /// A batch was split: there is one part more.
    pub split: Option<u64>,
    /// This producer id is not to be used any more.
    pub lost_id: Option<i64>,
}

impl PartitionQueue {
    pub fn new(backoff: Backoff) -> Self {
        Self {
            pending: VecDeque::new(),
            in_flight: BTreeSet::new(),
            identity: None,
            next_sequence: 0,
            is_known: false,
            draining: false,
            gap: false,
            not_before: None,
            backoff,
        }
    }

    /// A batch from the accumulator, behind all others.
    pub fn push(&mut self, batch: Batch) {
        self.pending.push_back(batch);
    }

    pub fn outstanding(&self) -> usize {
        self.pending.len() + self.in_flight.len()
    }

    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    pub fn oldest(&self) -> Option<Instant> {
        self.pending.front().map(|batch| batch.created)
    }

    pub fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// Size of the batch that [`PartitionQueue::take`] would give now.
    pub fn ready(&self, now: Instant, max_in_flight: usize) -> Option<usize> {
        let goes_alone = self.draining || (self.identity.is_some() && !self.is_known);
        let limit = if goes_alone { 1 } else { max_in_flight };
        if self.in_flight.len() >= limit || self.not_before.is_some_and(|at| at > now) {
            return None;
        }
        self.pending.front().map(Batch::size)
    }

    /// The id under which the next batch would leave; `None` where the producer's is to be taken or asked for.
    pub fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    pub fn adopt(&mut self, id: ProducerId) {
        self.identity = Some(id);
        self.next_sequence = 0;
        self.is_known = false;
        self.gap = false;
        // What may be in the log keeps its name, even if that can only tell that nobody knows.
        self.pending.iter_mut().filter(|b| b.fate == Fate::NotWritten).for_each(|b| b.identity = None);
    }

    /// The next batch, numbered where there are numbers. Call after [`PartitionQueue::ready`] said yes.
    pub fn take(&mut self) -> Option<Batch> {
        self.not_before = None;
        if self.in_flight.is_empty() {
            self.draining = false;
        }
        if self.gap && self.identity.is_some() && self.in_flight.is_empty() {
            let in_doubt = |batch: &Batch| batch.fate == Fate::Unknown && batch.identity.is_some();
            if let Some(index) = self.pending.iter().position(in_doubt) {
                // Alone, under its old name: the answer says whether it is in the log.
                self.draining = true;
                let batch = self.pending.remove(index)?;
                self.in_flight.insert(batch.place());
                return Some(batch);
            }
            self.next_epoch();
        }
        let mut batch = self.pending.pop_front()?;
        if let Some(ProducerId { id, epoch }) = self.identity
            && batch.identity.is_none()
        {
            batch.identity = Some(Identity { producer_id: id, epoch, base_sequence: self.next_sequence });
            self.next_sequence = add_sequence(self.next_sequence, batch.count);
        }
        self.in_flight.insert(batch.place());
        Some(batch)
    }

    /// The batch never left: it takes its place again, number included.
    pub fn untake(&mut self, batch: Batch) {
        self.in_flight.remove(&batch.place());
        self.put_back(batch);
    }

    fn next_epoch(&mut self) {
        self.gap = false;
        self.next_sequence = 0;
        self.identity = match self.identity {
            Some(ProducerId { id, epoch }) if epoch < i16::MAX - 1 => {
                Some(ProducerId { id, epoch: epoch + 1 })
            }
            // Out of epochs: the sender asks for another id.
            _ => None,
        };
        self.pending.iter_mut().for_each(|batch| batch.identity = None);
    }

    fn put_back(&mut self, batch: Batch) {
        let index = self.pending.partition_point(|other| other.place() < batch.place());
        self.pending.insert(index, batch);
    }

    fn again(&mut self, mut batch: Batch, error: ClientError) {
        batch.last_error = Some(error);
        self.draining = true;
        if self.not_before.is_none() {
            self.not_before = Some(Instant::now() + self.backoff.next_pause());
        }
        self.put_back(batch);
    }

    fn give_up(&mut self, batch: Batch, error: ClientError) -> Outcome {
        if batch.identity.is_some() {
            self.gap = true;
            self.draining = true;
        }
        Outcome { finished: Some(Finished { batch, result: Err(error) }), ..Default::default() }
    }

    /// Takes an answer in.
    pub fn answered(&mut self, mut batch: Batch, verdict: Verdict) -> Outcome {
        self.in_flight.remove(&batch.place());
        match verdict {
            Verdict::Acked(ack) => {
                self.backoff.reset();
                let writer = batch.identity.map(|identity| identity.producer_id);
                self.is_known |= writer.is_some() && writer == self.identity.map(|identity| identity.id);
                Outcome { finished: Some(Finished { batch, result: Ok(ack) }), ..Default::default() }
            }
            Verdict::Again { error, fate } => {
                if fate == Fate::Unknown {
                    batch.fate = Fate::Unknown;
                }
                self.again(batch, error);
                Outcome::default()
            }
            Verdict::Failed { error, fate } => {
                if fate == Fate::Unknown {
                    batch.fate = Fate::Unknown;
                }
                self.give_up(batch, error)
            }
            Verdict::OutOfOrder(error) => {
                // The broker knows its last five batches, so this one is not there.
                batch.fate = Fate::NotWritten;
                let earlier = |place: &(u64, i32)| *place < batch.place();
                let is_explained = self.gap
                    || self.in_flight.iter().any(earlier)
                    || self.pending.iter().any(|other| earlier(&other.place()));
                if is_explained {
                    self.again(batch, error);
                    return Outcome::default();
                }
                self.give_up(batch, error)
            }
            Verdict::IdentityLost(error) => {
                let lost_id = batch.identity.map(|identity| identity.producer_id);
                if self.identity.map(|identity| identity.id) == lost_id {
                    self.identity = None;
                }
                let outcome = match batch.fate {
                    // Under a new identity it could be written twice.
                    Fate::Unknown => self.give_up(batch, error),
                    Fate::NotWritten => {
                        batch.identity = None;
                        self.again(batch, error);
                        Outcome::default()
                    }
                };
                Outcome { lost_id, ..outcome }
            }
            Verdict::TooLarge(error) => match batch.fate {
                Fate::Unknown => self.give_up(batch, error),
                Fate::NotWritten => match batch.split() {
                    Ok((first, second)) => {
                        let id = first.id;
                        self.gap = true;
                        self.draining = true;
                        self.put_back(second);
                        self.put_back(first);
                        Outcome { split: Some(id), ..Default::default() }
                    }
                    Err(batch) => self.give_up(*batch, error),
                },
            },
        }
    }

    /// Takes out the waiting batches that were created before `created`, with what kept them from arriving.
    pub fn take_created_before(&mut self, created: Instant) -> Vec<Batch> {
        let mut expired = Vec::new();
        while self.pending.front().is_some_and(|batch| batch.created <= created) {
            let Some(batch) = self.pending.pop_front() else { break };
            if batch.identity.is_some() {
                self.gap = true;
                self.draining = !self.in_flight.is_empty();
            }
            expired.push(batch);
        }
        expired
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
