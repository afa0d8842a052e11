//! `cargo +nightly fuzz run metadata-log`

#![no_main]

ottla_fuzz_targets::target!();
