//! What a start would find at the addresses it listens on: all are listened on for a moment, together as by a start, and
//! given back.

use crate::server::{BindError, addresses};
use crate::settings::{BrokerConfig, ListenerConfig};
use ottla_env::net::{Listener, Net, overlaps};
use std::io;
use std::net::SocketAddr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Kafka,
    /// Health and metrics.
    Http,
}

#[derive(Debug)]
pub struct Port {
    pub service: Service,
    pub address: SocketAddr,
    /// A start fails without it; another one is replaced by a free port where it is taken, or left out where the machine
    /// has no such address.
    pub is_required: bool,
    /// An address in front of it in the settings is what takes it.
    pub is_named_twice: bool,
    pub outcome: io::Result<()>,
}

/// Every address of every listener, in the order of a start. An error of one whose name has no address.
pub async fn ports(net: &dyn Net, config: &BrokerConfig) -> Vec<Result<Port, BindError>> {
    let mut probe = Probe { net, held: Vec::new() };
    let mut found = Vec::new();
    for (number, listener) in config.listeners.iter().enumerate() {
        let is_required = config.listeners_explicit || number == 0;
        match probe.of_listener(listener, is_required).await {
            Ok(ports) => found.extend(ports.into_iter().map(Ok)),
            Err(error) => found.push(Err(error)),
        }
    }
    let (address, is_required) = (config.http_listen, config.http_listen_explicit);
    found.push(Ok(probe.port(Service::Http, address, is_required).await));
    found
}

/// An address that was given back could be had by the next that names it too, which a start refuses: all are held to
/// the end.
struct Probe<'a> {
    net: &'a dyn Net,
    held: Vec<(SocketAddr, Listener)>,
}

impl Probe<'_> {
    async fn of_listener(
        &mut self,
        listener: &ListenerConfig,
        is_required: bool,
    ) -> Result<Vec<Port>, BindError> {
        let mut ports = Vec::new();
        for ip in addresses(listener).await? {
            let address = SocketAddr::new(ip, listener.port);
            ports.push(self.port(Service::Kafka, address, is_required).await);
        }
        // Of a name with several addresses one that the machine has is enough.
        let some_are_there = ports.iter().any(|port| port.outcome.is_ok());
        for port in &mut ports {
            let is_absent =
                port.outcome.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::AddrInUse);
            port.is_required &= !(is_absent && some_are_there);
        }
        Ok(ports)
    }

    async fn port(&mut self, service: Service, address: SocketAddr, is_required: bool) -> Port {
        let outcome = self.net.listen(address).await;
        let is_in_use = outcome.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
        let is_named_twice = is_in_use && self.held.iter().any(|(held, _)| overlaps(*held, address));
        let outcome = outcome.map(|listener| self.held.push((address, listener)));
        Port { service, address, is_required, is_named_twice, outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{self, Input};
    use ottla_env::net::MemoryNet;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    async fn found(net: &MemoryNet, flags: &[(&str, &str)]) -> Vec<(Service, u16, bool, bool)> {
        let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = settings::load(&Input { flags, ..Input::default() }).unwrap();
        let ports = ports(net, settings.broker()).await;
        let ports = ports.into_iter().map(Result::unwrap);
        ports
            .map(|port| (port.service, port.address.port(), port.is_required, port.outcome.is_ok()))
            .collect()
    }

    #[tokio::test]
    async fn a_taken_port_matters_where_somebody_chose_it_or_clients_expect_it() {
        use Service::{Http, Kafka};
        let net = MemoryNet::new();
        // Both addresses of localhost are tried.
        let free = [(Kafka, 9092, true, true), (Kafka, 9092, true, true), (Kafka, 9093, false, true)];
        assert_eq!(found(&net, &[]).await[..3], free);
        let localhost = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        let held = [9092, 9093, 9644].map(|port| localhost.map(|ip| SocketAddr::new(ip, port))).concat();
        let mut listeners = Vec::new();
        for address in held {
            listeners.push(net.listen(address).await.unwrap());
        }
        let taken = [
            (Kafka, 9092, true, false),
            (Kafka, 9092, true, false),
            (Kafka, 9093, false, false),
            (Kafka, 9093, false, false),
            (Http, 9644, false, false),
        ];
        assert_eq!(found(&net, &[]).await, taken);
        let chosen = [("listeners", "PLAINTEXT://127.0.0.1:9093"), ("http.listen", "127.0.0.1:9644")];
        assert_eq!(found(&net, &chosen).await, [(Kafka, 9093, true, false), (Http, 9644, true, false)]);
        drop(listeners);
        assert_eq!(found(&net, &chosen).await, [(Kafka, 9093, true, true), (Http, 9644, true, true)]);
    }

    #[tokio::test]
    async fn an_address_that_is_named_twice_is_free_once() {
        use Service::{Http, Kafka};
        let net = MemoryNet::new();
        for (kafka, taken) in [("127.0.0.1", false), ("0.0.0.0", false), ("127.0.0.2", true)] {
            let kafka = format!("PLAINTEXT://{kafka}:9093");
            let chosen = [
                ("listeners", kafka.as_str()),
                ("http.listen", "127.0.0.1:9093"),
                ("allow.insecure.listeners", "true"),
            ];
            let expected = [(Kafka, 9093, true, true), (Http, 9093, true, taken)];
            assert_eq!(found(&net, &chosen).await, expected, "{kafka}");
        }
        // A start moves what nobody chose.
        let chosen = [("listeners", "PLAINTEXT://127.0.0.1:9644")];
        assert_eq!(found(&net, &chosen).await, [(Kafka, 9644, true, true), (Http, 9644, false, false)]);
        assert!(net.listen(SocketAddr::from(([127, 0, 0, 1], 9644))).await.is_ok(), "all are given back");
    }
}
