//! DescribeClientQuotas (48), versions 0-1, and AlterClientQuotas (49), versions 0-1. v1 of each: flexible.
//!
//! Filters and entities are checked as Kafka does; which quotas an entity may have is decided by the controller.

use crate::call::Call;
use crate::context::Context;
use crate::error;
use crate::reply::{Outcome, Reply};
use ottla_state::controller::{EntityParts, Mode, QuotaAlteration, QuotaAnswer, Refusal};
use ottla_state::quota::{CLIENT_ID, ClientQuotas, Entity, IP, USER, brief};
use ottla_wire::messages::alter_client_quotas::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, EntityDataResponse, EntryDataResponse,
};
use ottla_wire::messages::describe_client_quotas::{
    ComponentData, DescribeClientQuotasRequest, DescribeClientQuotasResponse, EntityData, EntryData,
    ValueData,
};
use ottla_wire::{ErrorCode, WireStr};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Names of hosts that one request may have looked up, one after another; Kafka looks up all of them.
const HOSTS_MAX: usize = 100;

// Kafka's numbers for what a component of a filter matches.
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;

pub fn describe(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: DescribeClientQuotasRequest = call.read()?;
    let response = match filter(&request.components) {
        Ok(filter) => DescribeClientQuotasResponse {
            // Kafka has an empty text here.
            error_message: Some(WireStr::default()),
            entries: Some(described(call.context.image().quotas(), &filter, request.strict)),
            ..Default::default()
        },
        Err(refusal) => DescribeClientQuotasResponse {
            error_code: refusal.code.code(),
            error_message: Some(refusal.message.as_str().into()),
            entries: None,
            ..Default::default()
        },
    };
    Ok(call.returns().now(response))
}

/// What a type of an entity has to be.
enum Match<'a> {
    Name(&'a str),
    Default,
    Any,
}

type Filter<'a> = BTreeMap<&'a str, Match<'a>>;

fn filter(components: &[ComponentData]) -> Result<Filter<'_>, Refusal> {
    let mut filter = Filter::new();
    for component in components {
        let kind = component.entity_type.as_str();
        if kind.is_empty() {
            return Err(invalid("a component of the filter has no type of entity"));
        }
        if filter.contains_key(kind) {
            return Err(invalid(format!("the filter names {kind} more than once")));
        }
        if ![USER, CLIENT_ID, IP].contains(&kind) {
            let message = format!("{} is no type of an entity; they are user, client-id and ip", brief(kind));
            return Err(Refusal::new(ErrorCode::UnsupportedVersion, message));
        }
        let wanted = match (component.match_type, component.r#match.as_deref()) {
            (EXACT, Some(name)) => Match::Name(name),
            (EXACT, None) => return Err(invalid(format!("an exact match of {kind} needs a name"))),
            (DEFAULT, None) => Match::Default,
            (ANY, None) => Match::Any,
            (DEFAULT | ANY, Some(_)) => {
                return Err(invalid(format!("a match of the default of {kind}, or of any, has no name")));
            }
            (other, _) => return Err(invalid(format!("{other} is no kind of match"))),
        };
        filter.insert(kind, wanted);
    }
    if filter.contains_key(IP) && filter.len() > 1 {
        return Err(invalid("an ip stands for itself, not together with a user or a client-id"));
    }
    Ok(filter)
}

fn described(quotas: &ClientQuotas, filter: &Filter<'_>, strict: bool) -> Vec<EntryData> {
    let found = quotas.iter().filter(|(entity, _)| matches(entity, filter, strict));
    found
        .map(|(entity, limits)| EntryData {
            entity: entity
                .parts()
                .into_iter()
                .map(|(kind, who)| EntityData {
                    entity_type: kind.into(),
                    entity_name: who.name().map(WireStr::from),
                })
                .collect(),
            values: limits
                .iter()
                .map(|(key, limit)| ValueData { key: key.name().into(), value: limit.get() })
                .collect(),
        })
        .collect()
}

/// A strict filter names every type that the entity has.
fn matches(entity: &Entity, filter: &Filter<'_>, strict: bool) -> bool {
    let parts: BTreeMap<&str, Option<&str>> =
        entity.parts().into_iter().map(|(kind, who)| (kind, who.name())).collect();
    let is = |kind: &str, wanted: &Match<'_>| match (parts.get(kind), wanted) {
        (None, _) => false,
        (Some(_), Match::Any) => true,
        (Some(found), Match::Default) => found.is_none(),
        (Some(found), Match::Name(name)) => *found == Some(*name),
    };
    (!strict || parts.len() == filter.len()) && filter.iter().all(|(kind, wanted)| is(kind, wanted))
}

