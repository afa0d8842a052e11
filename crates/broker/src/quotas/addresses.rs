//! The limits of addresses, by address.

use crate::hosts::{self, Hosts};
use ottla_state::quota::ClientQuotas;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A table with the addresses of its hosts. It is made anew only where what is said of addresses changes, or where a host
/// was found.
#[derive(Debug, Default)]
pub struct Addresses {
    table: Arc<ClientQuotas>,
    hosts: Arc<Hosts>,
    by_ip: HashMap<IpAddr, f64>,
    default: Option<f64>,
}

impl Addresses {
    /// Whether it says what this table says of addresses, whatever that says of anybody else. Remembers the table then,
    /// so that it is looked through once.
    pub fn is_of(&mut self, table: &Arc<ClientQuotas>, hosts: &Arc<Hosts>) -> bool {
        let is_same = Arc::ptr_eq(&self.table, table) || self.table.of_addresses().eq(table.of_addresses());
        if is_same {
            self.table = Arc::clone(table);
        }
        is_same && Arc::ptr_eq(&self.hosts, hosts)
    }

    pub fn new(table: Arc<ClientQuotas>, hosts: Arc<Hosts>) -> Self {
        let (mut by_ip, mut default) = (HashMap::new(), None);
        for (host, limit) in table.of_addresses() {
            match host {
                Some(host) => {
                    let found = hosts::addresses(host, &hosts);
                    by_ip.extend(found.into_iter().map(|ip| (ip, limit.get())));
                }
                None => default = Some(limit.get()),
            }
        }
        Self { table, hosts, by_ip, default }
    }

    /// Connections per second; `None`: as many as it likes.
    pub fn limit(&self, ip: IpAddr) -> Option<f64> {
        self.by_ip.get(&ip.to_canonical()).copied().or(self.default)
    }
}
