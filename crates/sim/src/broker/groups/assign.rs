//! What a leader of ours decides, and what members write to each other through the coordinator.
//!
//! The eager way deals all partitions anew. The cooperative way leaves a partition where it is, gives it up first where
//! it has to move, and gives it to another member in the next generation.

use crate::broker::workload::{name_of, number_of};
use crate::checker::Place;
use bytes::Bytes;
use ottla_wire::codec::{Codec, EncodeError};
use ottla_wire::messages::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartitionConsumerProtocolAssignment,
    TopicPartitionConsumerProtocolSubscription,
};
use ottla_wire::{DecodeError, Decoder, Encoder, Message, Version};
use std::collections::{BTreeMap, BTreeSet};

const INT: Version = Version { number: 0, flexible: false };

/// Of each member, by what it is known by.
pub type Plan = BTreeMap<String, Vec<Place>>;

/// What a member says that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    pub places: Vec<Place>,
    /// In which it was given them; -1 for none.
    pub generation: i32,
}

pub fn deal(members: &BTreeSet<String>, places: &[Place], generation: i32) -> Plan {
    let mut plan: Plan = members.iter().map(|member| (member.clone(), Vec::new())).collect();
    let all: Vec<&String> = members.iter().collect();
    // Another beginning each time, so that partitions move.
    let first = usize::try_from(generation).unwrap_or(0);
    for (number, place) in places.iter().enumerate() {
        if let Some(given) = plan.get_mut(all[(first + number) % all.len()]) {
            given.push(*place);
        }
    }
    plan
}

pub fn move_slowly(members: &BTreeMap<String, Holding>, places: &[Place]) -> Plan {
    let mut holders = BTreeMap::<Place, (i32, &String)>::new();
    for (member, holding) in members {
        for place in &holding.places {
            let claim = (holding.generation, member);
            let holder = holders.entry(*place).or_insert(claim);
            *holder = claim.max(*holder);
        }
    }
    let most = places.len().div_ceil(members.len().max(1));
    let mut plan: Plan = members.keys().map(|member| (member.clone(), Vec::new())).collect();
    let mut free = Vec::new();
    for place in places {
        match holders.get(place) {
            Some((_, holder)) => {
                // Beyond its share it gives the partition up, and nobody has it in this generation.
                if let Some(given) = plan.get_mut(*holder).filter(|given| given.len() < most) {
                    given.push(*place);
                }
            }
            None => free.push(*place),
        }
    }
    for place in free {
        let least = plan.iter_mut().min_by_key(|(_, given)| given.len());
        if let Some((_, given)) = least {
            given.push(place);
        }
    }
    plan.values_mut().for_each(|given| given.sort_unstable());
    plan
}

pub fn by_topic(places: &[Place]) -> BTreeMap<u32, Vec<i32>> {
    let mut topics = BTreeMap::<u32, Vec<i32>>::new();
    for place in places {
        topics.entry(place.topic).or_default().push(place.partition);
    }
    topics
}

fn places_of<'a>(topics: impl Iterator<Item = (&'a str, &'a [i32])>) -> Option<Vec<Place>> {
    let mut places = Vec::new();
    for (name, partitions) in topics {
        let topic = number_of(name)?;
        places.extend(partitions.iter().map(|partition| Place { topic, partition: *partition }));
    }
    places.sort_unstable();
    Some(places)
}

fn encode<M: Message>(body: &M) -> Result<Bytes, EncodeError> {
    let mut encoder = Encoder::new();
    M::VERSIONS.1.encode(&mut encoder, INT);
    body.write(&mut encoder, M::VERSIONS.1);
    Ok(encoder.finish()?.to_bytes())
}

fn decode<M: Message>(bytes: &Bytes) -> Result<M, DecodeError> {
    let mut decoder = Decoder::new(bytes.clone());
    let version = i16::decode(&mut decoder, INT)?;
    M::read(&mut decoder, version)
}

