//! `cargo +nightly fuzz run checkpoint`

#![no_main]

ottla_fuzz_targets::target!();
