//! One step of the metadata, and how it is stored: a key and a value of the coordination engine.
//!
//! Every value begins with the version of its layout. Integers are big-endian, text is `len u32 | UTF-8`, a list is
//! `count u32 | elements`, an optional text is `0` or `1 | text`.
//!
//! ```text
//! key                        value, behind version u8 = 1
//! cluster                    id text | created_ms i64
//! features                   list of (name text | level i16)
//! controller                 node i32                                      ephemeral
//! controller_epoch           epoch i32
//! brokers/ids/<node>         directory 16 | incarnation 16 | clean u8 | rack optional text
//!                            | list of (listener text | host text | port u16)
//!                            | list of (feature text | lowest i16 | highest i16)   ephemeral
//! brokers/restarts/<node>    count u32
//! brokers/defaults           list of (name text | value text)
//! topic_names/<name>         topic id 16
//! topics/<topic id>          name text | storage u8 | list of partitions
//!   partition                leader i32 | leader epoch i32 | partition epoch i32 | restarts u32
//!                            | replicas list of i32 | isr list of i32
//! configs/topics/<topic id>  list of (name text | value text)
//! configs/brokers/<node>     list of (name text | value text)
//! configs/groups/<group>     list of (name text | value text)
//! quotas/<entity>            list of (quota u8 | limit f64)
//!   entity                   users/<user> or clients/<client id> or users/<user>/clients/<client id> or ips/<ip>, where
//!                            a name that is empty is the default, and % and / in names are %25 and %2F
//!   quota                    0 producer_byte_rate, 1 consumer_byte_rate, 2 request_percentage,
//!                            3 controller_mutation_rate, 4 connection_creation_rate
//! deleting/<topic id>        name text | partitions u32
//! producer_ids               next i64
//! ```
//!
//! A key that is gone is a change too (`Option` of the value). Keys that this version does not know are an error: a
//! newer Ottla wrote them, and what they mean cannot be guessed.

use crate::fields::{FieldError, Reader, Writer};
use crate::image::{Broker, Cluster, Configs, DeletedTopic, Endpoint, Partition, StorageClass, Topic};
use crate::quota::{self, Entity, Limits};
use crate::{NodeId, TopicId};
use ottla_wire::{Uuid, WireStr};
use std::collections::BTreeMap;
use std::sync::Arc;

const VERSION: u8 = 1;

pub const CONTROLLER: &str = "controller";
pub const CONTROLLER_EPOCH: &str = "controller_epoch";
pub const CLUSTER: &str = "cluster";
const FEATURES: &str = "features";
const BROKERS: &str = "brokers/ids/";
const RESTARTS: &str = "brokers/restarts/";
const BROKER_DEFAULTS: &str = "brokers/defaults";
const TOPIC_NAMES: &str = "topic_names/";
const TOPICS: &str = "topics/";
const TOPIC_CONFIGS: &str = "configs/topics/";
const BROKER_CONFIGS: &str = "configs/brokers/";
const GROUP_CONFIGS: &str = "configs/groups/";
const QUOTAS: &str = "quotas/";
const DELETING: &str = "deleting/";
const PRODUCER_IDS: &str = "producer_ids";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Cluster(Cluster),
    Features(BTreeMap<String, i16>),
    Controller(Option<NodeId>),
    ControllerEpoch(i32),
    Broker(Arc<Broker>),
    BrokerGone(NodeId),
    /// Unclean starts of a broker so far: raises the epochs of everything it leads, by one stored record.
    Restarts {
        node: NodeId,
        count: u32,
    },
    TopicName {
        name: WireStr,
        id: Option<TopicId>,
    },
    /// Name and partitions; settings are a change of their own.
    Topic(Arc<Topic>),
    TopicGone(TopicId),
    TopicConfigs {
        id: TopicId,
        configs: Arc<Configs>,
    },
    /// What one broker was given while it runs. Empty: nothing.
    BrokerConfigs {
        node: NodeId,
        configs: Arc<Configs>,
    },
    GroupConfigs {
        group: String,
        configs: Arc<Configs>,
    },
    /// All limits of an entity. Empty: none.
    Quotas {
        entity: Entity,
        limits: Arc<Limits>,
    },
    Deleting(Arc<DeletedTopic>),
    Forgotten(TopicId),
    BrokerDefaults(Arc<Configs>),
    NextProducerId(i64),
}

