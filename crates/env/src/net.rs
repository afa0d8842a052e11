//! Sockets behind a seam: TCP of the operating system, pipes in memory for tests, or pipes of a simulation.
//!
//! [`Stream`] is an enum rather than a trait object, because it is polled for every byte of the product; the choice of
//! the network ([`Net`]) is made once and is a trait object.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub trait Net: Debug + Send + Sync {
    /// Port 0 takes a free one; [`Listener::local_addr`] says which.
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Listener>>;
    /// `host:port`; a name is resolved and its addresses are tried in order.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Stream>>;
}

/// Connections that may wait to be accepted; the kernel cuts it to its own limit.
const BACKLOG: u32 = 4096;

#[derive(Debug, Default, Clone, Copy)]
pub struct OsNet;

impl Net for OsNet {
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Listener>> {
        Box::pin(async move {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // A restart must not wait for connections of the last run to time out.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(Listener::Tcp(socket.listen(BACKLOG)?))
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        })
    }
}

/// Whether this machine has the newer family of addresses.
pub fn has_ipv6() -> bool {
    std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok()
}

#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Memory { address: SocketAddr, incoming: tokio::sync::Mutex<mpsc::Receiver<Stream>> },
}

/// Both directions of a connection that is not of the operating system.
pub trait Pipe: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Pipe for T {}

impl Listener {
    /// Gives what comes through a channel; when that ends, every accept fails.
    pub fn of(address: SocketAddr, incoming: mpsc::Receiver<Stream>) -> Self {
        Self::Memory { address, incoming: tokio::sync::Mutex::new(incoming) }
    }

    /// Cancel-safe: a connection is either returned or still waiting.
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Memory { incoming, .. } => {
                incoming.lock().await.recv().await.ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
            }
        }
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Memory { address, .. } => Ok(*address),
        }
    }

    /// The TCP listener itself, for an HTTP server that brings its own accept loop.
    pub fn into_tcp(self) -> Option<TcpListener> {
        match self {
            Self::Tcp(listener) => Some(listener),
            Self::Memory { .. } => None,
        }
    }
}

#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Memory { pipe: Box<dyn Pipe>, local: SocketAddr, peer: SocketAddr },
}

#[derive(Debug)]
pub enum ReadHalf {
    Tcp(OwnedReadHalf),
    Memory(tokio::io::ReadHalf<Box<dyn Pipe>>),
}

#[derive(Debug)]
pub enum WriteHalf {
    Tcp(OwnedWriteHalf),
    Memory(tokio::io::WriteHalf<Box<dyn Pipe>>),
}

impl Stream {
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr(),
            Self::Memory { peer, .. } => Ok(*peer),
        }
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr(),
            Self::Memory { local, .. } => Ok(*local),
        }
    }

    /// The same connection, of the runtime that this is called on: it wakes whoever waits for it without a detour.
    pub fn adopted(self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.into_std().and_then(TcpStream::from_std).map(Self::Tcp),
            pipe => Ok(pipe),
        }
    }

    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Tcp(stream) => {
                let (read, write) = stream.into_split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            }
            Self::Memory { pipe, .. } => {
                let (read, write) = tokio::io::split(pipe);
                (ReadHalf::Memory(read), WriteHalf::Memory(write))
            }
        }
    }
}

impl ReadHalf {
    /// Waits until there is something to read (or the end), so that an idle connection needs no buffer. The
    /// pipe in memory cannot tell and returns at once.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => half.readable().await,
            Self::Memory(_) => Ok(()),
        }
    }
}

macro_rules! delegate_read {
    ($type:ty { $($pattern:pat => $inner:expr),+ }) => {
        impl AsyncRead for $type {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($pattern => Pin::new($inner).poll_read(cx, buf)),+ }
            }
        }
    };
}

macro_rules! delegate_write {
    ($type:ty { $($pattern:pat => $inner:expr),+ }) => {
        impl AsyncWrite for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $($pattern => Pin::new($inner).poll_write(cx, buf)),+ }
            }
            fn poll_write_vectored(
                self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() { $($pattern => Pin::new($inner).poll_write_vectored(cx, bufs)),+ }
            }
            fn is_write_vectored(&self) -> bool {
                match self { $($pattern => $inner.is_write_vectored()),+ }
            }
            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($pattern => Pin::new($inner).poll_flush(cx)),+ }
            }
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($pattern => Pin::new($inner).poll_shutdown(cx)),+ }
            }
        }
    };
}

