//! The way to a cluster, hop by hop: name, connection, versions, metadata, every address that it advertises; then what
//! this client may do there, and whether the controller's clock agrees with this machine's. Any Kafka cluster will do.

use super::report::Report;
use crate::args::Global;
use crate::client_settings;
use crate::cluster::failure;
use anyhow::Result;
use ottla_client::config::parse_address;
use ottla_client::{Admin, BrokerMetadata, Client, ClientConfig, ClientError};
use ottla_env::clock::{Clock, OsClock};
use ottla_env::net::{Net, OsNet};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Clocks that differ by more are worth a word: retention and timestamps compare them.
const SKEW_MS: i64 = 1_000;

/// Asks the cluster of the command line, or `own`, the address of a broker that runs here.
pub async fn check(report: &mut Report, global: &Global, own: Option<String>) -> Result<()> {
    if global.bootstrap_server.is_empty() && own.is_none() {
        report.skip("cluster", "not asked for: name one with -b HOST:PORT");
        return Ok(());
    }
    // Settings of the command line are the broker's here; those of the client may come from a file.
    let mut global = Global { settings: Vec::new(), ..global.clone() };
    if global.bootstrap_server.is_empty() {
        global.bootstrap_server.extend(own);
    }
    let config = match client_settings::load(&global) {
        Ok(settings) => settings.client,
        Err(error) => {
            report.fail_with("cluster", &format!("{error:#}"), "correct the file that -F names");
            return Ok(());
        }
    };
    let mut reached = Vec::new();
    for address in &config.bootstrap {
        match parse_address(address) {
            Ok((host, port)) => {
                let next = "name a broker with -b HOST:PORT, or `ottla up` to start one here";
                reached.extend(hop(report, "reach", &host, port, global.timeout, next).await);
            }
            Err(problem) => report.fail_with("reach", &problem, "an address is HOST:PORT"),
        }
    }
    if !reached.is_empty() {
        report.show()?;
        ask(report, config, &reached).await;
    }
    Ok(())
}

/// Name and connection. The address that answered.
async fn hop(
    report: &mut Report,
    area: &str,
    host: &str,
    port: u16,
    wait: Duration,
    next: &str,
) -> Option<SocketAddr> {
    let named = match within(wait, tokio::net::lookup_host((host, port))).await {
        Ok(found) => found.collect::<Vec<_>>(),
        Err(problem) => {
            report.fail(
                area,
                format!("{host} has no address: {problem}"),
                "correct the name, or look at DNS and /etc/hosts",
            );
            return None;
        }
    };
    let clock = OsClock::new();
    let mut problems = Vec::new();
    for address in &named {
        let began = clock.monotonic();
        match within(wait, OsNet.connect(&address.ip().to_string(), port)).await {
            Ok(_) => {
                let took = show(clock.monotonic().saturating_sub(began));
                report.ok(area, format!("{host}:{port} is {address} and takes connections ({took})"));
                return Some(*address);
            }
            Err(problem) => problems.push(format!("{address}: {problem}")),
        }
    }
    report.fail(area, format!("{host}:{port} takes no connections ({})", problems.join("; ")), next);
    None
}

/// What went wrong, in words.
async fn within<T>(wait: Duration, act: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match timeout(wait, act).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} ms", wait.as_millis())),
    }
}

