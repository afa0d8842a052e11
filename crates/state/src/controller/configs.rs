//! Changed settings of topics, brokers and groups.
//!
//! What a setting is and which values it takes is not known here: [`ConfigRules`] is asked, with the settings that the
//! resource has. Here it is decided whether the resource exists and what is stored.

use super::{Answer, Decision, Mode, Refusal};
use crate::image::{Configs, Image};
use crate::{Change, NodeId};
use ottla_wire::{ErrorCode, WireStr};
use std::sync::Arc;

/// What has settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    Topic(WireStr),
    Broker(NodeId),
    /// What holds for every broker that has no value of its own.
    AllBrokers,
    /// Whether the group exists or not.
    Group(WireStr),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigAction {
    Set(WireStr),
    Delete,
    /// Adds elements to a list.
    Append(WireStr),
    /// Takes elements out of a list.
    Subtract(WireStr),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alteration {
    /// Each name once.
    Incremental(Vec<(WireStr, ConfigAction)>),
    /// All settings that the resource shall have; the others go back to their defaults.
    Replace(Vec<(WireStr, WireStr)>),
}

/// What the settings allow.
pub trait ConfigRules: Send + Sync {
    /// The settings to store for a new topic; `None` is a value that was sent as null.
    fn new_topic(&self, image: &Image, configs: &[(WireStr, Option<WireStr>)]) -> Result<Configs, Refusal>;

    /// The settings to store for a resource that has `current`.
    fn altered(
        &self,
        image: &Image,
        resource: &ConfigResource,
        current: &Configs,
        alteration: &Alteration,
    ) -> Result<Configs, Refusal>;
}

/// Each resource once; answers are in their order.
pub(super) fn alter(
    image: &Image,
    resources: &[(ConfigResource, Alteration)],
    mode: Mode,
    rules: &dyn ConfigRules,
) -> Decision {
    let mut steps = Vec::new();
    let mut answers = Vec::with_capacity(resources.len());
    for (resource, alteration) in resources {
        let change = altered(image, resource, alteration, rules);
        answers.push(change.map(|change| steps.extend(change.map(|change| vec![change]))));
    }
    if mode == Mode::ValidateOnly {
        steps.clear();
    }
    Decision { steps, answer: Answer::ConfigsAltered(answers) }
}

/// `None` where nothing changes.
fn altered(
    image: &Image,
    resource: &ConfigResource,
    alteration: &Alteration,
    rules: &dyn ConfigRules,
) -> Result<Option<Change>, Refusal> {
    // A bad value is told before a missing topic, as in Kafka.
    let topic = match resource {
        ConfigResource::Topic(name) => image.topic(name),
        _ => None,
    };
    let current = match resource {
        ConfigResource::Topic(_) => topic.map(|topic| &topic.configs),
        ConfigResource::Broker(node) => image.broker_configs(*node),
        ConfigResource::AllBrokers => Some(image.broker_defaults()),
        ConfigResource::Group(name) => image.group_configs(name),
    };
    let current = current.cloned().unwrap_or_default();
    let configs = Arc::new(rules.altered(image, resource, &current, alteration)?);
    let change = match (resource, topic) {
        (ConfigResource::Topic(name), None) => {
            let message = format!("there is no topic {name}");
            return Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, message));
        }
        _ if configs == current => return Ok(None),
        (_, Some(topic)) => Change::TopicConfigs { id: topic.id, configs },
        (ConfigResource::Broker(node), None) => Change::BrokerConfigs { node: *node, configs },
        (ConfigResource::AllBrokers, None) => Change::BrokerDefaults(configs),
        (ConfigResource::Group(name), None) => Change::GroupConfigs { group: name.to_string(), configs },
    };
    Ok(Some(change))
}