/// A stored entry that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("metadata entry {0:?} is of a newer Ottla; start that version, or a later one")]
    UnknownKey(String),
    #[error("metadata entry {key:?} has layout {version}, this Ottla knows {VERSION}; start a newer Ottla")]
    UnknownVersion { key: String, version: u8 },
    #[error("metadata entry {key:?} is damaged: {cause}")]
    Damaged { key: String, cause: String },
}

pub fn broker_key(id: NodeId) -> String {
    format!("{BROKERS}{id}")
}

impl Change {
    /// What is stored: the key, and the value or `None` where the key goes away.
    pub fn to_entry(&self) -> (String, Option<Vec<u8>>) {
        let mut w = Writer::version(VERSION);
        let key = match self {
            Self::Cluster(cluster) => {
                w.text(&cluster.id).i64(cluster.created_ms);
                CLUSTER.to_owned()
            }
            Self::Features(features) => {
                w.count(features.len());
                for (name, level) in features {
                    w.text(name).i16(*level);
                }
                FEATURES.to_owned()
            }
            Self::Controller(None) => return (CONTROLLER.to_owned(), None),
            Self::Controller(Some(node)) => {
                w.i32(*node);
                CONTROLLER.to_owned()
            }
            Self::ControllerEpoch(epoch) => {
                w.i32(*epoch);
                CONTROLLER_EPOCH.to_owned()
            }
            Self::Broker(broker) => {
                write_broker(&mut w, broker);
                broker_key(broker.id)
            }
            Self::BrokerGone(id) => return (broker_key(*id), None),
            Self::Restarts { node, count } => {
                w.u32(*count);
                format!("{RESTARTS}{node}")
            }
            Self::TopicName { name, id: None } => return (format!("{TOPIC_NAMES}{name}"), None),
            Self::TopicName { name, id: Some(id) } => {
                w.id(id.0);
                format!("{TOPIC_NAMES}{name}")
            }
            Self::Topic(topic) => {
                write_topic(&mut w, topic);
                format!("{TOPICS}{}", topic.id)
            }
            Self::TopicGone(id) => return (format!("{TOPICS}{id}"), None),
            Self::TopicConfigs { id, configs } => {
                return configs_entry(format!("{TOPIC_CONFIGS}{id}"), configs);
            }
            Self::BrokerConfigs { node, configs } => {
                return configs_entry(format!("{BROKER_CONFIGS}{node}"), configs);
            }
            Self::GroupConfigs { group, configs } => {
                return configs_entry(format!("{GROUP_CONFIGS}{group}"), configs);
            }
            Self::Quotas { entity, limits } => {
                let key = format!("{QUOTAS}{}", entity.to_key());
                if limits.is_empty() {
                    return (key, None);
                }
                quota::write_limits(&mut w, limits);
                key
            }
            Self::Deleting(topic) => {
                w.text(&topic.name).u32(topic.partitions);
                format!("{DELETING}{}", topic.id)
            }
            Self::Forgotten(id) => return (format!("{DELETING}{id}"), None),
            Self::BrokerDefaults(configs) => {
                write_configs(&mut w, configs);
                BROKER_DEFAULTS.to_owned()
            }
            Self::NextProducerId(next) => {
                w.i64(*next);
                PRODUCER_IDS.to_owned()
            }
        };
        (key, Some(w.finish()))
    }

