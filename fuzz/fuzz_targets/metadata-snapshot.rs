//! `cargo +nightly fuzz run metadata-snapshot`

#![no_main]

ottla_fuzz_targets::target!();
