//! So many mutations of its corpus for each target; what broke is told with the seed and the bytes that repeat it.

use crate::mutate::Mutator;
use crate::targets::Target;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of a failure that are printed.
const SHOWN: usize = 4_096;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub target: &'static str,
    pub seed: u64,
    pub number: usize,
    pub why: String,
    pub input: Vec<u8>,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { target, seed, number, why, input } = self;
        let hex: String = input.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
        write!(f, "{target}: {why}\nseed {seed}, input {number} of {} bytes: {hex}", input.len())
    }
}

impl std::error::Error for Broken {}

/// The corpus as it is, then mutations of it. How many inputs were tried.
pub fn run(target: &Target, seed: u64, count: usize) -> Result<usize, Box<Broken>> {
    let corpus = (target.corpus)();
    let mutator = Mutator::new(seed);
    for number in 0..corpus.len() + count {
        let input = corpus.get(number).cloned().unwrap_or_else(|| {
            let mut input = mutator.next(&corpus);
            // Without a right checksum most readers look no further.
            if mutator.below(4) > 0 {
                (target.repair)(&mut input);
            }
            input
        });
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(&input))) {
            let text = panic.downcast_ref::<String>().cloned();
            let why = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let why = why.unwrap_or_else(|| "a panic".to_owned());
            return Err(Box::new(Broken { target: target.name, seed, number, why, input }));
        }
    }
    Ok(corpus.len() + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_is_found_and_named() {
        let target = Target {
            name: "planted",
            corpus: || vec![vec![1, 2, 3, 4], vec![5; 20]],
            repair: |_| {},
            run: |input| assert!(input.len() != 3, "three bytes"),
        };
        let broken = run(&target, 1, 10_000).unwrap_err();
        assert_eq!((broken.why.as_str(), broken.input.len()), ("three bytes", 3));
        assert_eq!(run(&target, 1, 10_000).unwrap_err(), broken, "a seed repeats it");
        assert!(broken.to_string().contains("seed 1"));
    }
}
