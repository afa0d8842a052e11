//! Mutations of real bytes, all from one seed: cut, flipped, repeated, spliced with others, and with numbers that claim
//! far more than is there.

use ottla_env::rng::{Rng, SeededRng};

/// Nothing gets longer than this by mutation.
const MAX_LEN: usize = 1 << 17;

const CLAIMS: [&[u8]; 10] = [
    &[0x7f, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff],
    &[0x80, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0x80, 0x80, 0x80, 0x80, 0x08],
    &[0x00, 0x0f, 0x42, 0x40],
    &[0x7f, 0xff],
    &[0xff, 0xff],
    &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x80, 0, 0, 0, 0, 0, 0, 0],
];

#[derive(Debug)]
pub struct Mutator {
    rng: SeededRng,
}

impl Mutator {
    pub fn new(seed: u64) -> Self {
        Self { rng: SeededRng::new(seed) }
    }

    pub fn below(&self, bound: usize) -> usize {
        usize::try_from(self.rng.below(bound.max(1) as u64)).unwrap_or(0)
    }

    /// One of the seeds as it is, or changed at up to four places.
    pub fn next(&self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let Some(seed) = seeds.get(self.below(seeds.len())) else { return Vec::new() };
        let mut bytes = seed.clone();
        for _ in 0..self.below(5) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(MAX_LEN);
        bytes
    }

    fn change(&self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let to = (at + self.below(40)).min(bytes.len());
        match self.below(8) {
            0 => bytes.truncate(at),
            1 | 2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            3 => {
                let claim = CLAIMS[self.below(CLAIMS.len())];
                let end = (at + claim.len()).min(bytes.len());
                drop(bytes.splice(at..end, claim.iter().copied()));
            }
            4 => {
                let piece = bytes[at..to].repeat(1 + self.below(100));
                drop(bytes.splice(at..at, piece));
            }
            5 => drop(bytes.drain(at..to)),
            6 => {
                let value = [0, 1, 0x7f, 0x80, 0xff][self.below(5)];
                bytes[at..to].fill(value);
            }
            _ => {
                let Some(other) = seeds.get(self.below(seeds.len())).filter(|other| !other.is_empty()) else {
                    return;
                };
                let from = self.below(other.len());
                let piece = &other[from..(from + self.below(200)).min(other.len())];
                drop(bytes.splice(at..to, piece.iter().copied()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_mutations_and_most_of_them_change_something() {
        let seeds = vec![b"one thing".to_vec(), vec![7; 300]];
        let run = || {
            let mutator = Mutator::new(3);
            (0..200).map(|_| mutator.next(&seeds)).collect::<Vec<_>>()
        };
        let (first, second) = (run(), run());
        assert_eq!(first, second);
        let changed = first.iter().filter(|bytes| !seeds.contains(bytes)).count();
        assert!((100..200).contains(&changed), "{changed}");
        assert!(first.iter().all(|bytes| bytes.len() <= MAX_LEN));
    }
}
