//! Offsets that are committed again and again, and how soon a broker that starts knows them all.
//!
//! Commits come from nobody in particular, as tools make them: no member, no generation. Each place (a group with a
//! partition) counts up from 0, so what has to be found is known without a ledger. Each connection has places of its own
//! and one commit under way, so that its last one is known too.

use crate::connection::{ANSWER_TIMEOUT, Address, Connection, check};
use crate::probe::{create_topic, pause_if_refused};
use crate::progress::Progress;
use ottla_client::ClientError;
use ottla_client::config::Surroundings;
use ottla_wire::messages::describe_log_dirs::DescribeLogDirsRequest;
use ottla_wire::messages::find_coordinator::FindCoordinatorRequest;
use ottla_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_wire::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const TOPIC: &str = "ottla-bench";
const OFFSETS: &str = "__consumer_offsets";
/// The last versions that name topics and one group.
const OFFSET_COMMIT: i16 = 8;
const OFFSET_FETCH: i16 = 7;
const FIND_COORDINATOR: i16 = 3;
const DESCRIBE_LOG_DIRS: i16 = 4;

#[derive(Debug, Clone)]
pub struct CommitsConfig {
    /// The one broker.
    pub address: Address,
    pub groups: u64,
    /// Of the topic whose offsets are committed.
    pub partitions: i32,
    pub commits: u64,
    /// Each with one commit under way.
    pub connections: u64,
}

impl CommitsConfig {
    fn places(&self) -> u64 {
        self.groups * u64::from(self.partitions.unsigned_abs())
    }

    fn group(number: u64) -> String {
        format!("ottla-bench-{number}")
    }

    /// Commits of one place; its last offset is one less.
    fn commits_of(&self, place: u64) -> u64 {
        self.commits / self.places() + u64::from(place < self.commits % self.places())
    }

    fn place(&self, group: u64, partition: i32) -> u64 {
        u64::from(partition.unsigned_abs()) * self.groups + group
    }
}

/// Makes the topic and finds the coordinator, which makes the topic of offsets.
pub async fn prepare(config: &CommitsConfig, surroundings: &Surroundings) -> Result<(), ClientError> {
    let mut connection = Connection::open(surroundings.net.as_ref(), &config.address).await?;
    let made = async {
        while !took(create_topic(&mut connection, TOPIC, config.partitions).await).await? {}
        for group in 0..config.groups {
            while !took(find(&mut connection, group).await).await? {}
        }
        Ok(())
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, made).await {
        Ok(made) => made,
        Err(_) => Err(ClientError::TimedOut { what: "prepare the groups".to_owned(), after: ANSWER_TIMEOUT }),
    }
}

/// Whether it was done; a refusal that may pass is waited for, any other is an error.
async fn took(result: Result<(), ClientError>) -> Result<bool, ClientError> {
    let done = result.is_ok();
    pause_if_refused(result).await.map(|()| done)
}

async fn find(connection: &mut Connection, group: u64) -> Result<(), ClientError> {
    let request = FindCoordinatorRequest { key: CommitsConfig::group(group).into(), ..Default::default() };
    let answer = connection.call(&request, FIND_COORDINATOR).await?;
    check("FindCoordinator", answer.error_code)
}

/// Commits everything; returns the time. Ends early, and counts what was done, when `progress` is stopped.
pub async fn commit_all(
    config: &CommitsConfig,
    surroundings: &Surroundings,
    progress: &Arc<Progress>,
) -> Result<Duration, ClientError> {
    let began = surroundings.clock.monotonic();
    let mut writers = JoinSet::new();
    for number in 0..config.connections.min(config.places()) {
        let connection = Connection::open(surroundings.net.as_ref(), &config.address).await?;
        writers.spawn(write(connection, config.clone(), number, Arc::clone(progress)));
    }
    while let Some(ended) = writers.join_next().await {
        ended.map_err(|error| ClientError::Invalid(format!("a writer: {error}")))??;
    }
    Ok(surroundings.clock.monotonic().saturating_sub(began))
}

async fn write(
    mut connection: Connection,
    config: CommitsConfig,
    number: u64,
    progress: Arc<Progress>,
) -> Result<(), ClientError> {
    let step = usize::try_from(config.connections.max(1)).unwrap_or(usize::MAX);
    for round in 0..config.commits_of(0) {
        for place in (number..config.places()).step_by(step) {
            if round >= config.commits_of(place) {
                continue;
            }
            if !progress.take(1) {
                return Ok(());
            }
            let (group, partition) = (place % config.groups, place / config.groups);
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            let request = commit(group, partition, i64::try_from(round).unwrap_or(i64::MAX));
            while !took(committed(&mut connection, &request).await).await? {}
            progress.add(1, 0);
        }
    }
    Ok(())
}

