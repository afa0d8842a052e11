//! Admin calls: topics, configs, the cluster, offsets, groups. Each is one method, tried again where that can help.
//!
//! A call about several items answers for each of them; the outer error means that the cluster could not be asked. A
//! creation that was answered too late may have happened: a repeated attempt then says TOPIC_ALREADY_EXISTS.

mod alter;
mod configs;
mod groups;
mod leaders;
mod offsets;
mod quorum;
mod records;
mod rights;
mod topics;
mod versions;

pub use alter::ConfigChange;
pub use configs::{ConfigEntry, ConfigResource, ConfigSource, ResourceType};
pub use groups::{GroupDescription, GroupMember, ListedGroup, MemberToRemove};
pub(crate) use offsets::list_offsets;
pub use offsets::{ListedOffset, OffsetSpec, PartitionKey};
pub use records::DeleteBefore;
pub use topics::{CreatedTopic, NewPartitions, NewTopic};
pub use versions::{ApiRange, FeatureLevels, NodeVersions};

use crate::cluster::{Cluster, Creation};
use crate::connection::check;
use crate::errors::ClientError;
use crate::metadata::BrokerMetadata;
use ottla_wire::ErrorCode;
use ottla_wire::messages::describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Admin {
    cluster: Arc<Cluster>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDescription {
    pub cluster_id: Option<String>,
    pub controller_id: Option<i32>,
    /// By node id.
    pub brokers: Vec<BrokerMetadata>,
}

/// An item's own error: `what` names it.
fn item<T>(what: &str, code: i16, message: Option<&str>, value: T) -> Result<T, ClientError> {
    match ErrorCode::from_code(code) {
        ErrorCode::None => Ok(value),
        code => Err(ClientError::refused(what, code, message)),
    }
}

impl Admin {
    pub(crate) fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster }
    }

    /// Brokers and controller, by DescribeCluster, or by Metadata where a broker has no DescribeCluster.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, ClientError> {
        let request = DescribeClusterRequest::default();
        match self.cluster.call_any(&request, described).await {
            Err(ClientError::Unsupported { .. }) => {
                self.cluster.ask(Some(&[]), Creation::Never).await?;
                let view = self.cluster.metadata.view();
                Ok(ClusterDescription {
                    cluster_id: view.cluster_id.as_ref().map(ToString::to_string),
                    controller_id: view.controller_id,
                    brokers: view.brokers.values().cloned().collect(),
                })
            }
            result => result,
        }
    }
}

fn described(response: DescribeClusterResponse) -> Result<ClusterDescription, ClientError> {
    check("describe the cluster", response.error_code)?;
    let mut brokers: Vec<_> = response
        .brokers
        .iter()
        .filter_map(|broker| {
            Some(BrokerMetadata {
                node_id: broker.broker_id,
                host: broker.host.to_string(),
                port: u16::try_from(broker.port).ok()?,
                rack: broker.rack.as_deref().map(str::to_owned),
            })
        })
        .collect();
    brokers.sort_by_key(|broker| broker.node_id);
    Ok(ClusterDescription {
        cluster_id: Some(response.cluster_id.to_string()),
        controller_id: (response.controller_id >= 0).then_some(response.controller_id),
        brokers,
    })
}

#[cfg(test)]
mod tests;
