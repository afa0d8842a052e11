//! `roundrobin`: all partitions in order, dealt to the members in turn; a member that does not want one is passed over.

use super::{Given, Member, key};
use std::collections::BTreeMap;

pub(super) fn assign(members: &[&Member], topics: &BTreeMap<String, i32>) -> Given {
    let mut given = vec![std::collections::BTreeSet::new(); members.len()];
    let mut next = 0;
    for (topic, partitions) in topics {
        for partition in 0..*partitions {
            let turns = (0..members.len()).map(|turn| (next + turn) % members.len());
            let wanting = turns.into_iter().find(|i| members[*i].subscription.topics.contains(topic));
            let Some(member) = wanting else { break };
            given[member].insert(key(topic, partition));
            next = (member + 1) % members.len();
        }
    }
    given
}
