//! Where each key was written last: what a compaction has to know, in bounded memory.
//!
//! Keys are kept as 128 bits of two keyed hashes whose keys are another ones in every map, so that nobody can make two
//! keys meet; that two do by chance is less likely than a disk that lies. A full map learns no more keys: those records
//! are all kept.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Of the table at its largest.
const PLACES_MAX: usize = 1 << 21;
/// As many as fit the places; a table keeps an eighth of them free.
pub(crate) const KEYS_MAX: usize = PLACES_MAX / 8 * 7;
/// A key with its offset, and the byte by which the table finds it.
const PLACE_BYTES: usize = size_of::<([u64; 2], i64)>() + 1;
/// What a compaction takes for its keys at most. A table doubles when it is full, and the step to its last size has the
/// one before beside it.
pub const KEYS_BYTES_MAX: u64 = ((PLACES_MAX + PLACES_MAX / 2) * PLACE_BYTES) as u64;

#[derive(Debug)]
pub(crate) struct OffsetMap {
    hashers: [RandomState; 2],
    last: HashMap<[u64; 2], i64>,
    keys_max: usize,
}

impl OffsetMap {
    pub fn new(keys_max: usize) -> Self {
        Self { hashers: [RandomState::new(), RandomState::new()], last: HashMap::new(), keys_max }
    }

    fn digest(&self, key: &[u8]) -> [u64; 2] {
        [self.hashers[0].hash_one(key), self.hashers[1].hash_one(key)]
    }

    /// Notes a record; offsets ascend. False when there is no room for its key.
    pub fn note(&mut self, key: &[u8], offset: i64) -> bool {
        let digest = self.digest(key);
        let room = self.last.len() < self.keys_max;
        match self.last.get_mut(&digest) {
            Some(last) => *last = offset,
            None if room => drop(self.last.insert(digest, offset)),
            None => return false,
        }
        true
    }

    /// Whether a later record of the same key was noted.
    pub fn is_superseded(&self, key: &[u8], offset: i64) -> bool {
        self.last.get(&self.digest(key)).is_some_and(|last| *last > offset)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.last.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_all_keys_is_as_large_as_is_said() {
        let table: HashMap<[u64; 2], i64> = HashMap::with_capacity(KEYS_MAX);
        assert_eq!(table.capacity(), KEYS_MAX, "one key more takes twice the places");
        assert_eq!(KEYS_BYTES_MAX, 75 << 20, "docs/operating.md and the setting's text say it");
    }

    #[test]
    fn the_last_offset_of_a_key_counts_and_a_full_map_keeps_what_it_does_not_know() {
        let mut map = OffsetMap::new(2);
        assert!(map.note(b"a", 1) && map.note(b"b", 2) && map.note(b"a", 3));
        assert!(!map.note(b"c", 4), "there is no room");
        assert!(map.note(b"b", 5), "for a known key there is");
        let superseded = |key: &[u8], offset| map.is_superseded(key, offset);
        assert!(superseded(b"a", 1) && !superseded(b"a", 3) && superseded(b"b", 2));
        assert!(!superseded(b"c", 0) && map.len() == 2);
    }
}
