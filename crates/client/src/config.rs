//! What a client is told: where to start, who it is, how long it waits, and the outside world it lives in.

use ottla_env::clock::{Clock, OsClock};
use ottla_env::net::{Net, OsNet};
use ottla_env::rng::{OsRng, Rng};
use std::sync::Arc;
use std::time::Duration;

pub const DEFAULT_PORT: u16 = 9092;

/// Network, clock and chance, as values: of the operating system, of a test, or of a simulation.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub net: Arc<dyn Net>,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { net: Arc::new(OsNet), clock: Arc::new(OsClock::new()), rng: Arc::new(OsRng) }
    }
}

#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// `host:port`, asked first; the cluster names the rest of its brokers. Kafka's `bootstrap.servers`.
    pub bootstrap: Vec<String>,
    /// What brokers show in their logs. Kafka's `client.id`.
    pub client_id: String,
    /// For one attempt to open a connection, its first exchange included.
    pub connect_timeout: Duration,
    /// For one answer. Kafka's `request.timeout.ms`.
    pub request_timeout: Duration,
    /// For one call, all attempts together. Kafka's `default.api.timeout.ms`.
    pub call_timeout: Duration,
    /// Known leaders older than this are asked for again. Kafka's `metadata.max.age.ms`.
    pub metadata_max_age: Duration,
    /// A longer answer closes its connection.
    pub answer_bytes_max: usize,
    /// Requests that wait for an answer, per connection.
    pub in_flight_max: usize,
    pub surroundings: Surroundings,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            bootstrap: vec![format!("localhost:{DEFAULT_PORT}")],
            client_id: "ottla".to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(60),
            metadata_max_age: Duration::from_secs(60),
            answer_bytes_max: 256 << 20,
            in_flight_max: 64,
            surroundings: Surroundings::default(),
        }
    }
}

/// Host and port of `host:port`, `host` or `[v6]:port`.
pub fn parse_address(text: &str) -> Result<(String, u16), String> {
    let text = text.trim();
    let problem = |what: &str| format!("`{text}` is no address: {what}; an address is HOST:PORT");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(|| problem("`]` is missing"))?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            // More than one colon and no brackets: an IPv6 address without a port.
            Some((host, _)) if host.contains(':') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(problem("the host is empty"));
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => {
            port.parse().ok().filter(|port| *port != 0).ok_or_else(|| problem("the port is no number"))?
        }
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_port() {
        let cases = [
            ("localhost:1234", Some(("localhost", 1234))),
            (" kafka ", Some(("kafka", 9092))),
            ("[::1]:9093", Some(("::1", 9093))),
            ("[::1]", Some(("::1", 9092))),
            ("::1", Some(("::1", 9092))),
            ("", None),
            (":9092", None),
            ("host:", None),
            ("host:0", None),
            ("host:70000", None),
            ("[::1:9092", None),
        ];
        for (text, expected) in cases {
            let parsed = parse_address(text).ok();
            assert_eq!(parsed.as_ref().map(|(host, port)| (host.as_str(), *port)), expected, "{text}");
        }
    }
}
