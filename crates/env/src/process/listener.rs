//! Whose process listens on a port of this machine. Linux only: the tables of sockets name an inode, and the
//! descriptors of each process say who holds it. Processes of other users stay invisible.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};

const LISTENING: &str = "0A";

const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// The process that listens on this TCP port, on any address. `None` when there is none, or it is not visible.
pub fn listening_on(port: u16) -> Option<u32> {
    let listeners = listeners().into_iter().filter(|listener| listener.address.port() == port);
    let sockets: BTreeSet<String> = listeners.map(|listener| listener.socket()).collect();
    if sockets.is_empty() {
        return None;
    }
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.into_iter().find(|pid| descriptors(*pid).any(|target| sockets.contains(&target)))
}

/// The addresses that a process listens on, sorted. Empty when it listens on none, or is not visible.
pub fn listeners_of(pid: u32) -> Vec<SocketAddr> {
    let held: BTreeSet<String> = descriptors(pid).collect();
    let own = listeners().into_iter().filter(|listener| held.contains(&listener.socket()));
    let mut addresses: Vec<SocketAddr> = own.map(|listener| listener.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[derive(Debug, PartialEq, Eq)]
struct Listener {
    address: SocketAddr,
    inode: u64,
}

impl Listener {
    /// As the descriptor of its holder names it.
    fn socket(&self) -> String {
        format!("socket:[{}]", self.inode)
    }
}

fn listeners() -> Vec<Listener> {
    let tables = TABLES.iter().filter_map(|table| fs::read_to_string(table).ok());
    tables.flat_map(|table| parse(&table)).collect()
}

fn parse(table: &str) -> Vec<Listener> {
    let listener = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (ip, port) = fields.get(1)?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let inode = fields.get(9).filter(|_| fields.get(3) == Some(&LISTENING))?.parse().ok()?;
        Some(Listener { address: SocketAddr::new(address(ip)?, port), inode })
    };
    table.lines().skip(1).filter_map(listener).collect()
}

/// The kernel writes an address as numbers of 32 bits, each as it lies in memory.
fn address(hex: &str) -> Option<IpAddr> {
    if hex.len() != 8 && hex.len() != 32 {
        return None;
    }
    let words = hex.as_bytes().chunks(8).map(|word| {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        Some(word.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => None,
    }
}

/// What the descriptors of a process stand for.
fn descriptors(pid: u32) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| fs::read_link(entry.path()).ok()?.to_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_of_this_process_is_found_and_a_closed_port_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(listening_on(address.port()), Some(crate::process::id()));
        assert!(listeners_of(crate::process::id()).contains(&address));
        drop(listener);
        assert_eq!(listening_on(address.port()), None);
        assert!(!listeners_of(crate::process::id()).contains(&address));
        assert_eq!(listeners_of(u32::MAX), []);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn only_listening_sockets_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n\
            1: 0100007F:2384 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0\n\
            2: 00000000000000000000000001000000:2385 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4713 1 0\n\
            3: broken\n\
            4: 01:2384 00000000:0000 0A 0:0 0:0 0 0 0 4714 1 0\n";
        let found = |text: &str, inode| Listener { address: text.parse().unwrap(), inode };
        assert_eq!(parse(table), [found("127.0.0.1:9092", 4711), found("[::1]:9093", 4713)]);
        assert!(parse("").is_empty());
    }
}
