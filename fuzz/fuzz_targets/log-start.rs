//! `cargo +nightly fuzz run log-start`

#![no_main]

ottla_fuzz_targets::target!();
