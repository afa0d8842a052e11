//! Every target with its corpus and mutations of it, always the same ones. `OTTLA_FUZZ_COUNT` asks for more of them,
//! `OTTLA_FUZZ_SEED` for others.

#![allow(clippy::unwrap_used)]

use ottla_fuzz::{TARGETS, bounded};

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn no_bytes_from_outside_break_a_promise() {
    let count = from_environment("OTTLA_FUZZ_COUNT", 1_000) as usize;
    let seed = from_environment("OTTLA_FUZZ_SEED", 1);
    let mut total = 0;
    for target in TARGETS {
        assert!(!(target.corpus)().is_empty(), "{} has nothing to begin with", target.name);
        let tried = bounded::run(target, seed, count).unwrap_or_else(|broken| panic!("{broken}"));
        println!("{}: {tried}", target.name);
        assert!(tried.corpus_read > 0 && tried.mutations_read > 0, "{}: {tried}", target.name);
        total += tried.inputs;
    }
    println!("{} targets, {total} inputs", TARGETS.len());
    assert!(total > TARGETS.len() * count);
}
