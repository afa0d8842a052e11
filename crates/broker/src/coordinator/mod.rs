//! Coordinators: the state of groups, kept in internal topics and decided by pure machines.
//!
//! A [`shard`] owns the machine of one internal partition: it replays the partition, decides, appends, applies, and lets
//! answers go when they are durable. [`Groups`] knows the shards of `__consumer_offsets`. Nothing here knows of
//! connections or of how requests are written; partitions and the cluster's metadata are used, never the reverse.

pub mod controls;
mod groups;
mod replay;
mod shard;

pub use groups::{Groups, GroupsStart};
pub use shard::Refused;
