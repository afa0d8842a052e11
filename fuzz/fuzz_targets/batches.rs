//! `cargo +nightly fuzz run batches`

#![no_main]

ottla_fuzz_targets::target!();
