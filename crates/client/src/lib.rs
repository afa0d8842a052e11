//! A Kafka client: connections, metadata, admin calls, an idempotent producer, consumers with and without a group.
//!
//! It works against any broker that speaks Kafka's protocol and must never know that ours exists. Sockets, time and
//! chance come in through `config::Surroundings`. Where to read on: `connection` (one socket), `cluster` (which socket),
//! `producer` and `consumer` (what flows through it), `group` (consumers that share topics). Every wait has a deadline, every buffer a bound.

mod admin;
mod client;
mod cluster;
pub mod config;
mod connection;
mod connections;
pub mod consumer;
mod errors;
pub mod group;
mod metadata;
pub mod partitioner;
pub mod producer;
mod retry;
#[cfg(test)]
mod testing;

pub use admin::{
    Admin, ApiRange, ClusterDescription, ConfigChange, ConfigEntry, ConfigResource, ConfigSource,
    CreatedTopic, DeleteBefore, FeatureLevels, GroupDescription, GroupMember, ListedGroup, ListedOffset,
    MemberToRemove, NewPartitions, NewTopic, NodeVersions, OffsetSpec, PartitionKey, ResourceType,
};
pub use client::Client;
pub use config::{ClientConfig, Surroundings};
pub use consumer::{Assignment, Consumer, ConsumerConfig, FetchedBatch, Isolation, OffsetReset, Start};
pub use errors::{ClientError, ErrorClass, class_of};
pub use group::{Assignor, CommittedOffset, GroupConfig, GroupConsumer, GroupEvent};
pub use metadata::{BrokerMetadata, PartitionMetadata, TopicMetadata};
pub use ottla_wire::ErrorCode;
pub use ottla_wire::batch::TimestampType;
pub use ottla_wire::compress::Codec;
pub use ottla_wire::record::{Header, Record};
pub use partitioner::Partitioner;
pub use producer::{Acks, Delivered, Delivery, Producer, ProducerConfig, ProducerRecord};
