//! What a member of a group is told. Names in the comments are the Java client's.

use super::Assignor;
use crate::errors::ClientError;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// `group.id`
    pub group_id: String,
    /// `group.instance.id`: a static member, which keeps its partitions over a restart within `session_timeout`.
    pub instance_id: Option<String>,
    /// `partition.assignment.strategy`, the preferred one first. The group uses one that all members have. Only when
    /// all of them are cooperative the member keeps its partitions while the group rebalances.
    pub assignors: Vec<Assignor>,
    /// `session.timeout.ms`: without a heartbeat for so long the coordinator gives the partitions to others.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms`: an application that does not come back for so long leaves the group.
    pub max_poll_interval: Duration,
    /// `enable.auto.commit` and `auto.commit.interval.ms`; `None` leaves all commits to the application.
    pub auto_commit: Option<Duration>,
    /// `allow.auto.create.topics`
    pub creates_topics: bool,
}

impl GroupConfig {
    pub fn new(group_id: impl Into<String>) -> Self {
        Self {
            group_id: group_id.into(),
            instance_id: None,
            assignors: vec![Assignor::CooperativeSticky],
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            max_poll_interval: Duration::from_secs(300),
            auto_commit: Some(Duration::from_secs(5)),
            creates_topics: false,
        }
    }

    pub(super) fn check(&self) -> Result<(), ClientError> {
        let problem = if self.group_id.is_empty() {
            "a group needs an id"
        } else if self.assignors.is_empty() {
            "a member needs at least one assignor"
        } else if self.heartbeat_interval.is_zero() || self.heartbeat_interval >= self.session_timeout {
            "heartbeat.interval.ms must be above zero and below session.timeout.ms"
        } else if self.max_poll_interval.is_zero() {
            "max.poll.interval.ms must be above zero"
        } else {
            return Ok(());
        };
        Err(ClientError::Invalid(problem.to_owned()))
    }

    pub(super) fn is_cooperative(&self) -> bool {
        self.assignors.iter().all(|assignor| assignor.is_cooperative())
    }
}
