//! Every decision about the cluster's metadata and about consumer groups, as pure functions and machines.
//!
//! The metadata is an immutable value; groups are a machine that is replayed from its own records ([`effects`]).
//!
//! [`Image`] is the metadata at one instant, [`Change`] one step to the next one, and [`controller::decide`] says which
//! steps a command asks for. Nothing here reads a clock, a disk or a random number: time and identifiers come in as
//! arguments. So a decision can be replayed, and an image rebuilt from stored changes equals the one that was live.
//! What is absent: files, tasks, sockets, and the settings themselves (their check is passed in).

pub mod change;
pub mod controller;
pub mod controls;
pub mod effects;
pub mod fields;
pub mod group;
pub mod image;
pub mod quota;
pub mod rate;
pub mod token_bucket;
pub mod topic_name;

pub use change::{Change, EntryError};
pub use image::{Broker, Cluster, DeletedTopic, Endpoint, Image, Partition, StorageClass, Topic};
pub use ottla_wire::Uuid;

/// A topic's identity; a topic of the same name that is created later has another one.
pub type TopicId = Uuid;
/// A broker's number.
pub type NodeId = i32;
