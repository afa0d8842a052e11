//! The simulated network behind the seam of `env`, and connections that break when somebody says so.

use ottla_env::net::{BoxFuture, Listener, Net, Pipe, Stream};
use ottla_env::rng::Rng;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use turmoil::net::{TcpListener, TcpStream};

/// Connections that may wait to be accepted.
const PENDING: usize = 64;

/// Every host of a simulation uses the same one. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SimNet {
    lines: Arc<Mutex<Vec<Weak<Line>>>>,
}

/// One end of a connection.
#[derive(Debug, Default)]
struct Line {
    broken: AtomicBool,
    wakers: Mutex<[Option<Waker>; 2]>,
}

impl Line {
    fn break_it(&self) {
        self.broken.store(true, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *lock(&self.wakers));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Read,
    Write,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimNet {
    /// Resets about half of all ends of connections. How many.
    pub fn break_some(&self, rng: &dyn Rng) -> usize {
        let lines: Vec<Arc<Line>> = lock(&self.lines).iter().filter_map(Weak::upgrade).collect();
        let broken: Vec<_> = lines.into_iter().filter(|_| rng.below(2) == 0).collect();
        broken.iter().for_each(|line| line.break_it());
        broken.len()
    }

    pub fn break_all(&self) {
        let lines: Vec<Arc<Line>> = lock(&self.lines).iter().filter_map(Weak::upgrade).collect();
        lines.iter().for_each(|line| line.break_it());
    }

    fn pipe(&self, inner: TcpStream) -> Box<dyn Pipe> {
        let line = Arc::new(Line::default());
        let mut lines = lock(&self.lines);
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(&line));
        Box::new(SimPipe { inner, line })
    }

    fn stream(&self, inner: TcpStream) -> io::Result<Stream> {
        let (local, peer) = (inner.local_addr()?, inner.peer_addr()?);
        Ok(Stream::Memory { pipe: self.pipe(inner), local, peer })
    }
}

impl Net for SimNet {
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Listener>> {
        Box::pin(async move {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            let (sender, incoming) = mpsc::channel(PENDING);
            let net = self.clone();
            tokio::spawn(async move {
                loop {
                    let accepted = tokio::select! {
                        biased;
                        () = sender.closed() => return,
                        accepted = listener.accept() => accepted,
                    };
                    if let Ok(stream) = accepted.and_then(|(stream, _)| net.stream(stream))
                        && sender.send(stream).await.is_err()
                    {
                        return;
                    }
                }
            });
            Ok(Listener::of(address, incoming))
        })
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move { self.stream(TcpStream::connect((host, port)).await?) })
    }
}

#[derive(Debug)]
struct SimPipe {
    inner: TcpStream,
    line: Arc<Line>,
}

impl SimPipe {
    /// What the connection says, unless it is broken.
    fn unless_broken<T>(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.line.broken.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let polled = poll(Pin::new(&mut self.inner), cx);
        if polled.is_pending() {
            lock(&self.line.wakers)[side as usize] = Some(cx.waker().clone());
        }
        polled
    }
}

impl AsyncRead for SimPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.unless_broken(Side::Read, cx, |inner, cx| inner.poll_read(cx, buf))
    }
}

impl AsyncWrite for SimPipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.unless_broken(Side::Write, cx, |inner, cx| inner.poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_broken(Side::Write, cx, |inner, cx| inner.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_broken(Side::Write, cx, |inner, cx| inner.poll_shutdown(cx))
    }
}
