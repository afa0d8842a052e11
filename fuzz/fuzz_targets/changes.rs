//! `cargo +nightly fuzz run changes`

#![no_main]

ottla_fuzz_targets::target!();
