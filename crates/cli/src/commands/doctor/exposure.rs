//! Effective exposure: who reaches the sockets of a broker, and what they may do there.
//!
//! Of a broker that runs, its sockets are looked at; otherwise those that a start would open.

use super::ports::{Socket, list};
use super::report::Report;
use ottla_broker::probe::Service;
use ottla_env::process;
use std::net::SocketAddr;

const AREA: &str = "exposure";

pub fn check(report: &mut Report, planned: &[Socket], holder: Option<u32>) {
    let open = holder.map(process::listeners_of).filter(|open| !open.is_empty());
    let Some(open) = open else { return tell(report, planned, "would be open") };
    let service = |address: &SocketAddr| {
        planned
            .iter()
            .find(|socket| socket.address.port() == address.port())
            .and_then(|socket| socket.service)
    };
    let sockets: Vec<Socket> =
        open.into_iter().map(|address| Socket { service: service(&address), address }).collect();
    tell(report, &sockets, "open");
}

fn tell(report: &mut Report, sockets: &[Socket], open: &str) {
    let is_near = |socket: &Socket| socket.address.ip().to_canonical().is_loopback();
    let (near, far): (Vec<Socket>, Vec<Socket>) = sockets.iter().copied().partition(is_near);
    if !near.is_empty() {
        report.ok(AREA, format!("{open} to this machine alone: {}", list(&near)));
    }
    if !far.is_empty() {
        let what = format!("{open} to other machines, without encryption and login: {}", list(&far));
        let next = "listen on localhost, or let a firewall, a tunnel or a network of its own stand before it; TLS and \
                    login are not there yet";
        report.warn(AREA, what, next);
    }
    let rights = "whoever reaches a Kafka socket may do everything: read, write, delete, change settings; there is no access \
                  control yet";
    // A socket that is not known counts as the one that can do more.
    let is_kafka = |socket: &Socket| socket.service != Some(Service::Http);
    if far.iter().any(is_kafka) {
        report.warn("rights", rights, "let only those machines reach it that may do all that");
    } else if near.iter().any(is_kafka) {
        report.ok("rights", rights);
    }
    if sockets.iter().any(|socket| socket.service == Some(Service::Http)) {
        report
            .ok("rights", "whoever reaches the HTTP socket may read health and metrics, and change nothing");
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Level;
    use super::*;
    use ottla_env::net::{Net, OsNet};

    fn socket(service: Service, address: &str) -> Socket {
        Socket { service: Some(service), address: address.parse().unwrap() }
    }

    fn seen(sockets: &[Socket]) -> Vec<(Level, String)> {
        let mut report = Report::for_test();
        tell(&mut report, sockets, "open");
        report.seen()
    }

    #[test]
    fn loopback_is_fine_and_everything_else_is_said() {
        use Service::{Http, Kafka};
        let near =
            [socket(Kafka, "127.0.0.1:9092"), socket(Kafka, "[::1]:9092"), socket(Http, "127.0.0.1:9644")];
        assert!(seen(&near).iter().all(|(level, _)| *level == Level::Ok));
        for far in ["0.0.0.0:9092", "[::]:9092", "10.1.2.3:9092", "[::ffff:10.1.2.3]:9092"] {
            let seen = seen(&[near[0], socket(Kafka, far)]);
            let levels: Vec<Level> = seen.iter().map(|(level, _)| *level).collect();
            assert_eq!(levels, [Level::Ok, Level::Warn, Level::Warn], "{far}");
            assert!(seen[1].1.contains(far) && !seen[1].1.contains("127.0.0.1"), "{seen:?}");
        }
        let metrics = seen(&[near[0], socket(Http, "0.0.0.0:9644")]);
        let levels: Vec<Level> = metrics.iter().map(|(level, _)| *level).collect();
        assert_eq!(levels, [Level::Ok, Level::Warn, Level::Ok, Level::Ok]);
        assert!(seen(&[]).is_empty());
    }

    #[tokio::test]
    async fn what_is_open_counts_more_than_what_was_planned() {
        let held = OsNet.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = held.local_addr().unwrap().to_string();
        let planned = [socket(Service::Kafka, "0.0.0.0:9092")];
        let mut report = Report::for_test();
        check(&mut report, &planned, Some(process::id()));
        let seen = report.seen();
        assert!(seen.iter().any(|(_, what)| what.contains(&address)), "{seen:?}");
        assert!(!seen.iter().any(|(_, what)| what.contains("0.0.0.0")), "{seen:?}");
        let mut report = Report::for_test();
        check(&mut report, &planned, None);
        assert!(report.seen().iter().any(|(_, what)| what.contains("would be open")), "{:?}", report.seen());
    }
}
