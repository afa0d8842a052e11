//! The cluster's metadata on this broker: engine, controller, image, registration.
//!
//! A single node is a cluster of one, not a mode: the engine is embedded and the controller runs in this process, and
//! everything else goes through the same seams. [`Cluster::start`] builds it in order; when it returns, this broker is
//! registered and its image holds every promised topic. It knows nothing of requests, partitions' data or sockets.

pub mod controller;
pub mod controller_client;
pub mod controls;
pub mod coord;
pub mod embedded;
pub mod memory;
pub mod metadata;
pub mod producer_ids;
pub mod registration;
mod store;

#[cfg(test)]
mod tests;

pub use controller::{ControllerError, Rules};
pub use controller_client::ControllerClient;
pub use coord::{Coord, CoordError, Revision};
pub use embedded::Embedded;
pub use metadata::{Metadata, MetadataError, OnImage};
pub use producer_ids::{ProducerIdError, ProducerIds};
pub use registration::{Registration, RegistrationError};

use controls::Control;
use coord::SessionId;
use ottla_env::clock::Clock;
use ottla_env::rng::Rng;
use ottla_state::controller::{Command, METADATA_VERSION};
use ottla_state::image::Configs;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// What a start needs to know.
pub struct ClusterStart {
    pub coord: Arc<dyn Coord>,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    /// As the data directory has it.
    pub cluster_id: String,
    /// `clean_start` false raises the leader epoch of everything this broker leads (durability rule R8).
    pub registration: Registration,
    pub rules: Rules,
    /// Settings that hold for the whole cluster from its first start on.
    pub broker_defaults: Configs,
    pub on_image: Box<OnImage>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    #[error(transparent)]
    Controller(#[from] ControllerError),
    #[error("the data directory is of cluster {expected}, its metadata of cluster {found}")]
    OtherCluster { expected: String, found: String },
}

impl From<CoordError> for StartError {
    fn from(error: CoordError) -> Self {
        Self::Metadata(error.into())
    }
}

/// Why the metadata stopped working. The process has to end with exit code 1; nothing is tried again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterFailed {
    #[error("cluster metadata: {0}")]
    Metadata(#[from] MetadataError),
    #[error("cluster metadata: a task of it panicked")]
    Panicked,
}

#[derive(Debug)]
pub struct Cluster {
    metadata: Arc<Metadata>,
    controller: ControllerClient,
    producer_ids: Arc<ProducerIds>,
    broker_epoch: Revision,
    coord: Arc<dyn Coord>,
    session: SessionId,
    failed: watch::Receiver<Option<ClusterFailed>>,
    /// The tasks below end when this does.
    _tasks: JoinSet<()>,
}

impl Cluster {
    pub async fn start(start: ClusterStart) -> Result<Self, StartError> {
        let ClusterStart { coord, clock, rng, cluster_id, registration, rules, broker_defaults, on_image } =
            start;
        let node = registration.node;
        let clean_start = registration.clean_start;
        let session = coord.open_session().await?;
        let term = controller::take_over(coord.as_ref(), session, node).await?;
        let (metadata, watch) = Metadata::open(coord.as_ref(), on_image).await?;
        if let Some(known) = metadata.image().cluster()
            && known.id != cluster_id
        {
            return Err(StartError::OtherCluster { expected: cluster_id, found: known.id.clone() });
        }

        let (failed_sender, failed) = watch::channel(None);
        let mut tasks = JoinSet::new();
        supervise(
            &mut tasks,
            &failed_sender,
            metadata::follow(Arc::clone(&metadata), Arc::clone(&coord), watch),
        );
        let (sender, queue) = mpsc::channel(controller::QUEUE);
        let controller = ControllerClient::new(sender);
        let task = controller::Controller {
            coord: Arc::clone(&coord),
            metadata: Arc::clone(&metadata),
            clock,
            rng,
            rules,
            term,
            forgetful_producer_ids: 0,
        };
        supervise(&mut tasks, &failed_sender, async move { Ok(task.run(queue).await?) });

        let features = BTreeMap::from([(METADATA_VERSION.to_owned(), registration::METADATA_LEVEL)]);
        controller.submit(Command::Bootstrap { cluster_id, features, broker_defaults }).await?;
        let broker_epoch = registration::register(coord.as_ref(), session, registration).await?;
        if !clean_start && !controls::active(Control::EpochsKept) {
            controller.submit(Command::UncleanStart { node }).await?;
        }
        if !metadata.wait_for(broker_epoch).await {
            return Err(ControllerError::Stopping.into());
        }
        let producer_ids = Arc::new(ProducerIds::new(controller.clone()));
        Ok(Self { metadata, controller, producer_ids, broker_epoch, coord, session, failed, _tasks: tasks })
    }

    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    pub fn controller(&self) -> &ControllerClient {
        &self.controller
    }

    pub fn producer_ids(&self) -> &Arc<ProducerIds> {
        &self.producer_ids
    }

    pub fn broker_epoch(&self) -> Revision {
        self.broker_epoch
    }

    /// Returns when the metadata stopped working, and never before.
    pub async fn failed(&self) -> ClusterFailed {
        let mut failed = self.failed.clone();
        match failed.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
            Ok(Some(reason)) => reason,
            // All tasks ended in order: there is nothing left that could fail.
            _ => std::future::pending().await,
        }
    }

    /// Leaves the cluster: no command is taken any more, the registration ends. The engine is its owner's to close.
    pub async fn stop(self) -> Result<(), CoordError> {
        let Self { coord, session, _tasks: mut tasks, controller, producer_ids, .. } = self;
        drop((controller, producer_ids));
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
        coord.end_session(session).await
    }
}

/// Runs a task whose error, or panic, is the cluster's failure.
fn supervise(
    tasks: &mut JoinSet<()>,
    failed: &watch::Sender<Option<ClusterFailed>>,
    task: impl Future<Output = Result<(), MetadataError>> + Send + 'static,
) {
    let failed = failed.clone();
    let mut inner = JoinSet::new();
    inner.spawn(task);
    tasks.spawn(async move {
        let reason = match inner.join_next().await {
            Some(Ok(Err(error))) => ClusterFailed::Metadata(error),
            Some(Err(error)) if error.is_panic() => ClusterFailed::Panicked,
            _ => return,
        };
        failed.send_replace(Some(reason));
    });
}
