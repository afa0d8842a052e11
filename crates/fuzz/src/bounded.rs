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

/// What was tried, and how much of it was read: readers that refuse everything show nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    pub inputs: usize,
    pub corpus_read: usize,
    pub mutations_read: usize,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { inputs, corpus_read, mutations_read } = self;
        write!(
            f,
            "{inputs} inputs, {corpus_read} of the corpus and {mutations_read} of its mutations were read"
        )
    }
}

/// The corpus as it is, then mutations of it.
pub fn run(target: &Target, seed: u64, count: usize) -> Result<Tried, Box<Broken>> {
    let corpus = (target.corpus)();
    let mut tried = Tried { inputs: corpus.len() + count, corpus_read: 0, mutations_read: 0 };
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
        match catch_unwind(AssertUnwindSafe(|| (target.run)(&input))) {
            Ok(read) if number < corpus.len() => tried.corpus_read += usize::from(read),
            Ok(read) => tried.mutations_read += usize::from(read),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let why = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let why = why.unwrap_or_else(|| "a panic".to_owned());
                return Err(Box::new(Broken { target: target.name, seed, number, why, input }));
            }
        }
    }
    Ok(tried)
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
            run: |input| {
                assert!(input.len() != 3, "three bytes");
                true
            },
        };
        let broken = run(&target, 1, 10_000).unwrap_err();
        assert_eq!((broken.why.as_str(), broken.input.len()), ("three bytes", 3));
        assert_eq!(run(&target, 1, 10_000).unwrap_err(), broken, "a seed repeats it");
        assert!(broken.to_string().contains("seed 1"));
    }

    #[test]
    fn what_is_read_is_counted_apart_from_what_is_refused() {
        let target = Target {
            name: "planted",
            corpus: || vec![vec![1, 2], vec![3; 20], vec![4]],
            repair: |_| {},
            run: |input| input.len() > 1,
        };
        let tried = run(&target, 1, 1_000).unwrap();
        assert_eq!((tried.inputs, tried.corpus_read), (1_003, 2));
        assert!((1..1_000).contains(&tried.mutations_read), "{tried}");
    }
}
