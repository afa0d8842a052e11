//! Quotas of clients (KIP-13, KIP-124, KIP-599, KIP-612): who is limited, in what, and how far.
//!
//! An [`Entity`] is a user, a client id, both together, or an address, each by name or as the default of all that have
//! nothing of their own. [`ClientQuotas`] is the table of the cluster, and knows which of its entries counts for a
//! client. What a client does is measured elsewhere.

use crate::fields::{FieldError, Reader, Writer};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Somebody by name, or all that have nothing of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    Default,
    Named(String),
}

/// What has quotas.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    User(Who),
    Client(Who),
    UserClient(Who, Who),
    Ip(Who),
}

/// What is limited, by Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Bytes per second.
    ProducerByteRate,
    /// Bytes per second.
    ConsumerByteRate,
    /// Percent of one thread's time.
    RequestPercentage,
    /// Partitions made or removed per second.
    ControllerMutationRate,
    /// Connections per second, of an address.
    ConnectionCreationRate,
}

impl Key {
    pub const ALL: [Self; 5] = [
        Self::ProducerByteRate,
        Self::ConsumerByteRate,
        Self::RequestPercentage,
        Self::ControllerMutationRate,
        Self::ConnectionCreationRate,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
            Self::ControllerMutationRate => "controller_mutation_rate",
            Self::ConnectionCreationRate => "connection_creation_rate",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Whether this is limited of users and clients, or of addresses.
    pub fn is_of(self, entity: &Entity) -> bool {
        (self == Self::ConnectionCreationRate) == matches!(entity, Entity::Ip(_))
    }

    /// The largest whole number that Kafka's type of this quota holds; `None`: fractions are fine too.
    pub fn whole_max(self) -> Option<f64> {
        match self {
            Self::ProducerByteRate | Self::ConsumerByteRate => Some(i64::MAX as f64),
            Self::ConnectionCreationRate => Some(f64::from(i32::MAX)),
            Self::RequestPercentage | Self::ControllerMutationRate => None,
        }
    }

    /// As it is stored.
    fn number(self) -> u8 {
        match self {
            Self::ProducerByteRate => 0,
            Self::ConsumerByteRate => 1,
            Self::RequestPercentage => 2,
            Self::ControllerMutationRate => 3,
            Self::ConnectionCreationRate => 4,
        }
    }
}

/// How much of it per second: finite, and more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Limit(f64);

/// It is never NaN.
impl Eq for Limit {}

impl Limit {
    pub fn new(value: f64) -> Option<Self> {
        (value.is_finite() && value > 0.0).then_some(Self(value))
    }

    pub fn get(self) -> f64 {
        self.0
    }
}

pub type Limits = BTreeMap<Key, Limit>;

/// The quotas of all entities. An entity without any is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientQuotas(BTreeMap<Entity, Arc<Limits>>);

/// What counts for one client.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Applied<'a> {
    pub limit: Limit,
    /// Who shares the limit: all connections that have these two in common. Empty: whatever it is.
    pub user: &'a str,
    pub client_id: &'a str,
}

impl ClientQuotas {
    pub fn get(&self, entity: &Entity) -> Option<&Arc<Limits>> {
        self.0.get(entity)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Entity, &Arc<Limits>)> {
        self.0.iter()
    }

    pub(crate) fn set(&mut self, entity: Entity, limits: &Arc<Limits>) {
        if limits.is_empty() {
            self.0.remove(&entity);
        } else {
            self.0.insert(entity, Arc::clone(limits));
        }
    }

    /// Whether anybody is limited in this.
    pub fn limits_any(&self, key: Key) -> bool {
        self.0.values().any(|limits| limits.contains_key(&key))
    }

    /// The limit of a client: that of the nearest entity which has this key at all, in Kafka's order. The keys are
    /// looked up one by one: who has a limit for writing may have the default's for reading.
    ///
    /// A client without id is no client by name: the defaults of all client ids leave it alone.
    pub fn of_client<'a>(&self, key: Key, user: &'a str, client_id: &'a str) -> Option<Applied<'a>> {
        let of = |entity: &Entity| self.0.get(entity)?.get(&key).copied();
        let named = |name: &str| Who::Named(name.to_owned());
        let both = Applied { limit: Limit(f64::MAX), user, client_id };
        let pair = |user_is: Who, client_is: Who| {
            let limit = of(&Entity::UserClient(user_is, client_is)).filter(|_| !client_id.is_empty());
            limit.map(|limit| Applied { limit, ..both })
        };
        let user_alone =
            |who: Who| of(&Entity::User(who)).map(|limit| Applied { limit, client_id: "", ..both });
        let client_alone = |who: Who| {
            let limit = of(&Entity::Client(who)).filter(|_| !client_id.is_empty());
            limit.map(|limit| Applied { limit, user: "", ..both })
        };
        pair(named(user), named(client_id))
            .or_else(|| pair(named(user), Who::Default))
            .or_else(|| user_alone(named(user)))
            .or_else(|| pair(Who::Default, named(client_id)))
            .or_else(|| pair(Who::Default, Who::Default))
            .or_else(|| user_alone(Who::Default))
            .or_else(|| client_alone(named(client_id)))
            .or_else(|| client_alone(Who::Default))
    }

