//! What an error of JoinGroup, SyncGroup or Heartbeat means to a member. Pure.

use crate::errors::ClientError;
use ottla_wire::ErrorCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same again after a pause, to another coordinator if this one is none any more.
    Again,
    /// The group rebalances: join again, as who one is and with what one has.
    Rejoin,
    /// Join again with the id that the coordinator has just given (KIP-394).
    TakeId,
    /// The partitions are somebody else's by now. The coordinator still knows the member.
    Lost,
    /// The same, and the member id means nothing any more.
    LostWithId,
    /// Nothing that this member can do anything about.
    Fatal,
}

pub(super) fn verdict(error: &ClientError) -> Verdict {
    match error.code() {
        Some(ErrorCode::RebalanceInProgress) => Verdict::Rejoin,
        Some(ErrorCode::MemberIdRequired) => Verdict::TakeId,
        Some(ErrorCode::IllegalGeneration) => Verdict::Lost,
        Some(ErrorCode::UnknownMemberId) => Verdict::LostWithId,
        _ if error.is_retriable() => Verdict::Again,
        _ => Verdict::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_of_a_coordinator_has_its_meaning() {
        use ErrorCode as E;
        let cases = [
            (E::RebalanceInProgress, Verdict::Rejoin),
            (E::MemberIdRequired, Verdict::TakeId),
            (E::IllegalGeneration, Verdict::Lost),
            (E::UnknownMemberId, Verdict::LostWithId),
            (E::CoordinatorLoadInProgress, Verdict::Again),
            (E::CoordinatorNotAvailable, Verdict::Again),
            (E::NotCoordinator, Verdict::Again),
            (E::FencedInstanceId, Verdict::Fatal),
            (E::InconsistentGroupProtocol, Verdict::Fatal),
            (E::InvalidSessionTimeout, Verdict::Fatal),
            (E::InvalidGroupId, Verdict::Fatal),
            (E::GroupAuthorizationFailed, Verdict::Fatal),
            (E::GroupMaxSizeReached, Verdict::Fatal),
            (E::UnknownServerError, Verdict::Fatal),
        ];
        for (code, expected) in cases {
            assert_eq!(verdict(&ClientError::refused("join", code, None)), expected, "{code}");
        }
        let gone = ClientError::Disconnected { peer: "a:1".into(), cause: "reset".into() };
        assert_eq!(verdict(&gone), Verdict::Again);
        assert_eq!(verdict(&ClientError::Invalid("x".into())), Verdict::Fatal);
    }
}