pub fn alter(mut call: Call<'_>) -> Result<Reply, Reply> {
    let request: AlterClientQuotasRequest = call.read()?;
    let mode = if request.validate_only { Mode::ValidateOnly } else { Mode::Commit };
    let alterations: Vec<QuotaAlteration> = request
        .entries
        .into_iter()
        .map(|entry| QuotaAlteration {
            entity: entry.entity.into_iter().map(|part| (part.entity_type, part.entity_name)).collect(),
            ops: entry.ops.into_iter().map(|op| (op.key, (!op.remove).then_some(op.value))).collect(),
        })
        .collect();
    let (context, returns) = (Arc::clone(call.context), call.returns());
    let looked_up = call.client.awaits(without_strangers(alterations));
    Ok(Reply::Later(Box::pin(async move {
        let looked_up = tokio::select! {
            biased;
            looked_up = looked_up => looked_up,
            () = context.stopped() => None,
        };
        match looked_up {
            Some(looked_up) => returns.outcome(altered(&context, looked_up, mode).await),
            None => Outcome::Close(
                "hosts of quotas were looked up until the client or the broker left".to_owned(),
            ),
        }
    })))
}

type Strangers = BTreeMap<EntityParts, Result<(), Refusal>>;

async fn altered(
    context: &Context,
    (mut alterations, strangers): (Vec<QuotaAlteration>, Strangers),
    mode: Mode,
) -> AlterClientQuotasResponse {
    let entities: Vec<EntityParts> = alterations.iter().map(|a| a.entity.clone()).collect();
    // The request's bytes are not kept by what waits for the controller.
    for alteration in &mut alterations {
        alteration.entity = detached(&alteration.entity);
    }
    let answers = match context.controller.alter_quotas(alterations, mode).await {
        Ok(answers) => answers,
        Err(failure) => {
            let refused = |entity| (entity, Err(error::refusal_of(&failure)));
            entities.into_iter().map(refused).collect()
        }
    };
    let entries = answers.into_iter().chain(strangers).map(entry).collect();
    AlterClientQuotasResponse { entries, ..Default::default() }
}

fn detached(parts: &EntityParts) -> EntityParts {
    parts.iter().map(|(kind, name)| (kind.detach(), name.as_ref().map(WireStr::detach))).collect()
}

/// Takes out the addresses that are none and that no name service knows.
async fn without_strangers(alterations: Vec<QuotaAlteration>) -> (Vec<QuotaAlteration>, Strangers) {
    let hosts: BTreeSet<WireStr> = alterations.iter().filter_map(host).cloned().collect();
    let mut unknown = BTreeMap::new();
    if hosts.len() > HOSTS_MAX {
        let count = hosts.len();
        let why = format!(
            "{count} names of hosts are more than the {HOSTS_MAX} that one request may have looked up"
        );
        unknown.extend(hosts.into_iter().map(|name| (name, why.clone())));
    } else {
        for name in hosts {
            if !is_known(&name).await {
                let why = format!("{} is neither an address nor the name of a host", brief(&name));
                unknown.insert(name, why);
            }
        }
    }
    let (mut known, mut strangers) = (Vec::with_capacity(alterations.len()), BTreeMap::new());
    for alteration in alterations {
        match host(&alteration).and_then(|name| unknown.get(name)) {
            Some(why) => drop(strangers.insert(alteration.entity, Err(invalid(why.as_str())))),
            None => known.push(alteration),
        }
    }
    (known, strangers)
}

/// The name that has to be looked up.
fn host(alteration: &QuotaAlteration) -> Option<&WireStr> {
    let name = alteration.entity.get(IP)?.as_ref()?;
    let is_alone = alteration.entity.len() == 1;
    (is_alone && !name.is_empty() && name.parse::<IpAddr>().is_err()).then_some(name)
}

async fn is_known(name: &str) -> bool {
    tokio::net::lookup_host((name, 0)).await.is_ok()
}

fn entry((entity, result): QuotaAnswer) -> EntryDataResponse {
    let (code, message) = match result {
        Ok(()) => (ErrorCode::None, None),
        Err(refusal) => (refusal.code, Some(refusal.message.as_str().into())),
    };
    EntryDataResponse {
        error_code: code.code(),
        error_message: message,
        entity: entity
            .into_iter()
            .map(|(entity_type, entity_name)| EntityDataResponse { entity_type, entity_name })
            .collect(),
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, message)
}