pub fn subscription(topics: u32, holding: &Holding) -> Result<Bytes, EncodeError> {
    let owned = by_topic(&holding.places).into_iter().map(|(topic, partitions)| {
        TopicPartitionConsumerProtocolSubscription { topic: name_of(topic).as_str().into(), partitions }
    });
    encode(&ConsumerProtocolSubscription {
        topics: (0..topics).map(|topic| name_of(topic).as_str().into()).collect(),
        owned_partitions: owned.collect(),
        generation_id: holding.generation,
        ..Default::default()
    })
}

/// `None`: these are not the bytes of one.
pub fn holding_of(subscription: &Bytes) -> Option<Holding> {
    let said: ConsumerProtocolSubscription = decode(subscription).ok()?;
    let topics =
        said.owned_partitions.iter().map(|owned| (owned.topic.as_str(), owned.partitions.as_slice()));
    Some(Holding { places: places_of(topics)?, generation: said.generation_id })
}

pub fn assignment(places: &[Place]) -> Result<Bytes, EncodeError> {
    let topics = by_topic(places).into_iter().map(|(topic, partitions)| {
        TopicPartitionConsumerProtocolAssignment { topic: name_of(topic).as_str().into(), partitions }
    });
    encode(&ConsumerProtocolAssignment { assigned_partitions: topics.collect(), ..Default::default() })
}

/// No bytes at all are an empty one.
pub fn places_in(assignment: &Bytes) -> Option<Vec<Place>> {
    if assignment.is_empty() {
        return Some(Vec::new());
    }
    let given: ConsumerProtocolAssignment = decode(assignment).ok()?;
    let topics = given.assigned_partitions.iter();
    places_of(topics.map(|topic| (topic.topic.as_str(), topic.partitions.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(count: i32) -> Vec<Place> {
        (0..count).map(|partition| Place { topic: 0, partition }).collect()
    }

    fn all(plan: &Plan) -> Vec<Place> {
        let mut all: Vec<Place> = plan.values().flatten().copied().collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn everything_is_dealt_and_moves_with_the_generations() {
        let members: BTreeSet<String> = ["a", "b", "c"].map(str::to_owned).into();
        let plans = [1, 2].map(|generation| deal(&members, &places(4), generation));
        for plan in &plans {
            assert_eq!(all(plan), places(4));
        }
        assert_ne!(plans[0], plans[1]);
    }

    #[test]
    fn what_moves_belongs_to_nobody_for_one_generation() {
        for count in 0..7 {
            let mut members: BTreeMap<String, Holding> =
                ["a", "b", "c"].map(|member| (member.to_owned(), Holding::default())).into();
            members.insert("a".to_owned(), Holding { places: places(count), generation: 1 });
            let mut moving = Vec::new();
            for generation in 2..4 {
                let plan = move_slowly(&members, &places(count));
                for (member, given) in plan.clone() {
                    let before = &members[&member].places;
                    let taken = given.iter().filter(|place| !before.contains(place));
                    let others = members.iter().filter(|(other, _)| **other != member);
                    let held: Vec<Place> = others.flat_map(|(_, holding)| holding.places.clone()).collect();
                    assert!(taken.clone().all(|place| !held.contains(place)), "{count}: {member} {given:?}");
                    members.insert(member, Holding { places: given, generation });
                }
                moving.push(places(count).len() - all(&plan).len());
            }
            assert_eq!(moving[1], 0, "{count}");
        }
    }

    #[test]
    fn of_two_that_claim_a_partition_the_later_generation_is_believed() {
        let members = [("a", 3), ("b", 2)]
            .map(|(member, generation)| (member.to_owned(), Holding { places: places(1), generation }));
        let plan = move_slowly(&members.into(), &places(1));
        assert_eq!(plan["a"], places(1));
        assert!(plan["b"].is_empty());
    }

    #[test]
    fn what_members_write_is_read_again() {
        let holding = Holding { places: places(3), generation: 7 };
        assert_eq!(holding_of(&subscription(1, &holding).unwrap()), Some(holding));
        assert_eq!(places_in(&assignment(&places(3)).unwrap()), Some(places(3)));
        assert_eq!(places_in(&Bytes::new()), Some(Vec::new()));
        assert_eq!(places_in(&Bytes::from_static(b"\0")), None);
    }
}