delegate_read!(Stream { Self::Tcp(stream) => stream, Self::Memory { pipe, .. } => pipe });
delegate_write!(Stream { Self::Tcp(stream) => stream, Self::Memory { pipe, .. } => pipe });
delegate_read!(ReadHalf { Self::Tcp(half) => half, Self::Memory(half) => half });
delegate_write!(WriteHalf { Self::Tcp(half) => half, Self::Memory(half) => half });

/// Bytes that wait inside one direction of a connection in memory before its writer waits.
const PIPE_BYTES: usize = 64 * 1024;
/// Connections in memory that may wait to be accepted.
const PENDING: usize = 64;

/// A network inside the process. Host names are ignored: every address is on it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryNet {
    shared: Arc<MemoryHosts>,
}

#[derive(Debug, Default)]
struct MemoryHosts {
    listeners: Mutex<BTreeMap<SocketAddr, mpsc::Sender<Stream>>>,
    ports: AtomicU16,
}

impl MemoryNet {
    pub fn new() -> Self {
        Self::default()
    }

    fn free_port(&self) -> u16 {
        40_000 + self.shared.ports.fetch_add(1, Ordering::Relaxed) % 20_000
    }
}

/// Whether one of them keeps the other from being listened on: an address that stands for all takes the port of each.
pub fn overlaps(a: SocketAddr, b: SocketAddr) -> bool {
    // `::` stands for those of the old family too.
    let stands_for = |a: IpAddr, b: IpAddr| a.is_unspecified() && (a.is_ipv6() || b.is_ipv4());
    a.port() == b.port() && (a.ip() == b.ip() || stands_for(a.ip(), b.ip()) || stands_for(b.ip(), a.ip()))
}

impl Net for MemoryNet {
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Listener>> {
        Box::pin(async move {
            let port = if address.port() == 0 { self.free_port() } else { address.port() };
            let address = SocketAddr::new(address.ip(), port);
            let (sender, receiver) = mpsc::channel(PENDING);
            let mut listeners = self.shared.listeners.lock().expect("no holder of this lock can panic");
            listeners.retain(|_, listener| !listener.is_closed());
            if listeners.keys().any(|taken| overlaps(*taken, address)) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            listeners.insert(address, sender);
            Ok(Listener::of(address, receiver))
        })
    }

    fn connect<'a>(&'a self, _host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move {
            let listener = {
                let listeners = self.shared.listeners.lock().expect("no holder of this lock can panic");
                let mut open = listeners.iter().filter(|(_, listener)| !listener.is_closed());
                open.find(|(address, _)| address.port() == port).map(|(_, listener)| listener.clone())
            };
            let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
            let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let (server, client) =
                (SocketAddr::new(loopback, port), SocketAddr::new(loopback, self.free_port()));
            let (near, far) = tokio::io::duplex(PIPE_BYTES);
            let accepted = Stream::Memory { pipe: Box::new(far), local: server, peer: client };
            listener.send(accepted).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(Stream::Memory { pipe: Box::new(near), local: client, peer: server })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn check(net: &dyn Net) {
        let listener = net.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(net.listen(address).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let (near, far) = tokio::join!(net.connect("127.0.0.1", address.port()), listener.accept());
        let (mut near, far) = (near.unwrap(), far.unwrap());
        assert_eq!(far.peer_addr().unwrap(), near.local_addr().unwrap());
        assert_eq!(far.local_addr().unwrap(), near.peer_addr().unwrap());
        near.write_all(b"ping").await.unwrap();
        let (mut read, mut write) = far.into_split();
        read.readable().await.unwrap();
        let mut buf = [0; 4];
        read.read_exact(&mut buf).await.unwrap();
        let parts = [IoSlice::new(b"po"), IoSlice::new(b"ng")];
        assert!(write.write_vectored(&parts).await.unwrap() > 0);
        near.read_exact(&mut buf[..2]).await.unwrap();
        drop((read, write));
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.unwrap();
        drop(listener);
        assert!(net.connect("127.0.0.1", address.port()).await.is_err());
    }

    #[tokio::test]
    async fn both_networks_connect_carry_and_end() {
        check(&OsNet).await;
        check(&MemoryNet::new()).await;
    }
}
