//! A topic with many partitions: how long until every one is led, and until each has taken a record.

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
const PAUSE: Duration = Duration::from_millis(5);
const RECORD_BYTES: usize = 100;

/// Times from the moment before the creation was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partitions {
    /// The creation was answered.
    pub created: Duration,
    /// Metadata names a leader for each partition.
    pub led: Duration,
    /// Every partition acknowledged a record, asked one after the other.
    pub written: Duration,
    /// Of the last Metadata request alone.
    pub metadata: Duration,
}

pub async fn run(
    client: &Client,
    topic: &str,
    count: i32,
    surroundings: &Surroundings,
    progress: &Arc<Progress>,
) -> Result<Partitions, ClientError> {
    let clock = surroundings.clock.as_ref();
    let began = clock.monotonic();
    let since = || clock.monotonic().saturating_sub(began);
    make_topic(client, topic, count).await?;
    let created = since();
    let mut asked;
    let cluster = client.admin().describe_cluster().await?;
    let broker = cluster.brokers.first().ok_or_else(|| ClientError::Invalid("no broker".to_owned()))?;
    let address = crate::Address { host: broker.host.clone(), port: broker.port };
    let mut connection = Connection::open(surroundings.net.as_ref(), &address).await?;
    let topics = Some(vec![MetadataRequestTopic { name: Some(topic.into()), ..Default::default() }]);
    let request = MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() };
    loop {
        asked = clock.monotonic();
        let answer = connection.call(&request, METADATA_BY_NAME).await?;
        let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let led =
            partitions.filter(|partition| partition.error_code == 0 && partition.leader_id >= 0).count();
        if i32::try_from(led).is_ok_and(|led| led == count) || progress.is_stopped() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let metadata = clock.monotonic().saturating_sub(asked);
    let led = since();
    // Another broker than the one that was asked may be the one that answers.
    let layout = until_told(async || Layout::of(client, topic).await).await?;
    let now_ms = surroundings.clock.now_ms();
    let batches = batches(RECORD_BYTES, 1, Codec::None, now_ms, surroundings.rng.as_ref())?;
    let batch = batches.first().map(|batch| batch.bytes.clone()).unwrap_or_default();
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
    Ok(Partitions { created, led, written: since(), metadata })
}
