//! Which address a client is told, so that the next connection reaches this very node.
//!
//! The first rule that applies: what `advertised.listeners` says of the listener; the address that the listener was given,
//! if it was no name, because nothing listens on another; `localhost` and the local port for a connection over
//! loopback; the local address of the accepted socket.

use crate::settings::ListenerConfig;
use ottla_wire::WireStr;
use std::net::SocketAddr;

/// How this node is reached by the client of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    pub host: WireStr,
    pub port: u16,
}

/// `listeners` and `advertised` are those of the settings; `local` is the address of the accepted socket, or of the
/// listening one for what the cluster is told.
pub fn resolve(
    listener: &str,
    listeners: &[ListenerConfig],
    advertised: &[ListenerConfig],
    local: SocketAddr,
) -> Advertised {
    let named = advertised.iter().find(|named| named.name == listener);
    if let Some(named) = named.filter(|named| !named.host.is_empty()) {
        return Advertised { host: named.host.as_str().into(), port: named.port };
    }
    let port = named.map_or(local.port(), |named| named.port);
    let ip = local.ip().to_canonical();
    let is_given = listeners.iter().any(|given| given.name == listener && given.host.parse() == Ok(ip));
    let host = if ip.is_loopback() && !is_given { "localhost".to_owned() } else { ip.to_string() };
    Advertised { host: host.as_str().into(), port }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_applies_decides() {
        let config =
            |name: &str, host: &str, port| ListenerConfig { name: name.into(), host: host.into(), port };
        let advertised = [config("OUT", "kafka.example", 29092), config("PORT", "", 29093)];
        let listeners = [
            config("OUT", "", 9092),
            config("IN", "localhost", 9093),
            config("V4", "127.0.0.1", 0),
            config("V6", "::1", 0),
            config("PORT", "127.0.0.1", 9094),
        ];
        let at = |listener, local: &str| {
            let found = resolve(listener, &listeners, &advertised, local.parse().unwrap());
            format!("{}:{}", found.host, found.port)
        };
        assert_eq!(at("OUT", "127.0.0.1:9092"), "kafka.example:29092");
        assert_eq!(at("IN", "127.0.0.1:9092"), "localhost:9092");
        assert_eq!(at("IN", "[::1]:9093"), "localhost:9093");
        assert_eq!(at("IN", "[::ffff:127.0.0.1]:9093"), "localhost:9093");
        assert_eq!(at("IN", "10.1.2.3:9092"), "10.1.2.3:9092");
        assert_eq!(at("V4", "127.0.0.1:9092"), "127.0.0.1:9092");
        assert_eq!(at("V6", "[::1]:9092"), "::1:9092");
        assert_eq!(at("PORT", "127.0.0.1:9094"), "127.0.0.1:29093");
    }
}
