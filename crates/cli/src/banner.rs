//! What a person sees when the broker is up. Every figure and address is the one of this run.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

pub struct Facts<'a> {
    pub data_dir: &'a Path,
    pub data: Data,
    pub kafka: &'a [SocketAddr],
    pub http: Option<SocketAddr>,
    pub ready_after: Duration,
    /// A listener beyond loopback is open to everybody.
    pub exposed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    New,
    Existing,
    /// Removed when the broker stops.
    Ephemeral,
}

pub fn text(facts: &Facts<'_>) -> String {
    let state = match facts.data {
        Data::New => " (new)",
        Data::Existing => "",
        Data::Ephemeral => " (removed at the end)",
    };
    let mut lines = vec![format!(
        "  ottla {}   single node, data in {}{state}",
        env!("CARGO_PKG_VERSION"),
        facts.data_dir.display()
    )];
    let mut addresses = shown(facts.kafka).into_iter();
    let first = addresses.next().unwrap_or_default();
    let others: Vec<String> = addresses.collect();
    let also = if others.is_empty() { String::new() } else { format!(" (also {})", others.join(", ")) };
    lines.push(format!("  Kafka     {first}{also}"));
    if let Some(http) = facts.http {
        lines.push(format!("  Health    http://{}/healthz   metrics at /metrics", host_and_port(http)));
    }
    if facts.exposed {
        lines.push("  Warning   a listener beyond this machine has no TLS and no authentication".to_owned());
    }
    let bootstrap = if first == "localhost:9092" { String::new() } else { format!(" -b {first}") };
    lines.push(format!("  Try it    ottla produce hello{bootstrap}      # type lines, Ctrl-D ends"));
    lines.push(format!("            ottla consume hello -e{bootstrap}"));
    let ready = facts.ready_after.as_millis();
    lines.push(format!("  ready in {ready} ms | Ctrl-C stops | ottla --help"));
    lines.join("\n") + "\n"
}

/// Addresses as a user types them: one `localhost:PORT` for both loopback addresses, a bare port behind the first.
fn shown(addresses: &[SocketAddr]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for address in addresses {
        let text = if address.ip().is_loopback() && !shown.is_empty() && shown[0].starts_with("localhost:") {
            address.port().to_string()
        } else {
            host_and_port(*address)
        };
        let is_first = shown.first().is_some_and(|first| *first == format!("localhost:{text}"));
        if !is_first && !shown.contains(&text) {
            shown.push(text);
        }
    }
    shown
}

fn host_and_port(address: SocketAddr) -> String {
    if address.ip().is_loopback() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(kafka: &[&str], exposed: bool) -> String {
        let kafka: Vec<SocketAddr> = kafka.iter().map(|a| a.parse().unwrap()).collect();
        text(&Facts {
            data_dir: Path::new("./ottla-data"),
            data: Data::New,
            kafka: &kafka,
            http: "127.0.0.1:9644".parse().ok(),
            ready_after: Duration::from_millis(41),
            exposed,
        })
    }

    #[test]
    fn the_default_ports_are_shown_as_one_address() {
        let text = banner(&["127.0.0.1:9092", "[::1]:9092", "127.0.0.1:9093", "[::1]:9093"], false);
        assert!(text.contains("  Kafka     localhost:9092 (also 9093)\n"), "{text}");
        assert!(text.contains("data in ./ottla-data (new)") && text.contains("ready in 41 ms"), "{text}");
        assert!(text.contains("ottla consume hello -e\n") && !text.contains("Warning"), "{text}");
    }

    #[test]
    fn another_port_reaches_the_commands_to_try() {
        let text = banner(&["127.0.0.1:19200"], false);
        assert!(text.contains("ottla produce hello -b localhost:19200 "), "{text}");
    }

    #[test]
    fn an_open_listener_is_named() {
        let text = banner(&["0.0.0.0:9092"], true);
        assert!(text.contains("Kafka     0.0.0.0:9092") && text.contains("Warning"), "{text}");
    }
}
