//! How everybody asks the controller: one call per command, in this process today, forwarded later.
//!
//! A call returns when the decision is durable and this broker's image and partitions have it. Dropping a call does not
//! take the command back.

use super::controller::{ControllerError, Request};
use ottla_state::TopicId;
use ottla_state::controller::{
    Alteration, Answer, Command, ConfigResource, CreateAnswer, DeleteAnswer, DeleteTarget, FeatureUpdate,
    Mode, MorePartitions, Mutations, NewTopic, PartitionsAnswer, ProducerIdBlock, QuotaAlteration,
    QuotaAnswer, Refusal,
};
use ottla_wire::WireStr;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

#[derive(Debug, Clone)]
pub struct ControllerClient {
    queue: mpsc::Sender<Request>,
}

impl ControllerClient {
    pub(super) fn new(queue: mpsc::Sender<Request>) -> Self {
        Self { queue }
    }

    /// Answers in the order of the topics; of topics that are named twice, one answer.
    pub async fn create_topics(
        &self,
        topics: Vec<NewTopic>,
        mode: Mode,
        mutations: Option<Arc<dyn Mutations>>,
    ) -> Result<Vec<CreateAnswer>, ControllerError> {
        match self.ask(Command::CreateTopics { topics, mode }, mutations).await? {
            Answer::Created(answers) => Ok(answers),
            other => unreachable!("creation was answered with {other:?}"),
        }
    }

    /// Answers in the order of the topics; of topics that are named twice, one answer.
    pub async fn create_partitions(
        &self,
        topics: Vec<MorePartitions>,
        mode: Mode,
        mutations: Option<Arc<dyn Mutations>>,
    ) -> Result<Vec<PartitionsAnswer>, ControllerError> {
        match self.ask(Command::CreatePartitions { topics, mode }, mutations).await? {
            Answer::PartitionsCreated(answers) => Ok(answers),
            other => unreachable!("a creation of partitions was answered with {other:?}"),
        }
    }

    /// One answer per name, sorted by name. A topic that exists is no error.
    pub async fn auto_create(
        &self,
        names: Vec<WireStr>,
        mutations: Option<Arc<dyn Mutations>>,
    ) -> Result<Vec<CreateAnswer>, ControllerError> {
        match self.ask(Command::AutoCreate { names }, mutations).await? {
            Answer::Created(answers) => Ok(answers),
            other => unreachable!("creation was answered with {other:?}"),
        }
    }

    /// Answers in the order of the targets.
    pub async fn delete_topics(
        &self,
        targets: Vec<DeleteTarget>,
        mutations: Option<Arc<dyn Mutations>>,
    ) -> Result<Vec<DeleteAnswer>, ControllerError> {
        match self.ask(Command::DeleteTopics { targets }, mutations).await? {
            Answer::Deleted(answers) => Ok(answers),
            other => unreachable!("deletion was answered with {other:?}"),
        }
    }

    /// Each resource once; answers are in their order.
    pub async fn alter_configs(
        &self,
        resources: Vec<(ConfigResource, Alteration)>,
        mode: Mode,
    ) -> Result<Vec<Result<(), Refusal>>, ControllerError> {
        match self.submit(Command::AlterConfigs { resources, mode }).await? {
            Answer::ConfigsAltered(answers) => Ok(answers),
            other => unreachable!("changed settings were answered with {other:?}"),
        }
    }

    /// One answer per entity, in their order.
    pub async fn alter_quotas(
        &self,
        alterations: Vec<QuotaAlteration>,
        mode: Mode,
    ) -> Result<Vec<QuotaAnswer>, ControllerError> {
        match self.submit(Command::AlterQuotas { alterations, mode }).await? {
            Answer::QuotasAltered(answers) => Ok(answers),
            other => unreachable!("changed quotas were answered with {other:?}"),
        }
    }

    /// Says that the data of deleted topics is gone.
    pub async fn forget_topics(&self, ids: Vec<TopicId>) -> Result<(), ControllerError> {
        self.submit(Command::ForgetTopics { ids }).await.map(drop)
    }

    pub async fn allocate_producer_ids(&self) -> Result<Result<ProducerIdBlock, Refusal>, ControllerError> {
        match self.submit(Command::AllocateProducerIds).await? {
            Answer::ProducerIds(block) => Ok(block),
            other => unreachable!("a reservation of producer ids was answered with {other:?}"),
        }
    }

    /// All updates or none.
    pub async fn update_features(
        &self,
        updates: Vec<FeatureUpdate>,
        mode: Mode,
    ) -> Result<Result<(), Refusal>, ControllerError> {
        match self.submit(Command::UpdateFeatures { updates, mode }).await? {
            Answer::Features(result) => Ok(result),
            other => unreachable!("an update of features was answered with {other:?}"),
        }
    }

    pub(super) async fn submit(&self, command: Command) -> Result<Answer, ControllerError> {
        self.ask(command, None).await
    }

    /// What somebody asks whose changes of partitions may be limited.
    async fn ask(
        &self,
        command: Command,
        mutations: Option<Arc<dyn Mutations>>,
    ) -> Result<Answer, ControllerError> {
        let (reply, answer) = oneshot::channel();
        let request = Request { command, mutations, reply };
        self.queue.send(request).await.map_err(|_| ControllerError::Stopping)?;
        answer.await.map_err(|_| ControllerError::Stopping)?
    }
}