    /// The change that a stored entry, or its end, stands for. `created` is the revision that created the key.
    pub fn from_entry(key: &str, value: Option<&[u8]>, created: i64) -> Result<Self, EntryError> {
        let damaged = |cause: &dyn std::fmt::Display| EntryError::Damaged {
            key: key.to_owned(),
            cause: cause.to_string(),
        };
        let Some(value) = value else { return Self::from_end(key).ok_or_else(|| unknown(key)) };
        let (version, body) = value.split_first().ok_or_else(|| damaged(&FieldError::Short))?;
        if *version != VERSION {
            return Err(EntryError::UnknownVersion { key: key.to_owned(), version: *version });
        }
        let mut r = Reader::new(body);
        let change =
            read(key, &mut r, created).map_err(|cause| damaged(&cause))?.ok_or_else(|| unknown(key))?;
        r.finish().map_err(|cause| damaged(&cause))?;
        Ok(change)
    }

    fn from_end(key: &str) -> Option<Self> {
        if key == CONTROLLER {
            Some(Self::Controller(None))
        } else if let Some(id) = key.strip_prefix(BROKERS) {
            Some(Self::BrokerGone(id.parse().ok()?))
        } else if let Some(name) = key.strip_prefix(TOPIC_NAMES) {
            Some(Self::TopicName { name: name.into(), id: None })
        } else if let Some(id) = key.strip_prefix(TOPICS) {
            Some(Self::TopicGone(id.parse().ok()?))
        } else if let Some(id) = key.strip_prefix(TOPIC_CONFIGS) {
            Some(Self::TopicConfigs { id: id.parse().ok()?, configs: Arc::default() })
        } else if let Some(node) = key.strip_prefix(BROKER_CONFIGS) {
            Some(Self::BrokerConfigs { node: node.parse().ok()?, configs: Arc::default() })
        } else if let Some(group) = key.strip_prefix(GROUP_CONFIGS) {
            Some(Self::GroupConfigs { group: group.to_owned(), configs: Arc::default() })
        } else if let Some(entity) = key.strip_prefix(QUOTAS) {
            Some(Self::Quotas { entity: Entity::from_key(entity)?, limits: Arc::default() })
        } else if let Some(id) = key.strip_prefix(DELETING) {
            Some(Self::Forgotten(id.parse().ok()?))
        } else {
            None
        }
    }
}

fn unknown(key: &str) -> EntryError {
    EntryError::UnknownKey(key.to_owned())
}

fn read(key: &str, r: &mut Reader<'_>, created: i64) -> Result<Option<Change>, FieldError> {
    let change = if let Some(name) = key.strip_prefix(TOPIC_NAMES) {
        Change::TopicName { name: name.into(), id: Some(Uuid(r.id()?)) }
    } else if let Some(Ok(id)) = key.strip_prefix(TOPICS).map(str::parse) {
        Change::Topic(Arc::new(read_topic(r, id)?))
    } else if let Some(Ok(id)) = key.strip_prefix(TOPIC_CONFIGS).map(str::parse) {
        Change::TopicConfigs { id, configs: Arc::new(read_configs(r)?) }
    } else if let Some(Ok(node)) = key.strip_prefix(BROKER_CONFIGS).map(str::parse) {
        Change::BrokerConfigs { node, configs: Arc::new(read_configs(r)?) }
    } else if let Some(group) = key.strip_prefix(GROUP_CONFIGS) {
        Change::GroupConfigs { group: group.to_owned(), configs: Arc::new(read_configs(r)?) }
    } else if let Some(Some(entity)) = key.strip_prefix(QUOTAS).map(Entity::from_key) {
        Change::Quotas { entity, limits: Arc::new(quota::read_limits(r)?) }
    } else if let Some(Ok(id)) = key.strip_prefix(DELETING).map(str::parse) {
        Change::Deleting(Arc::new(DeletedTopic { id, name: r.text()?.into(), partitions: r.u32()? }))
    } else if let Some(Ok(id)) = key.strip_prefix(BROKERS).map(str::parse) {
        Change::Broker(Arc::new(read_broker(r, id, created)?))
    } else if let Some(Ok(node)) = key.strip_prefix(RESTARTS).map(str::parse) {
        Change::Restarts { node, count: r.u32()? }
    } else {
        match key {
            CLUSTER => Change::Cluster(Cluster { id: r.text()?.to_owned(), created_ms: r.i64()? }),
            FEATURES => {
                let count = r.count(6)?;
                Change::Features(
                    (0..count).map(|_| Ok((r.text()?.to_owned(), r.i16()?))).collect::<Result<_, _>>()?,
                )
            }
            CONTROLLER => Change::Controller(Some(r.i32()?)),
            CONTROLLER_EPOCH => Change::ControllerEpoch(r.i32()?),
            BROKER_DEFAULTS => Change::BrokerDefaults(Arc::new(read_configs(r)?)),
            PRODUCER_IDS => Change::NextProducerId(r.i64()?),
            _ => return Ok(None),
        }
    };
    Ok(Some(change))
}

