//! `cargo +nightly fuzz run group-records`

#![no_main]

ottla_fuzz_targets::target!();
