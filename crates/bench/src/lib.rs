//! The load generator behind `ottla bench`: prepared load, the loops that send and read it, and what comes out.
//!
//! It talks to any broker through Kafka's protocol and knows nothing of ours. The generator must cost next to nothing
//! beside the broker it measures, so batches are encoded before the clock starts and answers are only looked at, not
//! taken apart. Start with `replay` (produce), `drain` (fetch) and `groups` (members that come and go); `probe` and
//! `commits` look at a broker that is just starting; `figures` and `series` say what was measured. Nothing here starts or kills a
//! process.

pub mod commits;
mod connection;
pub mod crowd;
pub mod drain;
pub mod e2e;
pub mod figures;
mod frames;
pub mod groups;
mod layout;
mod load;
pub mod openloop;
pub mod partitions;
#[cfg(test)]
mod peer;
pub mod probe;
mod progress;
pub mod replay;
pub mod series;
pub mod usage;

pub use connection::Address;
pub use layout::{Layout, own_topic, own_topic_with};
pub use progress::Progress;
