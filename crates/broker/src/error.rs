//! The only map from what can go wrong here to Kafka's error codes.

use crate::cluster::{ControllerError, ProducerIdError};
use crate::coordinator::Refused;
use crate::partition::{AppendError, DeleteError, ReadError};
use ottla_state::controller::Refusal;
use ottla_wire::ErrorCode;
use ottla_wire::batch::ProduceRefused;

pub fn of_append(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::NotLeader => ErrorCode::NotLeaderOrFollower,
        AppendError::Deleted => ErrorCode::UnknownTopicOrPartition,
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::StaleProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::DiskFull | AppendError::Storage(_) => ErrorCode::KafkaStorageError,
        // The next start has the partition again, and the client will find it there.
        AppendError::Stopping => ErrorCode::NotLeaderOrFollower,
    }
}

pub fn of_read(error: &ReadError) -> ErrorCode {
    match error {
        ReadError::NotLeader | ReadError::Stopping => ErrorCode::NotLeaderOrFollower,
        ReadError::Deleted => ErrorCode::UnknownTopicOrPartition,
        ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        ReadError::Storage(_) => ErrorCode::KafkaStorageError,
    }
}

pub fn of_delete(error: &DeleteError) -> ErrorCode {
    match error {
        DeleteError::Deleted => ErrorCode::UnknownTopicOrPartition,
        DeleteError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        DeleteError::Storage(_) => ErrorCode::KafkaStorageError,
        DeleteError::Stopping => ErrorCode::NotLeaderOrFollower,
    }
}

/// As Apache Kafka 4.4 answered the same bytes, but where it says "unknown server error" for a producer's fault.
pub fn of_refused(refused: &ProduceRefused) -> ErrorCode {
    match refused {
        ProduceRefused::Corrupt(_) => ErrorCode::CorruptMessage,
        ProduceRefused::TooLarge { .. } => ErrorCode::MessageTooLarge,
        ProduceRefused::ZstdTooEarly => ErrorCode::UnsupportedCompressionType,
        ProduceRefused::Invalid(_)
        | ProduceRefused::Empty
        | ProduceRefused::SeveralBatches
        | ProduceRefused::BaseOffset(_)
        | ProduceRefused::Control
        | ProduceRefused::Sequence => ErrorCode::InvalidRecord,
    }
}

pub fn of_controller(error: &ControllerError) -> ErrorCode {
    match error {
        ControllerError::NotWritten(_) | ControllerError::Failed(_) => ErrorCode::KafkaStorageError,
        ControllerError::Replaced => ErrorCode::NotController,
        ControllerError::Stopping => ErrorCode::BrokerNotAvailable,
    }
}

/// What every item of a command is refused with when the command has no answer.
pub fn refusal_of(failure: &ControllerError) -> Refusal {
    Refusal::new(of_controller(failure), failure.to_string())
}

pub fn of_producer_id(error: &ProducerIdError) -> ErrorCode {
    match error {
        ProducerIdError::Controller(error) => of_controller(error),
        ProducerIdError::Refused(refusal) => refusal.code,
    }
}

pub fn of_coordinator(refused: Refused) -> ErrorCode {
    match refused {
        Refused::Loading => ErrorCode::CoordinatorLoadInProgress,
        Refused::NotHere => ErrorCode::NotCoordinator,
        Refused::TimedOut => ErrorCode::CoordinatorNotAvailable,
        // Kafka's answer too; nothing in its list fits better.
        Refused::TooLarge => ErrorCode::UnknownServerError,
    }
}

/// Why the topic that groups live in could not be made.
pub fn of_coordinator_topic(error: &ControllerError) -> ErrorCode {
    match error {
        ControllerError::NotWritten(_)
        | ControllerError::Failed(_)
        | ControllerError::Replaced
        | ControllerError::Stopping => ErrorCode::CoordinatorNotAvailable,
    }
}
