//! The bytes that members of a group exchange through the coordinator, which does not read them.
//!
//! Kafka's consumer protocol: a version, then a subscription (in JoinGroup) or an assignment (in SyncGroup). We write
//! the highest version, as the Java client does; a version beyond ours is read as ours, because fields are only ever
//! added behind. The user data of the two sticky assignors are drawn beside the code that reads them.

use crate::admin::PartitionKey;
use bytes::Bytes;
use ottla_wire::codec::{Codec, EncodeError};
use ottla_wire::messages::consumer_protocol as wire;
use ottla_wire::{DecodeError, Decoder, Encoder, Message, Version, WireStr};
use std::collections::{BTreeMap, BTreeSet};

/// `protocol.type` of groups of consumers.
pub(crate) const PROTOCOL_TYPE: &str = "consumer";

const INT: Version = Version { number: 0, flexible: false };

/// What a member says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub topics: BTreeSet<String>,
    pub user_data: Option<Bytes>,
    /// Empty where the member gave everything back before it joined.
    pub owned: BTreeSet<PartitionKey>,
    /// In which it owned them; -1 for none.
    pub generation: i32,
}

fn by_topic(partitions: &BTreeSet<PartitionKey>) -> BTreeMap<&str, Vec<i32>> {
    let mut topics = BTreeMap::<&str, Vec<i32>>::new();
    for key in partitions {
        topics.entry(&key.topic).or_default().push(key.partition);
    }
    topics
}

fn keys<'a>(topic: &'a str, partitions: &'a [i32]) -> impl Iterator<Item = PartitionKey> + 'a {
    partitions.iter().map(|partition| PartitionKey { topic: topic.to_owned(), partition: *partition })
}

fn encode<M: Message>(body: &M) -> Result<Bytes, EncodeError> {
    let mut encoder = Encoder::new();
    let version = M::VERSIONS.1;
    version.encode(&mut encoder, INT);
    body.write(&mut encoder, version);
    Ok(encoder.finish()?.to_bytes())
}

fn decode<M: Message>(bytes: &Bytes) -> Result<M, DecodeError> {
    let mut decoder = Decoder::new(bytes.clone());
    let version = i16::decode(&mut decoder, INT)?;
    M::read(&mut decoder, version.min(M::VERSIONS.1))
}

pub(crate) fn encode_subscription(subscription: &Subscription) -> Result<Bytes, EncodeError> {
    let owned = by_topic(&subscription.owned).into_iter().map(|(topic, partitions)| {
        wire::TopicPartitionConsumerProtocolSubscription { topic: topic.into(), partitions }
    });
    encode(&wire::ConsumerProtocolSubscription {
        topics: subscription.topics.iter().map(|topic| topic.as_str().into()).collect(),
        user_data: subscription.user_data.clone(),
        owned_partitions: owned.collect(),
        generation_id: subscription.generation,
        rack_id: None,
    })
}

pub(crate) fn decode_subscription(bytes: &Bytes) -> Result<Subscription, DecodeError> {
    let body: wire::ConsumerProtocolSubscription = decode(bytes)?;
    let owned = body.owned_partitions.iter().flat_map(|topic| keys(&topic.topic, &topic.partitions));
    Ok(Subscription {
        topics: body.topics.iter().map(ToString::to_string).collect(),
        owned: owned.collect(),
        user_data: body.user_data,
        generation: body.generation_id,
    })
}

pub(crate) fn encode_assignment(partitions: &BTreeSet<PartitionKey>) -> Result<Bytes, EncodeError> {
    let topics = by_topic(partitions).into_iter().map(|(topic, partitions)| {
        wire::TopicPartitionConsumerProtocolAssignment { topic: topic.into(), partitions }
    });
    encode(&wire::ConsumerProtocolAssignment { assigned_partitions: topics.collect(), user_data: None })
}

/// No bytes at all are an empty assignment: some coordinators answer so a member without partitions.
pub(crate) fn decode_assignment(bytes: &Bytes) -> Result<BTreeSet<PartitionKey>, DecodeError> {
    if bytes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let body: wire::ConsumerProtocolAssignment = decode(bytes)?;
    Ok(body.assigned_partitions.iter().flat_map(|topic| keys(&topic.topic, &topic.partitions)).collect())
}

/// User data of `sticky`: what the member owned, because it has given all of it back, and in which generation.
///
/// ```text
/// topics: int32 count, then for each: string name, int32 count, int32 partitions
/// generation: int32, missing in the first version
/// ```
pub(crate) fn encode_sticky(owned: &BTreeSet<PartitionKey>, generation: i32) -> Option<Bytes> {
    let topics: Vec<_> = by_topic(owned)
        .into_iter()
        .map(|(topic, partitions)| wire::TopicPartitionConsumerProtocolSubscription {
            topic: topic.into(),
            partitions,
        })
        .collect();
    let mut encoder = Encoder::new();
    topics.encode(&mut encoder, INT);
    generation.encode(&mut encoder, INT);
    encoder.finish().ok().map(|chunks| chunks.to_bytes())
}

