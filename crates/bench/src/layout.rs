//! Who leads which partition of the topic, and which connection takes which of them.

use crate::connection::Address;
use ottla_client::{Client, ClientError, ErrorCode, Isolation, NewTopic, OffsetSpec, PartitionKey};
use std::collections::BTreeMap;
use std::time::Duration;

/// A topic that the run made for itself is led at the latest after so many pauses.
const LEADERLESS_MAX: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub topic: String,
    /// By node id.
    pub brokers: Vec<Leader>,
}

/// A broker with the partitions it leads, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    pub address: Address,
    pub partitions: Vec<i32>,
}

/// What one connection works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    pub address: Address,
    pub partitions: Vec<i32>,
}

/// Makes sure that the topic is there, as `make_topic` does. A broker may answer before its metadata tells of the topic;
/// that is waited for.
pub async fn own_topic(client: &Client, name: &str, partitions: i32) -> Result<(), ClientError> {
    own_topic_with(client, name, partitions, &[]).await
}

/// The same with settings, for one that is not there yet.
pub async fn own_topic_with(
    client: &Client,
    name: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> Result<(), ClientError> {
    make_topic(client, name, partitions, settings).await?;
    match until_told(async || Layout::now(client, name).await).await {
        // That is waited for by who asks for the layout.
        Err(error) if error.code() == Some(ErrorCode::LeaderNotAvailable) => Ok(()),
        told => told.map(drop),
    }
}

/// Asks for the topic, and for nothing else: an existing one is left as it is.
pub(crate) async fn make_topic(
    client: &Client,
    name: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> Result<(), ClientError> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        configs: settings.iter().map(owned).collect(),
        ..NewTopic::default()
    };
    match client.admin().create_topics(&[topic], false).await?.into_iter().next() {
        Some(Err(error)) if error.code() != Some(ErrorCode::TopicAlreadyExists) => Err(error),
        _ => Ok(()),
    }
}

