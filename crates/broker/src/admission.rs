//! Who may connect: how many, how fast, and from where. All accept loops share it, and it waits for nothing.

use crate::context::Context;
use crate::hosts::{Hosts, addresses};
use crate::peers::{Crowd, Peers, Place};
use crate::quotas::Addresses;
use crate::server::files_for_sockets;
use crate::settings::{LiveConfig, Settings};
use arc_swap::ArcSwap;
use ottla_state::rate::Rate;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub struct Admission {
    context: Arc<Context>,
    peers: Peers,
    hosts: Arc<ArcSwap<Hosts>>,
    rules: Mutex<Rules>,
}

/// What connections are held to, as it was said last.
#[derive(Debug)]
struct Rules {
    settings: Arc<Settings>,
    hosts: Arc<Hosts>,
    quotas: Addresses,
    /// Of all listeners together, as in Kafka.
    rate: Rate,
}

/// What becomes of a connection.
#[derive(Debug)]
pub enum Entrance {
    /// It has this place for as long as it is there.
    Welcome(Place),
    /// There is no place.
    Full,
    /// Its address connects too often (KIP-612): it is closed after so many milliseconds, and has its place until then.
    Early(Place, i64),
}

impl Admission {
    /// With the addresses that names have, as they are found.
    pub fn new(context: Arc<Context>, hosts: Arc<ArcSwap<Hosts>>) -> Self {
        let settings = context.settings.load();
        let found = hosts.load_full();
        let live = &settings.broker().live;
        warn_of_files(live);
        let peers = Peers::new(crowd(live, &found));
        let rules = Rules { settings, hosts: found, quotas: Addresses::default(), rate: Rate::default() };
        Self { context, peers, hosts, rules: Mutex::new(rules) }
    }

    /// Counts a connection, whatever becomes of it; how many milliseconds its listener has to wait.
    pub fn arrived(&self) -> i64 {
        let mut rules = self.rules();
        let Rules { settings, rate, .. } = &mut *rules;
        let (config, now_ms) = (settings.broker(), self.context.clock.now_ms());
        rate.record(config.quota_window, 1.0, now_ms);
        let limit = f64::from(config.live.max_connection_rate);
        // As in Kafka: no connection waits longer than one sample.
        rate.throttle_ms(config.quota_window, limit, now_ms).min(config.quota_window.sample_ms)
    }

    pub fn enter(&self, ip: IpAddr) -> Entrance {
        let mut rules = self.rules();
        let Some(place) = self.peers.enter(ip) else { return Entrance::Full };
        let limit = self.context.quotas.of_addresses().and_then(|table| {
            let Rules { hosts, quotas, .. } = &mut *rules;
            if !quotas.is_of(&table, hosts) {
                *quotas = Addresses::new(table, Arc::clone(hosts));
            }
            quotas.limit(ip)
        });
        match limit.map_or(0, |limit| self.context.quotas.connected(ip, limit)) {
            0 => Entrance::Welcome(place),
            wait_ms => {
                // It does not become one.
                let window = rules.settings.broker().quota_window;
                rules.rate.record(window, -1.0, self.context.clock.now_ms());
                Entrance::Early(place, wait_ms)
            }
        }
    }

    /// Those that hold now.
    fn rules(&self) -> MutexGuard<'_, Rules> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let (settings, hosts) = (self.context.settings.load(), self.hosts.load_full());
        if !Arc::ptr_eq(&rules.settings, &settings) || !Arc::ptr_eq(&rules.hosts, &hosts) {
            let (old, new) = (&rules.settings.broker().live, &settings.broker().live);
            if old.max_connections != new.max_connections {
                warn_of_files(new);
            }
            self.peers.set(crowd(new, &hosts));
            (rules.settings, rules.hosts) = (settings, hosts);
        }
        rules
    }
}

fn possible() -> usize {
    let files = ottla_env::process::open_file_limit();
    files.and_then(|limit| usize::try_from(files_for_sockets(limit)).ok()).unwrap_or(usize::MAX)
}

fn warn_of_files(config: &LiveConfig) {
    let possible = possible();
    if possible < config.max_connections && config.max_connections != i32::MAX as usize {
        tracing::warn!(
            max_connections = config.max_connections,
            possible,
            "max.connections is more than the limit of open files allows; raise it with ulimit -n"
        );
    }
}

/// How many may be connected. Descriptors of the logs are kept for them, whatever the settings allow.
fn crowd(config: &LiveConfig, hosts: &Hosts) -> Crowd {
    let of_host = |(host, count): &(String, usize)| {
        let count = *count;
        addresses(host, hosts).into_iter().map(move |ip| (ip, count))
    };
    Crowd {
        total: config.max_connections.min(possible()),
        per_ip: config.max_connections_per_ip,
        overrides: config.max_connections_overrides.iter().flat_map(of_host).collect(),
    }
}
