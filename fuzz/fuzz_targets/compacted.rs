//! `cargo +nightly fuzz run compacted`

#![no_main]

ottla_fuzz_targets::target!();