/// Without settings there is no entry.
fn configs_entry(key: String, configs: &Configs) -> (String, Option<Vec<u8>>) {
    if configs.is_empty() {
        return (key, None);
    }
    let mut w = Writer::version(VERSION);
    write_configs(&mut w, configs);
    (key, Some(w.finish()))
}

fn write_configs(w: &mut Writer, configs: &Configs) {
    w.count(configs.len());
    for (name, value) in configs {
        w.text(name).text(value);
    }
}

fn read_configs(r: &mut Reader<'_>) -> Result<Configs, FieldError> {
    let count = r.count(8)?;
    (0..count).map(|_| Ok((r.text()?.to_owned(), r.text()?.to_owned()))).collect()
}

fn write_topic(w: &mut Writer, topic: &Topic) {
    let storage = match topic.storage {
        StorageClass::Local => 0,
    };
    w.text(&topic.name).u8(storage).count(topic.partitions.len());
    for p in topic.partitions.iter() {
        w.i32(p.leader).i32(p.leader_epoch).i32(p.partition_epoch).u32(p.restarts);
        w.i32s(&p.replicas).i32s(&p.isr);
    }
}

fn read_topic(r: &mut Reader<'_>, id: TopicId) -> Result<Topic, FieldError> {
    let name = r.text()?.into();
    let storage = match r.u8()? {
        0 => StorageClass::Local,
        other => return Err(FieldError::Unknown(other, "storage class")),
    };
    let count = r.count(24)?;
    let mut partitions = Vec::with_capacity(count);
    for _ in 0..count {
        let (leader, leader_epoch, partition_epoch, restarts) = (r.i32()?, r.i32()?, r.i32()?, r.u32()?);
        let (replicas, isr) = (r.i32s()?, r.i32s()?);
        partitions.push(Partition { leader, leader_epoch, partition_epoch, replicas, isr, restarts });
    }
    Ok(Topic { id, name, storage, partitions: Arc::new(partitions), configs: Arc::default() })
}

fn write_broker(w: &mut Writer, broker: &Broker) {
    w.id(broker.directory.0).id(broker.incarnation.0).u8(u8::from(broker.clean_start));
    w.optional_text(broker.rack.as_deref()).count(broker.endpoints.len());
    for endpoint in &broker.endpoints {
        w.text(&endpoint.listener).text(&endpoint.host).u16(endpoint.port);
    }
    w.count(broker.features.len());
    for (name, (low, high)) in &broker.features {
        w.text(name).i16(*low).i16(*high);
    }
}

fn read_broker(r: &mut Reader<'_>, id: NodeId, epoch: i64) -> Result<Broker, FieldError> {
    let (directory, incarnation) = (Uuid(r.id()?), Uuid(r.id()?));
    let clean_start = match r.u8()? {
        0 => false,
        1 => true,
        other => return Err(FieldError::Unknown(other, "mark of a clean start")),
    };
    let rack = r.optional_text()?.map(str::to_owned);
    let count = r.count(10)?;
    let mut endpoints = Vec::with_capacity(count);
    for _ in 0..count {
        let (listener, host) = (r.text()?.to_owned(), r.text()?.to_owned());
        endpoints.push(Endpoint { listener, host, port: r.u16()? });
    }
    let count = r.count(8)?;
    let features = (0..count)
        .map(|_| Ok((r.text()?.to_owned(), (r.i16()?, r.i16()?))))
        .collect::<Result<_, FieldError>>()?;
    Ok(Broker { id, epoch, endpoints, rack, directory, incarnation, clean_start, features })
}