fn show(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

async fn ask(report: &mut Report, config: ClientConfig, reached: &[SocketAddr]) {
    let wait = config.connect_timeout;
    let client = match Client::connect(config).await {
        Ok(client) => client,
        Err(error) => return refuse(report, "cluster", &error),
    };
    let admin = client.admin();
    match admin.describe_cluster().await {
        Ok(found) => {
            let id = found.cluster_id.as_deref().unwrap_or("without an id");
            let controller = found.controller_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
            let what = format!("{id}, controller {controller}, nodes: {}", found.brokers.len());
            if found.controller_id.is_some() {
                report.ok("cluster", what);
            } else {
                report.warn(
                    "cluster",
                    what,
                    "wait, and look again: nothing can be changed without a controller",
                );
            }
            for broker in &found.brokers {
                node(report, &admin, broker, reached, wait).await;
            }
        }
        Err(error) => refuse(report, "cluster", &error),
    }
    rights(report, &admin, reached).await;
    clock(report, &admin).await;
}

fn refuse(report: &mut Report, area: &str, error: &ClientError) {
    let failure = failure(error);
    let next = failure.next.unwrap_or_else(|| "look at the log of the broker".to_owned());
    report.fail(area, failure.problem, next);
}

/// A node at the address that it is advertised at.
async fn node(
    report: &mut Report,
    admin: &Admin,
    broker: &BrokerMetadata,
    reached: &[SocketAddr],
    wait: Duration,
) {
    let BrokerMetadata { node_id, host, port, .. } = broker;
    let area = format!("node {node_id}");
    let next =
        format!("`advertised.listeners` of node {node_id} has to name an address that its clients reach");
    let Some(address) = hop(report, &area, host, *port, wait, &next).await else { return };
    if leads_home(address, reached) {
        let what = format!("{host}:{port} is this machine, and the cluster was reached on another one");
        return report.fail(&area, what, next);
    }
    let clock = OsClock::new();
    let began = clock.monotonic();
    match admin.node_versions(*node_id).await {
        Ok(versions) => {
            let took = show(clock.monotonic().saturating_sub(began));
            report.ok(&area, format!("{} APIs, answered in {took}", versions.apis.len()));
        }
        Err(error) => refuse(report, &area, &error),
    }
}

/// A broker elsewhere that advertises loopback sends every client to itself.
fn leads_home(advertised: SocketAddr, reached: &[SocketAddr]) -> bool {
    let is_own = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    is_own(&advertised) && !reached.iter().any(is_own)
}

async fn rights(report: &mut Report, admin: &Admin, reached: &[SocketAddr]) {
    let area = "rights";
    let rights = match admin.cluster_rights().await {
        Ok(Some(rights)) => rights,
        Ok(None) => return report.skip(area, "the cluster does not tell what this client may do"),
        Err(error) => return report.skip(area, format!("what this client may do is not known: {error}")),
    };
    let list = if rights.is_empty() { "nothing".to_owned() } else { rights.join(", ") };
    let what = format!("without a login this client may, of the cluster: {list}");
    let may_change =
        rights.iter().any(|right| matches!(*right, "ALTER" | "ALTER_CONFIGS" | "CREATE" | "CLUSTER_ACTION"));
    let is_near = reached.iter().any(|address| address.ip().to_canonical().is_loopback());
    if may_change && !is_near {
        report.warn(
            area,
            what,
            "let only those reach it that may do so, or give it a login and access control",
        );
    } else {
        report.ok(area, what);
    }
}

async fn clock(report: &mut Report, admin: &Admin) {
    let clock = OsClock::new();
    let before = clock.now_ms();
    match admin.controller_time_ms().await {
        Ok(Some(theirs)) => skew(report, before, theirs, clock.now_ms()),
        Ok(None) => report.skip("clock", "the controller does not tell its time"),
        Err(error) => report.skip("clock", format!("the controller's time is not known: {error}")),
    }
}

/// Their time was read between two of ours.
fn skew(report: &mut Report, before: i64, theirs: i64, after: i64) {
    let (behind, ahead) = (before.saturating_sub(theirs), theirs.saturating_sub(after));
    let (off, direction) = if ahead > 0 { (ahead, "ahead of") } else { (behind, "behind") };
    if off <= 0 {
        return report.ok("clock", "the controller's clock agrees with this machine's");
    }
    let what = format!("the controller's clock is {off} ms {direction} this machine's");
    if off > SKEW_MS {
        let next = "synchronise both (chrony, systemd-timesyncd): retention and timestamps go by clocks";
        report.warn("clock", what, next);
    } else {
        report.ok("clock", what);
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Level;
    use super::*;

    #[test]
    fn a_clock_is_off_by_what_the_round_trip_does_not_explain() {
        let of = |before, theirs, after| {
            let mut report = Report::for_test();
            skew(&mut report, before, theirs, after);
            report.seen().remove(0)
        };
        assert_eq!(of(1_000, 1_004, 1_010).0, Level::Ok);
        assert!(
            of(1_000, 1_200, 1_010)
                == (Level::Ok, "the controller's clock is 190 ms ahead of this machine's".into())
        );
        assert_eq!(of(10_000, 20_000, 10_010).0, Level::Warn);
        let (level, what) = of(10_000, 1_000, 10_010);
        assert!(level == Level::Warn && what.contains("9000 ms behind"), "{what}");
    }

    #[test]
    fn loopback_is_right_only_for_who_came_that_way() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (own, other) = (at("127.0.0.1:9092"), at("10.0.0.1:9092"));
        assert!(leads_home(own, &[other]) && leads_home(at("[::1]:1"), &[other]));
        assert!(!leads_home(own, &[own]) && !leads_home(other, &[other]) && !leads_home(other, &[own]));
    }

    #[tokio::test]
    async fn a_hop_that_leads_nowhere_says_where_it_ends() {
        let wait = Duration::from_secs(20);
        let held = OsNet.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let port = held.local_addr().unwrap().port();
        let mut report = Report::for_test();
        assert!(hop(&mut report, "reach", "127.0.0.1", port, wait, "-").await.is_some());
        drop(held);
        assert!(hop(&mut report, "reach", "127.0.0.1", port, wait, "-").await.is_none());
        assert!(hop(&mut report, "reach", "no such host", port, wait, "-").await.is_none());
        let seen = report.seen();
        assert_eq!(report.levels(), [Level::Ok, Level::Fail, Level::Fail]);
        assert!(
            seen[1].1.contains("takes no connections") && seen[2].1.contains("has no address"),
            "{seen:?}"
        );
    }
}