/// Asks again while the topic is not known.
pub(crate) async fn until_told<T>(
    mut ask: impl AsyncFnMut() -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let mut pauses = 0;
    loop {
        match ask().await {
            Err(error) if error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {
                if pauses == LEADERLESS_MAX {
                    return Err(error);
                }
                pauses += 1;
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

impl Layout {
    /// Waits a while for partitions that have no leader yet, and until each leader answers as one: metadata may tell of
    /// a topic before its leader knows it, and a refused batch would end a run.
    pub async fn of(client: &Client, topic: &str) -> Result<Self, ClientError> {
        let layout = Self::led(client, topic).await?;
        let mut pauses = 0;
        loop {
            match layout.offsets(client, OffsetSpec::Latest).await {
                Err(error)
                    if error.code() == Some(ErrorCode::NotLeaderOrFollower) && pauses < LEADERLESS_MAX =>
                {
                    pauses += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                told => return told.map(|_| layout),
            }
        }
    }

    /// The brokers alone, without a topic.
    pub async fn brokers_of(client: &Client) -> Result<Self, ClientError> {
        let cluster = client.admin().describe_cluster().await?;
        let leader = |host: &str, port| Leader {
            address: Address { host: host.to_owned(), port },
            partitions: Vec::new(),
        };
        let brokers = cluster.brokers.iter().map(|broker| leader(&broker.host, broker.port)).collect();
        Ok(Self { topic: String::new(), brokers })
    }

    /// One end of every partition.
    pub async fn offsets(
        &self,
        client: &Client,
        spec: OffsetSpec,
    ) -> Result<BTreeMap<i32, i64>, ClientError> {
        let key = |partition| PartitionKey { topic: self.topic.clone(), partition };
        let wanted: Vec<_> = self.partitions().map(|partition| (key(partition), spec)).collect();
        let listed = client.admin().list_offsets(&wanted, Isolation::ReadUncommitted).await?;
        let mut offsets = BTreeMap::new();
        for ((key, _), listed) in wanted.iter().zip(listed) {
            offsets.insert(key.partition, listed?.offset.unwrap_or(0));
        }
        Ok(offsets)
    }

    async fn led(client: &Client, topic: &str) -> Result<Self, ClientError> {
        let mut pauses = 0;
        loop {
            match Self::now(client, topic).await {
                Err(error)
                    if error.code() == Some(ErrorCode::LeaderNotAvailable) && pauses < LEADERLESS_MAX =>
                {
                    pauses += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn now(client: &Client, topic: &str) -> Result<Self, ClientError> {
        let admin = client.admin();
        let no_leader = || ClientError::Refused {
            what: format!("topic {topic}"),
            code: ErrorCode::LeaderNotAvailable,
            message: None,
        };
        let described = admin.describe_topics(&[topic.to_owned()]).await?.into_iter().next();
        let described = described.ok_or_else(no_leader)??;
        let cluster = admin.describe_cluster().await?;
        let mut leaders: BTreeMap<i32, Leader> = BTreeMap::new();
        for partition in &described.partitions {
            let broker = cluster.brokers.iter().find(|broker| Some(broker.node_id) == partition.leader);
            let broker = broker.ok_or_else(no_leader)?;
            let address = Address { host: broker.host.clone(), port: broker.port };
            let leader = leaders.entry(broker.node_id).or_insert(Leader { address, partitions: Vec::new() });
            leader.partitions.push(partition.partition);
        }
        Ok(Self { topic: described.name, brokers: leaders.into_values().collect() })
    }

    /// Partitions of the topic, in the order of brokers.
    pub fn partitions(&self) -> impl Iterator<Item = i32> {
        self.brokers.iter().flat_map(|broker| broker.partitions.iter().copied())
    }

    /// So many connections to each broker. More connections than partitions share them.
    pub(crate) fn shared(&self, connections: usize) -> Vec<Share> {
        let connections = connections.max(1);
        let share = |broker: &Leader, number: usize| {
            let count = broker.partitions.len().max(1);
            let mine = |index: usize| index % connections == number % count;
            let partitions = broker.partitions.iter().enumerate();
            let partitions = partitions.filter(|(index, _)| mine(*index)).map(|(_, partition)| *partition);
            Share { address: broker.address.clone(), partitions: partitions.collect() }
        };
        let of_broker = |broker| (0..connections).map(move |number| share(broker, number));
        self.brokers.iter().flat_map(of_broker).collect()
    }

    /// The same without a partition on two connections: a reader has one place in each.
    pub(crate) fn divided(&self, connections: usize) -> Vec<Share> {
        let few = |broker: &Leader| connections.clamp(1, broker.partitions.len().max(1));
        let of_broker = |broker: &Leader| {
            let alone = Self { topic: self.topic.clone(), brokers: vec![broker.clone()] };
            alone.shared(few(broker))
        };
        self.brokers.iter().flat_map(of_broker).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(partitions: i32) -> Layout {
        let address = Address { host: "a".into(), port: 1 };
        Layout { topic: "t".into(), brokers: vec![Leader { address, partitions: (0..partitions).collect() }] }
    }

    fn of(shares: Vec<Share>) -> Vec<Vec<i32>> {
        shares.into_iter().map(|share| share.partitions).collect()
    }

    #[test]
    fn connections_part_the_partitions_and_share_them_when_there_are_too_few() {
        assert_eq!(of(layout(4).shared(1)), [[0, 1, 2, 3]]);
        assert_eq!(of(layout(4).shared(2)), [[0, 2], [1, 3]]);
        assert_eq!(of(layout(3).shared(2)), [vec![0, 2], vec![1]]);
        assert_eq!(of(layout(2).shared(5)), [[0], [1], [0], [1], [0]]);
        assert_eq!(of(layout(1).shared(0)), [[0]]);
    }

    fn refused(code: ErrorCode) -> Result<(), ClientError> {
        Err(ClientError::Refused { what: "topic t".to_owned(), code, message: None })
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_is_never_told_of_is_an_error() {
        let mut asked = 0;
        let never = until_told(async || {
            asked += 1;
            refused(ErrorCode::UnknownTopicOrPartition)
        });
        assert_eq!(never.await.unwrap_err().code(), Some(ErrorCode::UnknownTopicOrPartition));
        assert_eq!(asked, LEADERLESS_MAX + 1);

        let mut answers = vec![Ok(())];
        answers.extend([(), ()].map(|()| refused(ErrorCode::UnknownTopicOrPartition)));
        until_told(async || answers.pop().unwrap()).await.unwrap();
        assert!(answers.is_empty());
        let mut asked = 0;
        let other = until_told(async || {
            asked += 1;
            refused(ErrorCode::ClusterAuthorizationFailed)
        });
        assert_eq!(other.await.unwrap_err().code(), Some(ErrorCode::ClusterAuthorizationFailed));
        assert_eq!(asked, 1);
    }

    #[test]
    fn readers_never_share_a_partition() {
        assert_eq!(of(layout(4).divided(2)), [[0, 2], [1, 3]]);
        assert_eq!(of(layout(2).divided(5)), [[0], [1]]);
        assert_eq!(layout(2).partitions().collect::<Vec<_>>(), [0, 1]);
    }
}
