//! A cluster as its clients see it: find a broker that answers, learn who leads what, reach a node.
//!
//! Shared by everything a [`crate::Client`] hands out. One metadata request is under way at a time: whoever needs the
//! same topic meanwhile waits for that answer instead of asking again.

use crate::config::{ClientConfig, parse_address};
use crate::connection::{Call, Connection, Target, check};
use crate::connections::{Connections, Lane, OwnLane, Place};
use crate::errors::{ClientError, ErrorClass};
use crate::metadata::{Metadata, TopicMetadata};
use crate::retry::{Attempts, Backoff};
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use ottla_wire::{ErrorCode, Request};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub(crate) const ANY_VERSION: i16 = i16::MAX;

/// How long "there is no such topic" is doubted. A fresh topic takes a moment to be known to all brokers of Apache Kafka.
const MISSING_TOPIC_DOUBT: Duration = Duration::from_secs(2);

/// Whether asking for a topic may create it, if its cluster creates topics so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creation {
    Allowed,
    Never,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    pub config: Arc<ClientConfig>,
    pub metadata: Metadata,
    connections: Arc<Connections>,
    bootstrap: Vec<Target>,
    /// Held by whoever asks for metadata.
    asking: tokio::sync::Mutex<()>,
}

impl Cluster {
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let mut bootstrap = Vec::new();
        for address in &config.bootstrap {
            let (host, port) = parse_address(address).map_err(ClientError::Invalid)?;
            bootstrap.push(Target { host, port, identity: None });
        }
        if bootstrap.is_empty() {
            return Err(ClientError::Invalid("no bootstrap address was given".to_owned()));
        }
        if config.in_flight_max == 0 {
            return Err(ClientError::Invalid("in_flight_max must be 1 or more".to_owned()));
        }
        let config = Arc::new(config);
        let connections = Arc::new(Connections::new(Arc::clone(&config)));
        Ok(Self { config, metadata: Metadata::default(), connections, bootstrap, asking: Default::default() })
    }

    pub fn own_lane(&self) -> OwnLane {
        self.connections.own_lane()
    }

    pub fn backoff(&self) -> Backoff {
        Backoff::new(Arc::clone(&self.config.surroundings.rng))
    }

    pub fn attempts(&self, deadline: Instant) -> Attempts {
        Attempts::until(deadline, Arc::clone(&self.config.surroundings.rng))
    }

    pub fn call_deadline(&self) -> Instant {
        Instant::now() + self.config.call_timeout
    }

    pub fn call(&self, version_max: i16) -> Call {
        Call { timeout: self.config.request_timeout, version_max }
    }

    /// A connection to a node that metadata named.
    pub async fn node(&self, node_id: i32, lane: Lane) -> Result<Connection, ClientError> {
        let view = self.metadata.view();
        let Some(broker) = view.brokers.get(&node_id) else {
            let code = ErrorCode::BrokerNotAvailable;
            return Err(ClientError::refused(
                format!("node {node_id}"),
                code,
                Some("it is not in the cluster"),
            ));
        };
        let identity = view.cluster_id.clone().map(|cluster_id| (cluster_id, node_id));
        let target = Target { host: broker.host.clone(), port: broker.port, identity };
        let result = self.connections.get(lane, Place::Node(node_id), target).await;
        if let Err(ClientError::Refused { code: ErrorCode::RebootstrapRequired, .. }) = &result {
            self.metadata.forget_brokers();
        }
        result
    }

    /// A connection to a node whose address was told by something else than metadata.
    pub async fn node_at(&self, node_id: i32, target: Target, lane: Lane) -> Result<Connection, ClientError> {
        self.connections.get(lane, Place::Node(node_id), target).await
    }

    /// A connection to any broker: known nodes first, in an order of chance, then the bootstrap addresses.
    pub async fn any(&self) -> Result<Connection, ClientError> {
        let mut nodes: Vec<i32> = self.metadata.view().brokers.keys().copied().collect();
        self.shuffle(&mut nodes);
        let mut addresses = Vec::new();
        let mut last = None;
        for node_id in nodes {
            match self.node(node_id, Lane::Calls).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = Some(error),
            }
        }
        let mut order: Vec<usize> = (0..self.bootstrap.len()).collect();
        self.shuffle(&mut order);
        for index in order {
            let target = self.bootstrap[index].clone();
            addresses.push(target.address());
            match self.connections.get(Lane::Calls, Place::Bootstrap(index), target).await {
                Ok(connection) => return Ok(connection),
                // A broker is there and says what is wrong: that is worth more than "unreachable".
                Err(error) if error.class() == ErrorClass::Fatal => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        let cause = match last {
            Some(ClientError::Unreachable { cause, .. }) => cause,
            Some(error) => error.to_string(),
            None => "no address is known".to_owned(),
        };
        Err(ClientError::Unreachable { addresses: addresses.join(","), cause })
    }

    fn shuffle<T>(&self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.config.surroundings.rng.below(i as u64 + 1) as usize);
        }
    }

    /// Asks once, and remembers the answer. `None` asks for every topic.
    pub async fn ask(
        &self,
        topics: Option<&[String]>,
        creation: Creation,
    ) -> Result<MetadataResponse, ClientError> {
        let connection = self.any().await?;
        let named =
            |name: &String| MetadataRequestTopic { name: Some(name.as_str().into()), ..Default::default() };
        let request = MetadataRequest {
            topics: topics.map(|topics| topics.iter().map(named).collect()),
            allow_auto_topic_creation: creation == Creation::Allowed,
            ..Default::default()
        };
        let response = connection.call(&request, self.call(ANY_VERSION)).await?;
        if let Err(error) = check("metadata", response.error_code) {
            if error.code() == Some(ErrorCode::RebootstrapRequired) {
                self.metadata.forget_brokers();
            }
            return Err(error);
        }
        self.metadata.merge(&response);
        Ok(response)
    }

    /// The topic, from memory where that is fresh, else asked for once.
    pub async fn topic_once(
        &self,
        name: &str,
        creation: Creation,
    ) -> Result<Arc<TopicMetadata>, ClientError> {
        let fresh = || self.metadata.fresh_topic(name, self.config.metadata_max_age);
        if let Some(topic) = fresh() {
            return Ok(topic);
        }
        let _asking = self.asking.lock().await;
        if let Some(topic) = fresh() {
            return Ok(topic);
        }
        let response = self.ask(Some(&[name.to_owned()]), creation).await?;
        let of_name = response.topics.iter().find(|topic| topic.name.as_deref() == Some(name));
        let topic = of_name.ok_or_else(|| {
            ClientError::refused(format!("topic {name}"), ErrorCode::UnknownTopicOrPartition, None)
        })?;
        TopicMetadata::of(topic).map(Arc::new)
    }

    /// The topic, asked for until it is there, the deadline passes, or the cluster has said for long enough that there
    /// is none.
    pub async fn topic(
        &self,
        name: &str,
        creation: Creation,
        deadline: Instant,
    ) -> Result<Arc<TopicMetadata>, ClientError> {
        let mut attempts = self.attempts(deadline);
        let doubted_until = Instant::now() + MISSING_TOPIC_DOUBT;
        loop {
            match self.topic_once(name, creation).await {
                Ok(topic) => return Ok(topic),
                Err(error) => {
                    let is_missing = error.code() == Some(ErrorCode::UnknownTopicOrPartition);
                    if is_missing && creation == Creation::Never {
                        attempts.deadline = attempts.deadline.min(doubted_until);
                    }
                    attempts.after(error).await?;
                }
            }
        }
    }

    /// One call to any broker, tried again until the deadline. `accept` turns an answer into a result.
    pub async fn call_any<R: Request, T>(
        &self,
        body: &R,
        accept: impl Fn(R::Response) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut attempts = self.attempts(self.call_deadline());
        loop {
            let attempt = async { self.any().await?.call(body, self.call(ANY_VERSION)).await };
            match attempt.await.and_then(&accept) {
                Ok(result) => return Ok(result),
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    /// The same to the controller, which metadata names; brokers that name none pass the call on themselves.
    pub async fn call_controller<R: Request, T>(
        &self,
        body: &R,
        accept: impl Fn(R::Response) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut attempts = self.attempts(self.call_deadline());
        loop {
            let attempt = async {
                let connection = self.controller().await?;
                connection.call(body, self.call(ANY_VERSION)).await
            };
            match attempt.await.and_then(&accept) {
                Ok(result) => return Ok(result),
                Err(error) => {
                    let learn = error.class() == ErrorClass::NeedsMetadata;
                    attempts.after(error).await?;
                    if learn && let Err(error) = self.ask(Some(&[]), Creation::Never).await {
                        attempts.after(error).await?;
                    }
                }
            }
        }
    }

    async fn controller(&self) -> Result<Connection, ClientError> {
        let known = || self.metadata.view().controller_id;
        let controller_id = match known() {
            Some(id) => Some(id),
            None => {
                self.ask(Some(&[]), Creation::Never).await?;
                known()
            }
        };
        match controller_id {
            Some(node_id) => self.node(node_id, Lane::Calls).await,
            None => self.any().await,
        }
    }
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
