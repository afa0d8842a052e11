//! How many connections there are, in all and by peer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections are allowed.
#[derive(Debug, Clone)]
pub struct Crowd {
    pub total: usize,
    pub per_ip: usize,
    /// Addresses that may have another number than the rest.
    pub overrides: HashMap<IpAddr, usize>,
}

/// Counts connections, and gives the place back when one ends. Clones share the count.
#[derive(Debug, Clone)]
pub struct Peers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    crowd: Mutex<Crowd>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// The place of one connection.
#[derive(Debug)]
pub struct Place {
    peers: Peers,
    ip: IpAddr,
}

impl Peers {
    pub fn new(crowd: Crowd) -> Self {
        Self(Arc::new(Inner { crowd: Mutex::new(crowd), counts: Mutex::default() }))
    }

    /// From the next connection on; those that are there stay.
    pub fn set(&self, crowd: Crowd) {
        *self.0.crowd.lock().unwrap_or_else(PoisonError::into_inner) = crowd;
    }

    /// A place, if there is one for this peer.
    pub fn enter(&self, ip: IpAddr) -> Option<Place> {
        // Two ways to write an address of the old family are one peer.
        let ip = ip.to_canonical();
        let (total, of_peer) = {
            let crowd = self.0.crowd.lock().unwrap_or_else(PoisonError::into_inner);
            (crowd.total, crowd.overrides.get(&ip).copied().unwrap_or(crowd.per_ip))
        };
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.by_ip.get(&ip).copied().unwrap_or(0);
        if counts.total >= total || own >= of_peer {
            return None;
        }
        counts.total += 1;
        counts.by_ip.insert(ip, own + 1);
        Some(Place { peers: self.clone(), ip })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.peers.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total -= 1;
        if let Some(count) = counts.by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.by_ip.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_peer_and_in_all_and_given_back() {
        let [first, second, third] = [1, 2, 3].map(|n| IpAddr::from([10, 0, 0, n]));
        let peers = Peers::new(Crowd { total: 5, per_ip: 2, overrides: HashMap::from([(second, 3)]) });
        let enter = |ip, count| (0..count).map_while(|_| peers.enter(ip)).collect::<Vec<_>>();
        let of_first = enter(first, 9);
        let of_second = enter(second, 9);
        assert_eq!((of_first.len(), of_second.len(), enter(third, 9).len()), (2, 3, 0));
        drop(of_first);
        assert_eq!(enter(third, 9).len(), 2, "what was given back goes to others");
        peers.set(Crowd { total: 9, per_ip: 4, overrides: HashMap::new() });
        assert_eq!(enter(third, 9).len(), 4, "a limit that was raised holds at once");
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(10, 0, 0, 2).to_ipv6_mapped());
        peers.set(Crowd { total: 9, per_ip: 9, overrides: HashMap::from([(second, 3)]) });
        assert_eq!(enter(mapped, 9).len(), 0, "it is the second one, whose places are taken");
        drop(of_second);
        assert_eq!(enter(mapped, 9).len(), 3);
        assert!(peers.0.counts.lock().unwrap().by_ip.is_empty());
    }
}
