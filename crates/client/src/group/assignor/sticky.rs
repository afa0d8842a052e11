//! `sticky` and `cooperative-sticky`: even first, then as few moves as possible.
//!
//! Everybody keeps what is theirs, what is free goes to whoever has least, and then partitions move from who has most to
//! who has least while that makes it more even: each move lowers the sum of squares, so it ends.

use super::{Assignor, Given, Member, key};
use crate::admin::PartitionKey;
use crate::group::protocol;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn assign(members: &[&Member], topics: &BTreeMap<String, i32>, assignor: Assignor) -> Given {
    let mut given = kept(members, topics, assignor);
    let taken: BTreeSet<PartitionKey> = given.iter().flatten().cloned().collect();
    let mut free: Vec<(usize, PartitionKey)> = Vec::new();
    for (topic, partitions) in topics {
        let wanting = members.iter().filter(|member| member.subscription.topics.contains(topic)).count();
        let left = (0..*partitions).map(|partition| key(topic, partition)).filter(|key| !taken.contains(key));
        free.extend(left.filter(|_| wanting > 0).map(|key| (wanting, key)));
    }
    // Who can go to few places is placed first.
    free.sort();
    for (_, key) in free {
        let wanting = (0..members.len()).filter(|i| wants(members[*i], &key));
        if let Some(member) = wanting.min_by_key(|i| given[*i].len()) {
            given[member].insert(key);
        }
    }
    while let Some((from, to, key)) = move_that_evens(members, &given) {
        given[from].remove(&key);
        given[to].insert(key);
    }
    given
}

fn wants(member: &Member, key: &PartitionKey) -> bool {
    member.subscription.topics.contains(&key.topic)
}

/// What each says that it had, and in which generation.
fn claims(member: &Member, assignor: Assignor) -> (BTreeSet<PartitionKey>, i32) {
    let subscription = &member.subscription;
    let user_data = subscription.user_data.as_ref();
    match assignor {
        Assignor::CooperativeSticky => {
            let generation = match subscription.generation {
                -1 => user_data.map_or(-1, protocol::decode_generation),
                generation => generation,
            };
            (subscription.owned.clone(), generation)
        }
        _ => user_data.map(protocol::decode_sticky).unwrap_or((BTreeSet::new(), -1)),
    }
}

/// What each may keep. Of several who claim a partition the one of the newest generation has it; two of the same
/// generation are both wrong.
fn kept(members: &[&Member], topics: &BTreeMap<String, i32>, assignor: Assignor) -> Given {
    let mut owners: BTreeMap<PartitionKey, (i32, Option<usize>)> = BTreeMap::new();
    for (i, member) in members.iter().enumerate() {
        let (claimed, generation) = claims(member, assignor);
        for key in claimed {
            let is_there = topics.get(&key.topic).is_some_and(|count| (0..*count).contains(&key.partition));
            if !is_there {
                continue;
            }
            let owner = owners.entry(key).or_insert((generation, Some(i)));
            match owner.0.cmp(&generation) {
                std::cmp::Ordering::Less => *owner = (generation, Some(i)),
                std::cmp::Ordering::Equal if owner.1 != Some(i) => owner.1 = None,
                _ => {}
            }
        }
    }
    let mut given = vec![BTreeSet::new(); members.len()];
    for (key, (_, owner)) in owners {
        if let Some(owner) = owner.filter(|i| wants(members[*i], &key)) {
            given[owner].insert(key);
        }
    }
    given
}

fn move_that_evens(members: &[&Member], given: &Given) -> Option<(usize, usize, PartitionKey)> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|i| given[*i].len());
    for from in order.iter().rev() {
        for to in order.iter().take_while(|to| given[**to].len() + 1 < given[*from].len()) {
            if let Some(key) = given[*from].iter().rev().find(|key| wants(members[*to], key)) {
                return Some((*from, *to, key.clone()));
            }
        }
    }
    None
}

/// A partition that somebody else still reads goes to nobody in this round: its reader gives it back, which starts
/// another.
pub(super) fn without_moving(members: &[&Member], mut given: Given) -> Given {
    let read: BTreeSet<&PartitionKey> =
        members.iter().flat_map(|member| &member.subscription.owned).collect();
    for (member, partitions) in members.iter().zip(&mut given) {
        partitions.retain(|key| member.subscription.owned.contains(key) || !read.contains(key));
    }
    given
}