    /// Addresses, as they were named, with their limits of connections; the default's name is `None`.
    pub fn of_addresses(&self) -> impl Iterator<Item = (Option<&str>, Limit)> {
        self.0.iter().filter_map(|(entity, limits)| match entity {
            Entity::Ip(who) => {
                let limit = limits.get(&Key::ConnectionCreationRate)?;
                Some((who.name(), *limit))
            }
            _ => None,
        })
    }
}

impl Who {
    pub fn of(name: Option<&str>) -> Self {
        name.map_or(Self::Default, |name| Self::Named(name.to_owned()))
    }

    /// `None`: the default.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Default => None,
            Self::Named(name) => Some(name),
        }
    }

    /// As a part of a key of the store: nothing for the default, which no name is, and without the separator.
    fn to_part(&self) -> String {
        self.name().map_or_else(String::new, |name| name.replace('%', "%25").replace('/', "%2F"))
    }

    fn from_part(part: &str) -> Self {
        Self::of((!part.is_empty()).then(|| part.replace("%2F", "/").replace("%25", "%")).as_deref())
    }
}

impl Entity {
    /// The parts by Kafka's names for their types.
    pub fn parts(&self) -> Vec<(&'static str, &Who)> {
        match self {
            Self::User(user) => vec![(USER, user)],
            Self::Client(client) => vec![(CLIENT_ID, client)],
            Self::UserClient(user, client) => vec![(USER, user), (CLIENT_ID, client)],
            Self::Ip(ip) => vec![(IP, ip)],
        }
    }

    /// Behind the prefix of the store's keys.
    pub(crate) fn to_key(&self) -> String {
        match self {
            Self::User(user) => format!("users/{}", user.to_part()),
            Self::Client(client) => format!("clients/{}", client.to_part()),
            Self::UserClient(user, client) => {
                format!("users/{}/clients/{}", user.to_part(), client.to_part())
            }
            Self::Ip(ip) => format!("ips/{}", ip.to_part()),
        }
    }

    pub(crate) fn from_key(key: &str) -> Option<Self> {
        let parts: Vec<&str> = key.split('/').collect();
        Some(match parts[..] {
            ["users", user] => Self::User(Who::from_part(user)),
            ["clients", client] => Self::Client(Who::from_part(client)),
            ["users", user, "clients", client] => {
                Self::UserClient(Who::from_part(user), Who::from_part(client))
            }
            ["ips", ip] => Self::Ip(Who::from_part(ip)),
            _ => return None,
        })
    }
}

// Kafka's names for what an entity consists of.
pub const USER: &str = "user";
pub const CLIENT_ID: &str = "client-id";
pub const IP: &str = "ip";

/// As a person says it: `client-id a of user <default>`.
impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |who: &Who| who.name().unwrap_or("<default>").to_owned();
        match self {
            Self::User(user) => write!(f, "user {}", name(user)),
            Self::Client(client) => write!(f, "client-id {}", name(client)),
            Self::UserClient(user, client) => write!(f, "client-id {} of user {}", name(client), name(user)),
            Self::Ip(ip) => write!(f, "ip {}", name(ip)),
        }
    }
}

/// The beginning of a name, for a text about it: a name may be as long as a whole text.
pub fn brief(name: &str) -> &str {
    &name[..name.floor_char_boundary(BRIEF_MAX)]
}

const BRIEF_MAX: usize = 200;

pub(crate) fn write_limits(w: &mut Writer, limits: &Limits) {
    w.count(limits.len());
    for (key, limit) in limits {
        w.u8(key.number()).u64(limit.0.to_bits());
    }
}

