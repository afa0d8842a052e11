//! One connection to one broker: requests go out pipelined, answers come back in the same order.
//!
//! [`Connection`] is the handle that callers share; a task behind it (`drive`) owns the socket and ends when the last
//! handle is gone and everything is answered. An answer that does not come in time ends the whole connection, because
//! nothing behind it can be answered either. At most `in_flight_max` requests wait for an answer; a permit is taken
//! before a request is encoded, so a slow broker slows its callers down instead of filling memory.

mod drive;
mod frames;
mod versions;

pub(crate) use versions::Versions;

use crate::config::ClientConfig;
use crate::errors::ClientError;
use bytes::Bytes;
use drive::{Expected, Outgoing, Socket};
use ottla_wire::frame::{decode_response, encode_request};
use ottla_wire::{ErrorCode, Message, Request, WireStr, apis};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

/// Where a connection goes, and who is expected there. Bootstrap addresses are expected to be nobody in particular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub host: String,
    pub port: u16,
    /// Cluster and node id, checked by the broker itself (KIP-1242).
    pub identity: Option<(WireStr, i32)>,
}

impl Target {
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// How one request is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub timeout: Duration,
    /// The highest version that can say what the caller means.
    pub version_max: i16,
}

#[derive(Debug, Clone)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Outgoing>,
}

#[derive(Debug)]
struct Shared {
    peer: String,
    client_id: String,
    versions: Versions,
    permits: Arc<Semaphore>,
    correlation_id: AtomicI32,
    ended: Arc<OnceLock<ClientError>>,
}

impl Connection {
    /// Dials, and asks for the versions that the broker speaks.
    pub async fn open(target: &Target, config: &ClientConfig) -> Result<Self, ClientError> {
        let attempt = async {
            let stream =
                config.surroundings.net.connect(&target.host, target.port).await.map_err(|error| {
                    ClientError::Unreachable { addresses: target.address(), cause: error.to_string() }
                })?;
            let (read, write) = stream.into_split();
            let (outgoing, requests) = mpsc::channel(config.in_flight_max);
            let ended = Arc::new(OnceLock::new());
            let peer = target.address();
            let socket =
                Socket { read, write, peer: peer.clone(), answer_bytes_max: config.answer_bytes_max };
            // The task ends by itself: with the socket, or when the last handle is dropped.
            tokio::spawn(drive::drive(socket, requests, config.in_flight_max, Arc::clone(&ended)));
            let mut shared = Shared {
                peer,
                client_id: config.client_id.clone(),
                versions: Versions::unknown(target.address()),
                permits: Arc::new(Semaphore::new(config.in_flight_max)),
                correlation_id: AtomicI32::new((config.surroundings.rng.next_u64() & 0xffff) as i32),
                ended,
            };
            shared.versions = versions::negotiate(&shared, &outgoing, target, config).await?;
            Ok(Self { shared: Arc::new(shared), outgoing })
        };
        match tokio::time::timeout(config.connect_timeout, attempt).await {
            Ok(result) => result,
            Err(_) => Err(ClientError::Unreachable {
                addresses: target.address(),
                cause: format!("no connection within {} ms", config.connect_timeout.as_millis()),
            }),
        }
    }

    pub fn peer(&self) -> &str {
        &self.shared.peer
    }

    pub fn is_open(&self) -> bool {
        self.shared.ended.get().is_none() && !self.outgoing.is_closed()
    }

    /// Whether [`Connection::try_submit`] would take a request now.
    pub fn has_room(&self) -> bool {
        self.shared.permits.available_permits() > 0
    }

    /// The version in which `R` goes to this broker.
    pub fn version<R: Request>(&self, version_max: i16) -> Result<i16, ClientError> {
        self.shared.versions.pick::<R>(version_max)
    }

    /// Sends and waits for the answer.
    pub async fn call<R: Request>(&self, body: &R, call: Call) -> Result<R::Response, ClientError> {
        self.submit(body, call).await?.answer().await
    }

    /// Sends; the answer is awaited through what is returned. Requests leave in the order of submission.
    pub async fn submit<R: Request>(&self, body: &R, call: Call) -> Result<Reply<R::Response>, ClientError> {
        let permit =
            Arc::clone(&self.shared.permits).acquire_owned().await.map_err(|_| ClientError::Closed)?;
        self.send(body, call, permit)
    }

