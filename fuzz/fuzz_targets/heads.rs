//! `cargo +nightly fuzz run heads`

#![no_main]

ottla_fuzz_targets::target!();
