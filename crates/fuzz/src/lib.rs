//! What every reader of bytes from outside is thrown at: one function for each, which takes any bytes and panics when a
//! promise is broken.
//!
//! The promises: no panic, no more memory than the reader's own bound, and what was read is written and read again as
//! the same. [`TARGETS`] names them all. They are used three ways: by [`bounded`] with mutations of real bytes
//! (`tests/bounded.rs`, and `ottla-fuzz run` for more of them), by cargo-fuzz (the folder `fuzz/` at the root), and the
//! corpus alone is thrown at a running broker by `cargo xtask fuzz --live` ([`frames`]).

pub mod bounded;
pub mod corpus;
pub mod frames;
pub mod memory;
pub mod mutate;
pub mod targets;

pub use targets::{TARGETS, Target};
