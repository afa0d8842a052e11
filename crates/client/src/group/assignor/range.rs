//! `range`: of each topic every subscriber gets neighbours, the first ones one more where it does not divide.

use super::{Given, Member, key};
use std::collections::BTreeMap;

pub(super) fn assign(members: &[&Member], topics: &BTreeMap<String, i32>) -> Given {
    let mut given = vec![std::collections::BTreeSet::new(); members.len()];
    for (topic, partitions) in topics {
        let subscribers: Vec<usize> =
            (0..members.len()).filter(|i| members[*i].subscription.topics.contains(topic)).collect();
        let Ok(count) = i32::try_from(subscribers.len()) else { continue };
        if count == 0 {
            continue;
        }
        let (each, more) = (partitions / count, partitions % count);
        let mut next = 0;
        for (member, place) in subscribers.into_iter().zip(0..) {
            let end = next + each + i32::from(place < more);
            given[member].extend((next..end).map(|partition| key(topic, partition)));
            next = end;
        }
    }
    given
}
