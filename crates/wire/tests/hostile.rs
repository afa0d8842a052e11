//! Mutated messages: whatever the bytes are, decoding neither panics nor allocates beyond the budget of its frame.
//!
//! Every recorded row is cut, flipped, and given lengths that claim far more than is there. A counting allocator sees
//! the most that was held at once while one frame was decoded.

#![allow(unsafe_code, clippy::unwrap_used)]

use bytes::Bytes;
use ottla_wire::{DecodeBudget, Decoder, Message};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;

struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends frees its last blocks when the counters are gone.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the block came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Decode = fn(Bytes, i16) -> bool;

fn decode<M: Message>(frame: Bytes, version: i16) -> bool {
    M::read(&mut Decoder::new(frame), version).is_ok()
}

fn messages() -> BTreeMap<&'static str, Decode> {
    macro_rules! table {
        ($($message:path = $name:literal $key:literal;)+) => {
            BTreeMap::from([$(($name, decode::<$message> as Decode)),+])
        };
    }
    ottla_wire::each_message!(table)
}

/// The most that was held at once while a frame was decoded, beyond the frame.
fn held_by(decode: Decode, frame: Bytes, version: i16) -> (bool, usize) {
    let before = HELD.get();
    MOST.set(before);
    let read = decode(frame, version);
    (read, usize::try_from(MOST.get() - before).unwrap())
}

/// Numbers without pattern, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
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

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn no_bytes_make_a_decoder_panic_or_hold_more_than_its_budget() {
    let messages = messages();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&include_bytes!("golden/messages.jsonl.gz")[..])
        .read_to_string(&mut text)
        .unwrap();
    let mut numbers = Numbers(20_261_124);
    let (mut frames, mut read, mut fullest) = (0, 0, 0);
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let (name, version) = (row["message"].as_str().unwrap(), row["version"].as_i64().unwrap() as i16);
        let Some(decode) = messages.get(name) else { continue };
        let bytes = unhex(row["hex"].as_str().unwrap());
        for _ in 0..60 {
            let frame = Bytes::from(mutate(&bytes, &mut numbers));
            let budget = DecodeBudget::for_frame(frame.len()).limit();
            let (ok, held) = held_by(*decode, frame.clone(), version);
            assert!(held <= budget, "{name} v{version} held {held} bytes of {budget}: {frame:?}");
            frames += 1;
            read += usize::from(ok);
            fullest = fullest.max(held * 100 / budget);
        }
    }
    println!("{frames} frames, {read} of them readable, at most {fullest} % of a budget held");
    assert!(frames > 100_000 && read > 1_000);
}

#[test]
fn an_array_that_claims_everything_costs_nothing() {
    // Metadata 1: an array of 2^31-1 topics in a body of four bytes.
    let claim = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff]);
    let (read, held) = held_by(messages()["MetadataRequest"], claim, 1);
    assert!(!read && held < 1_024, "{held} bytes were held");
}
