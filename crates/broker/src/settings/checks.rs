//! Checks that need more than one setting, or that a range cannot say.

use super::resolve::Resolved;

pub(super) fn check(resolved: &mut Resolved) {
    check_node(resolved);
    check_roles(resolved);
    for name in ["log.retention.ms", "log.retention.minutes", "log.retention.hours"] {
        if resolved.number(name).is_some_and(|value| value == 0 || value < -1) {
            resolved.problem(name, "is -1 for no limit, or at least 1");
        }
    }
    if resolved.number("log.roll.ms").is_some_and(|value| value < 1) {
        resolved.problem("log.roll.ms", "is at least 1");
    }
    if resolved.number("log.roll.jitter.ms").is_some_and(|value| value < 0) {
        resolved.problem("log.roll.jitter.ms", "is at least 0");
    }
    for name in ["log.flush.interval.ms", "log.flush.scheduler.interval.ms"] {
        if resolved.number(name).is_some_and(|value| value < 0) {
            resolved.problem(name, "is at least 0");
        }
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
