//! The APIs of a broker in this process, on a disk and a network in memory: one request, one answer, and the quirks of
//! docs/protocol.md by their numbers.

#![allow(clippy::unwrap_used)]

mod admin;
mod ages;
#[path = "../partition_suite/by_hand.rs"]
mod by_hand;
mod cluster;
mod compaction;
mod compression;
mod configs;
mod connections;
mod fetch_sessions;
mod groups;
mod harness;
mod hostile;
mod leaving;
mod memory;
mod metrics;
mod partitions;
mod quotas;
mod records;
mod settings;
mod shorter;
mod starts;
mod throttling;
mod topics;
