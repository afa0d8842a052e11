//! What one answer about one batch means: done, again, or over, and whether the batch may be in the log.

use super::batch::{Ack, Fate};
use crate::errors::{ClientError, ErrorClass, class_of};
use ottla_wire::ErrorCode;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Acked(Ack),
    /// Another attempt, under the same identity where it has one.
    Again {
        error: ClientError,
        fate: Fate,
    },
    /// A sequence number that the broker did not expect: it depends on what stands before the batch.
    OutOfOrder(ClientError),
    /// The broker does not take this producer id any more.
    IdentityLost(ClientError),
    /// More than the topic takes; smaller batches may pass.
    TooLarge(ClientError),
    Failed {
        error: ClientError,
        fate: Fate,
    },
}

/// The partition's part of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub code: ErrorCode,
    pub message: Option<&'a str>,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
}

pub(super) fn of_answer(what: String, answer: Answer<'_>) -> Verdict {
    use ErrorCode as E;
    let error = || ClientError::refused(what.clone(), answer.code, answer.message);
    match answer.code {
        E::None | E::DuplicateSequenceNumber => Verdict::Acked(Ack {
            base_offset: (answer.base_offset >= 0).then_some(answer.base_offset),
            log_append_time: (answer.log_append_time_ms >= 0).then_some(answer.log_append_time_ms),
        }),
        E::OutOfOrderSequenceNumber => Verdict::OutOfOrder(error()),
        E::UnknownProducerId | E::InvalidProducerEpoch | E::ProducerFenced | E::InvalidProducerIdMapping => {
            Verdict::IdentityLost(error())
        }
        E::MessageTooLarge | E::RecordListTooLarge => Verdict::TooLarge(error()),
        code => {
            let fate = match code {
                // Appended for sure or perhaps, only not confirmed.
                E::NotEnoughReplicasAfterAppend
                | E::RequestTimedOut
                | E::NetworkException
                | E::KafkaStorageError
                | E::UnknownServerError => Fate::Unknown,
                _ => Fate::NotWritten,
            };
            match class_of(code) {
                ErrorClass::Fatal => Verdict::Failed { error: error(), fate },
                ErrorClass::Retriable | ErrorClass::NeedsMetadata => Verdict::Again { error: error(), fate },
            }
        }
    }
}

/// No answer came: the request, or its answer, is lost.
pub(super) fn of_loss(error: ClientError) -> Verdict {
    if error.is_retriable() {
        return Verdict::Again { error, fate: Fate::Unknown };
    }
    match &error {
        ClientError::Unsupported { .. } | ClientError::Invalid(_) => {
            Verdict::Failed { error, fate: Fate::NotWritten }
        }
        // What was sent back could not be read; the batch may be in the log, and asking again tells.
        ClientError::Malformed { .. } | ClientError::Closed => Verdict::Again { error, fate: Fate::Unknown },
        _ => Verdict::Failed { error, fate: Fate::Unknown },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: ErrorCode) -> Verdict {
        let answer = Answer { code, message: None, base_offset: -1, log_append_time_ms: -1 };
        of_answer("produce".to_owned(), answer)
    }

    #[test]
    fn what_may_have_been_written_is_never_called_unwritten() {
        for code in [
            ErrorCode::NotEnoughReplicasAfterAppend,
            ErrorCode::RequestTimedOut,
            ErrorCode::UnknownServerError,
            ErrorCode::KafkaStorageError,
        ] {
            let fate = match of(code) {
                Verdict::Again { fate, .. } | Verdict::Failed { fate, .. } => fate,
                other => panic!("{other:?}"),
            };
            assert_eq!(fate, Fate::Unknown, "{code}");
        }
        assert!(matches!(of(ErrorCode::NotEnoughReplicas), Verdict::Again { fate: Fate::NotWritten, .. }));
        assert!(matches!(of(ErrorCode::InvalidRecord), Verdict::Failed { fate: Fate::NotWritten, .. }));
        assert!(matches!(of(ErrorCode::DuplicateSequenceNumber), Verdict::Acked(_)));
        let lost = ClientError::Disconnected { peer: "a:1".into(), cause: "gone".into() };
        assert!(matches!(of_loss(lost), Verdict::Again { fate: Fate::Unknown, .. }));
    }
}
