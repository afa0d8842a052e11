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

/// What a broker tells of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// In its own words.
    pub setting: String,
    /// `None` where it tells nothing of it.
    pub durability: Option<Durability>,
}

impl Told {
    pub fn of(name: &str, value: &str) -> Self {
        let durability = match (name, value) {
            ("durability", "os") => Some(Durability::Os),
            ("durability", "fsync") | ("flush.messages", "1") => Some(Durability::Fsync),
            // Any other number leaves records that are acknowledged and not synced.
            ("flush.messages", _) => Some(Durability::Os),
            _ => None,
        };
        Self { setting: format!("{name}={value}"), durability }
    }

    /// What the broker acknowledges, for a sentence.
    pub fn promise(&self) -> String {
        let what = match self.durability {
            Some(Durability::Os) => "what is in the page cache",
            Some(Durability::Fsync) => "what is on the disk",
            None => "what it does not tell",
        };
        format!("{what} ({})", self.setting)
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

/// What the broker says about it.
pub async fn of_topic(client: &Client, topic: &str) -> Result<Told> {
    let failure = |error| cluster::failure(&error);
    let answers = client.admin().describe_configs(&[ConfigResource::topic(topic)]).await.map_err(failure)?;
    let entries = answers.into_iter().next().context("the broker tells no settings")?.map_err(failure)?;
    let told = ["durability", "flush.messages"].iter().find_map(|name| {
        let entry = entries.iter().find(|entry| entry.name == *name)?;
        Some(Told::of(name, entry.value.as_deref()?))
    });
    Ok(told.unwrap_or_else(|| Told { setting: "unknown".to_owned(), durability: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_are_understood_and_only_a_sync_of_every_record_is_one() {
        let of = |name, value| Told::of(name, value).durability;
        assert_eq!(of("durability", "fsync"), Some(Durability::Fsync));
        assert_eq!(of("flush.messages", "1"), Some(Durability::Fsync));
        assert_eq!(of("durability", "os"), Some(Durability::Os));
        assert_eq!(of("flush.messages", "2"), Some(Durability::Os));
        assert_eq!(of("flush.messages", "9223372036854775807"), Some(Durability::Os));
        assert_eq!(of("durability", "1"), None);
        assert_eq!(Told::of("flush.messages", "1").promise(), "what is on the disk (flush.messages=1)");
    }
}