    /// The same without waiting; `None` when as many requests as may be are under way.
    pub fn try_submit<R: Request>(
        &self,
        body: &R,
        call: Call,
    ) -> Result<Option<Reply<R::Response>>, ClientError> {
        match Arc::clone(&self.shared.permits).try_acquire_owned() {
            Ok(permit) => self.send(body, call, permit).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn send<R: Request>(
        &self,
        body: &R,
        call: Call,
        permit: OwnedSemaphorePermit,
    ) -> Result<Reply<R::Response>, ClientError> {
        let version = self.version::<R>(call.version_max)?;
        self.shared.send(&self.outgoing, body, version, call.timeout, permit)
    }

    /// Sends what is never answered (`acks=0`); waits until the kernel has taken it. `None`: no room at the moment.
    pub fn try_submit_unanswered<R: Request>(
        &self,
        body: &R,
        call: Call,
    ) -> Result<Option<oneshot::Receiver<Result<Bytes, ClientError>>>, ClientError> {
        let Ok(permit) = Arc::clone(&self.shared.permits).try_acquire_owned() else { return Ok(None) };
        let version = self.version::<R>(call.version_max)?;
        let shared = &self.shared;
        let correlation_id = shared.next_correlation_id();
        let frame =
            encode_request(correlation_id, &shared.client_id, version, body).map_err(unencodable::<R>)?;
        let (written, receiver) = oneshot::channel();
        let outgoing = Outgoing::Unanswered { frame, written, _permit: permit };
        self.outgoing.try_send(outgoing).map_err(|_| shared.ended_error())?;
        Ok(Some(receiver))
    }
}

impl Shared {
    fn next_correlation_id(&self) -> i32 {
        self.correlation_id.fetch_add(1, Ordering::Relaxed) & i32::MAX
    }

    fn ended_error(&self) -> ClientError {
        self.ended.get().cloned().unwrap_or_else(|| ClientError::Disconnected {
            peer: self.peer.clone(),
            cause: "it was closed".to_owned(),
        })
    }

    fn send<R: Request>(
        &self,
        outgoing: &mpsc::Sender<Outgoing>,
        body: &R,
        version: i16,
        timeout: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Result<Reply<R::Response>, ClientError> {
        let correlation_id = self.next_correlation_id();
        let frame =
            encode_request(correlation_id, &self.client_id, version, body).map_err(unencodable::<R>)?;
        let (reply, receiver) = oneshot::channel();
        let expected = Expected {
            correlation_id,
            what: api_name::<R>(),
            deadline: Instant::now() + timeout,
            timeout,
            reply,
            _permit: permit,
        };
        // Each message in the channel holds a permit, and there are as many places as permits.
        outgoing.try_send(Outgoing::Answered { frame, expected }).map_err(|_| self.ended_error())?;
        Ok(Reply { peer: self.peer.clone(), version, receiver, response: PhantomData })
    }
}

fn unencodable<R: Request>(error: ottla_wire::codec::EncodeError) -> ClientError {
    ClientError::Invalid(format!("{}: {error}", api_name::<R>()))
}

pub(crate) fn api_name<R: Request>() -> &'static str {
    apis::find(R::KEY).map_or(R::NAME, |api| api.name)
}

/// An answer that is on its way.
#[derive(Debug)]
pub(crate) struct Reply<M> {
    peer: String,
    version: i16,
    receiver: oneshot::Receiver<Result<Bytes, ClientError>>,
    response: PhantomData<fn() -> M>,
}

impl<M: Message> Reply<M> {
    pub async fn answer(self) -> Result<M, ClientError> {
        let frame = self.frame().await?;
        frame.decode()
    }

    /// The answer before it is read, for the one request whose answer's version depends on its bytes.
    async fn frame(self) -> Result<Frame<M>, ClientError> {
        let bytes = self.receiver.await.map_err(|_| ClientError::Disconnected {
            peer: self.peer.clone(),
            cause: "its task was stopped".to_owned(),
        })??;
        Ok(Frame { peer: self.peer, version: self.version, bytes, response: PhantomData })
    }
}

#[derive(Debug)]
struct Frame<M> {
    peer: String,
    version: i16,
    bytes: Bytes,
    response: PhantomData<fn() -> M>,
}

impl<M: Message> Frame<M> {
    fn decode(&self) -> Result<M, ClientError> {
        self.decode_as(self.version)
    }

    fn decode_as(&self, version: i16) -> Result<M, ClientError> {
        let malformed = |error: ottla_wire::DecodeError| ClientError::Malformed {
            peer: self.peer.clone(),
            problem: format!("{} version {version}: {error}", M::NAME),
        };
        // Whose answer it is has been looked at when it came.
        Ok(decode_response(version, self.bytes.clone()).map_err(malformed)?.1)
    }
}

/// The error of a whole answer, where it has one.
pub(crate) fn check(what: &str, code: i16) -> Result<(), ClientError> {
    match ErrorCode::from_code(code) {
        ErrorCode::None => Ok(()),
        code => Err(ClientError::refused(what, code, None)),
    }
}

#[cfg(test)]
mod tests;
