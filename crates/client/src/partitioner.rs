//! Which partition a record goes to.
//!
//! The default is the Java client's: murmur2 of the key; records without a key fill one partition's batch, then move on
//! to the next, so that batches are full instead of many. A record that names its partition is never asked about.

use ottla_env::rng::Rng;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// What a choice may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub topic: &'a str,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// Partitions of the topic, 1 or more.
    pub partitions: i32,
}

pub trait Partitioner: Debug + Send + Sync {
    /// A partition in `0..partitions`. Anything else fails the record.
    fn partition(&self, candidate: &Candidate<'_>) -> i32;

    /// A batch of the partition is full or on its way: the moment to move on.
    fn batch_closed(&self, _topic: &str, _partition: i32) {}
}

/// Topics whose place is remembered; a producer to more starts anew.
const STICKY_TOPICS_MAX: usize = 10_000;

/// Kafka's default.
#[derive(Debug)]
pub struct DefaultPartitioner {
    rng: Arc<dyn Rng>,
    /// Where records without a key go at the moment, by topic.
    sticky: Mutex<BTreeMap<String, i32>>,
}

impl DefaultPartitioner {
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self { rng, sticky: Mutex::new(BTreeMap::new()) }
    }
}

impl Partitioner for DefaultPartitioner {
    fn partition(&self, candidate: &Candidate<'_>) -> i32 {
        if let Some(key) = candidate.key {
            return of_hash(murmur2(key), candidate.partitions);
        }
        let mut sticky = self.sticky.lock().expect("no holder of this lock can panic");
        if let Some(partition) = sticky.get_mut(candidate.topic) {
            *partition = partition.rem_euclid(candidate.partitions.max(1));
            return *partition;
        }
        // Many producers that start together must not all begin with partition 0.
        let first = self.rng.below(u64::try_from(candidate.partitions.max(1)).unwrap_or(1)) as i32;
        if sticky.len() >= STICKY_TOPICS_MAX {
            sticky.clear();
        }
        sticky.insert(candidate.topic.to_owned(), first);
        first
    }

    fn batch_closed(&self, topic: &str, partition: i32) {
        let mut sticky = self.sticky.lock().expect("no holder of this lock can panic");
        // Only the batch that records without a key were filling: a full batch of keyed ones moves nobody.
        if let Some(current) = sticky.get_mut(topic)
            && *current == partition
        {
            *current = partition.wrapping_add(1);
        }
    }
}

/// Every record to the next partition, whatever its key.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: Mutex<BTreeMap<String, i32>>,
}

impl Partitioner for RoundRobin {
    fn partition(&self, candidate: &Candidate<'_>) -> i32 {
        let mut next = self.next.lock().expect("no holder of this lock can panic");
        if next.len() >= STICKY_TOPICS_MAX {
            next.clear();
        }
        let place = next.entry(candidate.topic.to_owned()).or_default();
        let partition = *place % candidate.partitions.max(1);
        *place = (partition + 1) % candidate.partitions.max(1);
        partition
    }
}

/// The hash's partition, as Java does it: the sign is cut off, not turned.
pub fn of_hash(hash: i32, partitions: i32) -> i32 {
    (hash & i32::MAX) % partitions.max(1)
}

/// Java's `Utils.murmur2`: 32-bit murmur2 with the seed 0x9747b28c.
pub fn murmur2(bytes: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    let mut h = SEED ^ bytes.len() as u32;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let mut k = word.iter().rev().fold(0_u32, |k, byte| k << 8 | u32::from(*byte)).wrapping_mul(M);
        k ^= k >> R;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        h ^= rest.iter().rev().fold(0_u32, |k, byte| k << 8 | u32::from(*byte));
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    (h ^ h >> 15) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_env::rng::SeededRng;

    #[test]
    fn keys_of_other_clients_tests_go_where_those_expect_them() {
        for (key, three, sixteen) in [("blah", 0, 5), ("user-123", 2, 4), ("hejsan", 1, 5), ("23456", 2, 15)]
        {
            let hash = murmur2(key.as_bytes());
            assert_eq!((of_hash(hash, 3), of_hash(hash, 16)), (three, sixteen), "{key}");
        }
    }

    #[test]
    fn records_without_a_key_stay_until_a_batch_is_closed_and_then_move_on() {
        let partitioner = DefaultPartitioner::new(Arc::new(SeededRng::new(3)));
        let keyless = Candidate { topic: "t", key: None, value: None, partitions: 4 };
        let first = partitioner.partition(&keyless);
        assert_eq!(partitioner.partition(&keyless), first);
        partitioner.batch_closed("t", (first + 1) % 4);
        assert_eq!(partitioner.partition(&keyless), first, "somebody else's batch");
        let mut seen = vec![first];
        for _ in 0..4 {
            partitioner.batch_closed("t", partitioner.partition(&keyless));
            seen.push(partitioner.partition(&keyless));
        }
        assert_eq!(seen[4], first);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    #[test]
    fn round_robin_ignores_keys() {
        let partitioner = RoundRobin::default();
        let keyed = Candidate { topic: "t", key: Some(b"k"), value: None, partitions: 3 };
        let places: Vec<i32> = (0..6).map(|_| partitioner.partition(&keyed)).collect();
        assert_eq!(places, [0, 1, 2, 0, 1, 2]);
    }
}
