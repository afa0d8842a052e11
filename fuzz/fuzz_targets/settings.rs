//! `cargo +nightly fuzz run settings`

#![no_main]

ottla_fuzz_targets::target!();
