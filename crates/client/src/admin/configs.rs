//! Settings of topics, brokers and groups, as the brokers tell them.

use super::{Admin, item};
use crate::cluster::ANY_VERSION;
use crate::connections::Lane;
use crate::errors::ClientError;
use ottla_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
};
use ottla_wire::{ErrorCode, Request};

/// Kinds of things that have settings; the numbers are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub enum ResourceType {
    Topic = 2,
    Broker = 4,
    Group = 32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigResource {
    pub kind: ResourceType,
    /// A topic's name, a node id (empty for all brokers), or a group's id.
    pub name: String,
}

impl ConfigResource {
    pub fn topic(name: impl Into<String>) -> Self {
        Self { kind: ResourceType::Topic, name: name.into() }
    }

    pub fn broker(node_id: i32) -> Self {
        Self { kind: ResourceType::Broker, name: node_id.to_string() }
    }

    /// What all brokers have in common.
    pub fn all_brokers() -> Self {
        Self { kind: ResourceType::Broker, name: String::new() }
    }

    pub fn group(id: impl Into<String>) -> Self {
        Self { kind: ResourceType::Group, name: id.into() }
    }

    /// Whether only that one broker answers for it.
    pub(super) fn is_of_one_broker(&self) -> bool {
        self.kind == ResourceType::Broker && !self.name.is_empty()
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigSource {
    Unknown,
    Topic,
    DynamicBroker,
    DynamicDefaultBroker,
    StaticBroker,
    Default,
    Group,
    /// Loggers and client metrics.
    Other,
}

impl ConfigSource {
    fn from_wire(number: i8) -> Self {
        match number {
            1 => Self::Topic,
            2 => Self::DynamicBroker,
            3 => Self::DynamicDefaultBroker,
            4 => Self::StaticBroker,
            5 => Self::Default,
            8 => Self::Group,
            6.. => Self::Other,
            _ => Self::Unknown,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    pub name: String,
    /// `None` for secrets and for what is not set.
    pub value: Option<String>,
    pub source: ConfigSource,
    pub is_read_only: bool,
    pub is_sensitive: bool,
}

impl Admin {
    /// All settings of each resource, by name; results are in the order of `resources`.
    pub async fn describe_configs(
        &self,
        resources: &[ConfigResource],
    ) -> Result<Vec<Result<Vec<ConfigEntry>, ClientError>>, ClientError> {
        let mut results = Vec::with_capacity(resources.len());
        // Only a broker itself knows its static settings; everything else is known to all.
        let shared: Vec<&ConfigResource> = resources.iter().filter(|r| !r.is_of_one_broker()).collect();
        let mut of_shared = match shared.is_empty() {
            true => Vec::new(),
            false => {
                let request = request(&shared);
                self.cluster.call_any(&request, |response| Ok(entries(&shared, &response))).await?
            }
        }
        .into_iter();
        for resource in resources {
            match resource.is_of_one_broker() {
                false => results.extend(of_shared.next()),
                true => results.push(self.broker_configs(resource).await),
            }
        }
        Ok(results)
    }

    async fn broker_configs(&self, resource: &ConfigResource) -> Result<Vec<ConfigEntry>, ClientError> {
        let response = self.ask_broker(resource, &request(&[resource])).await?;
        let missing = || Err(ClientError::refused("settings", ErrorCode::UnknownServerError, None));
        entries(&[resource], &response).pop().unwrap_or_else(missing)
    }

    /// One call to the broker that a resource names, tried again until the deadline.
    pub(super) async fn ask_broker<R: Request>(
        &self,
        resource: &ConfigResource,
        request: &R,
    ) -> Result<R::Response, ClientError> {
        let node_id = resource
            .name
            .parse()
            .map_err(|_| ClientError::Invalid(format!("`{}` is no node id", resource.name)))?;
        let mut attempts = self.cluster.attempts(self.cluster.call_deadline());
        loop {
            let attempt = async {
                let connection = self.cluster.node(node_id, Lane::Calls).await?;
                connection.call(request, self.cluster.call(ANY_VERSION)).await
            };
            match attempt.await {
                Ok(response) => return Ok(response),
                // A node that is not in the cluster will not come by waiting.
                Err(error) if error.code() == Some(ErrorCode::BrokerNotAvailable) => return Err(error),
                Err(error) => attempts.after(error).await?,
            }
        }
    }
}

fn request(resources: &[&ConfigResource]) -> DescribeConfigsRequest {
    let resource = |resource: &&ConfigResource| DescribeConfigsResource {
        resource_type: resource.kind as i8,
        resource_name: resource.name.as_str().into(),
        configuration_keys: None,
    };
    DescribeConfigsRequest { resources: resources.iter().map(resource).collect(), ..Default::default() }
}

fn entries(
    resources: &[&ConfigResource],
    response: &DescribeConfigsResponse,
) -> Vec<Result<Vec<ConfigEntry>, ClientError>> {
    let one = |resource: &&ConfigResource| {
        let what = format!("settings of {}", resource.name);
        let answer = response.results.iter().find(|answer| {
            answer.resource_type == resource.kind as i8 && answer.resource_name == resource.name.as_str()
        });
        let answer =
            answer.ok_or_else(|| ClientError::refused(&what, ErrorCode::UnknownServerError, None))?;
        let mut entries: Vec<_> = answer.configs.iter().map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        item(&what, answer.error_code, answer.error_message.as_deref(), entries)
    };
    resources.iter().map(one).collect()
}

fn entry(config: &DescribeConfigsResourceResult) -> ConfigEntry {
    ConfigEntry {
        name: config.name.to_string(),
        value: config.value.as_deref().map(str::to_owned),
        source: ConfigSource::from_wire(config.config_source),
        is_read_only: config.read_only,
        is_sensitive: config.is_sensitive,
    }
}
