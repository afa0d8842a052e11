//! The only crate of Ottla that touches the operating system: clock, randomness, threads, files, sockets.
//!
//! Everything else receives these things as values (`Arc<dyn Disk>`, `Arc<dyn Clock>`, ...), so that a test or a
//! simulation can put its own in their place: a disk that loses power, a clock that stands still, a network in memory.
//! It must never know anything of Kafka. clippy.toml bans the functions behind these seams everywhere else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod clock;
mod controls;
pub mod disk;
pub mod host;
pub mod lanes;
pub mod net;
pub mod process;
pub mod rng;
pub mod task;
