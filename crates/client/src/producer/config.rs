//! What a producer is told, by Kafka's names.

use crate::errors::ClientError;
use crate::partitioner::Partitioner;
use ottla_wire::compress::Codec;
use std::sync::Arc;
use std::time::Duration;

/// Who must have a record before it counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acks {
    /// Nobody; the broker does not even answer, and offsets are unknown.
    None,
    Leader,
    #[default]
    All,
}

impl Acks {
    pub(super) fn to_wire(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

#[derive(Debug, Clone)]
pub struct ProducerConfig {
    pub acks: Acks,
    /// `enable.idempotence`: each record once and in order, whatever is retried. Needs `acks=all`.
    pub idempotence: bool,
    /// `compression.type`
    pub codec: Codec,
    /// `linger.ms`: how long a batch waits for company.
    pub linger: Duration,
    /// `batch.size`: bytes of a batch before compression.
    pub batch_size: usize,
    /// `max.request.size`: bytes of a request, and so of a record.
    pub max_request_size: usize,
    /// `buffer.memory`: bytes of all records that are not acknowledged yet.
    pub buffer_memory: usize,
    /// `max.block.ms`: how long `send` may wait for metadata and memory.
    pub max_block: Duration,
    /// `delivery.timeout.ms`: from `send` to acknowledged or given up, all retries included.
    pub delivery_timeout: Duration,
    /// `request.timeout.ms`: for one attempt.
    pub request_timeout: Duration,
    /// `max.in.flight.requests.per.connection`, counted per partition: at most 5 with idempotence.
    pub max_in_flight: usize,
    /// `None`: Kafka's default.
    pub partitioner: Option<Arc<dyn Partitioner>>,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            idempotence: true,
            codec: Codec::None,
            linger: Duration::from_millis(5),
            batch_size: 64 << 10,
            max_request_size: 1 << 20,
            buffer_memory: 32 << 20,
            max_block: Duration::from_secs(60),
            delivery_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(30),
            max_in_flight: 5,
            partitioner: None,
        }
    }
}

/// Brokers remember the last five batches of a producer; a sixth could not be recognised when it comes again.
const IDEMPOTENT_IN_FLIGHT_MAX: usize = 5;

impl ProducerConfig {
    pub(super) fn check(&self) -> Result<(), ClientError> {
        let problem = if self.idempotence && self.acks != Acks::All {
            "idempotence needs acks=all"
        } else if self.idempotence && self.max_in_flight > IDEMPOTENT_IN_FLIGHT_MAX {
            "idempotence allows at most 5 requests in flight"
        } else if self.max_in_flight == 0 {
            "max_in_flight must be 1 or more"
        } else if self.max_request_size > self.buffer_memory || self.max_request_size < 1024 {
            "max_request_size must be at least 1024 and at most buffer_memory"
        } else if self.buffer_memory > u32::MAX as usize >> 1 {
            "buffer_memory must be below 2 GiB"
        } else {
            return Ok(());
        };
        Err(ClientError::Invalid(problem.to_owned()))
    }
}
