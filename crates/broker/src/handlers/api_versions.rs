//! ApiVersions (18), versions 0-5. v3: client software, features; v4: features with a minimum of 0 (none here); v5: the
//! node a client means to talk to (KIP-1242).

use crate::call::{Call, served};
use crate::cluster::registration::{METADATA_LEVEL, METADATA_LEVEL_MIN};
use crate::reply::{Reply, Return};
use ottla_state::controller::METADATA_VERSION;
use ottla_wire::apis::{self, Api};
use ottla_wire::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use ottla_wire::{ErrorCode, WireStr};

pub fn handle(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: ApiVersionsRequest = call.read()?;
    let image = call.context.image();
    let version = call.version();
    let refuse = |error: ErrorCode| {
        Ok(call.returns().now(ApiVersionsResponse { error_code: error.code(), ..Default::default() }))
    };
    if version >= 3
        && !(is_software(&request.client_software_name) && is_software(&request.client_software_version))
    {
        return refuse(ErrorCode::InvalidRequest);
    }
    if version >= 5 {
        let cluster = image.cluster().map_or("", |cluster| cluster.id.as_str());
        match (&request.cluster_id, request.node_id) {
            (None, -1) => {}
            (None, _) | (Some(_), -1) => return refuse(ErrorCode::InvalidRequest),
            (Some(id), node) if id.as_str() == cluster && node == call.context.node => {}
            _ => return refuse(ErrorCode::RebootstrapRequired),
        }
    }
    Ok(call.returns().now(ApiVersionsResponse {
        error_code: ErrorCode::None.code(),
        api_keys: served().map(range).collect(),
        supported_features: vec![SupportedFeatureKey {
            name: METADATA_VERSION.into(),
            min_version: METADATA_LEVEL_MIN,
            max_version: METADATA_LEVEL,
        }],
        finalized_features_epoch: call.context.metadata.revision(),
        finalized_features: image
            .features()
            .iter()
            .map(|(name, level)| FinalizedFeatureKey {
                name: name.as_str().into(),
                max_version_level: *level,
                min_version_level: *level,
            })
            .collect(),
        ..Default::default()
    }))
}

/// A version that nobody knows is answered in the oldest form, with the range of this API alone (quirk Q3).
pub fn unsupported(correlation_id: i32) -> Reply {
    let own = served().filter(|api| api.key == apis::API_VERSIONS);
    Return { correlation_id, version: 0, charge: None }.now(ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.code(),
        api_keys: own.map(range).collect(),
        ..Default::default()
    })
}

fn range(api: &Api) -> ApiVersion {
    ApiVersion { api_key: api.key, min_version: api.announce_min, max_version: api.max }
}

/// Letters and digits at both ends, with dashes and dots between.
fn is_software(text: &WireStr) -> bool {
    let bytes = text.as_str().as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_software_are_those_kafka_takes() {
        for name in ["a", "librdkafka", "apache-kafka-java", "4.4.0", "0"] {
            assert!(is_software(&name.into()), "{name}");
        }
        for name in ["", "-a", "a-", "a b", "a_b", ".1", "ä"] {
            assert!(!is_software(&name.into()), "{name}");
        }
    }
}
