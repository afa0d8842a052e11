//! What rots, goes missing or turns read-only while nobody looks: damage is never served and never a reason to cut what
//! was promised (invariant I22; durability rules R6, R7, R9, R10).
//!
//! Each suite makes a disk, knows what was promised of it, breaks one thing, starts on that and asks for everything.
//! It returns how many cases it looked at; the first broken promise is the error.

pub mod flips;
pub mod indexes;
pub mod metadata;
pub mod read_only;
mod written;

use std::ops::Range;

/// All suites, and their cases by name.
pub fn all(seeds: Range<u64>) -> Result<Vec<(&'static str, usize)>, String> {
    Ok(vec![
        ("flipped bits", each(seeds.clone(), flips::suite)?),
        ("indexes deleted, damaged and swapped", each(seeds.clone(), indexes::suite)?),
        ("metadata cut and rotten", each(seeds.clone(), metadata::suite)?),
        ("read-only from the n-th operation on", each(seeds, read_only::suite)?),
    ])
}

/// A suite with each seed; the first broken promise names its own.
pub fn each(seeds: Range<u64>, suite: fn(u64) -> Result<usize, String>) -> Result<usize, String> {
    let mut cases = 0;
    for seed in seeds {
        cases += suite(seed).map_err(|error| format!("seed {seed}: {error}"))?;
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_neither_served_nor_cut() {
        let cases = all(0..1).unwrap();
        println!("{cases:?}");
        assert!(cases.iter().all(|(_, cases)| *cases > 50), "{cases:?}");
    }
}
