//! What an acknowledgement of a topic promises: `os` is the page cache, `fsync` the disk. Ottla calls it `durability`,
//! Kafka has `flush.messages`.

use crate::cluster;
use anyhow::{Context, Result};
use ottla_bench::own_topic_with;
use ottla_client::{Client, ConfigResource, ErrorCode};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Os,
    Fsync,
}

impl Durability {
    /// By Ottla's name.
    fn own(self) -> (&'static str, &'static str) {
        match self {
            Self::Os => ("durability", "os"),
            Self::Fsync => ("durability", "fsync"),
        }
    }

    /// By Kafka's: records after which a log is synced.
    fn kafkas(self) -> (&'static str, &'static str) {
        match self {
            Self::Os => ("flush.messages", "9223372036854775807"),
            Self::Fsync => ("flush.messages", "1"),
        }
    }
}

pub fn parse_durability(text: &str) -> Result<Durability, String> {
    match text {
        "os" => Ok(Durability::Os),
        "fsync" => Ok(Durability::Fsync),
        _ => Err("is os or fsync".to_owned()),
    }
}

/// Makes the topic of a run, as the broker does by default where nothing is asked for. A broker that does not know
/// Ottla's name for it gets Kafka's.
pub async fn create(
    client: &Client,
    topic: &str,
    partitions: i32,
    durability: Option<Durability>,
) -> Result<()> {
    let failure = |error| cluster::failure(&error);
    let own = durability.map(Durability::own);
    match (own_topic_with(client, topic, partitions, own.as_slice()).await, durability) {
        (Err(error), Some(durability)) if error.code() == Some(ErrorCode::InvalidConfig) => {
            Ok(own_topic_with(client, topic, partitions, &[durability.kafkas()]).await.map_err(failure)?)
        }
        (made, _) => Ok(made.map_err(failure)?),
    }
}

/// What the broker says about it, in its own word.
pub async fn of_topic(client: &Client, topic: &str) -> Result<String> {
    let failure = |error| cluster::failure(&error);
    let answers = client.admin().describe_configs(&[ConfigResource::topic(topic)]).await.map_err(failure)?;
    let entries = answers.into_iter().next().context("the broker tells no settings")?.map_err(failure)?;
    let told = ["durability", "flush.messages"].iter().find_map(|name| {
        let entry = entries.iter().find(|entry| entry.name == *name)?;
        Some(format!("{name}={}", entry.value.as_deref()?))
    });
    Ok(told.unwrap_or_else(|| "unknown".to_owned()))
}
