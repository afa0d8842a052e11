//! Checks that need more than one setting, or that a range cannot say.

use super::broker_config::parse_overrides;
use super::resolve::Resolved;

pub(super) fn check(resolved: &mut Resolved) {
    check_node(resolved);
    check_roles(resolved);
    for name in NUMBERS {
        if let Some(problem) = resolved.number(name).and_then(|value| number(name, value)) {
            resolved.problem(name, problem);
        }
    }
    if let Some(problem) = resolved.text(OVERRIDES).and_then(|value| text(OVERRIDES, value)) {
        resolved.problem(OVERRIDES, problem);
    }
    let factor = resolved.number("default.replication.factor").unwrap_or(1);
    if !(1..=i64::from(i16::MAX)).contains(&factor) {
        resolved.problem("default.replication.factor", format!("is between 1 and {}", i16::MAX));
    }
    let frame = resolved.number("socket.request.max.bytes").unwrap_or_default();
    match resolved.number("queued.max.request.bytes") {
        Some(bytes) if bytes != -1 && bytes < frame => resolved.problem(
            "queued.max.request.bytes",
            format!("is -1, or at least socket.request.max.bytes, which is {frame}"),
        ),
        _ => {}
    }
}

const NUMBERS: [&str; 7] = [
    "log.retention.ms",
    "log.retention.minutes",
    "log.retention.hours",
    "log.roll.ms",
    "log.roll.jitter.ms",
    "log.flush.interval.ms",
    "log.flush.scheduler.interval.ms",
];

const OVERRIDES: &str = "max.connections.per.ip.overrides";

/// What is wrong with a text although its type allows it.
pub(super) fn text(name: &str, value: &str) -> Option<String> {
    let entry = if name == OVERRIDES { parse_overrides(value).err()? } else { return None };
    Some(format!("has {entry}, which is not HOST:COUNT"))
}

/// What is wrong with a number although its type allows it.
pub(super) fn number(name: &str, value: i64) -> Option<&'static str> {
    match name {
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" if value == 0 || value < -1 => {
            Some("is -1 for no limit, or at least 1")
        }
        "log.roll.ms" if value < 1 => Some("is at least 1"),
        "log.roll.jitter.ms" | "log.flush.interval.ms" | "log.flush.scheduler.interval.ms" if value < 0 => {
            Some("is at least 0")
        }
        _ => None,
    }
}

fn check_node(resolved: &mut Resolved) {
    let node = resolved.is_explicit("node.id").then(|| resolved.number("node.id")).flatten();
    let broker = resolved.number("broker.id").filter(|id| *id != -1);
    match (node, broker) {
        (Some(node), Some(broker)) if node != broker => {
            resolved.problem("broker.id", format!("is {broker}, but node.id is {node}; they mean the same"));
        }
        (_, Some(broker)) if broker < 0 => resolved.problem("broker.id", "is -1 for none, or at least 0"),
        _ => {}
    }
}

/// Starting with other roles than asked would make a cluster of its own beside the one that was meant.
fn check_roles(resolved: &mut Resolved) {
    let has = |role: &str| resolved.list("process.roles").iter().any(|known| known == role);
    if !has("broker") {
        resolved.problem(
            "process.roles",
            "lacks broker; Ottla is broker and controller in one: broker,controller",
        );
    } else if !has("controller") {
        resolved.problem(
            "process.roles",
            "means a broker of another controller; Ottla is broker and controller in one: broker,controller",
        );
    }
    let voters = resolved.list("controller.quorum.voters").len();
    if voters > 1 {
        resolved.problem(
            "controller.quorum.voters",
            format!("names {voters} nodes, and Ottla is a cluster of one so far; name one"),
        );
    }
}
