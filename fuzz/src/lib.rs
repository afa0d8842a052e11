//! The targets of `crates/fuzz` for cargo-fuzz, which looks for inputs by the code they reach. One file in
//! `fuzz_targets/` for each; nothing here says what a target promises.

use ottla_fuzz::{Target, targets};

/// The whole of a file in `fuzz_targets/`: the target of the file's name.
#[macro_export]
macro_rules! target {
    () => {
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::throw(env!("CARGO_BIN_NAME"), input));
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            let size = libfuzzer_sys::fuzzer_mutate(data, size, max_size);
            $crate::repair(env!("CARGO_BIN_NAME"), &mut data[..size], seed);
            size
        });
    };
}

fn find(name: &str) -> &'static Target {
    targets::find(name).expect("every file here is that of a target, as `cargo xtask tidy` sees")
}

/// Panics when a promise is broken. What was refused stays in the corpus: it may have reached new code.
pub fn throw(name: &str, input: &[u8]) {
    (find(name).run)(input);
}

/// Without a right checksum most readers look no further.
pub fn repair(name: &str, input: &mut [u8], seed: u32) {
    if !seed.is_multiple_of(4) {
        (find(name).repair)(input);
    }
}