fn commit(group: u64, partition: i32, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index: partition,
        committed_offset: offset,
        committed_leader_epoch: -1,
        committed_metadata: Some("".into()),
    };
    OffsetCommitRequest {
        group_id: CommitsConfig::group(group).into(),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: TOPIC.into(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}

async fn committed(connection: &mut Connection, request: &OffsetCommitRequest) -> Result<(), ClientError> {
    let answer = connection.call(request, OFFSET_COMMIT).await?;
    let code = answer.topics.first().and_then(|topic| topic.partitions.first()).map(|p| p.error_code);
    check("OffsetCommit", code.unwrap_or(-1))
}

/// Waits until every group tells all its offsets, from a broker that may just be starting; returns the time of the
/// monotonic clock. An offset that is not the last one of its place is an error.
pub async fn all_known(
    config: &CommitsConfig,
    surroundings: &Surroundings,
    patience: Duration,
) -> Result<Duration, ClientError> {
    let mut last = ClientError::TimedOut { what: "offsets of all groups".to_owned(), after: patience };
    let asking = async {
        let mut known = 0;
        loop {
            match ask_all(config, surroundings, &mut known).await {
                Ok(()) => return Ok(surroundings.clock.monotonic()),
                Err(error) if error.is_retriable() => last = error,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(patience, asking).await;
    in_time.unwrap_or(Err(last))
}

/// With one connection, as far as it goes; groups below `known` have told theirs.
async fn ask_all(
    config: &CommitsConfig,
    surroundings: &Surroundings,
    known: &mut u64,
) -> Result<(), ClientError> {
    let mut connection = Connection::open(surroundings.net.as_ref(), &config.address).await?;
    while *known < config.groups {
        let told = ask(&mut connection, config, *known).await;
        *known += u64::from(took(told).await?);
    }
    Ok(())
}

async fn ask(connection: &mut Connection, config: &CommitsConfig, group: u64) -> Result<(), ClientError> {
    let topic =
        OffsetFetchRequestTopic { name: TOPIC.into(), partition_indexes: (0..config.partitions).collect() };
    let request = OffsetFetchRequest {
        group_id: CommitsConfig::group(group).into(),
        topics: Some(vec![topic]),
        ..Default::default()
    };
    let answer = connection.call(&request, OFFSET_FETCH).await?;
    check("OffsetFetch", answer.error_code)?;
    let mut told = 0;
    for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
        check("OffsetFetch", partition.error_code)?;
        let commits = config.commits_of(config.place(group, partition.partition_index));
        let expected = i64::try_from(commits).unwrap_or(i64::MAX) - 1;
        if partition.committed_offset != expected {
            return Err(ClientError::Invalid(format!(
                "group {group} has committed {expected} of partition {} and is told {}",
                partition.partition_index, partition.committed_offset
            )));
        }
        told += 1;
    }
    if told == config.partitions {
        return Ok(());
    }
    Err(ClientError::Invalid(format!("group {group} is told {told} of {} offsets", config.partitions)))
}

/// Bytes of the topic of offsets.
pub async fn log_bytes(config: &CommitsConfig, surroundings: &Surroundings) -> Result<u64, ClientError> {
    let mut connection = Connection::open(surroundings.net.as_ref(), &config.address).await?;
    let answer = connection.call(&DescribeLogDirsRequest { topics: None }, DESCRIBE_LOG_DIRS).await?;
    check("DescribeLogDirs", answer.error_code)?;
    let topics = answer.results.iter().flat_map(|dir| &dir.topics).filter(|topic| topic.name == OFFSETS);
    Ok(topics.flat_map(|topic| &topic.partitions).map(|p| p.partition_size.max(0).unsigned_abs()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_has_one_place_and_the_last_of_each_is_known() {
        for (groups, partitions, commits) in [(1, 1, 5), (3, 2, 20), (2, 3, 6), (4, 4, 3)] {
            let address = Address { host: "h".to_owned(), port: 1 };
            let config = CommitsConfig { address, groups, partitions, commits, connections: 2 };
            let all: u64 = (0..config.places()).map(|place| config.commits_of(place)).sum();
            assert_eq!(all, commits);
            let mut places: Vec<u64> = (0..groups)
                .flat_map(|g| (0..partitions).map(move |p| (g, p)))
                .map(|(g, p)| config.place(g, p))
                .collect();
            for place in &places {
                let (group, partition) = (place % groups, (place / groups) as i32);
                assert_eq!(config.place(group, partition), *place);
            }
            places.sort_unstable();
            assert_eq!(places, (0..config.places()).collect::<Vec<_>>());
            assert!((0..config.places()).all(|place| config.commits_of(place) <= config.commits_of(0)));
        }
    }
}
