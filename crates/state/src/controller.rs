//! What the controller decides: commands in, steps of changes and answers out.
//!
//! [`decide`] is pure: the same image, command and identifiers give the same decision. It changes nothing; whoever owns
//! the coordination engine commits the steps and answers when they are durable and applied. Each step is atomic and
//! stands for itself, so a command about a thousand topics may be committed in several transactions.

mod configs;
mod features;
mod partitions;
mod placement;
mod quotas;
mod topics;

pub use configs::{Alteration, ConfigAction, ConfigResource, ConfigRules};
pub use features::{FeatureUpdate, UpgradeType};
pub use quotas::{EntityParts, QuotaAlteration, QuotaAnswer};

use crate::image::{Cluster, Configs};
use crate::{Change, Image, NodeId, TopicId, Uuid};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Producer ids that one reservation holds.
pub const PRODUCER_ID_BLOCK: i64 = 1_000;
/// Partitions that one topic may have, and that one command may create.
pub const MAX_PARTITIONS: usize = 10_000;
/// Kafka's name for the level of all metadata.
pub const METADATA_VERSION: &str = "metadata.version";

/// Why one item of a command was refused: Kafka's code, and a text for the person who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    pub code: ErrorCode,
    pub message: String,
}

impl Refusal {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What the settings of this cluster say about its topics and about each other.
pub struct Rules<'a> {
    pub default_partitions: i32,
    pub default_replication_factor: i16,
    pub deletion_enabled: bool,
    /// Partitions that there may be, those of deleted topics whose data still has to go included.
    pub partitions_max: u64,
    pub configs: &'a dyn ConfigRules,
    /// What whoever asks may still change.
    pub mutations: &'a dyn Mutations,
    /// Topics that brokers keep state in, by name: how they are made when somebody first needs them.
    pub internal: &'a BTreeMap<String, InternalTopic>,
}

/// How many partitions a client may make and remove: a quota, or none.
pub trait Mutations: Send + Sync {
    /// Counts so many of them, if the client may have them now.
    fn take(&self, partitions: usize) -> Result<(), Refusal>;
}

/// Nobody is limited.
#[derive(Debug, Clone, Copy)]
pub struct Unlimited;

impl Mutations for Unlimited {
    fn take(&self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }
}

/// How a topic of the brokers' own is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalTopic {
    pub partitions: i32,
    /// Stored as they are.
    pub configs: Configs,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    pub name: WireStr,
    /// -1: the default.
    pub partitions: i32,
    /// -1: the default.
    pub replication_factor: i16,
    /// Partition and its brokers; empty: the controller places the replicas.
    pub assignments: Vec<(i32, Vec<NodeId>)>,
    pub configs: Vec<(WireStr, Option<WireStr>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Commit,
    /// All checks, no change.
    ValidateOnly,
}

/// A topic that is to have more partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MorePartitions {
    pub name: WireStr,
    /// All of them, those that exist included.
    pub count: i32,
    /// The brokers of each new partition; `None`: the controller places the replicas.
    pub assignments: Option<Vec<Vec<NodeId>>>,
}

