//! Listeners: their addresses, and the loops that accept.

use crate::admission::{Admission, Entrance};
use crate::advertise;
use crate::connection::{self, Limits};
use crate::context::{Client, Context};
use crate::hosts::{self, Hosts};
use crate::settings::ListenerConfig;
use arc_swap::ArcSwap;
use ottla_env::lanes::Lanes;
use ottla_env::net::{Listener, Net};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Descriptors that are kept for logs, at most; with a low limit it is a quarter of it.
const FILES_RESERVED: u64 = 4_096;

/// Those of HTTP, at most: who watches a broker has one or two.
const HTTP_CONNECTIONS: u64 = 64;

/// A listener that is bound, under the name clients' metadata is made for.
#[derive(Debug)]
pub struct Bound {
    pub name: Arc<str>,
    pub listener: Listener,
    pub address: SocketAddr,
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot resolve the listener address {host}: {source}")]
    Resolve { host: String, source: io::Error },
    #[error("port {} of {} is in use by {owner}; choose another one with --kafka-listen HOST:PORT (or listeners=)", address.port(), address.ip())]
    InUse { address: SocketAddr, owner: String },
    #[error("cannot listen on {address}: {source}")]
    Io { address: SocketAddr, source: io::Error },
}

/// Binds every address of every listener. Of a name with several addresses (`localhost`) those of an address family that
/// the machine does not have are left out, as long as one is there.
///
/// Of listeners that nobody chose, every one but the first moves to a free port when its own is taken; the first is the
/// one that clients expect.
pub async fn bind(
    net: &dyn Net,
    listeners: &[ListenerConfig],
    explicit: bool,
) -> Result<Vec<Bound>, BindError> {
    let mut bound: Vec<Bound> = Vec::new();
    for (number, config) in listeners.iter().enumerate() {
        let addresses = addresses(config).await?;
        let several = addresses.len() > 1;
        let mut port = config.port;
        let before = bound.len();
        let mut failed = None;
        for ip in addresses {
            let address = SocketAddr::new(ip, port);
            match net.listen(address).await {
                Ok(listener) => {
                    let address =
                        listener.local_addr().map_err(|source| BindError::Io { address, source })?;
                    // The second address of a name gets the port that the first one was given.
                    port = address.port();
                    bound.push(Bound { name: config.name.as_str().into(), listener, address });
                }
                Err(source) if source.kind() == io::ErrorKind::AddrInUse && number > 0 && !explicit => {
                    let free = SocketAddr::new(ip, 0);
                    let io = |source| BindError::Io { address: free, source };
                    let listener = net.listen(free).await.map_err(io)?;
                    let free = listener.local_addr().map_err(io)?;
                    tracing::warn!(wanted = %address, taken = %free, "the port of this default listener is in use");
                    port = free.port();
                    bound.push(Bound { name: config.name.as_str().into(), listener, address: free });
                }
                Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                    return Err(BindError::InUse { address, owner: owner_of(address) });
                }
                Err(source) if several => {
                    tracing::info!(%address, error = %source, "this address is not available; going on without it");
                    failed = Some(BindError::Io { address, source });
                }
                Err(source) => return Err(BindError::Io { address, source }),
            }
        }
        if let Some(error) = failed.filter(|_| bound.len() == before) {
            return Err(error);
        }
    }
    Ok(bound)
}

/// Who has a port, as a person says it.
pub fn owner_of(address: SocketAddr) -> String {
    let pid = ottla_env::process::listening_on(address.port());
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("pid {pid}"))
}

/// Those that a listener binds.
pub async fn addresses(config: &ListenerConfig) -> Result<Vec<IpAddr>, BindError> {
    match config.host.as_str() {
        // Of both families: a socket of the new one takes the old one's connections too.
        "" if ottla_env::net::has_ipv6() => Ok(vec![Ipv6Addr::UNSPECIFIED.into()]),
        "" => Ok(vec![Ipv4Addr::UNSPECIFIED.into()]),
        // Both families, whatever the resolver of this machine makes of the name.
        "localhost" => Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
        host => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            if let Ok(ip) = bare.parse() {
                return Ok(vec![ip]);
            }
            let found = tokio::net::lookup_host((bare, config.port)).await;
            let found = found.map_err(|source| BindError::Resolve { host: host.to_owned(), source })?;
            let mut ips: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            ips.sort_unstable();
            ips.dedup();
            Ok(ips)
        }
    }
}

/// Accepts until the broker stops, then waits for the connections to give the answers that are due.
pub async fn run(context: Arc<Context>, limits: Arc<Limits>, bound: Vec<Bound>, lanes: Lanes) {
    let hosts = Arc::<ArcSwap<Hosts>>::default();
    let admission = Arc::new(Admission::new(Arc::clone(&context), Arc::clone(&hosts)));
    let mut tasks = JoinSet::new();
    tasks.spawn(hosts::follow(Arc::clone(&context), hosts));
    for listener in bound {
        let admission = Arc::clone(&admission);
        tasks.spawn(accept(Arc::clone(&context), Arc::clone(&limits), listener, admission, lanes.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

/// How many of the open files that the process may have are for connections of clients; the rest is for logs, and some
/// for HTTP.
pub fn files_for_sockets(open_files_max: u64) -> u64 {
    open_files_max - (open_files_max / 4).min(FILES_RESERVED) - files_for_http(open_files_max)
}

/// How many are for connections of HTTP.
pub fn files_for_http(open_files_max: u64) -> u64 {
    (open_files_max / 8).clamp(1, HTTP_CONNECTIONS).min(open_files_max)
}

fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}

async fn accept(
    context: Arc<Context>,
    limits: Arc<Limits>,
    bound: Bound,
    admission: Arc<Admission>,
    lanes: Lanes,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = bound.listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = context.stopped() => break,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                // No descriptor is free, most likely; the next moment may have one.
                context.metrics.accept_failed();
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let wait_ms = admission.arrived();
        if wait_ms > 0 {
            tokio::select! {
                () = tokio::time::sleep(milliseconds(wait_ms)) => {}
                () = context.stopped() => break,
            }
        }
        let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { continue };
        let place = match admission.enter(peer.ip()) {
            Entrance::Welcome(place) => place,
            Entrance::Full => {
                context.metrics.connection_refused();
                tracing::debug!(%peer, "too many connections; this one is closed");
                continue;
            }
            Entrance::Early(place, wait_ms) => {
                // Who is closed at once comes back at once. The place is taken as long, so there are not too many.
                let context = Arc::clone(&context);
                connections.spawn(async move {
                    let _held = (stream, place);
                    tokio::select! {
                        () = tokio::time::sleep(milliseconds(wait_ms)) => {}
                        () = context.stopped() => {}
                    }
                });
                continue;
            }
        };
        let settings = context.settings.load();
        let config = settings.broker();
        let advertised = advertise::resolve(&bound.name, &config.listeners, &config.advertised, local);
        let (leaving, left) = watch::channel(false);
        let client = Client {
            listener: Arc::clone(&bound.name),
            advertised: Arc::new(advertised),
            host: format!("/{}", peer.ip().to_canonical()).into(),
            left,
        };
        let (context, limits) = (Arc::clone(&context), Arc::clone(&limits));
        lanes.spawn(&mut connections, async move {
            context.metrics.connection_opened();
            match stream.adopted() {
                Ok(stream) => {
                    connection::serve(Arc::clone(&context), client, leaving, limits, stream).await;
                }
                Err(error) => tracing::warn!(error = %error, "a connection cannot be served"),
            }
            context.metrics.connection_closed();
            drop(place);
        });
    }
    while connections.join_next().await.is_some() {}
}
