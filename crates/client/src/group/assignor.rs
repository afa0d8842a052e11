//! Who gets which partitions: the assignors of the Java client, by the same names.
//!
//! Pure: the leader of a group calls [`assign`] with what the members said of themselves and how many partitions each
//! topic has. Members come in the order Kafka gives them: static ones by their instance id, then the others by member
//! id. The same input gives the same result, whoever leads.

mod range;
mod roundrobin;
mod sticky;
#[cfg(test)]
mod tests;

use super::protocol::{self, Subscription};
use crate::admin::PartitionKey;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// `partition.assignment.strategy`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignor {
    /// Of each topic a range of neighbours.
    Range,
    /// All partitions dealt like cards.
    RoundRobin,
    /// Even, and as much as possible where it was; everything is given back before each rebalance.
    Sticky,
    /// The same, and only what moves is given back (KIP-429).
    CooperativeSticky,
}

impl Assignor {
    pub const ALL: [Self; 4] = [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// Whether members may keep their partitions while the group rebalances.
    pub(crate) fn is_cooperative(self) -> bool {
        self == Self::CooperativeSticky
    }

    /// What it adds to a subscription. `held` is what the member last had, given back or not.
    pub(crate) fn user_data(self, held: &BTreeSet<PartitionKey>, generation: i32) -> Option<Bytes> {
        match self {
            Self::Range | Self::RoundRobin => None,
            Self::Sticky if held.is_empty() => None,
            Self::Sticky => protocol::encode_sticky(held, generation),
            Self::CooperativeSticky => Some(protocol::encode_generation(generation)),
        }
    }
}

/// One member as its leader sees it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub id: String,
    pub instance_id: Option<String>,
    pub subscription: Subscription,
}

pub(crate) type Assignments = BTreeMap<String, BTreeSet<PartitionKey>>;

/// `topics` holds how many partitions each topic has; one that is not there has none to give. Every member is in the
/// result.
pub(crate) fn assign(assignor: Assignor, members: &[Member], topics: &BTreeMap<String, i32>) -> Assignments {
    let mut members: Vec<&Member> = members.iter().collect();
    members.sort_by_key(|member| (member.instance_id.is_none(), &member.instance_id, &member.id));
    let given = match assignor {
        Assignor::Range => range::assign(&members, topics),
        Assignor::RoundRobin => roundrobin::assign(&members, topics),
        Assignor::Sticky => sticky::assign(&members, topics, Assignor::Sticky),
        Assignor::CooperativeSticky => {
            let wanted = sticky::assign(&members, topics, assignor);
            sticky::without_moving(&members, wanted)
        }
    };
    members.iter().zip(given).map(|(member, partitions)| (member.id.clone(), partitions)).collect()
}

/// What each member gets, in the order of the members.
type Given = Vec<BTreeSet<PartitionKey>>;

fn key(topic: &str, partition: i32) -> PartitionKey {
    PartitionKey { topic: topic.to_owned(), partition }
}
