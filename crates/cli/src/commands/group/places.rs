//! `TOPIC` or `TOPIC:0,1`: which partitions are meant; and what both ends of them are.

use crate::cluster::failure;
use anyhow::Result;
use ottla_client::{Admin, ClientError, Isolation, OffsetSpec, PartitionKey};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// A topic, whole or some of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub topic: String,
    /// Empty for all.
    pub partitions: BTreeSet<i32>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (topic, list) = text.split_once(':').map_or((text, None), |(topic, list)| (topic, Some(list)));
        if topic.is_empty() {
            return Err("the name of the topic is missing; use TOPIC or TOPIC:0,1".to_owned());
        }
        let mut partitions = BTreeSet::new();
        for number in list.into_iter().flat_map(|list| list.split(',')) {
            let number = number.trim().parse().ok().filter(|number| *number >= 0);
            partitions.insert(number.ok_or("partitions are numbers; use TOPIC or TOPIC:0,1")?);
        }
        Ok(Self { topic: topic.to_owned(), partitions })
    }
}

/// Every partition that is meant. One that is not there is an error.
pub async fn partitions(admin: &Admin, places: &[Place]) -> Result<BTreeSet<PartitionKey>> {
    let topics: Vec<String> = places.iter().map(|place| place.topic.clone()).collect();
    let mut keys = BTreeSet::new();
    let described = admin.describe_topics(&topics).await.map_err(|error| failure(&error))?;
    for (place, topic) in places.iter().zip(described) {
        let topic = topic.map_err(|error| failure(&error))?;
        let key = |partition: i32| PartitionKey { topic: topic.name.clone(), partition };
        if let Some(missing) =
            place.partitions.iter().find(|partition| topic.partition(**partition).is_none())
        {
            let missing = key(*missing);
            let error = ClientError::NoPartition { topic: missing.topic, partition: missing.partition };
            return Err(failure(&error).into());
        }
        let all = topic.partitions.iter().map(|partition| partition.partition);
        let meant = all.filter(|p| place.partitions.is_empty() || place.partitions.contains(p));
        keys.extend(meant.map(key));
    }
    Ok(keys)
}

/// Of each partition the offset that is asked for; those that cannot be told (the topic was deleted) are left out.
pub async fn offsets(
    admin: &Admin,
    keys: &BTreeSet<PartitionKey>,
    spec: OffsetSpec,
) -> Result<BTreeMap<PartitionKey, i64>> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<_> = keys.iter().map(|key| (key.clone(), spec)).collect();
    let answers = admin.list_offsets(&wanted, Isolation::ReadUncommitted).await;
    let answers = answers.map_err(|error| failure(&error))?;
    let mut offsets = BTreeMap::new();
    for (key, answer) in keys.iter().zip(answers) {
        match answer {
            Ok(listed) => drop(listed.offset.map(|offset| offsets.insert(key.clone(), offset))),
            Err(error) => eprintln!("ottla: {error}"),
        }
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_topic_with_or_without_partitions() {
        let place = |text: &str| text.parse::<Place>().ok().map(|p| (p.topic, Vec::from_iter(p.partitions)));
        assert_eq!(place("orders"), Some(("orders".to_owned(), vec![])));
        assert_eq!(place("orders:2,0"), Some(("orders".to_owned(), vec![0, 2])));
        for bad in ["", ":1", "orders:", "orders:a", "orders:-1", "orders:1,,2"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
