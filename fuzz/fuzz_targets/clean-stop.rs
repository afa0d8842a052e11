//! `cargo +nightly fuzz run clean-stop`

#![no_main]

ottla_fuzz_targets::target!();
