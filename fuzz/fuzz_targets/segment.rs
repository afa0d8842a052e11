//! `cargo +nightly fuzz run segment`

#![no_main]

ottla_fuzz_targets::target!();
