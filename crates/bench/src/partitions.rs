//! Many partitions: how long until every one is led, and until each has taken a record.
//!
//! A topic takes no more than [`TOPIC_PARTITIONS_MAX`] of them, because a broker may write one creation as one batch of
//! its metadata and bound that: Kafka's controller takes 10,000 records.

use crate::connection::{ANSWER_TIMEOUT, Connection};
use crate::layout::{Layout, make_topic, until_told};
use crate::load::{Destination, batches, produce_request};
use crate::progress::Progress;
use crate::replay::{PRODUCE_BY_NAME, check};
use ottla_client::config::Surroundings;
use ottla_client::{Client, ClientError, Codec};
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use std::sync::Arc;
use std::time::Duration;

const METADATA_BY_NAME: i16 = 9;
/// Of one topic, half of what Kafka's controller can take at once.
const TOPIC_PARTITIONS_MAX: i32 = 5_000;
/// Until all are led; a broker that cannot lead so many would be asked for ever.
const LED_LIMIT: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(5);
const RECORD_BYTES: usize = 100;

/// Times from the moment before the creation was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partitions {
    /// Every creation was answered, asked one after the other.
    pub created: Duration,
    /// Metadata names a leader for each partition.
    pub led: Duration,
    /// Every partition acknowledged a record, asked one after the other.
    pub written: Duration,
    /// Of the last Metadata request alone, which names every partition.
    pub metadata: Duration,
}

/// The topics that hold `count` partitions: `topic` and names that begin with it, all filled but the last.
pub fn topics(topic: &str, count: i32) -> Vec<(String, i32)> {
    let mut topics = Vec::new();
    let mut left = count;
    while left > 0 {
        let name = if topics.is_empty() { topic.to_owned() } else { format!("{topic}-{}", topics.len()) };
        topics.push((name, left.min(TOPIC_PARTITIONS_MAX)));
        left -= TOPIC_PARTITIONS_MAX;
    }
    topics
}

pub async fn run(
    client: &Client,
    topics: &[(String, i32)],
    surroundings: &Surroundings,
    progress: &Arc<Progress>,
) -> Result<Partitions, ClientError> {
    let clock = surroundings.clock.as_ref();
    let began = clock.monotonic();
    let since = || clock.monotonic().saturating_sub(began);
    for (topic, count) in topics {
        make_topic(client, topic, *count, &[]).await?;
    }
    let created = since();
    let metadata = until_led(client, topics, surroundings, progress).await?;
    let led = since();
    let now_ms = surroundings.clock.now_ms();
    let batches = batches(RECORD_BYTES, 1, Codec::None, now_ms, surroundings.rng.as_ref())?;
    let batch = batches.first().map(|batch| batch.bytes.clone()).unwrap_or_default();
    for (topic, _) in topics {
        // Another broker than the one that was asked may be the one that answers.
        let layout = until_told(async || Layout::of(client, topic).await).await?;
        for leader in &layout.brokers {
            let mut connection = Connection::open(surroundings.net.as_ref(), &leader.address).await?;
            for partition in leader.partitions.iter().take_while(|_| progress.take(1)) {
                let to = Destination {
                    topic,
                    partition: *partition,
                    acks: -1,
                    timeout_ms: i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX),
                    version: PRODUCE_BY_NAME,
                };
                let answer = connection.call(&produce_request(batch.clone(), to), PRODUCE_BY_NAME).await?;
                check(&answer)?;
                progress.add(1, batch.len() as u64);
            }
        }
    }
    Ok(Partitions { created, led, written: since(), metadata })
}

/// Asks one broker until it names a leader for every partition; returns how long the last answer took.
async fn until_led(
    client: &Client,
    topics: &[(String, i32)],
    surroundings: &Surroundings,
    progress: &Progress,
) -> Result<Duration, ClientError> {
    let clock = surroundings.clock.as_ref();
    let began = clock.monotonic();
    let cluster = client.admin().describe_cluster().await?;
    let broker = cluster.brokers.first().ok_or_else(|| ClientError::Invalid("no broker".to_owned()))?;
    let address = crate::Address { host: broker.host.clone(), port: broker.port };
    let mut connection = Connection::open(surroundings.net.as_ref(), &address).await?;
    let named = |topic: &str| MetadataRequestTopic { name: Some(topic.into()), ..Default::default() };
    let request = MetadataRequest {
        topics: Some(topics.iter().map(|(topic, _)| named(topic)).collect()),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    let wanted: i32 = topics.iter().map(|(_, count)| count).sum();
    loop {
        let asked = clock.monotonic();
        let answer = connection.call(&request, METADATA_BY_NAME).await?;
        let answered = clock.monotonic();
        let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let led =
            partitions.filter(|partition| partition.error_code == 0 && partition.leader_id >= 0).count();
        if i32::try_from(led).is_ok_and(|led| led == wanted) || progress.is_stopped() {
            return Ok(answered.saturating_sub(asked));
        }
        if answered.saturating_sub(began) > LED_LIMIT {
            let what = format!("a leader for each of {wanted} partitions, of which {led} have one,");
            return Err(ClientError::TimedOut { what, after: LED_LIMIT });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_share_the_partitions_and_none_takes_too_many() {
        assert_eq!(topics("t", 40), [("t".to_owned(), 40)]);
        assert_eq!(topics("t", 5_000), [("t".to_owned(), 5_000)]);
        assert_eq!(
            topics("t", 10_001),
            [("t".to_owned(), 5_000), ("t-1".to_owned(), 5_000), ("t-2".to_owned(), 1)]
        );
        let all = topics("t", 100_000);
        assert_eq!((all.len(), all.iter().map(|(_, count)| count).sum::<i32>()), (20, 100_000));
    }
}
