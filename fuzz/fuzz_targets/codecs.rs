//! `cargo +nightly fuzz run codecs`

#![no_main]

ottla_fuzz_targets::target!();
