//! What one node serves and which features are in force, by ApiVersions.

use super::Admin;
use crate::cluster::ANY_VERSION;
use crate::connection::check;
use crate::connections::Lane;
use crate::errors::ClientError;
use ottla_wire::apis;
use ottla_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeVersions {
    /// By key.
    pub apis: Vec<ApiRange>,
    /// By name.
    pub features: Vec<FeatureLevels>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRange {
    pub key: i16,
    /// `None` of one that this client has never heard of.
    pub name: Option<&'static str>,
    pub min: i16,
    pub max: i16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureLevels {
    pub name: String,
    /// What the node could run with.
    pub supported: Option<(i16, i16)>,
    /// What the cluster runs with.
    pub level: Option<i16>,
}

impl Admin {
    /// Asks the node itself, at the address that the cluster advertises for it. Once, so that an address that leads
    /// nowhere is told.
    pub async fn node_versions(&self, node_id: i32) -> Result<NodeVersions, ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: "ottla".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
            cluster_id: None,
            node_id: -1,
        };
        let connection = self.cluster.node(node_id, Lane::Calls).await?;
        versions(connection.call(&request, self.cluster.call(ANY_VERSION)).await?)
    }
}

fn versions(answer: ApiVersionsResponse) -> Result<NodeVersions, ClientError> {
    check("ask for versions", answer.error_code)?;
    let mut apis: Vec<ApiRange> = answer
        .api_keys
        .iter()
        .map(|api| ApiRange {
            key: api.api_key,
            name: apis::find(api.api_key).map(|known| known.name),
            min: api.min_version,
            max: api.max_version,
        })
        .collect();
    apis.sort_by_key(|api| api.key);
    let mut features: Vec<FeatureLevels> = answer
        .supported_features
        .iter()
        .map(|feature| FeatureLevels {
            name: feature.name.to_string(),
            supported: Some((feature.min_version, feature.max_version)),
            level: None,
        })
        .collect();
    for finalized in &answer.finalized_features {
        let level = Some(finalized.max_version_level);
        match features.iter_mut().find(|feature| feature.name == finalized.name.as_str()) {
            Some(feature) => feature.level = level,
            None => {
                features.push(FeatureLevels { name: finalized.name.to_string(), supported: None, level });
            }
        }
    }
    features.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(NodeVersions { apis, features })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_wire::messages::api_versions::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};

    #[test]
    fn what_is_supported_and_what_is_in_force_are_told_together() {
        let answer = ApiVersionsResponse {
            api_keys: vec![
                ApiVersion { api_key: 999, min_version: 0, max_version: 2 },
                ApiVersion { api_key: 3, min_version: 0, max_version: 13 },
            ],
            supported_features: vec![
                SupportedFeatureKey { name: "z".into(), min_version: 0, max_version: 1 },
                SupportedFeatureKey { name: "metadata.version".into(), min_version: 7, max_version: 33 },
            ],
            finalized_features: vec![
                FinalizedFeatureKey {
                    name: "metadata.version".into(),
                    max_version_level: 30,
                    min_version_level: 30,
                },
                FinalizedFeatureKey { name: "old".into(), max_version_level: 1, min_version_level: 1 },
            ],
            ..Default::default()
        };
        let found = versions(answer).unwrap();
        assert_eq!(found.apis.iter().map(|api| api.name).collect::<Vec<_>>(), [Some("Metadata"), None]);
        let features = found.features.iter().map(|f| (f.name.as_str(), f.supported, f.level));
        let expected = [
            ("metadata.version", Some((7, 33)), Some(30)),
            ("old", None, Some(1)),
            ("z", Some((0, 1)), None),
        ];
        assert_eq!(features.collect::<Vec<_>>(), expected);
        assert!(versions(ApiVersionsResponse { error_code: 35, ..Default::default() }).is_err());
    }
}
