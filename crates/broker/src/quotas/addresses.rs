//! The limits of addresses, by address.

use ottla_state::quota::ClientQuotas;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A table with the addresses of its hosts. It is made anew only where what is said of addresses changes, since hosts are
/// asked for by name.
#[derive(Debug, Default)]
pub struct Addresses {
    table: Arc<ClientQuotas>,
    by_ip: HashMap<IpAddr, f64>,
    default: Option<f64>,
}

impl Addresses {
    /// Whether it says what this table says of addresses, whatever that says of anybody else. Remembers the table then,
    /// so that it is looked through once.
    pub fn is_of(&mut self, table: &Arc<ClientQuotas>) -> bool {
        let is_same = Arc::ptr_eq(&self.table, table) || self.table.of_addresses().eq(table.of_addresses());
        if is_same {
            self.table = Arc::clone(table);
        }
        is_same
    }

    pub async fn resolve(table: Arc<ClientQuotas>) -> Self {
        let (mut by_ip, mut default) = (HashMap::new(), None);
        for (name, limit) in table.of_addresses() {
            let Some(name) = name else {
                default = Some(limit.get());
                continue;
            };
            if let Ok(ip) = name.parse::<IpAddr>() {
                by_ip.insert(ip.to_canonical(), limit.get());
                continue;
            }
            match tokio::net::lookup_host((name, 0)).await {
                Ok(found) => by_ip.extend(found.map(|address| (address.ip().to_canonical(), limit.get()))),
                Err(error) => {
                    tracing::warn!(host = name, error = %error, "a quota of connections names a host without address");
                }
            }
        }
        Self { table, by_ip, default }
    }

    /// Connections per second; `None`: as many as it likes.
    pub fn limit(&self, ip: IpAddr) -> Option<f64> {
        self.by_ip.get(&ip.to_canonical()).copied().or(self.default)
    }
}
