//! Which address a client is told, so that the next connection reaches this very node.
//!
//! The first rule that applies: what `advertised.listeners` says of the listener; `localhost` and the local port for a
//! connection over loopback; the local address of the accepted socket.

use crate::settings::ListenerConfig;
use ottla_wire::WireStr;
use std::net::SocketAddr;

/// How this node is reached by the client of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    pub host: WireStr,
    pub port: u16,
}

pub fn resolve(listener: &str, advertised: &[ListenerConfig], local: SocketAddr) -> Advertised {
    let named = advertised.iter().find(|named| named.name == listener);
    if let Some(named) = named.filter(|named| !named.host.is_empty()) {
        return Advertised { host: named.host.as_str().into(), port: named.port };
    }
    let port = named.map_or(local.port(), |named| named.port);
    let host = if local.ip().to_canonical().is_loopback() {
        WireStr::from("localhost")
    } else {
        local.ip().to_canonical().to_string().as_str().into()
    };
    Advertised { host, port }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_applies_decides() {
        let named = [ListenerConfig { name: "OUT".into(), host: "kafka.example".into(), port: 29092 }];
        let at = |listener, local: &str| {
            let found = resolve(listener, &named, local.parse().unwrap());
            format!("{}:{}", found.host, found.port)
        };
        assert_eq!(at("OUT", "127.0.0.1:9092"), "kafka.example:29092");
        assert_eq!(at("IN", "127.0.0.1:9092"), "localhost:9092");
        assert_eq!(at("IN", "[::1]:9093"), "localhost:9093");
        assert_eq!(at("IN", "[::ffff:127.0.0.1]:9093"), "localhost:9093");
        assert_eq!(at("IN", "10.1.2.3:9092"), "10.1.2.3:9092");
    }
}
