//! Addresses of the hosts that limits name. They are looked up beside the accept loops, which wait for no name; until one
//! is found, a limit of its host does not hold.

use crate::context::Context;
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Names that are looked up, one after another; those behind them are left out.
const NAMES_MAX: usize = 1_000;

/// Until names without an address are looked up again: a resolver may have been away, at the start of a machine above all.
const AGAIN: Duration = Duration::from_secs(60);

/// Each name with its addresses, which may be none.
pub type Hosts = BTreeMap<String, Vec<IpAddr>>;

/// The addresses of a host that a limit names, by number or by name. None while a name is not looked up.
pub fn addresses(host: &str, hosts: &Hosts) -> Vec<IpAddr> {
    match by_number(host) {
        Ok(ip) => vec![ip],
        Err(name) => hosts.get(name).cloned().unwrap_or_default(),
    }
}

/// The address that stands there, or the name.
fn by_number(host: &str) -> Result<IpAddr, &str> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // What a socket of the new family takes from the old one is that address, too.
    bare.parse::<IpAddr>().map(|ip| ip.to_canonical()).map_err(|_| bare)
}

/// Looks up the names that are new, and forgets those that nobody names any more, until the broker stops.
pub async fn follow(context: Arc<Context>, known: Arc<ArcSwap<Hosts>>) {
    let following = async {
        let (mut settings, mut quotas) = (context.settings.changes(), context.quotas.changes());
        let mut hosts = Hosts::new();
        loop {
            let wanted = names(&context);
            hosts.retain(|name, _| wanted.contains(name));
            match wanted.into_iter().find(|name| !hosts.contains_key(name)) {
                Some(name) => {
                    let found = look_up(&name).await;
                    hosts.insert(name, found);
                    known.store(Arc::new(hosts.clone()));
                }
                None => tokio::select! {
                    Ok(()) = settings.changed() => {}
                    Ok(()) = quotas.changed() => {}
                    () = tokio::time::sleep(AGAIN), if hosts.values().any(Vec::is_empty) => {
                        hosts.retain(|_, found| !found.is_empty());
                    }
                },
            }
        }
    };
    tokio::select! {
        () = following => {}
        () = context.stopped() => {}
    }
}

/// Those in the settings and the quotas that are no addresses.
fn names(context: &Context) -> BTreeSet<String> {
    let settings = context.settings.load();
    let quotas = context.quotas.of_addresses();
    let of_settings = settings.broker().live.max_connections_overrides.iter().map(|(host, _)| host.as_str());
    let of_quotas = quotas.iter().flat_map(|table| table.of_addresses()).filter_map(|(host, _)| host);
    let all = of_settings.chain(of_quotas).filter_map(|host| by_number(host).err());
    all.take(NAMES_MAX).map(str::to_owned).collect()
}

async fn look_up(name: &str) -> Vec<IpAddr> {
    match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => found.map(|address| address.ip().to_canonical()).collect(),
        Err(error) => {
            tracing::warn!(host = name, error = %error, "a limit of connections names a host without address");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_a_name_that_was_looked_up() {
        let [first, second] = [1, 2].map(|n| IpAddr::from([10, 0, 0, n]));
        let hosts = Hosts::from([("a".to_owned(), vec![first, second]), ("b".to_owned(), Vec::new())]);
        for (host, found) in [
            ("10.0.0.1", vec![first]),
            ("::ffff:10.0.0.1", vec![first]),
            ("[::1]", vec![IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16])]),
            ("a", vec![first, second]),
            ("b", vec![]),
            ("unknown", vec![]),
        ] {
            assert_eq!(addresses(host, &hosts), found, "{host}");
        }
    }
}
