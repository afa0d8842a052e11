//! The producer: records in, batches out, one answer per record.
//!
//! [`Producer::send`] puts a record into the open batch of its partition and returns at once; the returned [`Delivery`]
//! resolves when the batch is acknowledged or given up. One task (`sender`) owns everything behind the open batches.
//! Memory is bounded by permits taken before a record is copied: a full producer makes `send` wait. Within a partition
//! records are acknowledged in the order of `send`, also across retries, and with idempotence (the default) each is
//! written once. Walk: `accumulator` (filling) -> `queue` (order and sequence numbers) -> `sender` (requests, answers).

mod accumulator;
mod batch;
mod config;
mod dispatch;
mod queue;
mod request;
mod sender;
mod verdict;

pub use batch::{Delivered, Delivery, DeliveryError, RecordFate};
pub use config::{Acks, ProducerConfig};

use crate::cluster::{Cluster, Creation};
use crate::errors::ClientError;
use crate::metadata::TopicMetadata;
use crate::partitioner::{Candidate, DefaultPartitioner, Partitioner};
use accumulator::{Accumulator, Append, Appended, WhenFull};
use bytes::Bytes;
use ottla_wire::batch::HEADER_LEN;
use ottla_wire::record::{Header, record_size_max};
use sender::Sender;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::Instant;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerRecord {
    pub topic: Arc<str>,
    /// `None`: the partitioner decides.
    pub partition: Option<i32>,
    /// Milliseconds since 1970; `None`: now.
    pub timestamp: Option<i64>,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

impl ProducerRecord {
    pub fn new(topic: impl Into<Arc<str>>, key: Option<Bytes>, value: Option<Bytes>) -> Self {
        Self { topic: topic.into(), partition: None, timestamp: None, key, value, headers: Vec::new() }
    }
}

/// Dropping it stops its task at once; what was not acknowledged then is answered with [`ClientError::Closed`].
#[derive(Debug)]
pub struct Producer {
    cluster: Arc<Cluster>,
    config: Arc<ProducerConfig>,
    partitioner: Arc<dyn Partitioner>,
    accumulator: Arc<Accumulator>,
    sender: JoinHandle<()>,
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.sender.abort();
    }
}

impl Producer {
    pub(crate) fn start(cluster: Arc<Cluster>, config: ProducerConfig) -> Result<Self, ClientError> {
        config.check()?;
        let config = Arc::new(config);
        let rng = Arc::clone(&cluster.config.surroundings.rng);
        let partitioner =
            config.partitioner.clone().unwrap_or_else(|| Arc::new(DefaultPartitioner::new(rng)));
        let accumulator = Arc::new(Accumulator::new(&config));
        let sender = Sender::new(
            Arc::clone(&cluster),
            Arc::clone(&config),
            Arc::clone(&accumulator),
            Arc::clone(&partitioner),
        );
        let sender = tokio::spawn(sender.run());
        Ok(Self { cluster, config, partitioner, accumulator, sender })
    }

    /// Takes the record. Waits for metadata of a topic that was not used before, and for memory where there is none, at
    /// most `max_block`. An error means that nothing was sent. Records sent one after another keep their order.
    pub async fn send(&self, record: ProducerRecord) -> Result<Delivery, ClientError> {
        let ProducerRecord { topic, partition, timestamp, key, value, headers } = record;
        let size = record_size_max(key.as_deref(), value.as_deref(), &headers);
        if HEADER_LEN + size > self.config.max_request_size {
            return Err(ClientError::RecordTooLarge {
                size,
                limit: self.config.max_request_size - HEADER_LEN,
            });
        }
        let deadline = Instant::now() + self.config.max_block;
        let metadata = self.topic(&topic, deadline).await?;
        let permit = self.memory(size, deadline).await?;
        let append = Append {
            topic: &topic,
            timestamp: timestamp.unwrap_or_else(|| self.cluster.config.surroundings.clock.now_ms()),
            key: key.as_deref(),
            value: value.as_deref(),
            headers: &headers,
            size,
        };
        let partitions = i32::try_from(metadata.partitions.len()).unwrap_or(i32::MAX);
        if let Some(partition) = partition {
            check_partition(&topic, partition, partitions)?;
            return match self.accumulator.append(&append, partition, permit, WhenFull::OpenAnother)? {
                Appended::Taken(delivery) => Ok(delivery),
                Appended::Full(_) => Err(ClientError::Closed),
            };
        }
        let candidate = Candidate { topic: &topic, key: key.as_deref(), value: value.as_deref(), partitions };
        let choice = self.partitioner.partition(&candidate);
        check_partition(&topic, choice, partitions)?;
        let permit = match self.accumulator.append(&append, choice, permit, WhenFull::Refuse)? {
            Appended::Taken(delivery) => return Ok(delivery),
            Appended::Full(permit) => permit,
        };
        // The batch was full: a record without a key moves on rather than start another one there.
        self.partitioner.batch_closed(&topic, choice);
        let choice = self.partitioner.partition(&candidate);
        check_partition(&topic, choice, partitions)?;
        match self.accumulator.append(&append, choice, permit, WhenFull::OpenAnother)? {
            Appended::Taken(delivery) => Ok(delivery),
            Appended::Full(_) => Err(ClientError::Closed),
        }
    }

    /// Waits until everything that was sent before is acknowledged or given up. Each [`Delivery`] tells which.
    pub async fn flush(&self) {
        self.accumulator.flush().await;
    }

    /// Flushes and takes nothing any more.
    pub async fn close(&self) {
        self.accumulator.refuse_more();
        self.accumulator.flush().await;
    }

    /// How many partitions the topic has; waits for its metadata.
    pub async fn partitions(&self, topic: &str) -> Result<usize, ClientError> {
        Ok(self.topic(topic, Instant::now() + self.config.max_block).await?.partitions.len())
    }

    async fn topic(&self, name: &str, deadline: Instant) -> Result<Arc<TopicMetadata>, ClientError> {
        // The count of partitions is all that is wanted here; a stale leader is the sender's business.
        if let Some(topic) = self.cluster.metadata.topic(name) {
            return Ok(topic);
        }
        self.cluster.topic(name, Creation::Allowed, deadline).await
    }

    async fn memory(&self, size: usize, deadline: Instant) -> Result<OwnedSemaphorePermit, ClientError> {
        let permits = u32::try_from(size)
            .map_err(|_| ClientError::RecordTooLarge { size, limit: self.config.max_request_size })?;
        if let Some(permit) = self.accumulator.try_memory(permits) {
            return Ok(permit);
        }
        match tokio::time::timeout_at(deadline, self.accumulator.memory(permits)).await {
            Ok(permit) => permit,
            Err(_) => Err(ClientError::BufferFull {
                limit: self.config.buffer_memory,
                waited: self.config.max_block,
            }),
        }
    }
}

fn check_partition(topic: &str, partition: i32, partitions: i32) -> Result<(), ClientError> {
    if (0..partitions).contains(&partition) {
        return Ok(());
    }
    Err(ClientError::NoPartition { topic: topic.to_owned(), partition })
}

#[cfg(test)]
mod tests;
