//! Which version of each API both sides speak. Asked once per connection, before anything else.
//!
//! The question goes out in our highest version. A broker that does not know it answers in version 0 with error 35 and
//! the range it does know (KIP-511); then it is asked again in that range, or in version 0 where it names none.

use super::drive::Outgoing;
use super::{Frame, Reply, Shared, Target, api_name};
use crate::config::ClientConfig;
use crate::errors::ClientError;
use ottla_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_wire::{ErrorCode, Request, apis};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

const SOFTWARE_NAME: &str = "ottla";

#[derive(Debug)]
pub(crate) struct Versions {
    peer: String,
    ranges: BTreeMap<i16, (i16, i16)>,
}

impl Versions {
    pub(super) fn unknown(peer: String) -> Self {
        Self { peer, ranges: BTreeMap::new() }
    }

    fn of(peer: String, response: &ApiVersionsResponse) -> Self {
        let ranges = response.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version)));
        Self { peer, ranges: ranges.collect() }
    }

    /// The highest version that both sides speak, at most `version_max`.
    pub fn pick<R: Request>(&self, version_max: i16) -> Result<i16, ClientError> {
        let ours = own_range::<R>();
        let ours = (ours.0, ours.1.min(version_max));
        let theirs = self.ranges.get(&R::KEY).copied();
        let common = theirs.map(|theirs| (ours.0.max(theirs.0), ours.1.min(theirs.1)));
        match common {
            Some((low, high)) if low <= high => Ok(high),
            _ => {
                Err(ClientError::Unsupported { peer: self.peer.clone(), api: api_name::<R>(), ours, theirs })
            }
        }
    }
}

fn own_range<R: Request>() -> (i16, i16) {
    apis::find(R::KEY).map_or(R::VERSIONS, |api| (api.min, api.max))
}

pub(super) async fn negotiate(
    shared: &Shared,
    outgoing: &mpsc::Sender<Outgoing>,
    target: &Target,
    config: &ClientConfig,
) -> Result<Versions, ClientError> {
    let peer = || shared.peer.clone();
    let (_, highest) = own_range::<ApiVersionsRequest>();
    let frame = ask(shared, outgoing, target, config, highest).await?;
    let response = match error_of(&frame) {
        ErrorCode::UnsupportedVersion => {
            let answer = frame.decode_as(0)?;
            let named = answer.api_keys.iter().find(|api| api.api_key == apis::API_VERSIONS);
            let version = named.map_or(0, |api| api.max_version.clamp(0, highest - 1));
            ask(shared, outgoing, target, config, version).await?.decode()?
        }
        _ => frame.decode()?,
    };
    match ErrorCode::from_code(response.error_code) {
        ErrorCode::None => Ok(Versions::of(peer(), &response)),
        code => Err(ClientError::refused(format!("ApiVersions of {}", shared.peer), code, None)),
    }
}

async fn ask(
    shared: &Shared,
    outgoing: &mpsc::Sender<Outgoing>,
    target: &Target,
    config: &ClientConfig,
    version: i16,
) -> Result<Frame<ApiVersionsResponse>, ClientError> {
    let (cluster_id, node_id) = match &target.identity {
        Some((cluster_id, node_id)) => (Some(cluster_id.clone()), *node_id),
        None => (None, -1),
    };
    let request = ApiVersionsRequest {
        client_software_name: SOFTWARE_NAME.into(),
        client_software_version: env!("CARGO_PKG_VERSION").into(),
        cluster_id,
        node_id,
    };
    let permit = Arc::clone(&shared.permits).acquire_owned().await.map_err(|_| ClientError::Closed)?;
    let reply: Reply<ApiVersionsResponse> =
        shared.send(outgoing, &request, version, config.connect_timeout, permit)?;
    reply.frame().await
}

/// The error code stands first in every version of the answer, behind the correlation id.
fn error_of(frame: &Frame<ApiVersionsResponse>) -> ErrorCode {
    match frame.bytes.get(4..6) {
        Some(&[high, low]) => ErrorCode::from_code(i16::from_be_bytes([high, low])),
        _ => ErrorCode::None,
    }
}
