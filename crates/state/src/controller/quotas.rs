//! Changed quotas of clients: Kafka's checks in Kafka's order.
//!
//! An entity that is named twice, or a quota of it, changes nothing; Kafka takes the first of two and says that it was
//! refused.

use super::{Answer, Decision, Mode, Refusal};
use crate::Change;
use crate::image::Image;
use crate::quota::{CLIENT_ID, Entity, IP, Key, Limit, USER, Who, brief};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Types and names as a request has them; a type without name is the default of all.
pub type EntityParts = BTreeMap<WireStr, Option<WireStr>>;

/// What becomes of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaAlteration {
    pub entity: EntityParts,
    /// Quotas by name; `None` takes one away.
    pub ops: Vec<(WireStr, Option<f64>)>,
}

/// A request is the same when all its bits are.
impl Eq for QuotaAlteration {}

/// An entity, as it was named, and what became of it.
pub type QuotaAnswer = (EntityParts, Result<(), Refusal>);

/// One answer per entity.
pub(super) fn alter(image: &Image, alterations: &[QuotaAlteration], mode: Mode) -> Decision {
    let mut count: BTreeMap<&EntityParts, usize> = BTreeMap::new();
    alterations.iter().for_each(|alteration| *count.entry(&alteration.entity).or_insert(0) += 1);
    let (mut steps, mut answers) = (Vec::new(), Vec::with_capacity(count.len()));
    let mut answered = BTreeSet::new();
    for alteration in alterations {
        let result = if count[&alteration.entity] > 1 {
            if !answered.insert(&alteration.entity) {
                continue;
            }
            Err(invalid("the request names this entity more than once"))
        } else {
            altered(image, alteration)
        };
        answers.push((alteration.entity.clone(), result.map(|change| steps.extend(change.map(|c| vec![c])))));
    }
    if mode == Mode::ValidateOnly {
        steps.clear();
    }
    Decision { steps, answer: Answer::QuotasAltered(answers) }
}

/// `None` where nothing changes.
fn altered(image: &Image, alteration: &QuotaAlteration) -> Result<Option<Change>, Refusal> {
    let entity = entity(&alteration.entity)?;
    let current = image.quotas().get(&entity).map(|limits| limits.as_ref().clone()).unwrap_or_default();
    let mut next = current.clone();
    let mut named = BTreeSet::new();
    for (name, value) in &alteration.ops {
        if !named.insert(name) {
            return Err(invalid(format!("quota {} is named more than once", brief(name))));
        }
        let key = Key::named(name);
        match value {
            None => drop(key.map(|key| next.remove(&key))),
            Some(value) => {
                let key = key.filter(|key| key.is_of(&entity)).ok_or_else(|| unknown(name, &entity))?;
                next.insert(key, limit(key, *value)?);
            }
        }
    }
    Ok((next != current).then(|| Change::Quotas { entity, limits: Arc::new(next) }))
}

fn entity(parts: &EntityParts) -> Result<Entity, Refusal> {
    for (kind, name) in parts {
        if ![USER, CLIENT_ID, IP].contains(&kind.as_str()) {
            let kind = brief(kind);
            return Err(invalid(format!("{kind} is no type of an entity; they are user, client-id and ip")));
        }
        if name.as_ref().is_some_and(|name| name.is_empty()) {
            return Err(invalid(format!("an empty {kind} is nobody; the default has no name at all")));
        }
    }
    let who = |kind: &str| parts.get(kind).map(|name| Who::of(name.as_deref()));
    match (who(USER), who(CLIENT_ID), who(IP)) {
        (None, None, Some(ip)) => Ok(Entity::Ip(ip)),
        (_, _, Some(_)) => Err(invalid("an ip stands for itself, not together with a user or a client-id")),
        (Some(user), Some(client), None) => Ok(Entity::UserClient(user, client)),
        (Some(user), None, None) => Ok(Entity::User(user)),
        (None, Some(client), None) => Ok(Entity::Client(client)),
        (None, None, None) => Err(invalid("an entity is a user, a client-id, both, or an ip")),
    }
}

fn limit(key: Key, value: f64) -> Result<Limit, Refusal> {
    let name = key.name();
    if !value.is_finite() {
        return Err(invalid(format!("quota {name} is a finite number")));
    }
    let limit = Limit::new(value).ok_or_else(|| invalid(format!("quota {name} is above 0")))?;
    match key.whole_max() {
        Some(max) if value > max => Err(invalid(format!("quota {name} is at most {max}"))),
        Some(_) if (value % 1.0).abs() > 1e-6 => Err(invalid(format!("quota {name} is a whole number"))),
        _ => Ok(limit),
    }
}

fn unknown(name: &str, entity: &Entity) -> Refusal {
    let (name, entity_name) = (brief(name), entity.to_string());
    let known = Key::ALL.into_iter().filter(|key| key.is_of(entity)).map(Key::name);
    let entity = brief(&entity_name);
    invalid(format!("{name} is no quota of {entity}; there are {}", known.collect::<Vec<_>>().join(", ")))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, message)
}
