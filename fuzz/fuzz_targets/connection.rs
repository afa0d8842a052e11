//! `cargo +nightly fuzz run connection`

#![no_main]

ottla_fuzz_targets::target!();