/// A topic by what the request gave: exactly one of the two is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteTarget {
    pub name: Option<WireStr>,
    /// Zero: not given.
    pub id: TopicId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    CreateTopics {
        topics: Vec<NewTopic>,
        mode: Mode,
    },
    CreatePartitions {
        topics: Vec<MorePartitions>,
        mode: Mode,
    },
    /// Names that clients or this broker asked for and that shall exist from now on.
    AutoCreate {
        names: Vec<WireStr>,
    },
    DeleteTopics {
        targets: Vec<DeleteTarget>,
    },
    /// Each resource once.
    AlterConfigs {
        resources: Vec<(ConfigResource, Alteration)>,
        mode: Mode,
    },
    AlterQuotas {
        alterations: Vec<QuotaAlteration>,
        mode: Mode,
    },
    /// The data of these topics is gone.
    ForgetTopics {
        ids: Vec<TopicId>,
    },
    AllocateProducerIds,
    /// All of them or none.
    UpdateFeatures {
        updates: Vec<FeatureUpdate>,
        mode: Mode,
    },
    /// A broker starts after a stop that was not clean.
    UncleanStart {
        node: NodeId,
    },
    /// First start of a cluster. Has no effect on one that exists.
    Bootstrap {
        cluster_id: String,
        features: BTreeMap<String, i16>,
        broker_defaults: Configs,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTopic {
    pub id: TopicId,
    pub partitions: i32,
    pub replication_factor: i16,
    pub configs: Arc<Configs>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAnswer {
    pub name: WireStr,
    pub result: Result<CreatedTopic, Refusal>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteAnswer {
    /// As asked for, and completed from the metadata where the topic exists.
    pub name: Option<WireStr>,
    pub id: TopicId,
    pub result: Result<(), Refusal>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionsAnswer {
    pub name: WireStr,
    pub result: Result<(), Refusal>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Created(Vec<CreateAnswer>),
    PartitionsCreated(Vec<PartitionsAnswer>),
    Deleted(Vec<DeleteAnswer>),
    /// In the order of the resources.
    ConfigsAltered(Vec<Result<(), Refusal>>),
    /// One for each entity.
    QuotasAltered(Vec<QuotaAnswer>),
    ProducerIds(Result<ProducerIdBlock, Refusal>),
    Features(Result<(), Refusal>),
    Done,
}

/// Ids that were reserved for one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerIdBlock {
    pub first: i64,
    pub count: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Each atomic, in this order.
    pub steps: Vec<Vec<Change>>,
    pub answer: Answer,
}

/// What a command asks for. `ids` gives an identifier that was never given before.
pub fn decide(
    image: &Image,
    command: &Command,
    rules: &Rules<'_>,
    now_ms: i64,
    ids: &mut dyn FnMut() -> Uuid,
) -> Decision {
    match command {
        Command::CreateTopics { topics, mode } => topics::create(image, topics, *mode, rules, ids),
        Command::CreatePartitions { topics, mode } => partitions::create(image, topics, *mode, rules, ids),
        Command::AutoCreate { names } => topics::auto_create(image, names, rules, ids),
        Command::DeleteTopics { targets } => topics::delete(image, targets, rules),
        Command::AlterConfigs { resources, mode } => configs::alter(image, resources, *mode, rules.configs),
        Command::AlterQuotas { alterations, mode } => quotas::alter(image, alterations, *mode),
        Command::ForgetTopics { ids } => {
            let known = ids.iter().filter(|id| image.is_deleting(**id));
            let steps = known.map(|id| vec![Change::Forgotten(*id)]).collect();
            Decision { steps, answer: Answer::Done }
        }
        Command::AllocateProducerIds => allocate_producer_ids(image),
        Command::UpdateFeatures { updates, mode } => features::update(image, updates, *mode),
        Command::UncleanStart { node } => {
            let count = image.restarts(*node).saturating_add(1);
            Decision { steps: vec![vec![Change::Restarts { node: *node, count }]], answer: Answer::Done }
        }
        Command::Bootstrap { .. } if image.cluster().is_some() => {
            Decision { steps: Vec::new(), answer: Answer::Done }
        }
        Command::Bootstrap { cluster_id, features, broker_defaults } => {
            let mut step = vec![
                Change::Cluster(Cluster { id: cluster_id.clone(), created_ms: now_ms }),
                Change::Features(features.clone()),
            ];
            if !broker_defaults.is_empty() {
                step.push(Change::BrokerDefaults(Arc::new(broker_defaults.clone())));
            }
            Decision { steps: vec![step], answer: Answer::Done }
        }
    }
}

fn allocate_producer_ids(image: &Image) -> Decision {
    let first = image.next_producer_id();
    match first.checked_add(PRODUCER_ID_BLOCK) {
        Some(next) => Decision {
            steps: vec![vec![Change::NextProducerId(next)]],
            answer: Answer::ProducerIds(Ok(ProducerIdBlock { first, count: PRODUCER_ID_BLOCK })),
        },
        None => Decision {
            steps: Vec::new(),
            answer: Answer::ProducerIds(Err(Refusal::new(
                ErrorCode::UnknownServerError,
                "every producer id was given away",
            ))),
        },
    }
}

#[cfg(test)]
mod tests;
