//! What can go wrong, and what it calls for: try again, learn the cluster anew and try again, or give up.
//!
//! One type for all calls, because most failures (a broker that is gone, a deadline) can end any of them. It is `Clone`:
//! one lost connection answers everything that waited on it. Numbers of error codes stay in `wire::errors`.

use ottla_wire::ErrorCode;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    #[error("no broker can be reached at {addresses}: {cause}")]
    Unreachable { addresses: String, cause: String },

    #[error("the connection to {peer} ended: {cause}")]
    Disconnected { peer: String, cause: String },

    #[error("{what}: no answer within {} ms", after.as_millis())]
    TimedOut { what: String, after: Duration },

    /// The broker answered with an error.
    #[error("{what}: {}", describe(*code, message.as_deref()))]
    Refused { what: String, code: ErrorCode, message: Option<String> },

    #[error("{peer} has no version of {api} that this client speaks (ours {ours:?}, theirs {theirs:?})")]
    Unsupported { peer: String, api: &'static str, ours: (i16, i16), theirs: Option<(i16, i16)> },

    /// Bytes that no broker should send.
    #[error("{peer} sent what cannot be read: {problem}")]
    Malformed { peer: String, problem: String },

    /// Found before anything of the record was sent.
    #[error("a record of {size} bytes; at most {limit} fit into a request")]
    RecordTooLarge { size: usize, limit: usize },

    #[error("the producer's memory of {limit} bytes stayed full for {} ms", waited.as_millis())]
    BufferFull { limit: usize, waited: Duration },

    #[error("the topic {topic} has no partition {partition}")]
    NoPartition { topic: String, partition: i32 },

    /// Of a group whose members start nowhere else (`auto.offset.reset=none`).
    #[error("group {group} has committed no offset of {topic}/{partition}")]
    NoCommittedOffset { group: String, topic: String, partition: i32 },

    #[error("{topic}/{partition} is not assigned to this consumer")]
    NotAssigned { topic: String, partition: i32 },

    #[error("{topic}/{partition} has no offset {offset}: it holds {log_start} to {high_watermark}")]
    OffsetOutOfRange { topic: String, partition: i32, offset: i64, log_start: i64, high_watermark: i64 },

    #[error("{topic}/{partition} at offset {offset}: {problem}")]
    CorruptBatch { topic: String, partition: i32, offset: i64, problem: String },

    #[error("{0}")]
    Invalid(String),

    #[error("the client was closed")]
    Closed,
}

/// What a failure calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same request may succeed a little later.
    Retriable,
    /// The same, but only after the cluster was asked who leads what.
    NeedsMetadata,
    Fatal,
}

fn describe(code: ErrorCode, message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("{} ({message})", code.name()),
        _ => code.name().to_owned(),
    }
}

impl ClientError {
    pub(crate) fn refused(what: impl Into<String>, code: ErrorCode, message: Option<&str>) -> Self {
        Self::Refused { what: what.into(), code, message: message.map(str::to_owned) }
    }

    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Refused { code, .. } => class_of(*code),
            Self::Unreachable { .. } | Self::Disconnected { .. } | Self::TimedOut { .. } => {
                ErrorClass::NeedsMetadata
            }
            Self::Unsupported { .. }
            | Self::Malformed { .. }
            | Self::RecordTooLarge { .. }
            | Self::BufferFull { .. }
            | Self::NoPartition { .. }
            | Self::NotAssigned { .. }
            | Self::NoCommittedOffset { .. }
            | Self::OffsetOutOfRange { .. }
            | Self::CorruptBatch { .. }
            | Self::Invalid(_)
            | Self::Closed => ErrorClass::Fatal,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retriable(&self) -> bool {
        self.class() != ErrorClass::Fatal
    }

    /// Whether the cluster did not answer at all, or not in time.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Disconnected { .. }
                | Self::TimedOut { .. }
                | Self::BufferFull { .. }
                | Self::Refused { code: ErrorCode::RequestTimedOut, .. }
        )
    }

    /// Whether the broker said that this client may not do it.
    pub fn is_unauthorised(&self) -> bool {
        use ErrorCode as E;
        matches!(
            self.code(),
            Some(
                E::TopicAuthorizationFailed
                    | E::GroupAuthorizationFailed
                    | E::ClusterAuthorizationFailed
                    | E::TransactionalIdAuthorizationFailed
                    | E::DelegationTokenAuthorizationFailed
                    | E::SaslAuthenticationFailed
            )
        )
    }

    /// The broker's own word, where it gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::OffsetOutOfRange { .. } => Some(ErrorCode::OffsetOutOfRange),
            _ => None,
        }
    }
}

/// The class of a broker's answer: Kafka's own split, with those apart that are cured by fresh metadata.
pub fn class_of(code: ErrorCode) -> ErrorClass {
    use ErrorCode as E;
    match code {
        E::UnknownTopicOrPartition
        | E::LeaderNotAvailable
        | E::NotLeaderOrFollower
        | E::ReplicaNotAvailable
        | E::NetworkException
        | E::NotController
        | E::KafkaStorageError
        | E::FencedLeaderEpoch
        | E::UnknownLeaderEpoch
        | E::ListenerNotFound
        | E::UnknownTopicId
        | E::InconsistentTopicId
        | E::BrokerNotAvailable
        | E::RebootstrapRequired => ErrorClass::NeedsMetadata,
        code if code.is_retriable() => ErrorClass::Retriable,
        _ => ErrorClass::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_kafka_retries_is_retried_here() {
        for code in ErrorCode::ALL {
            let error = ClientError::refused("produce", *code, None);
            assert!(error.is_retriable() || !code.is_retriable(), "{code}");
        }
        let class = |code| class_of(code);
        assert_eq!(class(ErrorCode::NotLeaderOrFollower), ErrorClass::NeedsMetadata);
        assert_eq!(class(ErrorCode::NotEnoughReplicas), ErrorClass::Retriable);
        assert_eq!(class(ErrorCode::MessageTooLarge), ErrorClass::Fatal);
    }

    #[test]
    fn a_silent_cluster_and_a_forbidding_one_are_told_apart() {
        let gone = ClientError::Unreachable { addresses: "a:1".into(), cause: "refused".into() };
        assert!(gone.is_unreachable() && !gone.is_unauthorised());
        let forbidden = ClientError::refused("read", ErrorCode::TopicAuthorizationFailed, Some("no"));
        assert!(forbidden.is_unauthorised() && !forbidden.is_unreachable());
        assert_eq!(forbidden.to_string(), "read: TOPIC_AUTHORIZATION_FAILED (no)");
    }
}
