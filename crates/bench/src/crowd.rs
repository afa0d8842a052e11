//! Many connections that stay: what each costs the broker while it says nothing, and how a request fares among them.

use crate::connection::{Address, Connection};
use crate::figures::{Latencies, Measured};
use crate::progress::Progress;
use ottla_client::ClientError;
use ottla_client::config::Surroundings;
use ottla_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Connections that are being opened at once.
const OPENING: usize = 64;
const METADATA: i16 = 4;

/// Open connections; they close when this is dropped.
#[derive(Debug)]
pub struct Crowd {
    connections: Vec<Connection>,
}

impl Crowd {
    /// Opens so many connections, each of which asks for the broker's versions.
    pub async fn open(
        address: &Address,
        count: usize,
        surroundings: &Surroundings,
        progress: &Arc<Progress>,
    ) -> Result<Self, ClientError> {
        let mut opening = JoinSet::new();
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            if progress.is_stopped() {
                break;
            }
            if opening.len() == OPENING
                && let Some(opened) = opening.join_next().await
            {
                connections.push(joined(opened)?);
                progress.add(1, 0);
            }
            let (net, address) = (Arc::clone(&surroundings.net), address.clone());
            opening.spawn(async move { Connection::open(net.as_ref(), &address).await });
        }
        while let Some(opened) = opening.join_next().await {
            connections.push(joined(opened)?);
            progress.add(1, 0);
        }
        Ok(Self { connections })
    }

    pub fn len(&self) -> usize {
        self.connections.len()
    }

    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Every connection asks once, spread evenly over a time.
    pub async fn ask_once(
        &mut self,
        topic: &str,
        over: Duration,
        surroundings: &Surroundings,
        progress: &Arc<Progress>,
    ) -> Result<Measured, ClientError> {
        let clock = Arc::clone(&surroundings.clock);
        let began = clock.monotonic();
        let count = self.connections.len().max(1) as u32;
        let mut asking = JoinSet::new();
        for (number, mut connection) in (0_u32..).zip(self.connections.drain(..)) {
            let at = began + over * number / count;
            let clock = Arc::clone(&clock);
            let topics = Some(vec![MetadataRequestTopic { name: Some(topic.into()), ..Default::default() }]);
            let request = MetadataRequest { topics, ..Default::default() };
            asking.spawn(async move {
                tokio::time::sleep(at.saturating_sub(clock.monotonic())).await;
                let asked = clock.monotonic();
                let answer = connection.call(&request, METADATA).await;
                answer.map(|_| (connection, clock.monotonic().saturating_sub(asked)))
            });
        }
        let mut latencies = Latencies::default();
        while let Some(answered) = asking.join_next().await {
            let (connection, time) = joined(answered)?;
            latencies.record(time);
            progress.add(1, 0);
            self.connections.push(connection);
        }
        let elapsed = clock.monotonic().saturating_sub(began);
        Ok(Measured { done: progress.done(), elapsed, latencies })
    }
}

fn joined<T>(result: Result<Result<T, ClientError>, tokio::task::JoinError>) -> Result<T, ClientError> {
    result.map_err(|error| ClientError::Invalid(format!("a connection: {error}")))?
}
