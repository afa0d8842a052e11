//! The clock of whoever decides about the metadata, by DescribeQuorum: the leader of the quorum tells the time at which
//! it answered as the time at which it was last caught up with itself.

use super::Admin;
use crate::connection::check;
use crate::errors::ClientError;
use ottla_wire::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, PartitionDataRequest, TopicDataRequest,
};

const METADATA_TOPIC: &str = "__cluster_metadata";

impl Admin {
    /// Milliseconds since the Unix epoch by the controller's clock. `None` where it does not tell.
    pub async fn controller_time_ms(&self) -> Result<Option<i64>, ClientError> {
        let partitions = vec![PartitionDataRequest { partition_index: 0 }];
        let topics = vec![TopicDataRequest { topic_name: METADATA_TOPIC.into(), partitions }];
        self.cluster.call_any(&DescribeQuorumRequest { topics }, time_of).await
    }
}

fn time_of(answer: DescribeQuorumResponse) -> Result<Option<i64>, ClientError> {
    check("describe the quorum", answer.error_code)?;
    let Some(partition) = answer.topics.first().and_then(|topic| topic.partitions.first()) else {
        return Ok(None);
    };
    check("describe the quorum", partition.error_code)?;
    let leader = partition.current_voters.iter().find(|voter| voter.replica_id == partition.leader_id);
    Ok(leader.map(|leader| leader.last_caught_up_timestamp).filter(|time| *time >= 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_wire::ErrorCode;
    use ottla_wire::messages::describe_quorum::{PartitionDataResponse, ReplicaState, TopicDataResponse};

    fn answer(leader_id: i32, voters: &[(i32, i64)], error: ErrorCode) -> DescribeQuorumResponse {
        let voter = |(replica_id, time): &(i32, i64)| ReplicaState {
            replica_id: *replica_id,
            last_caught_up_timestamp: *time,
            ..Default::default()
        };
        let partition = PartitionDataResponse {
            leader_id,
            error_code: error.code(),
            current_voters: voters.iter().map(voter).collect(),
            ..Default::default()
        };
        let topic = TopicDataResponse { topic_name: METADATA_TOPIC.into(), partitions: vec![partition] };
        DescribeQuorumResponse { topics: vec![topic], ..Default::default() }
    }

    #[test]
    fn the_leader_tells_the_time_and_nobody_else() {
        let none = ErrorCode::None;
        assert_eq!(time_of(answer(2, &[(1, 5), (2, 7)], none)), Ok(Some(7)));
        assert_eq!(time_of(answer(3, &[(1, 5), (2, 7)], none)), Ok(None));
        // Version 0 knows no times.
        assert_eq!(time_of(answer(1, &[(1, -1)], none)), Ok(None));
        assert_eq!(time_of(DescribeQuorumResponse::default()), Ok(None));
        assert!(time_of(answer(1, &[(1, 5)], ErrorCode::UnknownTopicOrPartition)).is_err());
    }
}
