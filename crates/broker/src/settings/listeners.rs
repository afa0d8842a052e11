//! Listeners: `NAME://HOST:PORT`, which protocol a name speaks, and what may be listened on without protection.
//!
//! Only PLAINTEXT exists, so a listener beyond this machine is refused unless the settings say that this is meant. A
//! listener without a host, as in Kafka's stock file, is bound to loopback then. Listeners of a controller are taken
//! and not opened: the controller is in this process.

use super::resolve::Resolved;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerConfig {
    /// As clients and the metadata see it, in capitals.
    pub name: String,
    /// An address or a name. `localhost` is both 127.0.0.1 and ::1 (the second where it exists); empty is every
    /// interface, of both families.
    pub host: String,
    /// 0: any free port.
    pub port: u16,
}

impl ListenerConfig {
    /// Whether nothing outside this machine reaches it. A host name other than `localhost` may be anything.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) struct Listeners {
    pub listeners: Vec<ListenerConfig>,
    pub advertised: Vec<ListenerConfig>,
}

pub(super) fn build(resolved: &mut Resolved) -> Listeners {
    let listeners = listen(resolved);
    let advertised = advertise(resolved, &listeners);
    Listeners { listeners, advertised }
}

fn listen(resolved: &mut Resolved) -> Vec<ListenerConfig> {
    const NAME: &str = "listeners";
    let is_explicit = resolved.is_explicit(NAME);
    let allow_insecure = resolved.flag("allow.insecure.listeners");
    let protocols = protocols(resolved);
    let mut names = BTreeSet::new();
    let mut ports = BTreeSet::new();
    let mut listeners = Vec::new();
    for mut listener in parse_list(resolved, NAME) {
        if !names.insert(listener.name.clone()) {
            resolved.problem(NAME, format!("the name {} is used twice", listener.name));
            continue;
        }
        if listener.port != 0 && !ports.insert((listener.host.clone(), listener.port)) {
            resolved.problem(NAME, format!("{} is listened on twice", address(&listener)));
        }
        if is_controller(resolved, &listener.name) {
            continue;
        }
        // The names of the default listeners are ours, and need no entry in the map.
        match protocols.get(&listener.name).map(String::as_str) {
            Some("PLAINTEXT") => {}
            None if !is_explicit => {}
            None => resolved.problem(
                NAME,
                format!(
                    "no security protocol is set for {}; add it to listener.security.protocol.map",
                    listener.name
                ),
            ),
            Some(other) => resolved.problem(
                NAME,
                format!("{} asks for {other}, and only PLAINTEXT is there yet", listener.name),
            ),
        }
        if listener.host.is_empty() && !allow_insecure {
            resolved.notes.push(format!(
                "listener {} names no host: bound to loopback; for every interface start with --insecure-listen \
                 (allow.insecure.listeners=true)",
                listener.name
            ));
            listener.host = "localhost".to_owned();
        } else if !listener.is_loopback() && !allow_insecure {
            resolved.problem(
                NAME,
                format!(
                    "{} is reachable from other machines without encryption and authentication; if that is meant, \
                     start with --insecure-listen (or set allow.insecure.listeners=true)",
                    address(&listener)
                ),
            );
        }
        listeners.push(listener);
    }
    if listeners.is_empty() && resolved.problems.is_empty() {
        resolved
            .problem(NAME, "no listener for clients is left; name one, such as PLAINTEXT://localhost:9092");
    }
    listeners
}

fn advertise(resolved: &mut Resolved, listeners: &[ListenerConfig]) -> Vec<ListenerConfig> {
    const NAME: &str = "advertised.listeners";
    let mut advertised: Vec<ListenerConfig> = Vec::new();
    for listener in parse_list(resolved, NAME) {
        if is_controller(resolved, &listener.name) {
            continue;
        }
        let is_wildcard = listener.host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
        if is_wildcard {
            resolved.problem(NAME, format!("{} is no address that a client can reach", address(&listener)));
        } else if advertised.iter().any(|other| other.name == listener.name) {
            resolved.problem(NAME, format!("the name {} is used twice", listener.name));
        } else if !listeners.iter().any(|known| known.name == listener.name) {
            let known: Vec<_> = listeners.iter().map(|known| known.name.as_str()).collect();
            resolved.problem(
                NAME,
                format!("{} is no listener; the listeners are {}", listener.name, known.join(", ")),
            );
        } else {
            advertised.push(listener);
        }
    }
    advertised
}

fn is_controller(resolved: &Resolved, name: &str) -> bool {
    let controllers = resolved.list("controller.listener.names");
    controllers.iter().any(|controller| controller.eq_ignore_ascii_case(name))
}

/// Listener name -> protocol.
fn protocols(resolved: &mut Resolved) -> BTreeMap<String, String> {
    const NAME: &str = "listener.security.protocol.map";
    const KNOWN: &[&str] = &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
    let text = resolved.text(NAME).unwrap_or_default().to_owned();
    let mut protocols = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        match pair.rsplit_once(':') {
            Some((name, protocol)) if KNOWN.contains(&protocol.trim().to_uppercase().as_str()) => {
                protocols.insert(name.trim().to_uppercase(), protocol.trim().to_uppercase());
            }
            _ => resolved
                .problem(NAME, format!("{pair} is not NAME:PROTOCOL with one of {}", KNOWN.join(", "))),
        }
    }
    protocols
}

fn parse_list(resolved: &mut Resolved, name: &str) -> Vec<ListenerConfig> {
    let items: Vec<String> = resolved.list(name).to_vec();
    let mut parsed = Vec::with_capacity(items.len());
    for item in items {
        match parse(&item) {
            Some(listener) => parsed.push(listener),
            None => resolved.problem(name, format!("{item} is not NAME://HOST:PORT")),
        }
    }
    parsed
}

fn parse(text: &str) -> Option<ListenerConfig> {
    let (name, rest) = text.split_once("://")?;
    let (host, port) = rest.rsplit_once(':')?;
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.is_empty() || !name.bytes().all(is_name_byte) {
        return None;
    }
    let host = match host.strip_prefix('[') {
        Some(inner) => {
            let address = inner.strip_suffix(']')?;
            // A zone may follow an address of this machine's links.
            let bare = address.split_once('%').map_or(address, |(bare, _)| bare);
            bare.parse::<std::net::Ipv6Addr>().ok()?;
            address
        }
        None if host.bytes().all(is_name_byte) => host,
        None => return None,
    };
    Some(ListenerConfig { name: name.to_uppercase(), host: host.to_owned(), port: port.parse().ok()? })
}

fn address(listener: &ListenerConfig) -> String {
    if listener.host.contains(':') {
        format!("[{}]:{}", listener.host, listener.port)
    } else {
        format!("{}:{}", listener.host, listener.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_name_host_and_port() {
        for (text, expected) in [
            ("PLAINTEXT://localhost:9092", Some(("PLAINTEXT", "localhost", 9092))),
            ("plaintext://:0", Some(("PLAINTEXT", "", 0))),
            ("A_1.b-c://[::1]:1", Some(("A_1.B-C", "::1", 1))),
            ("A://[fe80::1%eth0]:1", Some(("A", "fe80::1%eth0", 1))),
            ("A://::1:1", None),
            ("A://[x]:1", None),
            ("A://h:65536", None),
            ("A://h:-1", None),
            ("A://h/x:1", None),
            ("://h:1", None),
            ("h:1", None),
            ("A://h", None),
        ] {
            let found = parse(text);
            let found = found.as_ref().map(|l| (l.name.as_str(), l.host.as_str(), l.port));
            assert_eq!(found, expected, "{text}");
        }
    }
}
