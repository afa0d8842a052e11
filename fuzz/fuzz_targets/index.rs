//! `cargo +nightly fuzz run index`

#![no_main]

ottla_fuzz_targets::target!();
