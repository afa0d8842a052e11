//! What the checks share: a client, topics of their own, and reading everything back.

use crate::Problem;
use ottla_client::{
    Assignment, Client, ClientConfig, ClientError, ConsumerConfig, Delivered, FetchedBatch, Isolation,
    ListedOffset, NewTopic, OffsetSpec, PartitionKey, Producer, ProducerConfig, ProducerRecord, Record,
    Start, Surroundings,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// For one thing that should happen at once or very soon.
pub const SOON: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct Lab {
    pub client: Client,
    pub bootstrap: String,
    prefix: String,
    topics: RefCell<Vec<String>>,
    groups: RefCell<Vec<String>>,
}

/// What was read of each partition.
pub type Read = BTreeMap<i32, Vec<Record>>;

impl Lab {
    pub async fn connect(bootstrap: &str) -> Result<Self, Problem> {
        let client = Client::connect(Self::config(bootstrap)).await?;
        let prefix = format!("conformance-{}", Self::now_ms());
        let bootstrap = bootstrap.to_owned();
        Ok(Self { client, bootstrap, prefix, topics: RefCell::default(), groups: RefCell::default() })
    }

    pub fn config(bootstrap: &str) -> ClientConfig {
        ClientConfig {
            bootstrap: vec![bootstrap.to_owned()],
            client_id: "conformance".to_owned(),
            ..ClientConfig::default()
        }
    }

    /// Milliseconds since 1970.
    pub fn now_ms() -> i64 {
        Surroundings::default().clock.now_ms()
    }

    /// A name that no other run has; the topic is deleted at the end if it is there.
    pub fn name(&self, word: &str) -> String {
        let name = format!("{}-{word}", self.prefix);
        self.topics.borrow_mut().push(name.clone());
        name
    }

    /// The id of a group that no other run has; the group is deleted at the end if it is there.
    pub fn group(&self, word: &str) -> String {
        let group = format!("{}-{word}", self.prefix);
        self.groups.borrow_mut().push(group.clone());
        group
    }

    pub async fn topic(
        &self,
        word: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<Arc<str>, Problem> {
        let name = self.name(word);
        self.client
            .admin()
            .create_topics(&[new_topic(&name, partitions, configs)], false)
            .await?
            .remove(0)?;
        Ok(name.into())
    }

    pub fn producer(&self, config: ProducerConfig) -> Result<Producer, ClientError> {
        self.client.producer(config)
    }

    pub async fn offset(
        &self,
        topic: &str,
        partition: i32,
        spec: OffsetSpec,
    ) -> Result<ListedOffset, Problem> {
        let wanted = [(key(topic, partition), spec)];
        Ok(self.client.admin().list_offsets(&wanted, Isolation::ReadUncommitted).await?.remove(0)?)
    }

    pub async fn latest(&self, topic: &str, partition: i32) -> Result<i64, Problem> {
        let listed = self.offset(topic, partition, OffsetSpec::Latest).await?;
        listed.offset.ok_or_else(|| "the end of a partition has no offset".into())
    }

    /// Everything that these partitions hold from their beginnings to their ends.
    pub async fn read_all(&self, topic: &str, partitions: i32) -> Result<Read, Problem> {
        let starts: Vec<_> =
            (0..partitions).map(|partition| start(topic, partition, Start::Beginning)).collect();
        self.read(ConsumerConfig::default(), &starts).await
    }

    /// From these starts to the present ends. Offsets must follow each other without a gap or a repetition.
    pub async fn read(&self, config: ConsumerConfig, starts: &[Assignment]) -> Result<Read, Problem> {
        let mut ends = BTreeMap::new();
        for Assignment { topic, partition, .. } in starts {
            ends.insert(key(topic, *partition), self.latest(topic, *partition).await?);
        }
        let mut consumer = self.client.consumer(config);
        consumer.assign(starts).await?;
        let mut next: BTreeMap<i32, i64> =
            consumer.assignment().map(|(key, position)| (key.partition, position)).collect();
        let mut read: Read = ends.keys().map(|key| (key.partition, Vec::new())).collect();
        while consumer.assignment().any(|(key, position)| ends.get(key).is_some_and(|end| position < *end)) {
            let batch = within(SOON, "the next batch", consumer.next()).await??;
            for record in &batch.records {
                let expected = next.entry(batch.partition).or_default();
                ensure!(
                    record.offset == *expected,
                    "partition {}: offset {} came where {expected} was due",
                    batch.partition,
                    record.offset
                );
                *expected += 1;
            }
            let FetchedBatch { partition, records, .. } = batch;
            read.entry(partition).or_default().extend(records);
        }
        Ok(read)
    }

    /// Deletes what the checks created. A check may have done it already.
    pub async fn clean(&self) -> Result<(), Problem> {
        let groups = self.groups.take();
        for result in self.client.admin().delete_groups(&groups).await? {
            use ottla_client::ErrorCode as E;
            match result {
                // A member that a check left behind has its session to end.
                Err(error) if !matches!(error.code(), Some(E::GroupIdNotFound | E::NonEmptyGroup)) => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        let names = self.topics.take();
        for result in self.client.admin().delete_topics(&names).await? {
            match result {
                Err(error) if error.code() != Some(ottla_client::ErrorCode::UnknownTopicOrPartition) => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

pub fn new_topic(name: &str, partitions: i32, configs: &[(&str, &str)]) -> NewTopic {
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        configs: configs.collect(),
        ..NewTopic::default()
    }
}

pub fn key(topic: &str, partition: i32) -> PartitionKey {
    PartitionKey { topic: topic.to_owned(), partition }
}

pub fn start(topic: &str, partition: i32, start: Start) -> Assignment {
    Assignment { topic: topic.to_owned(), partition, start }
}

/// A record whose value is a number.
pub fn numbered(topic: &Arc<str>, partition: i32, number: u64) -> ProducerRecord {
    let value = number.to_be_bytes().to_vec().into();
    let record = ProducerRecord::new(Arc::clone(topic), None, Some(value));
    ProducerRecord { partition: Some(partition), ..record }
}

pub fn number_of(record: &Record) -> Result<u64, Problem> {
    let value = record.value.as_deref().ok_or("a record has no value")?;
    Ok(u64::from_be_bytes(value.try_into().map_err(|_| "a value is no number")?))
}

pub fn numbers_of(records: &[Record]) -> Result<Vec<u64>, Problem> {
    records.iter().map(number_of).collect()
}

/// Sends all of them, and waits until each is acknowledged.
pub async fn deliver(
    producer: &Producer,
    records: impl IntoIterator<Item = ProducerRecord>,
) -> Result<Vec<Delivered>, Problem> {
    let mut deliveries = Vec::new();
    for record in records {
        deliveries.push(producer.send(record).await?);
    }
    producer.flush().await;
    let mut delivered = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        delivered.push(delivery.await?);
    }
    Ok(delivered)
}

/// Bytes that no codec can make smaller; the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    use ottla_env::rng::{Rng, SeededRng};
    let mut bytes = vec![0; len];
    SeededRng::new(seed).fill(&mut bytes);
    bytes
}

pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> Result<T, Problem> {
    let late = |_| format!("{what} did not come within {} s", limit.as_secs());
    Ok(tokio::time::timeout(limit, future).await.map_err(late)?)
}

/// Looks again until it is so: for what Apache Kafka answers a moment before all of it knows.
pub async fn eventually<F>(what: &str, mut look: impl FnMut() -> F) -> Result<(), Problem>
where
    F: Future<Output = Result<bool, Problem>>,
{
    let deadline = Instant::now() + SOON;
    while !look().await? {
        ensure!(Instant::now() < deadline, "{what}: still not so after {} s", SOON.as_secs());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// The error of what should have been refused.
pub fn refused<T, E>(what: &str, result: Result<T, E>) -> Result<ClientError, Problem>
where
    E: Into<ClientError>,
{
    match result {
        Ok(_) => Err(format!("{what} was not refused").into()),
        Err(error) => Ok(error.into()),
    }
}
