//! Calls about partitions, which only their leaders answer: the leaders are asked, and asked again for what moved, until
//! all is answered or the deadline passes.

use super::PartitionKey;
use crate::cluster::{Cluster, Creation};
use crate::errors::{ClientError, ErrorClass};
use ottla_wire::ErrorCode;
use std::collections::BTreeMap;
use std::future::Future;

pub(crate) type Answers<A> = BTreeMap<PartitionKey, Result<A, ClientError>>;

/// One call to the leader of some partitions.
pub(super) trait LeaderCall: Sync {
    /// What is asked about a partition.
    type Asked: Copy + Send + Sync;
    type Answer: Send;

    /// The answers of this leader; a partition that it leaves out has none.
    fn ask(
        &self,
        cluster: &Cluster,
        leader: i32,
        asked: &[(PartitionKey, Self::Asked)],
    ) -> impl Future<Output = Result<Answers<Self::Answer>, ClientError>> + Send;
}

pub(super) async fn ask_leaders<C: LeaderCall>(
    cluster: &Cluster,
    call: &C,
    wanted: &[(PartitionKey, C::Asked)],
) -> Result<Answers<C::Answer>, ClientError> {
    let mut attempts = cluster.attempts(cluster.call_deadline());
    let mut answers = Answers::new();
    let mut left = wanted.to_vec();
    loop {
        let (by_leader, mut again) = by_leader(cluster, &left, &mut answers).await?;
        for (leader, asked) in by_leader {
            match call.ask(cluster, leader, &asked).await {
                Ok(told) => take(cluster, told, &mut answers, &mut again),
                Err(error) if error.is_retriable() => {
                    asked.iter().for_each(|(key, _)| cluster.metadata.mark_stale(&key.topic));
                    again = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        left.retain(|(key, _)| !answers.contains_key(key));
        let Some(error) = again.filter(|_| !left.is_empty()) else { return Ok(answers) };
        if let Err(error) = attempts.after(error).await {
            if error.is_unreachable() {
                return Err(error);
            }
            answers.extend(left.into_iter().map(|(key, _)| (key, Err(error.clone()))));
            return Ok(answers);
        }
    }
}

type ByLeader<T> = BTreeMap<i32, Vec<(PartitionKey, T)>>;

/// Groups the partitions by leader. What does not exist is answered here; the error names one without a leader.
async fn by_leader<T: Copy, A>(
    cluster: &Cluster,
    left: &[(PartitionKey, T)],
    answers: &mut Answers<A>,
) -> Result<(ByLeader<T>, Option<ClientError>), ClientError> {
    let mut by_leader = ByLeader::new();
    let mut leaderless = None;
    for (key, asked) in left {
        let topic = match cluster.topic(&key.topic, Creation::Never, cluster.call_deadline()).await {
            Ok(topic) => topic,
            Err(error) if error.is_unreachable() => return Err(error),
            Err(error) => {
                answers.insert(key.clone(), Err(error));
                continue;
            }
        };
        match topic.partition(key.partition) {
            None => {
                let error = ClientError::NoPartition { topic: key.topic.clone(), partition: key.partition };
                answers.insert(key.clone(), Err(error));
            }
            Some(partition) => match partition.leader {
                Some(leader) => by_leader.entry(leader).or_default().push((key.clone(), *asked)),
                None => {
                    cluster.metadata.mark_stale(&key.topic);
                    let what = format!("{}/{}", key.topic, key.partition);
                    leaderless = Some(ClientError::refused(what, ErrorCode::LeaderNotAvailable, None));
                }
            },
        }
    }
    Ok((by_leader, leaderless))
}

fn take<A>(cluster: &Cluster, told: Answers<A>, answers: &mut Answers<A>, again: &mut Option<ClientError>) {
    for (key, result) in told {
        match result {
            Err(error) if error.is_retriable() => {
                if error.class() == ErrorClass::NeedsMetadata {
                    cluster.metadata.mark_stale(&key.topic);
                }
                *again = Some(error);
            }
            result => drop(answers.insert(key, result)),
        }
    }
}
