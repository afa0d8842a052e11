//! `cargo +nightly fuzz run format`

#![no_main]

ottla_fuzz_targets::target!();
