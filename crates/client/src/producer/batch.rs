//! A batch on its way, and the promise that each of its records holds.
//!
//! All records of a batch wait on one channel: what is told there is which span of the batch ended how. Normally that is
//! the whole batch at once; a batch that was too large is split, and each part tells its own span.

use crate::errors::ClientError;
use bytes::Bytes;
use ottla_wire::batch::{BatchHeader, HEADER_LEN, crc32c};
use ottla_wire::compress::Codec;
use ottla_wire::record::{BatchBuilder, BuildOptions, iterate};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

/// Where a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    pub partition: i32,
    /// `None` where nobody told: with `acks=0`, or when a repeated batch turned out to be there already.
    pub offset: Option<i64>,
    /// The broker's time, where the topic keeps that.
    pub log_append_time: Option<i64>,
}

/// Whether a record that was not acknowledged may be in the log all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFate {
    NotWritten,
    /// A request was lost, or its answer.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}{}", if *fate == RecordFate::Unknown { " (the record may have been written)" } else { "" })]
pub struct DeliveryError {
    pub cause: ClientError,
    pub fate: RecordFate,
}

impl From<DeliveryError> for ClientError {
    fn from(error: DeliveryError) -> Self {
        error.cause
    }
}

/// The promise of one record. Dropping it gives up the answer, not the record.
#[derive(Debug)]
pub struct Delivery {
    pub(super) partition: i32,
    pub(super) index: i32,
    pub(super) progress: watch::Receiver<Progress>,
}

impl Delivery {
    /// Resolves when the record is acknowledged or given up. Cancel-safe, and may be asked again.
    pub async fn outcome(&mut self) -> Result<Delivered, DeliveryError> {
        let index = self.index;
        let span = match self.progress.wait_for(|progress| progress.of(index).is_some()).await {
            Ok(progress) => progress.of(index).cloned(),
            Err(_) => None,
        };
        let Some(span) = span else {
            return Err(DeliveryError { cause: ClientError::Closed, fate: RecordFate::Unknown });
        };
        let ack = span.result?;
        let offset = ack.base_offset.map(|base| base + i64::from(index - span.first));
        Ok(Delivered { partition: self.partition, offset, log_append_time: ack.log_append_time })
    }

    pub fn partition(&self) -> i32 {
        self.partition
    }
}

impl IntoFuture for Delivery {
    type Output = Result<Delivered, DeliveryError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let mut delivery = self;
        Box::pin(async move { delivery.outcome().await })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub base_offset: Option<i64>,
    pub log_append_time: Option<i64>,
}

/// What is known of a batch's records so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    spans: Vec<Span>,
}

#[derive(Debug, Clone)]
struct Span {
    first: i32,
    count: i32,
    result: Result<Ack, DeliveryError>,
}

impl Progress {
    fn of(&self, index: i32) -> Option<&Span> {
        self.spans.iter().find(|span| (span.first..span.first + span.count).contains(&index))
    }
}

/// Under which name a broker knows a batch again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub producer_id: i64,
    pub epoch: i16,
    pub base_sequence: i32,
}

/// What is known of earlier attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    NotWritten,
    /// It may be in the log under its identity, so it must keep that.
    Unknown,
}

#[derive(Debug)]
pub(super) enum Body {
    Records(BatchBuilder),
    /// As it was sent, for the next attempt.
    Built(Bytes),
}

#[derive(Debug)]
pub(super) struct Batch {
    /// Ascending in the order of sending; the parts of a split batch share it.
    pub id: u64,
    pub topic: Arc<str>,
    pub partition: i32,
    pub body: Body,
    pub first_index: i32,
    pub count: i32,
    pub created: Instant,
    pub progress: Arc<watch::Sender<Progress>>,
    /// Memory of its records, given back with the batch.
    pub memory: Option<OwnedSemaphorePermit>,
    pub identity: Option<Identity>,
    pub fate: Fate,
    pub last_error: Option<ClientError>,
}

impl Batch {
    /// Its place in the partition.
    pub fn place(&self) -> (u64, i32) {
        (self.id, self.first_index)
    }

    /// Bytes before compression, or of the built batch.
    pub fn size(&self) -> usize {
        match &self.body {
            Body::Records(builder) => builder.size(),
            Body::Built(bytes) => bytes.len(),
        }
    }

    /// The bytes to send, under the batch's present identity.
    pub fn bytes(&mut self, codec: Codec) -> Result<Bytes, ClientError> {
        let identity = self.identity;
        let built = match std::mem::replace(&mut self.body, Body::Built(Bytes::new())) {
            Body::Records(builder) => {
                let mut options = BuildOptions { codec, ..Default::default() };
                if let Some(identity) = identity {
                    options.producer_id = identity.producer_id;
                    options.producer_epoch = identity.epoch;
                    options.base_sequence = identity.base_sequence;
                }
                builder.build(options).map_err(|error| ClientError::Invalid(error.to_string()))?
            }
            Body::Built(bytes) => stamped(bytes, identity),
        };
        self.body = Body::Built(built.clone());
        Ok(built)
    }

