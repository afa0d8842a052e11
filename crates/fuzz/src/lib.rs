//! What every reader of bytes from outside is thrown at: one function for each, which takes any bytes and panics when a
//! promise is broken.
//!
//! The promises: no panic, no more memory than the reader's own bound, and what was read is written and read again as
//! the same. [`TARGETS`] names them all. [`bounded`] throws mutations of real bytes at them (`tests/bounded.rs`, and
//! `ottla-fuzz run` for more of them); cargo-fuzz looks for inputs by itself (the folder `fuzz/` at the root, with a file for
//! each target). A running broker is thrown at by `cargo xtask fuzz --live`, with the requests of
//! the same corpus and mutations of them ([`frames`]).

pub mod bounded;
pub mod corpus;
pub mod frames;
pub mod memory;
pub mod mutate;
pub mod targets;

pub use targets::{TARGETS, Target};
