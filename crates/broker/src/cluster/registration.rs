//! How a broker makes itself known: one key that ends with its session.
//!
//! The revision that creates the key is the broker epoch, another one at each start. A key that an earlier session of
//! this very broker left (same node id, same data directory) is replaced in one transaction; one of another directory
//! means that two brokers have the same node id, and the second one does not start.

use super::MetadataError;
use super::controller::put;
use super::coord::{Check, Coord, CoordError, Revision, SessionId, Transaction, Write};
use ottla_state::change::broker_key;
use ottla_state::controller::METADATA_VERSION;
use ottla_state::{Broker, Change, Endpoint, NodeId, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The metadata level this broker runs with, and the lowest one it could: Apache Kafka 4.4's own range.
pub const METADATA_LEVEL: i16 = 33;
pub const METADATA_LEVEL_MIN: i16 = 7;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub node: NodeId,
    pub directory: Uuid,
    pub incarnation: Uuid,
    pub rack: Option<String>,
    pub endpoints: Vec<Endpoint>,
    pub clean_start: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error(
        "node id {node} is in use by a broker with another data directory ({directory}); choose another node.id"
    )]
    NodeIdTaken { node: NodeId, directory: Uuid },
}

impl From<CoordError> for RegistrationError {
    fn from(error: CoordError) -> Self {
        Self::Metadata(error.into())
    }
}

/// Registers the broker and returns its epoch.
pub async fn register(
    coord: &dyn Coord,
    session: SessionId,
    registration: Registration,
) -> Result<Revision, RegistrationError> {
    let Registration { node, directory, incarnation, rack, endpoints, clean_start } = registration;
    let broker = Broker {
        id: node,
        // The engine gives it: the revision of this very transaction.
        epoch: 0,
        endpoints,
        rack,
        directory,
        incarnation,
        clean_start,
        features: BTreeMap::from([(METADATA_VERSION.to_owned(), (METADATA_LEVEL_MIN, METADATA_LEVEL))]),
    };
    let key = broker_key(node);
    if let Some(old) = coord.get(&key).await? {
        let change = Change::from_entry(&key, Some(&old.value), old.created).map_err(MetadataError::from)?;
        let Change::Broker(known) = change else { unreachable!("this key is read as a broker or refused") };
        if known.directory != directory {
            return Err(RegistrationError::NodeIdTaken { node, directory: known.directory });
        }
        // Deleted first, so that the key is created anew and the epoch is another one.
        let checks = vec![Check::Unchanged { key: key.clone(), modified: old.modified }];
        coord.commit(Transaction { checks, writes: vec![Write::Delete { key: key.clone() }] }).await?;
    }
    let writes = vec![put(&Change::Broker(Arc::new(broker)), Some(session))];
    Ok(coord.commit(Transaction { checks: vec![Check::Absent(key)], writes }).await?)
}
