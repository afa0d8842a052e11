//! What handlers work with: exactly this, and the facts of the connection.

use crate::advertise::Advertised;
use crate::budget::Budget;
use crate::cluster::{ControllerClient, Metadata, ProducerIds};
use crate::coordinator::Groups;
use crate::handlers::fetch::sessions::FetchSessions;
use crate::metrics::Metrics;
use crate::partition::{Partition, Registry};
use crate::quotas::Quotas;
use crate::settings::LiveSettings;
use ottla_env::clock::Clock;
use ottla_state::image::Topic;
use ottla_state::{Image, NodeId};
use ottla_wire::{ErrorCode, Uuid, WireStr};
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Debug)]
pub struct Context {
    pub node: NodeId,
    pub settings: Arc<LiveSettings>,
    pub registry: Registry,
    pub metadata: Arc<Metadata>,
    pub controller: ControllerClient,
    pub producer_ids: Arc<ProducerIds>,
    pub fetch_sessions: FetchSessions,
    /// What small requests are decoded to, and those that are read ahead, beyond what each has for itself.
    pub requests: Budget,
    /// Answers on their way to clients.
    pub answers: Budget,
    pub groups: Arc<Groups>,
    pub quotas: Arc<Quotas>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// True from the moment the broker stops.
    pub stopping: watch::Receiver<bool>,
}

/// One client's connection, as far as an answer depends on it.
#[derive(Debug, Clone)]
pub struct Client {
    pub listener: Arc<str>,
    pub advertised: Arc<Advertised>,
    /// Where the client is, as Kafka writes an address: `/127.0.0.1`.
    pub host: Arc<str>,
    /// True from the moment the client sends nothing any more.
    pub left: watch::Receiver<bool>,
}

impl Client {
    /// What comes of something that takes long; `None`: the client sends nothing any more, so nobody waits for it.
    pub fn awaits<F: Future>(&self, awaited: F) -> impl Future<Output = Option<F::Output>> + use<F> {
        let mut left = self.left.clone();
        async move {
            tokio::select! {
                biased;
                done = awaited => Some(done),
                _ = left.wait_for(|left| *left) => None,
            }
        }
    }
}

/// How a request names a topic: by name below some version, by id from it on.
#[derive(Debug, Clone, Copy)]
pub enum TopicRef<'a> {
    Name(&'a WireStr),
    Id(Uuid),
}

impl Context {
    pub fn image(&self) -> Arc<Image> {
        self.metadata.image()
    }

    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.stopping.clone();
        async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// A partition this broker leads, and its leader epoch.
    pub fn led(
        &self,
        image: &Image,
        topic: TopicRef<'_>,
        index: i32,
    ) -> Result<(Arc<Partition>, i32), ErrorCode> {
        let topic = find_topic(image, topic)?;
        let state = topic.partition(index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if state.leader != self.node {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let partition = self.registry.partition(topic, index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        Ok((partition, state.leader_epoch))
    }
}

pub fn find_topic<'a>(image: &'a Image, topic: TopicRef<'_>) -> Result<&'a Arc<Topic>, ErrorCode> {
    match topic {
        TopicRef::Name(name) => image.topic(name).ok_or(ErrorCode::UnknownTopicOrPartition),
        TopicRef::Id(id) => image.topic_by_id(id).ok_or(ErrorCode::UnknownTopicId),
    }
}

/// Whether a client's idea of the leader epoch (-1: none) is this broker's.
pub fn check_epoch(given: i32, current: i32) -> Result<(), ErrorCode> {
    match given {
        -1 => Ok(()),
        given if given < current => Err(ErrorCode::FencedLeaderEpoch),
        given if given > current => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}