/// What cannot be read is nothing: stickiness is a wish.
pub(crate) fn decode_sticky(bytes: &Bytes) -> (BTreeSet<PartitionKey>, i32) {
    let mut decoder = Decoder::new(bytes.clone());
    let topics = Vec::<wire::TopicPartitionConsumerProtocolSubscription>::decode(&mut decoder, INT);
    let owned = topics.unwrap_or_default();
    let owned = owned.iter().flat_map(|topic| keys(&topic.topic, &topic.partitions)).collect();
    (owned, i32::decode(&mut decoder, INT).unwrap_or(-1))
}

/// User data of `cooperative-sticky`: the generation, for members whose subscription has no field for it.
pub(crate) fn encode_generation(generation: i32) -> Bytes {
    Bytes::copy_from_slice(&generation.to_be_bytes())
}

pub(crate) fn decode_generation(bytes: &Bytes) -> i32 {
    bytes.first_chunk().map_or(-1, |bytes| i32::from_be_bytes(*bytes))
}

/// A text of a member as it goes on the wire.
pub(crate) fn optional(text: Option<&str>) -> Option<WireStr> {
    text.map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(topic: &str, partition: i32) -> PartitionKey {
        PartitionKey { topic: topic.to_owned(), partition }
    }

    fn owned() -> BTreeSet<PartitionKey> {
        BTreeSet::from([key("t", 1), key("t", 0), key("u", 7)])
    }

    #[test]
    fn subscriptions_and_assignments_come_back_as_they_were() {
        let subscription = Subscription {
            topics: BTreeSet::from(["t".to_owned(), "u".to_owned()]),
            user_data: Some(encode_generation(3)),
            owned: owned(),
            generation: 3,
        };
        let bytes = encode_subscription(&subscription).unwrap();
        assert_eq!(bytes[..2], [0, 3], "the version stands first");
        assert_eq!(decode_subscription(&bytes), Ok(subscription));
        assert_eq!(decode_assignment(&encode_assignment(&owned()).unwrap()), Ok(owned()));
        assert_eq!(decode_assignment(&Bytes::new()), Ok(BTreeSet::new()));
    }

    #[test]
    fn versions_of_later_clients_are_read_and_older_ones_too() {
        let mut newer = encode_assignment(&owned()).unwrap().to_vec();
        newer[1] = 9;
        newer.extend_from_slice(b"fields of the future");
        assert_eq!(decode_assignment(&newer.into()), Ok(owned()));
        // Version 0 of a subscription: topics and user data only.
        let old = b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff";
        let read = decode_subscription(&Bytes::from_static(old)).unwrap();
        assert_eq!((read.topics.len(), read.owned.len(), read.generation), (1, 0, -1));
    }

    #[test]
    fn user_data_of_the_sticky_assignors_is_laid_out_as_in_java() {
        let bytes = encode_sticky(&owned(), 5).unwrap();
        let expected = b"\0\0\0\x02\0\x01t\0\0\0\x02\0\0\0\0\0\0\0\x01\0\x01u\0\0\0\x01\0\0\0\x07\0\0\0\x05";
        assert_eq!(bytes[..], expected[..]);
        assert_eq!(decode_sticky(&bytes), (owned(), 5));
        assert_eq!(decode_sticky(&bytes.slice(..bytes.len() - 4)), (owned(), -1), "the first version");
        assert_eq!(decode_generation(&encode_generation(7)), 7);
    }

    #[test]
    fn bytes_that_are_cut_off_anywhere_are_refused_or_read_as_nothing() {
        let subscription = Subscription { owned: owned(), generation: 1, ..Default::default() };
        let subscription = encode_subscription(&subscription).unwrap();
        let assignment = encode_assignment(&owned()).unwrap();
        let sticky = encode_sticky(&owned(), 1).unwrap();
        for end in 0..subscription.len() {
            assert!(decode_subscription(&subscription.slice(..end)).is_err(), "{end}");
        }
        for end in 1..assignment.len() {
            assert!(decode_assignment(&assignment.slice(..end)).is_err(), "{end}");
        }
        for end in 0..sticky.len() - 4 {
            assert_eq!(decode_sticky(&sticky.slice(..end)).0, BTreeSet::new(), "{end}");
        }
        assert!(decode_assignment(&Bytes::from_static(b"\0\x03\x7f\xff\xff\xff")).is_err());
        assert_eq!(decode_generation(&Bytes::from_static(b"\0\0")), -1);
    }
}
