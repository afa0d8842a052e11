//! `cargo +nightly fuzz run messages`

#![no_main]

ottla_fuzz_targets::target!();
