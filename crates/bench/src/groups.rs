//! Members of one group that come and go, and how long it takes until every partition has a reader again.
//!
//! Each member is a whole consumer of the client with connections of its own, which reads nothing: its partitions are
//! paused as soon as it has them, so that only the coordinator works. A group is stable when all members are in the same
//! generation and every partition belongs to exactly one of them.

use ottla_client::{Assignor, Client, ClientError, ConsumerConfig, GroupConfig, GroupConsumer, GroupEvent};
use ottla_env::clock::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

#[derive(Debug, Clone)]
pub struct GroupsConfig {
    pub group: String,
    pub topic: String,
    pub partitions: usize,
    pub members: usize,
    pub assignor: Assignor,
    /// How long one step may take.
    pub patience: Duration,
}

/// What each member has, by its number.
type Shares = BTreeMap<usize, Share>;

#[derive(Debug, Default)]
struct Share {
    generation: Option<i32>,
    partitions: BTreeSet<i32>,
}

#[derive(Debug)]
pub struct Groups {
    client: Client,
    config: GroupsConfig,
    clock: Arc<dyn Clock>,
    shares: watch::Sender<Shares>,
    /// Stops the member of that number.
    stops: BTreeMap<usize, oneshot::Sender<()>>,
    members: JoinSet<Result<(), ClientError>>,
    started: usize,
}

impl Groups {
    pub fn new(client: Client, config: GroupsConfig, clock: Arc<dyn Clock>) -> Self {
        let (shares, stops, members) = (watch::channel(Shares::new()).0, BTreeMap::new(), JoinSet::new());
        Self { client, config, clock, shares, stops, members, started: 0 }
    }

    /// All members join at once.
    pub async fn join_all(&mut self) -> Result<Duration, ClientError> {
        let began = self.clock.monotonic();
        for _ in 0..self.config.members {
            self.start()?;
        }
        self.stable(began).await
    }

    pub async fn leave_one(&mut self) -> Result<Duration, ClientError> {
        let began = self.clock.monotonic();
        if let Some((number, stop)) = self.stops.pop_last() {
            self.shares.send_modify(|shares| drop(shares.remove(&number)));
            let _ = stop.send(());
        }
        self.stable(began).await
    }

    pub async fn join_one(&mut self) -> Result<Duration, ClientError> {
        let began = self.clock.monotonic();
        self.start()?;
        self.stable(began).await
    }

    /// All members leave.
    pub async fn close(mut self) -> Result<(), ClientError> {
        for stop in std::mem::take(&mut self.stops).into_values() {
            let _ = stop.send(());
        }
        while let Some(ended) = self.members.join_next().await {
            ended.map_err(|error| ClientError::Invalid(format!("a member: {error}")))??;
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), ClientError> {
        let group = GroupConfig {
            assignors: vec![self.config.assignor],
            auto_commit: None,
            ..GroupConfig::new(self.config.group.as_str())
        };
        let topics = [self.config.topic.clone()];
        let consumer = self.client.group_consumer(ConsumerConfig::default(), group, &topics)?;
        let (stop, stopped) = oneshot::channel();
        let number = self.started;
        self.started += 1;
        self.stops.insert(number, stop);
        self.shares.send_modify(|shares| drop(shares.insert(number, Share::default())));
        self.members.spawn(member(consumer, number, self.shares.clone(), stopped));
        Ok(())
    }

    async fn stable(&mut self, began: Duration) -> Result<Duration, ClientError> {
        let partitions = self.config.partitions;
        let mut shares = self.shares.subscribe();
        let settled = tokio::time::timeout(self.config.patience, async {
            tokio::select! {
                _ = shares.wait_for(|shares| is_stable(shares, partitions)) => Ok(()),
                error = failed(&mut self.members) => Err(error),
            }
        });
        match settled.await {
            Ok(result) => result.map(|()| self.clock.monotonic().saturating_sub(began)),
            Err(_) => Err(ClientError::TimedOut {
                what: format!("group {} is not stable", self.config.group),
                after: self.config.patience,
            }),
        }
    }
}

/// Resolves with the error of the first member that fails; members that have left are no failure.
async fn failed(members: &mut JoinSet<Result<(), ClientError>>) -> ClientError {
    loop {
        match members.join_next().await {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => return error,
            Some(Err(error)) => return ClientError::Invalid(format!("a member: {error}")),
            None => std::future::pending().await,
        }
    }
}

fn is_stable(shares: &Shares, partitions: usize) -> bool {
    let generations: BTreeSet<_> = shares.values().map(|share| share.generation).collect();
    let owned: BTreeSet<_> = shares.values().flat_map(|share| &share.partitions).collect();
    let sum: usize = shares.values().map(|share| share.partitions.len()).sum();
    generations.len() == 1 && !generations.contains(&None) && owned.len() == partitions && sum == partitions
}

async fn member(
    mut consumer: GroupConsumer,
    number: usize,
    shares: watch::Sender<Shares>,
    mut stopped: oneshot::Receiver<()>,
) -> Result<(), ClientError> {
    loop {
        let event = tokio::select! {
            event = consumer.next() => event?,
            _ = &mut stopped => return consumer.close().await,
        };
        if let GroupEvent::Assigned(keys) = &event {
            for key in keys {
                consumer.pause(&key.topic, key.partition)?;
            }
        }
        let generation = consumer.generation();
        shares.send_modify(|shares| {
            let Some(share) = shares.get_mut(&number) else { return };
            match event {
                GroupEvent::Batch(_) => {}
                GroupEvent::Assigned(keys) => {
                    share.generation = generation;
                    share.partitions.extend(keys.iter().map(|key| key.partition));
                }
                GroupEvent::Revoked(keys) | GroupEvent::Lost(keys) => {
                    share.partitions.retain(|p| !keys.iter().any(|key| key.partition == *p));
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_stable_when_all_agree_and_nothing_is_left_or_read_twice() {
        let shares = |list: &[(Option<i32>, &[i32])]| -> Shares {
            let share = |(generation, partitions): &(Option<i32>, &[i32])| Share {
                generation: *generation,
                partitions: partitions.iter().copied().collect(),
            };
            list.iter().map(share).enumerate().collect()
        };
        for (list, expected) in [
            (&[(Some(2), &[0, 1][..]), (Some(2), &[2])][..], true),
            (&[(Some(2), &[0, 1]), (Some(1), &[2])], false),
            (&[(Some(2), &[0, 1]), (Some(2), &[])], false),
            (&[(Some(2), &[0, 1]), (Some(2), &[1, 2])], false),
            (&[(Some(2), &[0, 1, 2]), (None, &[])], false),
            (&[(Some(2), &[0, 1, 2]), (Some(2), &[])], true),
            (&[], false),
        ] {
            assert_eq!(is_stable(&shares(list), 3), expected, "{list:?}");
        }
    }
}
