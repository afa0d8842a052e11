//! Which states of a disk a power cut may leave: any subset of what no sync covered, and torn writes.
//!
//! Few pending operations are enumerated in all their subsets; of many, all-lost, all-kept, each prefix and a sample.
//! Beside that each write is torn at the borders of 512-byte and 4-KiB sectors that it crosses, either end surviving,
//! and is left as zeros where it made its file longer (the length is metadata, and may survive alone).

use super::image::{Image, Op, Outcome};
use ottla_env::rng::Rng;

/// Nothing of an operation that no sync covered is left.
pub const LOST: Outcome = Outcome::Lost;

/// Sectors that a device writes as a whole.
const SECTORS: [usize; 2] = [512, 4096];

/// Tears of one write that are told apart; of a large one those at its begin.
const BORDERS: usize = 32;

/// How many states of one moment are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Up to so many pending operations, all subsets. At most 12.
    pub exhaustive: usize,
    /// Of more: so many random states.
    pub sampled: usize,
    /// So many states with torn writes.
    pub torn: usize,
}

/// The outcomes of every state to be looked at, one for each pending operation of the image.
pub fn states(image: &Image, budget: Budget, rng: &dyn Rng) -> Vec<Vec<Outcome>> {
    let count = image.pending.len();
    let mut states = Vec::new();
    if count <= budget.exhaustive.min(12) {
        for subset in 0..1_u32 << count {
            states.push((0..count).map(|i| either(subset >> i & 1 == 1)).collect());
        }
    } else {
        states.push(vec![Outcome::Lost; count]);
        states.push(vec![Outcome::Kept; count]);
        for _ in 0..budget.sampled {
            // A prefix is what a disk without a cache of its own leaves; the rest is any order.
            let prefix = rng.below(2) == 0;
            let kept = rng.below(count as u64 + 1) as usize;
            states.push(
                (0..count).map(|i| either(if prefix { i < kept } else { rng.below(2) == 0 })).collect(),
            );
        }
    }
    let tears: Vec<(usize, Outcome)> =
        image.pending.iter().enumerate().flat_map(|(i, pending)| tears(&pending.op, i)).collect();
    for number in 0..budget.torn.min(tears.len()) {
        let all = tears.len() <= budget.torn;
        let (torn, outcome) = tears[if all { number } else { rng.below(tears.len() as u64) as usize }];
        let mut state: Vec<Outcome> = (0..count).map(|_| either(rng.below(4) > 0)).collect();
        state[torn] = outcome;
        states.push(state);
    }
    states
}

/// One random state.
pub fn any_state(image: &Image, rng: &dyn Rng) -> Vec<Outcome> {
    let budget = Budget { exhaustive: 0, sampled: 2, torn: 2 };
    let mut states = states(image, budget, rng);
    let chosen = rng.below(states.len() as u64) as usize;
    states.swap_remove(chosen)
}

fn either(kept: bool) -> Outcome {
    if kept { Outcome::Kept } else { Outcome::Lost }
}

fn tears(op: &Op, number: usize) -> Vec<(usize, Outcome)> {
    let Op::Write { position, bytes, .. } = op else { return Vec::new() };
    let mut found = vec![(number, Outcome::Zeros)];
    for sector in SECTORS {
        let mut border = (position / sector + 1) * sector;
        while border < position + bytes.len() && found.len() < BORDERS {
            found.push((number, Outcome::Head(border - position)));
            found.push((number, Outcome::Tail(border - position)));
            border += sector;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::SimDisk;
    use super::*;
    use ottla_env::disk::{Disk, OpenMode};
    use ottla_env::rng::SeededRng;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn contents(disk: &SimDisk) -> Option<Vec<u8>> {
        disk.read(Path::new("/f"), 1 << 20).ok()
    }

    fn all(disk: &SimDisk, budget: Budget) -> BTreeSet<Option<Vec<u8>>> {
        let image = disk.image();
        let states = states(&image, budget, &SeededRng::new(1));
        states.iter().map(|state| contents(&SimDisk::of(image.after_cut(state)))).collect()
    }

    #[test]
    fn every_subset_of_what_was_not_synced_may_be_left() {
        let disk = SimDisk::default();
        let file = disk.open(Path::new("/f"), OpenMode::Write).unwrap();
        let budget = Budget { exhaustive: 12, sampled: 0, torn: 0 };
        file.write_all_at(b"a", 0).unwrap();
        file.sync_data().unwrap();
        assert_eq!(all(&disk, budget), [None, Some(b"a".to_vec())].into(), "the name is apart from the data");
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(all(&disk, budget), [Some(b"a".to_vec())].into());
        file.write_all_at(b"b", 1).unwrap();
        file.write_all_at(b"c", 2).unwrap();
        let left = [&b"a"[..], b"ab", b"a\0c", b"abc"].map(|bytes| Some(bytes.to_vec()));
        assert_eq!(all(&disk, budget), left.into());
    }

    #[test]
    fn writes_tear_at_sectors_and_leave_zeros() {
        let disk = SimDisk::default();
        let file = disk.open(Path::new("/f"), OpenMode::Write).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        file.write_all_at(&[1; 700], 0).unwrap();
        let left = all(&disk, Budget { exhaustive: 1, sampled: 0, torn: 100 });
        let head = [1; 512].to_vec();
        let tail = [[0; 512].to_vec(), [1; 188].to_vec()].concat();
        for expected in [head, tail, vec![0; 700], Vec::new(), vec![1; 700]] {
            assert!(left.contains(&Some(expected)));
        }
    }

    #[test]
    fn a_rename_is_one_step_and_is_not_durable_before_its_directory_is() {
        let disk = SimDisk::default();
        disk.replace(Path::new("/f"), b"old").unwrap();
        let next = disk.open(Path::new("/next"), OpenMode::Write).unwrap();
        next.write_all_at(b"new", 0).unwrap();
        next.sync_data().unwrap();
        disk.rename(Path::new("/next"), Path::new("/f")).unwrap();
        let budget = Budget { exhaustive: 12, sampled: 0, torn: 0 };
        assert_eq!(all(&disk, budget), [Some(b"old".to_vec()), Some(b"new".to_vec())].into());
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(all(&disk, budget), [Some(b"new".to_vec())].into());
    }

    #[test]
    fn what_a_failed_sync_covered_is_never_synced_again() {
        let disk = SimDisk::default();
        let file = disk.open(Path::new("/f"), OpenMode::Write).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        file.write_all_at(b"a", 0).unwrap();
        disk.fail_next(super::super::OpKind::Sync, 5);
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        let budget = Budget { exhaustive: 12, sampled: 0, torn: 0 };
        assert_eq!(all(&disk, budget), [Some(Vec::new()), Some(b"a".to_vec())].into());
        // It is still in the page cache, until that is dropped; what was written since is the cache's own.
        assert_eq!(contents(&disk), Some(b"a".to_vec()));
        file.write_all_at(b"b", 1).unwrap();
        file.drop_cache().unwrap();
        assert_eq!(contents(&disk), Some(b"\0b".to_vec()));
        file.sync_data().unwrap();
        assert_eq!(all(&disk, budget), [Some(b"\0b".to_vec())].into());
    }
}