pub(crate) fn read_limits(r: &mut Reader<'_>) -> Result<Limits, FieldError> {
    let count = r.count(9)?;
    let mut limits = Limits::new();
    for _ in 0..count {
        let number = r.u8()?;
        let key = Key::ALL.into_iter().find(|key| key.number() == number);
        let key = key.ok_or(FieldError::Unknown(number, "quota"))?;
        let limit = Limit::new(f64::from_bits(r.u64()?)).ok_or(FieldError::Value("quota"))?;
        limits.insert(key, limit);
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(all: &[(Entity, f64)]) -> ClientQuotas {
        let mut quotas = ClientQuotas::default();
        for (entity, value) in all {
            let limits = Limits::from([(Key::ProducerByteRate, Limit::new(*value).unwrap())]);
            quotas.set(entity.clone(), &Arc::new(limits));
        }
        quotas
    }

    fn named(name: &str) -> Who {
        Who::Named(name.to_owned())
    }

    #[test]
    fn the_nearest_entity_counts_and_says_who_shares() {
        // From the nearest to the farthest, each with who shares its limit.
        let order = [
            (Entity::UserClient(named("u"), named("c")), ("u", "c")),
            (Entity::UserClient(named("u"), Who::Default), ("u", "c")),
            (Entity::User(named("u")), ("u", "")),
            (Entity::UserClient(Who::Default, named("c")), ("u", "c")),
            (Entity::UserClient(Who::Default, Who::Default), ("u", "c")),
            (Entity::User(Who::Default), ("u", "")),
            (Entity::Client(named("c")), ("", "c")),
            (Entity::Client(Who::Default), ("", "c")),
        ];
        for first in 0..order.len() {
            let all: Vec<(Entity, f64)> =
                (first..order.len()).map(|at| (order[at].0.clone(), (at + 1) as f64)).collect();
            let applied = quotas(&all).of_client(Key::ProducerByteRate, "u", "c").unwrap();
            let (user, client_id) = order[first].1;
            assert_eq!(applied.limit.get(), (first + 1) as f64, "{:?}", order[first].0);
            assert_eq!((applied.user, applied.client_id), (user, client_id));
        }
        let strangers = quotas(&[
            (Entity::UserClient(named("u"), named("d")), 1.0),
            (Entity::User(named("v")), 1.0),
            (Entity::Ip(Who::Default), 1.0),
        ]);
        assert_eq!(strangers.of_client(Key::ProducerByteRate, "u", "c"), None);
    }

    #[test]
    fn a_client_without_id_has_only_what_its_user_has() {
        let of_clients = quotas(&[
            (Entity::Client(Who::Default), 1.0),
            (Entity::UserClient(Who::Default, Who::Default), 1.0),
        ]);
        assert_eq!(of_clients.of_client(Key::ProducerByteRate, "u", ""), None);
        let of_users = quotas(&[(Entity::User(Who::Default), 2.0), (Entity::Client(Who::Default), 1.0)]);
        assert_eq!(of_users.of_client(Key::ProducerByteRate, "u", "").unwrap().limit.get(), 2.0);
    }

    #[test]
    fn keys_are_looked_up_one_by_one() {
        let mut all = quotas(&[(Entity::Client(named("c")), 5.0)]);
        let limits = Limits::from([(Key::ConsumerByteRate, Limit::new(7.0).unwrap())]);
        all.set(Entity::User(Who::Default), &Arc::new(limits));
        assert_eq!(all.of_client(Key::ProducerByteRate, "u", "c").unwrap().limit.get(), 5.0);
        assert_eq!(all.of_client(Key::ConsumerByteRate, "u", "c").unwrap().limit.get(), 7.0);
        assert_eq!(all.of_client(Key::RequestPercentage, "u", "c"), None);
        assert!(all.limits_any(Key::ConsumerByteRate) && !all.limits_any(Key::RequestPercentage));
        all.set(Entity::User(Who::Default), &Arc::default());
        assert_eq!(all.iter().len(), 1, "an entity without quotas is not there");
    }

    #[test]
    fn entities_survive_their_keys() {
        let names = ["c", "a/b", "%2F", "<default>", "100%", "users", "\u{e4} b"];
        let whos = || names.iter().map(|name| named(name)).chain([Who::Default]);
        for a in whos() {
            for entity in [Entity::User(a.clone()), Entity::Client(a.clone()), Entity::Ip(a.clone())] {
                assert_eq!(Entity::from_key(&entity.to_key()), Some(entity));
            }
            for b in whos() {
                let entity = Entity::UserClient(a.clone(), b);
                assert_eq!(Entity::from_key(&entity.to_key()), Some(entity));
            }
        }
        for bad in ["", "users", "teams/a", "users/a/b", "users/a/clients/b/c", "clients/a/b"] {
            assert_eq!(Entity::from_key(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_are_shortened_between_characters() {
        assert_eq!(brief("a"), "a");
        assert_eq!(brief(&"\u{20ac}".repeat(100)), "\u{20ac}".repeat(66));
    }

    #[test]
    fn only_numbers_above_nothing_are_limits() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Limit::new(bad), None, "{bad}");
            let mut w = Writer::version(1);
            w.count(1).u8(0).u64(bad.to_bits());
            assert!(read_limits(&mut Reader::new(&w.finish()[1..])).is_err());
        }
    }
}
