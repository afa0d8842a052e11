//! `cargo +nightly fuzz run group-operations`

#![no_main]

ottla_fuzz_targets::target!();