    /// Two halves in place of a batch that a topic does not take as a whole. `None` for a single record.
    pub fn split(self) -> Result<(Self, Self), Box<Self>> {
        let Body::Built(bytes) = &self.body else { return Err(Box::new(self)) };
        if self.count < 2 {
            return Err(Box::new(self));
        }
        let half = self.count / 2;
        let (mut first, mut second) = (BatchBuilder::new(), BatchBuilder::new());
        // Our own bytes; what they decompress to was within `batch_size` or is one record.
        let Ok(records) = iterate(bytes, usize::MAX) else { return Err(Box::new(self)) };
        for (record, index) in records.zip(0..) {
            let Ok(record) = record else { return Err(Box::new(self)) };
            let half_of = if index < half { &mut first } else { &mut second };
            half_of.push(record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers);
        }
        let part = |records, first_index, count, memory| Self {
            id: self.id,
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            body: Body::Records(records),
            first_index,
            count,
            created: self.created,
            progress: Arc::clone(&self.progress),
            memory,
            identity: None,
            fate: Fate::NotWritten,
            last_error: self.last_error.clone(),
        };
        let first = part(first, self.first_index, half, None);
        let (first_index, count) = (self.first_index + half, self.count - half);
        let second = part(second, first_index, count, self.memory);
        Ok((first, second))
    }

    /// Tells every record of the batch.
    pub fn finish(self, result: Result<Ack, ClientError>) {
        let fate = match self.fate {
            Fate::NotWritten => RecordFate::NotWritten,
            Fate::Unknown => RecordFate::Unknown,
        };
        let result = result.map_err(|cause| DeliveryError { cause, fate });
        let span = Span { first: self.first_index, count: self.count, result };
        self.progress.send_modify(|progress| progress.spans.push(span));
    }
}

/// The same records under another identity.
fn stamped(bytes: Bytes, identity: Option<Identity>) -> Bytes {
    const CRC: std::ops::Range<usize> = 17..21;
    let Ok(mut header) = BatchHeader::parse(&bytes) else { return bytes };
    let present = (header.producer_id, header.producer_epoch, header.base_sequence);
    let wanted = identity.map_or((-1, -1, -1), |i| (i.producer_id, i.epoch, i.base_sequence));
    if present == wanted {
        return bytes;
    }
    (header.producer_id, header.producer_epoch, header.base_sequence) = wanted;
    let mut copy = bytes.to_vec();
    copy[..HEADER_LEN].copy_from_slice(&header.to_bytes());
    let crc = crc32c(&copy[CRC.end..]);
    copy[CRC].copy_from_slice(&crc.to_be_bytes());
    copy.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_wire::batch::validate;

    fn batch(values: &[&str]) -> (Batch, watch::Receiver<Progress>) {
        let mut builder = BatchBuilder::new();
        values.iter().for_each(|value| builder.push(7, None, Some(value.as_bytes()), &[]));
        let (progress, receiver) = watch::channel(Progress::default());
        let batch = Batch {
            id: 1,
            topic: "t".into(),
            partition: 3,
            body: Body::Records(builder),
            first_index: 0,
            count: values.len() as i32,
            created: Instant::now(),
            progress: Arc::new(progress),
            memory: None,
            identity: None,
            fate: Fate::NotWritten,
            last_error: None,
        };
        (batch, receiver)
    }

    fn values(bytes: &Bytes) -> Vec<Bytes> {
        validate(bytes).unwrap();
        iterate(bytes, 1 << 20).unwrap().map(|record| record.unwrap().value.unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn another_identity_leaves_a_valid_batch_with_the_same_records() {
        let (mut batch, _progress) = batch(&["a", "b"]);
        for sequence in [0, 41] {
            batch.identity = Some(Identity { producer_id: 9, epoch: 1, base_sequence: sequence });
            let bytes = batch.bytes(Codec::Gzip).unwrap();
            let header = validate(&bytes).unwrap();
            assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (9, 1, sequence));
            assert_eq!(values(&bytes), ["a", "b"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_halves_of_a_batch_answer_for_their_own_records() {
        let (mut whole, progress) = batch(&["a", "b", "c"]);
        whole.bytes(Codec::None).unwrap();
        let (mut first, mut second) = whole.split().unwrap();
        assert_eq!(values(&first.bytes(Codec::None).unwrap()), ["a"]);
        assert_eq!(values(&second.bytes(Codec::None).unwrap()), ["b", "c"]);
        assert!(first.place() < second.place());
        assert!(first.fate == Fate::NotWritten && first.count == 1);
        second.finish(Ok(Ack { base_offset: Some(100), log_append_time: None }));
        let too_large = ClientError::RecordTooLarge { size: 2, limit: 1 };
        first.split().unwrap_err().finish(Err(too_large.clone()));
        let wait = |index| Delivery { partition: 3, index, progress: progress.clone() }.into_future();
        assert_eq!(wait(2).await.unwrap().offset, Some(101));
        assert_eq!(
            wait(0).await.unwrap_err(),
            DeliveryError { cause: too_large, fate: RecordFate::NotWritten }
        );
    }
}
