//! Ports: whether a start could listen where it is told to, and who does so already.

use super::report::Report;
use ottla_broker::probe::{self, Port, Service};
use ottla_broker::settings::Settings;
use ottla_env::net::OsNet;
use ottla_env::process;
use std::io;
use std::net::SocketAddr;

const AREA: &str = "ports";

/// A socket that a broker has, or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// `None` of one that the settings do not name.
    pub service: Option<Service>,
    pub address: SocketAddr,
}

/// `Kafka A, B; HTTP C`.
pub fn list(sockets: &[Socket]) -> String {
    let mut lists = Vec::new();
    for (service, name) in [(Some(Service::Kafka), "Kafka "), (Some(Service::Http), "HTTP "), (None, "")] {
        let of_service = sockets.iter().filter(|socket| socket.service == service);
        let addresses: Vec<String> = of_service.map(|socket| socket.address.to_string()).collect();
        if !addresses.is_empty() {
            lists.push(format!("{name}{}", addresses.join(", ")));
        }
    }
    lists.join("; ")
}

/// Tells of every address, and returns those that there are on this machine.
pub async fn check(report: &mut Report, settings: &Settings, holder: Option<u32>) -> Vec<Socket> {
    let mut sockets = Vec::new();
    let (mut free, mut own) = (Vec::new(), Vec::new());
    for port in probe::ports(&OsNet, settings.broker()).await {
        let port = match port {
            Ok(port) => port,
            Err(error) => {
                report.fail(AREA, error.to_string(), "correct the name in `listeners`, or use an address");
                continue;
            }
        };
        let socket = Socket { service: Some(port.service), address: port.address };
        match &port.outcome {
            Ok(()) => free.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let owner = process::listening_on(port.address.port());
                if owner.is_some() && owner == holder {
                    own.push(socket)
                } else {
                    taken(report, &port, owner)
                }
            }
            Err(error) => absent(report, &port, error),
        }
        if port.outcome.is_ok() || port.is_required {
            sockets.push(socket);
        }
    }
    if !own.is_empty() {
        report.ok(AREA, format!("used by the broker of this directory: {}", list(&own)));
    }
    if !free.is_empty() {
        report.ok(AREA, format!("free: {}", list(&free)));
    }
    sockets.extend(own.into_iter().filter(|socket| !sockets.contains(socket)).collect::<Vec<_>>());
    sockets
}

fn taken(report: &mut Report, port: &Port, owner: Option<u32>) {
    let owner = match owner {
        _ if port.is_named_twice => "another listener of these settings".to_owned(),
        Some(pid) => format!("pid {pid}"),
        None => "a process that is not visible to this user".to_owned(),
    };
    let address = port.address;
    let option = match port.service {
        Service::Kafka => "--kafka-listen",
        Service::Http => "--http-listen",
    };
    if port.is_required {
        let or_stop = if port.is_named_twice { "" } else { "stop that process, or " };
        let next = format!("{or_stop}listen elsewhere with {option} HOST:PORT");
        report.fail(AREA, format!("{address} is in use by {owner}"), next);
    } else {
        let next = format!(
            "nothing; a start takes a free port instead and prints it, or the one of {option} HOST:PORT"
        );
        report.warn(AREA, format!("{address} is in use by {owner}"), next);
    }
}

fn absent(report: &mut Report, port: &Port, error: &io::Error) {
    let address = port.address;
    if !port.is_required && port.service == Service::Kafka {
        return report.ok(AREA, format!("{address} is left out, this machine does not have it ({error})"));
    }
    let next = if error.kind() == io::ErrorKind::PermissionDenied {
        "ports below 1024 are for root: choose a larger one, or allow CAP_NET_BIND_SERVICE"
    } else {
        "listen on an address that this machine has (`ip address`)"
    };
    report.fail(AREA, format!("cannot listen on {address}: {error}"), next);
}

/// Where clients of this machine reach the Kafka listener of a process.
pub fn address_of(sockets: &[Socket], pid: u32) -> Option<String> {
    let kafka = |port| sockets.iter().any(|s| s.service == Some(Service::Kafka) && s.address.port() == port);
    let address = process::listeners_of(pid).into_iter().find(|address| kafka(address.port()))?;
    Some(if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::super::report::Level;
    use super::*;
    use ottla_broker::settings::{self, Input};
    use ottla_env::net::Net;

    fn settings(listeners: &str, http: &str) -> Settings {
        let flags = [("listeners", listeners), ("http.listen", http)];
        let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        settings::load(&Input { flags, ..Input::default() }).unwrap()
    }

    #[tokio::test]
    async fn a_port_is_free_taken_or_the_brokers_own() {
        let held = OsNet.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = held.local_addr().unwrap();
        let settings = settings(&format!("PLAINTEXT://{address}"), "127.0.0.1:0");
        let kafka = Socket { service: Some(Service::Kafka), address };
        let pid = process::id();

        let mut report = Report::for_test();
        let sockets = check(&mut report, &settings, None).await;
        assert_eq!(report.levels(), [Level::Fail, Level::Ok]);
        assert!(report.seen()[0].1.contains(&format!("in use by pid {pid}")), "{:?}", report.seen());
        assert!(sockets.contains(&kafka));

        let mut report = Report::for_test();
        let sockets = check(&mut report, &settings, Some(pid)).await;
        assert_eq!(report.levels(), [Level::Ok, Level::Ok]);
        assert_eq!(address_of(&sockets, pid), Some(address.to_string()));
        assert_eq!(address_of(&[], pid), None);
        drop(held);

        let mut report = Report::for_test();
        check(&mut report, &settings, None).await;
        assert_eq!(report.levels(), [Level::Ok]);
    }

    #[test]
    fn what_a_start_gets_around_is_no_failure() {
        let port = |is_required| Port {
            service: Service::Kafka,
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
            is_required,
            is_named_twice: false,
            outcome: Ok(()),
        };
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let mut report = Report::for_test();
        taken(&mut report, &port(false), None);
        absent(&mut report, &port(false), &denied);
        absent(&mut report, &port(true), &denied);
        assert_eq!(report.levels(), [Level::Warn, Level::Ok, Level::Fail]);
    }
}
