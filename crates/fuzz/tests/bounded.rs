//! Every target with its corpus and mutations of it, always the same ones. `OTTLA_FUZZ_COUNT` asks for more of them,
//! `OTTLA_FUZZ_SEED` for others.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use ottla_fuzz::mutate::Mutator;
use ottla_fuzz::targets::find;
use ottla_fuzz::{TARGETS, bounded, memory};
use ottla_wire::messages::metadata::MetadataRequest;
use ottla_wire::{Decoder, Message};

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

/// Harder than a `Mutator` does: pieces that repeat hundreds of times, and thousands of bytes behind the end.
fn mutate(bytes: &[u8], numbers: &Mutator) -> Vec<u8> {
    const CLAIMS: [&[u8]; 5] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0x80, 0x80, 0x80, 0x80, 0x08],
        &[0x00, 0x0f, 0x42, 0x40],
        &[0x7f, 0xff],
    ];
    let mut bytes = bytes.to_vec();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(bytes.len());
        match numbers.below(5) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.below(8),
            2 => {
                let claim = CLAIMS[numbers.below(CLAIMS.len())];
                let end = (at + claim.len()).min(bytes.len());
                bytes.splice(at..end, claim.iter().copied());
            }
            3 => {
                let piece: Vec<u8> = bytes[at..(at + 16).min(bytes.len())].repeat(1 + numbers.below(200));
                bytes.splice(at..at, piece);
            }
            _ => bytes.extend(std::iter::repeat_n(numbers.below(3) as u8, numbers.below(5_000))),
        }
    }
    bytes
}

/// Every recorded message, each changed many times: a row of its own is not drawn often enough among thousands.
#[test]
fn no_recorded_message_makes_its_decoder_panic_or_hold_more_than_its_budget() {
    const HEAD: usize = 4;
    let messages = find("messages").unwrap();
    let numbers = Mutator::new(20_261_124);
    let (mut frames, mut read) = (0, 0);
    for row in (messages.corpus)() {
        let (head, body) = row.split_at(HEAD);
        for _ in 0..60 {
            let changed = mutate(body, &numbers);
            frames += 1;
            read += usize::from((messages.run)(&[head, &changed].concat()));
        }
    }
    println!("{frames} frames, {read} of them readable");
    assert!(frames > 100_000 && read > 1_000, "{frames} frames, {read} of them readable");
}

#[test]
fn an_array_that_claims_everything_costs_nothing() {
    // Metadata 1: an array of 2^31-1 topics in a body of four bytes.
    let claim = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff]);
    let read =
        memory::within(1_023, "a claim", || MetadataRequest::read(&mut Decoder::new(claim), 1).is_ok());
    assert!(!read);
}
