//! The entry: one [`Client`] per cluster, cheap to clone; producers, consumers and admin calls come out of it.

use crate::admin::Admin;
use crate::cluster::{Cluster, Creation};
use crate::config::ClientConfig;
use crate::consumer::{Consumer, ConsumerConfig};
use crate::errors::ClientError;
use crate::group::{GroupConfig, GroupConsumer};
use crate::producer::{Producer, ProducerConfig};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Client {
    cluster: Arc<Cluster>,
}

impl Client {
    /// Reaches one of the bootstrap addresses and learns the cluster's brokers. One round, no retries: a program that
    /// starts wants to hear at once that nobody is there.
    pub async fn connect(config: ClientConfig) -> Result<Self, ClientError> {
        let cluster = Arc::new(Cluster::new(config)?);
        cluster.ask(Some(&[]), Creation::Never).await?;
        Ok(Self { cluster })
    }

    pub fn admin(&self) -> Admin {
        Admin::new(Arc::clone(&self.cluster))
    }

    /// A producer with its own connections and memory. Must be called inside a tokio runtime, where its task runs.
    pub fn producer(&self, config: ProducerConfig) -> Result<Producer, ClientError> {
        Producer::start(Arc::clone(&self.cluster), config)
    }

    /// A consumer with its own connections, which reads nothing before it is assigned something.
    pub fn consumer(&self, config: ConsumerConfig) -> Consumer {
        Consumer::new(Arc::clone(&self.cluster), config)
    }

    /// A member of a group that reads these topics. Joins in the background; must be called inside a tokio runtime.
    pub fn group_consumer(
        &self,
        consumer: ConsumerConfig,
        group: GroupConfig,
        topics: &[String],
    ) -> Result<GroupConsumer, ClientError> {
        GroupConsumer::start(Arc::clone(&self.cluster), consumer, group, topics)
    }

    /// The cluster's id, where its brokers tell it.
    pub fn cluster_id(&self) -> Option<String> {
        self.cluster.metadata.view().cluster_id.as_ref().map(ToString::to_string)
    }
}
