//! `cargo +nightly fuzz run names`

#![no_main]

ottla_fuzz_targets::target!();
