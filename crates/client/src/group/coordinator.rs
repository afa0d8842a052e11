//! Where a group's coordinator is, and how it is reached.
//!
//! Found by asking any broker, remembered until something says that it is another one: NOT_COORDINATOR, a lost
//! connection, an answer that did not come. Nothing here tries again by itself but [`Coordinator::call`].

use crate::cluster::{ANY_VERSION, Cluster};
use crate::connection::{Call, Connection, Target};
use crate::connections::Lane;
use crate::errors::ClientError;
use ottla_wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_wire::{ErrorCode, Request};
use std::sync::{Arc, Mutex};

/// `key_type` of groups.
const GROUP: i8 = 0;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    node_id: i32,
    host: String,
    port: u16,
}

#[derive(Debug)]
pub(crate) struct Coordinator {
    cluster: Arc<Cluster>,
    pub group_id: String,
    found: Mutex<Option<Found>>,
}

impl Coordinator {
    pub fn new(cluster: Arc<Cluster>, group_id: &str) -> Self {
        Self { cluster, group_id: group_id.to_owned(), found: Mutex::new(None) }
    }

    async fn found(&self) -> Result<Found, ClientError> {
        let known = self.found.lock().expect("no holder of this lock can panic").clone();
        if let Some(found) = known {
            return Ok(found);
        }
        let found = self.find().await?;
        *self.found.lock().expect("no holder of this lock can panic") = Some(found.clone());
        Ok(found)
    }

    /// Which node it is; tried again until the call's deadline.
    pub async fn node_id(&self) -> Result<i32, ClientError> {
        let mut attempts = self.cluster.attempts(self.cluster.call_deadline());
        loop {
            match self.found().await {
                Ok(found) => return Ok(found.node_id),
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    /// A connection to the coordinator, which is looked for where it is not known.
    pub async fn connection(&self, lane: Lane) -> Result<Connection, ClientError> {
        let found = self.found().await?;
        let cluster_id = self.cluster.metadata.view().cluster_id.clone();
        let identity = cluster_id.map(|cluster_id| (cluster_id, found.node_id));
        let target = Target { host: found.host, port: found.port, identity };
        let result = self.cluster.node_at(found.node_id, target, lane).await;
        result.inspect_err(|error| self.learn(error))
    }

    async fn find(&self) -> Result<Found, ClientError> {
        let connection = self.cluster.any().await?;
        let request = FindCoordinatorRequest {
            key: self.group_id.as_str().into(),
            key_type: GROUP,
            coordinator_keys: vec![self.group_id.as_str().into()],
        };
        let answer = connection.call(&request, self.cluster.call(ANY_VERSION)).await?;
        found(&self.group_id, &answer)
    }

    /// Forgets the coordinator if the error says that it is another one, or that it is gone.
    pub fn learn(&self, error: &ClientError) {
        use ErrorCode as E;
        let is_gone = matches!(
            error,
            ClientError::Disconnected { .. } | ClientError::Unreachable { .. } | ClientError::TimedOut { .. }
        );
        let is_another = matches!(error.code(), Some(E::NotCoordinator | E::CoordinatorNotAvailable));
        if is_gone || is_another {
            *self.found.lock().expect("no holder of this lock can panic") = None;
        }
    }

    /// One attempt.
    pub async fn ask<R: Request>(
        &self,
        body: &R,
        lane: Lane,
        call: Call,
    ) -> Result<R::Response, ClientError> {
        let answer = self.connection(lane).await?.call(body, call).await;
        answer.inspect_err(|error| self.learn(error))
    }

    /// Tried again until the call's deadline. `accept` turns an answer into a result.
    pub async fn call<R: Request, T>(
        &self,
        body: &R,
        version_max: i16,
        accept: impl Fn(R::Response) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut attempts = self.cluster.attempts(self.cluster.call_deadline());
        loop {
            let answer = self.ask(body, Lane::Calls, self.cluster.call(version_max)).await;
            match answer.and_then(&accept) {
                Ok(result) => return Ok(result),
                Err(error) => {
                    self.learn(&error);
                    attempts.after(error).await?;
                }
            }
        }
    }
}

/// Older brokers answer for one group in fields of the answer itself.
fn found(group_id: &str, answer: &FindCoordinatorResponse) -> Result<Found, ClientError> {
    let (code, message, node_id, host, port) = match answer.coordinators.first() {
        Some(one) => (one.error_code, &one.error_message, one.node_id, &one.host, one.port),
        None => (answer.error_code, &answer.error_message, answer.node_id, &answer.host, answer.port),
    };
    let what = || format!("coordinator of group {group_id}");
    match (ErrorCode::from_code(code), u16::try_from(port)) {
        (ErrorCode::None, Ok(port)) => Ok(Found { node_id, host: host.to_string(), port }),
        (ErrorCode::None, Err(_)) => {
            Err(ClientError::refused(what(), ErrorCode::CoordinatorNotAvailable, Some("it has no address")))
        }
        (code, _) => Err(ClientError::refused(what(), code, message.as_deref())),
    }
}
